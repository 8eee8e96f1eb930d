"""A whole list of results as a file: CSV for spreadsheets, or JSON lines for programs."""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from memory.domain import AUTHORING
from search.answer import location_label
from search.whole import Listed

COLUMNS = (
    *("position", "title", "ref", "url", "source", "type", "language", "modified", "formality"),
    *("authors", "people", "score", "passage", "place", "document"),
)
"""The columns, in their order; JSON lines have the same names."""

_FORMULA = re.compile(r"(?:\A|(?<=[;\t\r\n]))(?=[ \n]*[=+\-@\t\r])")
"""Where a cell may begin with a formula: also after what a spreadsheet set to another country takes for the end of one."""


def neutral(text: str) -> str:
    """A text no spreadsheet takes for a formula: a quotation mark goes before what one could begin with.

    After OWASP, "CSV Injection"; a blank before the sign does not help, spreadsheets skip it. Where the comma divides the parts
    of a number (in German, French and Danish) cells end with a semicolon.
    """
    return _FORMULA.sub("'", text)


def as_csv(rows: Iterable[Listed], *, mark: bool = False) -> Iterator[str]:
    """CSV (RFC 4180) with a line of names first.

    :param mark: begin with a byte order mark, without which Excel takes UTF-8 for something else.
    """
    yield ("\ufeff" if mark else "") + _line(COLUMNS)
    for row in rows:
        values = record(row)
        yield _line([_cell(values[name]) for name in COLUMNS])


def as_json_lines(rows: Iterable[Listed]) -> Iterator[str]:
    """One JSON object on each line."""
    for row in rows:
        yield json.dumps(record(row), ensure_ascii=False) + "\n"


def record(row: Listed) -> dict[str, Any]:
    """One result as JSON values."""
    card, passage = row.card, row.passage
    authors = dict.fromkeys(link.name for link in card.people if link.role in AUTHORING)
    return {
        "position": row.position,
        "title": card.title,
        "ref": card.ref,
        "url": card.url,
        "source": card.source,
        "type": card.type,
        "language": card.language,
        "modified": card.modified.isoformat() if card.modified else "",
        "formality": card.formality.value,
        "authors": list(authors),
        "people": [f"{link.name} ({link.role.value})" for link in card.people],
        "score": round(row.score, 6),
        "passage": passage.text if passage else "",
        "place": location_label(passage.location) if passage else "",
        "document": card.document,
    }


def _cell(value: Any) -> Any:
    if isinstance(value, list):
        value = "; ".join(value)
    return neutral(value) if isinstance(value, str) else value


def _line(values: Iterable[Any]) -> str:
    written = io.StringIO()
    csv.writer(written).writerow(values)
    return written.getvalue()
