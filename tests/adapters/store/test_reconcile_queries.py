"""Our side of a reconciliation is read along an index, a bounded piece a statement (spec 06.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from adapters.reconciliation import PIECE
from adapters.store.reconcile_queries import Books
from gateway.proof.memory_store import memory_store
from tests.adapters.store.ledger_rows import AREA, FIRST, many

EVER = (FIRST - 1, FIRST + 86_400_000)


class Reading:
    """Books over an engine; every statement with its values, and how many rows it gave."""

    def __init__(self, engine: Engine) -> None:
        self.asked: list[tuple[str, tuple[Any, ...]]] = []
        self.gave: list[int] = []
        self._engine = engine
        self.books = Books(engine.dialect.name, self.run)

    def run(self, sql: str, values: Sequence[Any]) -> Sequence[Sequence[Any]]:
        self.asked.append((sql, tuple(values)))
        with self._engine.connect() as connection:
            found = connection.exec_driver_sql(sql, tuple(values)).fetchall()
        self.gave.append(len(found))
        return found

    def plan(self) -> str:
        sql, values = self.asked[0]
        with self._engine.connect() as connection:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        return "; ".join(row[-1] for row in rows)


@pytest.fixture
def sqlite() -> Engine:
    return memory_store()


@pytest.mark.parametrize(
    ("pair", "plan"),
    [
        ("CRM-PF", "SEARCH service_order USING INDEX ix_service_order_shared ((captured_at,id)>(?,?) AND captured_at<?)"),
        ("CRM-BILL", "SEARCH billing_record USING INDEX ix_billing_record_told ((effective_at,id)>(?,?) AND effective_at<?)"),
        ("CRM-RM", "SEARCH product_instance USING PRIMARY KEY (id>?)"),
    ],
)
def test_rows_are_found_by_an_index_in_its_own_order(sqlite: Engine, pair: str, plan: str) -> None:
    reading = Reading(sqlite)
    list(reading.books.rows(pair, "PF0001", AREA, *EVER))
    assert reading.plan() == plan


def test_what_is_under_way_is_found_by_its_index(sqlite: Engine) -> None:
    reading = Reading(sqlite)
    list(reading.books.under_way("PF0001"))
    assert reading.plan() == "SEARCH message USING INDEX ix_message_open (peer=? AND id>?)"


@pytest.mark.parametrize("pair", ["CRM-PF", "CRM-BILL", "CRM-RM"])
def test_every_row_comes_once_and_no_statement_looks_at_more_than_a_piece(engine: Engine, pair: str) -> None:
    many(engine, 2 * PIECE + 7)
    reading = Reading(engine)
    pieces = list(reading.books.rows(pair, "PF0001", AREA, *EVER))
    assert len({row.key for piece in pieces for row in piece}) == sum(map(len, pieces)) == 2 * PIECE + 7
    assert reading.gave == [PIECE, PIECE, 7, 0]


@pytest.mark.parametrize("pair", ["CRM-PF", "CRM-BILL", "CRM-RM"])
def test_a_selection_that_hits_nothing_of_a_large_store_is_read_in_pieces_too(sqlite: Engine, pair: str) -> None:
    many(sqlite, 2 * PIECE)
    reading = Reading(sqlite)
    assert list(reading.books.rows(pair, "PF0001", "0755", *EVER)) == [[], []]
    assert max(reading.gave) == PIECE


@pytest.mark.parametrize("pair", ["CRM-PF", "CRM-BILL"])
def test_the_begin_is_included_and_the_end_is_not(engine: Engine, pair: str) -> None:
    many(engine, 10)
    rows = [row for piece in Reading(engine).books.rows(pair, "PF0001", AREA, FIRST + 2000, FIRST + 5000) for row in piece]
    assert [int(row.key[-3:]) for row in rows] == [2, 3, 4]
