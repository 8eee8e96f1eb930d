"""What a result shows of a document, kept at hand: facets and people cost no query per search."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, select

from memory.catalogue.engine import transaction
from memory.catalogue.ledger import BATCH
from memory.catalogue.rules import names_told
from memory.catalogue.schema import access, contributions, documents, passages, persons
from memory.domain import AUTHORING, Access, Asker, Formality, PersonLink, Role
from memory.people.names import display_name


@dataclass(frozen=True, slots=True)
class Card:
    """A document as a list of results shows it."""

    document: str
    ref: str
    title: str
    url: str
    source: str
    type: str
    media_type: str
    language: str
    modified: datetime | None
    formality: Formality
    access: Access
    people: tuple[PersonLink, ...]
    writers: Mapping[str, tuple[PersonLink, ...]] = field(default_factory=dict)
    """Who wrote each message of a thread, by the message's id as `Location.message` has it."""
    outward: "Card | None" = None
    """The card for all but the owner, where people are called otherwise on it: see `shown_to`."""

    def shown_to(self, asker: Asker) -> "Card":
        """The card with people called as this document, the directory or a decision by hand has it.

        What somebody is called elsewhere may stand in documents which the asker may not see. The owner sees all.
        """
        return self if asker.owner or self.outward is None else self.outward

    def behind(self, message: str | None) -> tuple[PersonLink, ...]:
        """The document's people, those who wrote this message of it first."""
        first = self.writers.get(message or "", ())
        wrote = {(link.id, link.role) for link in first}
        return (*first, *(link for link in self.people if (link.id, link.role) not in wrote))


_Part = tuple[str, PersonLink]
"""A message of the document, ``""`` for the whole of it, and somebody's part in it."""


class _Place:
    """Where a document's card lies, for all its passages: one look-up a passage, and one place to drop it."""

    __slots__ = ("card", "document")

    def __init__(self, document: str) -> None:
        self.document = document
        self.card: Card | None = None


class Cards:
    """Cards of documents by passage id, read once and dropped when the document changes.

    Cards hold each document's access, so that a revocation counts from the moment it stands in the
    catalogue, before the index has followed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._places: dict[int, _Place] = {}
        self._of: dict[str, _Place] = {}
        self._lock = threading.Lock()
        self._reads: dict[int, set[str]] = {}
        """For each reading under way, which documents have changed since it began."""

    def forget(self, document: str) -> None:
        """Read the document anew when it is next asked for."""
        with self._lock:
            for changed in self._reads.values():
                changed.add(document)
            if (place := self._of.get(document)) is not None:
                place.card = None

    def forget_passages(self, ids: Iterable[int]) -> None:
        """Let go of passages that are gone for good; their ids are never used again."""
        with self._lock:
            for passage in ids:
                self._places.pop(passage, None)

    def of_passages(self, ids: Sequence[int]) -> list[Card | None]:
        """The card of each passage's document; None for passages of removed documents."""
        places = list(map(self._places.get, ids))
        if not all(places):
            self._read_passages([passage for passage, place in zip(ids, places, strict=True) if not place])
            places = list(map(self._places.get, ids))
        found = [place.card if place else None for place in places]
        if not all(found):
            unread = {place.document for place in places if place and not place.card}
            fresh = self._read_cards(unread)
            found = [(place.card or fresh.get(place.document)) if place else None for place in places]
        return found

    def of_documents(self, ids: Iterable[str]) -> dict[str, Card]:
        """The cards of documents that are not removed."""
        held = {document: place.card if (place := self._of.get(document)) else None for document in ids}
        fresh = self._read_cards({document for document, card in held.items() if not card})
        return {document: found for document, card in held.items() if (found := card or fresh.get(document))}

    def fresh(self, ids: Iterable[str]) -> dict[str, Card]:
        """The cards as the catalogue has them at this moment: what is kept at hand is dropped only after a commit."""
        return self._read_cards(set(ids))

    def warm(self) -> int:
        """Read every card, so that the first search is as quick as the next; says how many."""
        with transaction(self._engine) as connection:
            for rows in connection.execute(select(passages.c.id, passages.c.document)).partitions(BATCH):
                self._place(rows)
        return len(self.of_documents(list(self._of)))

    def _read_passages(self, ids: Sequence[int]) -> None:
        with transaction(self._engine) as connection:
            for start in range(0, len(ids), BATCH):
                query = select(passages.c.id, passages.c.document).where(
                    passages.c.id.in_(ids[start : start + BATCH])
                )
                self._place(connection.execute(query))

    def _place(self, rows: Iterable[Row[int, str]]) -> None:
        with self._lock:
            for passage, document in rows:
                if (place := self._of.get(document)) is None:
                    place = self._of[document] = _Place(document)
                self._places[passage] = place

    def _read_cards(self, ids: set[str]) -> dict[str, Card]:
        if not ids:
            return {}
        found: dict[str, Card] = {}
        wanted = sorted(ids)
        with self._noting_changes() as changed:
            with transaction(self._engine) as connection:
                for start in range(0, len(wanted), BATCH):
                    found.update(_read(connection, wanted[start : start + BATCH]))
            with self._lock:
                # A document that changed while it was read must be read again, not remembered. The others are: a sync
                # changes some document at every moment, and each search would read the same cards again.
                for document in found.keys() - changed:
                    self._of.setdefault(document, _Place(document)).card = found[document]
        return found

    @contextmanager
    def _noting_changes(self) -> Iterator[set[str]]:
        changed: set[str] = set()
        with self._lock:
            self._reads[id(changed)] = changed
        try:
            yield changed
        finally:
            with self._lock:
                del self._reads[id(changed)]


def _read(connection: Connection, ids: Sequence[str]) -> dict[str, Card]:
    allowed: dict[str, tuple[set[str], set[str]]] = {document: (set(), set()) for document in ids}
    for row in connection.execute(select(access).where(access.c.document.in_(ids))):
        allowed[row.document][row.deny].add(row.token)
    people: dict[str, list[_Part]] = {document: [] for document in ids}
    query = (
        select(contributions, persons.c.name.label("called"))
        .join(persons, persons.c.id == contributions.c.person)
        .where(contributions.c.document.in_(ids))
        .order_by(contributions.c.document, contributions.c.ordinal)
    )
    rows = connection.execute(query).all()
    told = names_told(connection, {row.person for row in rows})
    outward: dict[str, list[_Part]] = {document: [] for document in ids}
    for row in rows:
        link = PersonLink(row.person, row.called, Role(row.role), row.at, row.evidence)
        called = told.get(row.person) or _as_here(row)
        people[row.document].append((row.message, link))
        called_so = link if called == link.name else replace(link, name=called)
        outward[row.document].append((row.message, called_so))
    cards = {}
    for row in connection.execute(
        select(documents).where(documents.c.id.in_(ids), documents.c.removed.is_(False))
    ):
        grant, deny = allowed[row.id]
        card = Card(
            row.id,
            row.ref,
            row.title,
            row.url,
            row.source,
            row.type,
            row.media_type,
            row.language,
            row.modified,
            Formality(row.formality),
            Access(frozenset(grant), frozenset(deny)),
            _once(people[row.id]),
            _writers(people[row.id]),
        )
        others = _once(outward[row.id])
        outside = replace(card, people=others, writers=_writers(outward[row.id]))
        cards[row.id] = card if outside == card else replace(card, outward=outside)
    return cards


def _once(parts: Sequence[_Part]) -> tuple[PersonLink, ...]:
    """Each person once in each role, with the latest date.

    One document may call somebody by two addresses, and they may have written several messages of a thread.
    """
    found: dict[tuple[str, Role], PersonLink] = {}
    for _, link in parts:
        known = found.get((link.id, link.role))
        if known is None or (link.at and (known.at is None or link.at > known.at)):
            found[link.id, link.role] = link
    return tuple(found.values())


def _writers(parts: Sequence[_Part]) -> dict[str, tuple[PersonLink, ...]]:
    """Who wrote each message; whom it only mentions did not."""
    found: dict[str, tuple[PersonLink, ...]] = {}
    for message, link in parts:
        if message and link.role in AUTHORING:
            found[message] = (*found.get(message, ()), link)
    return found


def _as_here(row: Row[Any]) -> str:
    """What a document calls somebody, whose spelling too is its own.

    Nothing may be taken from elsewhere, a title as little as capital letters: it may stand in hidden documents only.
    """
    return str(display_name(row.name) or row.address or row.account)
