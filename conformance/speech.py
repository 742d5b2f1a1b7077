"""How documents stand on the wire with the system under test: its envelope, and what its packet headers have no room for.

Everything else in the suite knows whole packets only.  What a header leaves unsaid is read out of the document inside; where
it holds less than a serial of ours, what goes out bears its last digits, and what comes back is told under the whole one
(spec 01.1.2, 01.2).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from adapters.document import Document, Header
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.wire.fields import SERIAL_DIGITS
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.charset import GB18030, Undecodable, read
from adapters.xml.codec import Codec
from schemas.loader import RECEIPT

SAID = ("kind", "code", "sender", "receiver", "area", "serial", "send_time", "mode", "charset", "result", "ttl")
"""What a packet header may say, and a document says, too."""
_WIRE = "serial on the wire"
_EMPTY = rb"<((?:[\w.\-]+:)?NAME)(?:\s*/>|></(?:[\w.\-]+:)?NAME>)"
_KEPT = 65_536
Oldest = Callable[[], Packet | None]
"""What has waited longest for its answer on the same connection: some answers do not say whose they are."""


class Speech:
    """For one system under test, ``peer``. ``layout`` None: documents come with no packet header at all."""

    def __init__(self, codec: Codec, layout: Layout | None, name: str, peer: str, codes: dict[str, str]) -> None:
        self.row = codec.catalogue.envelope(name)
        self.native = self.row.shape == "native"
        self._codec = codec
        self._voice = envelope(codec, name, Dialect(peer=peer, codes=codes))
        # over HTTP a request is asked and a response answers, whatever stands in them
        self._unsaid = SAID[1:] if layout is None else tuple(name for name in SAID if not layout.carries(name))
        self._bare = layout is None
        self._echoes = layout is not None and layout.echoes
        digits = 0 if layout is None else layout.serial_digits
        self._narrow = digits if 0 < digits < SERIAL_DIGITS else 0
        self._ours: dict[str, str] = {}
        self.pages: dict[tuple[str, int], bytes] = {}
        """Further packets of ours that are fetched one by one, by serial on the wire and number."""

    # -- ours

    def encode(self, document: Document, charset: str) -> bytes:
        """Raises ValueError, LookupError."""
        return self._voice.encode(document, charset)

    def dressed(self, packet: Packet) -> Packet:
        """A message of ours under the serial its header can hold; what comes back is found by it."""
        inside = self._voice.serial_of(packet.serial)
        if inside != packet.serial:
            self._remember(inside, packet.serial)
        if not self._narrow:
            return packet
        wire = "".join(char for char in packet.serial if char.isdigit())[-self._narrow :].rjust(self._narrow, "0")
        self._remember(wire, packet.serial)
        return replace(packet, serial=wire)

    def echoing(self, packet: Packet, asked: Packet) -> Packet:
        """An answer of ours under the serial that was asked with, with the free fields it came with."""
        free = {name: value for name, value in asked.extra.items() if name != _WIRE}
        return replace(packet, serial=asked.extra.get(_WIRE, packet.serial), extra=free)

    def _remember(self, wire: str, serial: str) -> None:
        if len(self._ours) >= _KEPT:
            del self._ours[next(iter(self._ours))]
        self._ours[wire] = serial

    # -- theirs

    def complete(self, packet: Packet, oldest: Oldest) -> None:
        """Fills in what the header of ``packet`` leaves unsaid; never raises."""
        if self._echoes and packet.kind is Kind.HEARTBEAT and packet.serial in self._ours:
            packet.kind = Kind.HEARTBEAT_REPLY  # one of ours comes back as it was
        if not self._unsaid and not self._narrow:
            return
        found = self._told(packet) if packet.body else Header("", "", "", "")
        if self._nameless(found, packet):
            waiting = oldest()
            packet.kind = None if waiting is None else Kind.RECEIPT
        for name, value in self._values(found, packet).items():
            setattr(packet, name, value)
        if self._narrow:
            wire = packet.serial
            packet.extra = {**packet.extra, _WIRE: wire}
            ours = packet.is_answer or packet.kind is Kind.HEARTBEAT_REPLY
            packet.serial = self._ours.get(wire, found.serial or wire) if ours else found.serial or wire
        elif packet.is_answer:
            packet.serial = self._ours.get(packet.serial, packet.serial)
        asked = oldest() if packet.is_answer and not (packet.serial and packet.code) else None
        if asked is not None:
            packet.serial = packet.serial or asked.serial
            packet.code, packet.receiver = packet.code or asked.code, packet.receiver or asked.sender
        if packet.is_answer and self.native:
            packet.body = self._filled(packet, found)

    def _nameless(self, found: Header, packet: Packet) -> bool:
        """Whether neither header nor document say what this is: it may still answer what waits for one."""
        return "kind" in self._unsaid and bool(packet.body) and not (found.code or found.serial or found.result_code)

    def _told(self, packet: Packet) -> Header:
        charset = packet.charset
        if "charset" in self._unsaid:
            label = packet.charset if self._bare else ""  # a packet's own is no more than its default here
            try:
                charset = read(packet.body, label or None).charset
            except Undecodable:
                charset = GB18030
            packet.charset = charset
        return self._voice.quick_header(packet.body, charset) or Header("", "", "", "")

    def _values(self, found: Header, packet: Packet) -> dict[str, Any]:
        kind = packet.kind
        if "kind" in self._unsaid and packet.body and not self._nameless(found, packet):
            kind = Kind.RECEIPT if found.result_code is not None else Kind.REQUEST
        told: dict[str, Any] = {
            "kind": kind, "code": found.code, "sender": found.sender, "receiver": found.receiver, "area": found.area,
            "serial": found.serial, "send_time": found.send_time, "mode": found.mode, "result": found.result_code or "0000",
            "ttl": found.ttl,
        }  # fmt: skip
        return {name: told[name] for name in self._unsaid if name in told}

    def _filled(self, packet: Packet, found: Header) -> bytes:
        """The refusal of what nobody could read may not know what it answers, or only by its number: its header does."""
        serial = packet.serial
        said = {"MessageCode": packet.code, "Serial": serial, "RefSerial": serial, "Receiver": packet.receiver or "SUITE"}
        body = packet.body
        for name, value in said.items():
            if value:
                body = re.sub(_EMPTY.replace(b"NAME", name.encode()), rb"<\1>" + value.encode() + rb"</\1>", body, count=1)
        wire = packet.extra.get(_WIRE, "")
        if wire and found.serial == wire and packet.serial != wire:
            body = body.replace(f">{wire}<".encode(), f">{packet.serial}<".encode())
        return body

    def read(self, packet: Packet) -> Document:
        """The document in a packet, agreeing with its header. Raises DocumentRefused."""
        names = ("code", "serial", "sender") if self.native else ("code", "serial", "sender", "receiver", "area")
        expect = {name: getattr(packet, name) for name in names if getattr(packet, name)}
        document = self._voice.decode(packet.body, packet.charset or None, expect)
        header = document.header
        if header.ref_serial is not None:
            header.ref_serial = self._ours.get(header.ref_serial, header.ref_serial)
        self._kind(packet, document)
        return document

    def _kind(self, packet: Packet, document: Document) -> None:
        """Where a header cannot tell a reply from a receipt, or a request from a notification, the document does."""
        if document.element == RECEIPT:
            kind = Kind.RECEIPT
        elif document.element != document.row.name:
            kind = Kind.REPLY
        else:
            kind = Kind.NOTIFICATION if document.row.pattern == "N" else Kind.REQUEST
        if self._unsaid:
            packet.kind = kind
