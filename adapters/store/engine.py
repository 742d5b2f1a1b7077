"""Opening a database so that "committed" means on disk (spec 06.1 promise 1).

SQLite: WAL, synchronous=FULL, explicit BEGIN IMMEDIATE (the driver's own transactions commit released savepoints early and
read outside any transaction).  PostgreSQL: psycopg, its defaults are right.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.pool import NullPool, StaticPool

BUSY_MS = 50
"""How long SQLite itself waits for a lock; longer waits are the writer's business, by timer, never in the reactor thread."""

_LOOKS = "bss_looks"

_PATIENCE = {"connect_timeout": 5, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3,
             "tcp_user_timeout": 20_000}  # fmt: skip
"""How long PostgreSQL may be silent before it counts as gone (libpq's names; seconds, the last one milliseconds). The system's
own patience is a quarter of an hour. What the URL says comes first."""

# sqlite3 asks values of all types but numbers and text for an adapter, and where it finds none builds an error first;
# an adapter that changes nothing costs a tenth
sqlite3.register_adapter(bool, int)
sqlite3.register_adapter(bytes, bytes)
_nothing: dict[None, None] = {}
sqlite3.register_adapter(type(None), _nothing.get)  # nothing for nothing, without a function of ours


def is_memory(url: str) -> bool:
    """Whether the URL names an in-memory SQLite database, as simulations use."""
    parsed = make_url(url)
    return parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")


def open_engine(url: str, *, read_only: bool = False) -> Engine:
    """An engine for ``url`` (``sqlite:///path``, ``sqlite://``, ``postgresql+psycopg://...``).

    ``read_only`` is for commands that look beside a running gateway: they can never write or hold a lock.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        patience = {name: value for name, value in _PATIENCE.items() if name not in parsed.query}
        return create_engine(parsed, pool_pre_ping=False, pool_size=4, connect_args=patience)
    options: dict[str, Any] = {"isolation_level": None, "check_same_thread": False, "cached_statements": 256}
    if is_memory(url):
        engine = create_engine(parsed, poolclass=StaticPool, connect_args=options)
    else:
        engine = create_engine(parsed, poolclass=NullPool, connect_args=options)

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        else:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA wal_autocheckpoint=4000")
            cursor.execute("PRAGMA temp_store=MEMORY")
            cursor.execute("PRAGMA cache_size=-32768")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        looks = read_only or connection.get_execution_options().get(_LOOKS)
        connection.exec_driver_sql("BEGIN" if looks else "BEGIN IMMEDIATE")

    return engine


def reading(engine: Engine) -> Engine:
    """The same database for somebody who only looks: on SQLite its transactions take no lock and wait for nobody's."""
    return engine.execution_options(**{_LOOKS: True})
