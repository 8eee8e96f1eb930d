"""Pools of documents to be judged, and judgements."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the changes."""
    op.create_table(
        "pools",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("judges", sa.Integer(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_pools"),
    )
    op.create_table(
        "pool_queries",
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["pool"], ["pools.name"], name="fk_pool_queries_pool", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pool", "query", name="pk_pool_queries"),
    )
    op.create_table(
        "pool_items",
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["pool"], ["pools.name"], name="fk_pool_items_pool", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pool", "query", "document", name="pk_pool_items"),
    )
    op.create_table(
        "judgements",
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("document", sa.String(length=32), nullable=False),
        sa.Column("judge", sa.String(), nullable=False),
        sa.Column("settles", sa.Boolean(), nullable=False),
        sa.Column("grade", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["pool"], ["pools.name"], name="fk_judgements_pool", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("pool", "query", "document", "judge", "settles", name="pk_judgements"),
    )


def downgrade() -> None:
    """Undo them."""
    for table in ("judgements", "pool_items", "pool_queries", "pools"):
        op.drop_table(table)
