"""MediaWiki's wikitext: read by mwparserfromhell, written as HTML, and read on as that is.

What a template adds is not known here. Its values are kept, each with its name, since boxes of facts are made of them.
"""

import re
from collections.abc import Callable
from html import escape, unescape
from itertools import groupby
from typing import Any

from ingest.parsers.base import Parsed
from ingest.parsers.decode import decode
from ingest.parsers.front import Front
from ingest.parsers.plain import built
from ingest.parsers.typed import body_of, elements_of
from memory.errors import ParseError

_ITEM, _BLOCK, _LINE_END = "\x01", "\x02", "\x03"
"""At the beginning of a line: an item of a list, and what is a block of HTML already. A line's end within a block."""
_MARKS = re.compile("[\x01-\x03]")
_SWITCH = re.compile(r"__[A-Z]{3,20}__")
_SILENT = frozenset({"style", "script", "templatestyles", "references", "indicator", "hr"})
_CODE = frozenset({"pre", "nowiki", "syntaxhighlight", "source", "math", "score", "gallery"})
_NO_TEXT = re.compile(r"(?i)\s*(?:category|kategorie|catégorie|kategori|[a-z]{2,3})\s*:")
_PICTURE = re.compile(r"(?i)\s*(?:file|image|datei|bild|fichier|fil|billede)\s*:")
_OPTION = re.compile(
    r"(?i)\s*(?:thumb\w*|mini\w*|frame\w*|left|right|center|none|border|upright.*|\d*x?\d+\s*px|\w+=.*)?\s*"
)
_ADDRESS = re.compile(r"(?i)(?:(?:https?|ftp):)?//\S+|[\w-]+\.(?:png|jpe?g|svg|gif|webp)")


class WikitextParser:
    """Reads wikitext."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes.

        :raises ParseError: where marks are nested too deeply.
        """
        import mwparserfromhell

        text = _SWITCH.sub("", _MARKS.sub("", decode(data)))
        try:
            body = _blocks(_nodes(mwparserfromhell.parse(text)))
        except RecursionError as error:
            raise ParseError("marks nested too deeply") from error
        elements = list(elements_of(body_of(f"<html><body>{body}</body></html>"))) if body.strip() else []
        return built(name, media_type, elements, Front())


def _blocks(text: str) -> str:
    """Lines as lists, paragraphs and what are blocks already."""
    written = []
    for kind, lines in groupby(text.split("\n"), key=_kind):
        if kind == _ITEM:
            written.append(
                "<ul>"
                + "".join(f"<li>{' '.join(line.replace(_ITEM, ' ').split())}</li>" for line in lines)
                + "</ul>"
            )
        elif kind == _BLOCK:
            written += [line.removeprefix(_BLOCK).replace(_LINE_END, "\n") for line in lines]
        elif kind:
            written.append("<p>" + "\n".join(lines) + "</p>")
    return "".join(written)


def _kind(line: str) -> str:
    """What a line is: an item, a block, words, or blank."""
    return line[0] if line[:1] in (_ITEM, _BLOCK) else line.strip()[:1] and "words"


def _block(html: str) -> str:
    return f"\n{_BLOCK}{html}\n"


def _nodes(code: Any) -> str:
    return "".join(_node(node) for node in code.nodes) if code is not None else ""


def _line(code: Any) -> str:
    """What has to stand in one line: a heading, a cell, a value."""
    return " ".join(_MARKS.sub(" ", _nodes(code)).split())


def _node(node: Any) -> str:
    written = _WRITTEN.get(type(node).__name__)
    return written(node) if written else ""


def _heading(node: Any) -> str:
    level = min(max(int(node.level), 1), 6)
    return _block(f"<h{level}>{_line(node.title)}</h{level}>")


def _tag(node: Any) -> str:
    name = str(node.tag).strip().lower()
    if name in _CODE:
        code = escape(str(node.contents or ""))
        return code if name == "nowiki" else _block(f"<pre>{code.replace(chr(10), _LINE_END)}</pre>")
    if name == "table":
        return _block(f"<table>{_rows(node.contents)}</table>")
    if name == "ref":
        return f" ({_line(node.contents)})" if node.contents else ""
    if name in ("li", "dd", "dt") and node.wiki_markup:
        return _ITEM
    return {"br": "\n"}.get(name, "" if name in _SILENT else _nodes(node.contents))


def _rows(code: Any) -> str:
    """The rows of a table. Cells above the first mark of a row are a row, too; a table in a cell is text there."""
    rows, loose = [], []
    for node in code.nodes if code is not None else ():
        name = str(node.tag).strip().lower() if type(node).__name__ == "Tag" else ""
        if name in ("td", "th"):
            # `|+ Caption` comes as a cell, too.
            loose.append(f"<{name}>{_cell(node.contents).removeprefix('+ ')}</{name}>")
        elif name in ("tr", "tbody", "thead"):
            rows.append(_rows(node.contents))
    return (f"<tr>{''.join(loose)}</tr>" if loose else "") + "".join(rows)


def _cell(code: Any) -> str:
    return re.sub(r"<[^>]+>", " ", _line(code))


def _link(node: Any) -> str:
    title = str(node.title)
    if _PICTURE.match(title):
        return next(
            (part for part in reversed(_nodes(node.text).split("|")) if not _OPTION.fullmatch(part)), ""
        )
    if _NO_TEXT.match(title):
        return ""
    return _nodes(node.text) if node.text is not None else escape(title.strip().removeprefix(":"))


def _template(node: Any) -> str:
    named, plain = [], []
    for parameter in node.params:
        value = _line(parameter.value)
        if value and not _ADDRESS.fullmatch(value):
            if parameter.showkey:
                named.append(f"{_line(parameter.name)}: {value}")
            else:
                plain.append(value)
    if len(named) < 2:
        return " ".join([*plain, *named])
    return "\n" + "\n".join(f"{_ITEM}{each}" for each in [*plain, *named]) + "\n"


_WRITTEN: dict[str, Callable[[Any], str]] = {
    "Text": lambda node: escape(str(node.value)),
    "Heading": _heading,
    "Tag": _tag,
    "Wikilink": _link,
    "ExternalLink": lambda node: _nodes(node.title if node.title is not None else node.url),
    "Template": _template,
    "HTMLEntity": lambda node: escape(unescape(str(node))),
    "Argument": lambda node: _nodes(node.default),
}
"""What is written for each kind of mwparserfromhell's nodes; comments are left out."""
