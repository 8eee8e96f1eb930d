"""Which message of a thread somebody wrote: a passage of it has its own author."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Make the changes."""
    op.add_column("contributions", sa.Column("message", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Undo them."""
    op.drop_column("contributions", "message")
