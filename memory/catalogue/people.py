"""The persons of a memory: found by whatever they are called, and the directory that says what they may see."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, or_, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.identities import Met, block_all, register, touch
from memory.catalogue.schema import aliases, entries, identities, memberships, persons
from memory.catalogue.upsert import insert_missing
from memory.domain import Asker, Identity, Person
from memory.errors import InvalidInput, NotFound
from memory.people.addresses import address_key
from memory.people.names import any_order, display_name, name_key
from memory.people.profile import Node

_ADDRESS = re.compile(r"[^\s,!=@]+@[^\s,!=@]+")
"""An address that can stand in an access token, as `memory/domain.py` has them."""

_WHOLE_ADDRESS = "Give the person's full e-mail address."


class People:
    """Who is who: ids, names and aliases of persons, and what the directory says of them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def register(self, connection: Connection, found: Sequence[Identity], document: str = "") -> list[Met]:
        """Write down identities as a document names them; `WhoIsWho.settle` decides who they are."""
        return register(connection, found, document)

    def enrol(self, names: Sequence[Identity], department: str = "", tokens: Iterable[str] = ()) -> None:
        """Take in a person from a directory: the first identity names them, the others are aliases.

        :param tokens: the access tokens the person holds from now on; what they held before and is not
            among them is taken away.
        :raises InvalidInput: where an alias belongs to somebody else in the directory.
        """
        with transaction(self._engine) as connection:
            self.enrol_in(connection, names, department, tokens)

    def enrol_in(
        self, connection: Connection, names: Sequence[Identity], department: str, tokens: Iterable[str]
    ) -> None:
        """The same within a transaction, so that a directory is taken in whole or not at all."""
        addressed = [each for each in names if each is names[0] or each.address or each.account]
        met = register(connection, addressed)
        entry = self._entry(connection, [each.identity for each in met], names[0], department)
        self._call(connection, met[0].identity, names)
        touch(connection, [each.identity for each in met])
        connection.execute(delete(memberships).where(memberships.c.entry == entry))
        insert_missing(connection, memberships, [{"entry": entry, "token": token} for token in tokens])

    def _entry(self, connection: Connection, ids: list[int], main: Identity, department: str) -> int:
        """The directory's entry of some identities, made where there is none."""
        query = select(identities.c.id, identities.c.entry, identities.c.shown).where(
            identities.c.id.in_(ids)
        )
        held = {row.id: row for row in connection.execute(query) if row.entry is not None}
        entry = held[ids[0]].entry if ids[0] in held else next(iter(held.values())).entry if held else None
        for row in held.values():
            if row.entry != entry:
                raise InvalidInput(
                    f"{row.shown} belongs to somebody else in the directory than {main.address or main.name}.",
                    hint="Let each address stand in one row only.",
                )
        name = display_name(main.name) or main.address or main.account
        values = {"name": name, "department": department}
        if entry is None:
            # Of the oldest: what somebody kept before a directory knew them stays theirs.
            founded = select(identities.c.founded).where(identities.c.id == min(ids)).scalar_subquery()
            made = insert(entries).values(**values, key=founded).returning(entries.c.id)
            entry = connection.execute(made).scalar_one()
        else:
            connection.execute(update(entries).where(entries.c.id == entry).values(**values))
        connection.execute(update(identities).where(identities.c.id.in_(ids)).values(entry=entry))
        return int(entry)

    @staticmethod
    def _call(connection: Connection, identity: int, names: Sequence[Identity]) -> None:
        """Note every name the directory gives under the first identity."""
        shown = {name_key(each.name): display_name(each.name) for each in names if name_key(each.name)}
        rows = [
            {"identity": identity, "key": key, "sorted": any_order(key), "shown": name}
            for key, name in shown.items()
        ]
        insert_missing(connection, aliases, rows)
        row = connection.execute(select(identities).where(identities.c.id == identity)).one()
        block_all(connection, [Node(identity, row.kind, row.value, dict.fromkeys(shown, 1))])

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
        """
        value = address_key(address)
        if not address.isascii() or not value.isprintable() or not _ADDRESS.fullmatch(value):
            raise InvalidInput(f"Not an e-mail address: {address[:100]!r}.", hint=_WHOLE_ADDRESS)
        with transaction(self._engine) as connection:
            query = select(identities).where(
                identities.c.kind == "address", identities.c.value == value, identities.c.document == ""
            )
            row = connection.execute(query).one_or_none()
            if row is None:
                register(connection, [Identity(address=value)])
                row = connection.execute(query).one()
            return self._of_address(connection, row)

    def _of_address(self, connection: Connection, row: Row[Any]) -> Asker:
        """Whoever an address belongs to, as a row of `identities` has it."""
        if row.entry is not None:
            return self._of_entry(connection, row.entry, row.person)
        return Asker(row.person, frozenset({f"person:{row.value}"}), key=row.founded)

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
        groups = select(memberships.c.token).where(memberships.c.entry == entry)
        own = {f"person:{address}" for address in connection.execute(addresses).scalars()}
        key = connection.execute(select(entries.c.key).where(entries.c.id == entry)).scalar_one()
        return Asker(person, frozenset(own | set(connection.execute(groups).scalars())), key=key)

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
