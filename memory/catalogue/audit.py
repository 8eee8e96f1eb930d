"""Who asked what and saw what: append-only, each entry sealed together with the one before it.

The seal of an entry is SHA-256 over the seal before it and everything the entry says, so that none can be changed,
left out or put in between without every later seal failing (Haber and Stornetta, "How to time-stamp a digital
document", 1991). The newest seal, kept elsewhere, also proves that the whole was not written anew or cut off at the end.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Row, delete, func, insert, or_, select

from memory.catalogue.engine import transaction
from memory.catalogue.retention import EXPIRE_EVERY_S, aged
from memory.catalogue.schema import audit, meta
from memory.catalogue.upsert import upsert
from memory.errors import InvalidInput

FIRST_SEAL = hashlib.sha256(b"mneme audit").hexdigest()
"""What the first entry is sealed with."""

_START = "audit_start"
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that was noted.

    :param number: from 1, without gaps.
    :param actor: who was at the service: ``owner``, an asker's lasting key, or ``key:`` and the id of a program's key;
        empty where nobody known was.
    :param place: whose place the actor took, as the asker's lasting key; empty where nobody's.
    :param request: method and path.
    :param about: what the request was about, and ``documents``: the ids of those it showed.
    :param seal: SHA-256 in hexadecimal digits.
    """

    number: int
    at: datetime
    actor: str
    place: str
    request: str
    about: Mapping[str, Any]
    seal: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to read; what is empty or None narrows nothing.

    :param document: the id of one that was shown.
    """

    reader: str = ""
    document: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain holds.

    :param entries: how many were looked at.
    :param expired: how many are gone because their time was over.
    :param newest: number and seal of the newest, as in ``12:ab34...``, to be kept elsewhere.
    :param broken: number of the first entry that does not hold, or None.
    :param reason: why it does not.
    """

    entries: int
    expired: int
    newest: str
    broken: int | None = None
    reason: str = ""


class Audit:
    """The audit of a memory. Safe for threads; one process owns a memory, so one chain has one writer.

    :param keep: how long entries are kept; None switches the audit off, what is there stays.
    """

    def __init__(self, engine: Engine, keep: timedelta | None) -> None:
        self._engine = engine
        self._keep = keep
        self._lock = threading.Lock()
        self._next_expiry = time.monotonic() + EXPIRE_EVERY_S  # the start of the service has seen to it

    @property
    def on(self) -> bool:
        """Whether requests are noted."""
        return self._keep is not None

    def note(self, actor: str, place: str, request: str, about: Mapping[str, Any]) -> None:
        """Append an entry; when it returns, the entry is kept.

        :raises CatalogueError: where it cannot be written; then what it is about must not be shown.
        """
        self._append(actor, place, request, about)
        if time.monotonic() >= self._next_expiry:
            self.expire()

    def note_salvage(self, lost: Mapping[str, int], *, gap: bool) -> None:
        """Note that the catalogue was salvaged from damaged pages.

        :param lost: how many rows could not be read, by table.
        :param gap: leave out a number before it, since entries are among them: so the chain is broken there for good.
        """
        self._append("owner", "", "mneme salvage", {"lost": dict(lost)}, gap=int(gap))

    def _append(self, actor: str, place: str, request: str, about: Mapping[str, Any], gap: int = 0) -> None:
        written = json.dumps(about, ensure_ascii=False, sort_keys=True)
        with self._lock, transaction(self._engine) as connection:
            last, before = _newest(connection)
            row = {
                "number": last + 1 + gap,
                "at": datetime.now(UTC),
                "actor": actor,
                "place": place,
                "request": request,
                "about": written,
            }
            connection.execute(insert(audit).values(**row, seal=_seal(before, **row)))

    def entries(self, wanted: Wanted, *, limit: int = 100, offset: int = 0) -> list[Entry]:
        """Entries, newest first."""
        query = select(audit).where(*_conditions(wanted)).order_by(audit.c.number.desc())
        with transaction(self._engine) as connection:
            return [_entry(row) for row in connection.execute(query.limit(limit).offset(offset))]

    def total(self, wanted: Wanted) -> int:
        """How many entries there are."""
        query = select(func.count()).select_from(audit).where(*_conditions(wanted))
        with transaction(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def verify(self, noted: str = "") -> Verdict:
        """Compute every seal anew and say where the first fails.

        :param noted: a `Verdict.newest` of before, which must still be in the chain.
        :raises InvalidInput: where that is none.
        """
        number, seal = _noted(noted)
        with transaction(self._engine) as connection:
            expired, before = _start(connection)
            checked = expired
            if number == expired and number and seal != before:
                return _break(0, expired, expired - 1, before, "it is not the one noted")
            for row in _in_order(connection):
                if row.number != checked + 1:
                    return _break(checked - expired, expired, checked, before, "it is missing")
                if row.seal != _seal(before, **dict(zip(_SEALED, row, strict=False))):
                    return _break(checked - expired, expired, checked, before, "it was changed")
                checked, before = row.number, row.seal
                if number == checked and seal != before:
                    return _break(checked - expired, expired, checked - 1, before, "it is not the one noted")
        newest = f"{checked}:{before}"
        if number > checked:
            return Verdict(checked - expired, expired, newest, checked + 1, "the end is cut off")
        return Verdict(checked - expired, expired, newest)

    def expire(self) -> int:
        """Delete what is older than the retention time; says how many. Nothing while the audit is off, or the clock has leapt."""
        self._next_expiry = time.monotonic() + EXPIRE_EVERY_S
        if self._keep is None:
            return 0
        with self._lock, transaction(self._engine) as connection:
            last = aged(connection, audit.c.number, audit.c.at, self._keep, datetime.now(UTC))
            if last is None:
                return 0
            seal = connection.execute(select(audit.c.seal).where(audit.c.number == last)).scalar_one()
            upsert(connection, meta, {"key": _START}, {"value": [last, seal]})
            return connection.execute(delete(audit).where(audit.c.number <= last)).rowcount


_SEALED = ("number", "at", "actor", "place", "request", "about")


def _seal(before: str, **row: Any) -> str:
    said = [before, row["number"], row["at"].isoformat(timespec="microseconds")]
    said += [row["actor"], row["place"], row["request"], row["about"]]
    return hashlib.sha256(json.dumps(said, ensure_ascii=True).encode("ascii")).hexdigest()


def _in_order(connection: Connection) -> Iterator[Row[Any]]:
    last = -1
    columns = [audit.c[name] for name in (*_SEALED, "seal")]
    while True:
        query = select(*columns).where(audit.c.number > last).order_by(audit.c.number).limit(_BATCH)
        rows = connection.execute(query).all()
        yield from rows
        if len(rows) < _BATCH:
            return
        last = rows[-1].number


def _start(connection: Connection) -> tuple[int, str]:
    known = connection.execute(select(meta.c.value).where(meta.c.key == _START)).scalar()
    return (int(known[0]), str(known[1])) if known else (0, FIRST_SEAL)


def _newest(connection: Connection) -> tuple[int, str]:
    query = select(audit.c.number, audit.c.seal).order_by(audit.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return (row.number, row.seal) if row else _start(connection)


def _break(entries: int, expired: int, last: int, seal: str, reason: str) -> Verdict:
    return Verdict(entries, expired, f"{last}:{seal}", last + 1, reason)


def _noted(text: str) -> tuple[int, str]:
    if not text:
        return 0, ""
    number, _, seal = text.partition(":")
    if not number.isdecimal() or len(seal) != len(FIRST_SEAL):
        raise InvalidInput(f"Not a seal: {text}.", hint="Give it as `mneme audit verify` printed it.")
    return int(number), seal


def _conditions(wanted: Wanted) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.reader:
        found.append(or_(audit.c.place == wanted.reader, audit.c.actor == wanted.reader))
    if wanted.document:
        found.append(audit.c.about.contains(json.dumps(wanted.document), autoescape=True))
    if wanted.since:
        found.append(audit.c.at >= wanted.since)
    if wanted.until:
        found.append(audit.c.at < wanted.until)
    return found


def _entry(row: Row[Any]) -> Entry:
    about = json.loads(row.about)
    return Entry(row.number, row.at, row.actor, row.place, row.request, about, row.seal)
