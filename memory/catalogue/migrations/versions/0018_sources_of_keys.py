"""Which source a key puts documents into, or tells people to: keys made before keep what they may."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the changes."""
    op.add_column("api_keys", sa.Column("source", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    """Undo them; a key for one source ends, since there it would be one for every source."""
    op.execute("UPDATE api_keys SET revoked = created WHERE source != '' AND revoked IS NULL")
    op.drop_column("api_keys", "source")
