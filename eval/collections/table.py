"""Collections from a CSV file, as a spreadsheet writes it.

One line is one judgement: the columns ``query`` and ``document`` must be there; ``grade`` (1 unless given), ``id`` of
the query, and ``language``, ``source``, ``type``, ``department``, ``band``, ``as`` and ``syntax`` may be.
"""

import csv
from pathlib import Path

from eval.collections.beir import judge
from eval.collections.lines import lines, malformed
from eval.collections.model import Qrels, Query
from memory.errors import InvalidInput

DESCRIBING = ("language", "source", "type", "department", "band", "as", "syntax")
"""The columns that say something about the query."""


def read_table(path: Path) -> tuple[tuple[Query, ...], Qrels]:
    """Queries and judgements from a CSV file, divided by commas, semicolons or tabs.

    A line without a document only adds its query. Queries without an id get one by their order: ``q1``, ``q2`` ...

    :raises NotFound: where there is no such file.
    :raises InvalidInput: where a column is missing or a line is no judgement, naming it.
    """
    numbered = list(lines(path))
    if not numbered:
        raise InvalidInput(f"{path.name} is empty.", hint="Its first line names the columns.")
    reader = csv.DictReader(
        (f"{text}\n" for _, text in numbered), delimiter=_divider(numbered[0][1]), strict=True
    )
    columns = [name.strip().lower() for name in reader.fieldnames or ()]
    reader.fieldnames = columns
    if not {"query", "document"} <= set(columns):
        raise malformed(
            path, numbered[0][0], "there are no columns query and document", f"It has: {', '.join(columns)}."
        )
    queries: dict[str, Query] = {}
    qrels: Qrels = {}
    try:
        for row in reader:
            line = numbered[min(reader.line_num, len(numbered)) - 1][0]
            cells = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
            query = _query(path, line, cells, queries)
            if cells["document"]:
                judge(qrels, path, line, query, cells["document"], cells.get("grade") or "1")
    except csv.Error as error:
        raise malformed(path, reader.line_num, f"is not CSV ({error})") from error
    return tuple(queries.values()), qrels


def _query(path: Path, line: int, cells: dict[str, str], queries: dict[str, Query]) -> str:
    """The id of a line's query, which is added where it is new."""
    text = cells["query"]
    if not text:
        raise malformed(path, line, "has no query")
    described = {name: cells[name] for name in DESCRIBING if cells.get(name)}
    identity = cells.get("id", "")
    if not identity:
        same = (
            known.id
            for known in queries.values()
            if (known.text, known.metadata.get("as")) == (text, described.get("as"))
        )
        identity = next(same, f"q{len(queries) + 1}")
    known = queries.setdefault(identity, Query(identity, text, described))
    if known.text != text:
        raise malformed(path, line, f"the query {identity} has another text than before")
    return identity


def _divider(heading: str) -> str:
    return max(",;\t", key=heading.count)
