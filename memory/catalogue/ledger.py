"""The ledger: for every document a connector ever saw, how far it came and why no further."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    case,
    delete,
    func,
    literal,
    or_,
    select,
    update,
)

from memory.catalogue.engine import transaction
from memory.catalogue.indexes import NONE
from memory.catalogue.schema import documents, ledger
from memory.catalogue.upsert import upsert
from memory.domain import SourceRef, Stage

BATCH = 500
"""Rows asked for at once: below the number of parameters every SQLite allows."""


HELD_BACK = "gone at its source; a legal hold keeps it"
"""What the reason of a row begins with that is removed when the last hold on it ends; ``; `` and what else it says may follow."""


def without_hold(reason: str) -> str:
    """What a row's reason says besides that a hold keeps it."""
    return reason.removeprefix(HELD_BACK).removeprefix("; ") if reason.startswith(HELD_BACK) else reason


def is_held_back() -> ColumnElement[bool]:
    """Of rows in SQL, whether they are marked so."""
    return ledger.c.reason.startswith(HELD_BACK, autoescape=True)


def held_back_reason() -> ColumnElement[str]:
    """Of rows in SQL that are not marked, the reason that marks them."""
    return case((ledger.c.reason == "", HELD_BACK), else_=literal(f"{HELD_BACK}; ") + ledger.c.reason)


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """How far one document came.

    :param document: the document's lasting id, or None before there is one.
    :param content: SHA-256 of the bytes last fetched, in hex.
    :param parent: the document it is attached to, or None for one that the source itself lists.
    :param unread: how many of its pages are pictures that were not recognised yet; 1 also for an unknown number.
    """

    ref: SourceRef
    stage: Stage
    at: datetime
    reason: str = ""
    retryable: bool = False
    document: str | None = None
    version: str = ""
    fingerprint: str = ""
    content: str = ""
    parent: SourceRef | None = None
    unread: int = 0

    @property
    def held_back(self) -> bool:
        """Whether only a hold keeps it, see `HELD_BACK`."""
        return self.reason.startswith(HELD_BACK)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows of the ledger somebody wants to see.

    :param stages: empty for all.
    :param text: what the ref or the reason has in it, whatever its case.
    """

    source: str = ""
    stages: tuple[Stage, ...] = ()
    text: str = ""

    def conditions(self) -> list[ColumnElement[bool]]:
        """As conditions on the table."""
        found: list[ColumnElement[bool]] = []
        if self.source:
            found.append(ledger.c.source == self.source)
        if self.stages:
            found.append(ledger.c.stage.in_([stage.value for stage in self.stages]))
        if self.text:
            named = (
                column.icontains(self.text, autoescape=True) for column in (ledger.c.ref, ledger.c.reason)
            )
            found.append(or_(*named))
        return found


class Ledger:
    """One row for every document the connectors have seen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def write(self, connection: Connection, ref: SourceRef, stage: Stage, **values: Any) -> None:
        """Note a stage within a transaction; columns that are not named keep what they held."""
        upsert(
            connection,
            ledger,
            {"ref": str(ref)},
            {"source": ref.source, "stage": stage.value, "at": datetime.now(UTC), "reason": "", **values},
        )

    def note(self, ref: SourceRef, stage: Stage, **values: Any) -> None:
        """Note a stage in a transaction of its own."""
        with transaction(self._engine) as connection:
            self.write(connection, ref, stage, **values)

    def find(self, refs: Sequence[SourceRef]) -> dict[SourceRef, LedgerRow]:
        """The rows of these documents, as far as they have one."""
        found: dict[SourceRef, LedgerRow] = {}
        with transaction(self._engine) as connection:
            for start in range(0, len(refs), BATCH):
                part = [str(ref) for ref in refs[start : start + BATCH]]
                for row in connection.execute(select(ledger).where(ledger.c.ref.in_(part))):
                    found[SourceRef.parse(row.ref)] = _row(row)
        return found

    def of_source(self, source: str) -> Iterator[LedgerRow]:
        """Every row of a source, streamed in order of ref."""
        last = ""
        while True:
            query = (
                select(ledger).where(ledger.c.source == source, ledger.c.ref > last).order_by(ledger.c.ref)
            )
            with transaction(self._engine) as connection:
                rows = connection.execute(query.limit(2000)).all()
            if not rows:
                return
            last = rows[-1].ref
            yield from map(_row, rows)

    def attached(self, refs: Sequence[SourceRef]) -> dict[SourceRef, list[LedgerRow]]:
        """For each of these documents the rows of what is attached to it, however deep, outermost first."""
        found: dict[SourceRef, list[LedgerRow]] = {ref: [] for ref in refs}
        holder = {str(ref): ref for ref in refs}
        level = list(holder)
        with transaction(self._engine) as connection:
            while level:
                deeper: list[str] = []
                for start in range(0, len(level), BATCH):
                    part = ledger.c.parent.in_(level[start : start + BATCH])
                    for row in connection.execute(select(ledger).where(part).order_by(ledger.c.ref)):
                        holder[row.ref] = holder[row.parent]
                        found[holder[row.ref]].append(_row(row))
                        deeper.append(row.ref)
                level = deeper
        return found

    def same_fingerprint(self, source: str, fingerprint: str) -> list[LedgerRow]:
        """Rows of a source that a document with this fingerprint may have moved from."""
        return self._where(ledger.c.source == source, ledger.c.fingerprint == fingerprint)

    def rows(self, wanted: "Wanted", *, limit: int = 100, offset: int = 0) -> list[LedgerRow]:
        """Rows for a person to read, newest first."""
        query = select(ledger).where(*wanted.conditions()).order_by(ledger.c.at.desc(), ledger.c.ref)
        with transaction(self._engine) as connection:
            return [_row(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def total(self, wanted: "Wanted") -> int:
        """How many rows there are."""
        query = select(func.count()).select_from(ledger).where(*wanted.conditions())
        with transaction(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def retry(self, wanted: "Wanted", refs: Sequence[SourceRef] = ()) -> dict[str, int]:
        """Have failed and skipped documents read again by the next sync; says how many of each source.

        :param refs: only these; none: all that are wanted.
        """
        tried = [Stage.FAILED.value, Stage.SKIPPED.value]
        conditions = [*wanted.conditions(), ledger.c.stage.in_(tried)]
        if refs:
            conditions.append(ledger.c.ref.in_([str(ref) for ref in refs]))
        counted = select(ledger.c.source, func.count()).where(*conditions).group_by(ledger.c.source)
        again = update(ledger).where(*conditions).values(stage=Stage.FAILED.value, retryable=True, version="")
        with transaction(self._engine) as connection:
            found = {row.source: row[1] for row in connection.execute(counted)}
            self._read_again(connection, select(ledger.c.parent).where(*conditions))
            connection.execute(again)
        return found

    @staticmethod
    def _read_again(connection: Connection, parents: Select[Any]) -> None:
        """Have the documents read whole again that hold attached files: a source knows only these."""
        while found := [ref for ref in connection.execute(parents.distinct()).scalars() if ref]:
            holders = ledger.c.ref.in_(found)
            connection.execute(update(ledger).where(holders).values(version="", content=""))
            parents = select(ledger.c.parent).where(holders)

    def retryable(self, source: str) -> list[LedgerRow]:
        """Rows of a source whose failure a new try may mend."""
        return self._where(
            ledger.c.source == source,
            ledger.c.stage == Stage.FAILED.value,
            ledger.c.retryable.is_(True),
            ledger.c.parent.is_(None),
        )

    def unread(self, source: str) -> list[LedgerRow]:
        """Rows of a source's documents with pages that were not recognised yet, fewest pages first."""
        rows = self._where(ledger.c.source == source, ledger.c.unread != NONE)
        return sorted(rows, key=lambda row: (row.unread, str(row.ref)))

    def way_to(self, ref: SourceRef) -> list[SourceRef]:
        """From the document that the source lists down to this one, which is it or attached to it."""
        way = [ref]
        while (row := self.find([way[0]]).get(way[0])) and row.parent:
            way.insert(0, row.parent)
        return way

    def lost(self) -> list[LedgerRow]:
        """Rows of documents that were read once and are not in the catalogue any more."""
        read = [Stage.PARSED.value, Stage.INDEXED.value, Stage.EMBEDDED.value]
        there = select(documents.c.id).where(documents.c.id == ledger.c.document, ~documents.c.removed)
        return self._where(ledger.c.stage.in_(read), ~there.exists())

    def read_lost_again(self) -> None:
        """Have the next sync read what is `lost`."""
        gone = [row.ref for row in self.lost()]
        with transaction(self._engine) as connection:
            for start in range(0, len(gone), BATCH):
                those = ledger.c.ref.in_([str(ref) for ref in gone[start : start + BATCH]])
                self._read_again(connection, select(ledger.c.parent).where(those))
                connection.execute(
                    update(ledger)
                    .where(those)
                    .values(stage=Stage.SEEN.value, document=None, version="", content="")
                )

    def matching(self, text: str, limit: int = 20) -> list[LedgerRow]:
        """Rows whose ref ends with the text, or with it and an ending such as ``.pdf``: how a person names a file."""
        query = select(ledger).where(named_as(ledger.c.ref, text)).order_by(ledger.c.ref)
        with transaction(self._engine) as connection:
            return [_row(row) for row in connection.execute(query.limit(limit))]

    def move(self, connection: Connection, old: SourceRef, new: SourceRef, **values: Any) -> None:
        """Give a row its new ref, replacing what stood there."""
        connection.execute(delete(ledger).where(ledger.c.ref == str(new)))
        connection.execute(
            update(ledger)
            .where(ledger.c.ref == str(old))
            .values(ref=str(new), at=datetime.now(UTC), **values)
        )

    def drop(self, connection: Connection, ref: SourceRef) -> None:
        """Forget a document that left the source."""
        connection.execute(delete(ledger).where(ledger.c.ref == str(ref)))

    def hold_back(self, connection: Connection, refs: Sequence[SourceRef], *, gone: bool) -> None:
        """Note that these are gone at their source and stay because they are held, or that they are there again."""
        there = ledger.c.ref.in_([str(ref) for ref in refs])
        marked = is_held_back()
        before = func.substr(ledger.c.reason, len(HELD_BACK) + len("; ") + 1)
        # Of an attached file without text the ledger says why, and goes on saying it.
        read = ledger.c.document.is_not(None) | ledger.c.parent.is_(None)
        values = {"reason": held_back_reason() if gone else before, "at": datetime.now(UTC)}
        connection.execute(update(ledger).where(there, read, ~marked if gone else marked).values(**values))

    def count(self, source: str, *, listed: bool = False) -> int:
        """How many documents of a source are known.

        :param listed: only those that the source itself lists, without what is attached to them.
        """
        query = select(func.count()).where(ledger.c.source == source)
        with transaction(self._engine) as connection:
            return connection.execute(
                query.where(ledger.c.parent.is_(None)) if listed else query
            ).scalar_one()

    def _where(self, *conditions: Any) -> list[LedgerRow]:
        with transaction(self._engine) as connection:
            query = select(ledger).where(*conditions).order_by(ledger.c.ref)
            return [_row(row) for row in connection.execute(query)]


def named_as(ref: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Whether a ref ends with what somebody calls a file, with or without its ending."""
    whole = ref.endswith(text, autoescape=True)
    return or_(whole, ref.icontains(f"/{text}.", autoescape=True)) if text else whole


def _row(row: Row[Any]) -> LedgerRow:
    return LedgerRow(
        SourceRef.parse(row.ref),
        Stage(row.stage),
        row.at,
        row.reason,
        row.retryable,
        row.document,
        row.version,
        row.fingerprint,
        row.content,
        SourceRef.parse(row.parent) if row.parent else None,
        row.unread,
    )
