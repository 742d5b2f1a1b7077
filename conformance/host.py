"""The suite's own shell over Twisted: it connects to the system under test as every other role, and listens for it as each.

It imports nothing of the product but codecs, layouts and schemas; clock, entropy and endpoints are handed in, so the same
shell runs over real sockets and in simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from adapters.wire.heartbeat import heartbeat_reply
from adapters.wire.packet import Kind, Packet
from conformance.conductor import Conductor
from conformance.connection import First, Line, Lines
from conformance.door import Door, about_login
from conformance.paper import Paper, Unsendable
from conformance.ports import Clock, Endpoints
from conformance.prompting import Prompter, nobody
from conformance.runner import CaseRun
from conformance.stream import header_fields

_AGAIN_S = 0.5


class SuiteHost:
    """Sockets for a conductor. ``target`` is where the system under test listens, ``listen`` where each party does."""

    def __init__(
        self, conductor: Conductor, target: str, listen: dict[str, str], paper: Paper, clock: Clock, endpoints: Endpoints,
        door: Door,
    ) -> None:  # fmt: skip
        self.clock = clock
        self._door = door
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
            port = await self._endpoints.server(address).listen(Lines(self, party, f"{party}<", None, True))
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

    def made(self, line: Line) -> None:
        """A connection was made; where its party has an account, it stands once that is let in."""
        self._all[line] = None
        run = line.run
        bare = line.inbound or self.paper.web is not None or (run is not None and about_login(run.case))
        now = self.clock.now()
        try:
            line.login = None if bare else self._door.greeting(line.party, now)
        except Unsendable as fault:
            self._locked_out(line, str(fault))
            return
        if line.login is None:
            self._stands(line)
            return
        if run is not None:
            said = line.login
            run.record("sent", line.party, line.name, now, said.raw, header_fields(said.packet), said.document)
        limit = self.paper.pics.time("receipt")
        late = f"登录 {limit / 1000:g} s 内未得应答 / no answer to the login within {limit / 1000:g} s"
        line.late = self.clock.callLater(limit / 1000, self._locked_out, line, late)
        line.say(line.login.raw, line.login.packet)

    def _welcomed(self, line: Line, packet: Packet, raw: bytes) -> None:
        """The answer to a login of ours."""
        if line.run is not None:
            document = self.paper.read(packet).document
            line.run.record("got", line.party, line.name, self.clock.now(), raw, header_fields(packet), document)
        why = self._door.refusal(line.party, packet)
        if why:
            self._locked_out(line, why)
        else:
            self._answered(line)
            self._stands(line)

    def _answered(self, line: Line) -> None:
        """Nothing more is waited for at the door."""
        line.login = None
        if line.late is not None and line.late.active():
            line.late.cancel()

    def _locked_out(self, line: Line, why: str) -> None:
        """Not let in: its case is told; where the connection is a party's, every case."""
        self._answered(line)
        line.abort()
        if line.run is not None:
            run = line.run
            self._conductor.happened(run, lambda now: run.failed(line.name, why, now))
        else:
            self._kept.pop(line.party, None)
            self._conductor.locked_out(why)

    def _stands(self, line: Line) -> None:
        """A connection stands."""
        line.entered = True
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
        elif self._kept.get(line.party) is line:
            self._say_waiting(line)

    def packet(self, line: Line, packet: Packet, raw: bytes) -> None:
        """A packet came: heartbeats are answered at once, answers and messages go where they belong."""
        run = line.run
        if packet.kind is Kind.HEARTBEAT:
            if run is None or run.case.manners.get("heartbeat") != "silent":
                line.write(self.paper.layout.encode(heartbeat_reply(packet, self.clock.now())))
            self._conductor.beat(line.party, line.name)
        elif packet.kind is None:
            self.garbled(line, "看不出是何报文 / nobody can say what this is")
        elif line.login is not None and packet.is_answer and packet.serial == line.login.packet.serial:
            self._welcomed(line, packet, raw)
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
        self._answered(line)
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
        if line.login is not None:
            self._locked_out(line, f"登录未得应答，连接已关闭 / the connection closed before the login was answered: {why}")
            return
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
        dialling = self._endpoints.client(self._target).connect(Lines(self, party, name, run, False))
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
        if line is not None and line.entered:
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
        dialling = self._endpoints.client(self._target).connect(Lines(self, party, name, run, False, first))
        self._dialling.append(dialling)

        def failed(reason: Failure) -> None:
            self._dialling.remove(dialling)
            if run is not None:
                self._conductor.happened(run, lambda now: run.failed(name, reason.getErrorMessage(), now))
            elif not self._stopped:
                self.clock.callLater(_AGAIN_S, self._post, run, name, party, first)

        dialling.addCallbacks(lambda _: self._dialling.remove(dialling), failed)

    def _say_waiting(self, line: Line) -> None:
        for waiting in self._waiting.pop(line.party, []):
            line.say(*waiting)

    def _keep(self, party: str) -> None:
        dialling = self._endpoints.client(self._target).connect(Lines(self, party, f"{party}>", None, False))
        self._dialling.append(dialling)

        def stands(line: Line) -> None:
            self._dialling.remove(dialling)
            self._kept[party] = line
            if line.entered:
                self._say_waiting(line)

        def failed(reason: Failure) -> None:
            self._dialling.remove(dialling)
            if not self._stopped:
                self.clock.callLater(_AGAIN_S, self._keep, party)

        dialling.addCallbacks(stands, failed)
