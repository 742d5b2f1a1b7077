"""A peer of short connections: each carries one exchange (spec 01.1)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, succeed

from adapters.wire.packet import Packet
from gateway.config.model import Peer
from gateway.links.link import Connection
from gateway.links.links import ConnectingLink, ConnectionFactory, Surroundings


class ShortLink(ConnectingLink):
    """A peer of short connections: one exchange each, as many side by side as its window."""

    def __init__(self, peer: Peer, world: Surroundings) -> None:
        super().__init__(peer, world)
        self._make = world.make
        self._waiting: dict[str, tuple[Packet, int]] = {}
        self._under_way = 0
        self._entering: dict[Connection, str] = {}

    @property
    def state(self) -> str:
        """For people."""
        return "stopped" if self.stopped is not None else f"short connections, {self._under_way} open"

    def start(self) -> None:
        """Connections are made one a message."""

    def close(self) -> Deferred[Any]:
        """Nothing is kept open."""
        self._closed = True
        return succeed(None)

    def room(self) -> int:
        """As many as the window has left."""
        now = self._clock.now()
        if self.stopped is not None or now < self._paused_until:
            return 0
        return self.addresses.circuit.room(self.peer.window, self._under_way, now)

    def fail_over(self) -> None:
        """The next message goes there."""
        self.addresses.turn(self._clock.now())
        self.look_back()
        self._pump.poke(self.peer.id)

    def go_back(self) -> None:
        """As ``fail_over``."""
        self.fail_over()

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """A connection of its own for this message."""
        self._under_way += 1
        self._waiting[packet.serial] = (packet, deadline_ms)
        factory: Any = ConnectionFactory(lambda: self._make(self, self.peer))
        connecting = self.addresses.connect(factory)
        serial = packet.serial
        connecting.addCallbacks(lambda connection: self._send_on(connection, serial), lambda _: self._failed(serial))
        return True

    def _send_on(self, connection: Connection, serial: str) -> None:
        if not connection.entered:
            self._entering[connection] = serial
            return
        packet, deadline_ms = self._waiting.pop(serial)
        if not connection.send(packet, deadline_ms):
            connection.drop()
            self._pump.not_sent(self.peer.id, serial)

    def _failed(self, serial: str) -> None:
        self._under_way -= 1
        del self._waiting[serial]
        self._pump.not_sent(self.peer.id, serial)
        self._pump.poke(self.peer.id)

    def connected(self, connection: Connection) -> None:
        """Made for one message; ``send`` goes on."""
        connection.peer_id = self.peer.id
        self.look_back()
        serial = self._entering.pop(connection, None)
        if serial is not None:
            self._send_on(connection, serial)

    def answered(self, connection: Connection, packet: Packet) -> None:
        """The answer."""
        self._pump.answered(self.peer.id, packet)

    def ended(self, connection: Connection) -> None:
        """The exchange is over, or never began."""
        self._under_way -= 1
        serial = self._entering.pop(connection, None)
        if serial is not None:
            del self._waiting[serial]
            self._pump.not_sent(self.peer.id, serial)
        self._pump.poke(self.peer.id)
