"""One connection with the system under test: bytes in, packets out, and how it ends (spec 07.4)."""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet import protocol
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from adapters.wire.packet import Packet
from conformance.paper import Paper, Written
from conformance.ports import Clock, TurnedAway
from conformance.runner import CaseRun
from conformance.stream import Arrival

FLOOD = 64 << 20
"""Bytes one connection may bring during a run before the system under test counts as flooding."""
First = tuple[bytes, Packet | None]
"""What a connection is made for: bytes, and the packet they begin with."""


class Host(Protocol):
    """Whoever is told what happens on a connection."""

    paper: Paper
    clock: Clock

    def made(self, line: Line) -> None:
        """It stands."""

    def packet(self, line: Line, packet: Packet, raw: bytes) -> None:
        """A packet came."""

    def garbled(self, line: Line, reason: str) -> None:
        """What came is no packet."""

    def turned_away(self, line: Line, why: str) -> None:
        """It was not let in."""

    def gone(self, line: Line, why: str) -> None:
        """It is over."""


@implementer(IHalfCloseableProtocol)
class Line(protocol.Protocol):
    """A connection with the system under test, of a case (``run``), kept by a party, or opened by it (``inbound``).

    ``first``: made for it alone, since the one before it was busy; ``entered``: ready for what is to be said; ``login``: ours
    under way, before, and ``late`` its timer.
    """

    def __init__(
        self, host: Host, party: str, name: str, run: CaseRun | None, inbound: bool, first: First | None = None
    ) -> None:
        self.host = host
        self.party = party
        self.name = name
        self.run = run
        self.inbound = inbound
        self.first = first
        self.stream = host.paper.flow(inbound)
        self.over = False
        self.entered = False
        self.login: Written | None = None
        self.late: Any = None
        self._held: list[bytes | None] = []

    @property
    def owner(self) -> str:
        """Whose it is: a case's token and the connection's name, or a party's."""
        return f"{self.run.token} {self.name}" if self.run is not None else self.party

    def connectionMade(self) -> None:
        """It stands."""
        transport: Any = self.transport
        if hasattr(transport, "setTcpNoDelay"):
            transport.setTcpNoDelay(True)
        transport.write(self.stream.hello(self.host.clock.now()))
        if self.first is not None:
            self.say(*self.first)
        self.host.made(self)

    def dataReceived(self, data: bytes) -> None:
        """Bytes in, packets out."""
        self._arrived(self.stream.feed(data, self.host.clock.now()))

    def _arrived(self, arrival: Arrival) -> None:
        for data in arrival.replies:
            self.write(data)
        while self._held and self.stream.ready:
            held = self._held.pop(0)
            self.half() if held is None else self.write(held)
        for packet, raw in arrival.packets:
            self.host.packet(self, packet, raw)
        if arrival.fault:
            self.host.garbled(self, arrival.fault)
        if arrival.lost or self.stream.count > FLOOD:
            if not arrival.lost:
                self.host.garbled(self, f"洪泛：超过 {FLOOD} 字节 / flood: more than {FLOOD} bytes")
            self.abort()

    def readConnectionLost(self) -> None:
        """The system under test sends no more: it closed the connection, as far as anybody can tell."""
        self._arrived(self.stream.ended(self.host.clock.now()))
        self.host.gone(self, "对端关闭发送 / the peer closed its half")
        self.finish()

    def writeConnectionLost(self) -> None:
        """Our half is closed; the peer may still speak."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Gone."""
        self._arrived(self.stream.ended(self.host.clock.now()))
        self.over = True
        why = reason.getErrorMessage() if reason is not None else ""
        if reason is not None and reason.check(TurnedAway) is not None and not self.stream.count:
            self.host.turned_away(self, why)
        else:
            self.host.gone(self, why)

    def say(self, data: bytes, packet: Packet | None) -> None:
        """Write something of ours that wants an answer; ``packet`` begins with these bytes."""
        if packet is not None:
            self.stream.sent(packet)
        self.write(data)

    def write(self, data: bytes) -> None:
        """Write, if it still stands; before registration, where the layout has it, later."""
        transport: Any = self.transport
        if not self.stream.ready:
            self._held.append(data)
        elif not self.over and transport is not None:
            transport.write(data)

    def finish(self) -> None:
        """End it in good order."""
        transport: Any = self.transport
        if not self.over and transport is not None:
            transport.loseConnection()

    def half(self) -> None:
        """Close our direction only, behind what waits."""
        transport: Any = self.transport
        if self._held:
            self._held.append(None)
        elif not self.over and transport is not None:
            transport.loseWriteConnection()

    def abort(self) -> None:
        """End it at once."""
        transport: Any = self.transport
        if not self.over and transport is not None:
            transport.abortConnection()


class Lines(protocol.Factory):
    """Makes them."""

    noisy = False

    def __init__(
        self, host: Host, party: str, name: str, run: CaseRun | None, inbound: bool, first: First | None = None
    ) -> None:
        self._made = (host, party, name, run, inbound, first)

    def buildProtocol(self, addr: Any) -> Line:
        """A fresh one."""
        return Line(*self._made)
