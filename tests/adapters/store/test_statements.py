"""The statements rows are written with: what says nothing is not handed over, and nothing is written otherwise for it."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.store import tables as t
from adapters.store.engine import open_engine
from adapters.store.rows import INSERTS, MESSAGE_COLUMNS
from adapters.store.sql import Dialect, Insert

SQLITE, POSTGRES = Dialect("sqlite"), Dialect("postgresql")
COLUMNS = ("id", "cutover_freeze", "stop_mask", "account_id", "attrs_json")


def statement(dialect: Dialect, *rows: tuple[Any, ...]) -> tuple[str, list[tuple[Any, ...]]]:
    return Insert(t.product_instance, COLUMNS, dialect).filled(list(rows))


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (SQLITE, "INSERT INTO product_instance (id, cutover_freeze, stop_mask, attrs_json) VALUES (?, 0, 0, '{}')"),
        (POSTGRES, "INSERT INTO product_instance (id, cutover_freeze, stop_mask, attrs_json) VALUES (%s, FALSE, 0, '{}')"),
    ],
)
def test_the_same_nothing_in_all_rows_stands_in_the_statement(dialect: Dialect, text: str) -> None:
    (nothing,) = dialect.json([{}])
    assert statement(dialect, ("P1", False, 0, None, nothing), ("P2", False, 0, None, nothing)) == (text, [("P1",), ("P2",)])


def test_one_row_that_says_something_has_the_column_handed_over() -> None:
    rows = ("P1", False, 0, None, b"{}"), ("P2", True, 3, "A1", b'{"a":1}')
    text, said = statement(SQLITE, *rows)
    assert said == list(rows)
    assert text.endswith("VALUES (?, ?, ?, ?, CAST(? AS TEXT))")


def test_a_later_set_of_rows_is_not_written_with_an_earlier_ones_nothing() -> None:
    insert = Insert(t.product_instance, COLUMNS, SQLITE)
    insert.filled([("P1", False, 0, None, b"{}")])
    assert insert.filled([("P2", True, 1, "A1", b"{}")])[1] == [("P2", True, 1, "A1")]


def test_json_is_text_in_the_database() -> None:
    engine = open_engine("sqlite://")
    t.metadata.create_all(engine)
    text, rows = Insert(*INSERTS["document"], SQLITE).filled([(1, *SQLITE.json([{"名": "张示例"}]))])
    with engine.begin() as connection:
        connection.exec_driver_sql(text, rows)
        found = connection.exec_driver_sql("SELECT typeof(document_json), document_json FROM message_document").one()
    assert tuple(found) == ("text", '{"名":"张示例"}')


def test_a_message_is_written_without_a_table_of_states_made_for_it() -> None:
    engine = open_engine("sqlite://")
    t.metadata.create_all(engine)
    row = [0 if name in ("id", "tries", "first_seen") else "out" for name in MESSAGE_COLUMNS]
    with engine.begin() as connection:
        text = f"EXPLAIN INSERT INTO message VALUES ({', '.join('?' * len(row))})"
        steps = [step[1] for step in connection.exec_driver_sql(text, tuple(row)).fetchall()]
    assert "OpenEphemeral" not in steps
    assert "IdxInsert" in steps
