"""Legal holds, the documents they are on, and the versions and originals that are kept for them."""

import sqlalchemy as sa
from alembic import op

from memory.catalogue.schema import Moment

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Make the changes."""
    op.create_table(
        "holds",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("placed", Moment(), nullable=False),
        sa.Column("placed_by", sa.String(), nullable=False),
        sa.Column("ended", Moment(), nullable=True),
        sa.Column("ended_by", sa.String(), server_default="", nullable=False),
        sa.Column("ended_because", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_table(
        "held",
        sa.Column("hold", sa.String(32), nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("since", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["hold"], ["holds.id"], name=op.f("fk_held_hold"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hold", "document", name=op.f("pk_held")),
    )
    op.create_index("ix_held_document", "held", ["document"], unique=False)
    op.create_table(
        "kept",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("original", sa.String(64), nullable=True),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("lost", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept")),
        sa.UniqueConstraint("document", "version", name=op.f("uq_kept_document")),
        sqlite_autoincrement=True,
    )
    for column in ("document", "original", "root"):
        op.create_index(f"ix_kept_{column}", "kept", [column], unique=False)
    op.create_table(
        "kept_pieces",
        sa.Column("original", sa.String(64), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("original", "number", name=op.f("pk_kept_pieces")),
    )


def downgrade() -> None:
    """Undo them."""
    for table in ("kept_pieces", "kept", "held", "holds"):
        op.drop_table(table)
