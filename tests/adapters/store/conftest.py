"""Engines with the program's tables: SQLite in memory, SQLite in a file, a real PostgreSQL of the session's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from adapters.store import tables as t
from adapters.store.engine import open_engine
from gateway.proof.memory_store import memory_store


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Iterator[Engine]:
    """A store on disk."""
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    t.metadata.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["memory", "file", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Every kind of database, empty."""
    kind = request.param
    if kind == "postgres":
        made = open_engine(request.getfixturevalue("postgres_server").fresh())
        t.metadata.create_all(made)
    elif kind == "file":
        made = open_engine(f"sqlite:///{tmp_path}/store.db")
        t.metadata.create_all(made)
    else:
        made = memory_store()
    yield made
    made.dispose()


@pytest.fixture
def count(engine: Engine) -> Callable[[str], int]:
    """Rows of a table."""

    def rows(table: str) -> int:
        with engine.connect() as connection:
            return int(connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())

    return rows
