"""Documents and packets of a simulated system: what it writes and how it reads (spec 01.1, 01.2)."""

from __future__ import annotations

from dataclasses import replace

from adapters.document import Document, DocumentRefused, Header
from adapters.packing import packed
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.session import Session
from adapters.wire.settings import SessionSettings
from adapters.wire.times import wire_time
from adapters.xml.charset import GB18030
from adapters.xml.codec import Codec
from schemas.loader import Catalogue
from schemas.model import LayoutRow, MessageRow
from simulators.brain import Body
from simulators.codes import number
from simulators.settings import PeerSettings
from simulators.voices import Voices

RECEIPT = "Receipt"
_SERIAL, _TIME = "SERIALSERIALSERIALSERIALSERIAL", "00000000000000"
_AGREE = ("code", "serial", "sender", "receiver", "area", "mode")
"""What packet and document both say, and must say alike (01.2 rule 1)."""
_KNOWN_LIMIT = 1_000
_PLAIN = 2
"""A receipt of code and text only."""


class Paper:
    """Writes and reads for the system ``system``.

    Receipts are half of all traffic and differ in serial and time only.  So a plain receipt is encoded once a kind and its two
    values are put in; and one read before is known again by its bytes with both values taken out (NUL, which no document can
    hold, stands for them), so it has been through parser and schema already.
    """

    def __init__(
        self,
        system: str,
        catalogue: Catalogue,
        layouts: tuple[LayoutRow, ...] = (),
        peers: dict[str, PeerSettings] | None = None,
    ) -> None:
        self._system = system
        self.catalogue = catalogue
        self.codec = Codec(catalogue)
        self._voices = Voices(system, self.codec, peers or {})
        self._layouts = {row.name: Layout(row) for row in layouts}
        self._sequence = 0
        self._templates: dict[tuple[str, ...], bytes] = {}
        self._read: dict[tuple[str, str, bytes], Document] = {}

    def session(self, layout: str, settings: SessionSettings, now: int) -> Session:
        """A session in a layout."""
        if layout not in self._layouts:
            self._layouts[layout] = Layout(self.catalogue.layout(layout))
        describe = self._describe if self._voices.only_native else self._voices.describe
        return Session(self._layouts[layout], settings, now, describe)

    def serial(self, now: int) -> str:
        """The next serial: system id, time, sequence (01.1.1)."""
        self._sequence += 1
        return f"{self._system:0<6}{wire_time(now)}{self._sequence:010d}"

    def message(self, row: MessageRow, body: Body, peer: PeerSettings, serial: str, ref_serial: str | None, now: int) -> Packet:
        """A message of our own."""
        mode = "B" if row.pattern == "Q" else peer.mode
        header = Header(
            code=row.code,
            serial=serial,
            sender=self._system,
            receiver=peer.system,
            area=str(body.get("area", "")),
            send_time=wire_time(now),
            mode=mode,
            ref_serial=ref_serial,
        )
        kind = Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST
        if not self._voices.only_native:
            self._voices.wrote(peer, serial)
        return self._packet(Document(row, row.name, header, body), peer, kind)

    def answer(self, row: MessageRow, element: str, body: Body, packet: Packet, peer: PeerSettings, now: int) -> Packet:
        """The answer of a Q, or the receipt of anything, to ``packet``: its serial is echoed."""
        code = str(body["code"]) if element == RECEIPT else number("OK")
        header = Header(
            code=row.code,
            serial=packet.serial,
            sender=self._system,
            receiver=peer.system,
            area=packet.area,
            send_time=wire_time(now),
            mode=packet.mode,
            ref_serial=packet.serial,
            result_code=code,
        )
        kind = Kind.RECEIPT if element == RECEIPT else Kind.REPLY
        document = Document(row, element, header, body)
        native = self._voices.of(peer) is self.codec
        if native and element == RECEIPT and len(body) == _PLAIN and packet.serial.isalnum():
            return self._framed(header, self._plain_receipt(document, peer), peer, kind, code)
        return self._packet(document, peer, kind, code)

    def _plain_receipt(self, document: Document, peer: PeerSettings) -> bytes:
        header = document.header
        key = (header.code, header.receiver, header.area, header.mode, document.body["code"], peer.charset)
        template = self._templates.get(key)
        if template is None:
            blank = replace(header, serial=_SERIAL, ref_serial=_SERIAL, send_time=_TIME)
            template = self.codec.encode(Document(document.row, RECEIPT, blank, document.body), peer.charset)
            self._templates[key] = template
        filled = template.replace(_SERIAL.encode(), header.serial.encode())
        return filled.replace(_TIME.encode(), header.send_time.encode())

    def read(self, packet: Packet) -> Document:
        """The document in a packet, agreeing with its header; of a receipt known before, only element and body are this
        packet's. Raises DocumentRefused."""
        if not packet.is_answer or not packet.serial:
            return self._decode(packet)
        plain = packet.body.replace(packet.serial.encode(), b"\0").replace(packet.send_time.encode() or b"\0", b"\0")
        bare = (packet.code, packet.sender, plain)
        known = self._read.get(bare)
        if known is None:
            known = self._decode(packet)
            if known.element == RECEIPT and len(self._read) < _KNOWN_LIMIT:
                self._read[bare] = known
        return known

    def _decode(self, packet: Packet) -> Document:
        voice = self._voices.with_(packet.sender)
        expect = {name: getattr(packet, name) for name in _AGREE if voice is not self.codec or self._said(name)}
        return voice.decode(packet.body, packet.charset, {name: value for name, value in expect.items() if value})

    def _said(self, name: str) -> bool:
        """Whether a packet of this system says it at all, in every layout it speaks."""
        return all(layout.carries(name) for layout in self._layouts.values())

    def _packet(self, document: Document, peer: PeerSettings, kind: Kind, result: str = "0000") -> Packet:
        return self._framed(document.header, self._voices.of(peer).encode(document, peer.charset), peer, kind, result)

    def _framed(self, header: Header, body: bytes, peer: PeerSettings, kind: Kind, result: str) -> Packet:
        return packed(header, body, kind, peer.charset, result)

    def _describe(self, raw: bytes) -> Packet:
        """For layouts whose header does not say everything: kind, code, serial and so on out of the document itself."""
        charset = GB18030  # what a document in none is refused for
        try:
            document, reading = self.codec.decode_reading(raw)
            charset = reading.charset
            header: Header | None = document.header
            answers = document.element not in (document.row.name,)
        except DocumentRefused as refusal:
            header, answers = refusal.header, False
        if header is None:
            return Packet(raw)
        kind = Kind.RECEIPT if answers else Kind.REQUEST
        return packed(header, raw, kind, charset)
