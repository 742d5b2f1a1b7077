"""Who connects and goes without a word costs its address; a peer that is known comes and goes as it likes (01.1.5)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError as Refused

from gateway.config.model import SocketLimits
from gateway.links.headcount import MOST_ADDRESSES, Headcount
from gateway.proof.heap_clock import HeapClock
from tests.gateway.rig import PEERS, START, Rig, Wires, packet_of, submission


def rig_of(**sockets: Any) -> Rig:
    return Rig(PEERS, listens=[{"name": "s", "address": "mem://crm", "layout": "ctif-128", "sockets": sockets}])


def come_and_go(rig: Rig, number: int | None = None) -> list[str] | None:
    """A connection that, with a ``number``, sends that order before it goes; the answers it got, None where it was kept out."""
    wires = Wires(lambda wire, packet: None)
    rig.network.client("mem://crm").connect(wires).addErrback(lambda failure: failure.trap(Refused))
    rig.run(0.1)
    if not wires.made:
        return None
    (wire,) = wires.made
    got = [] if number is None else rig.ask(wire, packet_of(submission(number)), seconds=0.1)
    wire.shut()
    rig.run(0.1)
    return [packet.result for packet in got if packet.is_answer]


def test_an_address_whose_connections_end_unknown_is_kept_out_for_a_while(capsys: Any) -> None:
    rig = rig_of(strangers=3)
    assert [come_and_go(rig) for _ in range(5)] == [[], [], [], None, None]
    assert "strangers in [listen.sockets]" in capsys.readouterr().out
    (listener,) = rig.gateway.status()["listeners"]
    assert (listener["connections"], listener["turned_away"]) == (0, 2)
    rig.run(21)
    assert [come_and_go(rig) for _ in range(2)] == [[], None]


def test_a_peer_that_says_who_it_is_may_connect_for_each_message() -> None:
    rig = rig_of(strangers=3)
    assert [come_and_go(rig, number) for number in range(1, 11)] == [["0001"]] * 10


@pytest.mark.parametrize("addresses", [10, MOST_ADDRESSES + 10])
def test_addresses_are_apart_and_bounded_in_number(addresses: int) -> None:
    clock = HeapClock(START)
    counted = Headcount(SocketLimits(strangers=1), clock)
    for number in range(addresses):
        assert counted.enter(f"10.0.{number}")
        counted.leave(f"10.0.{number}", known=False)
    assert not counted.enter(f"10.0.{addresses - 1}")
    assert counted.enter("10.1.1.1")
    assert len(counted._strangers) <= MOST_ADDRESSES


def test_a_listener_no_peer_names_lets_go_whoever_connects(capsys: Any) -> None:
    """Left open, each would hold a descriptor for good."""
    spare = {"name": "spare", "address": "mem://spare", "layout": "ctif-128"}
    rig = Rig(PEERS, listens=[{"name": "s", "address": "mem://crm", "layout": "ctif-128"}, spare])
    kept_out: list[Any] = []
    for _ in range(3):
        wires = Wires(lambda wire, packet: None)
        rig.network.client("mem://spare").connect(wires).addErrback(lambda failure: kept_out.append(failure.trap(Refused)))
        rig.run(0.1)
    assert kept_out == [Refused] * 3
    assert "no peer names it in listen" in capsys.readouterr().out
    assert come_and_go(rig, 1) == ["0001"]
