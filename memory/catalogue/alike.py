"""Which documents are versions or near-duplicates of one another."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, or_, select

from memory.catalogue.engine import transaction
from memory.catalogue.schema import alike, compared, documents, passages
from memory.catalogue.upsert import upsert
from memory.catalogue.visibility import visible
from memory.domain import Asker


@dataclass(frozen=True, slots=True)
class Version:
    """A document that says nearly the same as another.

    :param share: of their pairs of words, how many they have in common, 0 to 1.
    """

    document: str
    title: str
    ref: str
    modified: datetime | None
    share: float


class Alike:
    """Pairs of documents that say nearly the same, each kept in both directions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def waiting(self, limit: int) -> list[tuple[str, str]]:
        """Documents in a version that was not compared yet, as id and version; only with all their vectors."""
        behind = select(passages.c.id).where(
            passages.c.document == documents.c.id, passages.c.embedded.is_(False), passages.c.stale.is_(False)
        )
        query = (
            select(documents.c.id, documents.c.version)
            .outerjoin(compared, compared.c.document == documents.c.id)
            .where(
                documents.c.removed.is_(False),
                or_(compared.c.version.is_(None), compared.c.version != documents.c.version),
                ~behind.exists(),
            )
            .order_by(documents.c.id)
            .limit(limit)
        )
        with transaction(self._engine) as connection:
            return [(row.id, row.version) for row in connection.execute(query)]

    def note(self, document: str, version: str, others: Sequence[tuple[str, float]]) -> None:
        """Note what a document is nearly the same as, and that it has been compared."""
        with transaction(self._engine) as connection:
            old = or_(alike.c.document == document, alike.c.other == document)
            connection.execute(delete(alike).where(old))
            for other, share in others:
                for one, two in ((document, other), (other, document)):
                    upsert(connection, alike, {"document": one, "other": two}, {"share": share})
            upsert(connection, compared, {"document": document}, {"version": version})

    def of(self, found: Sequence[str], asker: Asker) -> dict[str, list[Version]]:
        """The other versions of each document that the asker may see, newest first."""
        query = (
            select(alike, documents.c.title, documents.c.ref, documents.c.modified)
            .join(documents, documents.c.id == alike.c.other)
            .where(alike.c.document.in_(found), documents.c.removed.is_(False), *visible(asker))
            .order_by(documents.c.modified.desc(), documents.c.ref)
        )
        versions: dict[str, list[Version]] = {}
        with transaction(self._engine) as connection:
            for row in connection.execute(query):
                one = Version(row.other, row.title, row.ref, row.modified, row.share)
                versions.setdefault(row.document, []).append(one)
        return versions
