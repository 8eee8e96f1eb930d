"""What was searched and opened: append-only, pseudonymous, with an off switch and a retention time."""

import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select

from memory.catalogue.engine import transaction
from memory.catalogue.retention import EXPIRE_EVERY_S, aged
from memory.catalogue.schema import events, meta
from memory.catalogue.upsert import upsert
from memory.domain import Asker
from memory.errors import MnemeError

TOGETHER_S = 0.5
"""Seconds an event waits for others: a commit of its own would cost more than many a search."""

log = logging.getLogger("mneme")


class EventKind(StrEnum):
    """What happened."""

    SEARCH = "search"
    OPEN = "open"
    HELPFUL = "helpful"
    UNHELPFUL = "unhelpful"


@dataclass(frozen=True, slots=True)
class Event:
    """One thing somebody did.

    :param asker: the asker's pseudonym: a keyed hash, so that it cannot be guessed from a list of names.
    :param query: what was searched for; of an opening or a vote, the search that led there, if any.
    :param documents: document ids in the order shown.
    :param first: the rank of the first of them, from 1.
    """

    at: datetime
    kind: EventKind
    asker: str
    query: str
    documents: tuple[str, ...]
    took_ms: float
    first: int = 1


class Events:
    """The event log. Events are written together, half a second late; a killed process loses those.

    :param keep: how long events are kept; None switches the log off.
    """

    def __init__(self, engine: Engine, keep: timedelta | None) -> None:
        self._engine = engine
        self._keep = keep
        self._key = b"" if keep is None else self._secret()
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: list[dict[str, Any]] = []
        self._next_expiry = 0.0  # by the monotonic clock: with the first that is written

    def _secret(self) -> bytes:
        with transaction(self._engine) as connection:
            known = connection.execute(select(meta.c.value).where(meta.c.key == "event_key")).scalar()
            if known is None:
                known = secrets.token_hex(32)
                upsert(connection, meta, {"key": "event_key"}, {"value": known})
        return bytes.fromhex(known)

    @property
    def on(self) -> bool:
        """Whether anything is recorded."""
        return self._keep is not None

    def pseudonym(self, asker: Asker) -> str:
        """The asker's name in the log."""
        return hmac.new(self._key, asker.key.encode(), hashlib.sha256).hexdigest()[:16]

    def record(
        self,
        kind: EventKind,
        asker: Asker,
        query: str,
        documents: Sequence[str],
        took_ms: float = 0.0,
        first: int = 1,
    ) -> None:
        """Append an event, unless the log is off; the parameters are those of `Event`."""
        if not self.on:
            return
        event = {
            "at": datetime.now(UTC),
            "kind": kind.value,
            "asker": self.pseudonym(asker),
            "query": query[:2000],
            "documents": list(documents),
            "took_ms": took_ms,
            "first": first,
        }
        with self._lock:
            self._waiting.append(event)
            if len(self._waiting) > 1:
                return  # the first of them has set the time
        later = threading.Timer(TOGETHER_S, self._try_to_flush)
        later.daemon = True
        later.start()

    def flush(self) -> None:
        """Write what waits to be written; when it returns, nothing recorded before is still on its way.

        Once a day, what is older than the retention time goes with it.
        """
        with self._writing:
            with self._lock:
                waiting, self._waiting = self._waiting, []
            if waiting:
                with transaction(self._engine) as connection:
                    connection.execute(insert(events), waiting)
                    if time.monotonic() >= self._next_expiry:
                        self._delete_old(connection)

    def close(self) -> None:
        """Write what waits, as far as that is possible."""
        self._try_to_flush()

    def _try_to_flush(self) -> None:
        try:
            self.flush()
        except MnemeError as error:
            # A search is not to fail because it could not be counted.
            log.error("Searches could not be recorded: %s", error)

    def all(self) -> list[Event]:
        """Every event that is still kept, oldest first."""
        self.flush()
        with transaction(self._engine) as connection:
            rows = connection.execute(select(events).order_by(events.c.id)).all()
        return [
            Event(
                row.at,
                EventKind(row.kind),
                row.asker,
                row.query,
                tuple(row.documents),
                row.took_ms,
                row.first,
            )
            for row in rows
        ]

    def expire(self) -> int:
        """Delete what is older than the retention time, everything where the log is off; says how many."""
        self.flush()
        with transaction(self._engine) as connection:
            return self._delete_old(connection)

    def _delete_old(self, connection: Connection) -> int:
        self._next_expiry = time.monotonic() + EXPIRE_EVERY_S
        if self._keep is None:
            return connection.execute(delete(events)).rowcount
        last = aged(connection, events.c.id, events.c.at, self._keep, datetime.now(UTC))
        return 0 if last is None else connection.execute(delete(events).where(events.c.id <= last)).rowcount
