"""Plain text, source code and Org files: paragraphs between blank lines, headings by our own rule."""

import re

from ingest.parsers import properties
from ingest.parsers.base import Element, ElementKind, Parsed
from ingest.parsers.decode import decode
from ingest.parsers.front import Front, header_front, org_front, yaml_front
from ingest.parsers.headings import heading_levels
from ingest.parsers.people import bylines, distinct, signatories
from ingest.parsers.typed import clean

NO_TEXT = "no text in it"
EMPTY = "empty file"

_BLANK = re.compile(r"\n[ \t\f]*\n\s*")
_UNDERLINE = re.compile(r"([=\-~^#*])\1{2,}\s*")
_BULLET = re.compile(r"\s*(?:[-*+•·]|\d{1,3}[.)])\s+\S")
_STARS = re.compile(r"(\*{1,8})\s+(\S.*)")
_ORG_KEYWORD = re.compile(r"\s*#\+(?!caption)\w+(?::.*|\s.*|)", re.IGNORECASE)


class TextParser:
    """Reads plain text; ``code=True`` reads source code and data, whose blocks are kept as they stand."""

    def __init__(self, *, code: bool = False) -> None:
        self._code = code

    def parse(self, data: bytes, *, name: str, media_type: str) -> Parsed:
        """Read the bytes."""
        text = decode(data)
        if self._code:
            blocks = (clean(block) for block in _BLANK.split(text))
            return built(
                name, media_type, [Element(ElementKind.CODE, block) for block in blocks if block], Front()
            )
        if media_type == "text/org":
            front, body = org_front(text)
            return built(name, media_type, _org(body), front, text)
        front, body = yaml_front(text)
        if not front.properties:
            front, body = header_front(text)
        elements = [Element(ElementKind.TEXT, front.fields)] if front.fields else []
        return built(name, media_type, [*elements, *paragraphs(body)], front, text)


def built(name: str, media_type: str, elements: list[Element], front: Front, text: str = "") -> Parsed:
    """What a text file says, from its elements and its front.

    :param text: the whole text, for by-lines and signatures; ``""`` where it has neither.
    """
    created, modified = properties.dates(front.properties)
    people = [*front.contributions, *bylines(text[:20_000].splitlines()), *signatories(text)]
    empty = "" if elements else NO_TEXT
    return Parsed(
        media_type=media_type,
        title=properties.title(front.properties, elements, name),
        elements=tuple(elements),
        language=front.language,
        created=created,
        modified=modified,
        contributions=distinct(people),
        empty_reason=empty,
    )


def paragraphs(text: str) -> list[Element]:
    """Plain text as headings, paragraphs and lists."""
    blocks: list[tuple[str, int]] = []
    for raw in _BLANK.split(text):
        blocks.extend(_underlined(clean(raw)))
    levels = heading_levels([block for block, _ in blocks])
    return [
        _element(block, stated or level)
        for (block, stated), level in zip(blocks, levels, strict=True)
        if block
    ]


def _element(block: str, level: int) -> Element:
    if level:
        return Element(ElementKind.HEADING, block, level)
    lines = block.splitlines()
    bullets = sum(bool(_BULLET.match(line)) for line in lines)
    return Element(ElementKind.LIST if bullets and bullets >= len(lines) / 2 else ElementKind.TEXT, block)


def _underlined(block: str) -> list[tuple[str, int]]:
    """A line underlined with ``===`` or ``---`` is a heading wherever it stands."""
    lines = block.splitlines()
    if len(lines) >= 2 and (mark := _UNDERLINE.fullmatch(lines[1])) and 3 <= len(lines[0].strip()) <= 120:
        rest = "\n".join(lines[2:]).strip()
        heading = (lines[0].strip(), 1 if mark[1] in "=#" else 2)
        return [heading, (rest, 0)] if rest else [heading]
    return [(block, 0)] if block else []


def _org(text: str) -> list[Element]:
    elements: list[Element] = []
    for raw in _BLANK.split(text):
        waiting: list[str] = []
        for line in clean(raw).splitlines():
            if _ORG_KEYWORD.fullmatch(line):
                continue  # `#+INCLUDE`, `#+BEGIN_SRC`: says what to do, not what it is about
            match = _STARS.fullmatch(line)
            if match is None:
                waiting.append(line)
                continue
            if waiting:
                elements.append(_element("\n".join(waiting).strip(), 0))
                waiting = []
            elements.append(Element(ElementKind.HEADING, match[2].strip(), len(match[1])))
        if any(line.strip() for line in waiting):
            elements.append(_element("\n".join(waiting).strip(), 0))
    return elements
