"""Collections in the layout of BEIR.

``corpus.jsonl`` has ``{"_id", "title", "text", "metadata"}`` a line, ``queries.jsonl`` ``{"_id", "text", "metadata"}``,
and ``qrels/NAME.tsv`` the columns ``query-id``, ``corpus-id``, ``score`` under a heading (Thakur et al. 2021, BEIR).
Without a ``corpus.jsonl`` the collection is asked of a memory that exists already.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.collections.lines import file_checksum, lines, malformed, write_lines
from eval.collections.model import CorpusDocument, Qrels, Query
from memory.errors import InvalidInput, NotFound

CORPUS = "corpus.jsonl"
QUERIES = "queries.jsonl"
QRELS = "qrels"
HEADING = "query-id\tcorpus-id\tscore"


@dataclass(frozen=True, slots=True)
class JsonCorpus:
    """The documents in a ``corpus.jsonl``, never more than one in memory."""

    path: Path

    @property
    def checksum(self) -> str:
        """SHA-256 of the file, in hex."""
        return file_checksum(self.path)

    def __iter__(self) -> Iterator[CorpusDocument]:
        seen: set[str] = set()
        for number, record in _records(self.path):
            identity = _id(self.path, number, record, seen)
            title = _text(self.path, number, record, "title", required=False)
            text = _text(self.path, number, record, "text", required=not title)
            yield CorpusDocument(identity, text, title, _metadata(self.path, number, record))


def read_queries(path: Path) -> tuple[Query, ...]:
    """The queries in a ``queries.jsonl``.

    :raises NotFound: where there is no such file.
    :raises InvalidInput: where a line is no query, naming it.
    """
    seen: set[str] = set()
    return tuple(
        Query(
            _id(path, number, record, seen),
            _text(path, number, record, "text"),
            _metadata(path, number, record),
        )
        for number, record in _records(path)
    )


def read_qrels(path: Path) -> Qrels:
    """The judgements in a ``qrels/NAME.tsv``; its heading may be missing.

    :raises NotFound: where there is no such file.
    :raises InvalidInput: where a line is no judgement, naming it.
    """
    qrels: Qrels = {}
    for number, line in lines(path):
        fields = line.split("\t")
        if number == 1 and fields[0] in {"query-id", "query_id"}:
            continue
        if len(fields) != 3:
            raise malformed(
                path,
                number,
                f"has {len(fields)} columns, not 3",
                "A line is query-id, corpus-id and score, divided by tabs.",
            )
        query, document, grade = fields
        judge(qrels, path, number, query, document, grade)
    return qrels


def judge(qrels: Qrels, path: Path, line: int, query: str, document: str, grade: str) -> None:
    """Add one judgement from a file.

    :raises InvalidInput: where the grade is no whole number, or the pair has another grade already.
    """
    try:
        value = int(grade)
    except ValueError as error:
        raise malformed(path, line, f"the grade {grade!r} is no whole number") from error
    if not query or not document:
        raise malformed(path, line, "has no query or no document")
    if qrels.setdefault(query, {}).setdefault(document, value) != value:
        raise malformed(path, line, f"{document} is judged for {query} a second time, differently")


def qrels_file(folder: Path, name: str = "") -> Path:
    """The file of judgements: the one named, else ``test.tsv``, else the only one.

    :raises NotFound: where it is not there, or cannot be told.
    """
    files = sorted((folder / QRELS).glob("*.tsv"))
    known = {path.stem: path for path in files}
    if path := known.get(name or "test"):
        return path
    if not name and len(files) == 1:
        return files[0]
    there = (
        f"There are: {', '.join(known)}." if known else f"Judgements lie in {folder.name}/{QRELS}/NAME.tsv."
    )
    raise NotFound(f"The collection {folder.name} has no judgements {name or 'test'}.", hint=there)


def write_beir(
    folder: Path,
    queries: Iterable[Query],
    qrels: Mapping[str, Mapping[str, int]],
    documents: Iterable[CorpusDocument] | None = None,
    *,
    name: str = "test",
) -> None:
    """Write a collection.

    :param documents: streamed; None for a collection that is asked of a memory that exists already.
    :param name: of the judgements.
    :raises InvalidInput: where an id holds a tab or a line end, which this layout cannot.
    """
    if documents is not None:
        write_lines(folder / CORPUS, (_line(one, title=one.title) for one in documents))
    write_lines(folder / QUERIES, (_line(one) for one in queries))
    _write_qrels(folder, qrels, name)


def write_documents(folder: Path, documents: Iterable[CorpusDocument]) -> None:
    """Write the documents of a collection.

    :raises InvalidInput: where the folder has documents already.
    """
    if (folder / CORPUS).exists():
        raise InvalidInput(f"{folder.name} has documents already.", hint="Give a folder of its own.")
    write_lines(folder / CORPUS, (_line(one, title=one.title) for one in documents))


def write_queries(folder: Path, queries: Iterable[Query]) -> None:
    """Write queries that nobody has judged yet.

    :raises InvalidInput: where the folder has queries already.
    """
    if (folder / QUERIES).exists():
        raise InvalidInput(f"{folder.name} has queries already.", hint="Give a folder of its own.")
    write_lines(folder / QUERIES, (_line(one) for one in queries))


def write_judged(
    folder: Path, queries: Mapping[str, str], qrels: Mapping[str, Mapping[str, int]], name: str
) -> None:
    """Write judgements into a collection; queries that it has stay as they are, others are added.

    :param queries: texts by query id.
    :param name: of the judgements; those of that name are replaced.
    :raises InvalidInput: where a query of that id has another text there.
    """
    path = folder / QUERIES
    known = {query.id: query for query in read_queries(path)} if path.exists() else {}
    for query, text in queries.items():
        if known.setdefault(query, Query(query, text)).text != text:
            raise InvalidInput(
                f"The query {query} has another text in {folder.name}.", hint="Give a folder of its own."
            )
    write_lines(path, (_line(one) for one in known.values()))
    _write_qrels(folder, qrels, name)


def _write_qrels(folder: Path, qrels: Mapping[str, Mapping[str, int]], name: str) -> None:
    judged = (
        f"{_cell(query)}\t{_cell(document)}\t{grade}"
        for query, grades in qrels.items()
        for document, grade in grades.items()
    )
    write_lines(folder / QRELS / f"{name}.tsv", (HEADING, *judged))


def _line(one: CorpusDocument | Query, **more: str) -> str:
    record: dict[str, Any] = {"_id": one.id, **more, "text": one.text}
    if one.metadata:
        record["metadata"] = dict(one.metadata)
    return json.dumps(record, ensure_ascii=False)


def _cell(identity: str) -> str:
    if not identity or identity.split("\t") != identity.splitlines() or identity != identity.strip():
        raise InvalidInput(
            f"The id {identity!r} cannot be written.",
            hint="An id has no tab, no line end and no blank around it.",
        )
    return identity


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in lines(path):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise malformed(path, number, f"is not JSON ({error})") from error
        if not isinstance(record, dict):
            raise malformed(path, number, "is no JSON object")
        yield number, record


def _id(path: Path, number: int, record: Mapping[str, Any], seen: set[str]) -> str:
    value = record.get("_id")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise malformed(path, number, "has no _id")
    identity = _sound(str(value))
    if identity in seen:
        raise malformed(path, number, f"the id {identity} is there twice")
    seen.add(identity)
    return identity


def _text(path: Path, number: int, record: Mapping[str, Any], name: str, *, required: bool = True) -> str:
    value = record.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise malformed(path, number, f"has no {name}")
    return _sound(value)


def _metadata(path: Path, number: int, record: Mapping[str, Any]) -> dict[str, str]:
    value = record.get("metadata") or {}
    if not isinstance(value, dict):
        raise malformed(path, number, "its metadata is no JSON object")
    return {str(key): _sound(str(held)) for key, held in value.items() if held is not None and held != ""}


def _sound(text: str) -> str:
    # Half a surrogate pair can be written in JSON, and nowhere else.
    return text.encode("utf-8", "replace").decode()
