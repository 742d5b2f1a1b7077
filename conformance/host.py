"""The suite's own shell over Twisted: it connects to the system under test as every other role, and listens for it as each.

It imports nothing of the product but codecs, layouts and schemas; clock, entropy and endpoints are handed in, so the same
shell runs over real sockets and in simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from adapters.wire.heartbeat import heartbeat_reply
from adapters.wire.packet import Kind, Packet
from conformance.conductor import Conductor
from conformance.paper import Paper
from conformance.ports import Clock, Endpoints, TurnedAway
from conformance.prompting import Prompter, nobody
from conformance.runner import CaseRun
from conformance.stream import Arrival

FLOOD = 64 << 20
"""Bytes one connection may bring during a run before the system under test counts as flooding."""
_AGAIN_S = 0.5
First = tuple[bytes, Packet | None]
"""What a connection is made for: bytes, and the packet they begin with."""


@implementer(IHalfCloseableProtocol)
class Line(Protocol):
    """A connection with the system under test, of a case (``run``), kept by a party, or opened by it (``inbound``).

    ``spare``: made for ``first`` alone, since the one before it was busy.
    """

    def __init__(
        self, host: SuiteHost, party: str, name: str, run: CaseRun | None, inbound: bool, first: First | None = None
    ) -> None:
        self.host = host
        self.party = party
        self.name = name
        self.run = run
        self.inbound = inbound
        self.first = first
        self.stream = host.paper.flow(inbound)
        self.over = False
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
        self.host.stands(self)

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


class _Lines(Factory):
    noisy = False

    def __init__(
        self, host: SuiteHost, party: str, name: str, run: CaseRun | None, inbound: bool, first: First | None = None
    ) -> None:
        self._made = (host, party, name, run, inbound, first)

    def buildProtocol(self, addr: Any) -> Line:
        """A fresh one."""
        return Line(*self._made)


class SuiteHost:
    """Sockets for a conductor. ``target`` is where the system under test listens, ``listen`` where each party does."""

    def __init__(
        self, conductor: Conductor, target: str, listen: dict[str, str], paper: Paper, clock: Clock, endpoints: Endpoints
    ) -> None:
        self.clock = clock
        self.paper = paper
        self.addresses = dict(listen)
        self._conductor = conductor
        self._target = target.removeprefix("soap+")
        self._listen = listen
        self._endpoints = endpoints
        self._ports: list[Any] = []
        self._lines: dict[tuple[str, str], Line] = {}
        self._shut_early: dict[tuple[str, str], str] = {}
        self._dialling: list[Deferred[Any]] = []
        self._all: dict[Line, None] = {}
        self._kept: dict[str, Line | None] = {}
        self._waiting: dict[str, list[First]] = {}
        self._stopped = False
        self.prompter: Prompter = nobody

    async def start(self) -> None:
        """Listen as every party; raises CannotListenError."""
        for party, address in self._listen.items():
            port = await self._endpoints.server(address).listen(_Lines(self, party, f"{party}<", None, True))
            self._ports.append(port)

    async def stop(self) -> None:
        """Close everything."""
        self._stopped = True
        for dialling in list(self._dialling):
            dialling.cancel()
        for line in list(self._all):
            line.abort()
        for port in self._ports:
            stopped = port.stopListening()
            if stopped is not None:
                await stopped

    def listens(self) -> list[Any]:
        """The Twisted addresses listened at, in the order of the parties."""
        return [port.getHost() for port in self._ports]

    def inbound(self) -> int:
        """How many connections the system under test keeps open to the parties."""
        return sum(line.inbound and not line.over for line in self._all)

    # -- what connections say

    def stands(self, line: Line) -> None:
        """A connection stands."""
        self._all[line] = None
        if line.inbound:
            self._conductor.connected(line.party)
        elif line.first is not None:
            return
        elif line.run is not None:
            run = line.run
            key = (run.token, line.name)
            if run.result is not None or key in self._shut_early:
                line.finish()
                return
            self._lines[key] = line
            self._conductor.happened(run, lambda now: run.opened(line.name, now))

    def packet(self, line: Line, packet: Packet, raw: bytes) -> None:
        """A packet came: heartbeats are answered at once, answers and messages go where they belong."""
        run = line.run
        if packet.kind is Kind.HEARTBEAT:
            if run is None or run.case.manners.get("heartbeat") != "silent":
                line.write(self.paper.layout.encode(heartbeat_reply(packet, self.clock.now())))
            self._conductor.beat(line.party, line.name)
        elif packet.kind is None:
            self.garbled(line, "看不出是何报文 / nobody can say what this is")
        elif packet.is_answer or packet.kind is Kind.HEARTBEAT_REPLY:
            if run is not None:
                self._conductor.happened(run, lambda now: run.answered(packet, raw, line.name, now))
            else:
                self._conductor.answer(packet, raw)
        else:
            self._conductor.message(line.party, packet, raw, line)

    def garbled(self, line: Line, reason: str) -> None:
        """What came is no packet."""
        run = line.run
        if run is not None:
            self._conductor.happened(run, lambda now: run.garbled(line.party, line.name, reason, now))
        else:
            self._conductor.garbled(line.party, reason)

    def turned_away(self, line: Line, why: str) -> None:
        """It stood, but nobody was let in: as good as never made."""
        self._all.pop(line, None)
        run = line.run
        if run is not None:
            self._lines.pop((run.token, line.name), None)
            self._conductor.happened(run, lambda now: run.failed(line.name, why, now))
        elif not line.inbound and self._kept.get(line.party) is line:
            del self._kept[line.party]

    def gone(self, line: Line, why: str) -> None:
        """A connection is over (told once or twice)."""
        self._all.pop(line, None) if line.over else None
        run = line.run
        if self.paper.pics.web and not line.stream.busy:
            return  # an HTTP connection nobody waits on may end at any time
        if run is not None:
            if line.first is not None:
                self._conductor.happened(run, lambda now: run.ended(line.name, why, now))
            elif self._lines.get((run.token, line.name)) is line:
                del self._lines[run.token, line.name]
                self._conductor.happened(run, lambda now: run.ended(line.name, why, now))
        elif not line.inbound and self._kept.get(line.party) is line:
            del self._kept[line.party]

    # -- what the conductor wants (see ``Wires``)

    def open(self, run: CaseRun, name: str, party: str) -> None:
        """Connect for a case."""
        dialling = self._endpoints.client(self._target).connect(_Lines(self, party, name, run, False))
        self._dialling.append(dialling)

        def failed(reason: Failure) -> None:
            self._dialling.remove(dialling)
            why = reason.getErrorMessage()
            self._conductor.happened(run, lambda now: run.failed(name, why, now))

        dialling.addCallbacks(lambda _: self._dialling.remove(dialling), failed)

    def write(self, run: CaseRun, name: str, data: bytes, packet: Packet | None) -> None:
        """Write on a case's connection; on one that is over, nothing, but over HTTP on another."""
        if self.paper.pics.web:
            self._post(run, name, run.wires[name].party, (data, packet))
            return
        line = self._lines.get((run.token, name))
        if line is not None:
            line.say(data, packet)

    def shut(self, run: CaseRun, name: str, how: str) -> None:
        """Close a case's connection."""
        line = self._lines.get((run.token, name))
        for spare in [one for one in self._all if one.first is not None and one.owner == f"{run.token} {name}"]:
            spare.finish()
        if line is None:
            self._shut_early[run.token, name] = how
        else:
            {"end": line.finish, "half": line.half, "abort": line.abort}[how]()

    def cut(self, party: str) -> None:
        """Break what the system under test opened to a party."""
        for line in [one for one in self._all if one.inbound and one.party == party]:
            line.abort()

    def prompt(self, code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
        """Have the system under test send a message."""
        self.prompter(code, body, failed)

    def reply(self, link: Any, data: bytes) -> None:
        """Answer on the connection something came on."""
        link.write(data)

    def say(self, party: str, data: bytes, packet: Packet) -> None:
        """A party's own message, on the connection it keeps; opened when first needed, and again when it was lost."""
        if self.paper.pics.web:
            self._post(None, f"{party}>", party, (data, packet))
            return
        line = self._kept.get(party)
        if line is not None:
            line.say(data, packet)
            return
        self._waiting.setdefault(party, []).append((data, packet))
        if party not in self._kept:
            self._kept[party] = None
            self._keep(party)

    def _post(self, run: CaseRun | None, name: str, party: str, first: First) -> None:
        """Over HTTP: on a connection that waits for nothing, or on one more."""
        owner = f"{run.token} {name}" if run is not None else party
        for line in self._all:
            if line.owner == owner and not line.inbound and not line.over and line.stream.free:
                line.say(*first)
                return
        dialling = self._endpoints.client(self._target).connect(_Lines(self, party, name, run, False, first))
        self._dialling.append(dialling)

        def failed(reason: Failure) -> None:
            self._dialling.remove(dialling)
            if run is not None:
                self._conductor.happened(run, lambda now: run.failed(name, reason.getErrorMessage(), now))
            elif not self._stopped:
                self.clock.callLater(_AGAIN_S, self._post, run, name, party, first)

        dialling.addCallbacks(lambda _: self._dialling.remove(dialling), failed)

    def _keep(self, party: str) -> None:
        dialling = self._endpoints.client(self._target).connect(_Lines(self, party, f"{party}>", None, False))
        self._dialling.append(dialling)

        def stands(line: Line) -> None:
            self._dialling.remove(dialling)
            self._kept[party] = line
            for waiting in self._waiting.pop(party, []):
                line.say(*waiting)

        def failed(reason: Failure) -> None:
            self._dialling.remove(dialling)
            if not self._stopped:
                self.clock.callLater(_AGAIN_S, self._keep, party)

        dialling.addCallbacks(stands, failed)
