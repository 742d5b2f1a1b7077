"""Stores in memory: the program's schema, and each its own."""

from __future__ import annotations

from sqlalchemy import func, insert, select

from adapters.store import tables as t
from adapters.store.migration import needed, stored
from gateway.proof.memory_store import memory_store


def test_it_is_at_the_schema_of_the_program_and_empty() -> None:
    with memory_store().connect() as connection:
        assert stored(connection) == needed()
        rows = [connection.execute(select(func.count()).select_from(table)).scalar() for table in t.metadata.sorted_tables]
    assert not any(rows)


def test_what_one_is_told_no_other_knows() -> None:
    first, second = memory_store(), memory_store()
    with first.begin() as connection:
        connection.execute(insert(t.counter).values(name="order", value=7))
    for store, known in ((first, [7]), (second, []), (memory_store(), [])):
        with store.connect() as connection:
            assert list(connection.execute(select(t.counter.c.value)).scalars()) == known


def test_keys_are_watched_as_in_any_store() -> None:
    with memory_store().connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
