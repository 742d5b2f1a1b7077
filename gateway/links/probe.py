"""Whether an address a link turned away from is healthy again (spec 01.1.5): a connection of its own, one LN03 on it.

Any answer counts, also a refusal: what matters is that somebody reads and answers there.  Where a peer's envelope has no
LN03 it must do that somebody takes the connection.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog
from twisted.python.failure import Failure

from adapters.document import Document, Header
from adapters.envelopes.envelope import Envelope
from adapters.packing import packed
from adapters.wire.events import Refused
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.links.link import Connection, ConnectionOwner

log = structlog.get_logger()


class LinkTests:
    """LN03 packets of ours, numbered."""

    def __init__(self, codec: Codec, own_id: str, area: str, clock: Clock, voice_of: Callable[[str], Envelope]) -> None:
        self._voice_of = voice_of
        self._area = area
        self._codec = codec
        self._own = own_id
        self._clock = clock
        self._number = 0

    def packet(self, peer: Peer) -> tuple[Packet, int] | None:
        """A test for ``peer`` and the instant (ms) its answer is due; None where its envelope cannot say one."""
        row = self._codec.catalogue.by_element("LinkTest")
        now = self._clock.now()
        self._number += 1
        sent, area = wire_time(now), peer.areas[0] if peer.areas else self._area
        serial = f"{self._own:<6}{sent}8{self._number:09d}"
        header = Header(row.code, serial, self._own, peer.id, area, sent, peer.schema_version, "B")
        try:
            raw = self._voice_of(peer.id).encode(Document(row, row.name, header, {"text": "probe"}), peer.charset)
        except (LookupError, ValueError) as fault:
            log.info("probe.connects_only", peer=peer.id, why=str(fault))
            return None
        packet = packed(header, raw, Kind.REQUEST, peer.charset)
        return packet, now + int(peer.receipt_seconds(row) * 1000)


class Probe:
    """Owner of one connection that carries one test; ``told`` hears once whether it was answered."""

    def __init__(
        self, peer: Peer, test: tuple[Packet, int] | None, intake: ConnectionOwner, told: Callable[[bool], None]
    ) -> None:
        self._peer = peer
        self._test = test
        self._intake = intake
        self._told: Callable[[bool], None] | None = told

    def _tell(self, healthy: bool) -> None:
        told, self._told = self._told, None
        if told is not None:
            told(healthy)

    def failed(self, _failure: Failure) -> None:
        """Nobody answered the connect."""
        self._tell(False)

    def connected(self, connection: Connection) -> None:
        """Somebody is there: does it answer?"""
        connection.peer_id = self._peer.id
        if self._test is None:
            self._tell(True)
            connection.close()
        elif not connection.send(*self._test):
            connection.drop()

    def arrived(self, connection: Connection, packet: Packet) -> None:
        """The peer asks here: judged like anywhere."""
        self._intake.arrived(connection, packet)

    def refused(self, connection: Connection, event: Refused) -> None:
        """A flawed document."""
        self._intake.refused(connection, event)

    def answered(self, connection: Connection, packet: Packet) -> None:
        """Healthy."""
        self._tell(True)
        connection.close()

    def unmatched(self, connection: Connection, packet: Packet) -> None:
        """A late answer of another connection."""
        self._intake.unmatched(connection, packet)

    def timed_out(self, connection: Connection, serial: str) -> None:
        """It takes connections and does not answer."""
        self._tell(False)
        connection.drop()

    def lost(self, connection: Connection, serial: str) -> None:
        """Broken under the test."""
        self._tell(False)

    def ended(self, connection: Connection) -> None:
        """Over; before any answer that is a no."""
        self._tell(False)
