"""The watchdog of an order: overdue operations, limits, missing reports, deferrals and leases (spec 04.1, 04.5, 06.1)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_core.billing.record_result import RecordBillingResult
from crm_core.billing.watch_result import WatchBilling
from crm_core.clocks.calendar import WorkCalendar, time_of_day
from crm_core.errors import OrderUnknown
from crm_core.events import BillingDue, DeferralRequested, LimitPassed, OrderDispatched, ReportsMissing
from crm_core.orders.defer import DeferOrder
from crm_core.orders.deferral_ended import RecordDeferralEnded
from crm_core.orders.lock_report import RecordLockReport
from crm_core.orders.operation_result import RecordOperationResult
from crm_core.orders.timing import GAP_MS, GRACE_MS
from crm_core.orders.watch import RecordRedeliverReceipt, WatchOrder
from crm_core.ports import Origin
from crm_core.times import DAY_MS, to_wire
from tests.crm_core.desk import World
from tests.crm_core.samples import NOW, REFERENCE
from tests.crm_core.test_deferral import deferred

HOUR = 3_600_000
OFFICE = WorkCalendar("OFFICE", (1, 2, 3, 4, 5), ((time_of_day("08:30"), time_of_day("12:00")),))
TIMED = replace(
    REFERENCE,
    calendars={"OFFICE": OFFICE},
    area_calendars={"025": "OFFICE"},
    result_limits={OrderDispatched.__name__: (4 * 3600, "working"), DeferralRequested.__name__: (1800, "elapsed")},
)
REASON = {"type": "10P", "code": "10P002", "text": "用户外出"}
UNTIL = to_wire(NOW + 10 * DAY_MS)


def timed() -> World:
    return World(reference=TIMED)


def watch(world: World, at: int) -> None:
    world.store.run(WatchOrder(world.id), at, world.reference, Origin("CRM001", "", "watch"))


def due(world: World) -> int:
    assert world.order.watch_at is not None
    return world.order.watch_at


def test_not_accepted_within_working_hours_it_stands_in_fallout() -> None:
    world = timed()
    assert due(world) == OFFICE.add(NOW, 4 * HOUR)
    before = world.store.snapshot()
    watch(world, due(world) - 1)
    assert world.store.snapshot() == before
    watch(world, due(world))
    (record,) = world.fallouts()
    assert (record.error_class, record.about["operation"], world.order.state) == ("overdue", "dispatch", "FALLOUT")
    watch(world, due(world) - 1)
    assert len(world.fallouts()) == 1
    world.tell(world.accept(1))
    assert world.order.state == "ACCEPTED"


def test_an_operation_without_result_is_told_once_and_its_result_still_counts() -> None:
    world = timed()
    world.tell(world.accept(1))
    world.tell(DeferOrder(world.id, REASON, UNTIL))
    assert due(world) == NOW + HOUR // 2
    watch(world, due(world))
    (record,) = world.fallouts()
    assert (record.about["serial"], record.symbol) == (world.order.operations[0]["serial"], "OUTCOME_UNKNOWN")
    assert (world.order.operations[0]["overdue"], world.order.state) == (record.id, "FALLOUT")
    watch(world, NOW + HOUR)
    assert len(world.fallouts()) == 1
    result = RecordOperationResult(world.id, 1, "defer", "applied", report_seq=2)
    serial = world.order.operations[0]["serial"]
    world.store.run(result, NOW + HOUR, world.reference, Origin("PF0001", "S9", "OH14", serial))
    assert world.order.state == "DEFERRED"
    (record,) = world.fallouts()
    assert (record.state, record.actions[0]["why"]) == ("closed", "defer: applied")


def test_alert_and_limit_are_events_each_once() -> None:
    world = timed()
    world.tell(world.accept(1))
    for _ in range(2):
        watch(world, due(world))
    told = [(event.limit, event.what) for event in world.events(LimitPassed)]
    assert told == [("order", "jeopardy"), ("order", "overtime")]
    assert (world.order.watch_at, world.fallouts(), world.order.state) == (None, [], "ACCEPTED")
    assert [change.input for change in world.store.changes][-2:] == ["jeopardy", "overtime"]


def test_missing_reports_are_asked_for_then_a_person_looks() -> None:
    world = World()
    world.tell(world.stage(4))
    assert due(world) == NOW + GAP_MS
    watch(world, NOW + GAP_MS)
    (event,) = world.events(ReportsMissing)
    assert (event.from_seq, event.to_seq, event.to, world.fallouts()) == (1, 3, "PF0001", [])
    watch(world, NOW + 2 * GAP_MS)
    (record,) = world.fallouts()
    assert (record.error_class, record.about, world.order.state) == ("gap", {"from_seq": 1, "to_seq": 3}, "FALLOUT")
    watch(world, NOW + 9 * GAP_MS)
    assert len(world.fallouts()) == 1


def test_they_come_after_all() -> None:
    world = World()
    world.tell(world.stage(3))
    watch(world, NOW + GAP_MS)
    world.tell(world.accept(1), NOW + GAP_MS + 1)
    world.tell(world.stage(2), NOW + GAP_MS + 2)
    assert (world.order.report_seq, world.order.held, world.order.state) == (3, [], "IN_PROGRESS")


def test_a_peer_that_cannot_redeliver_implies_them() -> None:
    world = World()
    world.tell(world.stage(3))
    watch(world, NOW + GAP_MS)
    world.tell(RecordRedeliverReceipt(world.id, True, "OK"))
    assert world.order.report_seq == 0
    world.tell(RecordRedeliverReceipt(world.id, False, "MESSAGE_UNKNOWN"))
    assert (world.order.report_seq, world.order.held, world.order.state) == (3, [], "IN_PROGRESS")


def test_a_deferral_provisioning_forgot() -> None:
    world = World()
    world.tell(world.accept(1))
    world.tell(DeferOrder(world.id, REASON, UNTIL))
    serial = world.order.operations[0]["serial"]
    result = RecordOperationResult(world.id, 1, "defer", "applied", report_seq=2)
    world.store.run(result, NOW, world.reference, Origin("PF0001", "S9", "OH14", serial))
    assert due(world) == NOW + 10 * DAY_MS + GRACE_MS
    watch(world, due(world))
    (record,) = world.fallouts()
    assert (record.error_class, world.order.state) == ("deferral", "DEFERRED")
    assert world.order.watch_at is None


def test_a_lease_provisioning_forgot() -> None:
    world = World()
    world.tell(world.accept(1))
    world.tell(RecordLockReport(world.id, 1, 1, "granted", "OP1", UNTIL, report_seq=2))
    watch(world, due(world))
    (record,) = world.fallouts()
    assert (record.error_class, record.about["owner"], world.order.state) == ("lock", "OP1", "ACCEPTED")
    assert world.order.watch_at is None


def test_an_order_that_ended_is_not_watched() -> None:
    world = timed()
    world.tell(world.accept(1))
    world.tell(world.done(seq=2))
    assert (world.order.state, world.order.watch_at) == ("COMPLETED", None)


def test_an_unknown_order_is_refused() -> None:
    world = World()
    with pytest.raises(OrderUnknown):
        world.tell(WatchOrder("SO404"))


def test_a_notice_billing_never_answered_is_told_once() -> None:
    limited = replace(REFERENCE, result_limits={BillingDue.__name__: (3600, "elapsed")})
    world = World(reference=limited)
    world.tell(world.accept(1))
    world.tell(world.done(seq=2))
    (fact,) = world.billing()
    origin = Origin("CRM001", "", "watch")
    world.store.run(WatchBilling(fact.serial), NOW + HOUR - 1, limited, origin)
    assert world.fallouts() == []
    for _ in range(2):
        world.store.run(WatchBilling(fact.serial), NOW + HOUR, limited, origin)
    (record,) = world.fallouts()
    assert (record.error_class, record.about["serial"], world.order.state) == ("overdue", fact.serial, "COMPLETED")
    world.store.run(RecordBillingResult("accepted"), NOW, limited, Origin("BIL001", "B1", "BL02", fact.serial))
    assert world.billing()[0].state == "accepted"


def closed(world: World) -> list[bool]:
    return [record.state == "closed" for record in world.fallouts()]


def test_accepted_after_all_the_record_about_it_closes() -> None:
    world = timed()
    watch(world, due(world))
    assert closed(world) == [False]
    world.tell(world.accept(1))
    (record,) = world.fallouts()
    assert (closed(world), record.actions[0]["why"], world.order.state) == ([True], "dispatch: accept", "ACCEPTED")


def test_found_after_all_the_record_about_missing_reports_closes() -> None:
    world = World()
    world.tell(world.stage(3))
    watch(world, NOW + GAP_MS)
    watch(world, NOW + 2 * GAP_MS)
    world.tell(world.accept(1))
    assert closed(world) == [False]
    world.tell(world.stage(2))
    assert (closed(world), world.order.state) == ([True], "IN_PROGRESS")


def test_ended_after_all_the_record_about_a_deferral_closes() -> None:
    world = deferred()
    watch(world, due(world))
    assert closed(world) == [False]
    world.tell(RecordDeferralEnded(world.id, 1, "date", "IN_PROGRESS", report_seq=3))
    assert (closed(world), world.order.state) == ([True], "IN_PROGRESS")


def test_ended_after_all_the_record_about_a_lease_closes() -> None:
    world = World()
    world.tell(world.accept(1))
    lease = to_wire(NOW + DAY_MS)
    world.tell(RecordLockReport(world.id, 1, 5, "granted", "OP1", lease, report_seq=2))
    watch(world, due(world))
    assert closed(world) == [False]
    world.tell(RecordLockReport(world.id, 1, 5, "expired", report_seq=3))
    assert closed(world) == [True]
