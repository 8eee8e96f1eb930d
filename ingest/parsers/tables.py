"""Tables as text that can be found and read: a line for each row."""

import re
from collections.abc import Sequence

_NUMBER = re.compile(r"[\s\d.,:%€$£()+/-]*")
MAX_HEADER = 60
"""Longer cells are not column names."""


def rows_of(html: str) -> list[list[str]]:
    """The cells of an HTML table, row by row."""
    from lxml import etree

    parser = etree.HTMLParser(huge_tree=True, encoding="utf-8")
    root = etree.fromstring(html.encode("utf-8", "replace"), parser) if html.strip() else None
    if root is None:
        return []
    rows = [[" ".join("".join(caption.itertext()).split())] for caption in root.iter("caption")]
    rows += [
        [" ".join(" ".join(cell.itertext()).split()) for cell in row if cell.tag in ("td", "th")]
        for row in root.iter("tr")
    ]
    return rows


def rows_text(rows: Sequence[Sequence[str]]) -> str:
    """A line for each row, cells between bars; empty rows are left out."""
    lines = (" | ".join(cell for cell in row if cell) for row in rows)
    return "\n".join(line for line in lines if line)


def labelled_text(rows: Sequence[Sequence[str]]) -> str:
    """``Column: value; Column: value`` for each row, so that a row makes sense alone.

    Where the first row holds no column names, the same as `rows_text`.
    """
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not has_header(filled):
        return rows_text(filled)
    header = [cell.strip().rstrip(":") for cell in filled[0]]
    lines = [" | ".join(name for name in header if name)]
    for row in filled[1:]:
        cells = []
        for place, cell in enumerate(row):
            name = header[place] if place < len(header) else ""
            if value := cell.strip():
                cells.append(f"{name}: {value}" if name else value)
        lines.append("; ".join(cells))
    return "\n".join(lines)


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short distinct words, no numbers, and rows beneath."""
    if len(rows) < 2:
        return False
    names = [cell.strip() for cell in rows[0]]
    said = [name for name in names if name]
    width = max(len(row) for row in rows[1:])
    return (
        len(said) >= 2
        and len(said) >= 0.7 * width
        and len(set(said)) == len(said)
        and not any(_NUMBER.fullmatch(name) or len(name) > MAX_HEADER for name in said)
    )
