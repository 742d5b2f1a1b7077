"""A question for a third system is passed through: not sent, unknown and refused are told as what they are (README, 06.1)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.packet import Packet
from adapters.wire.times import wire_time
from tests.gateway.hub.test_hub import asked, hub, replace_time, reserve
from tests.gateway.rig import CODEC, Rig, packet_of, receipt_for, result_of

LEGS = "SELECT direction, state, result_code FROM message ORDER BY id"


def question(name: str = "ReserveResource") -> Packet:
    return packet_of(asked(2, name, Mode="B"))


def told(rig: Rig, caller: Any, packet: Packet, seconds: float = 1) -> list[str]:
    """Result codes of the answers."""
    return [result_of(one)[0] for one in rig.ask(caller, packet, seconds=seconds)]


def test_nothing_was_sent_on_where_nobody_listens_and_nothing_is_later():
    rig = hub()
    pf = rig.caller()
    assert told(rig, pf, question(), 45) == ["9003"]
    rm = rig.station("mem://rm", reserve)
    rig.run(600)
    assert rm.received == [], "its asker was told that nothing was sent"
    assert rig.rows(LEGS) == [("in", "REJECTED", "9003"), ("out", "PARKED", "9003")]
    assert rig.one("SELECT count(*) FROM fallout") == 0
    assert told(rig, pf, question()) == ["0000"]
    assert told(rig, pf, question()) == ["0000"]
    assert len(rm.received) == 1
    assert rig.one("SELECT count(*) FROM inbox") == 1


def test_repeats_of_what_was_not_sent_are_one_question_however_they_come():
    rig = hub()
    pf = rig.caller()
    told(rig, pf, question(), 45)
    rm = rig.station("mem://rm", reserve)
    rig.run(40)
    assert [result_of(one)[0] for one in rig.ask(pf, question(), question(), seconds=2)] == ["0000", "0000"]
    assert len(rm.received) == 1


def test_several_who_wait_for_one_answer_all_hear_that_nothing_was_sent():
    rig = hub()
    pf, other = rig.caller(), rig.caller()
    rig.ask(pf, question(), seconds=10)
    rig.ask(other, question(), seconds=40)
    assert [result_of(one)[0] for one in (*pf.got, *other.got)] == ["9003", "9003"]


def test_the_next_of_the_same_order_goes_on_when_a_question_ended_unsent():
    rig = hub()
    pf = rig.caller()
    rig.ask(pf, packet_of(asked(1)), packet_of(asked(3, "UnassignResource", Mode="B")), seconds=45)
    assert [result_of(one)[0] for one in pf.got] == ["0001", "9003"]
    rm = rig.station("mem://rm")
    rig.run(60)
    rig.ask(pf, packet_of(asked(4)), seconds=2)
    assert [one.code for one in rm.received] == ["OH03", "OH03"]


def test_who_waited_before_a_restart_waits_no_longer_than_anybody():
    rig = hub()
    rig.ask(rig.caller(), question(), seconds=2)
    rig = rig.restarted()
    rig.run(60)
    assert rig.rows(LEGS) == [("in", "REJECTED", "9003"), ("out", "PARKED", "9003")]


@pytest.mark.parametrize(
    ("symbol", "code"), [("LOCKED", "3007"), ("BUSY", "9001"), ("INTERNAL", "9005"), ("RATE_EXCEEDED", "2006")]
)
def test_a_refusal_for_now_is_the_askers_and_its_repeat_is_put_anew(symbol, code):
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: receipt_for(packet, symbol))
    pf = rig.caller()
    assert told(rig, pf, question(), 2) == [code]
    rig.run(3600)
    assert len(rm.received) == 1, "who asked says when it is asked again"
    rm.script = reserve
    assert told(rig, pf, question(), 2) == ["0000"]
    assert rig.rows(LEGS) == [("in", "DONE", "0000"), ("out", "REJECTED", code), ("out", "DONE", "0000")]
    assert rig.one("SELECT count(*) FROM fallout") == 0


@pytest.mark.parametrize("name", ["ReserveResource", "AssignResource"])
def test_a_far_end_that_does_not_let_us_in_says_nothing_of_the_asker(name):
    rig = hub()
    rig.station("mem://rm", lambda packet: receipt_for(packet, "SENDER_UNKNOWN"))
    (answer,) = rig.ask(rig.caller(), packet_of(asked(2, name)), seconds=2)
    code, faults = result_of(answer)
    assert (code, faults[0]["found"], "RM0001" in faults[0]["text"]) == ("9003", "2001", True)
    assert rig.rows("SELECT error_class FROM fallout") == [("authentication",)]


def test_an_answer_after_its_leg_was_given_up_is_the_askers_and_no_business_of_our_core():
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    pf = rig.caller()
    assert told(rig, pf, question(), 30) == ["9002"]
    rig.run(3 * 3600)
    assert rig.rows(LEGS)[-1] == ("out", "DEAD", "9002")
    rm.wire.send(reserve(next(one for one in rm.received if one.code == "RR01")))
    rig.run(1)
    assert told(rig, pf, question()) == ["0000"]
    assert rig.rows("SELECT symbol, closed_at IS NULL FROM fallout") == [("OUTCOME_UNKNOWN", 0)]


def test_a_question_that_only_reads_is_put_anew_where_the_far_end_fell_silent():
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    pf = rig.caller()
    packet = packet_of(asked(2, "LinkTest", Mode="B"))
    assert told(rig, pf, packet, 30) == ["9002"]
    rig.run(3 * 3600)
    rm.script = lambda packet: receipt_for(packet, "BUSY")
    assert told(rig, pf, packet) == ["9001"]


@pytest.mark.parametrize(("name", "code"), [("Login", "LN01"), ("Logout", "LN02")])
def test_what_is_about_the_link_itself_is_not_handed_on(name, code):
    rig = hub()
    rm = rig.station("mem://rm")
    (answer,) = rig.ask(rig.caller(), packet_of(asked(2, name)), seconds=2)
    assert (result_of(answer)[0], rm.received) == ("2002", [])
    assert code in result_of(answer)[1][0]["text"]


def dated(rig: Rig, back: int = 0, ttl: int = 0) -> bytes:
    """A command sent ``back`` seconds ago, by its sender's clock."""
    raw = asked()
    if ttl:
        raw = raw.replace(b"<Mode>A</Mode>", b"<Mode>A</Mode><Ttl>%d</Ttl>" % ttl)
    return CODEC.encode(replace_time(CODEC.decode(raw), wire_time(rig.clock.now() - back * 1000)), "UTF-8")


def test_a_time_to_live_only_the_packet_names_counts_for_what_is_handed_on():
    rig = hub()
    rig.run(1)
    rig.ask(rig.caller(), packet_of(dated(rig), ttl=30), seconds=600)
    rm = rig.station("mem://rm")
    rig.run(400)
    assert rm.received == []
    assert rig.rows("SELECT symbol FROM fallout") == [("TTL_EXPIRED",)]


def test_a_slow_clock_within_tolerance_does_not_end_what_was_let_in():
    rig = hub()
    rm = rig.station("mem://rm")
    rig.run(2)
    (answer,) = rig.ask(rig.caller(), packet_of(dated(rig, back=120, ttl=60), ttl=60), seconds=2)
    assert (result_of(answer)[0], len(rm.received)) == ("0001", 1)
