"""Passages: what the index has yet to learn, and the text behind its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, delete, func, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.ledger import BATCH
from memory.catalogue.schema import documents, ledger, passages
from memory.domain import Location, Passage, Stage


@dataclass(frozen=True, slots=True)
class StoredPassage:
    """A passage with what the index needs to be told about it."""

    passage: Passage
    title: str
    language: str
    digest: str
    length: int
    embedded: bool


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the memory can be searched: all its passages, by words, by meaning."""

    passages: int
    by_words: int
    by_meaning: int

    @property
    def percent(self) -> int:
        """How much can be searched by meaning: all that somebody may know who must not know how much there is."""
        return 100 * self.by_meaning // self.passages if self.passages else 100


class Passages:
    """The passages of a memory and how far each has come.

    :param gone: is told the ids of passages that are deleted.
    """

    def __init__(self, engine: Engine, gone: Callable[[Sequence[int]], None]) -> None:
        self._engine = engine
        self._gone = gone

    def get(self, ids: Sequence[int]) -> dict[int, Passage]:
        """Passages by id, as far as they are still there."""
        query = select(passages).where(passages.c.id.in_(ids))
        with transaction(self._engine) as connection:
            return {row.id: _passage(row) for row in connection.execute(query)}

    def of_document(self, document: str) -> list[Passage]:
        """A document's current passages in reading order."""
        query = (
            select(passages)
            .where(passages.c.document == document, passages.c.stale.is_(False))
            .order_by(passages.c.ordinal)
        )
        with transaction(self._engine) as connection:
            return [_passage(row) for row in connection.execute(query)]

    def unindexed(self, limit: int = BATCH) -> list[StoredPassage]:
        """Passages the index has not got yet, oldest first."""
        return self._stored(limit, passages.c.indexed.is_(False), order=[passages.c.id])

    def unembedded(self, limit: int = BATCH) -> list[StoredPassage]:
        """Passages without a dense vector: the most wanted first, then the newest documents."""
        order = [documents.c.wanted.desc(), documents.c.modified.desc(), passages.c.id]
        return self._stored(limit, passages.c.indexed.is_(True), passages.c.embedded.is_(False), order=order)

    def after(self, last: int, limit: int = BATCH) -> list[StoredPassage]:
        """Every current passage in order of id, to walk the whole memory."""
        return self._stored(limit, passages.c.id > last, order=[passages.c.id])

    def stale(self, limit: int = 5000) -> list[int]:
        """Ids that are to leave the index, of documents whose new passages are all in it."""
        waiting = select(passages.c.document).where(
            passages.c.indexed.is_(False), passages.c.stale.is_(False)
        )
        query = select(passages.c.id).where(passages.c.stale.is_(True), passages.c.document.notin_(waiting))
        with transaction(self._engine) as connection:
            return list(connection.execute(query.order_by(passages.c.id).limit(limit)).scalars())

    def leaving(self) -> set[int]:
        """Ids of all passages that a newer version of their document has replaced, or that went with it."""
        query = select(passages.c.id).where(passages.c.stale.is_(True))
        with transaction(self._engine) as connection:
            return set(connection.execute(query).scalars())

    def indexed(self, ids: Sequence[int], embedded: Sequence[int]) -> None:
        """Note what the index holds now; the ledger follows in the same transaction."""
        with transaction(self._engine) as connection:
            _mark(connection, ids, indexed=True)
            _mark(connection, embedded, embedded=True)
            _advance(connection, ids, Stage.INDEXED)
            _advance(connection, embedded, Stage.EMBEDDED)

    def embedded(self, ids: Sequence[int]) -> None:
        """Note which passages have their dense vector; the ledger follows in the same transaction."""
        with transaction(self._engine) as connection:
            _mark(connection, ids, embedded=True)
            _advance(connection, ids, Stage.EMBEDDED)

    def drop(self, ids: Sequence[int]) -> None:
        """Delete passages the index has let go of."""
        with transaction(self._engine) as connection:
            for start in range(0, len(ids), BATCH):
                connection.execute(delete(passages).where(passages.c.id.in_(ids[start : start + BATCH])))
        self._gone(ids)

    def unindex(self, ids: Sequence[int]) -> None:
        """Take these passages for not yet written to the index."""
        with transaction(self._engine) as connection:
            _mark(connection, ids, indexed=False, embedded=False)

    def forget_index(self) -> None:
        """Take the index for empty: everything is to be written to it again, nothing embedded again."""
        with transaction(self._engine) as connection:
            connection.execute(delete(passages).where(passages.c.stale.is_(True)))
            connection.execute(update(passages).values(indexed=False, embedded=False))

    def progress(self) -> Progress:
        """How much of the memory can be searched, and how."""
        query = select(
            func.count(), func.count().filter(passages.c.indexed), func.count().filter(passages.c.embedded)
        ).where(passages.c.stale.is_(False))
        with transaction(self._engine) as connection:
            return Progress(*connection.execute(query).one())

    def any(self) -> bool:
        """Whether there is any passage at all, stale ones included."""
        with transaction(self._engine) as connection:
            return connection.execute(select(passages.c.id).limit(1)).first() is not None

    def average_length(self) -> float:
        """The mean number of words in a passage, 0 where there is none."""
        with transaction(self._engine) as connection:
            return float(connection.execute(select(func.avg(passages.c.length))).scalar() or 0.0)

    def ids(self) -> set[int]:
        """Ids of every passage the index should hold."""
        query = select(passages.c.id).where(passages.c.indexed.is_(True))
        with transaction(self._engine) as connection:
            return set(connection.execute(query).scalars())

    def _stored(self, limit: int, *conditions: Any, order: list[Any]) -> list[StoredPassage]:
        query = (
            select(passages, documents.c.title, documents.c.language)
            .join(documents, documents.c.id == passages.c.document)
            .where(*conditions, passages.c.stale.is_(False), documents.c.removed.is_(False))
            .order_by(*order)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return [
                StoredPassage(_passage(row), row.title, row.language, row.digest, row.length, row.embedded)
                for row in connection.execute(query)
            ]


def _mark(connection: Connection, ids: Sequence[int], **values: bool) -> None:
    for start in range(0, len(ids), BATCH):
        part = passages.c.id.in_(ids[start : start + BATCH])
        connection.execute(update(passages).where(part).values(**values))


def _advance(connection: Connection, ids: Sequence[int], stage: Stage) -> None:
    """Move ledger rows on whose documents have no passage left behind this stage."""
    behind = passages.c.indexed.is_(False) if stage is Stage.INDEXED else passages.c.embedded.is_(False)
    # By the documents touched: SQLite would rather walk through all that are at that stage, in a first sync nearly all there are.
    now = func.coalesce(ledger.c.stage, "")
    before = [Stage.PARSED.value] if stage is Stage.INDEXED else [Stage.PARSED.value, Stage.INDEXED.value]
    for start in range(0, len(ids), BATCH):
        touched = select(passages.c.document).where(passages.c.id.in_(ids[start : start + BATCH]))
        open_ = select(passages.c.document).where(
            passages.c.document == ledger.c.document, behind, passages.c.stale.is_(False)
        )
        connection.execute(
            update(ledger)
            .where(ledger.c.document.in_(touched), now.in_(before), ~open_.exists())
            .values(stage=stage.value)
        )


def _passage(row: Row[Any]) -> Passage:
    return Passage(row.document, row.ordinal, row.text, Location.from_json(row.location), row.id)
