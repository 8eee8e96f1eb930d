"""The rank of the first document of an event's list: on later pages it is not 1."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the changes."""
    op.add_column("events", sa.Column("first", sa.Integer(), server_default="1", nullable=False))


def downgrade() -> None:
    """Undo them."""
    op.drop_column("events", "first")
