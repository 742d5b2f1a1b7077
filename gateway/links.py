"""Links with peers: where we listen, and whom we connect to (spec 01.1.5).

Inbound, a listener serves every peer that names it; who speaks is known from the packet's sender.  Outbound, each peer with
``connect`` addresses has a link of its own: a ``ClientService`` that reconnects with seeded jitter, primary address first,
stand-by next; a peer that only ever connects to us (``duplex``) is reached over its own connection.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from adapters.wire.events import Refused
from adapters.wire.packet import Packet
from adapters.wire.settings import SessionSettings
from gateway.circuit import Circuit
from gateway.clock import Clock, Entropy
from gateway.config import Peer
from gateway.link import Connection, ConnectionOwner
from gateway.outbox_pump import OutboxPump

log = structlog.get_logger()

RECONNECT_FIRST_S = 1.0
RECONNECT_MOST_S = 60.0


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
    )


@implementer(IStreamClientEndpoint)
class FailoverEndpoint:
    """Several addresses as one: each connect begins with the primary and goes on to the stand-by ones."""

    def __init__(self, endpoints: list[Any]) -> None:
        self._endpoints = endpoints

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """The first address that answers."""
        return self._try(protocolFactory, 0)

    def _try(self, factory: IProtocolFactory, index: int) -> Deferred[Any]:
        connecting: Deferred[Any] = self._endpoints[index].connect(factory)
        if index + 1 < len(self._endpoints):
            connecting.addErrback(lambda _failure: self._try(factory, index + 1))
        return connecting


class ConnectionFactory(Factory):
    """Makes connections for Twisted."""

    noisy = False

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make

    def buildProtocol(self, addr: Any) -> Connection:
        """A fresh connection."""
        return self._make()


class PeerLink:
    """What every link towards a peer has: the circuit, pauses, stops, and the connection messages leave on now."""

    def __init__(self, peer: Peer, clock: Clock, pump: OutboxPump) -> None:
        self.peer = peer
        self.stopped: str | None = None
        self.connects = 0
        self._clock = clock
        self._pump = pump
        self._connection: Connection | None = None
        self._paused_until = 0
        self._circuit = Circuit(peer.timers.circuit_failures, int(peer.timers.circuit_pause * 1000))

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
        circuit = self._circuit.state(now)
        return "up" if circuit == "closed" else f"circuit {circuit}"

    def room(self) -> int:
        """How many messages may leave now."""
        now = self._clock.now()
        connection = self._connection
        if connection is None or self.stopped is not None or now < self._paused_until or connection.session.congested:
            return 0
        return self._circuit.room(self.peer.window, connection.session.outstanding, now)

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """Over the connection that stands."""
        return self._connection is not None and self._connection.send(packet, deadline_ms)

    def note_failure(self, now: int) -> None:
        """Counts for the circuit; when it opens, messages wait until it is half-open."""
        if self._circuit.failure(now):
            log.warning("circuit.open", peer=self.peer.id)
            at = self._circuit.half_open_at or now
            self._clock.callLater((at - now) / 1000 + 0.001, self._pump.poke, self.peer.id)

    def note_success(self) -> None:
        """The peer answered."""
        self._circuit.success()

    def pause(self, until: int) -> None:
        """Keep still until then."""
        self._paused_until = max(self._paused_until, until)
        self._clock.callLater(max(0.0, (until - self._clock.now()) / 1000) + 0.001, self._pump.poke, self.peer.id)

    def stop(self, why: str) -> None:
        """Stand still until resumed by a person."""
        self.stopped = why
        zh, en = "链路因鉴权或成帧错误停止，排除后重启网关", "authentication or framing fault: mend it, restart"
        log.error("link.stopped", peer=self.peer.id, why=why, zh=zh, en=en)

    def drop(self) -> None:
        """Break the connection that stands."""
        if self._connection is not None:
            self._connection.drop()

    def up(self, connection: Connection) -> None:
        """A connection stands."""
        self._connection = connection
        self.connects += 1
        self._pump.poke(self.peer.id)

    def down(self, connection: Connection) -> None:
        """A connection ended; if it was the one in use there is none."""
        if self._connection is connection:
            self._connection = None


class ConnectingLink(PeerLink):
    """What links whose connections we open have in common: answers go to the pump, all else is judged like anywhere."""

    def __init__(self, peer: Peer, clock: Clock, pump: OutboxPump, intake: ConnectionOwner) -> None:
        super().__init__(peer, clock, pump)
        self._intake = intake

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

    def __init__(
        self,
        peer: Peer,
        clock: Clock,
        entropy: Entropy,
        pump: OutboxPump,
        endpoints: Any,
        make: Callable[[ConnectionOwner, Peer], Connection],
        intake: ConnectionOwner,
    ) -> None:
        super().__init__(peer, clock, pump, intake)
        self._entropy = entropy
        endpoint = FailoverEndpoint([endpoints.client(address) for address in peer.connect])
        factory = ConnectionFactory(lambda: make(self, peer))
        self._service: Any = ClientService(endpoint, factory, retryPolicy=self._delay, clock=clock)  # type: ignore[arg-type]

    def _delay(self, attempts: int) -> float:
        """Exponential with full jitter."""
        most = min(RECONNECT_FIRST_S * 2.0 ** min(attempts, 10), RECONNECT_MOST_S)
        return self._entropy.uniform(RECONNECT_FIRST_S / 4, most)

    def start(self) -> None:
        """Begin to connect."""
        self._service.startService()

    def close(self) -> Deferred[Any]:
        """Disconnect for good."""
        if self._connection is not None:
            self._connection.close()
        stopping: Deferred[Any] = self._service.stopService()
        return stopping

    def connected(self, connection: Connection) -> None:
        """The link is up."""
        connection.peer_id = self.peer.id
        log.info("link.up", peer=self.peer.id, host=connection.host)
        self.up(connection)

    def answered(self, connection: Connection, packet: Packet) -> None:
        """An answer."""
        self._pump.answered(self.peer.id, packet)
        self._pump.poke(self.peer.id)

    def ended(self, connection: Connection) -> None:
        """The link is down until ``ClientService`` has it up again."""
        log.info("link.down", peer=self.peer.id)
        self.down(connection)


class DuplexLink(PeerLink):
    """A peer that connects to us and is told things over its own connection."""

    def start(self) -> None:
        """It is the peer that begins."""

    def close(self) -> Deferred[Any]:
        """The listener closes the connections."""
        return succeed(None)


class ShortLink(ConnectingLink):
    """A peer of short connections: one exchange each, as many side by side as its window."""

    def __init__(
        self,
        peer: Peer,
        clock: Clock,
        pump: OutboxPump,
        endpoints: Any,
        make: Callable[[ConnectionOwner, Peer], Connection],
        intake: ConnectionOwner,
    ) -> None:
        super().__init__(peer, clock, pump, intake)
        self._endpoint = FailoverEndpoint([endpoints.client(address) for address in peer.connect])
        self._make = make
        self._waiting: dict[str, tuple[Packet, int]] = {}
        self._under_way = 0

    @property
    def state(self) -> str:
        """For people."""
        return "stopped" if self.stopped is not None else f"short connections, {self._under_way} open"

    def start(self) -> None:
        """Connections are made one a message."""

    def close(self) -> Deferred[Any]:
        """Nothing is kept open."""
        return succeed(None)

    def room(self) -> int:
        """As many as the window has left."""
        now = self._clock.now()
        if self.stopped is not None or now < self._paused_until:
            return 0
        return self._circuit.room(self.peer.window, self._under_way, now)

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """A connection of its own for this message."""
        self._under_way += 1
        self._waiting[packet.serial] = (packet, deadline_ms)
        factory: Any = ConnectionFactory(lambda: self._make(self, self.peer))
        connecting = self._endpoint.connect(factory)
        serial = packet.serial
        connecting.addCallbacks(lambda connection: self._send_on(connection, serial), lambda f: self._failed(f, serial))
        return True

    def _send_on(self, connection: Connection, serial: str) -> None:
        packet, deadline_ms = self._waiting.pop(serial)
        if not connection.send(packet, deadline_ms):
            connection.drop()
            self._pump.not_sent(self.peer.id, serial)

    def _failed(self, failure: Failure, serial: str) -> None:
        self._under_way -= 1
        del self._waiting[serial]
        log.warning("link.connect_failed", peer=self.peer.id, why=failure.getErrorMessage())
        self._pump.not_sent(self.peer.id, serial)
        self._pump.poke(self.peer.id)

    def connected(self, connection: Connection) -> None:
        """Made for one message; ``send`` goes on."""
        connection.peer_id = self.peer.id

    def answered(self, connection: Connection, packet: Packet) -> None:
        """The answer."""
        self._pump.answered(self.peer.id, packet)

    def ended(self, connection: Connection) -> None:
        """The exchange is over."""
        self._under_way -= 1
        self._pump.poke(self.peer.id)
