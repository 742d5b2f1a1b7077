"""A store in memory with this program's schema, as worlds, judged systems and tests have many of."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy.engine import Engine

from adapters.store.engine import open_engine
from adapters.store.migration import upgrade_engine


def memory_store() -> Engine:
    """An empty SQLite store of its own. The schema is brought up once a process and copied: alembic takes 70 ms a time."""
    engine = open_engine("sqlite://")
    connection = engine.raw_connection()
    try:
        _made().backup(connection.driver_connection)
    finally:
        connection.close()
    return engine


@cache
def _made() -> Any:
    """The driver's connection to the store all others are copied from."""
    engine = open_engine("sqlite://")
    upgrade_engine(engine)
    return engine.raw_connection().driver_connection
