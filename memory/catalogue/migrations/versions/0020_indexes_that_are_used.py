"""Indexes that SQLite takes: parts of tables told as they are asked for, and none that it mistakes for a better one."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

# By table: name, columns, and the part as SQLite and as PostgreSQL has it.
_PARTS = {
    "passages": [
        ("ix_passages_unindexed", "id document", '"indexed" IS 0', "indexed IS false"),
        ("ix_passages_unembedded", "id", "embedded IS 0", "embedded IS false"),
        ("ix_passages_stale", "id", "stale IS 1", "stale IS true"),
    ],
    "identities": [("ix_identities_pending", "id", "pending IS 1", "pending IS true")],
    "documents": [("ix_documents_removed", "id", "removed IS 1", "removed IS true")],
    "ledger": [("ix_ledger_unread", "source", "unread != 0", "unread != 0")],
}
_NEW = {"ix_documents_removed"}
_BEFORE = {
    "ix_passages_unindexed": '"indexed" = 0',
    "ix_passages_unembedded": "embedded = 0",
    "ix_passages_stale": "stale != 0",
    "ix_identities_pending": "pending != 0",
    "ix_ledger_unread": "unread != 0",
}


def upgrade() -> None:
    """Make the changes."""
    op.drop_index("ix_passages_state", "passages")
    op.create_index("ix_passages_state", "passages", ["length", "stale", "indexed", "embedded"])
    op.create_index("ix_documents_language", "documents", ["language", "removed"])
    for table, parts in _PARTS.items():
        for name, columns, lite, post in parts:
            if name not in _NEW:
                op.drop_index(name, table)
            op.create_index(
                name, table, columns.split(), sqlite_where=sa.text(lite), postgresql_where=sa.text(post)
            )


def downgrade() -> None:
    """Undo them."""
    for table, parts in _PARTS.items():
        for name, columns, _, _ in parts:
            op.drop_index(name, table)
            if name in _BEFORE:
                op.create_index(name, table, columns.split()[-1:], sqlite_where=sa.text(_BEFORE[name]))
    op.drop_index("ix_documents_language", "documents")
    op.drop_index("ix_passages_state", "passages")
    op.create_index("ix_passages_state", "passages", ["stale", "indexed", "embedded"])
