"""What a source's changes mean for the memory: which documents to read, and which have only moved."""

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Connection

from connectors.base import UNASKED, Change, Checkpoint, Deleted, Moved, Upserted
from connectors.patience import Patient
from ingest.content import digest_of, size_of
from ingest.error_monitor import ErrorMonitor
from ingest.items import Fetched
from ingest.removals import Removals
from ingest.summary import Summary
from ingest.walked import Walked
from memory.catalogue.catalogue import Catalogue
from memory.catalogue.documents import new_document_id
from memory.catalogue.ledger import BATCH, LedgerRow, without_hold
from memory.domain import HELD_SHARE, Access, Failed, SourceRef, Stage
from memory.errors import NotFound, SourceError, SourceUnavailable


class ChangeReader:
    """Reads one source's changes once, from the connector to documents ready to be parsed.

    :param monitor: is told what could not be fetched, and ends the walk where that is too much.
    :param max_bytes: files larger than this are skipped, with a ledger row that says so.
    :param look: is called with every change; what it raises ends the walk.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        connector: Patient,
        source: str,
        summary: Summary,
        monitor: ErrorMonitor,
        *,
        max_bytes: int,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        self._look = look
        self._catalogue = catalogue
        self._connector = connector
        self._source = source
        self._summary = summary
        self._removals = Removals(catalogue, summary)
        self._monitor = monitor
        self._max_bytes = max_bytes
        self._walk = Walked()
        self._since = catalogue.sources.cursor(source) if connector.reports_deletions else None
        self._begun = False
        self._known = 0
        """How many documents of the source were known before."""
        self._unasked = 0
        """Documents of which there was no time to ask whether they are gone."""

    @property
    def _whole(self) -> bool:
        """Whether the walk lists everything: then what it has not met is gone, whatever the source reports."""
        return self._since is None or self._walk.whole

    def fetch_changed(self) -> Iterator[Fetched]:
        """Every document that must be read; what needs no reading is settled on the way.

        :raises SourceError: where the source cannot be reached, or not any more.
        :raises TooManyFailures: where too much of it cannot be fetched.
        """
        self._known = self._catalogue.ledger.count(self._source, listed=True)
        waiting: list[Upserted | Moved] = []
        for change in self._connector.changes(self._since):
            self._look()
            if not isinstance(change, Checkpoint):
                self._begin()
            if isinstance(change, Upserted | Moved):
                waiting.append(change)
                if len(waiting) >= BATCH:
                    yield from self._decide(waiting)
                    waiting = []
            else:
                self._settle(change)
        yield from self._decide(waiting)
        if not self._whole:
            yield from self._retry()
        for upserted, row in self._walk.candidates:
            yield from self._move_or_fetch(upserted, row)

    def _begin(self) -> None:
        """From the first change on the cursor tells less than the ledger.

        Should this sync not come to its end, what it took in and the source lost before the next one would be told by
        nobody: so the next one looks at everything.
        """
        if self._since is not None and not self._begun:
            self._begun = True
            self._catalogue.sources.set_cursor(self._source, None)

    def _retry(self) -> Iterator[Fetched]:
        """What failed before and may be mended by now: a source that only tells of changes names it no more."""
        gone = {ref.key for ref in self._walk.deleted}
        for row in self._catalogue.ledger.retryable(self._source):
            if row.ref.key.endswith("/"):
                continue  # a folder that could be listed this time
            if row.ref.key not in self._walk.seen and row.ref.key not in gone:
                self._walk.seen.add(row.ref.key)
                change = Upserted(row.ref, row.version, row.fingerprint)
                yield from self._fetch(change, row, self._attached(row.ref))

    def finish(self, *, accept_removals: bool) -> None:
        """Settle what is gone, after everything that was yielded has been written.

        :param accept_removals: remove also more than a fifth of the source.
        """
        gone = self._missing() if self._whole else self._reported()
        # What is attached goes with its document, so only documents the source lists are weighed.
        gone = [row for row in gone if row.parent is None]
        elsewhere = self._elsewhere_by_content(gone)
        settled = self._walk.explicit | elsewhere
        weighed = (row for row in gone if row.ref not in settled and not row.held_back)
        documents = [row for row in weighed if row.document]
        total = self._catalogue.ledger.count(self._source, listed=True)
        attached = self._catalogue.ledger.attached([row.ref for row in gone])
        if not accept_removals and len(documents) + self._unasked > HELD_SHARE * total:
            kept = [row for row in gone if row.ref not in elsewhere]
            self._summary.held = sum(1 + len(attached[row.ref]) for row in kept)
            gone = [row for row in gone if row.ref in elsewhere]
        for row in gone:
            self._removals.remove(row, attached[row.ref])
        self._summary.known = self._summary.accounted
        if self._walk.cursor is not None and not self._summary.held:
            self._catalogue.sources.set_cursor(self._source, self._walk.cursor)

    def _elsewhere_by_content(self, gone: list[LedgerRow]) -> set[SourceRef]:
        if not (gone and self._walk.new):
            return set()
        return self._walk.elsewhere(gone, self._catalogue.ledger.of_source(self._source))

    def _reported(self) -> list[LedgerRow]:
        """What the source says is gone, and folders that can be listed again: those were never documents."""
        known = self._catalogue.ledger.find(self._walk.deleted)
        gone = [known[ref] for ref in self._walk.deleted if ref in known]
        folders = (row for row in self._catalogue.ledger.retryable(self._source) if row.ref.key.endswith("/"))
        return [*gone, *(row for row in folders if row.ref.key not in self._walk.seen)]

    def _missing(self) -> list[LedgerRow]:
        """Known documents the complete walk has not met; those in a folder it could not list have failed."""
        gone = []
        for row in self._catalogue.ledger.of_source(self._source):
            if row.parent is not None or row.ref.key in self._walk.seen:
                continue
            doubt = self._walk.doubt_of(row.ref.key)
            if doubt is None:
                gone.append(row)
            else:
                self._unasked += doubt.startswith(UNASKED) and row.document is not None
                self._summary.doubt(doubt)
                self._summary.failed += 1 + len(self._attached(row.ref))
        return gone

    def _settle(self, change: Change) -> None:
        if isinstance(change, Failed):
            self._walk.seen.add(change.ref.key)
            if change.ref.key.endswith("/"):
                self._walk.unlisted.append(change.ref.key)
            attached = self._attached(change.ref)
            known = self._catalogue.ledger.find([change.ref])
            self._take_rights([*known.values(), *attached], change.ref)
            self._fail(change)
            self._summary.unread(attached)
        elif isinstance(change, Deleted):
            self._walk.deleted.append(change.ref)
            if change.explicit:
                self._walk.explicit.add(change.ref)
        elif isinstance(change, Checkpoint):
            self._walk.cursor, self._walk.doubt = change.cursor, change.doubt
            self._walk.whole = change.whole
            self._walk.doubts = change.doubts or self._walk.doubts

    def _decide(self, changes: list[Upserted | Moved]) -> Iterator[Fetched]:
        refs = [change.old if isinstance(change, Moved) else change.ref for change in changes]
        known = self._catalogue.ledger.find(refs)
        attached = self._catalogue.ledger.attached(list(known))
        for change, ref in zip(changes, refs, strict=True):
            row = known.get(ref)
            if isinstance(change, Moved):
                yield from self._moved_by_source(change, row)
                continue
            self._walk.seen.add(ref.key)
            again = row is not None and self._removals.there_again(row, attached[ref])
            if row is None and (old := self._elsewhere(change)):
                self._walk.candidates.append((change, old))
            elif row is None or again or self._must_read(change, row):
                yield from self._fetch(change, row, attached.get(ref, []))
            else:
                self._summary.unread([row, *attached[ref]])

    def _must_read(self, change: Upserted, row: LedgerRow) -> bool:
        if row.version != change.version or row.stage in (Stage.SEEN, Stage.FETCHED):
            return True
        return row.stage is Stage.FAILED and row.retryable

    def _attached(self, ref: SourceRef) -> list[LedgerRow]:
        return self._catalogue.ledger.attached([ref])[ref]

    def _elsewhere(self, change: Upserted) -> LedgerRow | None:
        """The one known document with the same fingerprint: this may be it, in a new place."""
        if not change.fingerprint:
            return None
        rows = self._catalogue.ledger.same_fingerprint(self._source, change.fingerprint)
        return rows[0] if len(rows) == 1 else None

    def _move_or_fetch(self, change: Upserted, row: LedgerRow) -> Iterator[Fetched]:
        # Of two new names of one file (hard links) the first is where it moved to, the other a copy.
        gone = self._walk.is_gone(row.ref.key) and row.ref not in self._walk.moved
        if gone and row.document and row.stage in (Stage.INDEXED, Stage.EMBEDDED, Stage.PARSED):
            yield from self._moved(row, row.document, change)
        else:
            yield from self._fetch(change, None, [])

    def _moved_by_source(self, change: Moved, row: LedgerRow | None) -> Iterator[Fetched]:
        self._walk.seen.add(change.new.key)
        upserted = Upserted(change.new, change.version)
        if row is not None and row.document:
            yield from self._moved(row, row.document, upserted, told=True)
            return
        if row is not None:
            with self._catalogue.transaction() as connection:
                self._catalogue.ledger.move(connection, change.old, change.new)
        yield from self._fetch(upserted, self._catalogue.ledger.find([change.new]).get(change.new), [])

    def _moved(
        self, row: LedgerRow, document: str, change: Upserted, *, told: bool = False
    ) -> Iterator[Fetched]:
        """Move it, or where its new place cannot be read, let that be one document's failure.

        :param told: by the source, and not by bytes that are the same: others are read.
        """
        try:
            same = self._move(row, document, change, told=told)
        except (NotFound, SourceError, OSError):
            yield from self._fetch(change, None, [])
            return
        attached = self._attached(change.ref)
        if not same:
            there = self._catalogue.ledger.find([change.ref]).get(change.ref)
            yield from self._fetch(change, there, attached)
            return
        found = [each for each in attached if each.stage not in (Stage.SKIPPED, Stage.FAILED)]
        self._summary.moved += 1 + len(found)
        self._summary.unread(each for each in attached if each not in found)

    def _move(self, row: LedgerRow, document: str, change: Upserted, *, told: bool) -> bool:
        """Give a known document its new place; says whether it is the same there, so that nothing is left to read.

        Where it is not, it keeps its old version until it was read: this may end in between.
        """
        access = self._connector.access(change.ref)
        if told:
            content = self._connector.fetch(change.ref)
            same, url = digest_of(content) == row.content, content.url
        else:
            same, url = True, self._connector.url(change.ref)
        version = change.version if same else row.version
        attached = self._attached(row.ref)
        self._removals.there_again(row, attached)
        with self._catalogue.transaction() as connection:
            self._catalogue.documents.restate(connection, document, access, ref=change.ref, url=url)
            self._catalogue.ledger.move(
                connection, row.ref, change.ref, version=version, fingerprint=change.fingerprint
            )
            for each in attached:
                self._move_attached(connection, each, (row.ref, change.ref), access, url)
        self._walk.seen.add(change.ref.key)
        self._walk.moved.add(row.ref)
        return same

    def _move_attached(
        self,
        connection: Connection,
        row: LedgerRow,
        place: tuple[SourceRef, SourceRef],
        access: Access,
        url: str,
    ) -> None:
        ref, parent = (_beneath(each, *place) for each in (row.ref, row.parent or row.ref))
        if row.document:
            self._catalogue.documents.restate(connection, row.document, access, ref=ref, url=url)
        self._catalogue.ledger.move(connection, row.ref, ref, parent=str(parent))

    def _fetch(
        self, change: Upserted, row: LedgerRow | None, attached: Sequence[LedgerRow]
    ) -> Iterator[Fetched]:
        if self._too_large(change.size or 0, change, row, attached):
            return
        try:
            access = self._connector.access(change.ref)
            content = self._connector.fetch(change.ref)
            if self._too_large(size_of(content), change, row, attached):
                return
            digest = digest_of(content)
        except NotFound:
            # Gone since it was listed: what was known of it is settled with the removals.
            self._walk.seen.discard(change.ref.key)
            return
        except SourceUnavailable:
            raise  # that is no fault of the document: the sync of the source ends here and goes on another time
        except (SourceError, OSError) as error:
            reason = error.message if isinstance(error, SourceError) else error.strerror or str(error)
            self._take_rights([row, *attached] if row else attached, change.ref)
            self._fail(Failed(change.ref, Stage.FETCHED, reason, retryable=True), change)
            self._summary.unread(attached)
            return
        if row and row.document and row.content == digest and row.stage in (Stage.INDEXED, Stage.EMBEDDED):
            self._restate(row, attached, change, access)
            return
        if row is not None and row.stage is Stage.FAILED:
            self._monitor.expect(row.ref)
        self._monitor.succeeded(Stage.FETCHED)
        if row is None and self._known:
            self._walk.new.add(change.ref.key)
        document = (row.document if row else None) or new_document_id()
        yield Fetched(
            content,
            document,
            change.version,
            change.fingerprint,
            digest,
            access,
            attached=tuple(attached),
        )

    def _restate(
        self, row: LedgerRow, attached: Sequence[LedgerRow], change: Upserted, access: Access
    ) -> None:
        """The same bytes under a new version: only dates or access changed."""
        with self._catalogue.transaction() as connection:
            for each in (row, *attached):
                if each.document:
                    self._catalogue.documents.restate(connection, each.document, access)
            reason = without_hold(row.reason)  # it lies at its source again
            known = {"version": change.version, "fingerprint": change.fingerprint, "reason": reason}
            self._catalogue.ledger.write(connection, row.ref, row.stage, **known)
        self._summary.unread([row, *attached])

    def _take_rights(self, rows: Sequence[LedgerRow], ref: SourceRef) -> None:
        """What cannot be read any more stays found as it was, but not by those who may not see it now."""
        try:
            access = self._connector.access(ref)
        except (SourceError, NotFound):
            return  # who may see it now cannot be told either: those who might, still may
        with self._catalogue.transaction() as connection:
            for row in rows:
                if row.document:
                    self._catalogue.documents.restate(connection, row.document, access, narrow=True)

    def _too_large(
        self, size: int, change: Upserted, row: LedgerRow | None, attached: Sequence[LedgerRow]
    ) -> bool:
        """Whether that many bytes are more than are read; then that is noted."""
        if size > self._max_bytes:
            self._skip(change, row, attached, f"larger than {self._max_bytes // 1_000_000} MB")
        return size > self._max_bytes

    def _skip(
        self, change: Upserted, row: LedgerRow | None, attached: Sequence[LedgerRow], reason: str
    ) -> None:
        with self._catalogue.transaction() as connection:
            if row is not None and row.document:
                self._catalogue.documents.remove(connection, row.document)
            for each in attached:
                if each.document:
                    self._catalogue.documents.remove(connection, each.document)
                self._catalogue.ledger.drop(connection, each.ref)
            gone = {"version": change.version, "document": None, "unread": 0}
            self._catalogue.ledger.write(connection, change.ref, Stage.SKIPPED, reason=reason, **gone)
        self._summary.skipped += 1
        self._summary.removed += len(attached)

    def _fail(self, failure: Failed, change: Upserted | None = None) -> None:
        known = {"version": change.version} if change else {}
        before = self._catalogue.ledger.find([failure.ref]).get(failure.ref)
        if before is not None and before.stage is Stage.FAILED:
            self._monitor.expect(failure.ref)
        self._catalogue.ledger.note(
            failure.ref, Stage.FAILED, reason=failure.reason, retryable=failure.retryable, **known
        )
        self._summary.fail(failure)
        self._monitor.failed(failure)


def _beneath(ref: SourceRef, old: SourceRef, new: SourceRef) -> SourceRef:
    """The ref of what is attached to a document, after that document moved."""
    return SourceRef(new.kind, new.source, new.key + ref.key.removeprefix(old.key))
