"""The envelopes a simulated system speaks, peer by peer, and whose a document is that came without header (spec 01.2)."""

from __future__ import annotations

from dataclasses import replace

from adapters.document import Header
from adapters.envelopes.envelope import Envelope, envelope
from adapters.packing import packed
from adapters.wire.packet import Kind, Packet
from adapters.xml.charset import GB18030, Undecodable, read
from adapters.xml.codec import Codec
from simulators.settings import PeerSettings

_REACH = 2048
"""Bytes in which an envelope's root, or its form's field, shows."""
_REMEMBERED = 4096
"""Narrow serials of our own that are known again."""


class Voices:
    """Made once a system; envelopes when first spoken."""

    def __init__(self, system: str, codec: Codec, peers: dict[str, PeerSettings]) -> None:
        self._system = system
        self._codec = codec
        self._peers = peers
        self._made: dict[tuple[str, str], Envelope] = {}
        self._narrow: dict[str, str] = {}
        self.only_native = all(self.of(peer) is codec for peer in peers.values())

    def of(self, peer: PeerSettings) -> Envelope:
        """The envelope spoken with a peer."""
        key = (peer.system, peer.envelope)
        if key not in self._made:
            dialect = replace(peer.dialect, own=self._system, peer=peer.system, mode=peer.mode)
            self._made[key] = envelope(self._codec, peer.envelope, dialect)
        return self._made[key]

    def with_(self, system: str) -> Envelope:
        """The envelope spoken with a system; with a stranger, the native one."""
        peer = self._peers.get(system)
        return self._codec if peer is None else self.of(peer)

    def wrote(self, peer: PeerSettings, serial: str) -> None:
        """A message of our own goes under ``serial``; where an envelope has room for less of it, answers name what there is."""
        told = self.of(peer).serial_of(serial)
        if told == serial:
            return
        if len(self._narrow) >= _REMEMBERED:
            del self._narrow[next(iter(self._narrow))]
        self._narrow[told] = serial

    def describe(self, raw: bytes) -> Packet:
        """The packet of a document in whichever envelope it is."""
        try:
            charset = read(raw).charset
        except Undecodable:
            charset = GB18030  # what the document is refused for
        found = self._header(raw, charset)
        if found is None:
            return Packet(raw)
        kind = Kind.RECEIPT if found.result_code is not None else Kind.REQUEST
        packet = packed(found, raw, kind, charset)
        if kind is Kind.RECEIPT:
            packet.serial = self._narrow.get(found.serial, found.serial)
        return packet

    def _header(self, raw: bytes, charset: str) -> Header | None:
        """What the document says; of several peers with its envelope, under the names of the one it is from."""
        start, first = raw[:_REACH].replace(b"\0", b""), None
        for peer in self._peers.values():
            row = self._codec.catalogue.envelope(peer.envelope)
            marks = [f"{part}=" for part in row.parts] + [f"{row.root}>", f"{row.root} "]
            if row.root and not any(mark.encode() in start for mark in marks):
                continue
            header = self.of(peer).quick_header(raw, charset)
            if header is not None and header.sender in ("", peer.system):
                header.sender = peer.system
                return header
            first = first or header
        return first
