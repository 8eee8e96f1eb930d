"""What an asker may know of a person: counted over the documents they may see, and over no others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, Select, distinct, extract, func, or_, select

from memory.catalogue.engine import transaction
from memory.catalogue.people import People
from memory.catalogue.schema import (
    aliases,
    contributions,
    documents,
    entries,
    identities,
    joins,
    passages,
    persons,
)
from memory.catalogue.visibility import visible
from memory.domain import AUTHORING, Asker, Role
from memory.people.names import any_order, display_name, name_key

LATEST = 1_000
"""Documents over which company is counted: the latest of a person's."""

_AUTHORING = [role.value for role in AUTHORING]
_when = func.coalesce(documents.c.modified, documents.c.created)


@dataclass(frozen=True, slots=True)
class Work:
    """One document a person had a part in, as their page lists it."""

    document: str
    title: str
    source: str
    type: str
    role: Role
    at: str | None


@dataclass(frozen=True, slots=True)
class Alias:
    """One of a person's identities, with the names that came with it where the asker may see.

    :param id: its number, for splitting.
    :param kind: ``address``, ``account`` or ``name``.
    :param document: the one document it stands for, where it stands apart.
    """

    id: int
    kind: str
    shown: str
    names: tuple[str, ...] = ()
    document: str = ""


@dataclass(frozen=True, slots=True)
class Counted:
    """A person with a number of documents."""

    id: str
    name: str
    documents: int


@dataclass(frozen=True, slots=True)
class WhyJoined:
    """Why two of a person's identities are one; for the owner, since evidence may lie in any document.

    :param reasons: ``code``, ``points`` and ``value`` of each.
    """

    one: str
    other: str
    made_by: str
    score: float
    reasons: tuple[dict[str, object], ...]


class PersonPages:
    """Questions about persons, each answered within what the asker may see."""

    def __init__(self, engine: Engine, people: People) -> None:
        self._engine = engine
        self._people = people

    def works(self, person: str, asker: Asker, limit: int = 200) -> list[Work]:
        """What a person had a part in, newest first."""
        query = (
            _theirs(person, asker, contributions, documents.c.title, documents.c.source, documents.c.type)
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

    def roles(self, person: str, asker: Asker) -> dict[str, int]:
        """In how many documents a person has each role."""
        query = _theirs(person, asker, contributions.c.role, func.count(distinct(contributions.c.document)))
        with transaction(self._engine) as connection:
            return dict(connection.execute(query.group_by(contributions.c.role)).all())

    def years(self, person: str, asker: Asker) -> dict[int, int]:
        """How many documents they had an active part in, by the year of the last change, newest first."""
        year = extract("year", _when)
        query = (
            _theirs(person, asker, year, func.count(distinct(contributions.c.document)))
            .where(contributions.c.role.in_(_AUTHORING), _when.is_not(None))
            .group_by(year)
            .order_by(year.desc())
        )
        with transaction(self._engine) as connection:
            return {int(at): count for at, count in connection.execute(query)}

    def company(self, person: str, asker: Asker, limit: int = 12) -> list[Counted]:
        """With whom: persons who have a part in the same documents, those they share most with first."""
        latest = (
            _theirs(person, asker, contributions.c.document)
            .where(contributions.c.role.in_(_AUTHORING))
            .group_by(contributions.c.document)
            .order_by(func.max(_when).desc(), contributions.c.document)
            .limit(LATEST)
            .subquery()
        )
        count = func.count(distinct(contributions.c.document))
        query = (
            select(persons.c.id, persons.c.name, count)
            .join(contributions, contributions.c.person == persons.c.id)
            .where(contributions.c.document.in_(select(latest.c.document)), persons.c.id != person)
            .group_by(persons.c.id, persons.c.name)
            .order_by(count.desc(), persons.c.name, persons.c.id)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return [Counted(*row) for row in connection.execute(query)]

    def answered(self, person: str, asker: Asker) -> int:
        """How many messages they sent in threads in which somebody else had written before."""
        before, theirs = documents.alias("before"), contributions.alias("theirs")
        earlier = (
            select(before.c.id)
            .join(theirs, theirs.c.document == before.c.id)
            .where(
                before.c.thread == documents.c.thread,
                before.c.id != documents.c.id,
                before.c.removed.is_(False),
                func.coalesce(before.c.created, before.c.modified)
                < func.coalesce(documents.c.created, documents.c.modified),
                theirs.c.role == Role.SENDER.value,
                theirs.c.person != person,
                *visible(asker, before),
            )
        )
        query = _theirs(person, asker, func.count(distinct(contributions.c.document))).where(
            contributions.c.role == Role.SENDER.value, documents.c.thread.is_not(None), earlier.exists()
        )
        with transaction(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def aliases(self, person: str, asker: Asker) -> list[Alias]:
        """Their identities: the directory's, and those that documents the asker may see give them."""
        names = _theirs(person, asker, contributions.c.identity, contributions.c.name).distinct()
        query = (
            select(identities, entries.c.name)
            .join(entries, entries.c.id == identities.c.entry, isouter=True)
            .where(identities.c.person == person)
            .order_by(identities.c.kind, identities.c.value, identities.c.id)
        )
        with transaction(self._engine) as connection:
            met: dict[int, set[str]] = {}
            for identity, name in connection.execute(names):
                met.setdefault(identity, set()).update([display_name(name)] if name else [])
            if not asker.owner:
                query = query.where(or_(identities.c.entry.is_not(None), identities.c.id.in_(met)))
            rows = connection.execute(query).all()
            if asker.owner:
                known = select(aliases).where(aliases.c.identity.in_([row.id for row in rows]))
                for row in connection.execute(known):
                    met.setdefault(row.identity, set()).add(row.shown)
        return [
            Alias(row.id, row.kind, row.shown, _names(row.name, met.get(row.id, set())), row.document)
            for row in rows
        ]

    def find(self, text: str, asker: Asker) -> list[str]:
        """`People.find`, without persons whom only what the asker may not see calls so."""
        found = self._people.find(text)
        return found if asker.owner else [person for person in found if self._called(person, text, asker)]

    def _called(self, person: str, text: str, asker: Asker) -> bool:
        value, key = text.strip(), name_key(text)
        known = self._people.get(person)
        if value in {person, known.id}:
            return True
        shown = [known.name]
        for each in self.aliases(person, asker):
            if each.kind != "name" and value.casefold() in {
                each.shown.casefold(),
                each.shown.casefold().rpartition(":")[2],
            }:
                return True
            shown += [*each.names, each.shown]
        keys = [name_key(name) for name in shown]
        return bool(key) and any(
            any_order(key) == any_order(name) or f" {key} " in f" {name} " for name in keys
        )

    def why_joined(self, person: str) -> list[WhyJoined]:
        """Why their identities are one person; what a document said stands in it, so this is the owner's to see."""
        one, other = identities.alias("one"), identities.alias("other")
        query = (
            select(one.c.shown.label("first"), other.c.shown.label("second"), joins)
            .join(one, one.c.id == joins.c.one)
            .join(other, other.c.id == joins.c.other)
            .where(one.c.person == person)
            .order_by(joins.c.one, joins.c.other)
        )
        with transaction(self._engine) as connection:
            return [
                WhyJoined(row.first, row.second, row.made_by, row.score, tuple(row.reasons))
                for row in connection.execute(query)
            ]

    def listed(
        self, asker: Asker, those: Sequence[str] | None = None, *, limit: int = 50, offset: int = 0
    ) -> list[Counted]:
        """Persons with a document the asker may see, those with most first.

        :param those: only these; None for everybody.
        """
        count = func.count(distinct(contributions.c.document))
        query = (
            select(persons.c.id, persons.c.name, count)
            .join(contributions, contributions.c.person == persons.c.id)
            .join(documents, documents.c.id == contributions.c.document)
            .where(documents.c.removed.is_(False), *visible(asker))
            .group_by(persons.c.id, persons.c.name)
            .order_by(count.desc(), persons.c.name, persons.c.id)
            .limit(limit)
            .offset(offset)
        )
        if those is not None:
            query = query.where(persons.c.id.in_(those))
        with transaction(self._engine) as connection:
            return [Counted(*row) for row in connection.execute(query)]

    def beginnings(self, person: str, asker: Asker, limit: int = 40) -> list[tuple[str, str, str]]:
        """How the latest documents they had an active part in begin: id, language, and title with the first text."""
        latest = (
            _theirs(person, asker, contributions.c.document)
            .where(contributions.c.role.in_(_AUTHORING))
            .group_by(contributions.c.document)
            .order_by(func.max(_when).desc(), contributions.c.document)
            .limit(limit)
        )
        return self._beginnings(latest)

    def others_begin(self, asker: Asker, limit: int = 150) -> list[tuple[str, str, str]]:
        """The same of documents of anybody's, always the same ones: what is said everywhere is no topic."""
        some = select(documents.c.id).where(documents.c.removed.is_(False), *visible(asker))
        return self._beginnings(some.order_by(documents.c.id).limit(limit))

    def _beginnings(self, chosen: Select[Any]) -> list[tuple[str, str, str]]:
        query = (
            select(documents.c.id, documents.c.language, documents.c.title, passages.c.text)
            .join(passages, passages.c.document == documents.c.id)
            .where(documents.c.id.in_(chosen), passages.c.ordinal < 2, passages.c.stale.is_(False))
            .order_by(documents.c.id, passages.c.ordinal)
        )
        found: dict[str, tuple[str, str]] = {}
        with transaction(self._engine) as connection:
            for which, language, title, text in connection.execute(query):
                found[which] = language, f"{found[which][1] if which in found else title}\n{text}"
        return [(which, language, text) for which, (language, text) in found.items()]


def _theirs(person: str, asker: Asker, *wanted: Any) -> Select[Any]:
    """A person's contributions to documents the asker may see."""
    query: Select[Any] = select(*wanted).select_from(contributions)
    return query.join(documents, documents.c.id == contributions.c.document).where(
        contributions.c.person == person, documents.c.removed.is_(False), *visible(asker)
    )


def _names(listed: str | None, met: set[str]) -> tuple[str, ...]:
    return tuple(sorted(met | ({listed} if listed else set())))
