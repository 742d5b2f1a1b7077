"""Messages that come late, early or cross each other, over the wire: the outcome of spec 04.1 and 04.9, row by row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.wire.packet import Kind, Packet
from crm_core.orders.resume_pending import ResumePending
from gateway.proof.world import CHANNEL, CRM, PF
from tests.gateway.rig import CODEC, echo
from tests.races.house import AMEND, CANCEL, DEFER, Body, House

pytestmark = pytest.mark.simulation

HALF_HOUR = 1860


@pytest.fixture(scope="module")
def house() -> House:
    return House()


@pytest.fixture
def order(house: House) -> str:
    """An order of its own, received by provisioning."""
    return house.submit(house.fresh())


def amended(house: House, order: str, days: int = 3) -> str:
    """A change of dates under way; the serial under which it left."""
    dates = {"captured_at": house.at(-3600), "booked_at": house.at(days * 86_400)}
    assert house.ask(order, "amend", {"reason": AMEND, "dates": dates})["code"] == "0001"
    return house.serial_of(order, "change")


def cancelling(house: House, order: str) -> str:
    """A cancel under way; the serial under which it left."""
    assert house.ask(order, "cancel", {"reason": CANCEL})["code"] == "0001"
    assert house.state(order) == "CANCELLING"
    return house.serial_of(order, "cancel")


def cancel_result(house: House, order: str, seq: int, ref: str | None, outcome: str, code: str | None = None) -> Body:
    row: Body = {"item_id": "1", "outcome": outcome} | ({} if code is None else {"code": code, "state": "COMPLETING"})
    return house.report(order, "CancelResult", seq=seq, ref=ref, items=[row])


def locked(house: House, order: str, seconds: float = 3600) -> int:
    """Held by OP1; the fence."""
    lease = {"reason": {"text": "核查"}, "locked_by": "OP1", "lease_until": house.at(seconds), "keep_resources": True}
    assert house.ask(order, "lock", lease, operator="OP1")["code"] == "0001"
    house.advance(1)
    return int(house.seen(order)["lock"]["fence"])


def deferred(house: House, order: str, seconds: float, seq: int) -> None:
    """DF01 agreed."""
    assert house.ask(order, "defer", {"reason": DEFER, "until": house.at(seconds)})["code"] == "0001"
    house.report(order, "OperationResult", seq=seq, ref=house.serial_of(order, "defer"), operation="defer", outcome="applied")
    assert house.state(order) == "DEFERRED"


def fallouts(house: House, order: str) -> list[Any]:
    return [row["error_class"] for row in house.seen(order)["fallouts"]]


# -- order of reports ---------------------------------------------------------------------------------------------------


def test_completion_before_acceptance_waits_for_it(house: House, order: str) -> None:
    assert house.complete(order, 2)["code"] == "0001"
    assert house.state(order) == "ACKNOWLEDGED"
    house.accept(order, 1)
    assert house.state(order) == "COMPLETED"
    assert house.seen(order)["held"] == []


def test_completion_of_a_peer_without_numbers_implies_acceptance(house: House, order: str) -> None:
    house.complete(order, None)
    assert house.state(order) == "COMPLETED"
    assert house.accept(order, None)["code"] == "0001"
    assert house.state(order) == "COMPLETED"
    assert fallouts(house, order) == []


def test_acceptance_that_never_comes_is_asked_for_again_and_then_seen_by_a_person(house: House, order: str) -> None:
    house.complete(order, 2)
    house.advance(700)
    (asked,) = house.sent("RX03", order)
    assert (asked["from_seq"], asked["to_seq"]) == (1, 1)
    house.advance(800)
    assert (house.state(order), fallouts(house, order)) == ("FALLOUT", ["gap"])
    house.accept(order, 1)
    assert house.state(order) == "COMPLETED"


def test_stage_after_completion_is_recorded_only(house: House, order: str) -> None:
    house.accept(order, 1)
    house.complete(order, 2)
    before = house.seen(order)
    assert house.stage(order, 3)["code"] == "0001"
    after = house.seen(order)
    assert (after["state"], after["ended_at"]) == ("COMPLETED", before["ended_at"])
    assert fallouts(house, order) == []


def test_a_passed_number_is_recorded_only(house: House, order: str) -> None:
    house.accept(order, 1)
    house.stage(order, 2)
    assert house.send_back(order, 1)["code"] == "0001"
    assert (house.state(order), house.seen(order)["report_seq"]) == ("IN_PROGRESS", 2)


def test_completion_reported_twice_is_answered_twice_and_counts_once(house: House, order: str) -> None:
    house.accept(order, 1)
    house.complete(order, 2)
    house.complete(order, 3)
    assert [body["items"][0]["result"] for body in house.sent("OH13", order)] == ["accepted", "accepted"]
    assert len(house.seen(order)["billing"]) == 1


# -- cancel -------------------------------------------------------------------------------------------------------------


def test_cancel_against_completion_the_point_was_passed_first(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = cancelling(house, order)
    house.complete(order, 2)
    assert house.state(order) == "CANCELLING"
    cancel_result(house, order, 3, serial, "refused", "3005")
    assert house.state(order) == "COMPLETED"
    assert [body["items"][0]["result"] for body in house.sent("OH13", order)] == ["accepted"]


def test_cancel_against_completion_the_cancel_came_first(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = cancelling(house, order)
    house.complete(order, 2)
    cancel_result(house, order, 3, serial, "cancelled")
    seen = house.seen(order)
    assert (seen["state"], seen["held"], seen["billing"]) == ("CANCELLED", [], [])
    assert fallouts(house, order) == ["report"]


def test_cancel_against_return_ends_cancelled(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = cancelling(house, order)
    house.send_back(order, 2)
    assert house.state(order) == "CANCELLED"
    cancel_result(house, order, 3, serial, "cancelled")
    assert (house.state(order), fallouts(house, order)) == ("CANCELLED", [])


def test_cancel_against_rejection_ends_cancelled(house: House, order: str) -> None:
    cancelling(house, order)
    house.report(order, "OrderRejected", seq=1, code="3022")
    assert house.state(order) == "CANCELLED"


def test_cancelled_before_the_dispatch_arrived_an_acceptance_changes_nothing(house: House, order: str) -> None:
    serial = cancelling(house, order)
    cancel_result(house, order, 1, serial, "cancelled")
    assert house.state(order) == "CANCELLED"
    assert house.accept(order, 2)["code"] == "0001"
    assert house.state(order) == "CANCELLED"


def test_rejection_after_acceptance_is_refused_and_seen_by_a_person(house: House, order: str) -> None:
    house.accept(order, 1)
    answer = house.report(order, "OrderRejected", seq=2, code="3022")
    assert (answer["code"], answer["state"], house.state(order)) == ("3004", "ACCEPTED", "ACCEPTED")
    assert fallouts(house, order) == ["report"]


def test_answer_after_timeout_still_counts(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = cancelling(house, order)
    house.advance(HALF_HOUR)
    assert (house.state(order), fallouts(house, order)) == ("FALLOUT", ["overdue"])
    cancel_result(house, order, 2, serial, "cancelled")
    assert house.state(order) == "CANCELLED"


def test_an_answer_to_a_question_nobody_asked_is_recorded_only(house: House, order: str) -> None:
    house.accept(order, 1)
    assert cancel_result(house, order, 2, "CRM001202611220900000000009999", "cancelled")["code"] == "0001"
    assert house.state(order) == "ACCEPTED"


def test_a_cancel_by_a_rule_of_provisioning_counts_unasked(house: House, order: str) -> None:
    house.accept(order, 1)
    cancel_result(house, order, 2, None, "cancelled")
    assert house.state(order) == "CANCELLED"


def test_what_was_stuck_is_cancelled_after_all(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = cancelling(house, order)
    cancel_result(house, order, 2, serial, "stuck", "9005")
    assert (house.state(order), fallouts(house, order)) == ("FALLOUT", ["cancel"])
    cancel_result(house, order, 3, serial, "cancelled")
    assert house.state(order) == "CANCELLED"


# -- change -------------------------------------------------------------------------------------------------------------


def test_change_against_return_is_returned_and_the_change_refused(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = amended(house, order)
    house.send_back(order, 2)
    assert house.state(order) == "RETURNED"
    house.report(order, "ChangeResult", seq=3, version=2, ref=serial, outcome="refused", code="3004", state="RETURNED")
    seen = house.seen(order)
    assert (seen["state"], seen["version"], seen["operations"]) == ("RETURNED", 1, [])
    again = house.ask(order, "amend", {"reason": AMEND, "dates": {"captured_at": house.at(-3600), "booked_at": house.at(9e5)}})
    assert again["details"] == [{"name": "version", "value": "3"}]
    assert house.sent("OH01", order)[-1]["version"] == 3


@pytest.mark.parametrize(("outcome", "version", "end"), [("refused", 1, "COMPLETED"), ("applied", 2, "AMENDED")])
def test_change_against_completion(house: House, order: str, outcome: str, version: int, end: str) -> None:
    house.accept(order, 1)
    serial = amended(house, order)
    house.complete(order, 2)
    assert house.state(order) == "AMENDING"
    code = {"code": "3005"} if outcome == "refused" else {}
    house.report(order, "ChangeResult", seq=3, version=2, ref=serial, outcome=outcome, **code)
    seen = house.seen(order)
    assert (seen["version"], seen["held"]) == (version, [])
    if end == "COMPLETED":
        assert seen["state"] == "COMPLETED"
    else:
        # the completion was of the version that no longer counts: it is reported again
        assert seen["state"] == "ACCEPTED"
        house.complete(order, 4, version=2)
        assert house.state(order) == "COMPLETED"


def test_older_version_after_newer_changes_nothing(house: House, order: str) -> None:
    house.accept(order, 1)
    house.send_back(order, 2)
    dates = {"captured_at": house.at(-3600), "booked_at": house.at(400_000)}
    house.ask(order, "amend", {"reason": AMEND, "dates": dates})
    assert house.seen(order)["version"] == 2
    assert house.complete(order, 3, version=1)["code"] == "0001"
    seen = house.seen(order)
    assert (seen["state"], seen["billing"], seen["held"]) == ("ACKNOWLEDGED", [], [])
    house.complete(order, 4, version=2)
    assert house.state(order) == "COMPLETED"


def test_completion_of_the_new_version_waits_for_the_change_to_be_answered(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = amended(house, order)
    house.complete(order, 2, version=2)
    assert house.state(order) == "AMENDING"
    house.report(order, "ChangeResult", seq=3, version=2, ref=serial, outcome="applied")
    assert house.state(order) == "COMPLETED"


def test_change_answered_late_by_a_person(house: House, order: str) -> None:
    house.accept(order, 1)
    serial = amended(house, order)
    house.report(order, "ChangeResult", seq=2, version=2, ref=serial, outcome="manual")
    house.advance(HALF_HOUR)
    assert house.state(order) == "FALLOUT"
    house.report(order, "ChangeResult", seq=3, version=2, ref=serial, outcome="applied")
    seen = house.seen(order)
    assert (seen["version"], seen["operations"]) == (2, [])


def test_cancel_passes_a_change_and_the_change_ends_with_it(house: House, order: str) -> None:
    house.accept(order, 1)
    change = amended(house, order)
    cancel_result(house, order, 2, cancelling(house, order), "cancelled")
    assert house.state(order) == "CANCELLED"
    house.report(order, "ChangeResult", seq=3, version=2, ref=change, outcome="refused", code="3004")
    assert (house.state(order), house.seen(order)["version"]) == ("CANCELLED", 1)


# -- deferral and lock --------------------------------------------------------------------------------------------------


def test_deferral_due_against_its_end_by_hand_is_one_end(house: House, order: str) -> None:
    house.accept(order, 1)
    deferred(house, order, 600, 2)
    assert house.ask(order, "end_deferral", {"appointment": house.at(3600)})["code"] == "0001"
    serial = house.serial_of(order, "end_deferral")
    house.report(order, "DeferralEnded", seq=3, ended_by="date", state="IN_PROGRESS")
    house.report(order, "OperationResult", seq=4, ref=serial, operation="end_deferral", outcome="applied", state="IN_PROGRESS")
    seen = house.seen(order)
    assert (seen["state"], seen["operations"], seen["deferral"]["ended_by"]) == ("IN_PROGRESS", [], "date")
    ends = [entry for entry in seen["history"] if entry["input"] == "deferral_ended"]
    assert len(ends) == 1
    assert (seen["clock"]["stops"], fallouts(house, order)) == ([], [])


def test_cancel_of_a_deferred_order_passes_and_its_end_comes_too_late(house: House, order: str) -> None:
    house.accept(order, 1)
    deferred(house, order, 600, 2)
    cancel_result(house, order, 3, cancelling(house, order), "cancelled")
    house.report(order, "DeferralEnded", seq=4, ended_by="date", state="IN_PROGRESS")
    assert (house.state(order), fallouts(house, order)) == ("CANCELLED", [])


def test_lease_due_against_unlock_is_one_end(house: House, order: str) -> None:
    house.accept(order, 1)
    fence = locked(house, order)
    house.report(order, "LockReport", seq=2, fence=fence, event="expired")
    assert house.seen(order)["lock"]["holder"] is None
    assert house.ask(order, "unlock", {"fence": fence}, operator="OP1")["code"] == "0002"
    assert house.state(order) == "ACCEPTED"


def test_unlock_with_the_fence_of_an_older_grant_is_refused(house: House, order: str) -> None:
    house.accept(order, 1)
    fence = locked(house, order)
    house.report(order, "LockReport", seq=2, fence=fence, event="expired")
    locked(house, order, 7200)
    answer = house.ask(order, "unlock", {"fence": fence}, operator="OP1")
    assert (answer["code"], answer["state"]) == ("3015", "ACCEPTED")


@pytest.mark.parametrize(
    ("report", "end"), [("complete", "COMPLETED"), ("send_back", "RETURNED"), ("pending", "PENDING_INSTALL")]
)
def test_lock_against_what_was_reported_before_it_is_applied_on_unlock(house: House, order: str, report: str, end: str) -> None:
    house.accept(order, 1)
    fence = locked(house, order)
    getattr(house, report)(order, 2)
    assert house.state(order) == "ACCEPTED"
    assert house.ask(order, "unlock", {"fence": fence}, operator="OP1")["code"] == "0001"
    house.advance(1)
    assert (house.state(order), house.seen(order)["held"]) == (end, [])


def test_a_lock_granted_to_an_order_that_ended_meanwhile_is_not_held(house: House, order: str) -> None:
    house.accept(order, 1)
    house.complete(order, 2)
    house.report(order, "LockReport", seq=3, fence=99, event="cutover", cutover_id="CT9", lease_until=house.at(3600))
    assert (house.state(order), (house.seen(order)["lock"] or {}).get("holder")) == ("COMPLETED", None)


# -- pending install ----------------------------------------------------------------------------------------------------


def test_an_offer_that_expired_before_it_was_taken_leaves_the_order_waiting(house: House, order: str) -> None:
    house.accept(order, 1)
    house.pending(order, 2)
    house.report(order, "PendingOffer", seq=3, offered={"text": "有端口"}, valid_until=house.at(3600))
    house.command(ResumePending(order, True, operator="OP1"))
    serial = house.serial_of(order, "resume_pending")
    house.report(order, "ResumeResult", seq=4, ref=serial, outcome="failed", code="3010")
    seen = house.seen(order)
    assert (seen["state"], seen["operations"], seen["pending"]["offer"]) == ("PENDING_INSTALL", [], None)


def test_cancel_of_an_order_that_waits_beats_its_restart(house: House, order: str) -> None:
    house.accept(order, 1)
    house.pending(order, 2)
    cancel_result(house, order, 3, cancelling(house, order), "cancelled")
    house.report(order, "ResumeResult", seq=4, outcome="resumed")
    assert (house.state(order), house.seen(order)["pending"]) == ("CANCELLED", None)


# -- submission ---------------------------------------------------------------------------------------------------------


def test_the_same_order_submitted_again_is_one_order(house: House) -> None:
    body = house.submission("CO-TWICE")
    assert [house.say(CHANNEL, "SubmitOrder", body)["code"] for _ in range(2)] == ["0001", "0002"]
    assert len(house.rows("SELECT id FROM service_order WHERE customer_order_id = 'CO-TWICE'")) == 1


def test_freeze_against_a_new_order_names_it_as_blocking(house: House, order: str) -> None:
    line = house.seen(order)["items"][0]["instance_id"]
    window = {"begin": house.at(60), "end": house.at(86_400)}
    freeze = {"area": "025", "cutover_id": "CT7", "freeze_window": window, "dry_run": False, "part_no": 1, "is_last": True,
              "instances": [{"product_instance_id": line}]}  # fmt: skip
    house.say(PF, "CutoverFreeze", freeze)
    (row,) = [row for answer in house.heard("CT08") for row in answer["instances"]]
    assert (row["product_instance_id"], row["outcome"], row["blocking_orders"]) == (line, "blocked", [order])


def test_what_was_refused_for_now_is_judged_again_when_it_comes_again(house: House, order: str) -> None:
    """A change in progress is no answer for ever: the channel sends the same bytes once more, as 06.1 tells it to."""
    ref = amended(house, order)
    moved = {"reason": {"text": "客户改约"}, "dates": {"booked_at": house.at(4 * 86_400)}}
    asked = {"service_order_id": order, "area": "025", "operation": "reschedule", "dry_run": False, "reschedule": moved}
    packet, wire = house.packet(CHANNEL, "OrderOperation", asked), house.wire(CHANNEL)
    codes = []
    for answered in (False, True, False):
        if answered:
            house.report(order, "ChangeResult", seq=1, version=2, ref=ref, outcome="refused", code="3005")
        wire.send(packet)
        house.advance(0.5)
        codes.append([got.result for got in wire.got if got.serial == packet.serial][-1])
    assert codes == ["3021", "0001", "0001"]
    assert len(house.sent("OH11", order)) == 1


# -- answers that were lost, told when asked for (RX04) -------------------------------------------------------------------


def silent_but_asked(house: House, name: str, state: str, *, tells: bool = True) -> list[str]:
    """Answers to ``name`` are lost; what provisioning answered it tells when it is asked. The codes it got."""
    codes: list[str] = []
    kept: list[Packet] = []

    def script(packet: Packet) -> Packet | None:
        codes.append(packet.code)
        if CODEC.catalogue.message(packet.code).name == name:
            kept.append(house._script(packet))
            return None
        if packet.code != "RX04":
            return house._script(packet)
        asked = CODEC.decode(packet.body, packet.charset)
        body = asked.body | {"state": state}
        if tells:
            document = kept[0].body.decode("gb18030")
            body["stored_answer"] = {"serial": kept[0].serial, "result_code": kept[0].result, "document": document}
        header = Header(packet.code, packet.serial, PF, CRM, packet.area, packet.send_time, "0.9", "B", result_code="0000")
        raw = CODEC.encode(Document(asked.row, asked.row.answer or "", header, body), "GB18030")
        return echo(packet, raw, Kind.REPLY, "0000")

    house.station.script = script
    return codes


def asks_for_a_lock(house: House, order: str) -> None:
    lease = {"reason": {"text": "核查"}, "locked_by": "OP1", "lease_until": house.at(7200), "keep_resources": True}
    assert house.ask(order, "lock", lease, operator="OP1")["code"] == "0001"
    house.advance(150)


def test_the_fence_of_a_grant_whose_answer_was_lost_is_heard_when_asked_for(blocking: House, order: str) -> None:
    codes = silent_but_asked(blocking, "LockOrder", "applied")
    asks_for_a_lock(blocking, order)
    assert codes == ["LK01"] * 4 + ["RX04"]
    lock = blocking.seen(order)["lock"]
    assert (lock["holder"]["owner"], lock["queue"]) == ("OP1", [])
    assert lock["fence"] > 0
    assert blocking.seen(order)["operations"] == []


def test_a_question_that_was_answered_but_nobody_says_how_ends_at_the_desk(blocking: House, order: str) -> None:
    codes = silent_but_asked(blocking, "LockOrder", "applied", tells=False)
    asks_for_a_lock(blocking, order)
    assert "RX04" in codes
    assert [entry["operation"] for entry in blocking.seen(order)["operations"]] == ["lock"]  # neither held nor waiting
    assert blocking.seen(order)["lock"] is None
    blocking.advance(3 * 3600)
    assert "unknown" in fallouts(blocking, order)


# -- blocking: the reply to a command is its result (01.1.4) --------------------------------------------------------------


def replying(house: House, name: str, result: Body) -> None:
    """From now on provisioning answers ``name`` with its result, in the reply."""

    def script(packet: Packet) -> Packet:
        row = CODEC.catalogue.message(packet.code)
        if row.name != name:
            return house._script(packet)
        asked = CODEC.decode(packet.body, packet.charset).body
        body = {field: asked[field] for field in ("service_order_id", "version", "area")} | result
        header = Header(packet.code, packet.serial, PF, CRM, packet.area, packet.send_time, "0.9", "B",
                        ref_serial=packet.serial, result_code="0000")  # fmt: skip
        element = CODEC.catalogue.message(row.result[0]).name
        return echo(packet, CODEC.encode(Document(row, element, header, body), "GB18030"), Kind.REPLY, "0000")

    house.station.script = script


@pytest.fixture
def blocking(house: House) -> Iterator[House]:
    """Provisioning answers at once, then no more."""
    yield house
    house.station.script = house._script


def test_a_dispatch_answered_by_its_acceptance_is_accepted(blocking: House) -> None:
    accepted = {"accepted_by": "调度员甲", "accepted_at": blocking.at(0), "phone": "025-81000001",
                "expected_finish": blocking.at(86_400), "report_seq": 1}  # fmt: skip
    replying(blocking, "DispatchOrder", accepted)
    order = blocking.submit(blocking.fresh())
    blocking.advance(1)
    assert blocking.state(order) == "ACCEPTED"
    assert blocking.seen(order)["report_seq"] == 1


def test_a_cancel_answered_by_its_result_is_over(blocking: House, order: str) -> None:
    replying(blocking, "CancelOrder", {"items": [{"item_id": "1", "outcome": "cancelled"}], "report_seq": 1})
    assert blocking.ask(order, "cancel", {"reason": CANCEL})["code"] == "0001"
    blocking.advance(1)
    assert blocking.state(order) == "CANCELLED"
    assert blocking.seen(order)["operations"] == []


def test_an_operation_answered_by_its_result_is_closed_under_its_serial(blocking: House, order: str) -> None:
    replying(blocking, "DeferInstall", {"operation": "defer", "outcome": "applied", "report_seq": 1})
    assert blocking.ask(order, "defer", {"reason": DEFER, "until": blocking.at(86_400)})["code"] == "0001"
    blocking.advance(1)
    assert blocking.state(order) == "DEFERRED"
    assert blocking.seen(order)["operations"] == []
