"""The text of paged documents, put back in order: PDF knows lines on a page, not paragraphs.

Running headers, footers and page numbers go, words cut at a line's end are joined, and lines that
are headings become headings. Works on the tree of Tika's XHTML, whose `div.page` holds one `p` for
each block of lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ingest.parsers.headings import heading_level, heading_levels, outline_key, run_in
from ingest.parsers.typed import clean

_ZONE = 3
"""How many lines at the top and at the bottom may be a running header or footer."""
_MAX_RUNNING = 120
_BULLET = re.compile(r"\s*[•▪◦‣·○●■➢✓\uf0b7\uf0a7]\s*\S")
_ITEM = re.compile(r"\s*(?:\(?(?:[a-z]|[ivx]{1,4}|\d{1,2})\)|\d{1,2}(?:\.\d{1,2})*\.)\s+\S")
_PAUSE = re.compile(r"(?:[.;:!?]|\band|\bor|\bund|\boder|\bet|\bou|\bog|\beller)[\"'”)]?\s*$")
_HYPHENATED = re.compile(r"([^\W\d_]{2,})[-‐\xad]$")
_STARTS_SMALL = re.compile(r"([^\W\d_]+)")


@dataclass(slots=True)
class _Block:
    page: int
    lines: list[str]


def tidy(body: Any) -> None:
    """Put the text of every page in order, in place."""
    from lxml import etree

    pages = [node for node in body if node.tag == "div" and node.get("class") == "page"]
    outline = _take_outline(body, bool(pages))
    texts = [_take_lines(page) for page in pages]
    _drop_running(texts)
    blocks = [
        _Block(number, part) for number, page in enumerate(texts) for lines in page for part in parts(lines)
    ]
    words = Counter(
        word for block in blocks for line in block.lines for word in re.findall(r"[\w‐-]+", line.lower())
    )
    written: list[tuple[int, str]] = []
    for block in blocks:
        text = joined(block.lines, words)
        opened = run_in(text)
        written.extend((block.page, part) for part in (opened or (text,)) if part)
    levels = heading_levels([text for _, text in written], outline)
    fresh: dict[int, list[Any]] = {}
    for (page, text), level in zip(written, levels, strict=True):
        node = etree.SubElement(pages[page], f"h{min(level, 6)}" if level else "p")
        node.text = text
        fresh.setdefault(page, []).append(node)
    for number, page in enumerate(pages):
        # What is no paragraph (forms, remarks) stays behind the text.
        for place, node in enumerate(fresh.get(number, [])):
            page.insert(place, node)


def joined(lines: Iterable[str], words: Mapping[str, int]) -> str:
    """Lines as one paragraph; a word cut at a line's end is put together again.

    :param words: every word of the document, lower-cased, with its count: tells a cut word
        (``agree-ment``) from one that has a hyphen (``co-branding``).
    """
    text = ""
    for raw in lines:
        line = " ".join(raw.split())
        keep = keeps_hyphen(text, line, words)
        if keep is not None:
            text = (text if keep else text[:-1]) + line
        else:
            text = f"{text} {line}" if text and line else text or line
    return clean(text)


def keeps_hyphen(text: str, line: str, words: Mapping[str, int]) -> bool | None:
    """Whether a hyphen at a line's end belongs to the word that goes on in the next line; None where none is cut.

    :param words: see `joined`.
    """
    cut, start = _HYPHENATED.search(text), _STARTS_SMALL.match(line)
    if not cut or not start or not start[1][0].islower():
        return None
    whole, hyphenated = (cut[1] + start[1]).lower(), f"{cut[1]}-{start[1]}".lower()
    return words.get(hyphenated, 0) > words.get(whole, 0)


def _take_outline(body: Any, paged: bool) -> dict[str, int]:
    """The bookmarks Tika appends as nested lists: taken out, they tell headings and their depth."""
    outline: dict[str, int] = {}
    if not paged:
        return outline
    for tree in [node for node in body if node.tag in ("ul", "ol")]:
        for item in tree.iter("li"):
            key = outline_key(item.text or "")
            depth = 1 + sum(above.tag in ("ul", "ol") for above in item.iterancestors("ul", "ol")) - 1
            if len(key) > 2:
                outline.setdefault(key, max(1, depth))
        body.remove(tree)
    return outline


def _take_lines(page: Any) -> list[list[str]]:
    """The page's paragraphs as lines, taken out of the tree; links that only repeat their address go."""
    blocks: list[list[str]] = []
    for node in list(page):
        if node.tag == "p":
            current: list[str] = []
            for line in "".join(node.itertext()).splitlines():
                if line.strip():
                    current.append(line)
                elif current:
                    blocks.append(current)
                    current = []
            if current:
                blocks.append(current)
            tail = (node.tail or "").strip()
            if tail:
                blocks.append([tail])
            page.remove(node)
        elif node.get("class") == "annotation":
            link = node.find("a")
            if link is not None and "".join(node.itertext()).strip() == (link.get("href") or "").strip():
                page.remove(node)
    return blocks


def _drop_running(pages: list[list[list[str]]]) -> None:
    """Take out short lines that stand at the top or bottom of over half of three or more pages."""
    if len(pages) < 3:
        return
    seen: Counter[str] = Counter()
    for page in pages:
        seen.update({_running_key(line) for line in _edge_lines(page)})
    repeated = {key for key, count in seen.items() if key and count >= 3 and count > len(pages) / 2}
    if not repeated or all(
        _running_key(line) in repeated for page in pages for block in page for line in block
    ):
        return  # a document that says the same on every page keeps it
    for page in pages:
        edge = {id(line) for line in _edge_lines(page) if _running_key(line) in repeated}
        for block in page:
            block[:] = [line for line in block if id(line) not in edge]
        page[:] = [block for block in page if block]


def _edge_lines(page: list[list[str]]) -> list[str]:
    lines = [line for block in page for line in block]
    return lines[:_ZONE] + lines[max(_ZONE, len(lines) - _ZONE) :]


def _running_key(line: str) -> str:
    text = " ".join(line.split()).casefold()
    return re.sub(r"\d+", "#", text) if len(text) <= _MAX_RUNNING else ""


def parts(lines: list[str]) -> list[list[str]]:
    """One block of lines as paragraphs: list items and headings start their own."""
    found: list[list[str]] = []
    heading = False
    for place, line in enumerate(lines):
        before = found[-1][-1] if found else ""
        if heading and _goes_on(before, line):
            found[-1].append(line)
            continue
        opens = not found or heading
        level = heading_level(line) if opens or _PAUSE.search(before) else 0
        below = lines[place + 1 :]
        if level and below and (_goes_into(line, below[0]) or _opens_a_clause(line, below)):
            level = 0
        starts = _BULLET.match(line) or (_ITEM.match(line) and _PAUSE.search(before))
        if opens or level or starts:
            found.append([line])
        else:
            found[-1].append(line)
        heading = bool(level)
    return found


def _goes_on(heading: str, line: str) -> bool:
    """Whether a heading in capitals goes on in the next line."""
    return (
        heading.isupper() and not heading.rstrip().endswith(".") and line.isupper() and not _ITEM.match(line)
    )


def _goes_into(line: str, below: str) -> bool:
    """Whether a sentence runs over the end of the line."""
    return below.lstrip()[:1].islower() and not line.isupper()


def _opens_a_clause(line: str, below: list[str]) -> bool:
    """Whether a line that looks like a heading is the start of one that runs on into its clause."""
    opened = run_in(" ".join([line, *below[:2]]))
    return opened is not None and len(opened[0]) > len(line.strip())
