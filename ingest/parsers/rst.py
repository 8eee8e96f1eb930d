"""reStructuredText, read line by line.

docutils would build a full document tree (50 to 100 times slower on the PEPs, and it can include files);
pandoc would be a process for each file. Titles, blocks and inline marks are all a search needs.
"""

import re
from collections.abc import Sequence

from ingest.parsers.base import Element, ElementKind, Parsed
from ingest.parsers.decode import decode
from ingest.parsers.front import Front, docinfo_front, header_front
from ingest.parsers.plain import built
from ingest.parsers.typed import clean

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1+\s*")
_DIRECTIVE = re.compile(r"\.\.\s+(?:\|[^|]+\|\s+)?(?P<name>[\w:+.-]+)::\s*(?P<argument>.*)")
_NOTE = re.compile(r"\.\.\s+(?P<label>\[[^\]]+\])\s*(?P<text>.*)")
_OPTION = re.compile(r"\s*:[\w-]+:.*")
_ITEM = re.compile(r"\s*(?:[-*+•]|#\.|\(?(?:\d{1,3}|[a-z])[.)])\s+\S")
_BORDER = re.compile(r"\s*[+|=\- ]*(?:[=-]{3,}|\+[-=]+\+)[+|=\- ]*")
_ROLE = re.compile(r":[\w:+.-]+:`([^`<]*?)\s*(?:<([^`>]*)>)?`")
_LINK = re.compile(r"`([^`<]+?)\s*<[^`>]*>`__?|`([^`]+)`__?")
_LITERAL = re.compile(r"``(.+?)``", re.DOTALL)
_EMPHASIS = re.compile(r"(?<![\w*])\*{1,2}(?=\S)([^*\n]+?)(?<=\S)\*{1,2}(?![\w*])")
_CODE = ("code", "code-block", "sourcecode", "parsed-literal", "doctest", "math", "literalinclude")
_SILENT = (
    "contents",
    "toctree",
    "image",
    "figure",
    "include",
    "raw",
    "highlight",
    "meta",
    "index",
    "default-role",
    "role",
)


class RstParser:
    """Reads reStructuredText with docinfo or with the mail-like header of a PEP."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes."""
        text = decode(data).expandtabs(8)
        front, body = header_front(text)
        if not front.properties and not front.contributions:
            front, body = Front(), text
        lines = body.splitlines()
        elements = [Element(ElementKind.TEXT, front.fields)] if front.fields else []
        read = _Reader(lines)
        elements += read.elements()
        if not front.contributions:
            front = read.front
        return built(name, media_type, elements, front, body)


class _Reader:
    """Reads blocks from the lines, knowing which adornment means which depth."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._styles: list[tuple[str, bool]] = []
        self.front = Front()

    def elements(self) -> list[Element]:
        """Every block in order; the docinfo beneath the title is kept in `front`."""
        found: list[Element] = []
        at = 0
        while at < len(self._lines):
            if not self._lines[at].strip():
                at += 1
            elif (title := self._title(at)) is not None:
                found.append(title[0])
                at = title[1]
            else:
                end = self._block_end(at)
                found.extend(self._block(at, end, first=len(found) <= 2))
                at = end
        return found

    def _title(self, at: int) -> tuple[Element, int] | None:
        over = bool(_ADORNMENT.fullmatch(self._lines[at]))
        text = at + 1 if over else at
        if text + 1 >= len(self._lines):
            return None
        title, under = self._lines[text].strip(), self._lines[text + 1].rstrip()
        mark = _ADORNMENT.fullmatch(under)
        if not title or mark is None or (len(under) < min(4, len(title))) or _ADORNMENT.fullmatch(title):
            return None
        if (not over and self._lines[text][:1] == " ") or (over and self._lines[at].rstrip() != under):
            return None
        if len(under) < 0.7 * len(title):
            return None
        style = (mark[1], over)
        if style not in self._styles:
            self._styles.append(style)
        return Element(ElementKind.HEADING, _inline(title), self._styles.index(style) + 1), text + 2

    def _block_end(self, at: int) -> int:
        """A block ends at a blank line; a marked one (``..``) only where the indentation ends too."""
        marked = self._lines[at].startswith(".. ") or self._lines[at].strip() == ".."
        end = at + 1
        while end < len(self._lines):
            line = self._lines[end]
            if not line.strip():
                following = self._next_text(end)
                if not marked or following is None or self._lines[following][:1] != " ":
                    break
            elif marked and line[:1] != " ":
                break
            end += 1
        return end

    def _next_text(self, at: int) -> int | None:
        return next((place for place in range(at, len(self._lines)) if self._lines[place].strip()), None)

    def _block(self, at: int, end: int, *, first: bool) -> list[Element]:
        lines = list(self._lines[at:end])
        if lines[0].startswith(".. ") or lines[0].strip() == "..":
            return _marked(lines)
        text = "\n".join(lines)
        if first and lines[0].startswith(":"):
            self.front, _ = docinfo_front(text)
        if lines[0][:1] == " " and self._after_colons(at):
            return _elements(ElementKind.CODE, _dedented(lines))
        if any(_BORDER.fullmatch(line) and line.strip(" ") for line in lines) and len(lines) > 2:
            rows = [" ".join(line.strip(" |").split()) for line in lines if not _BORDER.fullmatch(line)]
            return _elements(ElementKind.TABLE, _inline("\n".join(rows)))
        if _ITEM.match(lines[0]):
            return _elements(ElementKind.LIST, _inline(_dedented(lines)))
        return _elements(ElementKind.TEXT, re.sub(r"\s*::\s*$", ":", _inline(_dedented(lines))))

    def _after_colons(self, at: int) -> bool:
        """Whether the indented block belongs to a paragraph that ends in ``::``."""
        indent = len(self._lines[at]) - len(self._lines[at].lstrip())
        for place in range(at - 1, -1, -1):
            line = self._lines[place]
            if line.strip() and len(line) - len(line.lstrip()) < indent:
                return line.rstrip().endswith("::")
        return False


def _marked(lines: list[str]) -> list[Element]:
    """Directives, footnotes, targets and comments: what starts with two dots."""
    rest = _dedented(lines[1:])
    if note := _NOTE.match(lines[0]):
        return _elements(ElementKind.TEXT, _inline(f"{note['label']} {note['text']}\n{rest}"))
    directive = _DIRECTIVE.match(lines[0])
    if directive is None:
        return []  # a comment or a link's target
    name = directive["name"]
    body = "\n".join(line for line in rest.splitlines() if not _OPTION.fullmatch(line))
    if name in _CODE:
        return _elements(ElementKind.CODE, body)
    if name in _SILENT:
        return _elements(ElementKind.TEXT, _inline(body)) if name == "figure" else []
    return _elements(ElementKind.TEXT, _inline(f"{directive['argument']}\n{body}"))


def _elements(kind: ElementKind, text: str) -> list[Element]:
    return [Element(kind, kept)] if (kept := clean(text)) else []


def _dedented(lines: Sequence[str]) -> str:
    margin = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[margin:].rstrip() for line in lines)


def _inline(text: str) -> str:
    """The text without inline marks: roles, links, literals, emphasis."""
    text = _LITERAL.sub(r"\1", text)
    text = _ROLE.sub(lambda match: match[1] or match[2] or "", text)
    text = _LINK.sub(lambda match: match[1] or match[2], text)
    return _EMPHASIS.sub(r"\1", text)
