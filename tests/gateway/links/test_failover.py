"""Primary and stand-by addresses: over on an open circuit, back when the primary is healthy (spec 01.1.5); stop and resume."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from adapters.wire.packet import Packet
from gateway.cli.desk_requests import desk_requests
from gateway.reference_data import build_reference
from tests.gateway.links.test_link import with_pf
from tests.gateway.rig import CATALOGUE, PEERS, Rig, fate_for, receipt_for

TIMERS = {"receipt": 2, "circuit_failures": 2, "circuit_pause": 10}


def two(**changes: Any) -> Rig:
    return Rig(with_pf(connect=["mem://pf", "mem://pf2"], timers=TIMERS, **changes))


def answering(packet: Packet) -> Packet:
    """Receipts for everything; of what is asked after: never seen."""
    return fate_for(packet, "unseen") if packet.code == "RX04" else receipt_for(packet)


@pytest.mark.parametrize("long", [True, False], ids=["long", "short"])
def test_a_primary_that_takes_and_never_answers_is_left_for_the_stand_by_until_it_answers_again(long: bool) -> None:
    rig = two(long=long)
    primary, second = rig.station(script=lambda packet: None), rig.station("mem://pf2")
    rig.run(1)
    rig.send("a")
    rig.run(8)
    assert set(rig.out().values()) == {"DONE"}
    assert [packet.code for packet in second.received] == ["CH02"]
    rig.run(25)
    rig.send("b")
    rig.run(3)
    assert [packet.code for packet in second.received] == ["CH02", "CH02"]
    assert {packet.code for packet in primary.received[2:]} <= {"LN03"}  # only tests went to the primary meanwhile
    primary.script = receipt_for
    rig.run(15)
    before = len(second.received)
    rig.send("c")
    rig.run(5)
    assert (primary.received[-1].code, len(second.received)) == ("CH02", before)
    assert set(rig.out().values()) == {"DONE"}


def test_what_is_outstanding_on_the_stand_by_is_answered_before_the_link_returns() -> None:
    rig = two()
    slow: list[Packet] = []
    second = rig.station("mem://pf2", script=slow.append)  # type: ignore[func-returns-value]
    rig.run(1)
    primary = rig.station()
    rig.run(9.2)
    rig.send("a")
    rig.run(1)
    assert [packet.code for packet in slow] == ["CH02"]
    second.wire.send(receipt_for(slow[0]))
    rig.run(5)
    assert rig.gateway.links["PF0001"].address == "mem://pf"
    assert rig.rows("SELECT state, tries FROM message WHERE direction = 'out'") == [("DONE", 1)]
    rig.send("b")
    rig.run(1)
    assert primary.received[-1].code == "CH02"


def test_a_primary_whose_envelope_has_no_link_test_is_healthy_when_it_takes_a_connection() -> None:
    dialect = {"systems": {"CRM001": "6001030001", "PF0001": "6001030011"}, "codes": {"CH02": "BUS35011/SVC80003"}}
    rig = two(envelope="contract-root", dialect=dialect)
    second = rig.station("mem://pf2", lambda packet: None)
    rig.send("a")
    rig.run(25)
    assert (rig.gateway.links["PF0001"].address, bool(second.received)) == ("mem://pf2", True)
    rig.station("mem://pf", lambda packet: None)
    rig.run(30)
    assert rig.gateway.links["PF0001"].address == "mem://pf"


def test_a_healthy_primary_is_returned_to_without_waiting_for_the_stand_by_to_fail() -> None:
    rig = two()
    second = rig.station("mem://pf2")
    rig.run(3)
    assert rig.gateway.status()["links"][1]["address"] == "mem://pf2"
    primary = rig.station()
    rig.run(20)
    assert rig.gateway.status()["links"][1]["address"] == "mem://pf"
    rig.send("a")
    rig.run(1)
    assert (primary.received[-1].code, second.received) == ("CH02", [])


def test_with_every_circuit_open_messages_wait_and_go_when_somebody_answers() -> None:
    rig = two()
    primary, second = rig.station(script=lambda packet: None), rig.station("mem://pf2", script=lambda packet: None)
    rig.run(1)
    rig.send("a", "b")
    rig.run(60)
    assert "DONE" not in rig.out().values()
    primary.script = second.script = answering
    rig.run(400)
    assert set(rig.out().values()) == {"DONE"}


def test_a_connect_takes_no_longer_than_the_peer_row_says() -> None:
    rig = Rig(with_pf(connect=["mem://pf", "mem://pf2"], timers={"connect": 3}), start=False)
    called_off: list[int] = []
    dial = rig.network.dial

    def nobody_says_anything(address: str, factory: Any) -> Any:
        if address == "mem://pf":
            return Deferred(lambda _: called_off.append(rig.clock.now()))
        return dial(address, factory)

    rig.network.dial = nobody_says_anything  # type: ignore[method-assign]
    rig.station("mem://pf2")
    begun = rig.clock.now()
    rig.start()
    rig.run(2)
    assert rig.gateway.links["PF0001"].state == "down"
    rig.run(2)
    assert called_off == [begun + 3000]
    assert (rig.gateway.links["PF0001"].state, rig.gateway.links["PF0001"].address) == ("up", "mem://pf2")


def test_a_link_says_since_when_it_stands_as_it_stands() -> None:
    rig = Rig(PEERS)
    link = rig.gateway.links["PF0001"]
    seen = [("down", link.since)]
    rig.station()

    def noted() -> None:
        if (link.state, link.since) != seen[-1]:
            seen.append((link.state, link.since))

    rig.run(70)
    noted()
    link.pause(rig.clock.now() + 5_000)
    noted()
    paused_until = rig.clock.now() + 5_000
    rig.run(10)
    noted()
    assert seen[-1] == ("up", paused_until)
    command(rig, action="stop", peer="PF0001", operator="OP1", reason="对端割接")
    noted()
    command(rig, action="resume", peer="PF0001", operator="OP1", reason="割接完成")
    noted()
    assert [state for state, _ in seen] == ["down", "up", "paused", "up", "stopped", "up"]
    times = [since for _, since in seen]
    assert times == sorted(times)
    assert rig.gateway.status()["links"][1]["since"] == link.since


# -- stopped and resumed by a person -------------------------------------------------------------------------------------------


def command(rig: Rig, **request: Any) -> dict[str, Any]:
    heard: list[dict[str, Any]] = []
    desk_requests(rig.gateway)["link"](request, heard.append)
    rig.run(1)
    return heard[0]


def test_a_link_stopped_for_authentication_is_resumed_by_a_command() -> None:
    rig = Rig(PEERS)
    pf = rig.station(script=lambda packet: receipt_for(packet, "NOT_AUTHENTICATED"))
    rig.run(2)
    rig.send("a")
    rig.run(2)
    assert rig.gateway.links["PF0001"].state == "stopped"
    rig.send("b")
    rig.run(60)
    assert len(pf.received) == 1
    pf.script = receipt_for
    reply = command(rig, action="resume", peer="PF0001", operator="OP1", reason="口令已改")
    assert (reply["ok"], reply["state"]) == (True, "up")
    assert list(rig.out().values()) == ["DEAD", "DONE"]
    assert rig.rows("SELECT subject_id, input, actor, detail FROM history WHERE subject = 'link'") == [
        ("PF0001", "resume", "OP1", "口令已改")
    ]


def test_a_person_stops_a_link_nothing_leaves_and_nothing_is_lost() -> None:
    rig = Rig(PEERS)
    pf = rig.station()
    rig.run(2)
    assert command(rig, action="stop", peer="PF0001", operator="OP1", reason="对端割接")["ok"]
    rig.send("a", "b")
    rig.run(30)
    assert pf.received == []
    assert rig.gateway.status()["links"][1]["stopped"] == "OP1: 对端割接"
    assert command(rig, action="resume", peer="PF0001", operator="OP1", reason="割接完成")["ok"]
    assert set(rig.out().values()) == {"DONE"}


@pytest.mark.parametrize(
    "request_",
    [
        {"action": "stop", "peer": "XX0001", "operator": "OP1", "reason": "x"},
        {"action": "stop", "peer": "PF0001", "operator": "OP1", "reason": ""},
        {"action": "burn", "peer": "PF0001", "operator": "OP1", "reason": "x"},
        {"action": "stop", "peer": "PF0001"},
    ],
    ids=["unknown peer", "no reason", "unknown action", "incomplete"],
)
def test_what_makes_no_sense_is_refused(request_: dict[str, Any]) -> None:
    rig = Rig(PEERS)
    rig.station()
    rig.run(2)
    assert not command(rig, **request_)["ok"]
    assert rig.gateway.links["PF0001"].state == "up"


def test_who_may_not_stop_links_is_refused() -> None:
    rig = Rig(PEERS)
    rig.gateway.writer._reference = build_reference(CATALOGUE, {"王受理": "CLERK", "李专员": "SPECIALIST"})
    rig.station()
    rig.run(2)
    request = {"action": "stop", "peer": "PF0001", "reason": "对端割接"}
    assert command(rig, operator="王受理", **request)["code"] == "2002"
    assert command(rig, operator="陌生人", **request)["code"] == "2002"
    assert rig.gateway.links["PF0001"].state == "up"
    assert command(rig, operator="李专员", **request)["ok"]
