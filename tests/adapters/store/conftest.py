"""Engines with the program's tables: SQLite in memory, SQLite in a file, a real PostgreSQL of the session's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from gateway.proof.memory_store import memory_store
from tests.databases import emptied, file_store


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Iterator[Engine]:
    """A store on disk."""
    with file_store(tmp_path / "store.db") as engine:
        yield engine


@pytest.fixture(params=["memory", "file", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """Every kind of database, empty."""
    kind = request.param
    if kind == "postgres":
        with emptied(request.getfixturevalue("postgres_url")) as made:
            yield made
    elif kind == "file":
        with file_store(tmp_path / "store.db") as made:
            yield made
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
