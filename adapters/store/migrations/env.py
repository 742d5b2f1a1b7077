"""Run by alembic: one connection, handed in by ``adapters.store.migration``; batches rebuild tables where SQLite must."""

from __future__ import annotations

from alembic import context

from adapters.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()
