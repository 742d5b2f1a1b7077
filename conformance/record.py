"""Live traffic between two systems, judged while it passes: framing, documents, serials, answers and times (spec 07.9).

Pure: told of bytes, ends and the time, it keeps what was said and what is wrong with it.  It answers nothing and asks nothing;
the proxy (``record_proxy.py``) passes every byte on before anything here looks at it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from adapters.document import Document, DocumentRefused, Header
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.wire.fields import SERIAL_DIGITS
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from conformance.model import Entry, Way
from conformance.paper import plain
from conformance.pics import SOCKET
from conformance.stream import Arrival, Stream, header_fields
from schemas.loader import NATIVE, RECEIPT, Catalogue

MAX_ENTRIES = 50_000
"""Messages a recording keeps; beyond it they are judged and counted, not remembered."""
MAX_RAW = 262_144
"""Bytes of one message a recording keeps."""
_MAX_SERIALS = 100_000
_TALKS = (Kind.REQUEST, Kind.REPLY, Kind.NOTIFICATION, Kind.RECEIPT, None)
_RECEIPT_MS = 15_000
_ANSWER_MS = 30_000
_PARTIAL_MS = 30_000
WAYS: dict[str, Way] = {"caller": "sent", "target": "got"}
"""Who speaks, and how it stands in a recording."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as the specification says. ``entry`` counts from 0 in the recording; -1: no message of its own."""

    at: int
    connection: str
    clause: str
    about: str
    zh: str
    en: str
    entry: int = -1


@dataclass(slots=True)
class Recording:
    """What was seen. ``seen`` counts packets judged, ``faulty`` those with a finding; ``sent`` entries are the caller's.
    ``binding`` is socket or http (SOAP as well); over HTTP there is no layout."""

    layout: str
    listen: str
    target: str
    started_at: int
    ended_at: int = 0
    connections: int = 0
    octets: int = 0
    seen: int = 0
    faulty: int = 0
    entries: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    envelope: str = NATIVE
    codes: dict[str, str] = field(default_factory=dict)
    binding: str = SOCKET
    answer_ms: list[int] = field(default_factory=list)

    @property
    def score(self) -> float:
        """Per cent of the packets nothing was wrong with; 100 where nothing was said."""
        return round(100 * (1 - self.faulty / self.seen), 2) if self.seen else 100.0


class Reads(Protocol):
    """One direction of one connection."""

    @property
    def lost(self) -> bool:
        """Whether nothing more can be read."""

    @property
    def pending(self) -> int:
        """Bytes of what is not whole yet."""

    def feed(self, data: bytes, now: int) -> Arrival:
        """Bytes passed."""

    def ended(self, now: int) -> Arrival:
        """No more will come."""


@dataclass(slots=True)
class Asked:
    """A request that waits for its answer."""

    packet: Packet
    document: Document | None
    at: int
    entry: int
    overdue: bool = False


@dataclass(slots=True)
class Pipe:
    """One connection between the two systems: what waits for an answer, by who asked and its serial."""

    streams: dict[str, Reads]
    open: dict[tuple[str, str], Asked] = field(default_factory=dict)
    partial_since: dict[str, int] = field(default_factory=dict)
    ended: bool = False


class Watch:
    """Judges the traffic of any number of connections of one layout; None where there are no packet headers."""

    framing = "01.1.3"
    """The clause of what cannot be read at all."""

    def __init__(self, recording: Recording, catalogue: Catalogue, layout: Layout | None, codec: Codec) -> None:
        self.recording = recording
        self._layout = layout
        name = (catalogue.layout(layout.name).envelope if layout is not None else "") or recording.envelope
        self._voice = envelope(codec, name, Dialect(codes=recording.codes))
        self._plain = catalogue.envelope(name).shape == "native"
        says = [layout is None or layout.carries(name) for name in ("sender", "receiver")]
        self._native = all(says) and (layout is None or layout.serial_digits == SERIAL_DIGITS)
        self._firm = self._native or (layout is not None and layout.encloses)
        self._wires: dict[str, Pipe] = {}
        self._said: dict[tuple[str, str], bytes] = {}
        self._answered: dict[tuple[str, str], bytes] = {}
        self._flawed: dict[int, None] = {}

    def streams(self) -> dict[str, Reads]:
        """What reads the two directions of a connection."""
        assert self._layout is not None
        return {way: Stream(self._layout) for way in WAYS}

    # -- what the proxy says

    def opened(self, name: str, now: int) -> None:
        """A connection was made and passed on."""
        self._wires[name] = Pipe(self.streams())
        self.recording.connections += 1
        self._note(name, now, "连接建立 / connected")

    def said(self, name: str, who: str, data: bytes, now: int) -> None:
        """Bytes of the ``caller`` or the ``target``."""
        wire = self._wires[name]
        self.recording.octets += len(data)
        stream = wire.streams[who]
        lost = stream.lost
        arrival = stream.feed(data, now)
        self._heard(wire, name, who, arrival, data, now)
        if arrival.lost and not lost:
            self._note(name, now, f"{who}：此后的字节只转发不解读 / from here on its bytes are only passed on")
        if stream.pending:
            wire.partial_since.setdefault(who, now)
        else:
            wire.partial_since.pop(who, None)

    def kept(self, data: bytes) -> bytes:
        """Bytes nobody could read, as they may be recorded."""
        return data

    def _heard(self, wire: Pipe, name: str, who: str, arrival: Arrival, data: bytes, now: int) -> None:
        for packet, raw in arrival.packets:
            self._packet(wire, name, who, packet, raw, now)
        if arrival.fault:
            self.recording.seen += 1
            entry = self._keep(Entry(now, WAYS[who], who, name, 0, self.kept(data[:MAX_RAW]), text=arrival.fault))
            zh, _, en = arrival.fault.partition(" / ")
            self._find(now, name, self.framing, who, zh, en or zh, entry)

    def ended(self, name: str, why: str, now: int) -> None:
        """A connection is over: what was asked on it and not answered stays so."""
        wire = self._wires.pop(name)
        for who, stream in wire.streams.items():
            self._heard(wire, name, who, stream.ended(now), b"", now)
        self._note(name, now, f"连接关闭 / closed: {why}")
        for who, stream in wire.streams.items():
            if stream.pending:
                size = stream.pending
                zh, en = f"连接在报文中途结束，余 {size} 字节", f"it ended in the middle of a packet, {size} bytes left over"
                self._find(now, name, self.framing, who, zh, en)
        for (_, serial), asked in wire.open.items():
            if not asked.overdue:
                about = f"{asked.packet.code} {serial}".strip()
                zh, en = "连接关闭前未应答", "not answered when the connection closed"
                self._find(now, name, "01.1.4", about, zh, en, asked.entry)

    def tick(self, now: int) -> None:
        """Time has passed: who is late?"""
        for name, wire in self._wires.items():
            for (_, serial), asked in wire.open.items():
                limit = self._limit(asked)
                if not asked.overdue and now - asked.at > limit:
                    asked.overdue = True
                    about = f"{asked.packet.code} {serial}".strip()
                    zh, en = f"{limit / 1000:g} s 内未应答", f"not answered within {limit / 1000:g} s"
                    self._find(now, name, "01.1.5", about, zh, en, asked.entry)
            for who, since in list(wire.partial_since.items()):
                if now - since > _PARTIAL_MS:
                    del wire.partial_since[who]
                    self._find(now, name, "01.1.5", who, "报文 30 s 未写完", "a packet was incomplete for 30 s")

    def close(self, now: int) -> Recording:
        """The recording is over; connections that still stand are let be."""
        self.tick(now)
        self.recording.ended_at = now
        return self.recording

    def broken(self, name: str, why: str, now: int) -> None:
        """This judge itself could not read something: said, and no fault of anybody's."""
        self._note(name, now, f"未能解读 / could not be read: {why}")

    # -- one packet

    def _packet(self, wire: Pipe, name: str, who: str, packet: Packet, raw: bytes, now: int) -> None:
        self.recording.seen += 1
        document, refusal = self.read(wire, who, packet)
        fields = plain(document) if document is not None else {}
        text = f"{refusal.symbol} {'; '.join(fault.text for fault in refusal.faults)}".strip() if refusal is not None else ""
        entry = self._keep(Entry(now, WAYS[who], who, name, 0, raw[:MAX_RAW], header_fields(packet), fields, text))
        about = f"{packet.code or fields.get('code', '')} {packet.serial}".strip()
        if refusal is not None:
            faults = "；".join(f"{one.path} {one.zh}" for one in refusal.faults[:5]) or refusal.detail
            english = "; ".join(f"{one.path} {one.en}" for one in refusal.faults[:5]) or refusal.detail
            self._find(now, name, "01.2", about, f"{refusal.symbol} {faults}", f"{refusal.symbol} {english}", entry)
        numbered = self._layout is None or self._layout.carries("serial")
        serial = packet.serial if numbered else _serial_of(document)
        if packet.kind in (Kind.REGISTER, Kind.READY, Kind.NEXT) or not serial:
            return
        if self._is_answer(packet, document):
            self._answer(wire, name, who, serial, packet, document, raw, now, entry)
        else:
            self._ask(wire, name, who, serial, packet, document, raw, now, entry)

    def _ask(
        self, wire: Pipe, name: str, who: str, serial: str, packet: Packet, document: Document | None, raw: bytes, now: int,
        entry: int,
    ) -> None:  # fmt: skip
        """A request: its serial may come again with the same bytes only (01.1.6)."""
        wire.open[who, serial] = Asked(packet, document, now, entry)
        if packet.is_heartbeat:
            return
        before = self._said.get((who, serial))
        if before is not None and before != packet.body:
            zh, en = "流水号携不同内容再次使用", "the serial was used again with other content"
            self._find(now, name, "01.1.6", f"{packet.code} {serial}".strip(), zh, en, entry)
        elif before is not None:
            self._note(name, now, f"{serial} 重发 / sent again")
        _remember(self._said, (who, serial), packet.body)

    def _answer(
        self, wire: Pipe, name: str, who: str, serial: str, packet: Packet, document: Document | None, raw: bytes, now: int,
        entry: int,
    ) -> None:  # fmt: skip
        """An answer: to something asked on this connection, in time, saying the same twice (01.1.4, 01.1.6, 01.2)."""
        other = "target" if who == "caller" else "caller"
        about = f"{packet.code} {serial}".strip()
        asked = wire.open.pop((other, serial), None)
        if asked is None:
            zh, en = "应答无人所问（或另一连接上的请求）", "an answer to nothing asked on this connection"
            self._find(now, name, "01.1.4", about, zh, en, entry)
            return
        self.recording.answer_ms.append(now - asked.at)
        if packet.is_heartbeat:
            return
        ends = (asked.packet.receiver, asked.packet.sender)
        told = self._native and (self._layout is not None or document is not None) and bool(ends[1])
        if told and (packet.sender, packet.receiver) != ends:
            zh, en = "应答的收发方未互换", "sender and receiver are not those of the request, exchanged"
            self._find(now, name, "01.1.4", about, zh, en, entry)
        code = document.body.get("code") if document is not None else None
        if code is not None and self._native and self._plain and packet.result != code:
            zh, en = f"报文头结果 {packet.result} 与文档 {code} 不一致", f"packet says {packet.result}, document says {code}"
            self._find(now, name, "01.2", about, zh, en, entry)
        for clause, zh, en in self.beside(asked, packet, document):
            self._find(now, name, clause, about, zh, en, entry)
        said = packet.body + packet.result.encode()
        before = self._answered.get((who, serial))
        if before is not None and before != said and self._said.get((other, serial)) == asked.packet.body:
            zh, en = "同一请求重到而应答不同", "the same request got another answer when it was repeated"
            self._find(now, name, "01.1.6", about, zh, en, entry)
        _remember(self._answered, (who, serial), said)

    def beside(self, asked: Asked, packet: Packet, document: Document | None) -> list[tuple[str, str, str]]:
        """What else is wrong with an answer: clause, and what in both languages."""
        return []

    def read(self, wire: Pipe, who: str, packet: Packet) -> tuple[Document | None, DocumentRefused | None]:
        """The document, or why it is none; neither where there is none."""
        if packet.kind not in _TALKS or not packet.body:
            return None, None
        charset = packet.charset if self._layout is None or self._layout.carries("charset") else None
        asked = None if self._plain else self._asked_by(wire, who, packet, charset)
        expect = {"code": packet.code, "serial": packet.serial, "sender": packet.sender} if self._firm else {}
        if not self._plain:
            expect |= {"code": packet.code, "receiver": packet.receiver, "area": packet.area}
        try:
            if asked is not None:
                return self._voice.decode_answer(packet.body, charset, _header(asked)), None
            return self._voice.decode(packet.body, charset, {name: value for name, value in expect.items() if value}), None
        except DocumentRefused as refusal:
            return None, refusal

    def _asked_by(self, wire: Pipe, who: str, packet: Packet, charset: str | None) -> Asked | None:
        """What this answers, where its envelope does not say so itself: by its serial, else what has waited longest."""
        if packet.kind is None:
            told = self._voice.quick_header(packet.body, charset)
            answers, serial = told is not None and told.result_code is not None, told.serial if told is not None else ""
        else:
            answers, serial = packet.is_answer, packet.serial
        other = "target" if who == "caller" else "caller"
        if not answers:
            return None
        waiting = [asked for (side, _), asked in wire.open.items() if side == other]
        named = wire.open.get((other, serial))
        return named if named is not None or serial else next(iter(waiting), None)

    def _is_answer(self, packet: Packet, document: Document | None) -> bool:
        if packet.kind is not None:
            return packet.is_answer or packet.kind is Kind.HEARTBEAT_REPLY
        return document is not None and document.element in (RECEIPT, document.row.answer)

    def _limit(self, asked: Asked) -> int:
        blocking = asked.document is not None and asked.document.row.pattern == "Q"
        return _ANSWER_MS if blocking else _RECEIPT_MS

    # -- what is kept

    def _keep(self, entry: Entry) -> int:
        if len(self.recording.entries) >= MAX_ENTRIES:
            return -1
        self.recording.entries.append(entry)
        return len(self.recording.entries) - 1

    def _note(self, name: str, now: int, text: str) -> None:
        self._keep(Entry(now, "note", "", name, 0, text=text))

    def _find(self, now: int, name: str, clause: str, about: str, zh: str, en: str, entry: int = -1) -> None:
        if entry not in self._flawed and entry >= 0:
            self._flawed[entry] = None
            self.recording.faulty += 1
        if len(self.recording.findings) < MAX_ENTRIES:
            self.recording.findings.append(Finding(now, name, clause, about, zh, en, entry))


def _header(asked: Asked) -> Header:
    """What was asked, as far as its document or its packet says."""
    packet = asked.packet
    if asked.document is not None:
        return asked.document.header
    return Header(packet.code, packet.serial, packet.sender, packet.receiver, packet.area, packet.send_time, mode=packet.mode)


def _serial_of(document: Document | None) -> str:
    """Where the packet has no serial: an answer names the one it answers."""
    if document is None:
        return ""
    return document.header.ref_serial or document.header.serial if document.element == RECEIPT else document.header.serial


def _remember(kept: dict[tuple[str, str], bytes], key: tuple[str, str], value: bytes) -> None:
    kept[key] = value
    if len(kept) > _MAX_SERIALS:
        del kept[next(iter(kept))]
