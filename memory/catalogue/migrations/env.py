"""Alembic's entry: runs the migrations on the connection that `engine._migrate` opened."""

from alembic import context

from memory.catalogue import (  # noqa: F401 - their tables and indexes join the others
    directory_schema,
    hold_schema,
    indexes,
    login_schema,
)
from memory.catalogue.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
