"""People who log in with a password, and who is logged in."""

import sqlalchemy as sa
from alembic import op

from memory.catalogue.schema import Moment

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Make the changes."""
    op.create_table(
        "users",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("added", Moment(), nullable=False),
        sa.Column("changed", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("address"),
    )
    op.create_table(
        "sessions",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("tokens", sa.JSON(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("began", Moment(), nullable=False),
        sa.Column("used", Moment(), nullable=False),
        sa.Column("ends", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("hash"),
    )
    op.create_index("ix_sessions_address", "sessions", ["address"], unique=False)


def downgrade() -> None:
    """Undo them."""
    op.drop_table("sessions")
    op.drop_table("users")
