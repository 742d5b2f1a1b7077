"""Deferral, dates and locks at PF: clocks stop and go on, leases end, what is reported waits (5.4, 5.10, 5.11, 04.5, 04.9)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.times import wire_time
from simulators.brain import Reaction
from tests.simulators.pf_talk import DAY, HOUR, PfTalk, undone_twice
from tests.simulators.talk import item

SLOW = {"do": "slow", "stage": "FIELD", "ms": HOUR}


def answered(talk: PfTalk) -> tuple[str, str, str | None]:
    body = talk.of("OH14")[-1]
    return body["operation"], body["outcome"], body.get("code")


def symbol(reaction: Reaction) -> str | None:
    return None if reaction.refusal is None else reaction.refusal.symbol


def under_way(*acts: dict[str, Any], items: list[dict[str, Any]] | None = None) -> PfTalk:
    talk = PfTalk(*acts)
    talk.begin(items)
    talk.until_stage("FIELD")
    return talk


# -- deferral


def test_deferral_stops_the_clock_and_ends_by_itself() -> None:
    talk = under_way()
    expected, talk.now = talk.order.expected_finish, talk.now + 400
    assert expected is not None
    until = talk.now - talk.now % 1_000 + 30 * DAY
    began = talk.now
    talk.defer(until)
    assert answered(talk) == ("defer", "applied", None)
    assert talk.of("OH14")[0]["dates"]["deferred_until"] == wire_time(until)
    assert talk.order.state == "DEFERRED"
    reports = len(talk.crm)
    ended = talk.until("DF03")
    assert (len(talk.crm), talk.now) == (reports + 1, until)
    assert (ended["ended_by"], ended["state"], ended["stage"]) == ("date", "IN_PROGRESS", "DATA_CONFIG")
    assert talk.order.expected_finish == expected + until - began
    talk.run(talk.now + HOUR)
    assert talk.order.state == "COMPLETED"


def test_remaining_time_is_what_it_was() -> None:
    plain, deferred = under_way(), under_way()
    start = plain.now
    plain.until("OH08")
    deferred.now += 400
    deferred.defer(deferred.now - deferred.now % 1_000 + 10_000)
    pause = (deferred.now - deferred.now % 1_000 + 10_000) - deferred.now
    deferred.until("OH08")
    assert deferred.now - start == plain.now - start + pause


def test_request_ends_the_deferral_and_names_its_command() -> None:
    talk = under_way()
    talk.defer(talk.now + 30 * DAY)
    talk.end_deferral(talk.now + DAY)
    assert talk.of("DF03")[0]["ended_by"] == "request"
    assert talk.last_ref("DF03") is not None
    talk.run(talk.now + 40 * DAY)
    assert len(talk.of("DF03")) == 1
    assert talk.order.state == "COMPLETED"


def test_end_that_crosses_the_date_is_success_without_effect() -> None:
    talk = under_way(SLOW)
    talk.defer(talk.now + DAY)
    talk.until("DF03")
    talk.end_deferral(talk.now + DAY)
    assert answered(talk) == ("end_deferral", "applied", None)
    assert len(talk.of("DF03")) == 1


DEFERRALS = [
    ("yesterday", -DAY, "10P001", "3013"),
    ("too long", 181 * DAY, "10P001", "3013"),
    ("no reason", DAY, "10C001", "3020"),
]


@pytest.mark.parametrize(("name", "span", "reason", "code"), DEFERRALS, ids=[row[0] for row in DEFERRALS])
def test_deferral_that_cannot_be_is_refused(name: str, span: int, reason: str, code: str) -> None:
    talk = under_way()
    talk.defer(talk.now + span, reason)
    assert answered(talk) == ("defer", "refused", code)
    assert talk.order.state == "IN_PROGRESS"


def test_the_same_date_counts_once_and_the_fourth_deferral_is_one_too_many() -> None:
    talk = under_way()
    first = talk.now + DAY
    talk.defer(first)
    talk.defer(first)
    assert talk.order.deferrals == 1
    for days in (2, 3, 4):
        talk.defer(talk.now + days * DAY)
    assert answered(talk) == ("defer", "refused", "3014")
    assert talk.order.deferral is not None
    assert wire_time(talk.order.deferral.until) == wire_time(talk.now + 3 * DAY)


def test_deferral_before_acceptance_puts_the_acceptance_off() -> None:
    talk = PfTalk()
    talk.begin()
    talk.defer(talk.now + DAY)
    assert talk.until("DF03")["state"] == "ACKNOWLEDGED"
    talk.run(talk.now + HOUR)
    assert talk.order.state == "COMPLETED"


def test_resources_are_given_up_at_the_hold_limit_and_assigned_anew() -> None:
    talk = under_way()
    talk.defer(talk.now + 120 * DAY)
    talk.run(talk.now + 89 * DAY)
    assert talk.rm.ledger.counts["held"] > 0
    talk.run(talk.now + 2 * DAY)
    assert talk.rm.ledger.counts["held"] == 0
    talk.run(talk.now + 60 * DAY)
    assert talk.order.state == "COMPLETED"
    assert undone_twice(talk.order) == []


def test_field_staff_propose_a_deferral_and_work_on() -> None:
    talk = PfTalk({"do": "return", "stage": "FIELD", "reason": "10P001", "ms": 5 * DAY})
    talk.begin()
    proposed = talk.until("DF04")
    assert proposed["reason"]["code"] == "10P001"
    talk.say("OH14", operation="propose_deferral", outcome="refused", code="3014", reason={"text": "超过期限"})
    assert talk.order.exceptions[-1]["code"] == "3014"
    talk.run()
    assert talk.order.state == "COMPLETED"


# -- dates


def test_expedited_order_finishes_earlier() -> None:
    plain, hurried = under_way(), under_way()
    hurried.say("OH10", reason={"text": "催单"})
    assert answered(hurried) == ("expedite", "applied", None)
    plain.until("OH08")
    hurried.until("OH08")
    assert hurried.now < plain.now


def test_rescheduled_order_keeps_its_version() -> None:
    talk = under_way()
    finish = wire_time(talk.now + 9 * DAY)
    talk.say("OH11", dates={"required_finish": finish}, reason={"text": "改约"})
    body = talk.of("OH14")[0]
    assert body["dates"] == {"required_finish": finish, "expected_finish": finish}
    assert (talk.order.version, talk.order.image["dates"]["required_finish"]) == (1, finish)


@pytest.mark.parametrize("code", ["OH10", "OH11"])
def test_dates_of_a_deferred_order_stand_and_the_past_is_no_date(code: str) -> None:
    talk = under_way()
    past: dict[str, Any] = {"wanted_date": "20200101000000"} if code == "OH10" else {"dates": {"booked_at": "20200101000000"}}
    talk.say(code, reason={"text": "改约"}, **past)
    assert talk.of("OH14")[-1]["code"] == "3013"
    talk.defer(talk.now + DAY)
    future: dict[str, Any] = {} if code == "OH10" else {"dates": {"booked_at": wire_time(talk.now + DAY)}}
    talk.say(code, reason={"text": "改约"}, **future)
    assert (talk.of("OH14")[-1]["code"], talk.of("OH14")[-1]["state"]) == ("3004", "DEFERRED")


# -- lock


def test_lock_freezes_and_unlock_goes_on_with_what_was_left() -> None:
    talk = under_way()
    answer = talk.lock(talk.now + 10 * DAY).answer
    assert answer is not None
    heard = len(talk.crm)
    talk.run(talk.now + DAY)
    assert len(talk.crm) == heard
    assert ("LK03", "0000") in talk.receipts
    assert talk.unlock(answer["fence"]).answer == {"service_order_id": "SO1", "outcome": "unlocked", "state": "IN_PROGRESS"}
    talk.run()
    assert ("LK04", "0000") in talk.receipts
    assert talk.order.state == "COMPLETED"


LOCKED_OUT = [
    ("change", lambda talk: talk.change([item(product="LAN")])),
    ("defer", lambda talk: talk.defer(talk.now + DAY)),
    ("dates", lambda talk: talk.say("OH10", reason={"text": "催单"})),
    ("end deferral", lambda talk: talk.end_deferral(talk.now + DAY)),
    ("another lock", lambda talk: talk.lock(talk.now + DAY, by="B")),
]


@pytest.mark.parametrize(("name", "ask"), LOCKED_OUT, ids=[row[0] for row in LOCKED_OUT])
def test_what_a_lock_keeps_out_is_to_be_tried_again(name: str, ask: Any) -> None:
    talk = under_way()
    if name == "end deferral":
        talk.defer(talk.now + 5 * DAY)
    talk.lock(talk.now + DAY)
    heard = len(talk.crm)
    assert symbol(ask(talk)) == "LOCKED"
    assert len(talk.crm) == heard


def test_cancel_passes_the_lock_and_ends_it() -> None:
    talk = under_way()
    talk.lock(talk.now + DAY)
    talk.cancel()
    talk.run(talk.now + HOUR)
    assert talk.codes()[-2:] == ["CN02", "LK05"]
    assert talk.of("LK05")[0]["event"] == "ended"
    assert talk.order.state == "CANCELLED"


def test_lease_ends_by_pfs_clock_and_a_late_unlock_is_success() -> None:
    talk = under_way()
    answer = talk.lock(talk.now + DAY).answer
    assert answer is not None
    assert talk.until("LK05")["event"] == "expired"
    late = talk.unlock(answer["fence"]).answer
    assert late is not None
    assert late["outcome"] == "not_locked"
    talk.run()
    assert talk.order.state == "COMPLETED"


def test_owner_extends_others_queue_and_the_fence_grows() -> None:
    talk = under_way()
    first = talk.lock(talk.now + DAY).answer
    again = talk.lock(talk.now + 2 * DAY).answer
    queued = talk.lock(talk.now + 3 * DAY, by="B", wait=True).answer
    assert first is not None
    assert again is not None
    assert queued is not None
    assert (first["fence"], again["fence"], queued["queue_position"]) == (1, 1, 1)
    assert "fence" not in queued
    talk.unlock(1)
    granted = talk.of("LK05")[-1]
    assert (granted["event"], granted["fence"], granted["locked_by"]) == ("granted", 2, "B")
    assert symbol(talk.unlock(1)) == "STALE_VERSION"
    assert symbol(talk.unlock(2, operator="A")) == "NOT_LOCK_OWNER"
    assert symbol(talk.unlock(2, operator="B")) is None


def test_force_needs_a_second_person_and_is_reported() -> None:
    talk = under_way()
    talk.lock(talk.now + DAY)
    force = {"reason": {"text": "持有人离岗"}, "approved_by": "M1"}
    assert symbol(talk.unlock(1, operator="M1", force=force)) == "NOT_LOCK_OWNER"
    assert symbol(talk.unlock(1, operator="M2", force=force)) is None
    assert talk.of("LK05")[-1]["event"] == "forced"
    assert not talk.order.locked


@pytest.mark.parametrize(("span", "expected"), [(-DAY, "DATE_INVALID"), (31 * DAY, "DATE_INVALID"), (30 * DAY, None)])
def test_lease_lies_within_policy(span: int, expected: str | None) -> None:
    talk = under_way()
    assert symbol(talk.lock(talk.now + span)) == expected


def test_deferral_due_while_locked_ends_on_unlock_and_the_time_counts_once() -> None:
    talk = under_way()
    expected, began = talk.order.expected_finish, talk.now
    assert expected is not None
    talk.defer(talk.now + DAY)
    talk.lock(talk.now + 3 * DAY)
    talk.run(talk.now + 2 * DAY)
    assert talk.order.state == "DEFERRED"
    talk.unlock(1)
    assert talk.of("DF03")[0]["ended_by"] == "date"
    assert talk.order.expected_finish == expected + talk.now - began


def test_return_decided_before_the_lock_is_told_on_unlock() -> None:
    talk = under_way({"do": "return", "stage": "FIELD", "reason": "10R002"})
    while not talk.order.undos:
        due = talk.next_due()
        assert due is not None
        talk.run(due)
    talk.lock(talk.now + DAY)
    talk.run(talk.now + HOUR)
    assert "OH09" not in talk.codes()
    talk.unlock(1)
    assert talk.codes()[-1] == "OH09"
    assert talk.order.state == "RETURNED"


def test_completion_reported_before_the_lock_stands() -> None:
    talk = PfTalk()
    talk.decide = lambda report: None
    talk.begin()
    talk.until("OH08")
    refused = talk.lock(talk.now + DAY)
    assert refused.refusal is not None
    assert (refused.refusal.symbol, refused.refusal.state) == ("STATE_CONFLICT", "COMPLETING")


def test_shortage_under_a_lock_is_told_on_unlock() -> None:
    talk = PfTalk()
    talk.rm.plant.pools["025", "ONU"].clear()
    talk.begin()
    talk.lock(talk.now + DAY)
    talk.run(talk.now + HOUR)
    assert talk.codes() == []
    talk.unlock(1)
    talk.run(talk.now + HOUR)
    assert talk.codes() == ["OH02", "PI01"]


UNKNOWN = ["CO01", "CN01", "OH10", "OH11", "PA03", "DF01", "DF02", "LK01", "LK02", "PQ02"]


@pytest.mark.parametrize("code", [code for code in UNKNOWN if code != "CN01"])
def test_order_nobody_knows_is_refused(code: str) -> None:
    talk = PfTalk()
    body: dict[str, Any] = {"service_order_id": "SO9", "version": 1, "area": "025"}
    assert symbol(talk.pf.on_document(code, body, _meta(), talk.now)) == "ORDER_UNKNOWN"


def _meta() -> Any:
    from simulators.brain import Meta

    return Meta("CRM001", "CRM001" + "7" * 24, "025")


# -- a lock that keeps nothing, and field staff who cannot come ---------------------------------------------------------------


@pytest.mark.parametrize("stage", ["DATA_CONFIG", "FIELD", "PON", "TEST"])
def test_a_lock_that_keeps_nothing_gives_resources_back_and_they_are_assigned_anew(stage: str) -> None:
    talk = PfTalk()
    talk.begin()
    talk.until_stage(stage)
    fence = talk.lock(talk.now + 3 * DAY, keep=False).answer["fence"]  # type: ignore[index]
    talk.run(talk.now + DAY)
    assert (talk.rm.ledger.counts["held"], talk.order.closed) == (0, False)
    assert all(not item.resources for item in talk.order.items.values())
    talk.unlock(fence)
    talk.run(talk.now + 30 * DAY)
    assert talk.order.state == "COMPLETED"
    assert undone_twice(talk.order) == []


def test_a_lock_that_keeps_nothing_ends_by_its_lease_and_the_order_goes_on() -> None:
    talk = under_way()
    talk.lock(talk.now + DAY, keep=False)
    talk.run(talk.now + 30 * DAY)
    assert talk.order.state == "COMPLETED"


def test_a_lock_that_keeps_no_longer_gives_back_what_it_kept() -> None:
    talk = under_way()
    fence = talk.lock(talk.now + 3 * DAY).answer["fence"]  # type: ignore[index]
    assert talk.rm.ledger.counts["held"] > 0
    talk.lock(talk.now + 3 * DAY, keep=False)
    talk.run(talk.now + DAY)
    assert talk.rm.ledger.counts["held"] == 0
    talk.unlock(fence)
    talk.run(talk.now + 30 * DAY)
    assert talk.order.state == "COMPLETED"


def test_a_cancel_passes_a_lock_that_keeps_nothing() -> None:
    talk = under_way()
    talk.lock(talk.now + 3 * DAY, keep=False)
    talk.cancel()
    talk.run(talk.now + 30 * DAY)
    assert (talk.order.state, talk.rm.ledger.counts["held"]) == ("CANCELLED", 0)


@pytest.mark.parametrize("outcome", ["applied", "refused"])
def test_field_staff_put_off_the_appointment(outcome: str) -> None:
    talk = PfTalk({"do": "reschedule", "stage": "FIELD", "ms": 2 * DAY})
    talk.begin()
    asked = talk.until("OH11")
    before = talk.order.image["dates"]
    fields = {"dates": asked["dates"]} if outcome == "applied" else {"code": "3013", "reason": {"text": "客户不同意"}}
    talk.say("OH14", operation="reschedule", outcome=outcome, **fields)
    kept = asked["dates"] if outcome == "applied" else {}
    assert talk.order.image["dates"] == before | kept
    assert [entry["code"] for entry in talk.order.exceptions] == ([] if outcome == "applied" else ["3013"])
    talk.run()
    assert talk.order.state == "COMPLETED"
