"""Legal holds: which there are, and which documents they keep from being deleted."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Connection, Engine, Row, delete, func, insert, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.hold_schema import held, holds, is_held
from memory.catalogue.keeping import forget_unheld, keep
from memory.catalogue.ledger import BATCH, is_held_back
from memory.catalogue.schema import contributions, documents, ledger
from memory.catalogue.upsert import insert_missing
from memory.domain import SourceRef
from memory.errors import InvalidInput, NotFound


class HoldKind(StrEnum):
    """How it is said what a hold is on."""

    DOCUMENTS = "documents"
    QUERY = "query"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Hold:
    """A legal hold.

    :param target: a search, the lasting id of a person, or ``""`` where documents were named one by one.
    :param said: the same as whoever placed it said it.
    :param placed_by, ended_by: as the audit names them.
    :param ended: None while it is on.
    """

    id: str
    name: str
    reason: str
    kind: HoldKind
    target: str
    said: str
    placed: datetime
    placed_by: str
    ended: datetime | None = None
    ended_by: str = ""
    ended_because: str = ""


class Holds:
    """The holds of a memory. What one of them is on is removed by nothing but the end of the last one."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def place(self, name: str, reason: str, kind: HoldKind, *, target: str, said: str, by: str) -> Hold:
        """Write down a hold, which is on nothing yet; see `cover`.

        :raises InvalidInput: where it lacks a name or a reason, or one of that name is on.
        """
        if not name.strip() or not reason.strip():
            raise InvalidInput("A hold needs a name and a reason.")
        if any(each.name == name.strip() for each in self.active()):
            raise InvalidInput(f"There is a hold named {name.strip()} already.", hint="Give it another name.")
        made = Hold(uuid.uuid4().hex, name.strip(), reason.strip(), kind, target, said, datetime.now(UTC), by)
        with transaction(self._engine) as connection:
            connection.execute(insert(holds).values({each: getattr(made, each) for each in _COLUMNS}))
        return made

    def get(self, which: str) -> Hold:
        """A hold by its id, or one that is on by its name.

        :raises NotFound: where there is none.
        """
        for each in self.all():
            if which == each.id or (which == each.name and each.ended is None):
                return each
        raise NotFound(f"There is no hold {which!r}.", hint="`mneme hold list` shows them.")

    def all(self) -> list[Hold]:
        """Every hold there ever was, the newest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(holds).order_by(holds.c.placed.desc(), holds.c.id))
            return [_hold(row) for row in rows]

    def active(self) -> list[Hold]:
        """Those that are on."""
        return [each for each in self.all() if each.ended is None]

    def cover(self, hold: Hold, found: Iterable[str]) -> list[str]:
        """Put a hold on documents, each with all that it is attached to or is attached to it, and keep them as they are.

        :return: those it was not on before.
        """
        wanted = list(dict.fromkeys(found))
        now, fresh = datetime.now(UTC), []
        with transaction(self._engine) as connection:
            known = set(connection.execute(select(held.c.document).where(held.c.hold == hold.id)).scalars())
            wanted = [each for each in wanted if each not in known]
            for start in range(0, len(wanted), BATCH):
                family = _families(connection, wanted[start : start + BATCH])
                new = [each for each in family if each not in known]
                known.update(new)
                fresh += new
                rows = [{"hold": hold.id, "document": each, "since": now} for each in new]
                insert_missing(connection, held, rows)
                keep(connection, new)
        return fresh

    def documents(self, hold: Hold) -> list[str]:
        """The documents a hold is on, in the order of their ids."""
        query = select(held.c.document).where(held.c.hold == hold.id).order_by(held.c.document)
        with transaction(self._engine) as connection:
            return list(connection.execute(query).scalars())

    def of_person(self, person: str) -> list[str]:
        """Every document that somebody has a part in, whichever."""
        query = (
            select(documents.c.id)
            .join(contributions, contributions.c.document == documents.c.id)
            .where(contributions.c.person == person, documents.c.removed.is_(False))
        )
        with transaction(self._engine) as connection:
            return list(connection.execute(query.distinct().order_by(documents.c.id)).scalars())

    def keep_newer(self) -> int:
        """Keep what has changed of held documents since it was last kept; says how many versions that are."""
        with transaction(self._engine) as connection:
            query = select(held.c.document).distinct().order_by(held.c.document)
            return keep(connection, list(connection.execute(query).scalars()))

    def among(self, connection: Connection, those: Iterable[str | None]) -> set[str]:
        """Those of some documents that a hold is on."""
        wanted, found = sorted({each for each in those if each}), set[str]()
        for start in range(0, len(wanted), BATCH):
            query = select(held.c.document).where(held.c.document.in_(wanted[start : start + BATCH]))
            found.update(connection.execute(query).scalars())
        return found

    def end(self, hold: Hold, *, by: str, because: str) -> None:
        """End a hold, and forget what was kept for it alone; see `to_be_removed`.

        :raises InvalidInput: where it has ended before.
        """
        if hold.ended is not None:
            raise InvalidInput(f"The hold {hold.name} has ended before.")
        with transaction(self._engine) as connection:
            connection.execute(delete(held).where(held.c.hold == hold.id))
            connection.execute(
                update(holds)
                .where(holds.c.id == hold.id)
                .values(ended=datetime.now(UTC), ended_by=by, ended_because=because)
            )
            forget_unheld(connection)

    def to_be_removed(self) -> list[SourceRef]:
        """What is gone at its source and kept by no hold any more; documents before what is attached to them."""
        free = ledger.c.document.is_(None) | ~is_held(ledger.c.document)
        query = select(ledger.c.ref).where(is_held_back(), free)
        with transaction(self._engine) as connection:
            return [
                SourceRef.parse(ref) for ref in connection.execute(query.order_by(ledger.c.ref)).scalars()
            ]

    def held_back(self) -> set[str]:
        """The documents that are gone at their source and stay for a hold."""
        query = select(ledger.c.document).where(is_held_back(), ledger.c.document.is_not(None))
        with transaction(self._engine) as connection:
            return set(connection.execute(query).scalars())

    def held_of(self, connection: Connection, source: str) -> int:
        """How many documents of a source a hold is on."""
        query = select(func.count()).where(documents.c.source == source, is_held(documents.c.id))
        return connection.execute(query.select_from(documents)).scalar_one()

    def sources_held(self) -> set[str]:
        """The names of sources with documents that a hold is on."""
        query = select(documents.c.source).where(is_held(documents.c.id)).distinct()
        with transaction(self._engine) as connection:
            return set(connection.execute(query).scalars())


def _families(connection: Connection, some: Sequence[str]) -> list[str]:
    """Documents with those they are attached to, and all that is attached to these; the ledger knows who holds whom."""
    refs = list(connection.execute(select(ledger.c.ref).where(ledger.c.document.in_(some))).scalars())
    roots: set[str] = set()
    while refs:
        rows = connection.execute(select(ledger.c.ref, ledger.c.parent).where(ledger.c.ref.in_(refs))).all()
        roots.update(row.ref for row in rows if row.parent is None)
        refs = [row.parent for row in rows if row.parent]
    found: dict[str, None] = dict.fromkeys(some)
    level = sorted(roots)
    while level:
        part = level[:BATCH]
        query = select(ledger.c.document).where(ledger.c.ref.in_(part), ledger.c.document.is_not(None))
        found.update(dict.fromkeys(connection.execute(query.order_by(ledger.c.ref)).scalars()))
        beneath = select(ledger.c.ref).where(ledger.c.parent.in_(part)).order_by(ledger.c.ref)
        level = level[BATCH:] + list(connection.execute(beneath).scalars())
    return list(found)


_COLUMNS = [column.name for column in holds.c]


def _hold(row: Row[tuple[object, ...]]) -> Hold:
    values = dict(row._mapping)
    return Hold(**{**values, "kind": HoldKind(row.kind)})
