"""A page that was read as a picture: its words with their places, what is marked on it, and the picture itself."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

from api import attached
from api.wiring import Memory
from api.witness import saw
from connectors.base import Content
from ingest.content import digest_of
from ingest.parsers.workers import ParserPool
from memory.catalogue.events import EventKind
from memory.domain import Asker, Document, Passage, SourceRef
from memory.errors import NotFound, ParseError
from memory.scanned import UNSURE, Span

KEPT_BYTES = 32_000_000
"""Pictures of pages that are kept in memory: some hundred. On no disk, so that nothing outlives its document."""

_REST_S = 60.0
"""Seconds that the worker which draws outlives a page: whoever turns pages does not wait for it to start again."""

Marks = Callable[[str, list[dict[str, Any]]], dict[int, Any]]
"""Gives the spans to mark in passages, by ordinal, of a document in a language."""


class Scans:
    """The scanned pages of a memory, for whoever may see their documents."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._pool: ParserPool | None = None

    def page(
        self,
        document: str,
        number: int,
        asker: Asker,
        marks: Marks,
        passage: int | None = None,
        query: str = "",
    ) -> dict[str, Any]:
        """A page with its words in reading order.

        :param marks: what a search marks in passages.
        :param passage: the ordinal of the passage in view.
        :param query: the search that led there.
        :raises NotFound: where it was not read as a picture, or the asker may not see the document.
        """
        catalogue = self._memory.catalogue
        known = catalogue.documents.get(document, asker)
        page, spans, _ = catalogue.scans.page(document, number)
        numbers, text = catalogue.scans.pages(document), catalogue.documents.text(document)
        passages = catalogue.passages.of_document(document)
        found = _spans_of(passages, marks(known.language, [_json(each) for each in passages]))
        view = [(p.location.start, p.location.end) for p in passages if p.ordinal == passage]
        catalogue.events.record(EventKind.OPEN, asker, query, [document])
        saw([document])
        return {
            "document": document,
            "title": known.title,
            "language": known.language,
            "page": number,
            "pages": numbers,
            "width": page.width,
            "height": page.height,
            "confidence": page.confidence,
            "words": [
                {
                    "text": word.text,
                    "box": list(word.box),
                    "confidence": word.confidence,
                    "unsure": word.confidence < UNSURE,
                    "found": _touches(span, found),
                    "view": _touches(span, view),
                    "line": word.line,
                    "before": text[spans[at - 1][1] : span[0]] if at else "",
                }
                for at, (word, span) in enumerate(zip(page.words, spans, strict=True))
            ],
        }

    def picture(self, document: str, number: int, asker: Asker) -> bytes:
        """The picture of a page, as a JPEG.

        :raises NotFound: where it was not read as one, the asker may not see the document, or its source does not
            hold it any more as it was read: words would be marked where they do not stand.
        """
        catalogue = self._memory.catalogue
        known = catalogue.documents.get(document, asker)
        _, _, content = catalogue.scans.page(document, number)
        saw([document])
        with self._lock:
            if (kept := self._kept.get((content, number))) is not None:
                self._kept.move_to_end((content, number))
                return kept
        drawn = self._draw(self._original(known, content), known.media_type, number)
        self._keep((content, number), drawn)
        return drawn

    def close(self) -> None:
        """End the worker that draws."""
        with self._lock:
            pool, self._pool = self._pool, None
            self._kept.clear()
        if pool is not None:
            pool.close()

    def _original(self, document: Document, digest: str) -> Content:
        source = self._memory.catalogue.sources.get(document.ref.source)
        with self._memory.connected_to_documents(source) as connector:

            def fetched(ref: SourceRef) -> Content:
                return connector.fetch(ref)

            content = attached.original(self._memory, document, fetched)
            if digest_of(content) != digest:
                raise NotFound(
                    "Its source holds it in another version than was read.", hint="The next sync will notice."
                )
        return content

    def _draw(self, content: Content, media_type: str, number: int) -> bytes:
        pool = self._drawing()
        try:
            return pool.draw(content.body, name=content.name, media_type=media_type, page=number)
        except (ParseError, OSError) as error:
            raise NotFound(f"The page cannot be drawn: {error}.", hint="Open the document itself.") from error
        finally:
            pool.rest(_REST_S)

    def _drawing(self) -> ParserPool:
        with self._lock:
            if self._pool is None:
                parsing = self._memory.settings.parsing
                self._pool = ParserPool(1, parsing.timeout_s, parsing.memory_mb << 20, warm_up=False)
            return self._pool

    def _keep(self, name: tuple[str, int], drawn: bytes) -> None:
        with self._lock:
            self._kept[name] = drawn
            while sum(map(len, self._kept.values())) > KEPT_BYTES:
                self._kept.popitem(last=False)


def _spans_of(passages: Iterable[Passage], marks: dict[int, Any]) -> list[Span]:
    """What is marked in passages, as spans of the canonical text."""
    starts = {passage.ordinal: passage.location.start for passage in passages}
    return [
        (starts[ordinal] + start, starts[ordinal] + end)
        for ordinal, spans in marks.items()
        for start, end in spans
    ]


def _touches(span: Span, others: Iterable[Span]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in others)


def _json(passage: Passage) -> dict[str, Any]:
    return {"ordinal": passage.ordinal, "text": passage.text}
