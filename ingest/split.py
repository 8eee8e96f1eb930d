"""From a parsed document to its canonical text and the passages that are found.

A passage is a span of the canonical text, exactly; it never crosses a heading, a sheet, a slide or a message.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from ingest.parsers.base import Element, ElementKind, Parsed
from ingest.sentences import sentence_ends
from memory.domain import Location
from memory.scanned import Span

TARGET_TOKENS = 200
MAX_TOKENS = 280
"""A passage grows past the target only so as not to tear a paragraph."""

LONGEST_HEADING = 300
"""Characters: what is longer and styled as a heading is text, to be cut and embedded whole."""

_BETWEEN = "\n\n"
_HEADINGS = (ElementKind.TITLE, ElementKind.HEADING)
_CLAUSE = re.compile(r"[;:,]\s+")
_BLANK = re.compile(r"\s+")
_LINE = re.compile(r"\n+")
_MAX_TITLE = 150
_MAX_HEADING = 80


@dataclass(frozen=True, slots=True)
class Piece:
    """A passage before it has a document.

    :param text: exactly ``canonical_text[location.start:location.end]``.
    """

    text: str
    location: Location
    ordinal: int


@dataclass(slots=True)
class _Open:
    """The passage being filled."""

    start: int
    end: int
    tokens: float
    first: Element
    scanned: bool


def split(parsed: Parsed) -> tuple[str, list[Piece]]:
    """The canonical text and its passages, in reading order.

    The canonical text is the elements joined by blank lines. A heading opens a passage and stands in its
    path, not in its text; one without text beneath is a passage of its own. Nor does a passage run over the
    messages of a thread: each has its own writer. What is set apart, such as the quotations in a message, is in no
    passage.
    """
    canonical = _BETWEEN.join(element.text for element in parsed.elements)
    message = (parsed.message.id if parsed.message else "") or None
    pieces = [
        Piece(
            canonical[location.start : location.end],
            replace(location, message=location.message or message),
            ordinal,
        )
        for ordinal, location in enumerate(_locations(parsed.elements, canonical))
    ]
    return canonical, pieces


def asides(parsed: Parsed) -> list[tuple[int, int, str]]:
    """Start, end and kind of what is set apart in the canonical text."""
    found, position = [], 0
    for element in parsed.elements:
        if element.aside is not None:
            found.append((position, position + len(element.text), element.aside.value))
        position += len(element.text) + len(_BETWEEN)
    return found


def scans(parsed: Parsed) -> dict[int, list[Span]]:
    """Of each page that was recognised as a picture, the span of every word in the canonical text."""
    found: dict[int, list[Span]] = {}
    position = 0
    for element in parsed.elements:
        if element.words and element.page is not None:
            placed = ((position + start, position + end) for start, end in element.words)
            found.setdefault(element.page, []).extend(placed)
        position += len(element.text) + len(_BETWEEN)
    return found


def embedding_text(title: str, heading_path: Sequence[str], text: str) -> str:
    """What is analysed and embedded of a passage: its title and headings in front of its text."""
    path = [_short(heading, _MAX_HEADING) for heading in heading_path[-3:] if heading != title]
    front = [_short(title, _MAX_TITLE), " > ".join(path)]
    return "\n".join(part for part in (*front, text) if part)


# Tokens of multilingual-e5, fitted by least squares on 1,200 passages in English, German, French, Danish and
# Chinese, prose, contracts, mail, code and figures: right within 8 % on average for each kind, within 25 % for
# nine passages of ten. Characters alone (1.7 to 4.3 a token) are not.
_WEIGHTS = (
    (re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"), 0.44),
    (re.compile(r"\d"), 0.44),
    (re.compile(r"[^\w\s]|_"), 0.45),
)
_PLAIN = tuple(
    (bytes(code for code in range(128) if pattern.match(chr(code))), weight) for pattern, weight in _WEIGHTS
)
_WORD = 0.35
_LETTER = 0.166


def estimate_tokens(text: str) -> float:
    """About how many tokens of multilingual-e5 a text has."""
    if (
        text.isascii()
    ):  # the same, counted at once: splitting asks for each sentence, and for each word of a long one
        plain = text.encode("ascii")
        special = sum(weight * (len(plain) - len(plain.translate(None, those))) for those, weight in _PLAIN)
    else:
        special = sum(weight * len(pattern.findall(text)) for pattern, weight in _WEIGHTS)
    return special + _WORD * (1 + text.count(" ") + text.count("\n")) + _LETTER * len(text)


def heads(element: Element) -> bool:
    """Whether an element opens a passage of its own and stands in the path of what follows."""
    return element.kind in _HEADINGS and len(element.text) <= LONGEST_HEADING


def _locations(elements: Sequence[Element], canonical: str) -> Iterator[Location]:
    passages = _Passages(canonical)
    position = 0
    for element in elements:
        if element.aside is not None:
            yield from passages.interrupt()
        elif heads(element):
            yield from passages.heading(element, position)
        else:
            yield from passages.body(element, position)
        position += len(element.text) + len(_BETWEEN)
    yield from passages.end()


class _Passages:
    """Fills passages element by element, and gives each back when it is complete."""

    def __init__(self, canonical: str) -> None:
        self._canonical = canonical
        self._path: list[tuple[int, str]] = []
        self._waiting: tuple[Element, Location] | None = None  # a heading that has no text beneath yet
        self._open: _Open | None = None

    def heading(self, element: Element, start: int) -> Iterator[Location]:
        """A heading closes the passage above it."""
        yield from self._close()
        level = max(1, element.level)
        if self._waiting is not None and (
            max(1, self._waiting[0].level) >= level or not _same_place(self._waiting[0], element)
        ):
            yield self._waiting[1]
        self._path = [above for above in self._path if above[0] < level]
        self._waiting = (element, self._location(element, start, start + len(element.text)))
        self._path.append((level, element.text))

    def body(self, element: Element, start: int) -> Iterator[Location]:
        """Text joins the open passage while it fits."""
        if self._waiting is not None and not _same_place(self._waiting[0], element):
            yield self._waiting[1]  # its own sheet or slide has nothing else, and it stays findable there
        self._waiting = None
        for span_start, span_end in _units(element, self._canonical, start):
            tokens = estimate_tokens(self._canonical[span_start:span_end])
            if not self._fits(element, tokens):
                yield from self._close()
            if self._open is None:
                self._open = _Open(span_start, span_end, tokens, element, bool(element.words))
            else:
                self._open.end, self._open.tokens = span_end, self._open.tokens + tokens
                self._open.scanned = self._open.scanned or bool(element.words)

    def interrupt(self) -> Iterator[Location]:
        """A passage does not run over what is set apart."""
        yield from self._close()

    def end(self) -> Iterator[Location]:
        """What is still open at the end of the document."""
        yield from self._close()
        if self._waiting is not None:
            yield self._waiting[1]

    def _close(self) -> Iterator[Location]:
        if self._open is not None:
            where = self._location(self._open.first, self._open.start, self._open.end)
            yield replace(where, scanned=self._open.scanned)
            self._open = None

    def _location(self, element: Element, start: int, end: int) -> Location:
        path = tuple(heading for _, heading in self._path)
        return Location(
            start,
            end,
            page=element.page,
            heading=path,
            sheet=element.sheet,
            slide=element.slide,
            message=element.message,
            scanned=bool(element.words),
        )

    def _fits(self, element: Element, tokens: float) -> bool:
        """Whether one more unit belongs to the open passage."""
        current = self._open
        if current is None or not _same_place(current.first, element):
            return False
        together = current.tokens + tokens
        if together > MAX_TOKENS or (together > TARGET_TOKENS and current.tokens >= TARGET_TOKENS / 2):
            return False
        # A paragraph that goes on over the page stays whole; a new one begins on its own page.
        if element.page == current.first.page:
            return True
        # What was recognised on a picture is shown there, so it stands on one page.
        return self._canonical[current.end - 1].isalnum() and not (current.scanned or element.words)


def _same_place(one: Element, other: Element) -> bool:
    return (one.sheet, one.slide, one.message) == (other.sheet, other.slide, other.message)


def _units(element: Element, canonical: str, start: int) -> Iterator[Span]:
    """The element's span, or the spans it is cut into where it is too long for one passage."""
    end = start + len(element.text)
    total = estimate_tokens(element.text)
    if total <= MAX_TOKENS:
        yield start, end
        return
    # Equal parts read better than full ones and a rest.
    aim = total / math.ceil(total / TARGET_TOKENS)
    lines_first = element.kind in (ElementKind.TABLE, ElementKind.CODE, ElementKind.LIST)
    open_start, open_end, filled = start, start, 0.0
    for span_start, span_end in _atoms(canonical, (start, end), aim, lines_first):
        tokens = estimate_tokens(canonical[span_start:span_end])
        if filled and filled + tokens / 2 > aim:
            yield open_start, open_end
            open_start, filled = span_start, 0.0
        open_end, filled = span_end, filled + tokens
    if filled:
        yield open_start, open_end


def _atoms(text: str, span: Span, limit: float, lines_first: bool) -> Iterator[Span]:
    """Sentences, or lines, clauses, words and at last bare characters, none above the limit."""
    ways = (_lines, _sentences, _clauses, _words) if lines_first else (_sentences, _lines, _clauses, _words)
    spans = [span]
    for way in ways:
        spans = [
            part
            for whole in spans
            for part in ([whole] if estimate_tokens(text[whole[0] : whole[1]]) <= limit else way(text, whole))
        ]
    for start, end in spans:
        if estimate_tokens(text[start:end]) <= limit:
            yield start, end
        else:
            # No blank in it (base64, a script without blanks): cut hard; two characters a token at worst.
            step = max(1, int(limit / (estimate_tokens(text[start:end]) / (end - start))))
            yield from ((at, min(at + step, end)) for at in range(start, end, step))


def _lines(text: str, span: Span) -> Iterator[Span]:
    return _at(_LINE, text, span)


def _clauses(text: str, span: Span) -> Iterator[Span]:
    return _at(_CLAUSE, text, span)


def _words(text: str, span: Span) -> Iterator[Span]:
    return _at(_BLANK, text, span)


def _at(pattern: re.Pattern[str], text: str, span: Span) -> Iterator[Span]:
    start, end = span
    for match in pattern.finditer(text, start, end):
        stop = match.start() + len(match[0].rstrip())
        if stop > start:
            yield start, stop
        start = match.end()
    if start < end:
        yield start, end


def _sentences(text: str, span: Span) -> Iterator[Span]:
    start, end = span
    for stop, following in sentence_ends(text, start, end):
        yield start, stop
        start = following
    if start < end:
        yield start, end


def _short(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
