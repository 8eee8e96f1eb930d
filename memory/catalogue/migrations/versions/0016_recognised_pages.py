"""What was recognised on pages that are pictures."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_DEPTH = 6  # as deep as files within files are read, and the document that the source lists


def upgrade() -> None:
    """Make the changes, and have the next sync look for pictures in the PDFs that were read before."""
    op.create_table(
        "recognised_pages",
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("words", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("content", "page"),
    )
    op.create_table(
        "page_spans",
        sa.Column("document", sa.String(32), nullable=False),
        sa.Column("page", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("spans", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["document"], ["documents.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("document", "page"),
    )
    op.create_index("ix_page_spans_content", "page_spans", ["content"], unique=False)
    op.add_column("ledger", sa.Column("unread", sa.Integer(), server_default="0", nullable=False))
    op.create_index("ix_ledger_unread", "ledger", ["source"], sqlite_where=sa.text("unread != 0"))
    op.execute("UPDATE ledger SET unread = 1 WHERE stage = 'skipped' AND reason = 'no text layer, needs OCR'")
    pdfs = "SELECT id FROM documents WHERE media_type = 'application/pdf'"
    op.execute(f"UPDATE ledger SET version = '', content = '' WHERE document IN ({pdfs})")  # noqa: S608
    holders = "SELECT parent FROM ledger WHERE version = '' AND content = '' AND parent IS NOT NULL"
    for _ in range(_DEPTH):
        op.execute(f"UPDATE ledger SET version = '', content = '' WHERE ref IN ({holders})")  # noqa: S608
    # What only tells of changes would not name them.
    op.execute("UPDATE sources SET cursor = NULL")


def downgrade() -> None:
    """Undo them."""
    op.drop_index("ix_ledger_unread", table_name="ledger")
    op.drop_column("ledger", "unread")
    op.drop_table("page_spans")
    op.drop_table("recognised_pages")
