"""Directories: who is listed where, groups of people and of groups. Access tokens of entries become groups of theirs."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the changes; what was imported by hand is the directory without a name."""
    op.create_table(
        "listings",
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("manager", sa.String(), nullable=False),
        sa.Column("login", sa.String(), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("identities", sa.JSON(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"], name="fk_listings_entry", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("directory", "id", name="pk_listings"),
    )
    op.create_index("ix_listings_entry", "listings", ["entry"], unique=False)
    op.create_index("ix_listings_login", "listings", ["directory", "login"], unique=False)
    op.create_table(
        "directory_groups",
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("directory", "id", name="pk_directory_groups"),
    )
    op.create_table(
        "group_members",
        sa.Column("directory", sa.String(), nullable=False),
        sa.Column("in_group", sa.String(), nullable=False),
        sa.Column("member", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("directory", "in_group", "member", name="pk_group_members"),
    )
    op.create_index("ix_group_members_member", "group_members", ["directory", "member"], unique=False)
    _carry_over()
    op.drop_table("memberships")


def downgrade() -> None:
    """Undo them; of groups of groups only what was held directly stays, and who has left holds nothing."""
    op.create_table(
        "memberships",
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"], name="fk_memberships_entry", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entry", "token", name="pk_memberships"),
    )
    op.execute(
        "INSERT INTO memberships (entry, token) SELECT DISTINCT l.entry, g.token FROM listings l"
        " JOIN group_members m ON m.directory = l.directory AND m.member = l.id"
        " JOIN directory_groups g ON g.directory = m.directory AND g.id = m.in_group"
        " WHERE l.active AND g.token <> ''"
    )
    for table in ("group_members", "directory_groups", "listings"):
        op.drop_table(table)


def _carry_over() -> None:
    connection = op.get_bind()
    known: dict[int, list[tuple[int, str]]] = {}
    query = "SELECT entry, id, value FROM identities WHERE entry IS NOT NULL ORDER BY id"
    for entry, identity, value in connection.execute(sa.text(query)):
        known.setdefault(entry, []).append((identity, value))
    listing = sa.text(
        "INSERT INTO listings (directory, id, entry, active, manager, login, digest, identities, about)"
        " VALUES ('', :id, :entry, :active, '', '', '', :identities, '{}')"
    )
    member = sa.text("INSERT INTO group_members (directory, in_group, member) VALUES ('', :token, :id)")
    held: dict[int, list[str]] = {}
    for entry, token in connection.execute(sa.text("SELECT entry, token FROM memberships ORDER BY token")):
        held.setdefault(entry, []).append(token)
    for token in sorted({token for tokens in held.values() for token in tokens}):
        connection.execute(
            sa.text(
                "INSERT INTO directory_groups (directory, id, token, digest, about)"
                " VALUES ('', :token, :token, '', '{}')"
            ),
            {"token": token},
        )
    for entry, pairs in known.items():
        first = pairs[0][1]
        ids = json.dumps([identity for identity, _ in pairs])
        connection.execute(listing, {"id": first, "entry": entry, "active": True, "identities": ids})
        for token in held.get(entry, ()):
            connection.execute(member, {"token": token, "id": first})
