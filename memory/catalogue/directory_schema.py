"""The tables of the directories: who is listed where, and groups of people and of groups.

What somebody may see is worked out from these whenever they ask, so that a change counts from its commit.
"""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, String, Table

from memory.catalogue.schema import metadata

listings = Table(
    "listings",
    metadata,
    # The source's name; empty for files that somebody imports.
    Column("directory", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("entry", ForeignKey("entries.id", ondelete="CASCADE"), nullable=False, index=True),
    # Who has left stays listed, so that what is theirs stays theirs.
    Column("active", Boolean, nullable=False),
    Column("manager", String, nullable=False),
    Column("login", String, nullable=False),
    Column("digest", String(32), nullable=False),
    # Ids of the identities that it gives them: an alias that it takes back is nobody's any more.
    Column("identities", JSON, nullable=False),
    Column("about", JSON, nullable=False),
)
Index("ix_listings_login", listings.c.directory, listings.c.login)

directory_groups = Table(
    "directory_groups",
    metadata,
    Column("directory", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("token", String, nullable=False),
    Column("digest", String(32), nullable=False),
    Column("about", JSON, nullable=False),
)

group_members = Table(
    "group_members",
    metadata,
    Column("directory", String, primary_key=True),
    Column("in_group", String, primary_key=True),
    # Of a person or a group; no foreign key: a directory may tell of a group first and of its members later.
    Column("member", String, primary_key=True),
)
Index("ix_group_members_member", group_members.c.directory, group_members.c.member)
