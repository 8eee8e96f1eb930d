"""The tables of legal holds, and of what is kept for them."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    select,
)
from sqlalchemy.sql import ColumnElement

from memory.catalogue.schema import Moment, metadata

holds = Table(
    "holds",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("kind", String, nullable=False),
    # A search, the lasting id of a person, or nothing where documents were named one by one.
    Column("target", Text, nullable=False),
    Column("said", Text, nullable=False),
    Column("placed", Moment, nullable=False),
    Column("placed_by", String, nullable=False),
    # A row stays when its hold has ended: it says why documents were kept so long.
    Column("ended", Moment),
    Column("ended_by", String, nullable=False, server_default=""),
    Column("ended_because", Text, nullable=False, server_default=""),
)

held = Table(
    "held",
    metadata,
    Column("hold", ForeignKey("holds.id", ondelete="CASCADE"), primary_key=True),
    # No foreign key: what is held may leave its source, and the memory with its next version.
    Column("document", String(32), primary_key=True, index=True),
    Column("since", Moment, nullable=False),
)

kept = Table(
    "kept",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("document", String(32), nullable=False, index=True),
    Column("version", Text, nullable=False),
    Column("at", Moment, nullable=False),
    # What the source lists, of which it is a part or all; where its original is fetched.
    Column("root", Text, nullable=False, index=True),
    Column("content", String(64), nullable=False),
    Column("facts", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("original", String(64), index=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("lost", Boolean, nullable=False, server_default=false()),
    Column("problem", Text, nullable=False, server_default=""),
    UniqueConstraint("document", "version"),
    sqlite_autoincrement=True,
)

kept_pieces = Table(
    "kept_pieces",
    metadata,
    Column("original", String(64), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("bytes", LargeBinary, nullable=False),
)


def is_held(document: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition that a hold is on a document, by the column of its id."""
    return select(held.c.document).where(held.c.document == document).exists()
