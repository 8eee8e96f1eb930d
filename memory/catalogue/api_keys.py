"""Keys by which programs ask: what each may do, until when, and a hash to know it by.

A key reads ``mneme_ID_SECRET``. The id is public and finds the row; the secret has 256 random bits, so that a plain
SHA-256 of the key keeps it as well as a slow hash would (NIST SP 800-63B, 5.1.1.2, asks for slow ones where people
choose the secret).
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine, Row, insert, or_, select, update

from memory.catalogue.engine import note, transaction
from memory.catalogue.login_schema import api_keys
from memory.clock import ASIDE, ahead
from memory.errors import InvalidInput, NotFound

PREFIX = "mneme_"
"""What every key begins with, so that one that strayed is recognised."""

USED_EVERY = timedelta(minutes=1)
"""How exactly it is noted when a key was last used: a write with each request would cost more than many of them."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, without what would let anybody use it.

    :param id: public; the key's second part.
    :param name: what it is for.
    :param address: of the person it asks for; empty for a program of its own.
    :param tokens: the access tokens that a program of its own holds.
    :param scopes: what it may do, at most.
    :param made_by: who made it, as the audit names them.
    :param expires: from when on it is worth nothing; None: never.
    :param used: when it was last used, to the minute.
    :param revoked: when it was taken back.
    :param source: the one that it puts documents into, or tells people to; empty: any.
    """

    id: str
    name: str
    address: str
    tokens: frozenset[str]
    scopes: frozenset[str]
    made_by: str
    created: datetime
    expires: datetime | None = None
    used: datetime | None = None
    revoked: datetime | None = None
    source: str = ""

    def holds(self, now: datetime) -> bool:
        """Whether it is still worth something.

        One with an end is not before it was made: by the clock of then it would end too late, by the one of now any would.
        """
        if self.revoked or self.expires is None:
            return self.revoked is None
        return now < self.expires and not ahead(self.created, now)


class ApiKeys:
    """The keys of a memory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self,
        name: str,
        *,
        scopes: Iterable[str],
        made_by: str,
        address: str = "",
        tokens: Iterable[str] = (),
        lasts: timedelta | None = None,
        source: str = "",
    ) -> tuple[ApiKey, str]:
        """Make a key; gives what is known of it, and the key itself, which is kept nowhere.

        :param lasts: how long it is worth something; None: until it is revoked.
        :raises InvalidInput: where it has no name.
        """
        name = " ".join(name.split())[:200]
        if not name:
            raise InvalidInput("A key needs a name.", hint="Say what it is for.")
        now = datetime.now(UTC)
        made = ApiKey(
            secrets.token_hex(6),
            name,
            address,
            frozenset(tokens),
            frozenset(scopes),
            made_by,
            now,
            now + lasts if lasts else None,
            source=source,
        )
        key = f"{PREFIX}{made.id}_{secrets.token_urlsafe(32)}"
        with transaction(self._engine) as connection:
            connection.execute(
                insert(api_keys).values(
                    id=made.id,
                    hash=_hash(key),
                    name=made.name,
                    address=made.address,
                    tokens=sorted(made.tokens),
                    scopes=sorted(made.scopes),
                    made_by=made_by,
                    created=made.created,
                    expires=made.expires,
                    source=source,
                )
            )
        return made, key

    def known(self, key: str) -> ApiKey | None:
        """What is known of a key that holds; None where it is no key, not this one, expired or revoked."""
        identity = key.removeprefix(PREFIX).partition("_")[0]
        now = datetime.now(UTC)
        with transaction(self._engine) as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.id == identity)).one_or_none()
            # Compared also where there is none: how long that takes must not tell which ids there are.
            same = hmac.compare_digest(_hash(key), row.hash if row else _hash(""))
            if row is None or not same or not (found := _key(row)).holds(now):
                return None
        if found.used is None or now - found.used >= USED_EVERY or ahead(found.used, now):
            long_ago = or_(api_keys.c.used.is_(None), api_keys.c.used < now, api_keys.c.used > now + ASIDE)
            note(self._engine, update(api_keys).where(api_keys.c.id == found.id, long_ago).values(used=now))
        return found

    def all(self) -> list[ApiKey]:
        """Every key there ever was, newest first."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(api_keys).order_by(api_keys.c.created.desc(), api_keys.c.id))
            return [_key(row) for row in rows]

    def revoke(self, identity: str) -> ApiKey:
        """Take a key back; from when this returns on it is worth nothing.

        :raises NotFound: where there is none.
        """
        now = datetime.now(UTC)
        with transaction(self._engine) as connection:
            this = api_keys.c.id == identity
            connection.execute(update(api_keys).where(this, api_keys.c.revoked.is_(None)).values(revoked=now))
            row = connection.execute(select(api_keys).where(this)).one_or_none()
        if row is None:
            raise NotFound(
                f"There is no key {identity[:20]}.", hint="`mneme keys list` shows the ids there are."
            )
        return _key(row)


def revoke_those_for(connection: Connection, source: str) -> None:
    """Take back the keys of a source that goes: another of its name is not theirs to fill."""
    theirs = (api_keys.c.source == source) & api_keys.c.revoked.is_(None)
    connection.execute(update(api_keys).where(theirs).values(revoked=datetime.now(UTC)))


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _key(row: Row[tuple[object, ...]]) -> ApiKey:
    return ApiKey(
        row.id,
        row.name,
        row.address,
        frozenset(row.tokens),
        frozenset(row.scopes),
        row.made_by,
        row.created,
        row.expires,
        row.used,
        row.revoked,
        row.source,
    )
