"""Answers that come after their message was given up: stored, matched, applied if still legal (spec 01.1.6)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.packet import Packet
from gateway.cli.desk_requests import desk_requests
from tests.gateway.outbox.test_pump import Script, made
from tests.gateway.rig import Rig, Station, packet_of, receipt_for, submission

ABOUT_IT = "message_id = (SELECT id FROM message WHERE code = 'OH01')"


def given_up() -> tuple[Rig, Station, Packet]:
    """An order whose dispatch was sent, never answered and given up; provisioning did not answer questions either."""
    script = Script(None)
    script.fate = None
    rig, pf = made(script)
    rig.ask(rig.caller(), packet_of(submission(1)))
    rig.run(2.25 * 3600)
    assert states(rig) == [("DEAD", "9002")]
    assert rig.one("SELECT state FROM service_order") == "FALLOUT"
    return rig, pf, next(packet for packet in pf.received if packet.code == "OH01")


def states(rig: Rig) -> list[tuple[Any, ...]]:
    return rig.rows("SELECT state, result_code FROM message WHERE code = 'OH01'")


@pytest.mark.parametrize(
    ("symbol", "message", "order"),
    [("ACCEPTED", ("DONE", "0001"), "ACKNOWLEDGED"), ("NO_PROCESS", ("REJECTED", "3019"), "REJECTED")],
)
def test_it_counts_as_if_it_had_come_in_time_and_the_record_closes(symbol: str, message: tuple[str, str], order: str) -> None:
    rig, pf, dispatch = given_up()
    pf.wire.send(receipt_for(dispatch, symbol))
    rig.run(1)
    assert states(rig) == [message]
    assert rig.one("SELECT state FROM service_order") == order
    assert rig.rows(f"SELECT state FROM fallout WHERE {ABOUT_IT}") == [("closed",)]
    assert rig.rows("SELECT result_class FROM attempt WHERE result_class = 'late'") == [("late",)]
    pf.wire.send(receipt_for(dispatch, symbol))
    rig.run(1)
    assert states(rig) == [message]


def test_a_technical_answer_leaves_it_given_up() -> None:
    rig, pf, dispatch = given_up()
    pf.wire.send(receipt_for(dispatch, "BUSY"))
    rig.run(1)
    assert states(rig) == [("DEAD", "9002")]


def test_a_record_somebody_works_on_stays_theirs_and_says_what_came() -> None:
    rig, pf, dispatch = given_up()
    (record,) = rig.rows(f"SELECT id FROM fallout WHERE {ABOUT_IT}")[0]
    desk_requests(rig.gateway)["fallout"]({"id": record, "action": "claim", "operator": "OP1"}, lambda reply: None)
    rig.run(1)
    pf.wire.send(receipt_for(dispatch))
    rig.run(1)
    (row,) = rig.rows("SELECT state, owner, actions_json FROM fallout WHERE id = :id", id=record)
    assert row[:2] == ("claimed", "OP1")
    assert "late_answer" in row[2]


def test_what_the_core_can_do_nothing_with_goes_to_the_desk() -> None:
    rig, pf, dispatch = given_up()
    with rig.engine.begin() as connection:  # the order the answer is about is no longer there
        connection.exec_driver_sql("DELETE FROM order_item")
        connection.exec_driver_sql("DELETE FROM service_order")
    rig = rig.restarted()
    rig.run(3)
    pf.wire.send(receipt_for(dispatch))
    rig.run(1)
    assert states(rig) == [("DONE", "0001")]
    assert rig.rows("SELECT error_class, symbol FROM fallout ORDER BY opened_at DESC, id DESC LIMIT 1") == [
        ("report", "ORDER_UNKNOWN")
    ]


def test_of_a_message_redelivered_meanwhile_the_late_answer_is_the_answer() -> None:
    rig, pf, dispatch = given_up()
    (record,) = rig.rows(f"SELECT id FROM fallout WHERE {ABOUT_IT}")[0]
    request = {"id": record, "action": "retry", "operator": "OP1", "reason": "对端恢复"}
    desk_requests(rig.gateway)["fallout"](request, lambda reply: None)
    rig.run(1)
    assert states(rig)[0][0] == "SENDING"
    pf.wire.send(receipt_for(dispatch))
    rig.run(1)
    assert states(rig) == [("DONE", "0001")]
