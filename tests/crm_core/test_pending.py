"""待装 and its resumption: found, offered, taken or declined, resumed, unasked (spec 5.8, 5.9, 04.1, 04.5)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.events import OrderStateChanged, PendingAnswered
from crm_core.orders.offer import RecordOffer
from crm_core.orders.operation_result import RecordOperationReceipt
from crm_core.orders.pending import RecordPending
from crm_core.orders.resume_pending import ResumePending
from crm_core.orders.resume_result import RecordResumeResult
from crm_core.ports import Command, Origin, Outcome
from crm_core.times import DAY_MS, from_wire, to_wire
from tests.crm_core.desk import AT, World
from tests.crm_core.samples import NOW, item

WHY = {"type": "10W", "code": "10W001", "text": "无端口"}
ADDRESS = {"text": "南京市鼓楼区示例路1号", "area": "025"}


def pending(*items: dict[str, Any], only: list[str] | None = None) -> World:
    world = World(*items, notify="each")
    world.tell(world.accept(1))
    world.tell(RecordPending(world.id, 1, "RES_ASSIGN", WHY, "PORT", ADDRESS, AT, only, report_seq=2))
    return world


def offered(*items: dict[str, Any]) -> World:
    world = pending(*items)
    world.tell(RecordOffer(world.id, 1, {"text": "端口到位"}, to_wire(NOW + DAY_MS), report_seq=3))
    return world


def result(world: World, outcome: str, seq: int = 4, asked: bool = True, **fields: Any) -> Outcome:
    serial = world.order.operations[0]["serial"] if asked else None
    command = RecordResumeResult(world.id, 1, outcome, report_seq=seq, **fields)
    world.serial += 1
    return world.store.run(command, NOW, world.reference, Origin("PF0001", f"PF0001S{world.serial}", "PA04", serial))


def refused(world: World, command: Command) -> DomainError:
    before = world.store.snapshot()
    with pytest.raises(DomainError) as caught:
        world.tell(command)
    assert world.store.snapshot() == before
    return caught.value


def test_it_waits_for_what_is_missing_and_the_clock_runs_on() -> None:
    world = pending()
    order = world.order
    assert (order.state, order.stage, order.reason) == ("PENDING_INSTALL", "RES_ASSIGN", WHY)
    assert order.pending is not None
    assert (order.pending["items"], order.pending["missing_res_type"], order.pending["since"]) == (["1"], "PORT", from_wire(AT))
    assert order.clock is not None
    assert order.clock["stops"] == []
    (notice,) = [event for event in world.events(OrderStateChanged) if event.state == "PENDING_INSTALL"]
    assert notice.reason == {"text": "无端口", "code": "10W001"}


def test_found_twice_it_waits_once() -> None:
    world = pending()
    world.tell(RecordPending(world.id, 1, "LINE_ASSIGN", WHY, "PAIR", ADDRESS, AT, report_seq=3))
    assert world.order.pending is not None
    assert (world.order.pending["items"], world.order.pending["missing_res_type"]) == (["1"], "PORT")


def test_one_item_waits_the_other_goes_on() -> None:
    world = pending(item("1"), item("2"), only=["2"])
    assert (world.item("1").progress, world.item("2").progress, world.order.state) == (
        "ACCEPTED", "PENDING_INSTALL", "IN_PROGRESS"
    )  # fmt: skip


def test_an_offer_is_taken_and_it_goes_on() -> None:
    world = offered()
    assert world.order.pending is not None
    assert world.order.pending["offer"]["valid_until"] == NOW + DAY_MS
    assert world.order.state == "PENDING_INSTALL"
    assert world.tell(ResumePending(world.id, True, operator="OP1")).symbol == "ACCEPTED"
    (event,) = world.events(PendingAnswered)
    assert (event.accept, event.items, event.new_date, event.to) == (True, ["1"], None, "PF0001")
    assert world.tell(ResumePending(world.id, True)).symbol == "DUPLICATE"
    assert refused(world, ResumePending(world.id, False)).code == "STATE_CONFLICT"
    result(world, "resumed", resumed_stage="RES_ASSIGN", promised="20261201180000")
    order = world.order
    assert (order.state, order.pending, order.operations, order.reason) == ("IN_PROGRESS", None, [], None)
    assert order.expected_finish == from_wire("20261201180000")


def test_declined_it_is_back_in_the_queue() -> None:
    world = offered()
    later = to_wire(NOW + 20 * DAY_MS)
    world.tell(ResumePending(world.id, False, later, {"text": "用户不在"}))
    (event,) = world.events(PendingAnswered)
    assert (event.accept, event.new_date, event.reason) == (False, later, {"text": "用户不在"})
    result(world, "queued", position=7)
    assert world.order.pending is not None
    assert (world.order.state, world.order.pending["offer"], world.order.pending["position"]) == ("PENDING_INSTALL", None, 7)
    assert world.order.operations == []


def test_the_offer_was_over_it_waits_on() -> None:
    world = offered()
    world.tell(ResumePending(world.id, True))
    result(world, "failed", code="3010", reason={"text": "预留已过期"})
    assert (world.order.state, world.order.operations) == ("PENDING_INSTALL", [])
    assert refused(world, ResumePending(world.id, True)).code == "HOLD_EXPIRED"


def test_a_receipt_that_refuses_closes_the_answer() -> None:
    world = offered()
    world.tell(ResumePending(world.id, True))
    serial = world.order.operations[0]["serial"]
    receipt = RecordOperationReceipt(world.id, 1, False, "HOLD_EXPIRED")
    world.store.run(receipt, NOW, world.reference, Origin("PF0001", serial, "PA03"))
    assert (world.order.state, world.order.operations) == ("PENDING_INSTALL", [])


def test_restarted_by_rule_without_being_asked() -> None:
    world = pending()
    result(world, "resumed", 3, asked=False)
    assert (world.order.state, world.order.pending) == ("IN_PROGRESS", None)


@pytest.mark.parametrize(("edit", "command", "code"), [
    ({}, {"accept": False, "new_date": to_wire(NOW - 1000)}, "DATE_INVALID"),
    ({}, {"service_order_id": "SO404"}, "ORDER_UNKNOWN"),
    ({"progress": "IN_PROGRESS"}, {}, "STATE_CONFLICT"),
    ({"amending": True}, {}, "CHANGE_IN_PROGRESS"),
    ({"progress": "DEFERRED"}, {}, "STATE_CONFLICT"),
])  # fmt: skip
def test_what_is_refused(edit: dict[str, Any], command: dict[str, Any], code: str) -> None:
    world = offered()
    world.edit(**edit)
    given: dict[str, Any] = {"service_order_id": world.id, "accept": True, **command}
    assert refused(world, ResumePending(**given)).code == code


def test_completion_of_what_waits_is_refused_and_looked_at() -> None:
    world = pending()
    error = refused(world, world.done(seq=3))
    assert (error.code, error.state, bool(error.fallout)) == ("STATE_CONFLICT", "PENDING_INSTALL", True)


def test_returned_and_dispatched_anew_nothing_waits() -> None:
    world = offered()
    world.tell(world.back(4))
    assert (world.order.state, world.order.pending) == ("RETURNED", None)
