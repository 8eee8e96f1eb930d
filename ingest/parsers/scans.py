"""From recognised words to elements of a document, each word knowing where it stands in their texts."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from ingest.parsers import pictures, properties
from ingest.parsers.base import Element, ElementKind, Parsed
from ingest.parsers.headings import heading_levels
from ingest.parsers.pages import keeps_hyphen, parts
from ingest.parsers.people import bylines, distinct, signatories
from ingest.parsers.tesseract import Tesseract, recognise
from memory.errors import ParseError
from memory.scanned import ScannedPage, Span, Word

NO_TEXT = "no text layer, needs OCR"
WAITING = "no text layer; recognising it (OCR) has yet to come"
NOTHING_SEEN = "no text was recognised on it (OCR)"

Known = Mapping[int, ScannedPage]
"""Pages that were recognised, by number from 1."""


def completed(parsed: Parsed, data: bytes, known: Known, *, on: bool, name: str) -> Parsed:
    """A parsed file with what was recognised on its pictures, and the pages of which that is still to be done.

    :param parsed: what its text layer says; nothing of an image file.
    :param known: what was recognised so far.
    :param on: whether pages are recognised here.
    :raises ParseError: where an image file cannot be read.
    """
    pages = _pictured(parsed, data)
    unread = tuple(number for number in pages if number not in known)
    read = {number: known[number] for number in pages if number in known}
    found = _elements(read)
    said = _said(unread, read, on=on)
    parsed = replace(parsed, unread=unread, remark=said if parsed.elements or found else "")
    if not found:
        return replace(parsed, empty_reason=_reason(parsed, unread, said, on=on))
    own = [element.text for element in found]
    people = distinct([*parsed.contributions, *bylines(own[:60]), *signatories("\n".join(own))])
    title = parsed.title
    if not parsed.elements and title == properties.title({}, (), name):
        title = properties.title({}, found, name)
    # Sorting is stable: what stood on a page before stays in front of what was recognised on it.
    elements = sorted([*parsed.elements, *found], key=lambda element: element.page or 0)
    return replace(parsed, title=title, elements=tuple(elements), contributions=people, empty_reason="")


def read_pages(
    data: bytes, media_type: str, numbers: Sequence[int], engine: Tesseract, *, timeout_s: float
) -> dict[int, ScannedPage]:
    """Recognise pages, as many as are done in half of the time, one at least.

    :param numbers: from 1, the first to be done first.
    :param timeout_s: how long one page may take.
    """
    began = time.monotonic()
    done: dict[int, ScannedPage] = {}
    for number in numbers:
        if done and time.monotonic() - began > timeout_s / 2:
            break
        try:
            done[number] = _read_page(data, media_type, number, engine, timeout_s)
        except ParseError as error:
            done[number] = ScannedPage(0, 0, problem=error.message)
    return done


def _read_page(data: bytes, media_type: str, number: int, engine: Tesseract, timeout_s: float) -> ScannedPage:
    picture, width, height, dpi = pictures.for_reading(data, media_type, number)
    if pictures.too_small(width, height):
        return ScannedPage(width, height)
    # Less than the worker has for it, so that what is said is which page took long.
    return ScannedPage(width, height, recognise(picture, engine, dpi=dpi, timeout_s=0.9 * timeout_s))


def _pictured(parsed: Parsed, data: bytes) -> list[int]:
    """The numbers of the pages that are pictures."""
    if parsed.media_type in pictures.IMAGES:
        return list(range(1, pictures.frames(data) + 1))
    texts = [0] * parsed.pages
    for element in parsed.elements:
        if element.page and element.page <= parsed.pages:
            texts[element.page - 1] += len(element.text)
    few = [number for number, length in enumerate(texts, start=1) if length < pictures.STAMP]
    if not few:
        return []
    try:
        return pictures.scanned(data, few, [texts[number - 1] for number in few])
    except ParseError:
        return [] if parsed.elements else few


def _said(unread: Sequence[int], read: Known, *, on: bool) -> str:
    """What of it is not there, for the ledger."""
    said = []
    if unread and on:
        said.append(f"{len(unread)} of its pages have no text layer, recognising them (OCR) has yet to come")
    elif unread:
        said.append(f"{len(unread)} of its pages have no text layer, needs OCR")
    if failed := {number: page.problem for number, page in read.items() if page.problem}:
        first = min(failed)
        said.append(
            f"{len(failed)} of its pages could not be recognised, first page {first}: {failed[first]}"
        )
    return "; ".join(said)


def _reason(parsed: Parsed, unread: Sequence[int], said: str, *, on: bool) -> str:
    """Why a file has no elements."""
    if parsed.elements:
        return ""
    if unread:
        return WAITING if on else NO_TEXT
    return said or (
        NOTHING_SEEN if parsed.media_type in pictures.IMAGES or parsed.pages else parsed.empty_reason
    )


def _elements(read: Known) -> list[Element]:
    words = Counter(word.text.lower() for page in read.values() for word in page.words)
    found = [
        element
        for number in sorted(read)
        for text, spans in paragraphs(read[number].words, words)
        for element in [Element(ElementKind.TEXT, text, page=number, words=spans)]
    ]
    levels = heading_levels([element.text for element in found])
    return [
        replace(element, kind=ElementKind.HEADING, level=level) if level else element
        for element, level in zip(found, levels, strict=True)
    ]


def paragraphs(words: Iterable[Word], known: Mapping[str, int]) -> Iterator[tuple[str, tuple[Span, ...]]]:
    """Texts of paragraphs, list items and headings, with the span of each word in its text.

    :param known: how often each word, lower-cased, stands in the document.
    """
    for _, together in groupby(words, key=lambda word: word.paragraph):
        lines = [list(line) for _, line in groupby(together, key=lambda word: word.line)]
        of_text = [" ".join(word.text for word in line) for line in lines]
        taken = 0
        for part in parts(of_text):
            yield _joined(lines[taken : taken + len(part)], known)
            taken += len(part)


def _joined(lines: Sequence[Sequence[Word]], known: Mapping[str, int]) -> tuple[str, tuple[Span, ...]]:
    text = ""
    spans: list[Span] = []
    for line in lines:
        for place, word in enumerate(line):
            if place == 0 and text and (keep := keeps_hyphen(text, word.text, known)) is not None:
                if not keep:
                    text = text[:-1]
                    start, end = spans[-1]
                    spans[-1] = (start, end - 1)
            elif text:
                text += " "
            spans.append((len(text), len(text) + len(word.text)))
            text += word.text
    return text, tuple(spans)
