"""The one shell of a simulated system: sockets, receipts, repeats and retransmission around a pure brain (spec 01, 06.1).

What the host promises its brain: each document reaches it once, whatever the wire repeats; what it sends arrives in sequence
per subject, under one serial with the same bytes until it is answered or given up; a receipt leaves only after the brain took
the document.  Everything is settled once a turn: outboxes are pumped, connections written, one timer kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred, DeferredList

from adapters.document import DocumentRefused
from adapters.wire.events import Answered, Arrived, Event, Lost, Ready, Refused, TimedOut, Unmatched
from adapters.wire.packet import Packet
from adapters.wire.session import Session
from schemas.loader import load
from simulators.agenda import Agenda
from simulators.brain import Body, Brain, Reaction, Send
from simulators.codes import category, number, receipt
from simulators.connection import Connection, Connections
from simulators.defects.seeded import Defects
from simulators.door import Door
from simulators.inbox import Inbox
from simulators.line import Line
from simulators.link_messages import LinkMessages
from simulators.outbox import Row
from simulators.paper import RECEIPT, Paper
from simulators.ports import Clock, Endpoints, Entropy
from simulators.reception import Reception
from simulators.settings import HostSettings, PeerSettings

_SWEEP_MS = 60_000
_HOUR_MS = 3_600_000
_BUSINESS = "3"
"""First digit of refusals that are about the business: the peer keeps them as its answer to that serial (02.2)."""


class SimulatorHost:
    """One simulated system. ``start`` fires with the address it listens at; after ``stop`` it may start again."""

    def __init__(self, brain: Brain, settings: HostSettings, clock: Clock, entropy: Entropy, endpoints: Endpoints) -> None:
        self.defects = Defects(settings.defects)
        self.brain = brain = self.defects.brain(brain)
        peers = {system: self.defects.peer(peer) for system, peer in settings.peers.items()}
        self.settings = replace(settings, peers=peers)
        self.address = settings.listen
        self.inbox = Inbox(settings.remembered)
        self.undelivered: list[dict[str, Any]] = []
        self.counts = {"received": 0, "refused": 0, "sent": 0, "retransmitted": 0}
        self._clock = clock
        self._entropy = entropy
        self._endpoints = endpoints
        self._catalogue = load()
        self._paper = Paper(settings.system, self._catalogue, settings.layouts, peers)
        self._lines = {system: self._line(peer) for system, peer in peers.items()}
        self._by_role = {peer.role: system for system, peer in reversed(peers.items())}
        self._direct: dict[str, SimulatorHost] = {}
        self._sent: dict[str, Row] = {}
        link = LinkMessages(self._paper, self.inbox, brain.codes, self._sent, self._redeliver)
        self._reception = Reception(brain, self.settings, self._paper, self.inbox, link, self.counts)
        self.door = Door(self.settings, self._paper, self._reception, entropy)
        self._delayed: Agenda[Send] = Agenda()
        self._inbound: dict[Connection, None] = {}
        self._outbound: dict[Connection, Line] = {}
        self._port: Any = None
        self._timer: Any = None
        self._timer_at = 0
        self._swept_at = 0
        self._mail: list[tuple[SimulatorHost, Row]] = []
        self._post: Any = None

    # -- life

    def start(self) -> Deferred[str]:
        """Listen and dial the peers. Fires with the address listened at; fails if it cannot be listened at."""
        listening: Deferred[Any] = self._endpoints.server(self.address).listen(Connections(self._accepted))
        return listening.addCallback(self._listening)

    def stop(self) -> Deferred[None]:
        """Stop listening, end connections; brain, inbox and outboxes stay for another ``start``."""
        waits: list[Deferred[Any]] = []
        if self._port is not None:
            stopped = self._port.stopListening()
            waits += [stopped] if stopped is not None else []
            self._port = None
        for line in self._lines.values():
            waits += line.close()
        for connection in list(self._inbound):
            connection.close()
            waits.append(connection.gone)
        for timer in (self._timer, self._post):
            if timer is not None and timer.active():
                timer.cancel()
        self._timer = self._post = None
        return DeferredList(waits, consumeErrors=True).addCallback(lambda _: None)

    def reach(self, system: str, address: str) -> None:
        """Say where a peer listens (where that was not known before)."""
        line = self._lines[system]
        line.peer = replace(line.peer, address=address)
        if self._port is not None:
            line.open()

    def act(self, work: Callable[[int], Reaction]) -> None:
        """A person at this system does something: ``work`` is given the time (ms), what it makes the brain say is sent."""
        now = self._clock.now()
        self._say(work(now).sends, now)
        self.settled()

    def join(self, other: SimulatorHost) -> None:
        """Hand documents to a system of the same process directly from now on, and take its own."""
        self._direct[other.settings.system] = other
        other._direct[self.settings.system] = self

    @property
    def ledger(self) -> dict[str, Any]:
        """What the brain and the host remember, as plain values for the auditor."""
        waiting = {system: len(line.outbox) for system, line in self._lines.items()}
        wire = self.counts | {"repeats": self.inbox.repeats, "waiting": waiting, "undelivered": list(self.undelivered)}
        return self.brain.inspect() | {"wire": wire}

    @property
    def waiting(self) -> int:
        """Messages of its own that have no answer yet or are still to leave."""
        return sum(len(line.outbox) for line in self._lines.values()) + len(self._delayed)

    @property
    def idle(self) -> bool:
        """Whether nothing of its own is under way, or due within an hour (reservations expire later, stages do not)."""
        due = self._next_due()
        busy = any(len(line.outbox) for line in self._lines.values()) or self._mail
        return not busy and (due is None or due > self._clock.now() + _HOUR_MS)

    def _listening(self, port: Any) -> str:
        self._port = port
        self.address = address_of(self.address, port)
        for line in self._lines.values():
            if line.peer.system not in self._direct:
                line.open()
        self.settled()
        return self.address

    def _line(self, peer: PeerSettings) -> Line:
        line: Line

        def make() -> Connection:
            connection = Connection(self, lambda now: self._session(line.peer, now), self._clock, self.defects)
            self._outbound[connection] = line
            return connection

        line = Line(peer, make, self._clock, self._entropy, self._endpoints)
        return line

    def _session(self, peer: PeerSettings, now: int) -> Session:
        limits = replace(peer.session, dialled=True, login=bool(peer.login.user), sender=self.settings.system)
        return self._paper.session(peer.layout, self.defects.limits(replace(limits, receiver=peer.system)), now)

    def _accepted(self) -> Connection:
        def make(now: int) -> Session:
            limits = replace(self.settings.session, sender=self.settings.system)
            return self._paper.session(self.settings.layout, self.defects.limits(limits), now)

        return Connection(self, make, self._clock, self.defects)

    # -- connections

    def opened(self, connection: Connection) -> None:
        """See ``Listener``."""
        line = self._outbound.get(connection)
        if line is None:
            self._inbound[connection] = None
        else:
            line.connection = connection
            if connection.session.registered:
                self.door.log_in(connection, line.peer, self._clock.now())

    def ended(self, connection: Connection) -> None:
        """See ``Listener``."""
        line = self._outbound.pop(connection, None)
        if line is not None and line.connection is connection:
            line.ended()
        self._inbound.pop(connection, None)
        self.door.left(connection)

    def happened(self, connection: Connection, event: Event) -> None:
        """See ``Listener``. Heartbeats need no thought here."""
        now = self._clock.now()
        if isinstance(event, Arrived):
            refused = self.door.stops(connection, event.packet, now)
            if refused is not None:
                connection.session.reply(refused, now)
                return
            self.defects.met(connection)
            answer, sends = self._reception.packet(self.defects.heard(event.packet), now)
            connection.session.reply(self.defects.answered(event.packet, answer), now)
            self._say(sends, now)
        elif isinstance(event, Answered | Unmatched):
            if not self.door.heard(connection, event.packet):
                self._answered(connection, event.packet, now)
        elif isinstance(event, Ready):
            self.door.log_in(connection, self._outbound[connection].peer, now)
        elif isinstance(event, TimedOut | Lost):
            line = self._outbound.get(connection)
            if line is not None:
                line.outbox.again(event.serial)
        elif isinstance(event, Refused) and not event.packet.is_answer:
            connection.session.reply(self._reception.flawed(event.packet, event.symbol, now), now)

    def settled(self) -> None:
        """The turn is over: everything that may go goes, and the timer stands at the next thing due."""
        if self._port is None:
            return
        now = self._clock.now()
        for line in self._lines.values():
            other = self._direct.get(line.peer.system)
            if other is not None:
                self._hand_over(line, other, now)
            elif line.outbox.has_ready:
                self._pump(line, now)
        self._arm(now)

    # -- outward

    def _say(self, sends: list[Send], now: int) -> None:
        for send in sends:
            if send.after_ms:
                self._delayed.add(now + send.after_ms, send)
            else:
                self._queue(send, now)

    def _queue(self, send: Send, now: int) -> None:
        system = send.system or self._by_role.get(send.role, "")
        line = self._lines.get(system)
        if line is None:
            self._give_up(Row("", send, "", now), now)
            return
        row = self._catalogue.message(send.code)
        serial = self._paper.serial(now)
        key = str(send.body.get(row.order_key, serial)) if row.order_key is not None else serial
        line.outbox.add(Row(serial, send, key, now))

    def _pump(self, line: Line, now: int) -> None:
        if line.connection is None:
            line.wake()
            return
        session = line.connection.session
        while line.outbox.has_ready and session.can_send:
            row = line.outbox.next()
            if row.packet is None:
                self._write(row, line.peer, now)
            else:
                self.counts["retransmitted"] += 1
            row.first_sent = row.first_sent or now
            session.send(row.packet, now, now + self.settings.receipt_ms)
        line.connection.flush()

    def _write(self, row: Row, peer: PeerSettings, now: int) -> None:
        send = row.send
        message = self._catalogue.message(send.code)
        row.packet = self.defects.sent(self._paper.message(message, send.body, peer, row.serial, send.ref_serial, now))
        self.counts["sent"] += 1
        if len(self._sent) >= self.settings.redeliverable:
            del self._sent[next(iter(self._sent))]
        self._sent[row.serial] = row

    def _answered(self, connection: Connection, packet: Packet, now: int) -> None:
        line = self._outbound.get(connection)
        row = line.outbox.row(packet.serial) if line is not None else None
        if line is None or row is None:
            return
        line.answered()
        try:
            packet.code = packet.code or row.send.code  # some envelopes' answers do not say what they answer
            document = self._paper.read(packet)
        except DocumentRefused as refusal:
            self._closed(line, row, number(refusal.symbol), receipt(refusal.symbol), now)
            return
        self._result(line, row, document.element, document.body, now)

    def _result(self, line: Line, row: Row, element: str, body: Body, now: int) -> None:
        """An answer came: the brain hears of it, or the row rests and goes again."""
        code = str(body["code"]) if element == RECEIPT else number("OK")
        kind = category(code)
        if kind == "retry" and line.outbox.rest(row, now):
            if code.startswith(_BUSINESS):
                line.outbox.renumber(row, self._paper.serial(now))
            return
        if kind in ("ok", "accepted", "duplicate"):
            done = line.outbox.done(row.serial)
            if done is not None and not done.echo:
                self._say(self.brain.on_answer(done.send, body, now).sends, now)
            return
        self._closed(line, row, code, body, now)

    def _closed(self, line: Line, row: Row, code: str, body: Body, now: int) -> None:
        """Refused for good, or given up."""
        line.outbox.done(row.serial)
        if not row.echo:
            self._say(self.brain.on_refusal(row.send, code, body, now).sends, now)

    def _give_up(self, row: Row, now: int) -> None:
        entry = {"code": row.send.code, "serial": row.serial, "to": row.send.system or row.send.role, "at": now}
        self.undelivered.append(entry | {"body": row.send.body})
        unreachable = receipt("PEER_UNAVAILABLE")
        self._say(self.brain.on_refusal(row.send, str(unreachable["code"]), unreachable, now).sends, now)

    def _redeliver(self, system: str, serial: str) -> bool:
        """RX03: the same bytes once more; its answer concerns nobody. One still on its way goes anyhow."""
        row, line = self._sent.get(serial), self._lines.get(system)
        if row is None or line is None or row.packet is None or row.packet.receiver != system:
            return False
        if line.outbox.row(serial) is None:
            line.outbox.add(Row(serial, row.send, row.key, row.created, row.packet, row.first_sent, echo=True))
        return True

    # -- in one process

    def _hand_over(self, line: Line, other: SimulatorHost, now: int) -> None:
        """Rows for a system of the same process leave in one batch at the next turn of the clock."""
        while line.outbox.has_ready:
            row = line.outbox.next()
            row.first_sent = now
            self.counts["sent"] += 1
            self._mail.append((other, row))
        if self._mail and self._post is None:
            self._post = self._clock.callLater(0, self._deliver)

    def _deliver(self) -> None:
        self._post = None
        mail, self._mail = self._mail, []
        others: dict[SimulatorHost, None] = {}
        for other, row in mail:
            now = self._clock.now()
            line = self._lines[other.settings.system]
            element, body, sends = other._reception.handed(self.settings.system, row.send, row.serial, now)
            other._say(sends, now)
            self._result(line, row, element, body, now)
            others[other] = None
        for other in others:
            other.settled()
        self.settled()

    # -- time

    def _next_due(self) -> int | None:
        dues = [self.brain.next_due(), self._delayed.next()]
        dues += [line.outbox.next_wake() for line in self._lines.values()]
        return min((due for due in dues if due is not None), default=None)

    def _arm(self, now: int) -> None:
        """One timer for the brain, delayed messages, resting rows and the sweep of budgets. It may fire early, never late."""
        due = self._next_due()
        if any(len(line.outbox) for line in self._lines.values()):
            sweep = max(self._swept_at, now) + _SWEEP_MS
            due = sweep if due is None else min(due, sweep)
        if due is None or (self._timer is not None and self._timer.active() and self._timer_at <= due):
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._clock.callLater(max(0, due - now) / 1000, self._time)

    def _time(self) -> None:
        self._timer = None
        now = self._clock.now()
        due = self.brain.next_due()
        if due is not None and due <= now:
            self._say(self.brain.due(now).sends, now)
        for send in self._delayed.take(now):
            self._queue(send, now)
        for line in self._lines.values():
            line.outbox.wake(now)
        if now >= self._swept_at + _SWEEP_MS:
            self._sweep(now)
        self.settled()

    def _sweep(self, now: int) -> None:
        """Give up what has spent its budget."""
        self._swept_at = now
        for line in self._lines.values():
            for row in line.outbox.overdue(now, self.settings.unknown_ms, self.settings.unsent_ms):
                line.outbox.done(row.serial)
                if not row.echo:
                    self._give_up(row, now)


def address_of(asked: str, port: Any) -> str:
    """The address peers connect to, when ``port`` listens at ``asked``: a free port has got its number."""
    if not asked.startswith("tcp://"):
        return asked
    where = port.getHost()
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"tcp://{host}:{where.port}"
