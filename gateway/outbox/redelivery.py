"""RX03: a peer asks for messages of ours once more (spec 02.1): the same serials, the same bytes.

What was answered goes as an echo: its story has ended, nobody waits for what comes back.  What was given up begins anew.  What
is under way leaves anyhow.  What never left - unknown, taken back, parked - there is nothing to be sent of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

from adapters.envelopes.envelope import Envelope
from adapters.store.message_machine import DEAD, DONE, OPEN, READY, REJECTED, next_state
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.outbox.packets import stamp_of

ECHO_WAIT_S = 5.0
"""How often a link without room is looked at again."""
ECHO_FOR_MS = 600_000
"""How long an echo waits for its link; the peer may ask again."""

Outgoing = list[tuple[MessageRecord, dict[str, Any]]]


class EchoLink(Protocol):
    """The part of a link an echo needs (``gateway.links.links``)."""

    @property
    def peer(self) -> Peer:
        """Whom it leads to."""

    def room(self) -> int:
        """How many messages may leave now."""

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """Hands a packet to the connection."""


class Redelivery:
    """Judges what is asked for within the transaction, sends after the commit."""

    def __init__(
        self,
        codec: Codec,
        clock: Clock,
        own_id: str,
        links: Callable[[str], EchoLink | None],
        bytes_of: Callable[[int], bytes | None],
        sender_of: Callable[[int], str | None],
        voice_of: Callable[[str], Envelope],
    ) -> None:
        """``bytes_of`` a message by its id: those it left with; ``sender_of`` it: in whose name, if not ours; ``voice_of`` a
        peer: its envelope."""
        self._voice_of = voice_of
        self._sender_of = sender_of
        self._bytes_of = bytes_of
        self._codec = codec
        self._clock = clock
        self._own = own_id
        self._links = links

    def judge(self, unit: StoreUnit, peer: str, serials: list[str]) -> tuple[list[str], list[str]]:
        """Serials that will be sent again, and those that are unknown."""
        known = {record.serial: record for record in unit.store.sent_to(peer, serials)}
        again = [serial for serial in dict.fromkeys(serials) if serial in known and self._goes(unit, known[serial])]
        return again, [serial for serial in dict.fromkeys(serials) if serial not in again]

    def _goes(self, unit: StoreUnit, record: MessageRecord) -> bool:
        state = unit.store.outbound_state(record.id)[0]
        if state in OPEN:
            return True
        if state not in (DONE, REJECTED, DEAD) or not record.tries:
            return False
        after = state
        if state == DEAD:
            after = next_state(state, "redeliver")
            unit.put("message_state", (after, None, None, record.tries, unit.now, None, record.id))
        unit.note("message", str(record.id), "redeliver", state, after, unit.origin.serial)
        document = unit.store.outbound([record.id])[record.id][0] or {}
        unit.outgoing.append((replace(record, state=after, due_at=unit.now, first_seen=unit.now, closed_at=None), document))
        return True

    def take(self, messages: Outgoing) -> tuple[Outgoing, Outgoing]:
        """Of what was just committed: the ordinary messages, and those given up that begin anew; echoes are on their way.
        Only what was tried before is asked for once more, and nobody else hands on such."""
        mine = [one for one in messages if one[0].tries]
        if not mine:
            return messages, []
        for record, _ in mine:
            if record.state != READY:
                self._clock.callLater(0.0, self._echo, record, self._clock.now() + ECHO_FOR_MS)
        anew = [one for one in mine if one[0].state == READY]
        return [one for one in messages if not one[0].tries], anew

    def _echo(self, record: MessageRecord, until: int) -> None:
        link, now = self._links(record.peer), self._clock.now()
        if link is None or now > until:
            return
        raw = self._bytes_of(record.id)
        if raw is None:
            return
        if link.room() <= 0 or not link.send(self._packet(record, link.peer, raw), now + ECHO_FOR_MS):
            self._clock.callLater(ECHO_WAIT_S, self._echo, record, until)

    def _packet(self, record: MessageRecord, peer: Peer, raw: bytes) -> Packet:
        row = self._codec.catalogue.message(record.code)
        return Packet(
            body=raw, kind=Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST, code=record.code,
            sender=self._sender_of(record.id) or self._own, receiver=peer.id, area=record.area, serial=record.serial,
            send_time=stamp_of(self._voice_of(peer.id), raw, peer.charset, self._clock.now()),
            mode="B" if row.pattern == "Q" else peer.mode, charset=peer.charset,
        )  # fmt: skip
