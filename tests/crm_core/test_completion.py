"""Completion: the CRM decides, the instance takes effect, billing is told once (spec 04.1, 04.6, 5.4)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from crm_core.billing.record_result import RecordBillingResult
from crm_core.customers.model import Account, Customer
from crm_core.errors import AttributeInvalid, DomainError, InstanceUnknown, StateConflict
from crm_core.events import BillingDue, CompletionDecided, OrderDispatched, OrderStateChanged
from crm_core.orders.amend import AmendOrder
from crm_core.orders.decide_by_hand import DecideCompletion
from crm_core.orders.model import ServiceOrder
from crm_core.ports import Origin
from crm_core.products.model import ProductInstance
from crm_core.resources.model import Reservation
from crm_core.resources.record_expiry import RecordReservationExpired
from gateway.reference_data import build_reference
from schemas.loader import load
from tests.crm_core.desk import NUMBER, PORT, World
from tests.crm_core.samples import CHANNEL, NOW, PF, REFERENCE, attr, item, own, store, submission


def on_instance(action: str, of_item: dict[str, Any] | None = None, **of_instance: Any) -> World:
    made = store()
    own(made, **of_instance)
    return World({**item(action=action, product_instance_id="PI1"), **(of_item or {})}, made=made)


def test_an_accepted_completion_is_in_effect_answered_and_billed() -> None:
    world = World(item(attrs=[attr("PLAN", "POTS25"), attr("CLIP", "1")]))
    world.tell(world.done(seq=1))
    instance = world.instance()
    assert (world.order.state, world.order.ended_at) == ("COMPLETED", NOW)
    assert (instance.status, instance.access_number, instance.activated_at) == ("active", "02580000001", NOW)
    assert (instance.attrs, instance.resources) == ({"PLAN": "POTS25", "CLIP": "1"}, [NUMBER, PORT])
    assert (instance.open_orders, instance.last_order) == ([], world.id)
    (decided,) = world.events(CompletionDecided)
    assert (decided.to, decided.ref_serial) == ("PF0001", world.store.changes[-1].serial)
    assert decided.items == [{"item_id": "1", "result": "accepted"}]
    (due,) = world.events(BillingDue)
    assert (due.kind, due.plan, due.account_id, due.key) == ("start", "POTS25", "A0000000000000001", instance.id)
    (record,) = world.billing()
    assert (record.id, record.state) == (f"{world.id}/1/start", "sent")
    assert record.serial


def test_a_completion_reported_twice_is_answered_twice_and_billed_once() -> None:
    world = World()
    world.tell(world.done(seq=1))
    world.tell(world.done(seq=2))
    assert len(world.events(CompletionDecided)) == 2
    assert len(world.events(BillingDue)) == len(world.billing()) == 1


def test_an_item_a_completion_names_twice_is_done_once() -> None:
    """A peer that lists each result in a row of its own: all of them count, and billing hears once (06.4 invariant 12)."""
    world = World()
    rows = [{"item_id": "1", "resources": [NUMBER]}, {"item_id": "1", "resources": [PORT], "access_number": "02580000001"}]
    world.tell(world.done(*rows, seq=1))
    assert (world.order.state, world.item().resources) == ("COMPLETED", [NUMBER, PORT])
    assert len(world.events(BillingDue)) == len(world.billing()) == 1
    (answer,) = world.events(CompletionDecided)
    assert answer.items == [{"item_id": "1", "result": "accepted"}]


def test_a_person_who_names_an_item_twice_accepts_it_once() -> None:
    world = World(reference=dataclasses.replace(REFERENCE, policies={"decide_by_hand": ("POTS",)}))
    world.tell(world.done(seq=1))
    world.tell(DecideCompletion(world.id, True, items=["1", "1"]))
    assert (world.order.state, len(world.events(BillingDue))) == ("COMPLETED", 1)


def test_what_is_missing_refuses_the_item_and_a_second_report_repairs_it() -> None:
    world = World()
    world.tell(world.done({"item_id": "1", "resources": [NUMBER]}, seq=1))
    assert (world.order.state, world.item().progress, world.instance().status) == ("FALLOUT", "IN_PROGRESS", "pending")
    (answer,) = world.events(CompletionDecided)[0].items
    assert answer["result"] == "refused"
    assert "PORT" in answer["reason"]["text"]
    assert world.billing() == []
    (record,) = world.fallouts()
    assert record.error_class == "completion"
    world.tell(world.done({"item_id": "1", "attrs": [attr("PORT", "NJ-01")]}, seq=2))
    assert (world.order.state, world.instance().attrs) == ("COMPLETED", {"PORT": "NJ-01"})


@pytest.mark.parametrize("amended", [None, "02580000777"])
def test_what_provisioning_assigned_does_not_leave_again_after_a_return(amended: str | None) -> None:
    """It has freed that; what was ordered, or is ordered now, leaves again, and a completion must bring its own (5.4 OH09)."""
    own_pair = {"res_inst_id": "R1", "res_type": "PAIR", "role": "pair"}
    world = World(item(resources=[own_pair]))
    world.tell(world.stage(1, resources=[{**own_pair, "res_inst_id": "R2"}]))
    world.tell(world.done({"item_id": "1", "resources": [PORT]}, seq=2))
    world.tell(world.back(3))
    changed = None if amended is None else [{"item_id": "1", "access_number": amended}]
    world.tell(AmendOrder(world.id, {"type": "10Q", "code": "10Q001", "text": "改正"}, items=changed))
    (sent,) = world.events(OrderDispatched)[-1].image["items"]
    assert (sent["resources"], sent.get("access_number")) == ([own_pair], amended)
    world.tell(world.done({"item_id": "1", "access_number": "02580000001"}, seq=4, version=2))
    assert (world.order.state, world.billing()) == ("FALLOUT", [])


def test_items_finish_one_by_one() -> None:
    world = World(item(), item("2"))
    world.tell(world.done(seq=1))
    assert (world.order.state, world.instance("1").status, world.instance("2").status) == ("IN_PROGRESS", "active", "pending")
    world.tell(world.back(2))
    assert (world.order.state, world.order.ended_at) == ("RETURNED", None)


def test_a_product_decided_by_hand_waits_for_the_person() -> None:
    world = World(reference=dataclasses.replace(REFERENCE, policies={"decide_by_hand": ("POTS",)}))
    world.tell(world.done(seq=1))
    assert (world.order.state, world.events(CompletionDecided)) == ("COMPLETING", [])
    reported = world.store.changes[-1].serial
    world.tell(DecideCompletion(world.id, False, "资料不全"))
    assert world.order.state == "FALLOUT"
    world.tell(world.done(seq=2))
    world.tell(DecideCompletion(world.id, True, items=["1"]))
    assert (world.order.state, world.instance().status) == ("COMPLETED", "active")
    first, second = world.events(CompletionDecided)
    refused = first.items[0]
    assert (first.ref_serial, refused["code"], refused["reason"]) == (reported, "STATE_CONFLICT", {"text": "资料不全"})
    assert second.items == [{"item_id": "1", "result": "accepted"}]
    with pytest.raises(StateConflict):
        world.tell(DecideCompletion(world.id, True))


def test_items_reported_apart_and_decided_together_are_answered_apart() -> None:
    """Each report gets its own result, naming it (01.1.4)."""
    reference = dataclasses.replace(REFERENCE, policies={"decide_by_hand": ("POTS",)})
    world = World(item(), item("2"), reference=reference)
    for seq, item_id in ((1, "1"), (2, "2")):
        world.tell(world.done({"item_id": item_id, "resources": [NUMBER, PORT], "access_number": f"0258000000{seq}"}, seq=seq))
    serials = [change.serial for change in world.store.changes[-2:]]
    world.tell(DecideCompletion(world.id, True))
    told = [(event.ref_serial, [row["item_id"] for row in event.items]) for event in world.events(CompletionDecided)]
    assert told == [(serials[0], ["1"]), (serials[1], ["2"])]
    assert world.order.state == "COMPLETED"


def test_a_person_cannot_accept_what_is_missing() -> None:
    world = World(reference=dataclasses.replace(REFERENCE, policies={"decide_by_hand": ("POTS",)}))
    world.tell(world.done({"item_id": "1"}, seq=1))
    with pytest.raises(AttributeInvalid):
        world.tell(DecideCompletion(world.id, True))
    assert world.order.state == "COMPLETING"


def test_suspend_and_resume_set_and_clear_their_bit() -> None:
    world = on_instance("suspend", {"attrs": [attr("STOP_REASON", "arrears")]}, status="suspended", stop_mask=1)
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert (world.instance().status, world.instance().stop_mask) == ("suspended", 3)
    assert world.instance().attrs == {}
    assert world.billing()[0].kind == "suspend"
    back = on_instance("resume", {"attrs": [{"code": "STOP_REASON", "new": "", "old": "arrears", "action": "D"}]},
                       status="suspended", stop_mask=2)  # fmt: skip
    back.tell(back.done({"item_id": "1"}, seq=1))
    assert (back.instance().status, back.instance().stop_mask) == ("active", 0)


def test_disconnect_ends_the_instance_on_accepted_completion() -> None:
    world = on_instance("disconnect", resources=[PORT])
    assert world.instance().status == "pending_disconnect"
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert (world.instance().status, world.instance().ended_at, world.instance().resources) == ("disconnected", NOW, [])
    assert world.billing()[0].kind == "stop"


def test_modify_tells_billing_old_and_new() -> None:
    world = on_instance("modify", {"product": "ADSL", "attrs": [attr("BANDWIDTH", "4M", "M"), attr("ACCOUNT", "", "D")]},
                        product="ADSL", attrs={"BANDWIDTH": "2M", "ACCOUNT": "ad1", "PLAN": "P2"})  # fmt: skip
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert world.instance().attrs == {"BANDWIDTH": "4M", "PLAN": "P2"}
    (due,) = world.events(BillingDue)
    assert (due.kind, due.plan) == ("change", "P2")
    assert due.attrs[0] == {"code": "BANDWIDTH", "new": "4M", "old": "2M", "action": "M"}


def test_change_of_number_keeps_the_old_one() -> None:
    world = on_instance("change_number", {"access_number": "02580000999"})
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert (world.instance().access_number, world.instance().previous_number) == ("02580000999", "02580000101")


def test_a_number_replaced_before_the_line_was_in_service_is_no_former_number() -> None:
    world = World(item(access_number="02580000007"))
    world.tell(world.done(seq=1))
    assert (world.instance().access_number, world.instance().previous_number) == ("02580000001", None)


def test_transfer_changes_customer_and_account() -> None:
    made = store()
    made.table(Customer)["C2"] = Customer("C2", "李示例", "1", "025")
    made.table(Account)["A2"] = Account("A2", "C2", "025")
    own(made)
    change = item(action="transfer", product_instance_id="PI1", attrs=[attr("CUSTOMER", "C2"), attr("ACCOUNT_ID", "A2")])
    world = World(change, made=made)
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert (world.instance().customer_id, world.instance().account_id, world.instance().attrs) == ("C2", "A2", {})
    assert world.billing()[0].account_id == "A2"


def test_a_relocation_is_one_change_when_both_sides_are_done() -> None:
    made = store()
    own(made, a_end={"text": "old", "area": "025"})
    new = {"text": "new", "area": "025"}
    pair = [item("1", "relocate", product_instance_id="PI1", a_end=new), item("2", "relocate", product_instance_id="PI1")]
    world = World(*pair, made=made)
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert (world.instance().a_end, world.instance().open_orders, world.billing()) == (new, [world.id], [])
    world.tell(world.done({"item_id": "2"}, seq=2))
    assert [record.kind for record in world.billing()] == ["change"]
    assert (world.order.state, world.instance().status, world.instance().open_orders) == ("COMPLETED", "active", [])
    assert world.instance().a_end == new


@pytest.mark.parametrize("finished", [["1"], ["2"], ["1", "2"], ["2", "1"]])
def test_billing_is_told_what_a_relocation_brings_whichever_side_is_done_last(finished: list[str]) -> None:
    made = store()
    own(made, product="ADSL", attrs={"BANDWIDTH": "2M"})
    inward = item("1", "relocate", "ADSL", product_instance_id="PI1", attrs=[attr("SIDE", "in"), attr("BANDWIDTH", "8M", "M")])
    outward = item("2", "relocate", "ADSL", product_instance_id="PI1", attrs=[attr("SIDE", "out")])
    world = World(inward, outward, made=made)
    rows = {item_id: {"item_id": item_id, "attrs": [attr("PORT", "P2"), attr("PAIR", "R2")]} for item_id in ("1", "2")}
    world.tell(world.done(*[rows[item_id] for item_id in finished], seq=1))
    world.tell(world.done(*[row for item_id, row in rows.items() if item_id not in finished] or [rows["1"]], seq=2))
    assert (world.order.state, world.instance().attrs["BANDWIDTH"]) == ("COMPLETED", "8M")
    (due,) = world.events(BillingDue)
    told = [{**attr("BANDWIDTH", "8M", "M"), "old": "2M"}]
    assert [one for one in due.attrs or () if one["code"] != "SIDE"] == told
    assert [record.item_id for record in world.billing()] == ["1"]


def test_a_relocation_brings_the_line_and_leaves_the_number() -> None:
    made = store()
    number = {"res_inst_id": "N1", "res_type": "NUMBER", "role": "number"}
    old, new = ({"res_inst_id": one, "res_type": "PORT", "role": "port"} for one in ("P1", "P2"))
    own(made, resources=[number, old])
    pair = [item("1", "relocate", product_instance_id="PI1"), item("2", "relocate", product_instance_id="PI1")]
    world = World(*pair, made=made)
    world.tell(world.done({"item_id": "1", "resources": [new]}, seq=1))
    world.tell(world.done({"item_id": "2"}, seq=2))
    assert world.instance().resources == [number, new]


def test_survey_and_backfill_are_not_charged() -> None:
    survey = World(item(action="survey", product="FTTH"))
    survey.tell(survey.done({"item_id": "1"}, seq=1))
    assert (survey.instance().status, survey.billing()) == ("void", [])
    backfill = World(item(action="backfill", product="CAMERA"))
    backfill.tell(backfill.done({"item_id": "1"}, seq=1))
    assert (backfill.instance().status, backfill.billing()) == ("active", [])


def test_an_instance_that_moved_meanwhile_refuses_the_completion() -> None:
    world = on_instance("resume", status="suspended", stop_mask=1)
    world.instance().status = "active"
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert world.order.state == "FALLOUT"
    assert world.events(CompletionDecided)[0].items[0]["code"] == "STATE_CONFLICT"


def test_a_backfill_may_complete_while_its_line_waits_to_be_disconnected() -> None:
    """They may run beside each other (5.4): the one must not hold the other up."""
    world = on_instance("backfill")
    world.instance().status = "pending_disconnect"
    world.tell(world.done({"item_id": "1"}, seq=1))
    assert (world.order.state, world.instance().status) == ("COMPLETED", "pending_disconnect")


def held(*ids: str) -> Reservation:
    items = [{"resource": {"res_inst_id": one, "res_type": "PORT"}, "state": "held"} for one in ids]
    return Reservation("RV1", "ORDER", "CRM001", "025", items=items)


@pytest.mark.parametrize(("ends", "states"), [("completed", ["consumed", "consumed"]), ("rejected", ["released", "released"])])
def test_the_end_of_an_order_ends_its_holds(ends: str, states: list[str]) -> None:
    made = store()
    made.table(Reservation)["RV1"] = held("P1", "P2")
    world = World(made=made, reservations=["RV1"])
    world.tell(world.done(seq=1) if ends == "completed" else world.reject(1))
    reservation = made.table(Reservation)["RV1"]
    assert ([one["state"] for one in reservation.items], reservation.closed) == (states, True)


def test_a_partial_order_consumes_what_its_completed_items_use() -> None:
    made = store()
    made.table(Reservation)["RV1"] = held("P1", "P2")
    world = World(item(), item("2"), made=made, reservations=["RV1"])
    world.tell(world.done(seq=1))
    world.edit("2", cancelling=True)
    world.tell(world.back(2))
    assert world.order.state == "PARTIAL"
    assert [one["state"] for one in made.table(Reservation)["RV1"].items] == ["consumed", "released"]


def test_what_waited_for_an_order_goes_when_it_completes() -> None:
    made = store()
    own(made)
    world = World(item(action="suspend", product_instance_id="PI1"), made=made)
    resume = item(action="resume", product_instance_id="PI1", depends_on=[world.id])
    made.run(submission(resume, customer_order_id="CO2"), NOW, REFERENCE, CHANNEL)
    world.tell(world.done({"item_id": "1"}, seq=1))
    second = list(made.table(ServiceOrder).values())[1]
    assert (second.state, second.details["awaits"]) == ("SUBMITTED", [])
    sent = world.events(OrderDispatched)[-1]
    assert (sent.service_order_id, "depends_on" in sent.image["items"][0]) == (second.id, False)
    assert made.table(ProductInstance)["PI1"].open_orders == [second.id]


def billed() -> tuple[World, Origin]:
    world = World()
    world.tell(world.done(seq=1))
    return world, Origin("BIL001", "BIL001202611220840000000000001", "BL02", world.billing()[0].serial)


def test_billing_accepts_once() -> None:
    world, origin = billed()
    world.store.run(RecordBillingResult("accepted"), NOW + 5, REFERENCE, origin)
    world.store.run(RecordBillingResult("refused"), NOW + 9, REFERENCE, origin)
    (record,) = world.billing()
    assert (record.state, record.answered_at, world.fallouts()) == ("accepted", NOW + 5, [])


def test_billing_refuses_to_the_desk() -> None:
    world, origin = billed()
    reason = {"text": "账户冻结"}
    world.store.run(RecordBillingResult("refused", code="3023", reason=reason), NOW, REFERENCE, origin)
    assert (world.billing()[0].state, world.billing()[0].reason) == ("refused", reason)
    (record,) = world.fallouts()
    assert (record.error_class, record.service_order_id) == ("billing", world.id)
    assert "账户冻结" in record.zh


@pytest.mark.parametrize(("code", "symbol"), [("3023", "ACCOUNT_OR_CREDIT"), ("9X77", "9X77"), (None, "")])
def test_a_refusal_of_billing_is_filed_under_its_symbol(code: str | None, symbol: str) -> None:
    world, origin = billed()
    reference = dataclasses.replace(REFERENCE, symbols=build_reference(load()).symbols)
    world.store.run(RecordBillingResult("refused", code=code), NOW, reference, origin)
    assert [record.symbol for record in world.fallouts()] == [symbol]


@pytest.mark.parametrize("ref", [None, "CRM001202611220000009999999999"])
def test_a_result_of_no_notice(ref: str | None) -> None:
    world, origin = billed()
    with pytest.raises(InstanceUnknown):
        world.store.run(RecordBillingResult("accepted"), NOW, REFERENCE, dataclasses.replace(origin, ref_serial=ref))


def test_expiry_of_a_reservation() -> None:
    made = store()
    made.table(Reservation)["RV1"] = held("P1", "P2")
    notice = RecordReservationExpired("RV1", [{"res_inst_id": "P1", "res_type": "PORT"}])
    assert notice.prefetch() == (("reservation", "RV1"),)
    made.run(notice, NOW, REFERENCE, PF)
    assert [one["state"] for one in made.table(Reservation)["RV1"].items] == ["expired", "held"]
    with pytest.raises(DomainError, match="RV9") as caught:
        made.run(RecordReservationExpired("RV9", []), NOW, REFERENCE, PF)
    assert caught.value.code == "RESERVATION_UNKNOWN"


def test_expiry_under_an_order_on_its_way_opens_a_record() -> None:
    made = store()
    made.table(Reservation)["RV1"] = held("P1")
    world = World(made=made, reservations=["RV1"])
    world.tell(RecordReservationExpired("RV1", [{"res_inst_id": "P1", "res_type": "PORT"}]))
    (record,) = world.fallouts()
    assert (record.symbol, record.service_order_id) == ("HOLD_EXPIRED", world.id)


def test_the_channel_hears_of_the_end() -> None:
    world = World()
    world.tell(world.accept(1))
    world.tell(world.done(seq=2))
    (event,) = world.events(OrderStateChanged)
    assert (event.state, event.expected_finish, event.to) == ("COMPLETED", "20261125180000", "CH0001")
