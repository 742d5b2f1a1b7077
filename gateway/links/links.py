"""Links with peers: where we listen, and whom we connect to (spec 01.1.5).

Inbound, a listener serves every peer that names it; who speaks is known from the packet's sender.  Outbound, each peer with
``connect`` addresses has a link of its own: a ``ClientService`` that reconnects with seeded jitter, primary address first,
stand-by next; a peer that only ever connects to us (``duplex``) is reached over its own connection.  A link whose address
fails goes to the stand-by and returns once the primary answers again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import Factory

from adapters.wire.events import Refused
from adapters.wire.packet import Packet
from adapters.wire.settings import SessionSettings
from gateway.clock import Clock, Entropy
from gateway.config.model import Peer
from gateway.links.addresses import Addresses
from gateway.links.headcount import Headcount
from gateway.links.link import Connection, ConnectionOwner
from gateway.links.probe import Probe
from gateway.outbox.pump import OutboxPump
from gateway.tls.layer import SecureEndpoints

log = structlog.get_logger()

RECONNECT_FIRST_S = 1.0
RECONNECT_MOST_S = 60.0
_RETURN_S = 0.5
"""How often a link that is to return looks whether its messages have been answered."""


def settings_of(peer: Peer, own_id: str) -> SessionSettings:
    """The session's limits as the peer row says."""
    timers, limits = peer.timers, peer.limits
    return SessionSettings(
        window=peer.window,
        heartbeat_ms=int(timers.heartbeat * 1000),
        misses=timers.misses,
        idle_ms=int(peer.idle_seconds * 1000),
        partial_ms=int(timers.partial * 1000),
        reassembly_ms=int(timers.reassembly * 1000),
        max_packet=limits.max_packet,
        max_document=limits.max_document,
        write_limit_ms=int(timers.write * 1000),
        long=peer.long,
        allow_unchecked=peer.unchecked_allowed,
        sender=own_id,
        receiver=peer.id,
        header=peer.header,
    )


class ConnectionFactory(Factory):
    """Makes connections for Twisted."""

    noisy = False

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make

    def buildProtocol(self, addr: Any) -> Connection:
        """A fresh connection."""
        return self._make()


class Nobody(Factory):
    """A listener no peer's row names: whoever connects is let go at once."""

    noisy = False

    def __init__(self, listen: str) -> None:
        self._listen = listen

    def buildProtocol(self, addr: Any) -> None:
        """None, and a word about it."""
        zh, en = "没有对端以它为 listen", "no peer names it in listen"
        log.warning("listen.nobody", listen=self._listen, host=getattr(addr, "host", ""), zh=zh, en=en)


class AcceptedConnections(ConnectionFactory):
    """Connections of a listener, as many as ``headcount`` lets in; the others are closed at once."""

    def __init__(self, make: Callable[[], Connection], headcount: Headcount) -> None:
        super().__init__(make)
        self._headcount = headcount

    def buildProtocol(self, addr: Any) -> Connection | None:  # type: ignore[override]
        """A fresh connection, or None beyond the limits."""
        host = getattr(addr, "host", "") or ""
        if not self._headcount.enter(host):
            return None
        connection = self._make()
        connection.on_gone = lambda: self._headcount.leave(host, known=connection.known)
        return connection


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every link is handed: time, chance, the wire, whom it serves; ``make`` gives a fresh connection of a peer for an
    owner, ``intake`` judges what a peer asks on it, ``test`` is a link test for the peer, if any, and when it is due."""

    clock: Clock
    entropy: Entropy
    pump: OutboxPump
    endpoints: Any
    make: Callable[[ConnectionOwner, Peer], Connection]
    intake: ConnectionOwner
    test: Callable[[Peer], tuple[Packet, int] | None]


class PeerLink:
    """What every link towards a peer has: the circuit, pauses, stops, and the connection messages leave on now."""

    def __init__(self, peer: Peer, world: Surroundings) -> None:
        self.peer = peer
        self.stopped: str | None = None
        self.connects = 0
        self.addresses = Addresses(peer, SecureEndpoints(world.endpoints, peer.tls, world.clock), world.clock)
        self._world = world
        self._clock = world.clock
        self._pump = world.pump
        self._connection: Connection | None = None
        self._paused_until = 0
        self._changed = world.clock.now()

    @property
    def since(self) -> int:
        """When it came to stand as it stands (ms): went up or down, was stopped, paused or let go on, its circuit opened."""
        over = self._paused_until
        return max(self._changed, over) if over <= self._clock.now() else self._changed

    @property
    def epoch(self) -> int:
        """Number of the connection under it; 0 while down."""
        return 0 if self._connection is None else self._connection.epoch

    @property
    def state(self) -> str:
        """For people: up, down, stopped, paused, circuit open or half-open."""
        now = self._clock.now()
        if self.stopped is not None:
            return "stopped"
        if self._connection is None:
            return "down"
        if now < self._paused_until:
            return "paused"
        circuit = self.addresses.circuit.state(now)
        return "up" if circuit == "closed" else f"circuit {circuit}"

    def room(self) -> int:
        """How many messages may leave now."""
        now = self._clock.now()
        connection = self._connection
        if connection is None or self.stopped is not None or now < self._paused_until or not connection.session.can_send:
            return 0
        return self.addresses.circuit.room(self.peer.window, connection.session.outstanding, now)

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """Over the connection that stands."""
        return self._connection is not None and self._connection.send(packet, deadline_ms)

    def note_failure(self, now: int) -> None:
        """Counts for the circuit; when it opens, messages wait until it is half-open."""
        circuit = self.addresses.circuit
        if circuit.failure(now):
            self._changed = now
            failures, pause = self.peer.timers.circuit_failures, self.peer.timers.circuit_pause
            zh = f"连续 {failures} 次无应答或技术失败，断路：报文等待，{pause:g} 秒后逐条试探，对端应答即恢复；查对端是否正常"
            en = (
                f"{failures} times in a row no answer or a technical failure: messages wait, after {pause:g} s one at a time is"
                " tried, and all go once the peer answers; is the peer well?"
            )
            log.warning("circuit.open", peer=self.peer.id, address=self.address, zh=zh, en=en)
            at = circuit.half_open_at or now
            self._clock.callLater((at - now) / 1000 + 0.001, self._pump.poke, self.peer.id)
            if self.addresses.better(now):
                self.fail_over()

    def fail_over(self) -> None:
        """Another address is better: the next connection is made to it."""
        self.drop()

    @property
    def address(self) -> str:
        """The address messages go to now; empty for a peer that connects to us."""
        return self.addresses.names[self.addresses.current] if self.addresses.names else ""

    def note_success(self) -> None:
        """The peer answered."""
        circuit = self.addresses.circuit
        if circuit.half_open_at is not None:
            self._changed = self._clock.now()
            zh, en = "对端又应答了，待发报文继续", "the peer answers again, what waits goes on"
            log.warning("circuit.closed", peer=self.peer.id, address=self.address, zh=zh, en=en)
        circuit.success()

    def pause(self, until: int) -> None:
        """Keep still until then."""
        if self._paused_until <= self._clock.now():
            self._changed = self._clock.now()
        self._paused_until = max(self._paused_until, until)
        self._clock.callLater(max(0.0, (until - self._clock.now()) / 1000) + 0.001, self._pump.poke, self.peer.id)

    def stop(self, why: str) -> None:
        """Stand still until resumed by a person: what is under way ends, nothing more leaves."""
        self.stopped = why
        self._changed = self._clock.now()
        zh, en = "链路已停止，排除原因后用 bssgw link resume 恢复", "the link stands: mend the cause, then bssgw link resume"
        log.error("link.stopped", peer=self.peer.id, why=why, zh=zh, en=en)

    def resume(self) -> None:
        """A person has mended what stopped it: go on at once, also where it paused or its circuit was open."""
        self.stopped = None
        self._changed = self._clock.now()
        self._paused_until = 0
        self.addresses.circuit.success()
        log.info("link.resumed", peer=self.peer.id)
        self._pump.poke(self.peer.id)

    def shift(self, ms: int) -> None:
        """The clock was set by ``ms``: pauses and circuits last as long as they would have."""
        self._paused_until += ms
        self._changed += ms
        for circuit in self.addresses.circuits:
            circuit.shift(ms)

    def drop(self) -> None:
        """Break the connection that stands."""
        if self._connection is not None:
            self._connection.drop()

    def up(self, connection: Connection) -> None:
        """A connection stands."""
        self._connection = connection
        self._changed = self._clock.now()
        self.connects += 1
        self._pump.poke(self.peer.id)

    def down(self, connection: Connection) -> None:
        """A connection ended; if it was the one in use there is none."""
        if self._connection is connection:
            self._connection = None
            self._changed = self._clock.now()


class ConnectingLink(PeerLink):
    """What links whose connections we open have in common: answers go to the pump, all else is judged like anywhere."""

    def __init__(self, peer: Peer, world: Surroundings) -> None:
        super().__init__(peer, world)
        self._intake = world.intake
        self._looking = False
        self._closed = False

    def look_back(self) -> None:
        """On a stand-by address: ask now and then whether a preferred one answers again."""
        if self.addresses.current and not self._looking:
            self._looking = True
            self._clock.callLater(self.peer.timers.circuit_pause, self._look)

    def _look(self) -> None:
        self._looking = False
        if self._closed:
            return
        preferred = self.addresses.preferred(self._clock.now())
        if not preferred:
            self.look_back()
            return
        self._looking = True
        n = preferred[0]
        probe = Probe(self.peer, self._world.test(self.peer), self._intake, lambda healthy: self._found(n, healthy))
        factory: Any = ConnectionFactory(lambda: self._world.make(probe, self.peer))
        self.addresses.connect_to(n, factory).addErrback(probe.failed)

    def _found(self, n: int, healthy: bool) -> None:
        self._looking = False
        if healthy and not self._closed:
            self.addresses.circuits[n].success()
            log.info("link.primary_healthy", peer=self.peer.id, address=self.addresses.names[n])
            self.go_back()
        self.look_back()

    def go_back(self) -> None:
        """A preferred address is healthy: the next connection is made to it."""

    def arrived(self, connection: Connection, packet: Packet) -> None:
        """A peer may also ask on our connection (duplex)."""
        self._intake.arrived(connection, packet)

    def refused(self, connection: Connection, event: Refused) -> None:
        """A flawed document on our connection."""
        self._intake.refused(connection, event)

    def unmatched(self, connection: Connection, packet: Packet) -> None:
        """A late answer, or one to something else."""
        self._intake.unmatched(connection, packet)

    def timed_out(self, connection: Connection, serial: str) -> None:
        """No answer in time."""
        self._pump.timed_out(self.peer.id, serial)

    def lost(self, connection: Connection, serial: str) -> None:
        """Nobody knows whether it arrived."""
        self._pump.lost(self.peer.id, serial)


class OutgoingLink(ConnectingLink):
    """Our own connection to a peer, kept up for ever."""

    def __init__(self, peer: Peer, world: Surroundings) -> None:
        super().__init__(peer, world)
        self._entropy = world.entropy
        self._returning = False
        self._not_let_in = 0
        factory = ConnectionFactory(lambda: world.make(self, peer))
        self._service: Any = ClientService(self.addresses, factory, retryPolicy=self._delay, clock=world.clock)  # type: ignore[arg-type]

    def room(self) -> int:
        """As ever; none while it waits to return to a preferred address."""
        return 0 if self._returning else super().room()

    def go_back(self) -> None:
        """Close once nothing is outstanding here any more."""
        connection = self._connection
        self._returning = connection is not None
        if connection is None:
            return
        if connection.session.outstanding:
            self._clock.callLater(_RETURN_S, self.go_back)
        else:
            connection.close()

    def _delay(self, attempts: int) -> float:
        """Exponential with full jitter; being turned away counts like not being reached, so a peer that accepts and closes at
        once is not asked every second."""
        most = min(RECONNECT_FIRST_S * 2.0 ** min(max(attempts, self._not_let_in), 10), RECONNECT_MOST_S)
        return self._entropy.uniform(RECONNECT_FIRST_S / 4, most)

    def start(self) -> None:
        """Begin to connect."""
        self._service.startService()

    def close(self) -> Deferred[Any]:
        """Disconnect for good."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()
        stopping: Deferred[Any] = self._service.stopService()
        return stopping

    def connected(self, connection: Connection) -> None:
        """The link is up."""
        connection.peer_id = self.peer.id
        log.info("link.up", peer=self.peer.id, host=connection.host, address=self.address)
        self._returning = False
        self.up(connection)
        self.look_back()

    def answered(self, connection: Connection, packet: Packet) -> None:
        """An answer."""
        self._pump.answered(self.peer.id, packet)
        self._pump.poke(self.peer.id)

    def ended(self, connection: Connection) -> None:
        """The link is down until ``ClientService`` has it up again; later each time where the peer said nothing at all."""
        let_in = connection.entered and connection.heard
        self._not_let_in = 0 if let_in else self._not_let_in + 1
        if connection.ending:
            self.addresses.fault = f"{self.address}: {connection.ending}"
        level = log.warning if connection.ending else log.info
        level("link.down", peer=self.peer.id, address=self.address, why=connection.ending, fruitless=self._not_let_in)
        self.down(connection)


class DuplexLink(PeerLink):
    """A peer that connects to us and is told things over its own connection."""

    def start(self) -> None:
        """It is the peer that begins."""

    def close(self) -> Deferred[Any]:
        """The listener closes the connections."""
        return succeed(None)
