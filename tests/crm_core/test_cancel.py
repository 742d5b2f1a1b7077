"""撤单: at once, asked of provisioning, answered item by item, unasked; crossings (spec 5.7, 04.1, 04.4, 04.9)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.events import BillingDue, CancelRequested, CompletionDecided, OrderDispatched, OrderStateChanged
from crm_core.fallout.desk import WorkFallout
from crm_core.orders.model import CustomerOrder, ServiceOrder
from crm_core.orders.operation import OrderOperation
from crm_core.resources.model import Reservation
from tests.crm_core.channel import AMEND, CANCEL, PLAIN, Asked
from tests.crm_core.samples import CHANNEL, NOW, attr, item, own, store, submission

LATER = {"captured_at": "20261122080000", "effective_at": "20261201000000"}


def test_an_order_in_flight_is_asked_of_provisioning_and_ends_when_it_says_so() -> None:
    world = Asked()
    outcome = world.cancel()
    (event,) = world.events(CancelRequested)
    assert (event.version, event.items, event.reason, outcome.details) == (1, None, CANCEL, (("item_id", "1"),))
    assert (world.order.state, world.item().reason) == ("CANCELLING", None)
    asked = world.order.operations[0]["asked"]["serial"]
    world.cancelled(("1", "cancelled"))
    assert (world.order.state, world.instance().status, world.instance().open_orders) == ("CANCELLED", "void", [])
    assert (world.order.operations, world.item().reason) == ([], CANCEL)
    assert world.store.table(CustomerOrder)["CO1"].state == "CANCELLED"
    assert [(one.to, one.state) for one in world.notices(asked)] == [("CH0001", "CANCELLED")]
    assert (len(world.notices()), world.billing(), world.count(BillingDue)) == (1, [], 0)


def test_a_refused_cancel_leaves_the_order_where_it_was() -> None:
    world = Asked()
    world.tell(world.stage(1))
    world.cancel()
    asked = world.order.operations[0]["asked"]["serial"]
    world.cancelled(("1", "refused"), report_seq=2)
    assert (world.order.state, world.order.operations, world.item().reason) == ("IN_PROGRESS", [], None)
    assert world.notices(asked)[0].reason == {"text": "3005 IN_PROGRESS", "code": "3005"}


def test_a_stuck_cancel_calls_a_person_and_stays_open() -> None:
    world = Asked()
    world.cancel()
    world.cancelled(("1", "stuck"))
    assert (world.order.state, len(world.order.operations)) == ("FALLOUT", 1)
    assert (world.fallouts()[0].error_class, world.fallouts()[0].symbol) == ("cancel", "3005")
    world.cancelled(("1", "cancelled"))
    assert (world.order.state, world.order.operations) == ("CANCELLED", [])


@pytest.mark.parametrize("outcome", ["cancelled", "refused"])
def test_a_failed_undo_is_tried_again_by_itself_and_its_record_closes_with_the_result(outcome: str) -> None:
    world = Asked(item(), item("2"))
    world.cancel()
    world.cancelled(("1", "stuck"), ("2", "stuck"))
    assert [record.state for record in world.fallouts()] == ["auto-retry", "auto-retry"]
    world.cancelled(("2", outcome))
    assert [(record.state, record.closed_at) for record in world.fallouts()] == [("auto-retry", None), ("closed", NOW)]
    (entry,) = world.fallouts()[1].actions
    assert (entry["who"], entry["what"], entry["before"]["record"]) == ("PF0001", "answered", "auto-retry")
    world.cancelled(("1", outcome))
    assert [record.state for record in world.fallouts()] == ["closed", "closed"]


def test_a_record_somebody_took_is_told_of_the_result_and_stays_his() -> None:
    world = Asked()
    world.cancel()
    world.cancelled(("1", "stuck"))
    world.store.run(WorkFallout(world.fallouts()[0].id, "claim", "OP1"), NOW, world.reference, CHANNEL)
    world.cancelled(("1", "cancelled"))
    (record,) = world.fallouts()
    assert (record.state, record.owner) == ("claimed", "OP1")
    assert [entry["what"] for entry in record.actions] == ["claim", "answered"]


def test_items_are_cancelled_one_by_one_and_the_others_go_on() -> None:
    world = Asked(item(), item("2"), item("3", depends_on=["2"]))
    world.cancel("2")
    assert world.events(CancelRequested)[0].items == ["2", "3"]
    assert [world.item(n).cancelling for n in "123"] == [False, True, True]
    world.cancelled(("2", "cancelled"))
    assert (len(world.order.operations), world.order.operations[0]["items"]) == (1, ["3"])
    world.cancelled(("3", "refused"))
    assert (world.order.operations, [world.item(n).progress for n in "123"]) == ([], ["SUBMITTED", "CANCELLED", "SUBMITTED"])


def test_both_sides_of_a_relocation_go_together() -> None:
    made = store()
    own(made)
    pair = (("1", "in"), ("2", "out"))
    sides = [item(n, "relocate", product_instance_id="PI1", attrs=[attr("SIDE", side)]) for n, side in pair]
    world = Asked(*sides, made=made)
    assert [value for _, value in world.cancel("2").details] == ["1", "2"]
    world.cancelled(("1", "cancelled"), ("2", "cancelled"))
    assert (world.order.state, world.instance().status) == ("CANCELLED", "active")


def test_one_item_past_the_point_never_blocks_the_others() -> None:
    world = Asked(item(), item("2"))
    world.tell(world.done())
    world.cancel()
    assert world.events(CancelRequested)[0].items is None
    world.cancelled(("2", "cancelled"))
    assert world.order.state == "PARTIAL"


def test_what_was_never_sent_is_cancelled_at_once() -> None:
    world = Asked(dates=LATER)
    world.cancel()
    assert (world.order.state, world.count(CancelRequested), world.instance().status) == ("CANCELLED", 0, "void")
    assert [one.state for one in world.notices()] == ["CANCELLED"]


def test_what_never_left_the_outbox_is_taken_back() -> None:
    world = Asked()
    serial = world.order.details["dispatch_serial"]
    world.store.unsent[serial] = None
    world.cancel()
    assert (world.order.state, world.count(CancelRequested), world.store.withdrawn) == ("CANCELLED", 0, [serial])


def test_part_of_an_unsent_order_is_asked_of_provisioning() -> None:
    world = Asked(item(), item("2"))
    world.store.unsent[world.order.details["dispatch_serial"]] = None
    world.cancel("2")
    assert (world.count(CancelRequested), world.store.withdrawn) == (1, [])


def test_an_unsent_order_with_a_change_behind_it_is_asked_of_provisioning() -> None:
    world = Asked(item(attrs=[attr("PLAN", "POTS25")]))
    world.store.unsent[world.order.details["dispatch_serial"]] = None
    world.amend()
    world.cancel()
    assert (world.count(CancelRequested), world.store.withdrawn) == (1, [])


def test_a_returned_order_is_cancelled_at_once() -> None:
    world = Asked()
    world.tell(world.back(1))
    world.cancel()
    assert (world.order.state, world.count(CancelRequested), world.instance().open_orders) == ("CANCELLED", 0, [])


def test_part_returned_part_open_ends_in_its_own_way() -> None:
    world = Asked(item(), item("2"))
    world.tell(world.back(1, [{"item_id": "1"}]))
    world.cancel()
    assert ([world.item(n).progress for n in "12"], world.item("2").cancelling) == (["CANCELLED", "SUBMITTED"], True)
    assert world.order.operations[0]["items"] == ["2"]
    world.cancelled(("2", "cancelled"), report_seq=2)
    assert world.order.state == "CANCELLED"


def test_a_rule_of_provisioning_cancels_unasked() -> None:
    world = Asked(item(), item("2"))
    reason = {"text": "关联定单已退单", "code": "10C900"}
    world.cancelled(("1", "cancelled"), ref=None, reason=reason, related_order_id="SO9")
    assert ([world.item(n).progress for n in "12"], world.item().reason) == (["CANCELLED", "SUBMITTED"], reason)
    world.cancelled(("2", "cancelled"), ref=None, reason=reason)
    assert (world.order.state, world.notices()[-1].reason) == ("CANCELLED", reason)


def waiting(world: Asked, name: str, on: str, instance: str) -> ServiceOrder:
    """An order that depends on the order ``on``; its channel wants to hear of every state."""
    wanted = item(product_instance_id=instance, depends_on=[on])
    world.store.run(submission(wanted, customer_order_id=name), NOW, world.reference, CHANNEL)
    return list(world.store.table(ServiceOrder).values())[-1]


@pytest.mark.parametrize("unasked", [False, True], ids=["asked", "by a rule of provisioning"])
def test_what_waited_for_a_cancelled_order_is_cancelled_down_the_chain_and_told(unasked: bool) -> None:
    world = Asked()
    second = waiting(world, "CO2", world.id, "PI2")
    third = waiting(world, "CO3", second.id, "PI3")
    assert (second.state, third.state) == ("DRAFT", "DRAFT")
    if unasked:
        world.cancelled(("1", "cancelled"), ref=None, reason={"text": "关联定单已退单"}, related_order_id="SO9")
    else:
        world.cancel()
        assert world.store.table(ServiceOrder)[second.id].state == "DRAFT"
        world.cancelled(("1", "cancelled"))
    orders = world.store.table(ServiceOrder)
    assert [orders[one.id].state for one in (second, third)] == ["CANCELLED", "CANCELLED"]
    told = [(one.service_order_id, one.state, one.reason) for one in world.events(OrderStateChanged)][-2:]
    assert [one[:2] for one in told] == [(second.id, "CANCELLED"), (third.id, "CANCELLED")]
    for (_, _, why), waited_for in zip(told, (world.id, second.id), strict=True):
        zh, en = why["text"].split(" / ")
        assert waited_for in zh
        assert f"Order {waited_for}, which it waited for, was not completed (CANCELLED)" == en
    assert [event.service_order_id for event in world.events(OrderDispatched)] == [world.id]


def test_what_waits_for_a_returned_order_is_not_sent_and_so_never_returned_too() -> None:
    world = Asked()
    second = waiting(world, "CO2", world.id, "PI2")
    world.tell(world.back(1))
    assert (world.order.state, world.store.table(ServiceOrder)[second.id].state) == ("RETURNED", "DRAFT")
    world.cancel()
    assert (world.order.state, world.store.table(ServiceOrder)[second.id].state) == ("CANCELLED", "CANCELLED")
    assert len(world.events(OrderDispatched)) == 1


def test_an_answer_to_a_cancel_that_is_not_open_is_recorded_only() -> None:
    world = Asked()
    world.cancelled(("1", "cancelled"), ref="CRM00120261122000000000000009")
    assert (world.order.state, world.store.changes[-1].input) == ("SUBMITTED", "cancel_done")


def test_an_answer_about_an_item_the_order_has_not_is_for_a_person() -> None:
    world = Asked()
    world.cancel()
    with pytest.raises(DomainError) as met:
        world.cancelled(("9", "cancelled"))
    assert (met.value.code, bool(met.value.fallout)) == ("ORDER_UNKNOWN", True)


def test_asked_twice_it_is_told_how_it_stands() -> None:
    world = Asked()
    world.cancel()
    assert world.cancel().symbol == "DUPLICATE"
    assert (world.count(CancelRequested), [one.state for one in world.notices()]) == (1, ["CANCELLING"])


@pytest.mark.parametrize(
    ("symbol", "state"),
    [("PAST_NO_RETURN", {"progress": "COMPLETED"}), ("PAST_NO_RETURN", {"progress": "COMPLETING"})],
)
def test_what_is_past_the_point_is_refused(symbol: str, state: dict[str, Any]) -> None:
    world = Asked()
    world.edit(**state)
    for fields in ({"reason": CANCEL}, {"reason": CANCEL, "items": ["1"]}):
        error = world.refused("cancel", fields)
        assert (error.code, error.state) == (symbol, state["progress"])


@pytest.mark.parametrize(
    ("symbol", "fields"),
    [("ORDER_UNKNOWN", {"reason": CANCEL, "items": ["9"]}), ("ATTRIBUTE_INVALID", {"reason": AMEND})],
)
def test_what_a_cancel_says_is_refused_with_its_code(symbol: str, fields: dict[str, Any]) -> None:
    assert Asked().refused("cancel", fields).code == symbol


def test_a_cancel_passes_a_lock() -> None:
    world = Asked()
    world.order.lock = {"holder": {"owner": "OP01", "reason": "x", "until": 9}, "fence": 1, "queue": []}
    world.cancel()
    world.cancelled(("1", "cancelled"))
    assert (world.order.state, world.order.lock["holder"]) == ("CANCELLED", None)


def test_a_completion_waits_for_the_answer_to_the_cancel() -> None:
    world = Asked()
    world.cancel()
    world.tell(world.done(seq=1))
    assert (world.order.state, world.count(CompletionDecided)) == ("CANCELLING", 0)
    world.cancelled(("1", "refused"), report_seq=2)
    assert (world.order.state, world.count(CompletionDecided)) == ("COMPLETED", 1)


def test_a_completion_that_waited_contradicts_a_cancel_that_was_granted() -> None:
    world = Asked()
    world.cancel()
    world.tell(world.done(seq=1))
    world.cancelled(("1", "cancelled"), report_seq=2)
    assert (world.order.state, world.billing()) == ("CANCELLED", [])
    assert [one.symbol for one in world.fallouts()] == ["STATE_CONFLICT"]


@pytest.mark.parametrize("kind", ["back", "reject"])
def test_an_open_cancel_meets_a_return_or_a_rejection(kind: str) -> None:
    world = Asked()
    world.cancel()
    cancel = world.last_serial("cancel")
    world.tell(getattr(world, kind)(1))
    assert (world.order.state, len(world.order.operations)) == ("CANCELLED", 1)
    world.cancelled(("1", "cancelled"), ref=cancel, report_seq=2)
    assert (world.order.state, world.order.operations) == ("CANCELLED", [])


def test_a_cancel_over_a_change_ends_both() -> None:
    world = Asked(item(attrs=[attr("PLAN", "POTS25")]))
    world.amend()
    change = world.last_serial("change")
    world.cancel()
    assert world.order.state == "CANCELLING"
    world.cancelled(("1", "cancelled"), report_seq=1)
    world.changed("refused", ref=change, code="3004", report_seq=2)
    assert (world.order.state, world.order.operations, world.order.version) == ("CANCELLED", [], 1)


def test_a_receipt_that_refuses_the_cancel_ends_it() -> None:
    world = Asked()
    world.cancel()
    world.receipt("cancel", "PAST_NO_RETURN")
    assert (world.order.state, world.order.operations) == ("SUBMITTED", [])
    assert world.notices()[-1].reason == {"text": "PAST_NO_RETURN"}


def test_a_receipt_ends_its_own_cancel_only() -> None:
    world = Asked(item(), item("2"))
    world.cancel("1")
    world.cancel("2")
    world.receipt("cancel", "PAST_NO_RETURN")
    assert [world.item(n).cancelling for n in "12"] == [True, False]


def test_what_waits_for_a_cancelled_order_is_cancelled_with_notice() -> None:
    made = store()
    own(made)
    world = Asked(item(action="modify", product_instance_id="PI1"), made=made)
    second = item("9", "disconnect", product_instance_id="PI1", depends_on=[world.id])
    world.store.run(submission(second, customer_order_id="CO2"), NOW, world.reference, CHANNEL)
    assert world.count(OrderDispatched) == 1
    world.cancel()
    world.cancelled(("1", "cancelled"))
    assert [(one.customer_order_id, one.state) for one in world.notices()] == [("CO1", "CANCELLED"), ("CO2", "CANCELLED")]
    assert (world.instance().status, world.instance().open_orders) == ("active", [])


def test_holds_end_with_the_order() -> None:
    made = store()
    resource = {"res_type": "PORT", "res_inst_id": "P1"}
    held = Reservation("RV1", "ORDER", "CRM001", "025", items=[{"resource": resource, "state": "held"}])
    made.table(Reservation)["RV1"] = held
    world = Asked(made=made, reservations=["RV1"])
    world.cancel()
    world.cancelled(("1", "cancelled"))
    after = world.store.table(Reservation)["RV1"]
    assert (after.items[0]["state"], after.closed) == ("released", True)


def test_a_dry_run_cancels_nothing() -> None:
    world = Asked()
    outcome = world.ask("cancel", {"reason": CANCEL}, dry_run=True)
    assert (outcome.details, world.order.state, world.count(CancelRequested)) == ((("item_id", "1"),), "SUBMITTED", 0)


def test_the_fields_of_another_operation_are_refused() -> None:
    world = Asked()
    with pytest.raises(DomainError) as met:
        world.store.run(OrderOperation(world.id, "cancel", False, expedite={"reason": PLAIN}), NOW, world.reference, CHANNEL)
    assert met.value.code == "ATTRIBUTE_INVALID"
