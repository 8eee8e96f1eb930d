"""The persons of a memory: found by whatever they are called, and what they may see as the directories say."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, func, or_, select

from memory.catalogue.directories import standing
from memory.catalogue.directory_place import Place, place_of
from memory.catalogue.directory_schema import listings
from memory.catalogue.engine import transaction
from memory.catalogue.identities import Met, register
from memory.catalogue.schema import aliases, entries, identities, persons
from memory.domain import Asker, Identity, Person
from memory.errors import AccessDenied, InvalidInput, NotFound
from memory.people.addresses import address_key
from memory.people.directory import ADDRESS, BY_HAND, account_token
from memory.people.names import any_order, name_key

_WHOLE_ADDRESS = "Give the person's full e-mail address."
_LEFT = "Whoever looks after the directory can say otherwise."


class People:
    """Who is who: ids, names and aliases of persons, and for whom they ask."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def register(self, connection: Connection, found: Sequence[Identity], document: str = "") -> list[Met]:
        """Write down identities as a document names them; `WhoIsWho.settle` decides who they are."""
        return register(connection, found, document)

    def get(self, person: str) -> Person:
        """One person with everything that was joined to them; an id that was joined to another gives the other.

        :raises NotFound: where there is none of that id.
        """
        with transaction(self._engine) as connection:
            current = self.current(connection, person)
            name = connection.execute(select(persons.c.name).where(persons.c.id == current)).scalar_one()
            rows = connection.execute(
                select(identities)
                .where(identities.c.person == current)
                .order_by(identities.c.kind, identities.c.value, identities.c.document)
            ).all()
        return Person(current, name, tuple(Identity(**{row.kind: row.shown}) for row in rows))

    def current(self, connection: Connection, person: str) -> str:
        """The person an id stands for now.

        :raises NotFound: where there never was such a person.
        """
        query = select(identities.c.person).where(
            or_(identities.c.person == person, identities.c.founded == person)
        )
        found = connection.execute(query.order_by(identities.c.person != person).limit(1)).scalar()
        if found is None:
            raise NotFound(f"There is no person {person}.")
        return str(found)

    def find(self, text: str) -> list[str]:
        """Ids of the persons somebody may mean: by id, address, account, name in any order, or part of a name.

        What fits exactly goes before what fits in part.
        """
        return next(self.candidates(text), [])

    def candidates(self, text: str) -> Iterator[list[str]]:
        """The same with whoever fits less well, the closest fits first; never an empty list."""
        value = text.strip()
        with transaction(self._engine) as connection:
            for query in _meant(value) if value else ():
                if found := connection.execute(query).scalars().all():
                    yield sorted(found)

    def asker(self, text: str) -> Asker:
        """The asker for a person of the directory, or for one address.

        Tokens are those of one entry of the directory, never of what was joined to it: otherwise joining two
        people, by hand or by evidence, would let one see what only the other may.

        :raises NotFound: where nobody or more than one fits.
        """
        value = text.strip()
        with transaction(self._engine) as connection:
            query = select(identities).where(
                identities.c.kind == "address",
                identities.c.value == value.casefold(),
                identities.c.document == "",
            )
            row = connection.execute(query).one_or_none()
            if row is not None:
                return self._of_address(connection, row)
            return self._only_entry(connection, value)

    def asker_at(self, address: str) -> Asker:
        """The asker of exactly this address, for whoever has proven that it is theirs; met now where it never was.

        Names are not looked at: anybody may be called like somebody else. Nor are letters beyond ASCII taken, some of
        which fold into others: the Kelvin sign into k, so that one address could be had by another; nor what cannot be
        printed: two addresses would look the same, and PostgreSQL takes no NUL.

        :raises InvalidInput: where it is no such address.
        :raises AccessDenied: where a directory says that its holder has left.
        """
        value = address_key(address)
        if not address.isascii() or not value.isprintable() or not ADDRESS.fullmatch(value):
            raise InvalidInput(f"Not an e-mail address: {address[:100]!r}.", hint=_WHOLE_ADDRESS)
        with transaction(self._engine) as connection:
            query = select(identities).where(
                identities.c.kind == "address", identities.c.value == value, identities.c.document == ""
            )
            row = connection.execute(query).one_or_none()
            if row is None:
                register(connection, [Identity(address=value)])
                row = connection.execute(query).one()
            if row.entry is not None and standing(connection, row.entry) is None:
                raise AccessDenied(
                    f"{value} is of somebody who has left, as the directory has it.", hint=_LEFT
                )
            return self._of_address(connection, row)

    def _of_address(self, connection: Connection, row: Row[Any]) -> Asker:
        """Whoever an address belongs to, as a row of `identities` has it."""
        if row.entry is not None:
            return self._of_entry(connection, row.entry, row.person)
        # Somebody whom a directory lists had this address before: what is theirs is kept under that key.
        taken = connection.execute(select(entries.c.id).where(entries.c.key == row.founded).limit(1)).scalar()
        key = row.founded if taken is None else f"{row.founded}-{row.id}"
        return Asker(row.person, frozenset({f"person:{row.value}"}), key=key)

    def _only_entry(self, connection: Connection, value: str) -> Asker:
        found = self.find(value)
        if not found:
            raise NotFound(f"{value!r} is not known.", hint=_WHOLE_ADDRESS)
        query = select(identities).where(identities.c.person.in_(found), identities.c.document == "")
        rows = connection.execute(query.order_by(identities.c.id)).all()
        listed = {row.entry: row.person for row in rows if row.entry is not None}
        alone = [row for row in rows if row.kind == "address"]
        if len(listed) == 1:
            entry, person = next(iter(listed.items()))
            return self._of_entry(connection, entry, person)
        if len(found) == 1 and not listed and len(alone) <= 1:
            first = (alone or rows)[0].founded if rows else found[0]
            return Asker(found[0], frozenset(f"person:{row.value}" for row in alone), key=first)
        raise NotFound(f"{value!r} fits more than one person.", hint=_WHOLE_ADDRESS)

    @staticmethod
    def _of_entry(connection: Connection, entry: int, person: str) -> Asker:
        addresses = select(identities.c.value).where(
            identities.c.entry == entry, identities.c.kind == "address"
        )
        accounts = (
            select(listings.c.directory, identities.c.value)
            .join(listings, listings.c.entry == identities.c.entry)
            .where(identities.c.entry == entry, identities.c.kind == "account", listings.c.active)
        )
        key = connection.execute(select(entries.c.key).where(entries.c.id == entry)).scalar_one()
        groups = standing(connection, entry)
        if groups is None:
            return Asker(person, key=key)
        own = {f"person:{address}" for address in connection.execute(addresses).scalars()}
        # What file servers call them, where a directory says that it is their account and no file that somebody imported does.
        for directory, account in connection.execute(accounts):
            if directory != BY_HAND and account.startswith(f"{directory}:"):
                own.add(account_token(account.removeprefix(f"{directory}:")))
        return Asker(person, groups | own, key=key)

    def place(self, person: str) -> Place | None:
        """Where a directory puts a person; None where none lists them."""
        with transaction(self._engine) as connection:
            query = select(identities.c.entry).where(
                identities.c.person == person, identities.c.entry.is_not(None)
            )
            entry = connection.execute(query.order_by(identities.c.entry).limit(1)).scalar()
            return None if entry is None else place_of(connection, entry)

    def names(self) -> set[str]:
        """Every name, address and account that anybody is known by."""
        shown = (identities.c.shown, aliases.c.shown, persons.c.name, entries.c.name)
        with transaction(self._engine) as connection:
            return {name for column in shown for name in connection.execute(select(column)).scalars()}

    def departments(self) -> dict[str, str]:
        """The departments of those whom a directory gives one, by `Asker.key`."""
        query = select(entries.c.key, entries.c.department).where(entries.c.department != "")
        with transaction(self._engine) as connection:
            return {row.key: row.department for row in connection.execute(query.order_by(entries.c.id))}


def _meant(value: str) -> Iterator[Select[Any]]:
    """Who may be meant, the closest fit first."""
    person = select(identities.c.person).distinct()
    # An address that is somebody else's in one document is still its owner's.
    everywhere = identities.c.document == ""
    yield person.where(
        or_(
            identities.c.person == value,
            identities.c.founded == value,
            everywhere & (identities.c.kind == "address") & (identities.c.value == value.casefold()),
            everywhere & (identities.c.kind == "account") & (identities.c.value == value),
        )
    )
    if key := name_key(value):
        called = select(aliases.c.identity).where(aliases.c.sorted == any_order(key))
        # A name given by hand is nobody's alias.
        shown = select(persons.c.id).where(func.lower(persons.c.name) == value.lower())
        yield person.where(or_(identities.c.id.in_(called), identities.c.person.in_(shown)))
        part = select(aliases.c.identity).where((" " + aliases.c.key + " ").like(f"% {key} %"))
        yield person.where(identities.c.id.in_(part))
    # An account is known as `source:id`; people know only the id.
    ends = identities.c.value.endswith(f":{value}", autoescape=True)
    yield person.where(everywhere, identities.c.kind == "account", ends)
