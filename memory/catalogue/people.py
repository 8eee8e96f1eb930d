"""The persons of a memory: identities joined by exact keys, with the evidence kept."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, insert, or_, select, update
from sqlalchemy.sql import ColumnElement

from memory.catalogue.engine import transaction
from memory.catalogue.schema import access, contributions, documents, identities, memberships, persons
from memory.catalogue.upsert import insert_missing
from memory.domain import Asker, Identity, Person, Role
from memory.errors import NotFound
from memory.people.names import display_name, name_key


@dataclass(frozen=True, slots=True)
class Work:
    """One document a person had a part in, as their page lists it."""

    document: str
    title: str
    source: str
    type: str
    role: Role
    at: str | None


class People:
    """Who is who. An address or an account is one person; a name alone joins whoever bears it first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def resolve(self, connection: Connection, identity: Identity) -> str:
        """The id of the person an identity belongs to, made where nobody fits.

        An address or account decides alone. A name joins a person of the same name unless both have
        addresses and they differ: two people may share a name, and joining them wrongly is worse.
        """
        keys = _keys(identity)
        known = {row.kind: row.person for row in connection.execute(select(identities).where(_any_of(keys)))}
        person = known.get("address") or known.get("account")
        if (
            person is None
            and "name" in known
            and (not identity.address or not self._has_address(connection, known["name"]))
        ):
            person = known["name"]
        if person is None:
            person = uuid.uuid4().hex
            shown = display_name(identity.name) or identity.address or identity.account
            connection.execute(insert(persons).values(id=person, name=shown))
        elif identity.name and identity.address:
            self._improve_name(connection, person, identity)
        rows = [
            {"kind": kind, "value": value, "person": person, "shown": shown, "evidence": _evidence(kind)}
            for kind, value, shown in keys
        ]
        insert_missing(connection, identities, rows)
        return person

    def _has_address(self, connection: Connection, person: str) -> bool:
        query = select(func.count()).where(identities.c.person == person, identities.c.kind == "address")
        return bool(connection.execute(query).scalar_one())

    def _improve_name(self, connection: Connection, person: str, identity: Identity) -> None:
        """A person known by address only gets the first name that comes with it."""
        connection.execute(
            update(persons)
            .where(persons.c.id == person, persons.c.name.in_([identity.address, identity.account]))
            .values(name=display_name(identity.name))
        )

    def enrol(self, names: Sequence[Identity], department: str = "", tokens: Iterable[str] = ()) -> str:
        """Take in a person from a directory: the first identity names them, the others are aliases.

        :param tokens: the access tokens the person holds.
        """
        with transaction(self._engine) as connection:
            person = self.resolve(connection, names[0])
            connection.execute(
                update(persons)
                .where(persons.c.id == person)
                .values(name=display_name(names[0].name) or names[0].address, department=department)
            )
            rows = [
                {"kind": kind, "value": value, "person": person, "shown": shown, "evidence": "directory"}
                for alias in names
                for kind, value, shown in _keys(alias)
            ]
            insert_missing(connection, identities, rows)
            insert_missing(connection, memberships, [{"person": person, "token": token} for token in tokens])
        return person

    def get(self, person: str) -> Person:
        """One person with everything that was joined to them.

        :raises NotFound: where there is none of that id.
        """
        with transaction(self._engine) as connection:
            name = connection.execute(select(persons.c.name).where(persons.c.id == person)).scalar()
            if name is None:
                raise NotFound(f"There is no person {person}.")
            rows = connection.execute(
                select(identities)
                .where(identities.c.person == person)
                .order_by(identities.c.kind, identities.c.value)
            ).all()
        return Person(person, name, tuple(Identity(**{row.kind: row.shown}) for row in rows))

    def find(self, text: str) -> list[str]:
        """Ids of the persons somebody may mean: by id, address, account, full name, or part of a name."""
        value = text.strip()
        if not value:
            return []
        exact = or_(
            identities.c.person == value,
            (identities.c.kind == "address") & (identities.c.value == value.casefold()),
            (identities.c.kind == "account") & (identities.c.value == value),
            (identities.c.kind == "name") & (identities.c.value == name_key(value)),
        )
        with transaction(self._engine) as connection:
            found = connection.execute(select(identities.c.person).where(exact).distinct()).scalars().all()
            if not found and (key := name_key(value)):
                part = or_(
                    *(identities.c.value.like(like) for like in (f"{key} %", f"% {key}", f"% {key} %"))
                )
                query = select(identities.c.person).where(identities.c.kind == "name", part).distinct()
                found = connection.execute(query).scalars().all()
        return sorted(found)

    def asker(self, text: str) -> Asker:
        """The asker for a person: their addresses and accounts as tokens, and the groups they are in.

        :raises NotFound: where nobody or more than one fits.
        """
        found = self.find(text)
        if len(found) != 1:
            problem = "fits more than one person" if found else "is not known"
            raise NotFound(f"{text!r} {problem}.", hint="Give the person's full e-mail address.")
        query = select(identities.c.kind, identities.c.value).where(identities.c.person == found[0])
        groups = select(memberships.c.token).where(memberships.c.person == found[0])
        with transaction(self._engine) as connection:
            own = {f"person:{value}" for kind, value in connection.execute(query) if kind == "address"}
            return Asker(found[0], frozenset(own | set(connection.execute(groups).scalars())))

    def works(self, person: str, asker: Asker, limit: int = 200) -> list[Work]:
        """What a person had a part in, newest first, only as far as the asker may see it."""
        query = (
            select(contributions, documents.c.title, documents.c.source, documents.c.type)
            .join(documents, documents.c.id == contributions.c.document)
            .where(contributions.c.person == person, documents.c.removed.is_(False), *visible(asker))
            .order_by(func.coalesce(contributions.c.at, documents.c.modified).desc(), documents.c.title)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return [
                Work(
                    row.document,
                    row.title,
                    row.source,
                    row.type,
                    Role(row.role),
                    row.at and row.at.isoformat(),
                )
                for row in connection.execute(query)
            ]


def visible(asker: Asker) -> tuple[ColumnElement[bool], ...]:
    """Conditions on `documents` that keep what the asker may see: deny wins, nothing granted is nobody's."""
    if asker.owner:
        return ()
    held = select(access.c.document).where(
        access.c.document == documents.c.id, access.c.token.in_(asker.tokens)
    )
    return (
        held.where(access.c.deny.is_(False)).exists(),
        ~held.where(access.c.deny.is_(True)).exists(),
    )


def _keys(identity: Identity) -> list[tuple[str, str, str]]:
    keys = []
    if identity.address:
        keys.append(("address", identity.address.casefold(), identity.address))
    if identity.account:
        keys.append(("account", identity.account, identity.account))
    if key := name_key(identity.name):
        keys.append(("name", key, display_name(identity.name)))
    return keys


def _any_of(keys: list[tuple[str, str, str]]) -> ColumnElement[bool]:
    return or_(*((identities.c.kind == kind) & (identities.c.value == value) for kind, value, _ in keys))


def _evidence(kind: str) -> str:
    return "same name" if kind == "name" else f"same {kind}"
