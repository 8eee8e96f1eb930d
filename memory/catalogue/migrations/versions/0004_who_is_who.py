"""Identities with evidence and decisions by hand, and the directory's entries apart from the persons."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from memory.catalogue.migrations.carried_identities import CarriedIdentities

revision = "0004"
down_revision = "0003"

_STAGED = ("identities", "memberships", "contributions")
_INDEXES = (
    ("identities", ("person", "founded", "entry")),
    ("aliases", ("sorted",)),
    ("blocks", ("identity",)),
    ("exact_pairs", ("other",)),
    ("joins", ("other",)),
    ("decided", ("decision",)),
    ("contributions", ("person", "identity")),
)


def upgrade() -> None:
    """Make the changes; every person keeps their id, and who is who is decided anew by the next sync."""
    for table in _STAGED:
        op.execute(f"CREATE TABLE old_{table} AS SELECT * FROM {table}")  # noqa: S608 - names from above
    for table in reversed(_STAGED):
        op.drop_table(table)
    _add_directory()
    _add_identities()
    _add_decisions()
    _add_contributions()
    for table, columns in _INDEXES:
        for column in columns:
            op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
    op.create_index(
        "ix_identities_pending", "identities", ["id"], unique=False, sqlite_where=sa.text("pending != 0")
    )
    CarriedIdentities(op.get_bind()).write()
    for table in _STAGED:
        op.drop_table(f"old_{table}")
    op.drop_column("persons", "department")
    op.add_column("documents", sa.Column("facts_behind", sa.Integer(), server_default="0", nullable=False))
    op.execute(
        sa.update(sa.table("documents", sa.column("facts_behind", sa.Integer)))
        .where(sa.column("facts_pending", sa.Boolean).is_(sa.true()))
        .values(facts_behind=1)
    )
    op.drop_column("documents", "facts_pending")


def downgrade() -> None:
    """Undo them; decisions by hand and evidence are lost, what they made of the persons stays."""
    connection = op.get_bind()
    op.add_column(
        "documents", sa.Column("facts_pending", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute("UPDATE documents SET facts_pending = (facts_behind <> 0)")
    op.drop_column("documents", "facts_behind")
    op.add_column("persons", sa.Column("department", sa.Text(), server_default="", nullable=False))
    op.execute(
        "UPDATE persons SET department = coalesce((SELECT max(e.department) FROM entries e"
        " JOIN identities i ON i.entry = e.id WHERE i.person = persons.id), '')"
    )
    said = "json_build_object" if connection.dialect.name == "postgresql" else "json_object"
    for name, query in (
        (
            "contributions",
            f"SELECT document, ordinal, person, {said}('name', name, 'address', address, 'account', account)"  # noqa: S608
            " AS identity, role, at, evidence FROM contributions",
        ),
        (
            "identities",
            "SELECT kind, value, person, shown, 'same ' || kind AS evidence FROM identities WHERE document = ''"
            " UNION SELECT 'name', a.key, min(i.person), min(a.shown), 'same name' FROM aliases a"
            " JOIN identities i ON i.id = a.identity WHERE i.document = '' AND NOT EXISTS"
            " (SELECT 1 FROM identities n WHERE n.kind = 'name' AND n.value = a.key) GROUP BY a.key",
        ),
        (
            "memberships",
            "SELECT DISTINCT i.person, m.token FROM memberships m JOIN identities i ON i.entry = m.entry",
        ),
    ):
        op.execute(f"CREATE TABLE old_{name} AS {query}")
    for table in ("contributions", "decided", "decisions", "joins", "exact_pairs", "blocks", "aliases"):
        op.drop_table(table)
    for table in ("identities", "memberships", "entries"):
        op.drop_table(table)
    _add_old_tables()
    for table in _STAGED:
        columns = ", ".join(column["name"] for column in sa.inspect(connection).get_columns(f"old_{table}"))
        op.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM old_{table}")  # noqa: S608
        op.drop_table(f"old_{table}")


def _add_directory() -> None:
    op.create_table(
        "entries",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_entries"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "memberships",
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"], name="fk_memberships_entry", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("entry", "token", name="pk_memberships"),
    )


def _add_identities() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=32), server_default="", nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("founded", sa.String(length=32), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=True),
        sa.Column("pending", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_identities_person"),
        sa.ForeignKeyConstraint(["founded"], ["persons.id"], name="fk_identities_founded"),
        sa.ForeignKeyConstraint(["entry"], ["entries.id"], name="fk_identities_entry"),
        sa.PrimaryKeyConstraint("id", name="pk_identities"),
        sa.UniqueConstraint("kind", "value", "document", name="uq_identities_kind"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "aliases",
        sa.Column("identity", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("sorted", sa.Text(), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity"], ["identities.id"], name="fk_aliases_identity", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("identity", "key", name="pk_aliases"),
    )
    op.create_table(
        "blocks",
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("identity", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["identity"], ["identities.id"], name="fk_blocks_identity", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("block", "identity", name="pk_blocks"),
    )
    _add_pairs("exact_pairs")
    _add_pairs(
        "joins",
        sa.Column("made_by", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
    )


def _add_pairs(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("other", sa.Integer(), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["one"], ["identities.id"], name=f"fk_{name}_one", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other"], ["identities.id"], name=f"fk_{name}_other", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("one", "other", name=f"pk_{name}"),
    )


def _add_decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("left", sa.JSON(), nullable=False),
        sa.Column("right", sa.JSON(), nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_decisions"),
        sa.UniqueConstraint("undoes", name="uq_decisions_undoes"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "decided",
        sa.Column("identity", sa.Integer(), nullable=False),
        sa.Column("decision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["decision"], ["decisions.id"], name="fk_decided_decision"),
        sa.PrimaryKeyConstraint("identity", "decision", name="pk_decided"),
    )


def _add_contributions() -> None:
    op.create_table(
        "contributions",
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("identity", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document"], ["documents.id"], name="fk_contributions_document", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_contributions_person"),
        sa.ForeignKeyConstraint(["identity"], ["identities.id"], name="fk_contributions_identity"),
        sa.PrimaryKeyConstraint("document", "ordinal", name="pk_contributions"),
    )


def _add_old_tables() -> None:
    op.create_table(
        "identities",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("shown", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_identities_person", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind", "value", name="pk_identities"),
    )
    op.create_index("ix_identities_person", "identities", ["person"], unique=False)
    op.create_table(
        "memberships",
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_memberships_person", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person", "token", name="pk_memberships"),
    )
    op.create_table(
        "contributions",
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=32), nullable=False),
        sa.Column("identity", sa.JSON(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=True),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document"], ["documents.id"], name="fk_contributions_document", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name="fk_contributions_person"),
        sa.PrimaryKeyConstraint("document", "ordinal", name="pk_contributions"),
    )
    op.create_index("ix_contributions_person", "contributions", ["person"], unique=False)
