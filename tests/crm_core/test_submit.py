"""CH01: capture, refusals by path, dispatch at once, later, or after what it depends on (spec 02.0, 5.4)."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from crm_core.customers.model import Account, Customer
from crm_core.errors import DomainError, KeyReused
from crm_core.events import OrderDispatched, OrderStateChanged
from crm_core.fakes import FakeStore
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.dispatch_due import DispatchDue
from crm_core.orders.model import CustomerOrder, ServiceOrder
from crm_core.orders.receipt import RecordReceipt
from crm_core.orders.submit import SubmitOrder
from crm_core.ports import Outcome
from crm_core.products.model import ProductInstance
from crm_core.resources.model import Reservation
from crm_core.times import DAY_MS
from tests.crm_core.samples import CHANNEL, NOW, PF, REFERENCE, attr, item, own, store, submission

ADSL = [attr("BANDWIDTH", "2M"), attr("PLAN", "ADSL2M")]


def submit(made: FakeStore, command: SubmitOrder, now: int = NOW) -> Outcome:
    return made.run(command, now, REFERENCE, CHANNEL)


def orders(made: FakeStore) -> list[ServiceOrder]:
    return list(made.table(ServiceOrder).values())


def refused(made: FakeStore, command: SubmitOrder) -> DomainError:
    before = made.snapshot()
    with pytest.raises(DomainError) as caught:
        submit(made, command)
    assert made.snapshot() == before
    return caught.value


def test_an_order_is_captured_and_dispatched_in_one_breath() -> None:
    made = store()
    outcome = submit(made, submission(item(access_number="02580000001"), item("2", "install", "ADSL", attrs=ADSL)))
    (order,) = orders(made)
    assert outcome == Outcome("ACCEPTED", "SUBMITTED", (("service_order_id", order.id),))
    assert (order.state, order.version, order.dispatched_at) == ("SUBMITTED", 1, NOW)
    assert [row.progress for row in order.items] == ["SUBMITTED", "SUBMITTED"]
    born = [made.table(ProductInstance)[row.instance_id] for row in order.items]
    assert [(one.status, one.open_orders, one.account_id) for one in born] == [("pending", [order.id], "A0000000000000001")] * 2
    (event,) = made.events
    assert isinstance(event, OrderDispatched)
    assert list(event.image) == ["action", "priority", "dates", "customer", "account_id", "contact", "items"]
    assert event.image["customer"] == {
        "customer_id": "C0000000000000001", "name": "张示例", "type": "1", "grade": "ordinary"
    }  # fmt: skip
    assert event.image["items"][1] == {
        "item_id": "2", "action": "install", "product": "ADSL", "product_instance_id": born[1].id, "attrs": ADSL
    }  # fmt: skip
    (change,) = made.changes
    assert (change.state_from, change.state_to, len(change.items)) == ("DRAFT", "SUBMITTED", 2)


def test_the_same_content_again_gets_the_first_answer() -> None:
    made = store()
    first = submit(made, submission())
    rows = repr(made.rows)
    again = submit(made, submission())
    assert again == dataclasses.replace(first, symbol="DUPLICATE")
    assert repr(made.rows) == rows


def test_a_document_read_anew_is_the_same_content() -> None:
    made = store()
    submit(made, submission(contact={"name": "张示例", "phone": "13800000000"}))
    again = {"".join(["na", "me"]): "".join(["张", "示例"]), "phone": str(13800000000)}
    assert submit(made, submission(contact=again)).symbol == "DUPLICATE"


def test_the_same_key_with_other_content_is_refused() -> None:
    made = store()
    submit(made, submission())
    assert isinstance(refused(made, submission(priority=9)), KeyReused)


def test_a_new_customer_gets_an_account() -> None:
    made = store()
    submit(made, submission(customer={"name": "李示例", "type": "1"}, account_id=None))
    (order,) = orders(made)
    assert made.table(Customer)[order.customer_id].name == "李示例"
    assert order.account_id is not None
    assert made.table(Account)[order.account_id].customer_id == order.customer_id


def test_an_existing_instance_keeps_its_account() -> None:
    made = store()
    own(made, product="ADSL")
    change = item("1", "modify", "ADSL", product_instance_id="PI1", attrs=[attr("BANDWIDTH", "4M", "M")])
    submit(made, submission(change, account_id=None))
    assert orders(made)[0].account_id == "A0000000000000001"
    assert len(made.table(Account)) == 1


def test_sequence_groups_items_into_service_orders() -> None:
    made = store()
    outcome = submit(made, submission(item("1", sequence=2), item("2"), item("3", sequence=2), item("4")))
    assert [[row.item_id for row in order.items] for order in orders(made)] == [["2", "4"], ["1", "3"]]
    assert [value for _, value in outcome.details] == [order.id for order in orders(made)]


FAULTS: list[tuple[str, dict[str, Any], dict[str, Any], str, str]] = [
    ("unknown customer", {"customer": {"customer_id": "C9"}}, {}, "CUSTOMER_UNKNOWN", "/customer/customer_id"),
    ("new customer without name", {"customer": {"type": "1"}}, {}, "ATTRIBUTE_INVALID", "/customer/name"),
    ("unknown account", {"account_id": "A9"}, {}, "ACCOUNT_OR_CREDIT", "/account_id"),
    ("unknown area", {"area": "0999"}, {}, "ATTRIBUTE_INVALID", "/area"),
    ("no such day", {"dates": {"captured_at": "20261331000000"}}, {}, "DATE_INVALID", "/dates/captured_at"),
    ("finish before capture", {"dates": {"captured_at": "20261122080000", "required_finish": "20261121080000"}}, {},
     "DATE_INVALID", "/dates/required_finish"),
    ("unknown product", {}, {"product": "TELEX"}, "ATTRIBUTE_INVALID", "/items/item[1]/product"),
    ("no process", {}, {"product": "CLIP", "action": "survey"}, "NO_PROCESS", "/items/item[1]/action"),
    ("unknown instance", {}, {"action": "modify", "product_instance_id": "PI9"}, "INSTANCE_UNKNOWN",
     "/items/item[1]/product_instance_id"),
    ("instance not named", {}, {"action": "disconnect"}, "INSTANCE_UNKNOWN", "/items/item[1]/product_instance_id"),
    ("unknown attribute", {}, {"attrs": [attr("COLOUR", "red")]}, "ATTRIBUTE_INVALID", "/items/item[1]/attrs/attr[1]/code"),
    ("attribute of another action", {}, {"attrs": [attr("STOP_REASON", "loss")]}, "ATTRIBUTE_INVALID",
     "/items/item[1]/attrs/attr[1]/code"),
    ("attribute given twice", {}, {"attrs": [attr("PLAN", "POTS25"), attr("PLAN", "POTS30")]}, "ATTRIBUTE_INVALID",
     "/items/item[1]/attrs/attr[2]/code"),
    ("out of the dictionary", {}, {"attrs": [attr("CLIP", "maybe")]}, "ATTRIBUTE_INVALID", "/items/item[1]/attrs/attr[1]/new"),
    ("too long", {}, {"attrs": [attr("CLIP", "1"), attr("PLAN", "P" * 13)]}, "ATTRIBUTE_INVALID",
     "/items/item[1]/attrs/attr[2]/new"),
    ("required attribute", {}, {"product": "FTTH"}, "ATTRIBUTE_INVALID", "/items/item[1]/attrs"),
    ("required attribute empty", {}, {"product": "ADSL", "attrs": [attr("BANDWIDTH", " ")]}, "ATTRIBUTE_INVALID",
     "/items/item[1]/attrs"),
    ("required attribute deleted", {}, {"product": "ADSL", "attrs": [attr("BANDWIDTH", "2M", "D")]}, "ATTRIBUTE_INVALID",
     "/items/item[1]/attrs"),
    ("required attribute empty", {}, {"product": "ADSL", "attrs": [attr("BANDWIDTH", " ")]}, "ATTRIBUTE_INVALID",
     "/items/item[1]/attrs"),
    ("required attribute deleted", {}, {"product": "ADSL", "attrs": [attr("BANDWIDTH", "2M", "D")]}, "ATTRIBUTE_INVALID",
     "/items/item[1]/attrs"),
    ("unknown dependency", {}, {"depends_on": ["7"]}, "DEPENDENCY_NOT_MET", "/items/item[1]/depends_on/item_id[1]"),
    ("twice the same number", {"items": [item(), item()]}, {}, "ATTRIBUTE_INVALID", "/items/item[2]/item_id"),
    ("an instance of ours we never gave", {}, {"product_instance_id": "PI000000000007"}, "INSTANCE_UNKNOWN",
     "/items/item[1]/product_instance_id"),
    ("depends on itself", {}, {"depends_on": ["1"]}, "DEPENDENCY_NOT_MET", "/items"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "of_item", "code", "path"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_a_fault_is_refused_with_its_code_and_path(
    fields: dict[str, Any], of_item: dict[str, Any], code: str, path: str
) -> None:
    error = refused(store(), submission(**({"items": [{**item(), **of_item}]} | fields)))
    assert (error.code, [refusal.path for refusal in error.refusals]) == (code, ["/Package/Body/SubmitOrder" + path])


@pytest.mark.parametrize(("waits_for", "accepted"), [("1", False), ("2", True)])
def test_every_two_items_on_an_instance_run_together_or_one_waits_for_the_other(waits_for: str, accepted: bool) -> None:
    made = store()
    own(made)
    plan = {"product_instance_id": "PI1", "attrs": [attr("PLAN", "POTS30", "M")]}
    items = [
        item("1", "suspend", product_instance_id="PI1", attrs=[attr("STOP_REASON", "customer")]),
        item("2", "modify", depends_on=["1"], **plan),
        item("3", "modify", depends_on=[waits_for], **plan),
    ]
    if accepted:
        assert submit(made, submission(*items)).symbol == "ACCEPTED"
        return
    error = refused(made, submission(*items))
    path = "/Package/Body/SubmitOrder/items/item[3]/product_instance_id"
    assert (error.code, [refusal.path for refusal in error.refusals]) == ("ORDER_IN_FLIGHT", [path])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"product_instance_id": "MINE"}, {"product_instance_id": "MINE"}),
        ({"product_instance_id": "MINE"}, {"product_instance_id": "MINE", "sequence": 2}),
        ({"product_instance_id": "MINE"}, {"product_instance_id": "MINE", "action": "backfill", "product": "PHS"}),
        ({"product_instance_id": "PI1", "action": "modify"}, {"product_instance_id": "PI1", "action": "disconnect"}),
        ({"product_instance_id": "PI1", "action": "disconnect"}, {"product_instance_id": "PI1", "action": "modify"}),
    ],
)
def test_waiting_does_not_make_two_items_on_an_instance_possible(one: dict[str, Any], other: dict[str, Any]) -> None:
    made = store()
    own(made)
    error = refused(made, submission({**item("1"), **one}, {**item("2", depends_on=["1"]), **other}))
    assert (error.code, [refusal.path[-33:] for refusal in error.refusals]) == (
        "ORDER_IN_FLIGHT", ["/items/item[2]/product_instance_id"[-33:]],
    )  # fmt: skip


def test_a_disconnect_may_wait_for_another_order_of_its_document() -> None:
    made = store()
    own(made)
    first = item("1", "modify", product_instance_id="PI1")
    submit(made, submission(first, item("2", "disconnect", product_instance_id="PI1", sequence=2, depends_on=["1"])))
    assert [order.state for order in orders(made)] == ["SUBMITTED", "DRAFT"]


INSTANCES: list[tuple[str, dict[str, Any], dict[str, Any], str, str | None]] = [
    ("frozen", {"cutover_freeze": True}, {"action": "modify"}, "FROZEN_BY_CUTOVER", "active"),
    ("suspended", {"status": "suspended", "stop_mask": 1}, {"action": "modify"}, "STATE_CONFLICT", "suspended"),
    ("gone", {"status": "disconnected"}, {"action": "disconnect"}, "STATE_CONFLICT", "disconnected"),
    ("installed already", {}, {"action": "install"}, "STATE_CONFLICT", "active"),
    ("stopped for this already", {"status": "suspended", "stop_mask": 1}, {"action": "suspend"}, "STATE_CONFLICT", "suspended"),
    ("not stopped for this", {"status": "suspended", "stop_mask": 2}, {"action": "resume"}, "STATE_CONFLICT", "suspended"),
    ("same number", {}, {"action": "change_number", "access_number": "02580000101"}, "ATTRIBUTE_INVALID", None),
    ("of another product", {"product": "ADSL"}, {"action": "modify"}, "INSTANCE_UNKNOWN", None),
    ("half a relocation", {}, {"action": "relocate"}, "ATTRIBUTE_INVALID", None),
    ("to nobody", {}, {"action": "transfer", "attrs": [attr("CUSTOMER", "C9"), attr("ACCOUNT_ID", "A9")]},
     "CUSTOMER_UNKNOWN", None),
    ("to another's account", {},
     {"action": "transfer", "attrs": [attr("CUSTOMER", "C0000000000000001"), attr("ACCOUNT_ID", "A9")]},
     "ACCOUNT_OR_CREDIT", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("of_instance", "of_item", "code", "state"), [row[1:] for row in INSTANCES], ids=[row[0] for row in INSTANCES]
)
def test_an_instance_that_does_not_allow_it(
    of_instance: dict[str, Any], of_item: dict[str, Any], code: str, state: str | None
) -> None:
    made = store()
    own(made, **of_instance)
    error = refused(made, submission({**item(product_instance_id="PI1"), **of_item}))
    assert (error.code, error.state) == (code, state)


def test_anothers_instance_is_unknown() -> None:
    made = store()
    own(made).customer_id = "C2"
    assert refused(made, submission(item(action="modify", product_instance_id="PI1"))).code == "INSTANCE_UNKNOWN"


def test_all_faulty_items_are_listed_the_first_gives_the_code() -> None:
    error = refused(
        store(), submission(item(product="TELEX"), item("2"), item("3", "relocate", "CLIP"), item("4", depends_on=["9"]))
    )
    assert error.code == "ATTRIBUTE_INVALID"
    assert [(refusal.path.removeprefix("/Package/Body/SubmitOrder/items/"), refusal.symbol) for refusal in error.refusals] == [
        ("item[1]/product", "ATTRIBUTE_INVALID"),
        ("item[3]/action", "NO_PROCESS"),
        ("item[4]/depends_on/item_id[1]", "DEPENDENCY_NOT_MET"),
        ("item[3]/product_instance_id", "INSTANCE_UNKNOWN"),
        ("item[3]/action", "ATTRIBUTE_INVALID"),
    ]


def test_another_order_in_flight() -> None:
    made = store()
    own(made)
    submit(made, submission(item(action="suspend", product_instance_id="PI1")))
    error = refused(made, submission(item(action="modify", product_instance_id="PI1"), customer_order_id="CO2"))
    assert error.code == "ORDER_IN_FLIGHT"


def test_a_survey_runs_beside_anything() -> None:
    made = store()
    own(made)
    submit(made, submission(item(action="suspend", product_instance_id="PI1")))
    submit(made, submission(item(action="survey", product_instance_id="PI1"), customer_order_id="CO2"))
    assert len(made.table(ProductInstance)["PI1"].open_orders) == 2


def test_one_that_names_the_order_in_flight_waits_for_it() -> None:
    made = store()
    own(made)
    submit(made, submission(item(action="suspend", product_instance_id="PI1")))
    first = orders(made)[0].id
    resume = item(action="resume", product_instance_id="PI1", depends_on=[first])
    assert submit(made, submission(resume, customer_order_id="CO2")).state == "DRAFT"
    second = orders(made)[1]
    assert (second.state, second.details["awaits"]) == ("DRAFT", [first])
    # the first is refused for good: what waited for it is cancelled by the rule, with its reason
    made.run(RecordReceipt(first, 1, False, "NO_PROCESS"), NOW, REFERENCE, PF)
    assert [order.state for order in orders(made)] == ["REJECTED", "CANCELLED"]
    told = [event for event in made.events if isinstance(event, OrderStateChanged)]
    assert told[-1].reason is not None
    assert f"Order {first}, which it waited for, was not completed (REJECTED)" in told[-1].reason["text"]
    assert made.table(ProductInstance)["PI1"].open_orders == []


@pytest.mark.parametrize(
    ("of_item", "code"),
    [
        ({"action": "transfer", "attrs": [attr("CUSTOMER", "C9"), attr("ACCOUNT_ID", "A9")]}, "CUSTOMER_UNKNOWN"),
        ({"action": "change_number"}, "ATTRIBUTE_INVALID"),
        ({"action": "disconnect", "attrs": [attr("UNDOES", "SO404")]}, "ORDER_UNKNOWN"),
    ],
)
def test_what_an_item_names_is_judged_also_of_one_that_waits(of_item: dict[str, Any], code: str) -> None:
    made = store()
    own(made)
    submit(made, submission(item(action="modify", product_instance_id="PI1")))
    waiting = {**item(product_instance_id="PI1", depends_on=[orders(made)[0].id]), **of_item}
    assert refused(made, submission(waiting, customer_order_id="CO2")).code == code


def test_nothing_is_transferred_to_a_customer_who_left() -> None:
    made = store()
    own(made)
    made.table(Customer)["C2"] = Customer("C2", "李示例", "1", "025", status="left")
    made.table(Account)["A2"] = Account("A2", "C2", "025", "李示例")
    given = item(action="transfer", product_instance_id="PI1", attrs=[attr("CUSTOMER", "C2"), attr("ACCOUNT_ID", "A2")])
    assert refused(made, submission(given)).code == "CUSTOMER_UNKNOWN"


def test_orders_of_one_document_wait_for_each_other() -> None:
    made = store()
    submit(made, submission(item("1"), item("2", "install", "ADSL", attrs=ADSL, sequence=2, depends_on=["1"])))
    assert [order.state for order in orders(made)] == ["SUBMITTED", "DRAFT"]
    assert made.table(CustomerOrder)["CO1"].state == "DRAFT"


def test_orders_in_a_circle_are_refused() -> None:
    made = store()
    error = refused(
        made,
        submission(item("1", depends_on=["2"]), item("2", sequence=2), item("3", depends_on=["4"], sequence=2), item("4")),
    )
    assert error.code == "DEPENDENCY_NOT_MET"


def test_a_pre_accepted_order_is_not_dispatched() -> None:
    made = store()
    assert submit(made, submission(pre_accept=True)).state == "DRAFT"
    assert made.events == []
    made.run(DispatchDue(orders(made)[0].id), NOW, REFERENCE, CHANNEL)
    assert orders(made)[0].state == "DRAFT"


def test_a_pre_accepted_order_is_confirmed_by_the_same_without_that_word_and_leaves_once() -> None:
    made = store()
    submit(made, submission(pre_accept=True))
    assert submit(made, submission(pre_accept=True)).symbol == "DUPLICATE"
    confirmed = submit(made, submission(pre_accept=False))
    assert (confirmed.symbol, confirmed.state) == ("ACCEPTED", "SUBMITTED")
    assert made.table(CustomerOrder)["CO1"].state == "SUBMITTED"
    for said in (False, None, True):
        assert submit(made, submission(pre_accept=said)).symbol == "DUPLICATE"
    assert [type(event) for event in made.events] == [OrderDispatched]


def test_what_was_not_accepted_in_advance_is_not_confirmed() -> None:
    made = store()
    submit(made, submission(pre_accept=True))
    assert refused(made, submission(pre_accept=False, priority=1)).code == "SERIAL_REUSED"
    made.run(CancelOrder(orders(made)[0].id, {"type": "10C", "code": "10C001", "text": "客户不要了"}), NOW, REFERENCE, CHANNEL)
    late = refused(made, submission(pre_accept=False))
    assert (late.code, late.state) == ("STATE_CONFLICT", "CANCELLED")
    plain = store()
    submit(plain, submission())
    assert refused(plain, submission(pre_accept=True)).code == "SERIAL_REUSED"


def test_confirmed_before_its_day_it_waits_for_its_day() -> None:
    made = store()
    dates = {"captured_at": "20261122080000", "effective_at": "20261201090000"}
    for said in (True, False):
        assert submit(made, submission(dates=dates, pre_accept=said)).state == "DRAFT"
    made.run(DispatchDue(orders(made)[0].id), NOW + 9 * DAY_MS, REFERENCE, CHANNEL)
    assert orders(made)[0].state == "SUBMITTED"


def test_an_order_whose_day_comes_too_late_for_its_instance_holds_nothing() -> None:
    made = store()
    own(made)
    made.table(Reservation)["RV1"] = Reservation("RV1", "ORDER", "CRM001", "025", items=[
        {"item_no": 1, "resource": {"res_type": "PORT", "role": "port", "code": "P1"}, "state": "held"}
    ], asked=[{"item_no": 1}], expires_at=NOW + 30 * DAY_MS)  # fmt: skip
    dates = {"captured_at": "20261122080000", "effective_at": "20261201090000"}
    modify = item(action="modify", product_instance_id="PI1")
    submit(made, submission(modify, dates=dates, reservations=["RV1"]))
    made.table(ProductInstance)["PI1"].status = "suspended"
    made.run(DispatchDue(orders(made)[0].id), NOW + 9 * DAY_MS, REFERENCE, CHANNEL)
    assert orders(made)[0].state == "CANCELLED"
    assert [one["state"] for one in made.table(Reservation)["RV1"].items] == ["released"]


def test_an_order_for_a_future_day_is_dispatched_once_when_due() -> None:
    made = store()
    dates = {"captured_at": "20261122080000", "effective_at": "20261201090000"}
    assert submit(made, submission(dates=dates)).state == "DRAFT"
    due = DispatchDue(orders(made)[0].id)
    made.run(due, NOW + 7 * DAY_MS, REFERENCE, CHANNEL)
    assert orders(made)[0].state == "DRAFT"
    for _ in range(2):
        made.run(due, NOW + 9 * DAY_MS, REFERENCE, CHANNEL)
    assert orders(made)[0].state == "SUBMITTED"
    assert [type(event) for event in made.events] == [OrderDispatched]


def test_later_today_is_now() -> None:
    dates = {"captured_at": "20261122080000", "effective_at": "20261122235900"}
    assert submit(store(), submission(dates=dates)).state == "SUBMITTED"


def test_an_order_whose_instance_no_longer_allows_it_when_due_is_cancelled() -> None:
    made = store()
    own(made)
    dates = {"captured_at": "20261122080000", "effective_at": "20261201090000"}
    submit(made, submission(item(action="modify", product_instance_id="PI1"), dates=dates))
    made.table(ProductInstance)["PI1"].cutover_freeze = True
    made.run(DispatchDue(orders(made)[0].id), NOW + 9 * DAY_MS, REFERENCE, CHANNEL)
    assert orders(made)[0].state == "CANCELLED"


def test_a_disconnect_marks_the_instance_at_dispatch() -> None:
    made = store()
    own(made, status="suspended", stop_mask=2)
    submit(made, submission(item(action="disconnect", product_instance_id="PI1")))
    assert made.table(ProductInstance)["PI1"].status == "pending_disconnect"
    made.run(RecordReceipt(orders(made)[0].id, 1, False, "BUSY"), NOW, REFERENCE, PF)
    assert made.table(ProductInstance)["PI1"].status == "suspended"


def test_a_reservation_named_twice_is_one() -> None:
    made = store()
    submit(made, submission(reservations=["RV1", "RV1"]))
    (order,) = orders(made)
    (event,) = [event for event in made.events if isinstance(event, OrderDispatched)]
    assert (order.reservations, event.image["reservations"], list(made.table(Reservation))) == (["RV1"], ["RV1"], ["RV1"])


def test_reservations_are_tied_to_the_order() -> None:
    made = store()
    made.table(Reservation)["RV1"] = Reservation("RV1", "ADVANCE", "CRM001", "025")
    submit(made, submission(reservations=["RV1", "RV2"]))
    (order,) = orders(made)
    assert [(one.order_id, one.owner) for one in made.table(Reservation).values()] == [
        (order.id, "CRM001"),
        (order.id, "CH0001"),
    ]
    error = refused(made, submission(customer_order_id="CO2", reservations=["RV1"]))
    assert error.code == "RESOURCE_HELD"


@pytest.mark.parametrize(
    "fields",
    [{"expires_at": NOW}, {"items": [{"resource": {}, "state": "released"}]}, {"closed": True, "order_id": "SO9"}],
)
def test_an_expired_reservation_is_refused(fields: dict[str, Any]) -> None:
    made = store()
    made.table(Reservation)["RV1"] = Reservation("RV1", "PICK", "CRM001", "025", **fields)
    assert refused(made, submission(reservations=["RV1"])).code == "HOLD_EXPIRED"


def test_what_the_document_names_is_prefetched() -> None:
    command = submission(item(product_instance_id="PI1"), reservations=["RV1"])
    assert command.prefetch() == (
        ("customer_order", "CO1"), ("customer", "C0000000000000001"), ("account", "A0000000000000001"),
        ("instance", "PI1"), ("reservation", "RV1"),
    )  # fmt: skip


def test_defaults_of_a_product_are_filled_in() -> None:
    made = store()
    own(made)
    submit(made, submission(item(action="suspend", product_instance_id="PI1")))
    assert orders(made)[0].items[0].attrs == [{"code": "STOP_REASON", "new": "customer", "action": "A"}]


@pytest.mark.parametrize(("sides", "outward"), [((), 1), (("out", "in"), 0)])
def test_a_relocation_goes_in_first(sides: tuple[str, ...], outward: int) -> None:
    made = store()
    own(made)
    given = [{"attrs": [attr("SIDE", side)]} for side in sides] or [{}, {}]
    pair = [item(str(n), "relocate", product_instance_id="PI1", **one) for n, one in enumerate(given)]
    submit(made, submission(*pair))
    assert orders(made)[0].items[outward].depends_on == [str(1 - outward)]
