"""Scheme design in the core (spec 5.2): versions, confirmation with its reservation, redo, expiry, cancel."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_core.customers.model import Customer
from crm_core.errors import DomainError
from crm_core.fakes import FakeStore
from crm_core.orders.model import CustomerOrder
from crm_core.orders.submit import SubmitOrder
from crm_core.ports import Command, Origin, Outcome
from crm_core.resources.model import Reservation
from crm_core.schemes.decide import CancelScheme, ConfirmScheme, RejectScheme
from crm_core.schemes.events import SchemeCancelled, SchemeChosen, SchemeRejected, SchemeRequested
from crm_core.schemes.machine import MACHINE
from crm_core.schemes.model import Scheme, SchemeRequest, scheme_key
from crm_core.schemes.record_receipts import RecordSchemeDecisionReceipt, RecordSchemeReceipt
from crm_core.schemes.record_result import RecordSchemeResult
from crm_core.schemes.record_state import RecordSchemeState
from crm_core.schemes.request_scheme import RequestScheme
from tests.crm_core.samples import CHANNEL, NOW, PF, REFERENCE, store, submission

COUNTER = Origin("CRM001", "", "scheme")
DAY = 86_400_000
ADDRESS = {"text": "南京市鼓楼区示例路1号", "area": "025"}
ITEMS = [{"product": "ETH", "a_end": ADDRESS, "z_end": ADDRESS, "bandwidth": "1G", "protection": "1+1", "quantity": 1}]
REASON = {"text": "造价过高"}
PORT = {"res_inst_id": "P1", "res_type": "PORT", "role": "A", "code": "NJ-01"}
COSTS = {"line": 1, "equipment": 2, "implementation": 3, "wiring": 4, "exploration": 5, "total": 15}
OPTIONS = [{"no": 1, "access_mode": "FIBRE", "route": "A-Z", "resources": [PORT], "costs": COSTS, "days": 20}]
REQUEST = RequestScheme(
    "SR1", "025", {"customer_id": "C0000000000000001"}, ITEMS, "20270101000000", {"name": "张示例", "phone": "13800000000"}
)
RESULT = RecordSchemeResult("SR1", "SC1", 1, "设计员甲", "审核员乙", "20261222000000", OPTIONS)
CONFIRM = ConfirmScheme("SR1", "SC1", 1, 1)
REJECT = RejectScheme("SR1", "SC1", 1, REASON, redo=False)
CANCEL = CancelScheme("SR1", REASON)
CONFIRMED = RecordSchemeState("SR1", "SC1", 1, "40", reservation_id="RV1", resources=[PORT], expires_at="20261222000000")


def run(made: FakeStore, command: Command, origin: Origin = PF, now: int = NOW) -> Outcome:
    return made.run(command, now, REFERENCE, origin)


def answer(made: FakeStore, command: Command) -> Outcome:
    """As provisioning's result of the operation sent last."""
    return run(made, command, replace(PF, ref_serial=request(made).operations[-1]["serial"]))


def request(made: FakeStore) -> SchemeRequest:
    found: SchemeRequest = made.table(SchemeRequest)["SR1"]
    return found


def scheme(made: FakeStore, version: int = 1) -> Scheme:
    found: Scheme = made.table(Scheme)[scheme_key("SC1", version)]
    return found


def world(state: str = "30") -> FakeStore:
    """A store whose request has come to ``state`` by messages."""
    made = store()
    run(made, REQUEST, COUNTER)
    if state in ("20", "30", "40", "50", "60"):
        run(made, RecordSchemeReceipt("SR1", True, "OK"))
    if state in ("30", "40", "50", "60"):
        run(made, RESULT)
    if state == "40":
        run(made, CONFIRM, COUNTER)
        answer(made, CONFIRMED)
    elif state in ("50", "60", "70"):
        run(made, RecordSchemeState("SR1", "SC1", 1, state))
    assert request(made).state == state
    return made


def used(made: FakeStore, state: str) -> None:
    """A customer order in ``state`` builds on the scheme."""
    made.table(CustomerOrder)["CO1"] = CustomerOrder("CO1", "C0000000000000001", "025", "CH0001", "", state)
    scheme(made).used_by = "CO1"


def refused(made: FakeStore, command: Command, code: str, state: str | None, now: int = NOW) -> DomainError:
    """Refused with code and state, and nothing changed."""
    before = made.snapshot()
    with pytest.raises(DomainError) as caught:
        run(made, command, now=now)
    assert (caught.value.code, caught.value.state) == (code, state)
    assert made.snapshot() == before
    return caught.value


def test_asking_tells_provisioning_all_of_it() -> None:
    made = world("10")
    (event,) = made.events
    assert isinstance(event, SchemeRequested)
    assert event.image["items"] == ITEMS
    assert (event.key, event.scheme_request_id) == ("SR1", "SR1")
    assert run(made, REQUEST, COUNTER).symbol == "DUPLICATE"
    refused(made, replace(REQUEST, items=[]), "SERIAL_REUSED", None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"customer": {"customer_id": "C9"}}, "CUSTOMER_UNKNOWN"),
        ({"items": [{**ITEMS[0], "product": "NONE"}]}, "ATTRIBUTE_INVALID"),
        ({"area": "999"}, "ATTRIBUTE_INVALID"),
        ({"required_date": "20200101000000"}, "DATE_INVALID"),
    ],
)
def test_what_cannot_be_designed_is_not_asked(change: dict[str, Any], code: str) -> None:
    made = store()
    assert "C9" not in made.table(Customer)
    refused(made, replace(REQUEST, **change), code, None)


def test_confirmation_reserves_the_option() -> None:
    made = world("30")
    run(made, CONFIRM, COUNTER)
    assert isinstance(made.events[-1], SchemeChosen)
    assert request(made).state == "30"
    answer(made, CONFIRMED)
    assert (request(made).state, scheme(made).state, scheme(made).option_no) == ("40", "40", 1)
    assert request(made).operations == []
    reservation: Reservation = made.table(Reservation)["RV1"]
    assert (reservation.owner, reservation.kind) == ("PF0001", "ADVANCE")
    assert reservation.items == [{"resource": PORT, "state": "held"}]
    assert reservation.expires_at is not None


def test_confirmation_told_twice_is_one() -> None:
    made = world("40")
    run(made, CONFIRMED)
    assert request(made).state == "40"
    assert len(made.table(Reservation)) == 1


@pytest.mark.parametrize(("version", "code"), [(1, "SCHEME_SUPERSEDED"), (3, "STATE_CONFLICT")])
def test_only_the_newest_version_is_decided(version: int, code: str) -> None:
    made = world("30")
    run(made, replace(RESULT, version=2))
    assert (scheme(made, 1).state, scheme(made, 2).state, request(made).version) == ("50", "30", 2)
    state = "50" if version == 1 else "30"
    refused(made, replace(CONFIRM, version=version), code, state)
    refused(made, replace(REJECT, version=version), code, state)


def test_an_expired_version_is_not_decided() -> None:
    made = world("30")
    refused(made, CONFIRM, "SCHEME_EXPIRED", "30", now=NOW + 40 * DAY)
    refused(made, REJECT, "SCHEME_EXPIRED", "30", now=NOW + 40 * DAY)


def test_an_option_that_is_not_offered() -> None:
    refused(world("30"), replace(CONFIRM, option_no=2), "ATTRIBUTE_INVALID", None)


@pytest.mark.parametrize("second", [CONFIRM, REJECT])
def test_one_decision_at_a_time(second: Command) -> None:
    made = world("30")
    run(made, CONFIRM, COUNTER)
    refused(made, second, "STATE_CONFLICT", "30")


def test_rejected_for_good() -> None:
    made = world("30")
    run(made, REJECT, COUNTER)
    assert isinstance(made.events[-1], SchemeRejected)
    answer(made, RecordSchemeState("SR1", "SC1", 1, "50"))
    assert (request(made).state, scheme(made).state, request(made).closed_at) == ("50", "50", NOW)


def test_rejected_with_redo_opens_the_next_version() -> None:
    made = world("30")
    run(made, replace(REJECT, redo=True), COUNTER)
    answer(made, RecordSchemeState("SR1", "SC1", 1, "50", reason=REASON))
    assert (request(made).state, request(made).version, scheme(made).state) == ("20", 2, "50")
    refused(made, CONFIRM, "SCHEME_SUPERSEDED", "50")
    run(made, replace(RESULT, version=2))
    assert (request(made).state, scheme(made, 2).state) == ("30", "30")


def test_the_next_version_may_come_before_the_result_of_the_redo() -> None:
    made = world("30")
    run(made, replace(REJECT, redo=True), COUNTER)
    serial = request(made).operations[0]["serial"]
    run(made, replace(RESULT, version=2))
    run(made, RecordSchemeState("SR1", "SC1", 1, "50"), replace(PF, ref_serial=serial))
    assert (request(made).state, request(made).version, scheme(made, 2).state) == ("30", 2, "30")


def test_resources_taken_meanwhile_then_a_new_version() -> None:
    made = world("30")
    run(made, CONFIRM, COUNTER)
    answer(made, RecordSchemeState("SR1", "SC1", 1, code="3012", reason=REASON))
    assert (request(made).state, request(made).operations) == ("30", [])
    run(made, replace(RESULT, version=2))
    run(made, replace(CONFIRM, version=2), COUNTER)
    answer(made, replace(CONFIRMED, version=2))
    assert scheme(made, 2).state == "40"


def test_a_receipt_that_refuses_a_decision_ends_it() -> None:
    made = world("30")
    run(made, CONFIRM, COUNTER)
    serial = request(made).operations[0]["serial"]
    run(made, RecordSchemeDecisionReceipt("SR1", True, "OK"), Origin("PF0001", serial, "SD05"))
    assert len(request(made).operations) == 1
    run(made, RecordSchemeDecisionReceipt("SR1", False, "SCHEME_EXPIRED"), Origin("PF0001", serial, "SD05"))
    assert (request(made).operations, request(made).state) == ([], "30")
    assert made.moves[-1].detail == "v1 confirm: SCHEME_EXPIRED"


def test_what_cannot_be_designed_ends_with_a_reason() -> None:
    made = world("20")
    run(made, replace(RESULT, options=None, reason=REASON))
    assert (request(made).state, request(made).reason, scheme(made).state) == ("50", REASON, "50")


def test_a_known_or_older_version_is_refused() -> None:
    made = world("30")
    refused(made, RESULT, "STATE_CONFLICT", "30")
    run(made, replace(RESULT, version=3))
    refused(made, replace(RESULT, version=2), "STATE_CONFLICT", "30")


@pytest.mark.parametrize(("state", "end"), [("60", "expired"), ("70", "released")])
def test_a_confirmed_scheme_that_ends_frees_its_resources(state: str, end: str) -> None:
    made = world("40")
    run(made, RecordSchemeState("SR1", "SC1", 1, state))
    reservation: Reservation = made.table(Reservation)["RV1"]
    assert (request(made).state, reservation.closed, reservation.items[0]["state"]) == (state, True, end)


def test_a_scheme_an_order_uses_neither_expires_nor_is_cancelled() -> None:
    made = world("40")
    used(made, "IN_PROGRESS")
    error = refused(made, RecordSchemeState("SR1", "SC1", 1, "60"), "STATE_CONFLICT", "40")
    assert error.fallout is not None
    refused(made, CANCEL, "STATE_CONFLICT", "40")


def test_a_scheme_whose_order_ended_without_service_is_free_again() -> None:
    made = world("40")
    used(made, "CANCELLED")
    run(made, CANCEL, COUNTER)
    assert isinstance(made.events[-1], SchemeCancelled)


def test_cancel_passes_an_open_decision_and_is_told_once() -> None:
    made = world("30")
    run(made, CONFIRM, COUNTER)
    run(made, CANCEL, COUNTER)
    assert run(made, CANCEL, COUNTER).symbol == "DUPLICATE"
    answer(made, RecordSchemeState("SR1", state="70"))
    assert (request(made).state, request(made).operations, scheme(made).state) == ("70", [], "70")


INPUTS: dict[str, Command] = {
    "acknowledged": RecordSchemeReceipt("SR1", True, "OK"),
    "not_taken": RecordSchemeReceipt("SR1", False, "CUSTOMER_UNKNOWN"),
    "designing": RecordSchemeState("SR1", state="20"),
    "designed": replace(RESULT, version=2),
    "undesignable": replace(RESULT, version=2, options=None, reason=REASON),
    "confirm": CONFIRM,
    "confirmed": CONFIRMED,
    "reject": REJECT,
    "rejected": RecordSchemeState("SR1", state="50"),
    "redone": RecordSchemeState("SR1", "SC1", 2, "20"),
    "expired": RecordSchemeState("SR1", state="60"),
    "cancel": CANCEL,
    "cancelled": RecordSchemeState("SR1", state="70"),
    "refused": RecordSchemeState("SR1", code="3004"),
    "noted": RecordSchemeState("SR1", state="30"),
}


@pytest.mark.parametrize("given", MACHINE.inputs)
@pytest.mark.parametrize("state", MACHINE.states)
def test_every_input_in_every_state(state: str, given: str) -> None:
    made = world(state)
    to = MACHINE.to(state, given)
    if to is None:
        refused(made, INPUTS[given], "STATE_CONFLICT", state)
    else:
        run(made, INPUTS[given])
        assert request(made).state == to


@pytest.mark.parametrize("given", MACHINE.inputs)
def test_an_unknown_request_is_refused(given: str) -> None:
    refused(store(), INPUTS[given], "STATE_CONFLICT", None)


def order(version: int = 1, **fields: Any) -> SubmitOrder:
    return submission(scheme={"scheme_id": "SC1", "version": version, **fields})


def test_an_order_takes_a_confirmed_scheme_for_itself() -> None:
    made = world("40")
    made.run(order(option_no=1), NOW, REFERENCE, CHANNEL)
    assert scheme(made).used_by == "CO1"
    refused(made, CANCEL, "STATE_CONFLICT", "40")
    refused(made, replace(order(), customer_order_id="CO2"), "STATE_CONFLICT", "40")


def test_an_order_with_a_scheme_made_elsewhere_is_left_to_provisioning() -> None:
    made = store()
    assert made.run(order(), NOW, REFERENCE, CHANNEL).symbol == "ACCEPTED"


@pytest.mark.parametrize(
    ("state", "given", "code", "now"),
    [
        ("30", {}, "STATE_CONFLICT", NOW),
        ("70", {}, "STATE_CONFLICT", NOW),
        ("60", {}, "SCHEME_EXPIRED", NOW),
        ("40", {}, "SCHEME_EXPIRED", NOW + 40 * DAY),
        ("40", {"option_no": 2}, "ATTRIBUTE_INVALID", NOW),
    ],
)
def test_an_order_cannot_build_on_what_does_not_stand(state: str, given: dict[str, int], code: str, now: int) -> None:
    made = world("30" if state == "70" else state)
    if state == "70":
        run(made, RecordSchemeState("SR1", state="70"))
    refused(made, order(**given), code, None if code == "ATTRIBUTE_INVALID" else state, now)
    assert made.table(CustomerOrder) == {}


def test_an_order_cannot_build_on_what_is_being_cancelled() -> None:
    made = world("40")
    run(made, CANCEL, COUNTER)
    refused(made, order(), "STATE_CONFLICT", "40")


def test_an_order_cannot_build_on_a_superseded_version() -> None:
    made = world("30")
    run(made, replace(RESULT, version=2))
    refused(made, order(1), "SCHEME_SUPERSEDED", "50")
