"""催单, 改约 and asking beforehand: OH10, OH11 both ways, OH14, PQ01, PQ02 and the dry run (spec 5.4, 5.5)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.events import (
    CancelRequested,
    ExpediteRequested,
    OperationDecided,
    OperationInquired,
    ProcessQueried,
    RescheduleRequested,
)
from crm_core.orders.inquiry import InquireOperation, QueryProcess, RecordInquiryAnswer, RecordProcessAnswer
from crm_core.orders.operation import OrderOperation
from crm_core.orders.reschedule import TakeReschedule
from crm_core.ports import Origin
from crm_core.times import from_wire
from tests.crm_core.channel import CANCEL, PLAIN, Asked
from tests.crm_core.samples import CHANNEL, NOW, item

DAY, OTHER = "20261205090000", "20261206090000"
LATER = {"captured_at": "20261122080000", "effective_at": "20261201000000"}
FIELDS = {"expedite": {"reason": PLAIN, "wanted_date": DAY}, "reschedule": {"reason": PLAIN, "dates": {"booked_at": DAY}}}


def test_expedite_is_asked_and_answered_and_moves_nothing() -> None:
    world = Asked()
    world.ask("expedite", FIELDS["expedite"])
    (event,) = world.events(ExpediteRequested)
    assert (event.reason, event.wanted_date, world.order.state, world.order.booked_at) == (PLAIN, DAY, "SUBMITTED", None)
    asked = world.order.operations[0]["asked"]["serial"]
    world.operated("expedite")
    assert (world.order.operations, len(world.notices(asked))) == ([], 1)


def test_new_dates_hold_when_provisioning_agrees() -> None:
    world = Asked()
    world.ask("reschedule", FIELDS["reschedule"])
    (event,) = world.events(RescheduleRequested)
    assert (event.dates, world.order.booked_at) == ({"booked_at": DAY}, None)
    world.operated("reschedule")
    assert (world.order.booked_at, world.order.details["dates"]["booked_at"], world.order.version) == (from_wire(DAY), DAY, 1)


def test_the_same_dates_asked_for_again_are_asked_for_once() -> None:
    world = Asked()
    fields = FIELDS["reschedule"]
    assert [world.ask("reschedule", fields).symbol for _ in range(2)] == ["ACCEPTED", "DUPLICATE"]
    assert world.count(RescheduleRequested) == 1
    world.operated("reschedule")
    assert world.ask("reschedule", fields).symbol == "ACCEPTED"


def test_dates_that_provisioning_names_count() -> None:
    world = Asked()
    world.ask("reschedule", FIELDS["reschedule"])
    world.operated("reschedule", dates={"booked_at": OTHER, "expected_finish": OTHER})
    assert (world.order.booked_at, world.order.expected_finish) == (from_wire(OTHER), from_wire(OTHER))


@pytest.mark.parametrize("operation", sorted(FIELDS))
def test_refused_the_dates_stay_and_the_asker_hears_why(operation: str) -> None:
    world = Asked()
    world.ask(operation, FIELDS[operation])
    asked = world.order.operations[0]["asked"]["serial"]
    world.operated(operation, "refused", code="3004", reason={"text": "已外线施工", "code": "3004"})
    assert (world.order.booked_at, world.order.operations) == (None, [])
    assert world.notices(asked)[0].reason == {"text": "已外线施工", "code": "3004"}


@pytest.mark.parametrize("operation", sorted(FIELDS))
def test_a_receipt_that_refuses_it_ends_it(operation: str) -> None:
    world = Asked()
    world.ask(operation, FIELDS[operation])
    world.receipt(operation)
    assert (world.order.operations, world.order.state, world.order.booked_at) == ([], "SUBMITTED", None)


def test_an_unsent_order_has_its_dates_at_once() -> None:
    world = Asked(dates=LATER)
    world.ask("reschedule", FIELDS["reschedule"])
    world.ask("expedite", FIELDS["expedite"])
    assert (world.order.booked_at, world.order.operations) == (from_wire(DAY), [])
    assert (world.count(RescheduleRequested), world.count(ExpediteRequested), len(world.notices())) == (0, 0, 2)


STATES: list[tuple[str, dict[str, Any]]] = [
    ("CHANGE_IN_PROGRESS", {"amending": True}),
    ("STATE_CONFLICT", {"cancelling": True}),
    ("STATE_CONFLICT", {"fallout": True}),
    ("STATE_CONFLICT", {"progress": "DEFERRED"}),
    ("STATE_CONFLICT", {"progress": "COMPLETING"}),
    ("STATE_CONFLICT", {"progress": "COMPLETED"}),
]


@pytest.mark.parametrize(("symbol", "state"), STATES)
@pytest.mark.parametrize("operation", sorted(FIELDS))
def test_the_matrix_refuses_dates_before_anything_leaves(operation: str, symbol: str, state: dict[str, Any]) -> None:
    world = Asked()
    world.edit(**state)
    assert world.refused(operation, FIELDS[operation]).code == symbol


def test_a_lock_refuses_dates() -> None:
    world = Asked()
    world.order.lock = {"holder": {"owner": "OP01", "reason": "x", "until": 9}, "fence": 1, "queue": []}
    assert world.refused("reschedule", FIELDS["reschedule"]).code == "LOCKED"


@pytest.mark.parametrize(
    ("symbol", "dates"),
    [("DATE_INVALID", {"booked_at": "x"}), ("DATE_INVALID", {"booked_at": "20010101000000"}), ("ATTRIBUTE_INVALID", {})],
)
def test_dates_that_are_none_are_refused(symbol: str, dates: dict[str, str]) -> None:
    assert Asked().refused("reschedule", {"reason": PLAIN, "dates": dates}).code == symbol


def test_provisioning_moves_the_appointment_and_hears_that_it_holds() -> None:
    world = Asked()
    world.tell(TakeReschedule(world.id, 1, {"booked_at": DAY}, {"text": "用户不在家"}, 1))
    (decided,) = world.events(OperationDecided)
    assert (decided.to, decided.outcome, decided.operation) == ("PF0001", "applied", "reschedule")
    assert decided.dates == {"booked_at": DAY}
    assert (world.order.booked_at, world.order.report_seq) == (from_wire(DAY), 1)


@pytest.mark.parametrize(
    ("code", "version", "day", "state"),
    [
        ("STATE_CONFLICT", 1, DAY, {"cancelling": True}),
        ("STALE_VERSION", 0, DAY, {}),
        ("DATE_INVALID", 1, "20010101000000", {}),
    ],
)
def test_provisioning_hears_why_not_and_its_report_counts(code: str, version: int, day: str, state: dict[str, Any]) -> None:
    world = Asked()
    world.edit(**state)
    dates = {"booked_at": day}
    world.tell(TakeReschedule(world.id, version, dates, {"text": "用户不在家"}, 1))
    (decided,) = world.events(OperationDecided)
    assert (decided.outcome, decided.code, world.order.booked_at, world.order.report_seq) == ("refused", code, None, 1)


ROW: dict[str, Any] = {
    "item_id": "1",
    "allowed": True,
    "point_of_no_return": "soft",
    "would_undo": [{"code": "DATA_CONFIG", "name": "数据制作"}],
    "would_release": [{"res_type": "PORT", "role": "port", "code": "NJ-01"}],
    "charge_hint": {"amount": 5000, "text": "上门费"},
}


def answer_inquiry(world: Asked, serial: str, operation: str = "cancel") -> None:
    """PQ02's answer to the message with this serial."""
    origin = Origin("PF0001", serial, "PQ02")
    world.store.run(RecordInquiryAnswer(world.id, 1, operation, [ROW]), NOW, world.reference, origin)


def test_a_dry_run_says_what_would_be_undone_once_provisioning_has_told() -> None:
    world = Asked()
    first = world.ask("cancel", {"reason": CANCEL}, dry_run=True)
    (event,) = world.events(OperationInquired)
    assert (event.operation, event.proposed_change, len(first.details)) == ("cancel", {"reason": CANCEL}, 1)
    answer_inquiry(world, world.order.details["inquiries"]["cancel"]["asked"]["serial"])
    second = world.ask("cancel", {"reason": CANCEL, "items": ["1"]}, dry_run=True)
    assert second.details[1:] == (
        ("item_id", "1"),
        ("allowed", "1 true"),
        ("point_of_no_return", "1 soft"),
        ("would_undo", "1 DATA_CONFIG 数据制作"),
        ("would_release", "1 PORT NJ-01"),
        ("charge_hint", "1 5000 上门费"),
    )
    assert world.events(OperationInquired)[1].proposed_change == {"reason": CANCEL, "items": ["1"]}
    assert world.order.state == "SUBMITTED"


def test_past_a_soft_point_somebody_must_approve_and_the_history_says_who() -> None:
    world = Asked()
    world.ask("cancel", {"reason": CANCEL}, dry_run=True)
    answer_inquiry(world, world.order.details["inquiries"]["cancel"]["asked"]["serial"])
    before = world.store.snapshot()
    with pytest.raises(DomainError) as met:
        world.store.run(OrderOperation(world.id, "cancel", False, cancel={"reason": CANCEL}), NOW, world.reference, CHANNEL)
    assert (met.value.code, world.store.snapshot()) == ("NOT_PERMITTED", before)
    world.cancel()
    approved = world.store.changes[-1]
    assert (approved.input, approved.actor, approved.reason) == ("soft_point_approved", "OP01", "1")
    assert world.events(CancelRequested)[0].operator == "OP01"


def test_only_the_answer_to_the_latest_question_counts() -> None:
    world = Asked()
    world.tell(InquireOperation(world.id, "amend"))
    old = world.order.details["inquiries"]["amend"]["asked"]["serial"]
    world.tell(InquireOperation(world.id, "amend"))
    answer_inquiry(world, old, "amend")
    assert "answer" not in world.order.details["inquiries"]["amend"]


def test_provisioning_is_not_asked_about_what_it_never_saw() -> None:
    world = Asked(dates=LATER)
    world.ask("cancel", {"reason": CANCEL}, dry_run=True)
    assert world.count(OperationInquired) == 0


def test_how_far_an_order_is_stands_beside_it() -> None:
    world = Asked(item())
    world.tell(QueryProcess(world.id))
    (event,) = world.events(ProcessQueried)
    assert (event.service_order_id, event.detail_level) == (world.id, "work_order")
    told = {"service_order_id": world.id, "version": 1, "state": "IN_PROGRESS"}
    world.tell(RecordProcessAnswer([told, {**told, "service_order_id": "SO9"}]))
    assert (world.order.details["process"], world.order.state) == ({**told, "at": NOW}, "SUBMITTED")
