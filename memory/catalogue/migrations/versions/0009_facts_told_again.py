"""The index is told again who contributed to what: an upgrade to 0004 could leave other persons in it."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Mark every document's facts as unknown to the index; the next start or sync writes them."""
    op.execute("UPDATE documents SET facts_behind = 1 WHERE facts_behind = 0")


def downgrade() -> None:
    """Nothing to undo: a mark too many does no harm."""
