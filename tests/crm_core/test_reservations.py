"""What the CRM asks of resource management (spec 5.1 RC01, 5.3): questions, answers, refusals, and what it keeps of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.events import OrderDispatched, OrderStateChanged
from crm_core.fakes import FakeStore
from crm_core.fallout.model import Fallout
from crm_core.orders.amend import AmendOrder
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.cancel_result import RecordCancelResult
from crm_core.orders.complete import ReportCompletion
from crm_core.orders.dispatch_due import DispatchDue
from crm_core.orders.fold import FINAL, STATES
from crm_core.orders.model import ServiceOrder
from crm_core.orders.receipt import RecordReceipt
from crm_core.orders.send_back import SendBackOrder
from crm_core.ports import Command, Origin, Outcome
from crm_core.resources.confirm import ConfirmResource, RecordConfirmation, RecordConfirmationReceipt
from crm_core.resources.events import ConfirmationAsked, ReservationAsked, ReservationGivenBack, ReservationProlonged
from crm_core.resources.give_back import ExtendReservation, RecordExtension, RecordRelease, ReleaseReservation
from crm_core.resources.model import Confirmation, Reservation
from crm_core.resources.record_expiry import RecordReservationExpired
from crm_core.resources.reserve import RecordReservation, RecordReservationReceipt, ReserveResource
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE, store, submission

COUNTER = Origin("CRM001", "", "reserve")
ADDRESS = {"text": "南京市鼓楼区示例路1号", "area": "025"}
NUMBER = {"res_inst_id": "N1", "res_type": "NUMBER", "role": "number", "code": "02580000001"}
PORT = {"res_inst_id": "P1", "res_type": "PORT", "role": "port", "code": "NJ-01"}
ITEMS = [
    {"item_no": 1, "res_type": "NUMBER", "res_inst_id": "N1", "quantity": 1},
    {"item_no": 2, "res_type": "PORT", "quantity": 1},
]
HELD = [
    {"item_no": 1, "result": "held", "resources": [NUMBER]},
    {"item_no": 2, "result": "held", "resources": [PORT]},
]
REASON = {"text": "客户放弃"}
RESERVE = ReserveResource("RV1", "025", "PICK", ITEMS, True, ttl_seconds=1800)
ANSWER = RecordReservation("RV1", HELD, 7, "20261122120000")
CONFIRM = ConfirmResource("025", "FTTH", "install", 1, ["FIBRE"], ADDRESS)


def run(made: FakeStore, command: Command, origin: Origin = COUNTER, now: int = NOW) -> Outcome:
    return made.run(command, now, REFERENCE, origin)


def refused(made: FakeStore, command: Command, code: str, state: str | None = None, now: int = NOW) -> None:
    before = made.snapshot()
    with pytest.raises(DomainError) as caught:
        run(made, command, now=now)
    assert (caught.value.code, caught.value.state) == (code, state)
    assert made.snapshot() == before


def held() -> FakeStore:
    made = store()
    run(made, RESERVE)
    run(made, ANSWER)
    return made


def reservation(made: FakeStore) -> Reservation:
    found: Reservation = made.table(Reservation)["RV1"]
    return found


def states(made: FakeStore) -> list[str]:
    return [item["state"] for item in reservation(made).items]


def under_way(made: FakeStore) -> None:
    """An order that lists the reservation was dispatched."""
    made.run(submission(reservations=["RV1"]), NOW, REFERENCE, CHANNEL)
    (order,) = made.table(ServiceOrder).values()
    assert (order.dispatched_at, reservation(made).order_id) == (NOW, order.id)


def test_a_reservation_is_asked_for_once() -> None:
    made = store()
    run(made, RESERVE)
    (event,) = made.events
    assert isinstance(event, ReservationAsked)
    assert event.image == {"kind": "PICK", "items": ITEMS, "all_or_nothing": True, "ttl_seconds": 1800}
    assert run(made, RESERVE).symbol == "DUPLICATE"
    refused(made, replace(RESERVE, items=ITEMS[:1]), "SERIAL_REUSED")
    refused(made, replace(RESERVE, kind="ORDER"), "SERIAL_REUSED")


def test_what_is_held_is_kept_with_its_fence() -> None:
    made = held()
    assert (states(made), reservation(made).fence, reservation(made).closed) == (["held", "held"], 7, False)
    assert reservation(made).expires_at is not None
    assert run(made, replace(ANSWER, fence=9)).symbol == "DUPLICATE"
    assert reservation(made).fence == 7


def test_partly_held() -> None:
    made = store()
    run(made, replace(RESERVE, all_or_nothing=False))
    run(made, replace(ANSWER, items=[HELD[0], {"item_no": 2, "result": "refused", "code": "3009"}]))
    assert states(made) == ["held"]


def test_a_refusal_closes_the_id() -> None:
    made = store()
    run(made, RESERVE)
    run(made, RecordReservationReceipt("RV1", True))
    assert not reservation(made).closed
    run(made, RecordReservationReceipt("RV1", False))
    assert reservation(made).closed
    refused(made, ExtendReservation("RV1", 60), "HOLD_EXPIRED")


ONE = [{"item_no": 1}]
BOTH = [{"item_no": 1}, {"item_no": 2}]


@pytest.mark.parametrize(
    ("asked", "answered", "left"),
    [
        (None, None, ["released", "released"]),
        (ONE, [{"item_no": 1, "result": "released"}], ["released", "held"]),
        (ONE, [{"item_no": 1}], ["released", "held"]),
        (BOTH, [{"item_no": 1, "result": "released"}, {"item_no": 2, "result": "refused"}], ["released", "held"]),
    ],
)
def test_release_of_all_or_of_items(asked: list[dict[str, Any]] | None, answered: Any, left: list[str]) -> None:
    made = held()
    run(made, ReleaseReservation("RV1", REASON, asked))
    event = made.events[-1]
    assert isinstance(event, ReservationGivenBack)
    assert (event.fence, event.items) == (7, asked)
    assert states(made) == ["held", "held"]
    run(made, RecordRelease("RV1", answered, 8))
    assert (states(made), reservation(made).fence) == (left, 8)
    assert reservation(made).closed is ("held" not in left)


@pytest.mark.parametrize("result", [{}, {"result": "released"}])
def test_of_an_item_only_what_is_named_is_released(result: dict[str, str]) -> None:
    made = store()
    run(made, replace(RESERVE, items=[{"item_no": 1, "res_type": "NUMBER", "quantity": 2}]))
    other = NUMBER | {"res_inst_id": "N2", "code": "02580000002"}
    run(made, RecordReservation("RV1", [{"item_no": 1, "result": "held", "resources": [NUMBER, other]}], 7))
    asked = [{"item_no": 1, "resources": [other]}]
    run(made, ReleaseReservation("RV1", REASON, asked))
    assert made.events[-1].items == asked
    run(made, RecordRelease("RV1", [asked[0] | result], 7))
    assert (states(made), reservation(made).closed) == (["held", "released"], False)


@pytest.mark.parametrize(
    "command", [ReleaseReservation("RV1", REASON, fence=6), ExtendReservation("RV1", 60, fence=6)], ids=["release", "extend"]
)
def test_who_has_seen_an_older_fence_is_refused_and_told_the_current_one(
    command: ReleaseReservation | ExtendReservation,
) -> None:
    made = held()
    refused(made, command, "STALE_VERSION", "7")
    assert run(made, replace(command, fence=7)).symbol == "ACCEPTED"


def test_release_of_what_is_gone() -> None:
    made = held()
    run(made, RecordRelease("RV1"))
    events = len(made.events)
    assert run(made, ReleaseReservation("RV1", REASON)).symbol == "DUPLICATE"
    assert len(made.events) == events
    for item in reservation(made).items:
        item["state"] = "consumed"
    refused(made, ReleaseReservation("RV1", REASON), "RESOURCE_UNAVAILABLE")


def test_extension_goes_forward_only() -> None:
    made = held()
    run(made, ExtendReservation("RV1", 86400, "ADVANCE"))
    event = made.events[-1]
    assert isinstance(event, ReservationProlonged)
    assert (event.fence, event.ttl_seconds, event.kind) == (7, 86400, "ADVANCE")
    run(made, RecordExtension("RV1", 8, "20261123100000", "ADVANCE"))
    assert (reservation(made).kind, reservation(made).fence) == ("ADVANCE", 8)
    assert run(made, RecordExtension("RV1", 7, "20261122120000", "PICK")).symbol == "DUPLICATE"
    refused(made, ExtendReservation("RV1", 60, "PICK"), "STATE_CONFLICT", "ADVANCE")


def test_extension_of_what_is_over_or_not_there_yet() -> None:
    made = held()
    refused(made, ExtendReservation("RV1", 60), "HOLD_EXPIRED", now=NOW + 86_400_000)
    made = store()
    run(made, RESERVE)
    refused(made, ExtendReservation("RV1", 60), "STATE_CONFLICT")


WITH_PROVISIONING = (
    "SUBMITTED",
    "ACKNOWLEDGED",
    "ACCEPTED",
    "IN_PROGRESS",
    "PENDING_INSTALL",
    "DEFERRED",
    "COMPLETING",
    "AMENDING",
    "CANCELLING",
    "FALLOUT",
)
OURS = ("RETURNED", *sorted(FINAL))
"""What each state of an order that was sent makes of what it brought (5.3)."""

OWNERS_COMMANDS = [ReleaseReservation("RV1", REASON), ExtendReservation("RV1", 60)]


def test_every_state_of_a_sent_order_says_who_has_what_it_brought() -> None:
    assert sorted((*WITH_PROVISIONING, *OURS, "DRAFT")) == sorted((*STATES, "PARTIAL"))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("command", OWNERS_COMMANDS)
@pytest.mark.parametrize("state", WITH_PROVISIONING)
def test_what_has_passed_on_with_an_order_is_no_longer_ours(state: str, command: Command, late: bool) -> None:
    made = held()
    under_way(made)
    order_of_one(made).state = state
    refused(made, command, "NOT_PERMITTED", state, now=NOW + 86_400_000 * late)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("command", OWNERS_COMMANDS)
@pytest.mark.parametrize("state", OURS)
def test_what_an_order_no_longer_under_way_brought_is_ours(state: str, command: Command, late: bool) -> None:
    made = held()
    under_way(made)
    order_of_one(made).state = state
    assert run(made, command, now=NOW + 86_400_000 * late).symbol == "ACCEPTED"
    event = made.events[-1]
    assert isinstance(event, ReservationGivenBack | ReservationProlonged)
    assert event.fence == (7 if isinstance(event, ReservationProlonged) else None)


@pytest.mark.parametrize("command", OWNERS_COMMANDS)
def test_what_an_order_not_sent_yet_names_is_ours(command: Command) -> None:
    made = held()
    later = {"captured_at": "20261122080000", "effective_at": "20261201000000"}
    made.run(submission(reservations=["RV1"], dates=later), NOW, REFERENCE, CHANNEL)
    assert (order_of_one(made).state, reservation(made).order_id) == ("DRAFT", order_of_one(made).id)
    assert run(made, command).symbol == "ACCEPTED"
    assert made.events[-1].fence == 7


@pytest.mark.parametrize(
    "command",
    [
        ReleaseReservation("RV1", REASON),
        ExtendReservation("RV1", 60),
        ANSWER,
        RecordReservationReceipt("RV1", False),
        RecordRelease("RV1"),
        RecordExtension("RV1", 1),
    ],
)
def test_an_unknown_reservation(command: Command) -> None:
    refused(store(), command, "RESERVATION_UNKNOWN")


def asked(made: FakeStore, command: ConfirmResource = CONFIRM) -> tuple[Confirmation, Origin]:
    """The question, and the origin of its answer."""
    ((_, serial),) = run(made, command).details
    return made.table(Confirmation)[serial], Origin("RM0001", serial, "RC01")


def test_a_confirmation_is_kept_with_its_answer() -> None:
    made = store()
    confirmation, origin = asked(made)
    assert isinstance(made.events[-1], ConfirmationAsked)
    run(made, RecordConfirmation("2", REASON, numbers=["02580000001"]), origin)
    confirmation = made.table(Confirmation)[confirmation.id]
    assert confirmation.state == "answered"
    assert confirmation.answer == {"result": "2", "reason": REASON, "numbers": ["02580000001"]}
    assert made.table(Reservation) == {}
    assert run(made, RecordConfirmation("1"), origin).symbol == "DUPLICATE"


def test_what_is_pre_occupied_is_a_reservation_of_ours() -> None:
    made = store()
    pre_occupy = {"reservation_id": "RV1", "kind": "PICK"}
    _, origin = asked(made, replace(CONFIRM, pre_occupy=pre_occupy))
    assert made.events[-1].key == "RV1"
    answer = RecordConfirmation("1", reserved=[PORT], expires_at="20261122120000", fence=3, pre_occupy=pre_occupy)
    run(made, answer, origin)
    found = reservation(made)
    assert (found.owner, found.kind, found.fence, states(made)) == ("CRM001", "PICK", 3, ["held"])


def test_what_a_clerk_asks_for_belongs_to_the_system() -> None:
    made, clerk = store(), Origin("OP025001-NANJING", "", "request RC01")
    (_, serial) = run(made, CONFIRM, clerk).details[0]
    assert made.table(Confirmation)[serial].owner == serial[:6] == "CRM001"
    run(made, ReserveResource("RV7", "025", "PICK", [{"item_no": 1, "res_type": "NUMBER", "quantity": 1}], True), clerk)
    assert made.table(Reservation)["RV7"].owner == "CRM001"


def test_a_refused_confirmation() -> None:
    made = store()
    confirmation, origin = asked(made)
    run(made, RecordConfirmationReceipt(False, "ADDRESS_NOT_COVERED"), origin)
    confirmation = made.table(Confirmation)[confirmation.id]
    assert (confirmation.state, confirmation.symbol) == ("refused", "ADDRESS_NOT_COVERED")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"product": "NONE"}, "ATTRIBUTE_INVALID"),
        ({"product": "CLIP", "action": "relocate"}, "NO_PROCESS"),
        ({"product_instance_id": "PI9"}, "INSTANCE_UNKNOWN"),
    ],
)
def test_what_cannot_be_confirmed(change: dict[str, Any], code: str) -> None:
    refused(store(), replace(CONFIRM, **change), code)


@pytest.mark.parametrize("command", [RecordConfirmation("1"), RecordConfirmationReceipt(True, "OK")])
def test_an_answer_to_nothing(command: Command) -> None:
    refused(store(), command, "ORDER_UNKNOWN")


def test_a_reservation_granted_when_it_is_closed_is_given_back() -> None:
    made = store()
    run(made, RESERVE)
    run(made, RecordReservationReceipt("RV1", accepted=False))
    assert run(made, ANSWER).symbol == "DUPLICATE"
    event = made.events[-1]
    assert isinstance(event, ReservationGivenBack)
    assert (event.reservation_id, event.fence, reservation(made).items) == ("RV1", 7, [])


def given_back(made: FakeStore) -> list[str]:
    return [event.reservation_id for event in made.events if isinstance(event, ReservationGivenBack)]


def order_of_one(made: FakeStore) -> ServiceOrder:
    (order,) = made.table(ServiceOrder).values()
    return order


@pytest.mark.parametrize("unanswered", [False, True])
@pytest.mark.parametrize("ending", ["rejected", "cancelled"])
def test_an_order_that_ends_without_completion_gives_back_what_the_crm_reserved(ending: str, unanswered: bool) -> None:
    made = store() if unanswered else held()
    if unanswered:
        run(made, RESERVE)
    under_way(made)
    order = order_of_one(made)
    if ending == "rejected":
        made.run(RecordReceipt(order.id, 1, False, "NO_PROCESS"), NOW, REFERENCE, CHANNEL)
    else:
        rows = [{"item_id": "1", "outcome": "cancelled"}]
        made.run(RecordCancelResult(order.id, 1, rows, reason=REASON), NOW, REFERENCE, CHANNEL)
    assert (order_of_one(made).state, given_back(made)) == (ending.upper(), ["RV1"])
    assert states(made) == ([] if unanswered else ["released", "released"])


def test_a_completed_order_has_used_it_and_gives_nothing_back() -> None:
    made = held()
    under_way(made)
    rows = [{"item_id": "1", "resources": [NUMBER, PORT], "access_number": "02580000001"}]
    made.run(ReportCompletion(order_of_one(made).id, 1, "装维员乙", "20261122090000", rows), NOW, REFERENCE, CHANNEL)
    assert (order_of_one(made).state, states(made), given_back(made)) == ("COMPLETED", ["consumed", "consumed"], [])


def test_what_another_system_reserved_is_its_own_to_give_back() -> None:
    made = store()
    under_way_elsewhere = submission(reservations=["RV9"])
    made.run(under_way_elsewhere, NOW, REFERENCE, CHANNEL)
    made.run(RecordReceipt(order_of_one(made).id, 1, False, "NO_PROCESS"), NOW, REFERENCE, CHANNEL)
    assert (order_of_one(made).state, given_back(made)) == ("REJECTED", [])


def sent_back(made: FakeStore) -> ServiceOrder:
    """The order that lists the reservation came back."""
    under_way(made)
    order = order_of_one(made)
    reason = {"type": "10R", "code": "10R201", "text": "无资源"}
    back = SendBackOrder(order.id, 1, reason, {"code": "FIELD", "name": "外线施工"}, "审核员乙")
    made.run(back, NOW, REFERENCE, CHANNEL)
    return order_of_one(made)


def expired(made: FakeStore, *resources: dict[str, Any]) -> None:
    """RR04."""
    made.run(RecordReservationExpired("RV1", list(resources)), NOW, REFERENCE, Origin("RM0001", "RM00011", "RR04"))


def dispatches(made: FakeStore) -> list[Any]:
    """The reservations each OH01 named."""
    return [event.image.get("reservations") for event in made.events if isinstance(event, OrderDispatched)]


AGAIN = {"type": "10Q", "code": "10Q001", "text": "再派"}


def test_a_returned_order_leaves_again_with_its_reservation() -> None:
    made = held()
    order = sent_back(made)
    outcome = made.run(AmendOrder(order.id, AGAIN), NOW, REFERENCE, CHANNEL)
    assert (dispatches(made), outcome.details) == ([["RV1"], ["RV1"]], (("version", "2"),))
    assert order_of_one(made).reason is None


def test_what_expired_while_the_order_was_back_is_left_out_of_the_next_dispatch_and_said() -> None:
    made = held()
    order = sent_back(made)
    expired(made, NUMBER, PORT)
    dry = made.run(AmendOrder(order.id, AGAIN, dry_run=True), NOW, REFERENCE, CHANNEL)
    assert (order_of_one(made).state, order_of_one(made).reservations) == ("RETURNED", ["RV1"])
    outcome = made.run(AmendOrder(order.id, AGAIN, asked={"system": "CH0001", "serial": "S1"}), NOW, REFERENCE, CHANNEL)
    assert dry.details == outcome.details == (("version", "2"), ("hold_lost", "RV1"))
    order = order_of_one(made)
    assert (dispatches(made), order.state, order.reservations) == ([["RV1"], None], "SUBMITTED", [])
    assert order.reason is not None
    assert "预留 RV1 已失效" in order.reason["text"]
    assert "reservation RV1 was lost" in order.reason["text"]
    told = [event.reason for event in made.events if isinstance(event, OrderStateChanged) and event.state == "SUBMITTED"]
    assert told[-1:] == [order.reason]


def test_what_expired_may_be_replaced_but_not_named_again() -> None:
    made = held()
    order = sent_back(made)
    expired(made, NUMBER, PORT)
    refused(made, AmendOrder(order.id, AGAIN, reservations=["RV1"]), "HOLD_EXPIRED")
    refused(made, AmendOrder(order.id, AGAIN, reservations=["RV1", "RV2"]), "HOLD_EXPIRED")
    outcome = made.run(AmendOrder(order.id, AGAIN, reservations=["RV2"]), NOW, REFERENCE, CHANNEL)
    assert (dispatches(made), outcome.details) == ([["RV1"], ["RV2"]], (("version", "2"),))


def test_what_expired_before_an_order_first_left_is_left_out_too() -> None:
    made = held()
    later = {"captured_at": "20261122080000", "effective_at": "20261201000000"}
    made.run(submission(reservations=["RV1"], dates=later), NOW, REFERENCE, CHANNEL)
    order = order_of_one(made)
    assert (order.state, dispatches(made)) == ("DRAFT", [])
    expired(made, NUMBER, PORT)
    made.run(DispatchDue(order.id), NOW + 10 * 86_400_000, REFERENCE, COUNTER)
    assert (dispatches(made), order_of_one(made).state) == ([None], "SUBMITTED")
    assert "RV1" in str(order_of_one(made).reason)


def test_returned_the_crm_keeps_it_and_gives_it_back_when_it_cancels() -> None:
    made = held()
    order = sent_back(made)
    assert (order_of_one(made).state, given_back(made)) == ("RETURNED", [])
    made.run(CancelOrder(order.id, {"type": "10C", "code": "10C001", "text": "不要了"}), NOW, REFERENCE, CHANNEL)
    assert (order_of_one(made).state, given_back(made)) == ("CANCELLED", ["RV1"])


def test_returned_it_is_released_and_the_next_dispatch_leaves_without() -> None:
    made = held()
    order = sent_back(made)
    assert run(made, ReleaseReservation("RV1", REASON)).symbol == "ACCEPTED"
    run(made, RecordRelease("RV1", [{"item_no": 1, "result": "released"}, {"item_no": 2, "result": "released"}]))
    outcome = made.run(AmendOrder(order.id, AGAIN), NOW, REFERENCE, CHANNEL)
    assert (dispatches(made), outcome.details) == ([["RV1"], None], (("version", "2"), ("hold_lost", "RV1")))


def test_returned_it_is_prolonged_and_passes_on_with_the_next_dispatch() -> None:
    made = held()
    order = sent_back(made)
    late = NOW + 2 * 86_400_000
    run(made, ExtendReservation("RV1", 86400), now=late)
    run(made, RecordExtension("RV1", 9, "20261125100000"), now=late)
    made.run(AmendOrder(order.id, AGAIN), late, REFERENCE, CHANNEL)
    assert dispatches(made) == [["RV1"], ["RV1"]]
    for command in OWNERS_COMMANDS:
        refused(made, command, "NOT_PERMITTED", "SUBMITTED", now=late)


def partly_done(made: FakeStore, *used: dict[str, Any]) -> None:
    """The order came back, but for an item that is done and was given ``used``."""
    order = sent_back(made)
    done = replace(order.items[0], item_id="2", progress="COMPLETED", resources=list(used))
    order.items = [*order.items, done]


@pytest.mark.parametrize("answered", [None, [{"item_no": 1, "result": "refused"}, {"item_no": 2, "result": "released"}]])
def test_what_a_finished_item_of_a_returned_order_was_given_is_in_use(answered: Any) -> None:
    made = held()
    partly_done(made, NUMBER)
    assert run(made, ReleaseReservation("RV1", REASON)).symbol == "ACCEPTED"
    run(made, RecordRelease("RV1", answered))
    assert (states(made), reservation(made).closed) == (["consumed", "released"], True)


@pytest.mark.parametrize("command", OWNERS_COMMANDS)
def test_a_returned_order_whose_finished_items_use_everything_leaves_nothing_to_give(command: Command) -> None:
    made = held()
    partly_done(made, NUMBER, PORT)
    refused(made, command, "RESOURCE_UNAVAILABLE")


@pytest.mark.parametrize(("state", "alarms"), [*((state, 1) for state in WITH_PROVISIONING), *((state, 0) for state in OURS)])
def test_an_expiry_is_amiss_only_while_provisioning_has_it(state: str, alarms: int) -> None:
    made = held()
    under_way(made)
    order_of_one(made).state = state
    expired(made, NUMBER, PORT)
    assert (len(made.table(Fallout)), states(made)) == (alarms, ["expired", "expired"])
