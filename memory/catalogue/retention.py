"""What is past its time, by a clock that may be wrong: what is deleted does not come back when the clock does."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import Column, Connection, func, select

from memory.catalogue.schema import meta
from memory.catalogue.upsert import upsert

log = logging.getLogger("mneme")

EXPIRE_EVERY_S = 24 * 3600
"""Seconds between deletions of what is past its time."""

LEAP = timedelta(days=2)
"""A clock that is further on than this since it was last believed has leapt, or nothing ran for so long."""

DOUBT = timedelta(hours=20)
"""How long it must go on from there before it is believed: less than a day, as it is asked once a day."""

_MARK = "clock"


@dataclass(frozen=True, slots=True)
class Clock:
    """What is known of the clock.

    :param believed: when it was believed last.
    :param leapt: where it stood when it was first found to have leapt, or None.
    """

    believed: datetime
    leapt: datetime | None = None

    def at(self, now: datetime) -> Self:
        """What is known of it once it says `now`; it is believed where that says so.

        A clock that went back is believed: by it, less is past its time.
        """
        if now - self.believed <= LEAP:
            return type(self)(now)
        if self.leapt and timedelta(0) <= now - self.leapt <= LEAP:
            return type(self)(now) if now - self.leapt >= DOUBT else self
        return type(self)(self.believed, now)


def leapt(connection: Connection) -> Clock | None:
    """The clock, where it has leapt and is not believed yet."""
    clock = _read(connection)
    return clock if clock and clock.leapt else None


def aged(
    connection: Connection, number: Column[int], at: Column[datetime], keep: timedelta, now: datetime
) -> int | None:
    """The number up to which rows that were written one after the other are past their time; None for none of them.

    Up to the last that is old enough before the first that is not: of rows with a date that is still to come, or that lies far back
    among others, the date is wrong, and their place is right.
    """
    clock = (_read(connection) or Clock(_newest(connection, number, at) or now)).at(now)
    upsert(connection, meta, {"key": _MARK}, {"value": _written(clock)})
    if clock.leapt:
        log.warning(
            "The clock says %s and was at %s when last believed: nothing is deleted for its age before it has gone on for %d hours.",
            now.isoformat(timespec="minutes"),
            clock.believed.isoformat(timespec="minutes"),
            DOUBT.total_seconds() // 3600,
        )
        return None
    oldest = now - keep
    young = connection.execute(select(func.min(number)).where(at >= oldest, at <= now)).scalar()
    old = select(func.max(number)).where(at < oldest)
    return connection.execute(old if young is None else old.where(number < young)).scalar()


def _newest(connection: Connection, number: Column[int], at: Column[datetime]) -> datetime | None:
    return connection.execute(select(at).order_by(number.desc()).limit(1)).scalar()


def _read(connection: Connection) -> Clock | None:
    known = connection.execute(select(meta.c.value).where(meta.c.key == _MARK)).scalar()
    if not known:
        return None
    believed, since = (each and datetime.fromisoformat(each) for each in known)
    return Clock(believed, since)


def _written(clock: Clock) -> list[str | None]:
    return [clock.believed.isoformat(), clock.leapt.isoformat() if clock.leapt else None]
