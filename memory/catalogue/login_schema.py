"""The tables of who is let in: keys of programs, people with passwords, and sessions."""

from sqlalchemy import JSON, Column, String, Table, Text

from memory.catalogue.schema import Moment, metadata

api_keys = Table(
    "api_keys",
    metadata,
    # Public, and part of the key; of the key itself only a hash is kept.
    Column("id", String(16), primary_key=True),
    Column("hash", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("tokens", JSON, nullable=False),
    Column("scopes", JSON, nullable=False),
    Column("made_by", String, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("used", Moment),
    # A row stays when its key is worth nothing any more: the audit names it.
    Column("revoked", Moment),
    # The one source that it puts into or tells of; empty: any, as keys were made before 0018.
    Column("source", String, nullable=False, server_default=""),
)

users = Table(
    "users",
    metadata,
    Column("address", String, primary_key=True),
    Column("hash", Text, nullable=False),
    Column("added", Moment, nullable=False),
    Column("changed", Moment, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("address", String, nullable=False, index=True),
    # Of groups that the identity provider told when it began; those of the directory are looked up.
    Column("tokens", JSON, nullable=False),
    Column("method", String, nullable=False),
    Column("began", Moment, nullable=False),
    Column("used", Moment, nullable=False),
    Column("ends", Moment, nullable=False),
)
