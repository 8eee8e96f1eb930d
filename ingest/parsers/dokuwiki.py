"""The syntax of DokuWiki (https://www.dokuwiki.org/wiki:syntax), read line by line.

Only the wiki itself renders its pages, plug-ins and all; headings, blocks and the words in them are all a search needs.
"""

import re
from collections.abc import Sequence

from ingest.parsers.base import Element, ElementKind, Parsed
from ingest.parsers.decode import decode
from ingest.parsers.front import Front
from ingest.parsers.plain import built
from ingest.parsers.tables import labelled_text
from ingest.parsers.typed import clean

# Whatever is between two marks has a length, so that marks which are never closed cost no more than that each.
_RAW = re.compile(r"<(?P<tag>code|file|nowiki|html|HTML|php|PHP)\b[^>\n]{0,200}>|%%")
_ITEM = re.compile(r"(?:\t| {2})[ \t]*[-*][ \t]*(.*)")
_QUOTE = re.compile(r"(>+)\s?(.*)")
_MACRO = re.compile(
    r"~~[\w:.\-/= ]{2,100}~~|\{\{(?:rss|section|page|tag|gallery)>[^}]{0,500}\}\}"
    r"|</?(?:wrap|WRAP|hidden|fc|color)\b[^>\n]{0,200}>"
)
_LINK = re.compile(r"\[\[([^\]\[|]{0,500})(?:\|((?:[^\]\[]|\](?!\])){0,500}))?\]\]")
_MEDIA = re.compile(r"\{\{([^{}|]{0,500})(?:\|([^{}]{0,500}))?\}\}")
_NOTE = re.compile(r"\(\((.{1,500}?)\)\)", re.DOTALL)
_MARKS = tuple(
    re.compile(mark, re.DOTALL)
    for mark in (
        r"\*\*(?=\S)(.{1,300}?)(?<=\S)\*\*",
        r"__(?=\S)(.{1,300}?)(?<=\S)__",
        r"''(?=\S)(.{1,300}?)(?<=\S)''",
        r"(?<!:)//(?=\S)(.{1,300}?)(?<=[^\s:])//",
        r"</?(?:sub|sup|del)>()",
    )
)
_TAG = re.compile(r"<[^<>]{1,300}>")
_HELD = re.compile("\ue000(\\d+)\ue001")
_CELLS = re.compile(r"[\^|]")


class DokuWikiParser:
    """Reads a page of a DokuWiki as it is written."""

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes."""
        text = re.sub("[\ue000\ue001]", "", decode(data).replace("\r\n", "\n"))
        elements = _Page(text).elements()
        said = "\n".join(element.text for element in elements)
        return built(name, media_type, elements, Front(), said)


class _Page:
    """Takes out what is not wiki text first, so that nothing in it is taken for a mark."""

    def __init__(self, text: str) -> None:
        self._held: list[tuple[ElementKind | None, str]] = []
        self._lines = _MACRO.sub("", self._without_raw(text)).split("\n")

    def elements(self) -> list[Element]:
        """Every block in order."""
        found: list[Element] = []
        at = 0
        while at < len(self._lines):
            line = self._lines[at]
            if not line.strip() or _is_rule(line):
                at += 1
            elif heading := _heading(line):
                found += self._made(ElementKind.HEADING, self._plain(heading[1]), heading[0])
                at += 1
            elif (held := _HELD.fullmatch(line.strip())) and self._held[int(held[1])][0]:
                found += self._made(ElementKind.CODE, self._held[int(held[1])][1])
                at += 1
            else:
                kind, end = self._block(at)
                found += self._read(kind, self._lines[at:end])
                at = end
        return found

    def _without_raw(self, text: str) -> str:
        """The text with a mark for each part that is no wiki text; what is opened and never closed is text."""
        parts: list[str] = []
        at, never = 0, set()
        while opening := _RAW.search(text, at):
            tag = opening["tag"]
            closing = f"</{tag}>" if tag else "%%"
            end = -1 if closing in never else text.find(closing, opening.end())
            parts.append(text[at : opening.start()])
            if end < 0:
                never.add(closing)
                parts.append(opening[0])
                at = opening.end()
            else:
                parts.append(self._hold((tag or "").lower(), text[opening.end() : end]))
                at = end + len(closing)
        return "".join([*parts, text[at:]])

    def _hold(self, tag: str, body: str) -> str:
        if tag == "php":
            return ""
        if tag == "html":
            body = _TAG.sub(" ", body)
        is_block = tag in ("code", "file")
        self._held.append((ElementKind.CODE if is_block else None, body.strip("\n")))
        mark = f"\ue000{len(self._held) - 1}\ue001"
        return f"\n{mark}\n" if is_block else mark

    def _block(self, at: int) -> tuple[ElementKind, int]:
        """What kind of block begins there, and where it ends."""
        kind, end = _kind(self._lines[at]), at + 1
        while end < len(self._lines):
            line = self._lines[end]
            if not line.strip() or _heading(line) or _is_rule(line):
                break
            if _kind(line) is not kind or _HELD.fullmatch(line.strip()):
                break
            end += 1
        return kind, end

    def _read(self, kind: ElementKind, lines: Sequence[str]) -> list[Element]:
        if kind is ElementKind.TABLE:
            return self._made(kind, labelled_text(self._rows(lines)))
        if kind is ElementKind.LIST:
            items = (_ITEM.fullmatch(line) for line in lines)
            return self._made(kind, "\n".join(f"- {self._plain(item[1])}" for item in items if item))
        if kind is ElementKind.CODE:
            return self._made(kind, self._put_back("\n".join(line[2:] for line in lines)))
        text = "\n".join(quoted[2] if (quoted := _QUOTE.fullmatch(line)) else line for line in lines)
        return self._made(kind, self._plain(text))

    def _rows(self, lines: Sequence[str]) -> list[list[str]]:
        rows = []
        for line in lines:
            # Bars within links and pictures part no cells.
            whole = _LINK.sub(lambda link: self._hold("", self._link(link)), line.strip())
            whole = _MEDIA.sub(lambda media: self._hold("", self._media(media)), whole)
            cells = [" ".join(self._plain(cell).split()) for cell in _CELLS.split(whole)[1:]]
            rows.append(
                ["" if cell == ":::" else cell for cell in (cells[:-1] if cells and not cells[-1] else cells)]
            )
        return rows

    def _plain(self, text: str) -> str:
        """The words without marks."""
        text = _NOTE.sub(r" (\1)", text)
        text = _MEDIA.sub(self._media, _LINK.sub(self._link, text))
        text = re.sub(r"\\\\(?:\s|$)", "\n", text)
        for mark in _MARKS:
            text = mark.sub(r"\1", text)
        return self._put_back(text)

    def _link(self, match: re.Match[str]) -> str:
        target, shown = match[1].strip(), (match[2] or "").strip()
        if shown:
            return _MEDIA.sub(self._media, shown)
        if "://" in target or "@" in target:
            return target
        page = target.partition("#")[0].rpartition(">")[2].rstrip(":")
        return page.rpartition(":")[2].replace("_", " ") or target.rpartition("#")[2].replace("_", " ")

    def _media(self, match: re.Match[str]) -> str:
        if shown := (match[2] or "").strip():
            return shown
        name = match[1].strip().partition("?")[0].rpartition(":")[2]
        return "" if re.search(r"\.(?:png|jpe?g|gif|svg|webp|ico)$", name, re.IGNORECASE) else name

    def _put_back(self, text: str) -> str:
        return _HELD.sub(lambda held: self._held[int(held[1])][1], text)

    def _made(self, kind: ElementKind, text: str, level: int = 0) -> list[Element]:
        kept = clean(text)
        return [Element(kind, kept, level)] if kept else []


def _heading(line: str) -> tuple[int, str] | None:
    """Level and text of a heading: six marks are the first level, two the fifth."""
    text = line.strip()
    marks = len(text) - len(text.lstrip("="))
    shown = text.strip("=").strip()
    return (7 - min(marks, 6), shown) if marks >= 2 and text.endswith("==") and shown else None


def _is_rule(line: str) -> bool:
    text = line.strip()
    return len(text) >= 4 and not text.strip("-")


def _kind(line: str) -> ElementKind:
    if line.startswith(("^", "|")):
        return ElementKind.TABLE
    if _ITEM.fullmatch(line):
        return ElementKind.LIST
    return ElementKind.CODE if line.startswith(("  ", "\t")) else ElementKind.TEXT
