"""What an asker may know of a person: counted over the documents they may see, and over no others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, distinct, extract, func, select

from memory.catalogue.engine import transaction
from memory.catalogue.people import People
from memory.catalogue.rules import names_told
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
from memory.people.likeness import is_full
from memory.people.names import any_order, display_name, name_key

LATEST = 1_000
"""Documents over which company is counted: the latest of a person's."""

_AUTHORING = [role.value for role in AUTHORING]
_documents = func.count(distinct(contributions.c.document))
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
        what = (documents.c.title, documents.c.source, documents.c.type)
        latest = func.max(contributions.c.at).label("at")  # of a thread, in which they may have written often
        query = (
            _theirs(person, asker, contributions.c.document, contributions.c.role, latest, *what)
            .group_by(contributions.c.document, contributions.c.role, documents.c.modified, *what)
            .order_by(func.coalesce(latest, documents.c.modified).desc(), documents.c.title)
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
        query = (
            select(contributions.c.person, _documents)
            .where(contributions.c.document.in_(select(latest.c.document)), contributions.c.person != person)
            .group_by(contributions.c.person)
        )
        return self._counted(query, asker, limit)

    def answered(self, person: str, asker: Asker) -> int:
        """How many messages they wrote in threads in which somebody else had written before."""
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
            return int(connection.execute(query).scalar_one()) + self._replied(connection, person, asker)

    @staticmethod
    def _replied(connection: Connection, person: str, asker: Asker) -> int:
        """The same of threads that are one document: somebody else's message stands before theirs."""
        others = contributions.alias("others")
        earlier = select(others.c.document).where(
            others.c.document == contributions.c.document,
            others.c.message != "",
            others.c.role.in_(_AUTHORING),
            others.c.person != person,
            others.c.at < contributions.c.at,
        )
        query = _theirs(person, asker, func.count()).where(
            contributions.c.message != "", contributions.c.role == Role.COMMENTER.value, earlier.exists()
        )
        return int(connection.execute(query).scalar_one())

    def aliases(self, person: str, asker: Asker) -> list[Alias]:
        """Their identities: the directory's, and those that documents the asker may see give them."""
        said = contributions.c.name, contributions.c.address, contributions.c.account
        names = _theirs(person, asker, contributions.c.identity, *said).distinct()
        query = (
            select(identities, entries.c.name)
            .join(entries, entries.c.id == identities.c.entry, isouter=True)
            .where(identities.c.person == person)
            .order_by(identities.c.kind, identities.c.value, identities.c.id)
        )
        with transaction(self._engine) as connection:
            met: dict[int, set[str]] = {}
            beside: set[tuple[str, str]] = set()
            for identity, name, address, account in connection.execute(names):
                met.setdefault(identity, set()).update([display_name(name)] if name else [])
                beside |= {("address", address.casefold()), ("account", account)}
            rows = [
                row
                for row in connection.execute(query)
                if asker.owner or row.entry is not None or row.id in met or (row.kind, row.value) in beside
            ]
            if asker.owner:
                known = select(aliases).where(aliases.c.identity.in_([row.id for row in rows]))
                for row in connection.execute(known):
                    met.setdefault(row.identity, set()).add(row.shown)
        return [
            Alias(row.id, row.kind, row.shown, _names(row.name, met.get(row.id, set())), row.document)
            for row in rows
        ]

    def find(self, text: str, asker: Asker) -> list[str]:
        """`People.find` by what the asker may know: what only a document that they may not see calls somebody fits nobody."""
        if asker.owner:
            return self._people.find(text)
        everybody = {person for found in self._people.candidates(text) for person in found}
        fits = {person: self._fit(person, text.strip(), asker) for person in everybody}
        closest = min((fit for fit in fits.values() if fit is not None), default=None)
        return sorted(person for person, fit in fits.items() if fit is not None and fit == closest)

    def _fit(self, person: str, value: str, asker: Asker) -> int | None:
        """How closely a text means a person, 0 closest; None for not at all. As `People.find` has it."""
        known, key = self.aliases(person, asker), name_key(value)
        exact = {each.shown.casefold() for each in known if each.kind != "name" and not each.document}
        if value.casefold() in {person, self._people.get(person).id} | exact:
            return 0
        called = {name for each in known for name in each.names}
        called |= {each.shown for each in known if each.kind == "name"}
        with transaction(self._engine) as connection:
            called |= set(names_told(connection, [person]).values())
        keys = {name_key(name) for name in called} if key else set()
        if any_order(key) in {any_order(name) for name in keys}:
            return 1
        if any(f" {key} " in f" {name} " for name in keys):
            return 2
        ends = {
            each.shown.rpartition(":")[2].casefold()
            for each in known
            if each.kind == "account" and not each.document
        }
        return 3 if value.casefold() in ends else None

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
        query = (
            select(contributions.c.person, _documents)
            .join(documents, documents.c.id == contributions.c.document)
            .where(documents.c.removed.is_(False), *visible(asker))
            .group_by(contributions.c.person)
        )
        if those is not None:
            query = query.where(contributions.c.person.in_(those))
        return self._counted(query, asker, limit, offset)

    def names(self, those: Iterable[str], asker: Asker) -> dict[str, str]:
        """What persons are called, as far as the asker may know: by hand, by the directory, or in what they may see."""
        wanted = list(those)
        with transaction(self._engine) as connection:
            return self._names(connection, wanted, asker)

    def _names(self, connection: Connection, those: list[str], asker: Asker) -> dict[str, str]:
        if asker.owner:
            query = select(persons.c.id, persons.c.name).where(persons.c.id.in_(those))
            return dict(connection.execute(query).all())
        met = contributions.c.name, contributions.c.address, contributions.c.account
        seen = (
            select(contributions.c.person, *met, func.count())
            .join(documents, documents.c.id == contributions.c.document)
            .where(contributions.c.person.in_(those), documents.c.removed.is_(False), *visible(asker))
            .group_by(contributions.c.person, *met)
        )
        best: dict[str, tuple[bool, int, int, str]] = {}
        for person, name, address, account, count in connection.execute(seen):
            shown = display_name(name) or address or account
            rank = is_full(name_key(name)), count, len(shown), shown
            best[person] = max(rank, best.get(person, rank))
        return {person: rank[-1] for person, rank in best.items()} | names_told(connection, those)

    def _counted(self, query: Select[Any], asker: Asker, limit: int, offset: int = 0) -> list[Counted]:
        """Persons with their numbers of documents, most first; by name only where the order gives no name away."""
        if asker.owner:
            query = query.join(persons, persons.c.id == contributions.c.person).group_by(persons.c.name)
        last = persons.c.name if asker.owner else contributions.c.person
        query = query.order_by(_documents.desc(), last, contributions.c.person).limit(limit).offset(offset)
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
            names = self._names(connection, [person for person, _ in rows], asker)
        return [Counted(person, names[person], count) for person, count in rows]

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
