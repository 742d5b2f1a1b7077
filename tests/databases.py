"""Stores with the program's tables for tests: the tables are made once a process, then copied or emptied."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import Engine

from adapters.store import tables as t
from adapters.store.engine import open_engine

EMPTY = "; ".join(f"DELETE FROM {table.name}" for table in reversed(t.metadata.sorted_tables))


@cache
def _file() -> bytes:
    """An empty SQLite store as its file's bytes."""
    with tempfile.TemporaryDirectory(prefix="bssgw-store-") as folder:
        path = Path(folder) / "store.db"
        engine = open_engine(f"sqlite:///{path}")
        t.metadata.create_all(engine)
        engine.dispose()
        assert [one.name for one in Path(folder).iterdir()] == [path.name]  # nothing left in a log beside it
        return path.read_bytes()


@contextmanager
def file_store(path: Path) -> Iterator[Engine]:
    """A store on disk at ``path``."""
    path.write_bytes(_file())
    engine = open_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@contextmanager
def emptied(url: str) -> Iterator[Engine]:
    """The PostgreSQL database at ``url``, which has the tables, with nothing in them."""
    engine = open_engine(url)
    with engine.begin() as connection:
        connection.execute(text(EMPTY))
    yield engine
    engine.dispose()
