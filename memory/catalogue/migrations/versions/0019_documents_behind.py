"""Documents whose facts the index does not know yet are found without a look at all others."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Make the changes."""
    behind = sa.text("facts_behind != 0")
    op.create_index("ix_documents_behind", "documents", ["id"], sqlite_where=behind, postgresql_where=behind)


def downgrade() -> None:
    """Undo them."""
    op.drop_index("ix_documents_behind", table_name="documents")
