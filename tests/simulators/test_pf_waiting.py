"""待装 at PF: registered, told, offered, resumed or refused, left (5.8, 5.9)."""

from __future__ import annotations

from typing import Any

from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Reaction
from tests.simulators.pf_talk import DAY, HOUR, PfTalk, reversed_stages
from tests.simulators.talk import item

BY_OFFER = {"do": "shortage", "res_type": "PORT", "reason": "10W001", "ms": 5_000}
BY_ITSELF = {"do": "shortage", "res_type": "VLAN", "reason": "10W009", "ms": 5_000}


def without(res_type: str, *acts: dict[str, Any]) -> PfTalk:
    """RM has none of a type left."""
    talk = PfTalk(*acts)
    talk.rm.plant.pools["025", res_type].clear()
    return talk


def decide(talk: PfTalk, accept: bool, **more: Any) -> Reaction:
    return talk.say("PA03", accept=accept, **more)


def outcomes(talk: PfTalk) -> list[str]:
    return [body["outcome"] for body in talk.of("PA04")]


def test_shortage_registers_and_tells_what_is_missing_where() -> None:
    talk = without("ONU")
    where = {"text": "示例路1号", "area": "025"}
    talk.begin([item(a_end=where)])
    told = talk.until("PI01")
    assert (told["stage"], told["reason"]["code"], told["missing_res_type"]) == ("RES_ASSIGN", "10W006", "ONU")
    assert told["address"] == where
    assert talk.order.state == "PENDING_INSTALL"
    assert len(talk.rm.waiting) == 1
    assert ("PI02", "0000") in talk.receipts


def test_scripted_shortage_ends_with_an_offer_that_the_crm_takes() -> None:
    talk = PfTalk(BY_OFFER)
    talk.begin()
    told = talk.until("PI01")
    assert "expected_available" in told
    offered = talk.until("PA02")
    assert offered["offered"]["resources"][0]["res_type"] == "PORT"
    assert from_wire_time(offered["valid_until"]) > talk.now
    decide(talk, True)
    assert outcomes(talk) == ["resumed"]
    assert talk.last_ref("PA04") is not None
    assert talk.of("PA04")[0]["resumed_stage"] == "RES_ASSIGN"
    talk.run(talk.now + HOUR)
    assert talk.order.state == "COMPLETED"
    port = offered["offered"]["resources"][0]["res_inst_id"]
    assert port in [resource["res_inst_id"] for resource in talk.order.items["1"].resources]


def test_automatic_restart_skips_the_offer() -> None:
    talk = PfTalk(BY_ITSELF)
    talk.begin()
    talk.run(talk.now + HOUR)
    assert "PA02" not in talk.codes()
    assert outcomes(talk) == ["resumed"]
    assert talk.last_ref("PA04") is None
    assert talk.order.state == "COMPLETED"


def test_refused_offer_goes_back_to_the_queue_with_its_age_and_not_before_the_date() -> None:
    talk = PfTalk(BY_OFFER)
    talk.begin()
    talk.until("PA02")
    waiting = talk.order.items["1"].waiting
    assert waiting is not None
    since, later = waiting.since, talk.now + 10 * DAY
    decide(talk, False, new_date=wire_time(later))
    assert outcomes(talk) == ["queued"]
    assert talk.order.state == "PENDING_INSTALL"
    talk.until("PA02")
    assert talk.now >= later - 1_000
    assert waiting.since == since


def test_refusal_with_a_date_in_the_past_fails() -> None:
    talk = PfTalk(BY_OFFER)
    talk.begin()
    talk.until("PA02")
    decide(talk, False, new_date=wire_time(talk.now - DAY))
    assert (outcomes(talk), talk.of("PA04")[0]["code"]) == (["failed"], "3013")
    decide(talk, True)
    assert outcomes(talk) == ["failed", "resumed"]


def test_offer_that_nobody_takes_lapses_and_comes_again() -> None:
    talk = PfTalk(BY_OFFER)
    talk.begin()
    first = talk.until("PA02")
    second = talk.until("PA02")
    assert second["valid_until"] > first["valid_until"]
    assert talk.order.state == "PENDING_INSTALL"


def test_answer_without_an_offer_fails_and_the_item_waits_on() -> None:
    talk = without("ONU")
    talk.begin()
    talk.until("PI01")
    decide(talk, True)
    assert (outcomes(talk), talk.of("PA04")[0]["code"]) == (["failed"], "3010")
    assert talk.order.state == "PENDING_INSTALL"


def test_answer_of_an_order_that_does_not_wait_fails_with_its_state() -> None:
    talk = PfTalk()
    talk.begin(after_ms=1_000)
    decide(talk, True)
    body = talk.of("PA04")[0]
    assert (body["outcome"], body["code"], body["state"]) == ("failed", "3004", "IN_PROGRESS")


def test_cancel_leaves_the_queue_and_gives_a_held_offer_back() -> None:
    talk = PfTalk(BY_OFFER)
    talk.begin()
    talk.until("PA02")
    assert talk.rm.ledger.counts["held"] == 1
    talk.cancel()
    talk.run(talk.now + HOUR)
    assert talk.receipts.count(("PI03", "0000")) == 1
    assert talk.rm.ledger.counts["held"] == 0
    assert talk.order.state == "CANCELLED"


def test_offer_for_an_item_that_waits_no_longer_is_refused() -> None:
    talk = without("ONU")
    talk.begin()
    talk.until("PI01")
    waiting = talk.order.items["1"].waiting
    assert waiting is not None
    number = waiting.no
    talk.cancel()
    talk.run(talk.now + HOUR)
    offer = {"waiting_no": number, "reservation_id": "OF1", "resources": [], "expires_at": wire_time(talk.now + DAY)}
    refused = talk.pf.on_document("PA01", offer, _meta(), talk.now).refusal
    assert refused is not None
    assert refused.symbol == "HOLD_EXPIRED"


def test_item_that_waits_does_not_keep_the_others_from_completion() -> None:
    talk = without("ONU")
    talk.begin([item("1"), item("2", "IPTV", instance="PI2")])
    talk.run(talk.now + HOUR)
    assert talk.of("PI01")[0]["items"] == ["1"]
    assert [[row["item_id"] for row in body["items"]] for body in talk.of("OH08")] == [["2"]]
    assert talk.order.state == "PENDING_INSTALL"


def test_change_of_need_leaves_the_queue_and_goes_on() -> None:
    talk = without("ONU")
    talk.begin()
    talk.until("PI01")
    talk.change([item(product="LAN")], code="10Q001")
    talk.run(talk.now + HOUR)
    assert talk.of("CO02")[-1]["outcome"] == "applied"
    assert len(talk.rm.waiting) == 0
    assert outcomes(talk) == ["resumed"]
    assert talk.order.state == "COMPLETED"


def test_shortage_found_in_the_field_waits_too() -> None:
    talk = PfTalk({"do": "return", "stage": "FIELD", "reason": "10W001", "ms": 5_000})
    talk.begin()
    assert talk.until("PI01")["stage"] == "RES_ASSIGN"
    assert reversed_stages(talk.order)[-1] == "RES_ASSIGN"
    talk.until("PA02")
    decide(talk, True)
    talk.run(talk.now + HOUR)
    assert outcomes(talk) == ["resumed"]
    assert talk.order.state == "COMPLETED"


def _meta() -> Any:
    from simulators.brain import Meta

    return Meta("RM0001", "RM0001" + "7" * 24, "025")
