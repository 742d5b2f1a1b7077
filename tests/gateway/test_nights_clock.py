"""Nights of the clock: set ahead or back an hour, what is measured in stretches of time goes on (01.1.5); what has a date
follows the clock (01.1.1 ttl)."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
import structlog
from twisted.internet.epollreactor import EPollReactor

from adapters.wire.times import wire_time
from gateway.clock import Entropy, WallClock
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from tests.gateway.desk.test_desk_jobs import ask
from tests.gateway.rig import START, Rig, Send, Station, fate_for, packet_of, receipt_for, submission

HOUR_MS = 3_600_000
STEPS = pytest.mark.parametrize("step", [HOUR_MS, -HOUR_MS], ids=["ahead", "back"])


class SetClock:
    """A clock somebody sets, ``ahead`` ms of where it began; its timers and ``seconds`` go on."""

    def __init__(self) -> None:
        self.ahead = 0
        self._steady = HeapClock(START)
        self.seconds = self._steady.seconds
        self.callLater = self._steady.callLater
        self.getDelayedCalls = self._steady.getDelayedCalls
        self.advance = self._steady.advance

    def now(self) -> int:
        return self._steady.now() + self.ahead


def rig_on(clock: SetClock) -> Rig:
    network = MemoryNetwork(clock._steady, Entropy(1))
    return Rig(clock=cast(HeapClock, clock), network=network)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@STEPS
def test_a_receipt_is_waited_for_as_long_as_ever(clock: SetClock, step: int) -> None:
    rig = rig_on(clock)
    station = Station(rig, "mem://pf", script=lambda packet: None)
    rig.run(3.0)
    rig.gateway.writer.submit(Send("PF0001", ["k"]))
    rig.run(5.0)
    clock.ahead = step
    rig.run(8.0)
    assert len(station.received) == 1
    rig.run(4.0)
    assert len(set(station.serials())) == 1
    assert len(station.received) == 2


@STEPS
def test_what_a_person_released_stays_released_after_a_restart(clock: SetClock, step: int) -> None:
    """What came later counts, whatever the clock said."""
    rig = rig_on(clock)
    rig.station()
    rig.run(3.0)
    link = {"do": "link", "peer": "PF0001"}
    for request in ({"do": "message", "name": "k", "action": "hold"}, {**link, "action": "stop"}):
        assert ask(rig, operator="OP1", reason="核实", **request)["ok"]
    clock.ahead = step
    for request in ({"do": "message", "name": "k", "action": "release"}, {**link, "action": "resume"}):
        assert ask(rig, operator="OP1", reason="核实完毕", **request)["ok"]
    again = rig.restarted()
    status = again.gateway.status()
    assert (status["held_keys"], [row["stopped"] for row in status["links"] if row["stopped"]]) == ([], [])


@STEPS
def test_a_silent_peer_gets_its_heartbeats_and_a_dead_one_is_found(clock: SetClock, step: int) -> None:
    rig = rig_on(clock)
    station = Station(rig, "mem://pf")
    rig.run(30.0)
    clock.ahead = step
    rig.run(35.0)
    assert (station.wire.beats, station.wire.open) == (1, True)
    station.wire.deaf = True
    first = station.wire
    rig.run(60.0 * 5)
    assert not first.open


@STEPS
def test_a_receipt_that_comes_after_the_step_is_a_receipt(clock: SetClock, step: int) -> None:
    rig = rig_on(clock)
    held: list[Any] = []
    station = Station(rig, "mem://pf", script=held.append)
    rig.run(3.0)
    send = Send("PF0001", ["k"])
    rig.gateway.writer.submit(send)
    rig.run(5.0)
    clock.ahead = step
    rig.run(1.0)
    station.wire.send(receipt_for(held[0]))
    rig.run(60.0)
    assert rig.out()[send.serials[0]] == "DONE"
    assert len(station.received) == 1


@STEPS
def test_an_open_circuit_tries_again_after_its_pause_and_a_retry_after_its_delay(clock: SetClock, step: int) -> None:
    rig = rig_on(clock)
    station = Station(rig, "mem://pf", script=lambda packet: None)
    rig.run(3.0)
    keys = [f"k{n}" for n in range(6)]
    sent = rig.send(*keys)
    rig.run(18.0)
    assert rig.gateway.links["PF0001"].state == "circuit open"
    clock.ahead = step
    station.script = lambda packet: fate_for(packet, "stored") if packet.code == "RX04" else receipt_for(packet)
    rig.run(10.0)
    assert rig.gateway.links["PF0001"].state == "circuit open"
    rig.run(60.0)
    assert {rig.out()[serial] for serial in sent.serials} == {"DONE"}


def test_that_the_clock_was_set_stands_in_the_log(clock: SetClock) -> None:
    rig = rig_on(clock)
    with structlog.testing.capture_logs() as lines:
        clock.ahead = HOUR_MS
        rig.run(10.0)
        clock.ahead += 1_000
        rig.run(10.0)
    assert [line["by_s"] for line in lines if line["event"] == "clock.stepped"] == [3600]


@pytest.mark.parametrize(("step", "code"), [(0, "0001"), (HOUR_MS, "1012"), (-HOUR_MS, "0001")])
def test_a_message_s_time_to_live_follows_the_clock(clock: SetClock, step: int, code: str) -> None:
    rig = rig_on(clock)
    channel = rig.caller()
    sent = wire_time(clock.now())
    clock.ahead = step
    channel.send(packet_of(submission(1, SendTime=sent), send_time=sent, ttl=60))
    rig.run(1.0)
    assert [packet.result for packet in channel.got if packet.is_answer] == [code]


def test_timers_of_the_real_reactor_do_not_count_by_a_clock_that_can_be_set() -> None:
    reactor = EPollReactor()
    try:
        clock = WallClock(reactor)
        assert clock.seconds is time.monotonic
        call = clock.callLater(1.0, int)
        assert call.getTime() - time.monotonic() <= 1.0
        call.cancel()
    finally:
        reactor.disconnectAll()
