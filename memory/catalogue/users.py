"""People who log in with a password: of each, an argon2id hash (RFC 9106) and nothing else of the password."""

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Engine, delete, insert, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.login_schema import sessions, users
from memory.errors import InvalidInput, NotFound
from memory.people.addresses import address_key

SHORTEST, LONGEST = 12, 200
"""Characters of a password; what is longer would only be work to hash."""


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who logs in with a password.

    :param changed: when the password was last changed.
    """

    address: str
    added: datetime
    changed: datetime


class Users:
    """The people who log in with a password."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hasher = PasswordHasher()

    @cached_property
    def _nobodys(self) -> str:
        """A hash that no password fits, to be compared with where there is no user."""
        return self._hasher.hash("nobody's")

    def add(self, address: str, password: str) -> User:
        """Let somebody log in.

        :param address: as `People.asker_at` takes it.
        :raises InvalidInput: where they can already, or the password will not do.
        """
        hashed, now = self._hash(password), datetime.now(UTC)
        known = address_key(address)
        with transaction(self._engine) as connection:
            if connection.execute(select(users.c.address).where(users.c.address == known)).first():
                raise InvalidInput(f"{known} has a password.", hint="Change it with `mneme users password`.")
            row = {"address": known, "hash": hashed, "added": now, "changed": now}
            connection.execute(insert(users).values(row))
        return User(known, now, now)

    def change(self, address: str, password: str) -> None:
        """Give somebody another password; whoever is logged in by the old one is logged out.

        :raises NotFound: where they have none.
        :raises InvalidInput: where the password will not do.
        """
        hashed, known = self._hash(password), address_key(address)
        with transaction(self._engine) as connection:
            changed = connection.execute(
                update(users).where(users.c.address == known).values(hash=hashed, changed=datetime.now(UTC))
            )
            if not changed.rowcount:
                raise _nobody(known)
            connection.execute(delete(sessions).where(sessions.c.address == known))

    def remove(self, address: str) -> None:
        """Let somebody log in no more, and log them out.

        :raises NotFound: where they could not.
        """
        known = address_key(address)
        with transaction(self._engine) as connection:
            if not connection.execute(delete(users).where(users.c.address == known)).rowcount:
                raise _nobody(known)
            connection.execute(delete(sessions).where(sessions.c.address == known))

    def all(self) -> list[User]:
        """Everybody who has a password, by address."""
        query = select(users.c.address, users.c.added, users.c.changed).order_by(users.c.address)
        with transaction(self._engine) as connection:
            return [User(row.address, row.added, row.changed) for row in connection.execute(query)]

    def verify(self, address: str, password: str) -> bool:
        """Whether a password is somebody's; takes as long where there is nobody of that address."""
        # PostgreSQL takes no NUL in a query, and an address with what nobody sees in it is nobody's.
        known = address_key(address) if address.isprintable() else ""
        with transaction(self._engine) as connection:
            stored = connection.execute(select(users.c.hash).where(users.c.address == known)).scalar()
        given = unicodedata.normalize("NFKC", password)[: LONGEST + 1]
        try:
            self._hasher.verify(stored or self._nobodys, given)
        except (Argon2Error, InvalidHashError):
            return False
        if stored is None:
            return False
        if self._hasher.check_needs_rehash(stored):
            with transaction(self._engine) as connection:
                same = (users.c.address == known, users.c.hash == stored)
                connection.execute(update(users).where(*same).values(hash=self._hasher.hash(given)))
        return True

    def _hash(self, password: str) -> str:
        given = unicodedata.normalize("NFKC", password)
        if not SHORTEST <= len(given) <= LONGEST:
            raise InvalidInput(
                f"A password has {SHORTEST} to {LONGEST} characters.", hint="A sentence is easily remembered."
            )
        return self._hasher.hash(given)


def _nobody(address: str) -> NotFound:
    return NotFound(f"{address} has no password.", hint="`mneme users list` shows who has one.")
