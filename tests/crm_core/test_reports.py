"""Provisioning's reports: in sequence, of their version, held, passed, refused (spec 04.1, 5.4)."""

from __future__ import annotations

import dataclasses

import pytest

from crm_core.errors import DomainError, OrderUnknown, StaleVersion
from crm_core.events import OrderStateChanged
from crm_core.fallout.open_record import OpenFallout
from crm_core.orders import lock
from crm_core.orders.model import CustomerOrder
from crm_core.orders.pending import RecordPending
from crm_core.orders.receipt import RecordReceipt
from crm_core.orders.reports import HELD_LIMIT
from crm_core.ports import Command
from crm_core.reference import Reason
from tests.crm_core.desk import AT, NUMBER, PORT, World
from tests.crm_core.samples import NOW, REFERENCE, attr, item, own, store


def refused(world: World, command: Command) -> DomainError:
    before = world.store.snapshot()
    with pytest.raises(DomainError) as caught:
        world.tell(command)
    assert world.store.snapshot() == before
    return caught.value


def test_the_usual_way_to_in_progress() -> None:
    world = World()
    world.tell(RecordReceipt(world.id, 1, True, "ACCEPTED"))
    assert world.order.state == "ACKNOWLEDGED"
    world.tell(world.accept(1))
    assert (world.order.state, world.order.accepted_by, world.order.pf_system) == ("ACCEPTED", "调度员甲", "PF0001")
    world.tell(world.stage(2))
    assert (world.order.state, world.order.stage) == ("IN_PROGRESS", "FIELD")
    (record,) = world.store.stages
    assert (record.stage, record.name, record.report_seq, record.state) == ("FIELD", "外线施工", 2, "done")
    assert [change.state_to for change in world.store.changes] == ["SUBMITTED", "ACKNOWLEDGED", "ACCEPTED", "IN_PROGRESS"]
    assert all(change.serial for change in world.store.changes)


def test_a_receipt_after_acceptance_changes_nothing() -> None:
    world = World()
    world.tell(world.accept(1))
    before = world.store.snapshot()
    assert world.tell(RecordReceipt(world.id, 1, True, "DUPLICATE")).state == "ACCEPTED"
    assert world.tell(RecordReceipt(world.id, 1, False, "BUSY")).state == "ACCEPTED"
    assert world.tell(RecordReceipt(world.id, 2, True, "ACCEPTED")).state == "ACCEPTED"
    assert world.store.snapshot() == before


def test_a_receipt_that_refuses_for_good_rejects_and_voids() -> None:
    world = World()
    world.tell(RecordReceipt(world.id, 1, False, "ADDRESS_NOT_COVERED"))
    assert (world.order.state, world.instance().status, world.instance().open_orders) == ("REJECTED", "void", [])
    (event,) = world.events(OrderStateChanged)
    assert (event.state, event.reason, event.to) == ("REJECTED", {"text": "ADDRESS_NOT_COVERED"}, "CH0001")
    assert world.store.table(CustomerOrder)["CO1"].ended_at == NOW


def test_rejection_before_acceptance_only() -> None:
    world = World()
    world.tell(world.reject(1))
    assert (world.order.state, world.order.reason) == ("REJECTED", {"text": "地址不全", "code": "3022"})
    other = World()
    other.tell(other.accept(1))
    error = refused(other, other.reject(2))
    assert (error.code, error.state) == ("STATE_CONFLICT", "ACCEPTED")
    assert error.fallout


def test_an_early_report_waits_for_the_gap() -> None:
    world = World()
    world.tell(world.done(seq=3))
    world.tell(world.stage(2))
    assert (world.order.state, world.order.report_seq, len(world.order.held)) == ("SUBMITTED", 0, 2)
    world.tell(world.accept(1))
    assert (world.order.state, world.order.report_seq, world.order.held) == ("COMPLETED", 3, [])
    assert [change.input for change in world.store.changes] == ["dispatch", "accept", "stage", "completion"]
    assert world.store.changes[-1].serial.endswith("1"), "the history names the message that brought it"


def test_an_early_report_that_came_twice_counts_once() -> None:
    world = World()
    world.tell(world.stage(2))
    assert world.tell(world.stage(2)).symbol == "DUPLICATE", "known already, under another serial (1.1.6)"
    assert len(world.order.held) == 1
    world.tell(world.accept(1))
    assert (world.order.report_seq, world.order.held, len(world.store.stages)) == (2, [], 1)


def test_early_reports_of_one_number_that_say_different_things_both_wait() -> None:
    world = World()
    world.tell(world.stage(2))
    assert world.tell(dataclasses.replace(world.stage(2), staff="别人")).symbol == "ACCEPTED"
    assert len(world.order.held) == 2


def test_a_passed_report_is_recorded_without_effect() -> None:
    world = World()
    world.tell(world.accept(1))
    world.tell(world.stage(2))
    world.tell(dataclasses.replace(world.accept(1), accepted_by="别人"))
    assert (world.order.state, world.order.accepted_by, world.order.report_seq) == ("IN_PROGRESS", "调度员甲", 2)
    assert world.store.changes[-1].state_from == world.store.changes[-1].state_to == "IN_PROGRESS"


def test_without_numbers_reports_are_taken_as_they_come() -> None:
    world = World()
    world.tell(world.done())
    assert world.order.state == "COMPLETED"
    world.tell(world.stage())
    assert world.order.state == "COMPLETED"
    assert len(world.store.stages) == 1


def test_an_older_version_is_recorded_only() -> None:
    world = World()
    world.order.version = 2
    world.tell(world.accept(1, version=1))
    assert (world.order.state, world.order.report_seq) == ("SUBMITTED", 1)


def test_a_version_never_sent_is_refused() -> None:
    world = World()
    error = refused(world, world.accept(1, version=2))
    assert isinstance(error, StaleVersion)
    assert error.fallout


def test_unknown_order_and_unknown_item() -> None:
    world = World()
    assert isinstance(refused(world, dataclasses.replace(world.accept(1), service_order_id="SO9")), OrderUnknown)
    assert refused(world, world.done({"item_id": "9"}, seq=1)).code == "ORDER_UNKNOWN"


@pytest.mark.parametrize("when", ["20261301000000", "yesterday", "99999999999999"])
def test_a_date_that_is_none(when: str) -> None:
    world = World()
    assert refused(world, dataclasses.replace(world.accept(1), expected_finish=when)).code == "DATE_INVALID"


def test_too_many_held_reports_are_refused_for_now() -> None:
    world = World()
    for seq in range(2, HELD_LIMIT + 2):
        world.tell(world.stage(seq))
    assert refused(world, world.stage(HELD_LIMIT + 2)).code == "BUSY"


def test_a_refused_report_is_counted_once_its_record_is_opened() -> None:
    world = World()
    world.tell(world.accept(1))
    error = refused(world, world.reject(2))
    world.tell(world.stage(3))
    assert world.order.state == "ACCEPTED"
    outcome = world.tell(OpenFallout("report", error.zh, error.en, error.code, world.id, "025", report_seq=2))
    assert (world.order.state, world.order.report_seq) == ("IN_PROGRESS", 3)
    (record,) = world.fallouts()
    assert outcome.details == (("fallout_id", record.id),)


def test_a_held_report_that_is_refused_later_goes_to_fallout() -> None:
    world = World()
    world.tell(world.reject(3))
    world.tell(world.stage(2))
    world.tell(world.accept(1))
    (record,) = world.fallouts()
    assert (record.error_class, record.symbol, record.service_order_id) == ("report", "STATE_CONFLICT", world.id)
    assert (world.order.state, world.order.report_seq, world.order.held) == ("IN_PROGRESS", 3, [])


def test_a_stage_that_reports_an_exception_shows_and_clears() -> None:
    world = World()
    world.tell(world.stage(1, state="exception", reason={"text": "端口故障"}))
    assert (world.order.state, world.item().progress, len(world.fallouts())) == ("FALLOUT", "IN_PROGRESS", 1)
    world.tell(world.stage(2))
    assert world.order.state == "IN_PROGRESS"


def test_assigned_resources_go_to_the_items_that_use_them() -> None:
    world = World(item(), item("2", product="FTTH", attrs=[attr("BANDWIDTH", "100M")]))
    onu = {"res_inst_id": "O1", "res_type": "ONU", "role": "port"}
    world.tell(world.stage(1, resources=[NUMBER, PORT, onu]))
    assert (world.item("1").resources, world.item("2").resources) == ([NUMBER, PORT], [PORT, onu])
    other = {**PORT, "res_inst_id": "P2"}
    world.tell(world.stage(2, resources=[other], items=["1"]))
    assert (world.item("1").resources, world.item("2").resources) == ([NUMBER, other], [PORT, onu])


def test_a_return_keeps_the_instance_waiting() -> None:
    world = World()
    world.tell(world.back(1))
    assert (world.order.state, world.order.ended_at, world.instance().status) == ("RETURNED", None, "pending")
    assert world.instance().open_orders == [world.id]
    assert world.item().reason == {"type": "10R", "code": "10R201", "text": "无资源"}
    before = world.order
    world.tell(world.back(2))
    assert world.order.state == before.state


def test_a_return_of_one_item_leaves_the_other() -> None:
    world = World(item(), item("2"))
    world.tell(world.back(1, [{"item_id": "2", "reason": {"type": "10R", "code": "X", "text": "y"}}]))
    assert [row.progress for row in world.order.items] == ["SUBMITTED", "RETURNED"]
    assert world.item("2").reason == {"type": "10R", "code": "X", "text": "y"}
    assert world.order.state == "SUBMITTED"


def test_a_return_of_a_completed_item_is_refused_with_fallout() -> None:
    world = World()
    world.tell(world.done(seq=1))
    error = refused(world, world.back(2))
    assert (error.code, error.state) == ("STATE_CONFLICT", "COMPLETED")
    assert error.fallout


def test_a_return_with_a_cancel_open_is_the_cancel() -> None:
    world = World()
    world.edit(cancelling=True)
    world.tell(world.back(1))
    assert (world.order.state, world.instance().status) == ("CANCELLED", "void")


@pytest.mark.parametrize("overlay", ["amending", "cancelling"])
def test_a_completion_that_crosses_a_change_or_cancel_is_held(overlay: str) -> None:
    world = World()
    world.edit(**{overlay: True})
    world.tell(world.done(seq=1))
    assert (world.order.report_seq, len(world.order.held), world.item().progress) == (1, 1, "SUBMITTED")
    world.tell(world.accept(2))
    assert world.item().progress == "ACCEPTED"
    world.edit(**{overlay: False})
    world.tell(world.stage(3))
    assert (world.order.state, world.order.held) == ("COMPLETED", [])


def test_a_held_completion_of_an_old_version_is_dropped() -> None:
    world = World()
    world.edit(amending=True)
    world.tell(world.done(seq=1))
    world.edit(amending=False)
    world.order.version = 2
    world.tell(world.stage(2, version=2))
    assert (world.order.state, world.order.held) == ("IN_PROGRESS", [])


def test_what_one_item_holds_does_not_stop_the_other() -> None:
    world = World(item(), item("2"))
    world.edit("1", cancelling=True)
    rows = [{"item_id": n, "resources": [PORT, NUMBER]} for n in ("1", "2")]
    world.tell(world.done(*rows, seq=1))
    assert (world.item("2").progress, world.item("1").progress) == ("COMPLETED", "SUBMITTED")
    (held,) = world.order.held
    assert held["fields"]["items"] == rows[:1]


def test_a_lock_holds_reports_until_it_is_free() -> None:
    world = World()
    world.order.lock = lock.as_dict(lock.Lock(lock.Claim("staff1", "check", NOW + 1), 1))
    world.tell(world.accept(1))
    world.tell(world.done(seq=2))
    assert (world.order.state, len(world.order.held)) == ("ACCEPTED", 1)
    world.order.lock = lock.as_dict(lock.Lock(None, 1))
    world.tell(world.stage(3))
    assert world.order.state == "COMPLETED"


def test_the_end_of_an_order_ends_its_lock() -> None:
    world = World()
    world.order.lock = lock.as_dict(lock.Lock(lock.Claim("staff1", "check", NOW + 1), 1))
    world.tell(world.reject(1))
    assert world.order.lock == lock.as_dict(lock.Lock(None, 1))


def test_a_channel_that_wants_every_change_hears_of_it() -> None:
    world = World(notify="each")
    world.tell(world.accept(1))
    world.tell(world.stage(2))
    told = [(event.state, event.ref_serial, event.stage) for event in world.events(OrderStateChanged)]
    serial = "CH0001202611220840000000000001"
    stage = {"code": "FIELD", "name": "外线施工"}
    assert told == [("SUBMITTED", serial, None), ("ACCEPTED", serial, None), ("IN_PROGRESS", serial, stage)]


def test_a_disconnect_that_is_returned_stays_marked() -> None:
    made = store()
    own(made)
    world = World(item(action="disconnect", product_instance_id="PI1"), made=made)
    world.tell(world.back(1))
    assert world.instance().status == "pending_disconnect"


def test_prefetch_names_the_order_and_what_the_head_gives() -> None:
    world = World()
    assert world.accept().prefetch() == (("order", world.id),)
    named = dataclasses.replace(world.stage(), customer_order_id="CO1")
    assert named.prefetch() == (("order", world.id), ("customer_order", "CO1"))


@pytest.mark.parametrize("given", [{"type": "10W", "code": "10W999"}, {"type": "10R", "code": "10R001"}])
def test_a_pending_install_or_a_return_for_a_reason_of_no_row_of_its_kind_is_refused_and_seen_by_a_person(
    given: dict[str, str],
) -> None:
    rows = {(kind, f"{kind}001"): Reason(kind, f"{kind}001", "示例", "sample") for kind in ("10W", "10Q")}
    world = World(reference=dataclasses.replace(REFERENCE, reasons=rows))
    world.tell(world.accept(1))
    reason = given | {"text": "示例"}
    pending = RecordPending(world.id, 1, "RES_ASSIGN", reason, "PORT", {"text": "示例路1号", "area": "025"}, AT, report_seq=2)
    returned = dataclasses.replace(world.back(2), reason=reason)
    for command in (pending, returned):
        error = refused(world, command)
        assert (error.code, error.state, error.fallout is None) == ("ATTRIBUTE_INVALID", "ACCEPTED", False)
    world.tell(dataclasses.replace(pending, reason={"type": "10W", "code": "10W001", "text": "示例"}))
    assert world.order.state == "PENDING_INSTALL"
