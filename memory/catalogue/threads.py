"""Conversations: which messages belong together, whatever order they come in."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, case, func, select, update

from memory.catalogue.engine import transaction
from memory.catalogue.ledger import BATCH
from memory.catalogue.schema import documents, messages, threads
from memory.catalogue.upsert import insert_missing, upsert
from memory.catalogue.visibility import visible
from memory.domain import Asker

HINT = timedelta(days=14)
"""How long after a message an answer may come that names it by its subject only."""

SHORTEST_TOPIC = 4
"""Letters of a subject that says anything."""


@dataclass(frozen=True, slots=True)
class ThreadedMessage:
    """What places a message in a conversation.

    :param id: its Message-ID, ``""`` where it has none.
    :param references: ids of the messages it answers.
    :param topic: its subject, without prefixes and folded.
    :param loose: whether it answers something and only its subject says what.
    :param people: who sent and received it, as addresses or names.
    """

    id: str
    references: tuple[str, ...]
    topic: str
    loose: bool
    at: datetime | None
    people: frozenset[str]


class Threads:
    """The conversations of a memory.

    A conversation is what references join, and is named by the smallest id in it: the same messages are the same
    conversation in whatever order they were met. A subject joins only an answer without references to messages of
    the same source and subject, shortly before it, between some of the same people.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def join(self, connection: Connection, document: str, source: str, message: ThreadedMessage) -> str:
        """The conversation of a message, joined from those it connects."""
        own = message.id or f"document:{document}"
        nodes = {own, *message.references, *self._hinted(connection, document, source, message)}
        known = self._known(connection, nodes)
        name = min(nodes | set(known.values()))
        others = sorted(set(known.values()) - {name})
        for start in range(0, len(others), BATCH):
            part = others[start : start + BATCH]
            connection.execute(update(threads).where(threads.c.thread.in_(part)).values(thread=name))
            connection.execute(update(documents).where(documents.c.thread.in_(part)).values(thread=name))
        insert_missing(
            connection, threads, [{"message": node, "thread": name} for node in sorted(nodes - set(known))]
        )
        return name

    def note(self, connection: Connection, document: str, message: ThreadedMessage) -> None:
        """Remember what places a message, for those that come later."""
        values = {
            "message": message.id or f"document:{document}",
            "topic": message.topic,
            "loose": message.loose,
            "at": message.at,
            "people": sorted(message.people),
        }
        upsert(connection, messages, {"document": document}, values)

    def of(self, thread: str, asker: Asker, shown: str = "") -> list[str]:
        """The messages of a conversation that the asker may see, oldest first, as ids of documents.

        A message that is kept more than once, in two sources or attached to another, counts once.

        :param shown: the document that stands for its message, whatever copies there are of it.
        """
        # What came by itself stands for the message before a copy that was attached to another one.
        first = case((documents.c.id == shown, 0), (documents.c.parent.is_(None), 1), else_=2)
        query = (
            select(documents.c.id, messages.c.message)
            .join(messages, messages.c.document == documents.c.id)
            .where(documents.c.thread == thread, documents.c.removed.is_(False), *visible(asker))
            .order_by(func.coalesce(documents.c.created, documents.c.modified), first, documents.c.ref)
        )
        with transaction(self._engine) as connection:
            rows = connection.execute(query).all()
        kept = {row.message: row.id for row in reversed(rows)}
        kept |= {row.message: row.id for row in rows if row.id == shown}
        return [row.id for row in rows if kept[row.message] == row.id]

    def _known(self, connection: Connection, nodes: Iterable[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        wanted = sorted(nodes)
        for start in range(0, len(wanted), BATCH):
            query = select(threads).where(threads.c.message.in_(wanted[start : start + BATCH]))
            found.update((row.message, row.thread) for row in connection.execute(query))
        return found

    def _hinted(
        self, connection: Connection, document: str, source: str, message: ThreadedMessage
    ) -> Sequence[str]:
        """Messages that it answers, or that answer it, by their subjects only."""
        if len(message.topic) < SHORTEST_TOPIC or message.at is None:
            return ()
        query = (
            select(messages)
            .join(documents, documents.c.id == messages.c.document)
            .where(
                messages.c.topic == message.topic,
                messages.c.document != document,
                messages.c.at.between(message.at - HINT, message.at + HINT),
                documents.c.source == source,
            )
            .limit(BATCH)
        )
        return [
            row.message
            for row in connection.execute(query)
            if ((message.loose and row.at <= message.at) or (row.loose and row.at >= message.at))
            and message.people & set(row.people)
        ]
