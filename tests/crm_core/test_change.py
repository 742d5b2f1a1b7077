"""改单: local, sent, applied, refused, with a person; after a return; races (spec 5.6, 04.1, 04.9)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from crm_core.customers.model import Account, Customer
from crm_core.errors import DomainError
from crm_core.events import ChangeRequested, CompletionDecided, OrderDispatched
from crm_core.orders.model import ServiceOrder
from crm_core.orders.receipt import RecordReceipt
from crm_core.products.model import ProductInstance
from crm_core.reference import Reason
from crm_core.resources.model import Reservation
from tests.crm_core.channel import AMEND, PLAIN, Asked
from tests.crm_core.samples import REFERENCE, attr, item, own, store

PLANNED = item(attrs=[attr("PLAN", "POTS25")])


def plan(world: Asked) -> str:
    """The tariff that counts."""
    return str(world.item().attrs[0]["new"])


def test_a_change_leaves_as_the_next_version_with_image_and_differences() -> None:
    world = Asked(PLANNED)
    outcome = world.amend()
    (event,) = world.events(ChangeRequested)
    assert (event.base_version, event.new_version, event.version, outcome.details) == (1, 2, 2, (("version", "2"),))
    assert event.changes == [{"item_id": "1", "attr": {"code": "PLAN", "new": "POTS30", "old": "POTS25", "action": "M"}}]
    assert event.image["items"][0]["attrs"] == [{"code": "PLAN", "new": "POTS30", "action": "A"}]
    assert (world.order.state, world.order.version, plan(world)) == ("AMENDING", 1, "POTS25")


def test_applied_the_new_version_counts_and_the_asker_hears() -> None:
    world = Asked(PLANNED)
    world.amend()
    asked = world.order.operations[0]["asked"]["serial"]
    world.changed()
    assert (world.order.state, world.order.version, plan(world), world.order.operations) == ("SUBMITTED", 2, "POTS30", [])
    (told,) = world.notices(asked)
    assert (told.to, told.state, told.version) == ("CH0001", "SUBMITTED", 2)


def test_refused_all_is_as_it_was_and_the_version_is_burnt() -> None:
    world = Asked(PLANNED)
    world.amend()
    asked = world.order.operations[0]["asked"]["serial"]
    world.changed("refused", code="3005", state="IN_PROGRESS")
    assert (world.order.state, world.order.version, plan(world)) == ("SUBMITTED", 1, "POTS25")
    assert world.notices(asked)[0].reason == {"text": "3005 IN_PROGRESS", "code": "3005"}
    world.amend()
    assert world.events(ChangeRequested)[-1].new_version == 3
    assert world.events(ChangeRequested)[-1].base_version == 1


def test_with_a_person_the_change_stays_open_until_the_final_answer() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.changed("manual")
    assert (world.order.state, world.order.operations[0]["manual"]) == ("AMENDING", True)
    world.changed("applied")
    assert (world.order.version, world.order.operations) == (2, [])


def test_a_result_nobody_waits_for_is_recorded_only() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.changed(ref="CRM00120261122000000000000009")
    assert (world.order.version, world.order.state) == (1, "AMENDING")
    world.changed()
    world.changed(ref="CRM00120261122000000000000009")
    assert (world.order.version, plan(world)) == (2, "POTS30")


def test_a_peer_that_names_no_serial_is_understood_by_version() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.changed(ref=None)
    assert world.order.version == 2


def test_a_version_never_sent_is_refused_for_a_person_to_see() -> None:
    world = Asked(PLANNED)
    world.amend()
    with pytest.raises(DomainError) as met:
        world.changed(version=9)
    assert (met.value.code, bool(met.value.fallout)) == ("STALE_VERSION", True)


def test_a_receipt_that_refuses_the_change_ends_it() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.receipt("change", "STATE_CONFLICT")
    assert (world.order.state, world.order.operations, plan(world)) == ("SUBMITTED", [], "POTS25")


def test_an_unsent_order_changes_here() -> None:
    world = Asked(PLANNED, dates={"captured_at": "20261122080000", "effective_at": "20261201000000"})
    world.amend(dates={"captured_at": "20261122080000", "booked_at": "20261203100000"}, contact={"name": "张二", "phone": "1"})
    assert (world.count(ChangeRequested), world.order.version, plan(world)) == (0, 1, "POTS30")
    assert world.order.details["contact"]["name"] == "张二"
    assert world.order.details["dates"]["booked_at"] == "20261203100000"
    assert world.order.booked_at is not None


def test_dates_and_reservations_alone_concern_every_open_item() -> None:
    world = Asked(PLANNED, item("2"))
    world.tell(world.done())
    world.ask("amend", {"reason": AMEND, "dates": {"booked_at": "20261203100000"}, "reservations": ["RV9"]})
    (event,) = world.events(ChangeRequested)
    assert [change["attr"]["code"] for change in event.changes] == ["booked_at", "reservations"]
    assert (event.image["dates"]["booked_at"], event.image["reservations"]) == ("20261203100000", ["RV9"])
    assert (world.item("1").amending, world.item("2").amending) == (False, True)
    world.changed(expected_finish="20261205180000")
    assert (world.order.reservations, world.store.table(Reservation)["RV9"].order_id) == (["RV9"], world.id)
    assert world.order.expected_finish is not None


@pytest.mark.parametrize(
    ("action", "value", "left", "told"),
    [
        ("D", "", [], {"code": "PLAN", "new": "", "old": "POTS25", "action": "D"}),
        ("M", "POTS30", [attr("PLAN", "POTS30")], {"code": "PLAN", "new": "POTS30", "old": "POTS25", "action": "M"}),
    ],
)
def test_attributes_are_laid_over_those_that_stand(action: str, value: str, left: list[Any], told: dict[str, str]) -> None:
    world = Asked(item(attrs=[attr("PLAN", "POTS25")]))
    attrs = [attr("PLAN", value, action), attr("X", "", "K")]
    changed = {"item_id": "1", "action": "install", "product": "POTS", "attrs": attrs}
    world.ask("amend", {"reason": AMEND, "items": [changed]})
    (event,) = world.events(ChangeRequested)
    assert event.changes == [{"item_id": "1", "attr": told}]
    assert event.image["items"][0].get("attrs", []) == left


AMEND_ONE = {"item_id": "1", "action": "install", "product": "POTS"}
BAD: list[tuple[str, dict[str, Any]]] = [
    ("ATTRIBUTE_INVALID", {"reason": {"type": "10C", "code": "10C001", "text": "x"}}),
    ("ATTRIBUTE_INVALID", {"reason": {"type": "10Q", "code": "10Q999", "text": "x"}}),
    ("ATTRIBUTE_INVALID", {"reason": AMEND}),
    ("ATTRIBUTE_INVALID", {"reason": AMEND, "items": [{**AMEND_ONE, "item_id": "7"}]}),
    ("ATTRIBUTE_INVALID", {"reason": AMEND, "items": [{**AMEND_ONE, "product": "ADSL"}]}),
    ("ATTRIBUTE_INVALID", {"reason": AMEND, "items": [{**AMEND_ONE, "attrs": [attr("NONSENSE", "1")]}]}),
    ("ATTRIBUTE_INVALID", {"reason": AMEND, "items": [{**AMEND_ONE, "access_number": one} for one in ("1", "2")]}),
    ("DEPENDENCY_NOT_MET", {"reason": AMEND, "items": [{**AMEND_ONE, "depends_on": ["7"]}]}),
    ("DEPENDENCY_NOT_MET", {"reason": AMEND, "items": [{**AMEND_ONE, "depends_on": ["1"]}]}),
    ("DATE_INVALID", {"reason": AMEND, "dates": {"booked_at": "20261399000000"}}),
    ("DATE_INVALID", {"reason": AMEND, "dates": {"booked_at": "20200101000000"}}),
    ("RESOURCE_HELD", {"reason": AMEND, "reservations": ["RV1"]}),
    ("HOLD_EXPIRED", {"reason": AMEND, "reservations": ["RV2"]}),
    ("HOLD_EXPIRED", {"reason": AMEND, "reservations": ["RV3"]}),
]


@pytest.mark.parametrize(("symbol", "fields"), BAD)
def test_what_a_change_says_is_refused_with_its_code(symbol: str, fields: dict[str, Any]) -> None:
    known = {(kind, f"{kind}001"): Reason(kind, f"{kind}001", "示例", "sample") for kind in ("10Q", "10C")}
    world = Asked(PLANNED, reference=dataclasses.replace(REFERENCE, reasons=known))
    held = [{"resource": {"res_type": "PORT"}, "state": "released"}]
    world.store.table(Reservation)["RV1"] = Reservation("RV1", "ORDER", "CRM001", "025", order_id="SO9")
    world.store.table(Reservation)["RV2"] = Reservation("RV2", "ORDER", "CRM001", "025", items=held)
    world.store.table(Reservation)["RV3"] = Reservation("RV3", "ORDER", "CRM001", "025", order_id="SO9", closed=True)
    assert world.refused("amend", fields).code == symbol


@pytest.mark.parametrize(
    ("symbol", "changed"),
    [("CUSTOMER_UNKNOWN", attr("CUSTOMER", "C9", "M")), ("ACCOUNT_OR_CREDIT", attr("ACCOUNT_ID", "A9", "M"))],
)
def test_the_heir_a_change_of_a_transfer_names_must_be_known(symbol: str, changed: dict[str, str]) -> None:
    made = store()
    made.table(Customer)["C2"] = Customer("C2", "李示例", "1", "025")
    made.table(Account)["A2"] = Account("A2", "C2", "025")
    own(made)
    heir = [attr("CUSTOMER", "C2"), attr("ACCOUNT_ID", "A2")]
    world = Asked(item(action="transfer", product_instance_id="PI1", attrs=heir), made=made)
    row = {"item_id": "1", "action": "transfer", "product": "POTS", "attrs": [changed]}
    error = world.refused("amend", {"reason": AMEND, "items": [row]})
    assert (error.code, [one.path.rpartition("/")[2] for one in error.refusals]) == (symbol, ["attrs"])


STATES: list[tuple[str, dict[str, Any]]] = [
    ("PAST_NO_RETURN", {"progress": "COMPLETING"}),
    ("PAST_NO_RETURN", {"progress": "COMPLETED"}),
    ("STATE_CONFLICT", {"progress": "CANCELLED"}),
    ("STATE_CONFLICT", {"fallout": True}),
    ("STATE_CONFLICT", {"cancelling": True}),
    ("CHANGE_IN_PROGRESS", {"amending": True}),
]


@pytest.mark.parametrize(("symbol", "state"), STATES)
def test_the_matrix_refuses_before_anything_leaves(symbol: str, state: dict[str, Any]) -> None:
    world = Asked(PLANNED)
    world.edit(**state)
    fields = {"reason": AMEND, "items": [{**AMEND_ONE, "attrs": [attr("PLAN", "POTS30", "M")]}]}
    error = world.refused("amend", fields)
    assert (error.code, bool(error.state)) == (symbol, True)


def test_a_lock_refuses_a_change() -> None:
    world = Asked(PLANNED)
    world.order.lock = {"holder": {"owner": "OP01", "reason": "x", "until": 9}, "fence": 1, "queue": []}
    assert world.refused("amend", {"reason": AMEND, "dates": {"booked_at": "20261203100000"}}).code == "LOCKED"


def test_one_change_at_a_time_even_of_other_items() -> None:
    world = Asked(PLANNED, item("2"))
    world.amend()
    again = {"reason": AMEND, "items": [{**AMEND_ONE, "item_id": "2", "attrs": [attr("PLAN", "POTS30")]}]}
    assert world.refused("amend", again).code == "CHANGE_IN_PROGRESS"


def test_the_same_change_again_is_the_same_change() -> None:
    world = Asked(PLANNED)
    world.amend()
    again = world.amend()
    assert (again.symbol, again.details, world.count(ChangeRequested)) == ("DUPLICATE", (("version", "2"),), 1)


def test_a_dry_run_changes_nothing() -> None:
    world = Asked(PLANNED)
    fields = {"reason": AMEND, "items": [{**AMEND_ONE, "attrs": [attr("PLAN", "POTS30", "M")]}]}
    outcome = world.ask("amend", fields, dry_run=True)
    assert (outcome.details, world.count(ChangeRequested), world.order.state) == ((("version", "2"),), 0, "SUBMITTED")


def test_a_completion_that_meets_a_change_waits_and_is_dropped_when_its_version_is_old() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.tell(world.done(seq=1))
    assert (world.order.state, len(world.order.held)) == ("AMENDING", 1)
    world.changed(report_seq=2)
    assert (world.order.state, world.order.held, world.count(CompletionDecided)) == ("SUBMITTED", [], 0)
    world.tell(world.done(seq=3, version=2))
    assert (world.order.state, world.instance().attrs["PLAN"]) == ("COMPLETED", "POTS30")


def test_a_completion_that_meets_a_change_counts_when_the_change_is_refused() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.tell(world.done(seq=1))
    world.changed("refused", code="3005", report_seq=2)
    assert (world.order.state, world.instance().attrs["PLAN"]) == ("COMPLETED", "POTS25")


def test_a_report_of_the_version_that_is_still_open_waits_for_its_result() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.tell(world.accept(version=2))
    assert world.item().progress == "SUBMITTED"
    world.changed()
    assert (world.order.state, world.order.version) == ("ACCEPTED", 2)


def test_an_older_version_never_overwrites() -> None:
    world = Asked(PLANNED)
    world.amend()
    world.changed()
    world.tell(world.done(version=1))
    assert (world.order.state, plan(world)) == ("SUBMITTED", "POTS30")


def test_change_against_return_the_return_counts_and_the_next_version_leaves_behind_the_burnt_one() -> None:
    world = Asked(PLANNED)
    world.amend()
    change = world.last_serial("change")
    world.tell(world.back(1))
    assert world.order.state == "RETURNED"
    world.changed("refused", ref=change, code="3004", report_seq=2)
    assert (world.order.state, world.order.operations) == ("RETURNED", [])
    world.amend("POTS50")
    dispatched = world.events(OrderDispatched)
    assert [event.version for event in dispatched] == [1, 3]
    assert dispatched[1].image["items"][0]["attrs"] == [attr("PLAN", "POTS50")]
    assert [(row.version, row.progress, row.attrs[0]["new"]) for row in world.order.items] == [
        (1, "RETURNED", "POTS25"),
        (3, "SUBMITTED", "POTS50"),
    ]
    assert (world.order.version, world.order.state, world.order.reason) == (3, "SUBMITTED", None)


def test_a_returned_order_leaves_again_unchanged_and_finishes() -> None:
    world = Asked(PLANNED, item("2"))
    world.tell(world.done(seq=1))
    world.tell(world.back(2))
    world.ask("amend", {"reason": AMEND})
    second = world.events(OrderDispatched)[1]
    assert ([one["item_id"] for one in second.image["items"]], second.to) == (["2"], "PF0001")
    world.tell(RecordReceipt(world.id, 2, True, "ACCEPTED"))
    result = {"item_id": "2", "resources": [{"res_type": "PORT", "role": "port"}], "access_number": "1"}
    world.tell(world.done(result, version=2))
    assert world.order.state == "COMPLETED"


def test_a_new_dispatch_is_refused_on_a_frozen_instance_and_for_a_closed_item() -> None:
    world = Asked(PLANNED, item("2"))
    world.tell(world.done(seq=1))
    world.tell(world.back(2))
    closed = {"reason": AMEND, "items": [{**AMEND_ONE, "attrs": [attr("PLAN", "POTS30", "M")]}]}
    assert world.refused("amend", closed).code == "STATE_CONFLICT"
    world.store.table(ProductInstance)[world.item("2").instance_id].cutover_freeze = True
    assert world.refused("amend", {"reason": AMEND}).code == "FROZEN_BY_CUTOVER"


def test_nothing_is_asked_of_an_order_nobody_knows() -> None:
    world = Asked(PLANNED)
    del world.store.table(ServiceOrder)[world.id]
    assert world.refused("amend", {"reason": AMEND}).code == "ORDER_UNKNOWN"


def test_a_version_the_asker_has_not_seen_is_refused() -> None:
    world = Asked(PLANNED)
    assert world.refused("expedite", {"reason": PLAIN}, version=4).code == "STALE_VERSION"
