"""Packets of the outbox: our messages, messages handed on for somebody else, and questions about either (spec 01.1, 06.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from adapters.document import Body, Document, DocumentRefused, Header
from adapters.envelopes.envelope import Envelope
from adapters.packing import packed
from adapters.store.relays import RelayRow as Relay
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.config.model import Peer
from gateway.outbox.attempts import Entry

log = structlog.get_logger()

STORE_WAIT_MS = 2_000
"""How long a message waits when the store refused to record what became of it, or could not be read."""
TAKEN = ("stored", "applied")
"""What RX04 says of a message that arrived and was not refused."""
NOBODY_ASKED_MS = 600_000
"""How long a message nobody can be asked about waits before its age is looked at again."""


class OutboxPackets:
    """``relays`` says of a message by its id whom it is handed on for."""

    def __init__(self, codec: Codec, own_id: str, voice_of: Callable[[str], Envelope], relays: Mapping[int, Relay]) -> None:
        self._codec = codec
        self._catalogue = codec.catalogue
        self._question = codec.catalogue.by_element("QueryMessage")
        self._own = own_id
        self._voice_of = voice_of
        self._relays = relays
        self._number = 0

    def question(self, entry: Entry, peer: Peer, now: int) -> tuple[Packet, int] | None:
        """RX04 for the serial of ``entry``, and the instant its answer is due. Whom the message is from asks. None for a peer
        whose envelope has no such question."""
        row, sender = self._question, self._sender(entry)
        self._number += 1
        serial = f"{self._own}{wire_time(now)}9{self._number:09d}"
        header = Header(row.code, serial, sender, peer.id, entry.area, wire_time(now), peer.schema_version, "B")
        voice = self._voice_of(peer.id)
        document = Document(row, row.name, header, {"sender": sender, "serial": voice.serial_of(entry.serial)})
        try:
            raw = voice.encode(document, peer.charset)
        except (LookupError, ValueError) as fault:
            log.warning("query.not_written", peer=peer.id, serial=entry.serial, why=str(fault))
            return None
        packet = packed(header, raw, Kind.REQUEST, peer.charset)
        return packet, now + int(peer.answer_seconds(row) * 1000)

    def message(self, entry: Entry, peer: Peer, now: int) -> tuple[Packet, int]:
        """The packet of ``entry``, whose bytes stand, and the instant its answer is due."""
        if entry.raw is None:
            raise RuntimeError(f"attempt of message {entry.id} opened without bytes")
        row = self._catalogue.message(entry.code)
        kind = Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST
        mode = "B" if row.pattern == "Q" else peer.mode
        seconds = peer.receipt_seconds(row) if mode == "A" else peer.answer_seconds(row)
        voice = self._voice_of(peer.id)
        entry.stamp = entry.stamp or stamp_of(voice, entry.raw, peer.charset, now)
        header = voice.quick_header(entry.raw, peer.charset) if entry.id in self._relays else None
        packet = Packet(
            body=entry.raw, kind=kind, code=entry.code, sender=self._sender(entry), receiver=peer.id, area=entry.area,
            serial=entry.serial, send_time=entry.stamp, mode=mode, charset=peer.charset,
            ttl=0 if header is None else header.ttl,
        )  # fmt: skip
        return packet, now + int(seconds * 1000)

    def kept(self, entry: Entry, fate: Body) -> Packet | None:
        """The answer to ``entry`` that the peer kept and tells when asked (RX04), as the packet it would have come in; None
        where it tells none that can be read."""
        told = fate.get("stored_answer")
        if told is None or fate.get("state") not in TAKEN:
            return None
        packet = Packet(
            body=told["document"].encode(), kind=Kind.REPLY, code=entry.code, sender=entry.peer, receiver=self._sender(entry),
            area=entry.area, serial=entry.serial, charset="UTF-8", result=told["result_code"],
        )  # fmt: skip
        try:
            self._voice_of(entry.peer).decode_answer(packet.body, packet.charset, self.asked(entry))
        except DocumentRefused as refusal:
            log.warning("query.kept_unreadable", peer=entry.peer, serial=entry.serial, symbol=refusal.symbol)
            return None
        return packet

    def read(self, entry: Entry, packet: Packet, instead: bytes) -> Document:
        """The answer to ``entry`` in the peer's own form, else the Package ``instead``, if there is one. Raises
        DocumentRefused."""
        asked = self.asked(entry)
        try:
            return self._voice_of(entry.peer).decode_answer(packet.body, packet.charset, asked)
        except DocumentRefused:
            if not instead:
                raise
            found = self._codec.decode_answer(instead, "UTF-8", asked)
            log.warning("answer.by_status", peer=entry.peer, serial=entry.serial, why=found.body["text"])
            return found

    def asked(self, entry: Entry) -> Header:
        """The header an answer to ``entry`` answers."""
        return Header(entry.code, entry.serial, self._sender(entry), entry.peer, entry.area)

    def questioned(self, entry: Entry, serial: str) -> Header:
        """The header an answer to the question ``serial`` about ``entry`` answers."""
        return Header(self._question.code, serial, self._sender(entry), entry.peer, entry.area)

    def _sender(self, entry: Entry) -> str:
        relay = self._relays.get(entry.id)
        return self._own if relay is None else relay.sender


def stamp_of(voice: Envelope, raw: bytes, charset: str, now: int) -> str:
    """The time a packet says it was sent: its document's, so that both agree (01.2 rule 1) and what goes again is the same
    bytes (01.1.5); ``now`` where the document has none."""
    header = voice.quick_header(raw, charset)
    return header.send_time if header is not None and header.send_time else wire_time(now)
