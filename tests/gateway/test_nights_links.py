"""Nights of links: nobody there, a door that shuts at once, a peer that falls silent; what the log says of it and how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from twisted.internet import error
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from gateway.links.links import RECONNECT_MOST_S
from gateway.links.unreachable import TOLD_EVERY_MS, why
from gateway.tls.faults import CLOSED, TlsFailed
from tests.gateway.rig import Rig, Send, Station, receipt_for

HOUR_S = 3600.0


@pytest.fixture
def said() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def of(lines: list[Any], event: str, peer: str = "PF0001") -> list[Any]:
    return [line for line in lines if line["event"] == event and line.get("peer") == peer]


def test_an_hour_without_anybody_there_is_told_every_ten_minutes(said: list[Any]) -> None:
    Rig().run(HOUR_S)
    told = of(said, "link.unreachable")
    assert len(told) == 1 + (HOUR_S * 1000 - 1) // TOLD_EVERY_MS
    assert told[0]["address"] == "mem://pf"
    assert "nobody listens there" in told[0]["en"]
    assert "没有程序在听" in told[0]["zh"]
    assert told[-1]["tries"] > HOUR_S / RECONNECT_MOST_S


def test_once_somebody_is_there_it_connects_by_itself_and_says_so(said: list[Any]) -> None:
    rig = Rig()
    rig.run(HOUR_S)
    Station(rig, "mem://pf")
    rig.run(RECONNECT_MOST_S)
    assert rig.gateway.links["PF0001"].state == "up"
    assert [line["down_s"] >= HOUR_S - 1 for line in of(said, "link.reachable")] == [True]


def test_a_door_that_shuts_at_once_is_knocked_at_less_and_less() -> None:
    rig = Rig()
    station = Station(rig, "mem://pf")
    knocks = 0
    for _ in range(60 * 60):
        rig.run(1.0)
        if len(station.wires) > knocks:
            knocks = len(station.wires)
            station.wire.drop()
    assert knocks < 2.5 * HOUR_S / RECONNECT_MOST_S


def test_a_peer_that_said_something_is_connected_to_again_at_once() -> None:
    rig = Rig()
    station = Station(rig, "mem://pf")
    for n in range(20):
        rig.run(3.0)
        rig.gateway.writer.submit(Send("PF0001", [f"k{n}"]))
        rig.run(0.1)
        station.wire.drop()
    assert len(station.wires) == 20


def test_a_circuit_says_in_words_that_it_opens_and_that_it_closes(said: list[Any]) -> None:
    rig = Rig()
    station = Station(rig, "mem://pf", script=lambda packet: None)
    rig.run(2.0)
    rig.gateway.writer.submit(Send("PF0001", [f"k{n}" for n in range(8)]))
    rig.run(20.0)
    opened = of(said, "circuit.open")
    assert "断路" in opened[0]["zh"]
    assert "messages wait" in opened[0]["en"]
    station.script = receipt_for
    rig.run(HOUR_S / 4)
    assert "又应答了" in of(said, "circuit.closed")[0]["zh"]


@pytest.mark.parametrize(
    ("fault", "en"),
    [
        (error.ConnectionRefusedError(), "nobody listens there"),
        (error.DNSLookupError("no such host"), "does not resolve"),
        (error.TimeoutError(), "firewall"),
        (CancelledError(), "firewall"),
        (error.NoRouteError(), "no route"),
        (error.ConnectError(), "cannot be connected to"),
        (TlsFailed(CLOSED), "closed during the TLS handshake"),
    ],
)
def test_why_an_address_cannot_be_reached_is_told_with_what_to_do(fault: Exception, en: str) -> None:
    assert en in why(Failure(fault))[1]
