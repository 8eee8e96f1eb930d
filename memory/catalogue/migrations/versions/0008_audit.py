"""The audit: who asked what and saw what, each entry sealed with the one before it."""

import sqlalchemy as sa
from alembic import op

from memory.catalogue.schema import Moment

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the changes."""
    op.create_table(
        "audit",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("seal", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_place", "audit", ["place"], unique=False)


def downgrade() -> None:
    """Undo them."""
    op.drop_table("audit")
