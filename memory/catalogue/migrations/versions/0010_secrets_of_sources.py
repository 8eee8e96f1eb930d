"""The encrypted passwords and tokens of sources."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Make the changes."""
    op.add_column("sources", sa.Column("secrets", sa.JSON(), server_default="{}", nullable=False))


def downgrade() -> None:
    """Undo them."""
    op.drop_column("sources", "secrets")
