"""Who is logged in to the pages. A browser keeps a random token; here, only its hash is kept."""

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, insert, or_, select, update

from memory.catalogue.engine import note, transaction
from memory.catalogue.login_schema import sessions
from memory.clock import ASIDE, ahead
from memory.people.addresses import address_key

USED_EVERY = timedelta(minutes=1)
"""How exactly it is noted when a session was last used."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is logged in.

    :param address: the address they have proven.
    :param tokens: access tokens of groups that the identity provider told when it began.
    :param method: how they logged in.
    """

    address: str
    tokens: frozenset[str]
    method: str


class Sessions:
    """The sessions of a memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, address: str, *, method: str, lasts: timedelta, tokens: Iterable[str] = ()) -> str:
        """Begin a session under a token that nobody has seen before; gives the token.

        What has ended meanwhile is forgotten.
        """
        token, now = secrets.token_urlsafe(32), datetime.now(UTC)
        with transaction(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.ends <= now))
            connection.execute(
                insert(sessions).values(
                    hash=_hash(token),
                    address=address_key(address),
                    tokens=sorted(tokens),
                    method=method,
                    began=now,
                    used=now,
                    ends=now + lasts,
                )
            )
        return token

    def known(self, token: str, idle: timedelta) -> Session | None:
        """Whose session a token is; None where it is none, has ended, or was not used for too long.

        :param idle: so long it may rest.
        """
        now, this = datetime.now(UTC), sessions.c.hash == _hash(token)
        with transaction(self._engine) as connection:
            row = connection.execute(select(sessions).where(this)).one_or_none()
            if row is None or row.ends <= now or now - row.used > idle:
                return None
            if ahead(row.began, now):
                return None  # its end, too, is of a clock that was wrong: it might last for years
        if now - row.used >= min(USED_EVERY, idle / 2) or ahead(row.used, now):
            wrong = or_(sessions.c.used < now, sessions.c.used > now + ASIDE)
            note(self._engine, update(sessions).where(this, wrong).values(used=now))
        return Session(row.address, frozenset(row.tokens), row.method)

    def end(self, token: str) -> None:
        """End a session; one that is none is no error."""
        with transaction(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.hash == _hash(token)))

    def end_all(self) -> None:
        """End every session."""
        with transaction(self._engine) as connection:
            connection.execute(delete(sessions))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
