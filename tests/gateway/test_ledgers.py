"""A long ledger is read and told in short steps: the worker goes on meanwhile (spec 06.1, 06.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from adapters.document import Document, Header
from adapters.reconciliation import PIECE, Ledger
from adapters.wire.packet import Packet
from gateway.ledgers import KEPT_S, MOST_WAITING, Ledgers, selection
from gateway.proof.heap_clock import HeapClock
from gateway.proof.memory_store import memory_store
from gateway.steps import Steps
from tests.adapters.store.ledger_rows import AREA, FIRST, many
from tests.gateway.rig import CATALOGUE, CODEC, START, Rig, packet_of, serial

SCOPE = {"pair": "CRM-PF", "area": AREA, "window": {"begin": "20261101000000", "end": "20261201000000"}}
ORDERS = 3 * PIECE


@pytest.fixture
def engine() -> Engine:
    made = memory_store()
    many(made, ORDERS)
    return made


def question(number: int, code: str, body: dict[str, Any]) -> Packet:
    row, one = CATALOGUE.message(code), serial(number, "PF0001")
    header = Header(code, one, "PF0001", "CRM001", AREA, "20261122090000", "0.9", "B")
    return packet_of(CODEC.encode(Document(row, row.name, header, body), "UTF-8"))


class Turns:
    """A clock whose turns are counted, and how many statements each made."""

    def __init__(self) -> None:
        self.inner = HeapClock(START)
        self.statements: list[int] = []
        self.now = self.inner.now

    def hears(self, _connection: Any, _cursor: Any, sql: str, *_: Any) -> None:
        self.statements[-1] += sql.startswith("SELECT")

    def callLater(self, delay: float, function: Callable[..., object], *args: Any) -> Any:
        def turn() -> None:
            self.statements.append(0)
            function(*args)

        return self.inner.callLater(delay, turn)


def test_no_turn_makes_more_than_one_statement(engine: Engine) -> None:
    clock: Any = Turns()
    got: list[Ledger | None] = []
    event.listen(engine, "before_cursor_execute", clock.hears)
    Ledgers(engine, clock).ask(selection("PF0001", SCOPE), 1, lambda found, _: got.append(found))
    clock.inner.advance(1)
    assert got[0] is not None
    assert len(got[0].rows) == ORDERS
    assert max(clock.statements) == 1
    assert len(clock.statements) > 2 * ORDERS // PIECE


def test_what_comes_after_a_long_reconciliation_is_answered_before_it(engine: Engine) -> None:
    rig = Rig(engine=engine)
    got = rig.ask(rig.caller(), question(1, "RX01", SCOPE), question(2, "LN03", {"text": "x"}))
    assert [packet.code for packet in got if packet.is_answer] == ["LN03", "RX01"]
    body = CODEC.decode(got[-1].body, got[-1].charset).body
    assert body["totals"][0] == {"name": "ALL", "count": ORDERS, "amount": 0}


def keys(rig: Rig, number: int, page: int) -> tuple[list[str], int]:
    (packet,) = [one for one in rig.ask(rig.caller(), question(number, "RX02", SCOPE | {"page_no": page, "page_size": 2}))
                 if one.is_answer]  # fmt: skip
    body = CODEC.decode(packet.body, packet.charset).body
    return [row["key"] for row in body.get("rows", ())], body["page"]["total_count"]


def test_pages_are_of_the_ledger_the_first_was_taken_of(engine: Engine) -> None:
    rig = Rig(engine=engine)
    assert keys(rig, 1, 1) == (["SO000000", "SO000001"], ORDERS)
    rig.store.driver.all("DELETE FROM service_order WHERE id = 'SO000000'")
    rig.store.driver.commit()
    assert keys(rig, 2, 2) == (["SO000002", "SO000003"], ORDERS)
    assert keys(rig, 3, 1) == (["SO000001", "SO000002"], ORDERS - 1)
    assert keys(rig, 4, 2) == (["SO000003", "SO000004"], ORDERS - 1)


def test_a_ledger_nobody_pages_through_is_forgotten(engine: Engine) -> None:
    rig = Rig(engine=engine)
    assert keys(rig, 1, 1)[1] == ORDERS
    rig.store.driver.all(f"DELETE FROM service_order WHERE captured_at < {FIRST + 5000}")
    rig.store.driver.commit()
    rig.run(KEPT_S)
    assert keys(rig, 2, 2) == (["SO000007", "SO000008"], ORDERS - 5)


def test_a_store_that_cannot_be_read_is_said_and_the_question_may_come_again(engine: Engine) -> None:
    rig = Rig(engine=engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE service_order RENAME TO gone")
    wire = rig.caller()
    (packet,) = [one for one in rig.ask(wire, question(1, "RX01", SCOPE)) if one.is_answer]
    assert packet.result == CATALOGUE.result("STORAGE").code
    with engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO service_order")
    (packet,) = [one for one in rig.ask(wire, question(1, "RX01", SCOPE)) if one.is_answer]
    assert packet.result == "0000"


def test_a_task_that_dies_does_not_hold_up_the_next() -> None:
    clock = HeapClock(START)
    steps, told = Steps(clock), list[str]()

    def broken() -> Iterator[None]:
        yield
        raise ValueError("defect")

    steps.run(broken(), lambda fault: told.append(repr(fault)))
    steps.run(iter([None, None]), lambda fault: told.append(repr(fault)))
    clock.advance(1)
    assert told == ["ValueError('defect')", "None"]


def test_more_questions_than_can_wait_are_told_to_come_again() -> None:
    rig = Rig(({"id": "PF0001", "role": "PF", "listen": "s"},))
    asked = [question(number, "RX01", SCOPE) for number in range(MOST_WAITING + 3)]
    answers = rig.ask(rig.caller(), *asked, seconds=3)
    assert sorted(answer.result for answer in answers) == ["0000"] * MOST_WAITING + ["9001"] * 3
    (again,) = rig.ask(rig.caller(), asked[-1])
    assert again.result == "0000"
