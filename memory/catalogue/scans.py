"""Pages that are pictures: what was recognised on them, and where those words stand in a document's text.

The words are kept by the digest of the file, so that a scan attached to ten mails is read once and what a kill
interrupts goes on behind its last page; where they stand is kept by document.
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from itertools import chain

import numpy as np
from sqlalchemy import Connection, Engine, delete, insert, select

from memory.catalogue.engine import transaction
from memory.catalogue.schema import ledger, page_spans, recognised_pages
from memory.catalogue.upsert import upsert
from memory.errors import NotFound
from memory.scanned import ScannedPage, Span


class Scans:
    """The recognised pages of a memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def recognised(self, content: str) -> dict[int, ScannedPage]:
        """The pages of a file that were read as pictures, by number from 1.

        :param content: SHA-256 of the file, as the ledger has it.
        """
        query = select(recognised_pages).where(recognised_pages.c.content == content)
        with transaction(self._engine) as connection:
            return {row.page: _unpacked(row.words) for row in connection.execute(query)}

    def keep(self, content: str, pages: Mapping[int, ScannedPage]) -> None:
        """Keep what was recognised on pages of a file."""
        with transaction(self._engine) as connection:
            for number, page in pages.items():
                packed = {"words": _packed(page)}
                upsert(connection, recognised_pages, {"content": content, "page": number}, packed)

    def place(
        self, connection: Connection, document: str, content: str, spans: Mapping[int, Sequence[Span]]
    ) -> None:
        """Say where the words of a document's scanned pages stand in its text, instead of what was said before.

        :param spans: for each such page one span a word, in the order of its words.
        """
        connection.execute(delete(page_spans).where(page_spans.c.document == document))
        rows = [
            {"document": document, "page": number, "content": content, "spans": _spans_packed(those)}
            for number, those in spans.items()
        ]
        if rows:
            connection.execute(insert(page_spans), rows)

    def pages(self, document: str) -> list[int]:
        """The numbers of a document's pages that were read as pictures; whoever asks has checked access."""
        query = select(page_spans.c.page).where(page_spans.c.document == document)
        with transaction(self._engine) as connection:
            return list(connection.execute(query.order_by(page_spans.c.page)).scalars())

    def page(self, document: str, number: int) -> tuple[ScannedPage, list[Span], str]:
        """A page with its words, where they stand in the text, and the digest of the file they were read in.

        Whoever asks has checked access.

        :raises NotFound: where it was not read as a picture.
        """
        query = (
            select(recognised_pages.c.words, page_spans.c.spans, page_spans.c.content)
            .join(
                recognised_pages,
                (recognised_pages.c.content == page_spans.c.content)
                & (recognised_pages.c.page == page_spans.c.page),
            )
            .where(page_spans.c.document == document, page_spans.c.page == number)
        )
        with transaction(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFound("This page was not read as a picture.", hint="Open the document itself.")
        return _unpacked(row.words), _spans_unpacked(row.spans), row.content

    def forget_unused(self) -> None:
        """Delete what was recognised in files that no document has any more."""
        content = recognised_pages.c.content
        held = select(ledger.c.ref).where(ledger.c.content == content).exists()
        shown = select(page_spans.c.document).where(page_spans.c.content == content).exists()
        with transaction(self._engine) as connection:
            connection.execute(delete(recognised_pages).where(~held, ~shown))


def _packed(page: ScannedPage) -> bytes:
    return zlib.compress(json.dumps(page.to_json(), ensure_ascii=False, separators=(",", ":")).encode(), 9)


def _unpacked(blob: bytes) -> ScannedPage:
    return ScannedPage.from_json(json.loads(zlib.decompress(blob)))


def _spans_packed(spans: Sequence[Span]) -> bytes:
    """Ends follow starts and words each other, so that differences are small numbers."""
    flat = np.fromiter(chain.from_iterable(spans), dtype="<i4")
    return zlib.compress(np.diff(flat, prepend=np.int32(0)).astype("<i4").tobytes(), 9)


def _spans_unpacked(blob: bytes) -> list[Span]:
    flat = np.cumsum(np.frombuffer(zlib.decompress(blob), dtype="<i4")).tolist()
    return list(zip(flat[::2], flat[1::2], strict=True))
