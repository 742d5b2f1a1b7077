"""缓装: asked for, applied, ended, refused; limits and the clock (spec 5.10, 04.1, 04.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.events import DeferralEndRequested, DeferralRequested, OperationDecided, OrderStateChanged
from crm_core.orders.defer import DeferOrder
from crm_core.orders.deferral_ended import RecordDeferralEnded
from crm_core.orders.end_deferral import EndDeferral
from crm_core.orders.operation_result import RecordOperationReceipt, RecordOperationResult
from crm_core.orders.propose_deferral import ProposeDeferral
from crm_core.ports import Command, Origin, Outcome
from crm_core.reference import Reason
from crm_core.times import DAY_MS, from_wire, to_wire
from tests.crm_core.desk import World
from tests.crm_core.samples import NOW, REFERENCE, item

REASON = {"type": "10P", "code": "10P002", "text": "用户外出"}
UNTIL = to_wire(NOW + 10 * DAY_MS)
HOUR = 3_600_000


def accepted(*items: dict[str, Any], **fields: Any) -> World:
    world = World(*items, **fields)
    world.tell(world.accept(1))
    return world


def answer(world: World, command: Command, ref_serial: str | None, now: int = NOW) -> Outcome:
    world.serial += 1
    origin = Origin("PF0001", f"PF000120261122084{world.serial:015d}", "OH14", ref_serial)
    return world.store.run(command, now, world.reference, origin)


def result(world: World, operation: str = "defer", outcome: str = "applied", **fields: Any) -> RecordOperationResult:
    return RecordOperationResult(world.id, 1, operation, outcome, **fields)


def deferred(*items: dict[str, Any], now: int = NOW) -> World:
    world = accepted(*items)
    world.tell(DeferOrder(world.id, REASON, UNTIL, "OP1"), now)
    answer(world, result(world, report_seq=2), world.order.operations[0]["serial"], now)
    return world


def refused(world: World, command: Command, now: int = NOW) -> DomainError:
    before = world.store.snapshot()
    with pytest.raises(DomainError) as caught:
        world.tell(command, now)
    assert world.store.snapshot() == before
    return caught.value


def test_asked_for_it_waits_for_the_answer() -> None:
    world = accepted()
    assert world.tell(DeferOrder(world.id, REASON, UNTIL, "OP1")).symbol == "ACCEPTED"
    (event,) = world.events(DeferralRequested)
    assert (event.until, event.reason, event.version, event.to) == (UNTIL, REASON, 1, "PF0001")
    assert (world.order.state, world.order.deferral) == ("ACCEPTED", None)
    (operation,) = world.order.operations
    assert (operation["operation"], operation["until"]) == ("defer", from_wire(UNTIL))
    assert world.tell(DeferOrder(world.id, REASON, UNTIL)).symbol == "DUPLICATE"
    assert refused(world, DeferOrder(world.id, REASON, to_wire(NOW + DAY_MS))).code == "CHANGE_IN_PROGRESS"


def test_applied_it_is_deferred_and_the_clock_stands() -> None:
    world = deferred()
    order = world.order
    assert (order.state, order.operations, order.report_seq) == ("DEFERRED", [], 2)
    assert order.deferral == {
        "until": from_wire(UNTIL), "count": 1, "reason": REASON, "since": NOW, "ended_at": None
    }  # fmt: skip
    assert order.clock is not None
    assert order.clock["stops"] == ["deferral"]


def test_ended_by_its_date_it_goes_on_with_what_was_left() -> None:
    world = deferred()
    left = world.order.clock["limits"]["order"]["left"]  # type: ignore[index]
    later = NOW + 10 * DAY_MS
    answer(world, RecordDeferralEnded(world.id, 1, "date", "ACCEPTED", "FIELD", report_seq=3), None, later)
    order = world.order
    assert (order.state, order.stage) == ("ACCEPTED", "FIELD")
    assert order.deferral is not None
    assert (order.deferral["ended_at"], order.deferral["ended_by"]) == (later, "date")
    assert order.clock is not None
    calendar = world.reference.calendar(order.clock["calendar"])
    assert (order.clock["stops"], calendar.between(later, order.clock["limits"]["order"]["limit_at"])) == ([], left)


def test_ended_on_request() -> None:
    world = deferred()
    world.tell(EndDeferral(world.id, to_wire(NOW + DAY_MS), operator="OP1"))
    (event,) = world.events(DeferralEndRequested)
    assert event.appointment == to_wire(NOW + DAY_MS)
    assert world.tell(EndDeferral(world.id, to_wire(NOW + DAY_MS))).symbol == "DUPLICATE"
    serial = world.order.operations[0]["serial"]
    answer(world, RecordDeferralEnded(world.id, 1, "request", "IN_PROGRESS", report_seq=3), serial)
    assert (world.order.state, world.order.operations) == ("IN_PROGRESS", [])


def test_its_date_crossed_the_request_one_end_and_success() -> None:
    world = deferred()
    world.tell(EndDeferral(world.id, to_wire(NOW + DAY_MS)))
    serial = world.order.operations[0]["serial"]
    answer(world, RecordDeferralEnded(world.id, 1, "date", "ACCEPTED", report_seq=3), None)
    assert world.order.state == "ACCEPTED"
    answer(world, result(world, "end_deferral", report_seq=4), serial)
    assert (world.order.state, world.order.operations, world.fallouts()) == ("ACCEPTED", [], [])


@pytest.mark.parametrize("give_up", ["result", "receipt"])
def test_refused_it_stays_where_it_was(give_up: str) -> None:
    world = accepted()
    world.tell(DeferOrder(world.id, REASON, UNTIL, asked={"system": "CH0001", "serial": "S7"}))
    serial = world.order.operations[0]["serial"]
    if give_up == "result":
        answer(world, result(world, outcome="refused", code="3004", reason={"text": "已派工"}, report_seq=2), serial)
    else:
        receipt = RecordOperationReceipt(world.id, 1, False, "STATE_CONFLICT")
        world.store.run(receipt, NOW, world.reference, Origin("PF0001", serial, "DF01"))
    assert (world.order.state, world.order.operations, world.order.deferral) == ("ACCEPTED", [], None)
    assert world.store.changes[-1].input == "defer_refused"
    assert world.events(OrderStateChanged)[-1].ref_serial == "S7"


def test_a_result_nobody_waits_for_is_recorded_only() -> None:
    world = accepted()
    answer(world, result(world, report_seq=2), "CRM001nobody")
    assert (world.order.state, world.order.report_seq, world.order.deferral) == ("ACCEPTED", 2, None)


@pytest.mark.parametrize(("fields", "code"), [
    ({"until": to_wire(NOW - 1000)}, "DATE_INVALID"),
    ({"until": to_wire(NOW + 181 * DAY_MS)}, "DATE_INVALID"),
    ({"until": "20261399000000"}, "DATE_INVALID"),
    ({"reason": {"type": "10C", "code": "10C001", "text": "x"}}, "ATTRIBUTE_INVALID"),
    ({"service_order_id": "SO404"}, "ORDER_UNKNOWN"),
])  # fmt: skip
def test_what_no_order_takes(fields: dict[str, Any], code: str) -> None:
    world = accepted()
    given: dict[str, Any] = {"service_order_id": world.id, "reason": REASON, "until": UNTIL, **fields}
    assert refused(world, DeferOrder(**given)).code == code


def test_the_longest_deferral_is_180_days() -> None:
    world = accepted()
    assert world.tell(DeferOrder(world.id, REASON, to_wire(NOW + 180 * DAY_MS))).symbol == "ACCEPTED"


def test_three_times_and_no_more() -> None:
    world = deferred()
    assert world.tell(DeferOrder(world.id, REASON, UNTIL)).symbol == "DUPLICATE"
    for days in (11, 12):
        world.tell(DeferOrder(world.id, REASON, to_wire(NOW + days * DAY_MS)))
        answer(world, result(world), world.order.operations[0]["serial"])
    assert world.order.deferral is not None
    assert (world.order.deferral["count"], world.order.deferral["until"]) == (3, NOW + 12 * DAY_MS)
    error = refused(world, DeferOrder(world.id, REASON, to_wire(NOW + 13 * DAY_MS)))
    assert (error.code, error.state) == ("DEFERRAL_LIMIT", "DEFERRED")


@pytest.mark.parametrize(("fields", "code"), [
    ({"amending": True}, "CHANGE_IN_PROGRESS"),
    ({"fallout": True}, "STATE_CONFLICT"),
    ({"cancelling": True}, "STATE_CONFLICT"),
    ({"progress": "PENDING_INSTALL"}, "STATE_CONFLICT"),
    ({"progress": "COMPLETED"}, "STATE_CONFLICT"),
])  # fmt: skip
def test_the_matrix_says_no(fields: dict[str, Any], code: str) -> None:
    world = accepted()
    world.edit(**fields)
    assert refused(world, DeferOrder(world.id, REASON, UNTIL)).code == code
    assert refused(world, EndDeferral(world.id, UNTIL)).code == code


def test_an_item_past_it_does_not_block_the_others() -> None:
    world = accepted(item("1"), item("2"))
    world.edit("1", progress="COMPLETED")
    world.tell(DeferOrder(world.id, REASON, UNTIL))
    answer(world, result(world, report_seq=2), world.order.operations[0]["serial"])
    assert (world.item("1").progress, world.item("2").progress, world.order.state) == ("COMPLETED", "DEFERRED", "DEFERRED")


def test_a_dry_run_says_so_and_does_nothing() -> None:
    world = accepted()
    before = world.store.snapshot()
    assert world.tell(DeferOrder(world.id, REASON, UNTIL, dry_run=True)).symbol == "ACCEPTED"
    assert world.store.snapshot() == before


def test_field_staff_propose_and_the_request_follows() -> None:
    world = accepted()
    world.tell(ProposeDeferral(world.id, 1, REASON, UNTIL, "装维员乙", report_seq=2))
    (told,) = world.events(OperationDecided)
    assert (told.operation, told.outcome, told.to) == ("propose_deferral", "applied", "PF0001")
    assert world.events(DeferralRequested)[0].until == UNTIL
    assert world.order.state == "ACCEPTED"


def test_the_stage_a_proposal_is_made_at_is_provisionings_to_know() -> None:
    row = Reason("10P", "10P003", "用户设备未到", "not ready", stages=("FIELD",))
    world = accepted(reference=replace(REFERENCE, reasons={("10P", "10P003"): row}))
    at_the_door = {"type": "10P", "code": "10P003", "text": "用户设备未到"}
    assert refused(world, DeferOrder(world.id, at_the_door, UNTIL)).code == "ATTRIBUTE_INVALID"
    world.tell(ProposeDeferral(world.id, 1, at_the_door, UNTIL, "装维员乙", report_seq=2))
    (told,) = world.events(OperationDecided)
    assert told.outcome == "applied"


def test_a_proposal_too_far_off_is_refused_with_its_code() -> None:
    world = accepted()
    world.tell(ProposeDeferral(world.id, 1, REASON, to_wire(NOW + 200 * DAY_MS), report_seq=2))
    (told,) = world.events(OperationDecided)
    assert (told.outcome, told.code) == ("refused", "DATE_INVALID")
    assert world.events(DeferralRequested) == []


def test_a_proposal_about_a_version_that_counts_no_more_is_answered_too() -> None:
    """Every command gets its result (01.1.4)."""
    world = accepted()
    world.order.version = 2
    world.tell(ProposeDeferral(world.id, 1, REASON, UNTIL, "装维员乙", report_seq=2))
    (told,) = world.events(OperationDecided)
    assert (told.outcome, told.code) == ("refused", "STALE_VERSION")
    assert (world.events(DeferralRequested), world.order.report_seq) == ([], 2)


def test_a_state_no_order_resumes_at_is_refused_and_looked_at() -> None:
    world = deferred()
    error = refused(world, RecordDeferralEnded(world.id, 1, "date", "COMPLETED", report_seq=3))
    assert error.code == "ATTRIBUTE_INVALID"
    assert error.fallout


def test_when_its_last_deferred_item_goes_the_time_of_the_others_runs_again() -> None:
    """One item was being decided on when the order was put off: it was not deferred, and is under way again."""
    world = accepted(item(), item("2"))
    world.edit("2", progress="COMPLETING")
    world.tell(DeferOrder(world.id, REASON, UNTIL, "OP1"))
    answer(world, result(world, report_seq=2), world.order.operations[0]["serial"])
    world.edit("2", progress="IN_PROGRESS")
    assert (world.item("1").progress, world.order.clock["stops"]) == ("DEFERRED", ["deferral"])  # type: ignore[index]
    world.tell(world.back(3, items=[{"item_id": "1"}]))
    assert (world.item("1").progress, world.item("2").progress) == ("RETURNED", "IN_PROGRESS")
    assert world.order.deferral is not None
    assert (world.order.deferral["ended_by"], world.order.clock["stops"]) == ("order", [])  # type: ignore[index]
    assert world.order.watch_at is not None
