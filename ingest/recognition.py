"""Recognising the text of pages that are pictures, once everything else of a sync is done.

A page takes seconds, so no document waits for another's: what a sync took in is found by its text first. What was
recognised is kept page by page; a document is read again when its last page is done or the time is up.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, replace
from typing import Self

from connectors.base import Connector, Content
from ingest.content import digest_of
from ingest.family import taken_out
from ingest.items import Fetched
from ingest.parsers.workers import ParserPool
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import new_document_id
from memory.catalogue.ledger import LedgerRow
from memory.domain import SourceRef
from memory.errors import NotFound, ParseError, ParserUnavailable, SourceError, SourceUnavailable
from memory.scanned import ScannedPage

PAGES_TOGETHER = 4
"""Pages that a worker is given at a time: few enough to stop soon, and to share a long scan among the workers."""

_DOCUMENTS_TOGETHER = 16
_BYTES_TOGETHER = 64_000_000


@dataclass(slots=True)
class Recognised:
    """What came of it.

    :param documents: that were read again with what was recognised on their pages.
    :param pages: that were recognised, whether they show text or not.
    :param failed: pages that could not be.
    :param waiting: pages that the next sync goes on with.
    """

    documents: int = 0
    pages: int = 0
    failed: int = 0
    waiting: int = 0

    @classmethod
    def of(cls, several: Iterable[Self]) -> Self:
        """The sum over several sources."""
        sums = (sum(column) for column in zip(*map(astuple, several), strict=True))
        return cls(*sums)

    def followed_by(self, later: Self) -> Self:
        """Of one source, with what came of it the next time: what waits then is all that waits."""
        return replace(type(self).of((self, later)), waiting=later.waiting)

    def to_json(self) -> dict[str, int]:
        """The counts as JSON values."""
        return asdict(self)


@dataclass(slots=True)
class _Family:
    """A document that the source lists, and the files with pictures in it: itself, or what is attached to it.

    :param touched: whether it is worth reading again.
    """

    fetched: Fetched
    waiting: list[LedgerRow]
    touched: bool = False


@dataclass(frozen=True, slots=True)
class _Slice:
    """Pages of a file, to be recognised in one go."""

    family: _Family
    content: Content
    digest: str
    pages: tuple[int, ...]


class Recognition:
    """Recognises what waits for it in a source.

    :param reread: reads documents again and writes them; gives how many were written.
    :param until: when to end, on the clock of `time.monotonic`.
    :param stopping: whether to end at once: somebody wants it, or has something better to do.
    :param report: is told how many pages are done, and how many there were at first.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        pool: ParserPool,
        reread: Callable[[list[Fetched]], int],
        *,
        until: float,
        stopping: Callable[[], bool],
        report: Callable[[int, int], None],
    ) -> None:
        self._catalogue = catalogue
        self._pool = pool
        self._reread = reread
        self._until = until
        self._stopping = stopping
        self._report = report
        self._done = Recognised()
        self._begun = False

    def run(self, source: str, connector: Connector) -> Recognised:
        """Recognise page after page until none is left or the time is up.

        :raises SourceUnavailable: where the source cannot be reached, or not any more.
        """
        total = self._waiting(source)
        for batch in self._batches(source, connector):
            self._recognise(batch, total)
            if touched := [family.fetched for family in batch if family.touched]:
                self._done.documents += self._reread(touched)
            if self._over():
                break
        self._catalogue.scans.forget_unused()
        self._done.waiting = self._waiting(source)
        return self._done

    def _waiting(self, source: str) -> int:
        return sum(row.unread for row in self._catalogue.ledger.unread(source))

    def _over(self) -> bool:
        """Whether to end: however short the time is, a page is recognised, else a scan would wait for ever."""
        return self._stopping() or (self._begun and time.monotonic() > self._until)

    def _batches(self, source: str, connector: Connector) -> Iterator[list[_Family]]:
        """Documents with what waits in them, fetched: some at a time, so that all workers have something to do."""
        waiting: dict[SourceRef, list[LedgerRow]] = {}
        for row in self._catalogue.ledger.unread(source):
            waiting.setdefault(self._catalogue.ledger.way_to(row.ref)[0], []).append(row)
        batch: list[_Family] = []
        size = 0
        for ref, rows in waiting.items():
            if self._over():
                return
            if (fetched := self._fetched(ref, connector)) is None:
                continue
            batch.append(_Family(fetched, rows))
            size += len(fetched.content.body) if isinstance(fetched.content.body, bytes) else 0
            if len(batch) == _DOCUMENTS_TOGETHER or size > _BYTES_TOGETHER:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def _fetched(self, ref: SourceRef, connector: Connector) -> Fetched | None:
        """A document as the source holds it; None where that is not what was read: the next sync sees to it."""
        row = self._catalogue.ledger.find([ref]).get(ref)
        if row is None:
            return None
        try:
            access, content = connector.access(ref), connector.fetch(ref)
            digest = digest_of(content)
        except SourceUnavailable:
            raise
        except (NotFound, SourceError, OSError):
            return None
        if digest != row.content:
            return None
        attached = self._catalogue.ledger.attached([ref])[ref]
        document = row.document or new_document_id()
        return Fetched(
            content, document, row.version, row.fingerprint, digest, access, attached=tuple(attached)
        )

    def _recognise(self, batch: Sequence[_Family], total: int) -> None:
        with ThreadPoolExecutor(max_workers=self._pool.workers) as threads:
            for done in threads.map(self._read, [each for family in batch for each in self._slices(family)]):
                self._done.pages += len(done)
                self._done.failed += sum(bool(page.problem) for page in done.values())
                self._report(min(self._done.pages, total), total)

    def _slices(self, family: _Family) -> Iterator[_Slice]:
        """What is to be done in a document; a file that cannot be opened any more is left to the next sync."""
        for row in family.waiting:
            try:
                content = family.fetched.content
                for ref in self._catalogue.ledger.way_to(row.ref)[1:]:
                    content = taken_out(self._pool, content, ref)
                known = self._catalogue.scans.recognised(row.content)
                parsed = self._pool.parse(
                    content.body, name=content.name, media_type=content.media_type, known=known
                )
            except (NotFound, ParseError, OSError):
                family.touched = True  # what is wrong with it is found and said when it is read
                continue
            family.touched = family.touched or not parsed.unread
            for start in range(0, len(parsed.unread), PAGES_TOGETHER):
                pages = parsed.unread[start : start + PAGES_TOGETHER]
                yield _Slice(family, content, row.content, pages)

    def _read(self, part: _Slice) -> dict[int, ScannedPage]:
        """Recognise pages, each of them once, and keep what was recognised."""
        left, done = part.pages, dict[int, ScannedPage]()
        while left and not self._over():
            if not (read := self._asked(part.content, left)):
                break
            self._catalogue.scans.keep(part.digest, read)
            part.family.touched = self._begun = True
            done |= read
            left = tuple(number for number in left if number not in read)
        return done

    def _asked(self, content: Content, pages: tuple[int, ...]) -> dict[int, ScannedPage]:
        """Some of these pages; a worker that dies of them is asked for the first alone, to tell which it was."""
        try:
            return self._pool.recognise(
                content.body, name=content.name, media_type=content.media_type, pages=pages
            )
        except (ParserUnavailable, OSError):
            return {}
        except ParseError as error:
            if len(pages) > 1:
                return self._asked(content, pages[:1])
            return {pages[0]: ScannedPage(0, 0, problem=error.message)}
