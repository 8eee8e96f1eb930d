"""What is somebody's is kept under a key that stays when people are joined or split."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import column, func, select, table, update

revision = "0011"
down_revision = "0010"

_entries = table("entries", column("id"), column("key"))
_identities = table("identities", column("id"), column("entry"), column("person"), column("founded"))
_kept = (
    (table("saved_searches", column("person")), "person"),
    (table("judgements", column("judge")), "judge"),
    (table("decisions", column("by")), "by"),
)


def upgrade() -> None:
    """Make the changes: what was kept under a person's id goes to their entry in the directory, where they have one."""
    op.add_column("entries", sa.Column("key", sa.String(), server_default="", nullable=False))
    connection = op.get_bind()
    listed = select(_identities.c.entry, _identities.c.founded).where(_identities.c.entry.is_not(None))
    # The oldest identity of an entry is met last, and stays.
    keys = dict(connection.execute(listed.order_by(_identities.c.id.desc())).all())
    for entry, key in keys.items():
        connection.execute(update(_entries).where(_entries.c.id == entry).values(key=key))
    of_one = (
        select(_identities.c.person, func.min(_entries.c.key).label("key"))
        .join(_entries, _entries.c.id == _identities.c.entry)
        .group_by(_identities.c.person)
        .having(func.count(_entries.c.id.distinct()) == 1)
    )
    for person, key in connection.execute(of_one).all():
        for kept, name in _kept:
            connection.execute(update(kept).where(kept.c[name] == person).values({name: key}))


def downgrade() -> None:
    """Undo them; a key is an id that still leads to its person."""
    op.drop_column("entries", "key")
