"""The fallout desk: every action, who may, what provisioning is told, and that nothing happens twice (spec 06.2, 04.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_core.billing.record_result import RecordBillingResult
from crm_core.errors import DomainError
from crm_core.events import BillingDue, CancelRequested, ChangeRequested, CompletionDecided, DeferralRequested, OrderDispatched
from crm_core.fallout.desk import WorkFallout
from crm_core.fallout.model import Fallout
from crm_core.fallout.open_record import OpenFallout
from crm_core.orders.amend import AmendOrder
from crm_core.orders.operation_result import RecordOperationResult
from crm_core.orders.reports import GAP
from crm_core.orders.timing import GAP_MS
from crm_core.orders.watch import WatchOrder
from crm_core.ports import Origin, Outcome
from crm_core.resources.events import ReservationGivenBack
from crm_core.resources.model import Reservation
from crm_core.times import DAY_MS, to_wire
from tests.crm_core.channel import Asked
from tests.crm_core.desk import World
from tests.crm_core.samples import NOW, REFERENCE, attr, item, own, store

DESK = Origin("OP1", "", "fallout")
APPROVED = {"approved_by": "BOSS"}


def stuck(world: World | None = None) -> World:
    """An order whose stage reported an exception."""
    world = world or World()
    world.tell(world.accept(1))
    world.tell(world.stage(2, state="exception"))
    assert world.order.state == "FALLOUT"
    return world


def record(world: World) -> Fallout:
    return world.fallouts()[-1]


def work(world: World, action: str, operator: str = "OP1", reason: str = "查明原因", now: int = NOW, **fields: Any) -> Outcome:
    command = WorkFallout(record(world).id, action, operator, reason, **fields)
    return world.store.run(command, now, world.reference, DESK)


def refused(world: World, action: str, operator: str = "OP1", reason: str = "查明原因", **fields: Any) -> DomainError:
    before = world.store.snapshot()
    with pytest.raises(DomainError) as caught:
        work(world, action, operator, reason, **fields)
    assert world.store.snapshot() == before
    return caught.value


def test_claimed_it_is_one_persons() -> None:
    world = stuck()
    assert work(world, "claim", reason="").state == "claimed"
    assert (record(world).owner, record(world).actions[0]["before"]) == ("OP1", {"record": "new", "order": "FALLOUT"})
    assert work(world, "claim", reason="").symbol == "DUPLICATE"
    assert refused(world, "claim", "OP2").code == "NOT_PERMITTED"
    assert refused(world, "skip", "OP2").code == "NOT_PERMITTED"


@pytest.mark.parametrize("action", ["retry", "edit", "skip"])
def test_fallout_is_taken_off_and_the_record_closed(action: str) -> None:
    world = stuck()
    assert work(world, action).state == "closed"
    assert (world.order.state, record(world).state, record(world).closed_at) == ("IN_PROGRESS", "closed", NOW)
    (entry,) = record(world).actions
    assert (entry["who"], entry["what"], entry["why"]) == ("OP1", action, "查明原因")
    assert (entry["before"]["order"], entry["after"]["order"]) == ("FALLOUT", "IN_PROGRESS")
    assert work(world, action).symbol == "DUPLICATE"
    assert refused(world, "close", **APPROVED).code == "STATE_CONFLICT"


def test_completed_by_hand_it_takes_effect_and_provisioning_is_told() -> None:
    world = stuck()
    work(world, "complete", **APPROVED)
    assert (world.order.state, world.instance().status) == ("COMPLETED", "active")
    (told,) = world.events(CompletionDecided)
    assert (told.unasked, told.ref_serial, told.items) == (True, None, [{"item_id": "1", "result": "accepted"}])
    assert [fact.kind for fact in world.billing()] == ["start"]
    assert work(world, "complete", **APPROVED).symbol == "DUPLICATE"
    assert len(world.billing()) == 1


@pytest.mark.parametrize(("action", "state", "instance"), [("return", "RETURNED", "pending"), ("close", "FAILED", "void")])
def test_ended_without_completion_provisioning_is_told(action: str, state: str, instance: str) -> None:
    world = stuck()
    work(world, action, **APPROVED)
    assert (world.order.state, world.instance().status) == (state, instance)
    (told,) = world.events(CancelRequested)
    assert (told.items, told.reason["type"], told.reason["text"], told.to) == (["1"], "10C", "查明原因", "PF0001")
    assert world.order.operations == []
    assert world.store.changes[-1].input in (f"desk_{action}", "desk_give_up", "desk_return")


def test_what_a_person_returns_holds_nothing_any_more() -> None:
    """Provisioning hears of a cancel and frees what came to it (5.3); what is left the CRM gives back."""
    made = store()
    made.table(Reservation)["RV1"] = Reservation("RV1", "ORDER", "RM0001", "025", asked=[{"item_no": 1}], items=[
        {"item_no": 1, "resource": {"res_type": "PORT", "role": "port", "code": "P1"}, "state": "held"}
    ], expires_at=NOW + DAY_MS)  # fmt: skip
    world = stuck(World(made=made, reservations=["RV1"]))
    work(world, "return", **APPROVED)
    assert world.order.state == "RETURNED"
    reservation = made.table(Reservation)["RV1"]
    assert ([one["state"] for one in reservation.items], reservation.closed) == (["released"], True)
    assert [event.reservation_id for event in world.events(ReservationGivenBack)] == ["RV1"]
    dates = {"booked_at": to_wire(NOW + DAY_MS)}
    world.tell(AmendOrder(world.id, {"type": "10Q", "code": "10Q001", "text": "改期"}, dates=dates))
    again = world.events(OrderDispatched)[-1]
    assert (again.version, "reservations" in again.image) == (2, False)


def test_cancel_asks_provisioning_and_waits() -> None:
    world = stuck()
    work(world, "cancel")
    assert (world.item().cancelling, record(world).state) == (True, "closed")
    assert [entry["operation"] for entry in world.order.operations] == ["cancel"]


@pytest.mark.parametrize("action", ["complete", "return", "close"])
@pytest.mark.parametrize("approver", ["", "OP1"])
def test_what_forces_a_result_needs_a_second_person(action: str, approver: str) -> None:
    assert refused(stuck(), action, approved_by=approver).code == "NOT_PERMITTED"


@pytest.mark.parametrize(("action", "fields", "code"), [
    ("retry", {"reason": ""}, "ATTRIBUTE_INVALID"),
    ("retry", {"operator": ""}, "NOT_PERMITTED"),
    ("dance", {}, "ORDER_UNKNOWN"),
    ("ignore", {}, "STATE_CONFLICT"),
    ("edit", {"changes": {"PORT": 7}}, "ATTRIBUTE_INVALID"),
])  # fmt: skip
def test_what_is_refused(action: str, fields: dict[str, Any], code: str) -> None:
    assert refused(stuck(), action, **fields).code == code


@pytest.mark.parametrize("action", ["claim", "retry", "edit", "skip", "complete", "return", "cancel", "close"])
def test_a_dry_run_says_whether_it_may_be_and_does_nothing(action: str) -> None:
    world = stuck()
    before = world.store.snapshot()
    assert work(world, action, dry_run=True, **APPROVED).symbol == "OK"
    assert world.store.snapshot() == before


def test_what_a_refused_completion_lacked_is_set_by_hand() -> None:
    world = World()
    world.tell(world.accept(1))
    world.tell(world.done({"item_id": "1"}, seq=2))
    assert world.order.state == "FALLOUT"
    work(world, "edit", changes={"PORT": "NJ-01"})
    assert (world.item().result_attrs["PORT"], world.order.state) == ("NJ-01", "IN_PROGRESS")
    assert record(world).actions[-1]["changes"] == {"PORT": "NJ-01"}


def test_a_record_whose_cause_is_gone_is_closed_by_one_person() -> None:
    world = stuck()
    world.tell(world.stage(3))
    assert world.order.state == "IN_PROGRESS"
    assert refused(world, "complete", **APPROVED).code == "STATE_CONFLICT"
    assert work(world, "close").state == "closed"
    assert (world.order.state, world.events(CancelRequested)) == ("IN_PROGRESS", [])


def test_missing_reports_skipped_are_implied() -> None:
    world = World()
    world.tell(world.stage(3))
    for n in (1, 2):
        world.store.run(WatchOrder(world.id), NOW + n * GAP_MS, world.reference, DESK)
    assert world.order.state == "FALLOUT"
    work(world, "skip", now=NOW + 3 * GAP_MS)
    assert (world.order.state, world.order.report_seq, world.order.held) == ("IN_PROGRESS", 3, [])


def test_missing_reports_are_asked_for_again() -> None:
    world = World()
    world.tell(world.stage(3))
    for n in (1, 2):
        world.store.run(WatchOrder(world.id), NOW + n * GAP_MS, world.reference, DESK)
    work(world, "retry", now=NOW + 3 * GAP_MS)
    assert [sorted(entry) for entry in world.order.held if entry["why"] == GAP and "asked" in entry] == []
    assert world.order.watch_at is not None


def test_a_message_alone_may_be_ignored_or_sent_again() -> None:
    for action, detail in (("ignore", None), ("retry", "redeliver"), ("edit", "correct")):
        world = World()
        world.tell(OpenFallout("unknown", "中", "en", "OUTCOME_UNKNOWN", message_id=42))
        assert dict(work(world, action).details).get("message") == detail
        assert record(world).state == "closed"


def test_a_fact_billing_refused_is_told_again() -> None:
    world = World()
    world.tell(world.accept(1))
    world.tell(world.done(seq=2))
    (fact,) = world.billing()
    answer = RecordBillingResult("refused", code="3023", reason={"text": "账户无效"})
    world.store.run(answer, NOW, world.reference, Origin("BIL001", "B1", "BL02", fact.serial))
    work(world, "edit", changes={"plan": "P-NEW"})
    again = world.billing()[0]
    assert (again.state, again.serial != fact.serial, len(world.billing())) == ("sent", True, 1)
    assert [event.plan for event in world.events(BillingDue)][-1] == "P-NEW"
    world.store.run(RecordBillingResult("accepted"), NOW, world.reference, Origin("BIL001", "B2", "BL02", again.serial))
    assert world.billing()[0].state == "accepted"


def test_a_change_billing_refused_is_told_again_with_what_it_changes() -> None:
    made = store()
    own(made, attrs={"PLAN": "POTS20"})
    plan = attr("PLAN", "POTS30", "M")
    world = World(item(action="modify", product_instance_id="PI1", attrs=[plan]), made=made)
    world.tell(world.done({"item_id": "1"}, seq=1))
    origin = Origin("BIL001", "B1", "BL02", world.billing()[0].serial)
    world.store.run(RecordBillingResult("refused", code="3023", reason={"text": "余额不足"}), NOW, REFERENCE, origin)
    work(world, "retry")
    assert [notice.attrs for notice in world.events(BillingDue)] == [[{**plan, "old": "POTS20"}]] * 2


def test_a_command_that_spent_its_budget_puts_the_order_in_fallout() -> None:
    world = World()
    world.tell(OpenFallout("not_sent", "中", "en", service_order_id=world.id, message_id=7, stuck=True))
    assert (world.order.state, world.item().progress) == ("FALLOUT", "SUBMITTED")
    assert dict(work(world, "retry").details)["message"] == "redeliver"
    assert world.order.state == "SUBMITTED"
    other = World()
    other.tell(OpenFallout("not_sent", "中", "en", service_order_id=other.id, message_id=8))
    assert other.order.state == "SUBMITTED"


def overdue(name: str) -> Asked:
    """An operation whose result did not come by its limit."""
    limits = {event.__name__: (1800, "elapsed") for event in (ChangeRequested, CancelRequested, DeferralRequested)}
    world = Asked(reference=replace(REFERENCE, result_limits=limits))
    world.tell(world.accept(1))
    if name == "change":
        world.amend()
    elif name == "cancel":
        world.cancel()
    else:
        world.ask("defer", {"reason": {"type": "10P", "code": "10P002", "text": "用户外出"}, "until": "20261202090000"})
    world.store.run(WatchOrder(world.id), NOW + 1_800_000, world.reference, DESK)
    assert (world.order.state, len(world.fallouts())) == ("FALLOUT", 1)
    return world


@pytest.mark.parametrize(("name", "late"), [("change", "applied"), ("cancel", "cancelled"), ("defer", "applied")])
def test_an_overdue_operation_skipped_is_over_and_a_late_result_only_recorded(name: str, late: str) -> None:
    world = overdue(name)
    serial, version = world.last_serial(name), world.order.version
    work(world, "skip", now=NOW + 1_800_001)
    item = world.item()
    assert (item.fallout, item.amending, item.cancelling, world.order.operations) == (False, False, False, [])
    assert (world.order.state, record(world).state) == ("ACCEPTED", "closed")
    assert f"{name}_refused" in [change.input for change in world.store.changes]
    assert world.notices()[-1].state == "ACCEPTED"
    if name == "change":
        world.changed(late, ref=serial)
    elif name == "cancel":
        world.cancelled(("1", late), ref=serial)
    else:
        world.answer(RecordOperationResult(world.id, 1, "defer", late), serial)
    assert (world.order.state, world.order.version, world.order.operations) == ("ACCEPTED", version, [])


@pytest.mark.parametrize("name", ["change", "cancel"])
def test_after_a_skipped_operation_it_may_be_asked_again(name: str) -> None:
    world = overdue(name)
    work(world, "skip", now=NOW + 1_800_001)
    assert (world.amend() if name == "change" else world.cancel()).symbol == "ACCEPTED"
    assert [entry["operation"] for entry in world.order.operations] == [name]


def test_a_skip_ends_the_overdue_operation_and_leaves_the_others() -> None:
    world = overdue("change")
    world.cancel()
    work(world, "skip", now=NOW + 1_800_001)
    assert [entry["operation"] for entry in world.order.operations] == ["cancel"]
    assert (world.item().amending, world.order.state) == (False, "CANCELLING")
