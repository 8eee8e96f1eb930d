"""What a result shows of a document, kept at hand: facets and people cost no query per search."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, select

from memory.catalogue.engine import transaction
from memory.catalogue.ledger import BATCH
from memory.catalogue.schema import access, contributions, documents, passages, persons
from memory.domain import Access, Formality, PersonLink, Role


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


class Cards:
    """Cards of documents by passage id, read once and dropped when the document changes.

    Cards hold each document's access, so that a revocation counts from the moment it stands in the
    catalogue, before the index has followed.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._document_of: dict[int, str] = {}
        self._cards: dict[str, Card] = {}
        self._lock = threading.Lock()
        self._changes = 0

    def forget(self, document: str) -> None:
        """Read the document anew when it is next asked for."""
        with self._lock:
            self._changes += 1
            self._cards.pop(document, None)

    def of_passages(self, ids: Sequence[int]) -> list[Card | None]:
        """The card of each passage's document; None for passages of removed documents."""
        document_of = self._document_of
        missing = [passage for passage in ids if passage not in document_of]
        if missing:
            self._read_passages(missing)
        cards = self._cards
        wanted = [document_of.get(passage, "") for passage in ids]
        unread = {document for document in wanted if document and document not in cards}
        fresh = self._read_cards(unread) if unread else {}
        return [cards.get(document) or fresh.get(document) for document in wanted]

    def of_documents(self, ids: Iterable[str]) -> dict[str, Card]:
        """The cards of documents that are not removed."""
        wanted = list(ids)
        fresh = self._read_cards({document for document in wanted if document not in self._cards})
        found = {document: self._cards.get(document) or fresh.get(document) for document in wanted}
        return {document: card for document, card in found.items() if card}

    def warm(self) -> int:
        """Read every card, so that the first search is as quick as the next; says how many."""
        with transaction(self._engine) as connection:
            rows = connection.execute(select(passages.c.id, passages.c.document)).all()
        self._document_of.update((row.id, row.document) for row in rows)
        return len(self.of_documents({row.document for row in rows}))

    def _read_passages(self, ids: Sequence[int]) -> None:
        with transaction(self._engine) as connection:
            for start in range(0, len(ids), BATCH):
                query = select(passages.c.id, passages.c.document).where(
                    passages.c.id.in_(ids[start : start + BATCH])
                )
                self._document_of.update((row.id, row.document) for row in connection.execute(query))

    def _read_cards(self, ids: set[str]) -> dict[str, Card]:
        found: dict[str, Card] = {}
        wanted = sorted(ids)
        before = self._changes
        with transaction(self._engine) as connection:
            for start in range(0, len(wanted), BATCH):
                found.update(_read(connection, wanted[start : start + BATCH]))
        with self._lock:
            # A document that changed while it was read must be read again, not remembered.
            if before == self._changes:
                self._cards.update(found)
        return found


def _read(connection: Connection, ids: Sequence[str]) -> dict[str, Card]:
    allowed: dict[str, tuple[set[str], set[str]]] = {document: (set(), set()) for document in ids}
    for row in connection.execute(select(access).where(access.c.document.in_(ids))):
        allowed[row.document][row.deny].add(row.token)
    people: dict[str, list[PersonLink]] = {document: [] for document in ids}
    query = (
        select(contributions, persons.c.name.label("called"))
        .join(persons, persons.c.id == contributions.c.person)
        .where(contributions.c.document.in_(ids))
        .order_by(contributions.c.document, contributions.c.ordinal)
    )
    for row in connection.execute(query):
        people[row.document].append(PersonLink(row.person, row.called, Role(row.role), row.at, row.evidence))
    cards = {}
    for row in connection.execute(
        select(documents).where(documents.c.id.in_(ids), documents.c.removed.is_(False))
    ):
        grant, deny = allowed[row.id]
        cards[row.id] = Card(
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
            tuple(people[row.id]),
        )
    return cards
