"""The tables of the catalogue, one SQLAlchemy `Table` each; migrations keep databases in step.

Those of who is let in are in `memory/catalogue/login_schema.py`, those of the directories in `directory_schema.py`,
indexes on a part of a table or on several columns in `indexes.py`.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class Moment(TypeDecorator[datetime]):
    """A point in time, kept in UTC: SQLite has no time zones of its own."""

    impl = DateTime()
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Turn into UTC."""
        return None if value is None else value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Say that it is UTC."""
        return None if value is None else value.replace(tzinfo=UTC)


meta = Table(
    "meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", JSON, nullable=False),
)

sources = Table(
    "sources",
    metadata,
    Column("name", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("location", Text, nullable=False),
    Column("config", JSON, nullable=False),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("added", Moment, nullable=False),
    Column("synced", Moment),
    Column("summary", JSON),
    Column("cursor", Text),
    Column("every", Integer),
    # Set with the removal of its documents: what a kill interrupts is finished by whoever writes to the index next.
    Column("removing", Boolean, nullable=False, server_default=false()),
    # Encrypted: memory/keyring.py.
    Column("secrets", JSON, nullable=False, server_default="{}"),
)

documents = Table(
    "documents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("ref", Text, nullable=False, unique=True),
    Column("source", ForeignKey("sources.name"), nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("media_type", String, nullable=False),
    Column("type", String, nullable=False),
    Column("language", String, nullable=False),
    Column("created", Moment),
    Column("modified", Moment),
    Column("url", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("parent", String(32), index=True),
    Column("thread", Text, index=True),
    Column("formality", String, nullable=False),
    Column("removed", Boolean, nullable=False, server_default=false()),
    # Counts the changes that the index has not learned: one that comes while it learns is not lost.
    Column("facts_behind", Integer, nullable=False, server_default="0"),
    Column("wanted", Integer, nullable=False, server_default="0"),
)

texts = Table(
    "texts",
    metadata,
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("text", Text, nullable=False),
    Column("asides", JSON, nullable=False, server_default="[]"),
)

# What was recognised on pages that are pictures, by the file: a scan attached to ten mails is read once.
recognised_pages = Table(
    "recognised_pages",
    metadata,
    Column("content", String(64), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("words", LargeBinary, nullable=False),
)

page_spans = Table(
    "page_spans",
    metadata,
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("page", Integer, primary_key=True),
    Column("content", String(64), nullable=False, index=True),
    Column("spans", LargeBinary, nullable=False),
)

messages = Table(
    "messages",
    metadata,
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("message", Text, nullable=False, index=True),
    Column("topic", Text, nullable=False, index=True),
    # Whether only its subject says what it answers.
    Column("loose", Boolean, nullable=False),
    Column("at", Moment),
    Column("people", JSON, nullable=False),
)

threads = Table(
    "threads",
    metadata,
    Column("message", Text, primary_key=True),
    Column("thread", Text, nullable=False, index=True),
)

passages = Table(
    "passages",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("ordinal", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("location", JSON, nullable=False),
    Column("length", Integer, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("indexed", Boolean, nullable=False, server_default=false()),
    Column("embedded", Boolean, nullable=False, server_default=false()),
    Column("stale", Boolean, nullable=False, server_default=false()),
    # Ids are never used twice: a stale hit must not turn into another document's passage.
    sqlite_autoincrement=True,
)

vectors = Table(
    "vectors",
    metadata,
    Column("model", String(64), primary_key=True),
    Column("digest", String(32), primary_key=True),
    Column("vector", LargeBinary, nullable=False),
)

access = Table(
    "access",
    metadata,
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("token", String, primary_key=True),
    Column("deny", Boolean, primary_key=True),
)

# Every identity ever met founds a person of its own; resolving lets it point to another's. So nothing is lost by
# a join, and undoing one gives back the very person that was there before.
persons = Table(
    "persons",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
)

entries = Table(
    "entries",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("name", Text, nullable=False),
    Column("department", Text, nullable=False, server_default=""),
    Column("key", String, nullable=False, server_default=""),  # `Asker.key` of whoever this is
    sqlite_autoincrement=True,
)

identities = Table(
    "identities",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("kind", String, nullable=False),
    Column("value", Text, nullable=False),
    # Empty, or the one document in which this identity is somebody else's ("not me").
    Column("document", String(32), nullable=False, server_default=""),
    Column("shown", Text, nullable=False),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("founded", ForeignKey("persons.id"), nullable=False, index=True),
    Column("entry", ForeignKey("entries.id"), index=True),
    Column("pending", Boolean, nullable=False, server_default=true()),
    UniqueConstraint("kind", "value", "document"),
    sqlite_autoincrement=True,
)

aliases = Table(
    "aliases",
    metadata,
    Column("identity", ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("sorted", Text, nullable=False, index=True),
    Column("shown", Text, nullable=False),
)

blocks = Table(
    "blocks",
    metadata,
    Column("block", Text, primary_key=True),
    Column("identity", ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True, index=True),
)

exact_pairs = Table(
    "exact_pairs",
    metadata,
    Column("one", ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True),
    Column("other", ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True, index=True),
)

joins = Table(
    "joins",
    metadata,
    Column("one", ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True),
    Column("other", ForeignKey("identities.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("made_by", String, nullable=False),
    Column("score", Float, nullable=False),
    Column("reasons", JSON, nullable=False),
)

# Append-only: an undo is a row of its own that names what it undoes.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False),
    Column("by", String, nullable=False),
    Column("action", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("left", JSON, nullable=False),
    Column("right", JSON, nullable=False),
    Column("value", Text, nullable=False, server_default=""),
    Column("undoes", Integer, unique=True),
    sqlite_autoincrement=True,
)

decided = Table(
    "decided",
    metadata,
    Column("identity", Integer, primary_key=True),
    Column("decision", ForeignKey("decisions.id"), primary_key=True, index=True),
)

contributions = Table(
    "contributions",
    metadata,
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("ordinal", Integer, primary_key=True),
    Column("person", ForeignKey("persons.id"), nullable=False, index=True),
    Column("identity", ForeignKey("identities.id"), nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("role", String, nullable=False),
    Column("at", Moment),
    Column("evidence", Text, nullable=False),
    # The message of a thread that it was made in.
    Column("message", Text, nullable=False, server_default=""),
)

ledger = Table(
    "ledger",
    metadata,
    Column("ref", Text, primary_key=True),
    Column("source", ForeignKey("sources.name"), nullable=False, index=True),
    Column("document", String(32), index=True),
    Column("parent", Text, index=True),
    Column("stage", String, nullable=False, index=True),
    Column("reason", Text, nullable=False, server_default=""),
    Column("retryable", Boolean, nullable=False, server_default=false()),
    Column("version", Text, nullable=False, server_default=""),
    Column("fingerprint", Text, nullable=False, server_default="", index=True),
    Column("content", String(64), nullable=False, server_default="", index=True),
    Column("at", Moment, nullable=False),
    # Pages that are pictures and were not recognised yet.
    Column("unread", Integer, nullable=False, server_default="0"),
)

saved_searches = Table(
    "saved_searches",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("person", String, nullable=False, index=True),
    Column("name", Text, nullable=False),
    Column("query", Text, nullable=False),
    Column("created", Moment, nullable=False),
    Column("looked", Moment, nullable=False),
    Column("found", JSON, nullable=False),
)

compared = Table(
    "compared",
    metadata,
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Text, nullable=False),
)

alike = Table(
    "alike",
    metadata,
    Column("document", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True),
    Column("other", ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("share", Float, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("at", Moment, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("asker", String, nullable=False),
    Column("query", Text, nullable=False),
    Column("documents", JSON, nullable=False),
    Column("took_ms", Float, nullable=False),
    Column("first", Integer, nullable=False, server_default="1"),
    sqlite_autoincrement=True,
)

audit = Table(
    "audit",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("at", Moment, nullable=False, index=True),
    Column("actor", String, nullable=False),
    Column("place", String, nullable=False, index=True),
    Column("request", Text, nullable=False),
    Column("about", Text, nullable=False),  # JSON as it was sealed: no database may write it another way
    Column("seal", String(64), nullable=False),
)

pools = Table(
    "pools",
    metadata,
    Column("name", String, primary_key=True),
    Column("judges", Integer, nullable=False),
    Column("about", JSON, nullable=False),
    Column("created", Moment, nullable=False),
)

pool_queries = Table(
    "pool_queries",
    metadata,
    Column("pool", ForeignKey("pools.name", ondelete="CASCADE"), primary_key=True),
    Column("query", Text, primary_key=True),
    Column("text", Text, nullable=False),
)

pool_items = Table(
    "pool_items",
    metadata,
    Column("pool", ForeignKey("pools.name", ondelete="CASCADE"), primary_key=True),
    Column("query", Text, primary_key=True),
    # No foreign key: what was judged outlives the document.
    Column("document", String(32), primary_key=True),
    Column("ref", Text, nullable=False),
)

judgements = Table(
    "judgements",
    metadata,
    Column("pool", ForeignKey("pools.name", ondelete="CASCADE"), primary_key=True),
    Column("query", Text, primary_key=True),
    Column("document", String(32), primary_key=True),
    Column("judge", String, primary_key=True),
    Column("settles", Boolean, primary_key=True),
    Column("grade", Integer, nullable=False),
    Column("comment", Text, nullable=False, server_default=""),
    Column("at", Moment, nullable=False),
)
