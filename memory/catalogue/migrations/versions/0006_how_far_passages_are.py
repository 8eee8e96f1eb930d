"""An index that says how far the passages are, without a look at their texts."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make the changes."""
    op.create_index("ix_passages_state", "passages", ["stale", "indexed", "embedded"], unique=False)


def downgrade() -> None:
    """Undo them."""
    op.drop_index("ix_passages_state", "passages")
