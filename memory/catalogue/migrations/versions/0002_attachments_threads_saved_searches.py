"""Attachments and threads, schedules, saved searches, and documents that are alike."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the changes."""
    op.add_column("sources", sa.Column("every", sa.Integer(), nullable=True))
    op.add_column("ledger", sa.Column("parent", sa.Text(), nullable=True))
    op.create_index("ix_ledger_parent", "ledger", ["parent"], unique=False)
    op.add_column("texts", sa.Column("asides", sa.JSON(), server_default="[]", nullable=False))
    _add_threads()
    _add_saved_searches()
    _add_alike()


def downgrade() -> None:
    """Undo them."""
    for table in ("alike", "compared", "saved_searches", "threads", "messages"):
        op.drop_table(table)
    op.drop_column("texts", "asides")
    op.drop_index("ix_ledger_parent", "ledger")
    op.drop_column("ledger", "parent")
    op.drop_column("sources", "every")


def _add_threads() -> None:
    op.create_table(
        "messages",
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("loose", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=True),
        sa.Column("people", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document"], ["documents.id"], name="fk_messages_document", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document", name="pk_messages"),
    )
    op.create_index("ix_messages_message", "messages", ["message"], unique=False)
    op.create_index("ix_messages_topic", "messages", ["topic"], unique=False)
    op.create_table(
        "threads",
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("thread", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message", name="pk_threads"),
    )
    op.create_index("ix_threads_thread", "threads", ["thread"], unique=False)


def _add_saved_searches() -> None:
    op.create_table(
        "saved_searches",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.Column("looked", sa.DateTime(), nullable=False),
        sa.Column("found", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_saved_searches"),
    )
    op.create_index("ix_saved_searches_person", "saved_searches", ["person"], unique=False)


def _add_alike() -> None:
    op.create_table(
        "compared",
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document"], ["documents.id"], name="fk_compared_document", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("document", name="pk_compared"),
    )
    op.create_table(
        "alike",
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("other", sa.String(length=32), nullable=False),
        sa.Column("share", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], name="fk_alike_document", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["other"], ["documents.id"], name="fk_alike_other", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document", "other", name="pk_alike"),
    )
    op.create_index("ix_alike_other", "alike", ["other"], unique=False)
