"""One direction of one connection with the system under test: bytes in, whole packets or the reason why not (spec 01.1.3).

No session: a tester must be able to leave heartbeats unanswered, answer twice, or say nothing, so nothing here answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from adapters.wire.errors import FramingFault
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.segments import Reassembler
from adapters.wire.times import wire_time
from adapters.xml.charset import Undecodable, read
from conformance.speech import Speech

MAX_PACKET = 4 << 20
MAX_DOCUMENT = 32 << 20
"""What the suite itself takes from a system under test; beyond it floods."""
_MAX_ASKED = 1_000
_LINK = (Kind.REGISTER, Kind.READY, Kind.NEXT)


@dataclass(slots=True)
class Arrival:
    """What some bytes meant: whole packets with their bytes, or why the stream cannot be read on (``lost``: not at all)."""

    packets: list[tuple[Packet, bytes]] = field(default_factory=list)
    fault: str = ""
    lost: bool = False
    replies: list[bytes] = field(default_factory=list)
    """What is to be written back at once, as the connection itself wants it."""


class Flow(Protocol):
    """What comes on one connection, whatever it travels in."""

    count: int

    @property
    def ready(self) -> bool:
        """Whether documents may go."""

    def hello(self, now: int) -> bytes:
        """What is written before anything else, on a connection of ours."""

    @property
    def busy(self) -> bool:
        """Whether something of ours waits for its answer here."""

    @property
    def free(self) -> bool:
        """Whether one more request may go here."""

    def sent(self, packet: Packet) -> None:
        """Something of ours went out."""

    def feed(self, data: bytes, now: int) -> Arrival:
        """Bytes arrived."""

    def ended(self, now: int) -> Arrival:
        """No more will come."""


class Stream:
    """Reads what the system under test writes on one connection, in packets. ``speech`` fills in what their headers leave
    unsaid; without it nothing is answered. ``inbound``: the system under test opened it."""

    def __init__(self, layout: Layout, speech: Speech | None = None, inbound: bool = False) -> None:
        self._layout = layout
        self._speech = speech
        self._asked: list[Packet] = []
        self._ready = inbound or speech is None or not layout.registers
        self._framer = Framer(layout, MAX_PACKET, allow_unchecked=True)
        self._frame = layout.header_size + len(layout.delimiter)
        self._encloses = layout.encloses
        self._reassembler = Reassembler(MAX_DOCUMENT)
        self._tail = bytearray()
        self._pieces: dict[str, bytes] = {}
        self._lost = False
        self.count = 0

    @property
    def lost(self) -> bool:
        """Whether nothing more can be read."""
        return self._lost

    @property
    def pending(self) -> int:
        """Bytes of a packet that is not whole yet."""
        return 0 if self._lost else self._framer.pending

    def feed(self, data: bytes, now: int) -> Arrival:
        """Bytes arrived."""
        self.count += len(data)
        if self._lost:
            return Arrival()
        self._tail += data
        arrival = Arrival()
        while not self._lost:
            try:
                packets = self._framer.feed(data)
            except FramingFault as fault:
                self._note(arrival, fault)
                if fault.packet is None:
                    break
                self._bytes_of(fault.packet)
                packets = []
            for packet in packets:
                self._packet(packet, now, arrival)
            if self._framer.fault is None:
                break
            data = b""
        return arrival

    def _packet(self, packet: Packet, now: int, arrival: Arrival) -> None:
        raw = self._pieces.pop(packet.serial, b"") + self._bytes_of(packet)
        if self._speech is not None and packet.kind in _LINK:
            self._link(packet, now, arrival)
            return
        try:
            whole = self._reassembler.add(packet, now)
        except FramingFault as fault:
            self._note(arrival, fault)
            return
        if whole is not None:
            self._whole(whole)
            arrival.packets.append((whole, raw))
        else:
            self._pieces[packet.serial] = raw
            if self._speech is not None and self._layout.pages:
                following = replace(packet, kind=Kind.NEXT, body=b"", more=False, segment=packet.segment + 1)
                arrival.replies.append(self._layout.encode(following))

    @property
    def ready(self) -> bool:
        """Whether registration, where the layout has it, is done."""
        return self._ready

    def hello(self, now: int) -> bytes:
        """Registration, where the layout has it."""
        if self._ready:
            return b""
        return self._layout.encode(Packet(b"", kind=Kind.REGISTER, send_time=wire_time(now)))

    def _link(self, packet: Packet, now: int, arrival: Arrival) -> None:
        """Packets about the connection itself."""
        assert self._speech is not None
        if packet.kind is Kind.READY:
            self._ready = True
        elif packet.kind is Kind.REGISTER:
            arrival.replies.append(self._layout.encode(replace(packet, kind=Kind.READY, send_time=wire_time(now))))
        else:
            page = self._speech.pages.pop((packet.serial, packet.segment), None)
            if page is not None:
                arrival.replies.append(page)
            else:
                shown = f"{packet.serial} {packet.segment}"
                arrival.fault = f"取不存在的后续包 {shown} / it fetches a further packet there is not: {shown}"

    @property
    def busy(self) -> bool:
        """Whether something waits for its answer, as far as the connection has to know."""
        return bool(self._asked)

    @property
    def free(self) -> bool:
        """Many exchanges share a connection."""
        return True

    def sent(self, packet: Packet) -> None:
        """Something of ours went out."""
        if self._speech is not None and not packet.is_answer:
            self._asked.append(packet)
            del self._asked[:-_MAX_ASKED]

    def ended(self, now: int) -> Arrival:
        """A packet that is not whole by now never is; it is no answer."""
        return Arrival()

    def _whole(self, packet: Packet) -> None:
        if self._speech is None:
            return
        self._speech.complete(packet, lambda: self._asked[0] if self._asked else None)
        if packet.is_answer:
            self._asked = [one for one in self._asked if one.serial != packet.serial]

    def _bytes_of(self, packet: Packet) -> bytes:
        """The bytes a packet was cut from."""
        size = self._frame + (0 if self._encloses else len(packet.body))
        raw = bytes(self._tail[:size])
        del self._tail[:size]
        return raw

    def _note(self, arrival: Arrival, fault: FramingFault) -> None:
        arrival.fault = f"{fault.symbol} · {fault.reason_zh} / {fault.reason_en}"
        if fault.packet is None:
            self._lost = arrival.lost = True


def header_fields(packet: Packet) -> dict[str, Any]:
    """A packet's header as plain values, for matching and reports."""
    return {
        "kind": packet.kind.value if packet.kind is not None else "",
        "code": packet.code,
        "sender": packet.sender,
        "receiver": packet.receiver,
        "area": packet.area,
        "serial": packet.serial,
        "send_time": packet.send_time,
        "mode": packet.mode,
        "charset": packet.charset,
        "false_labels": _false_labels(packet),
        "result": packet.result,
        "ttl": packet.ttl,
        "checksum": packet.checksum,
        "length": len(packet.body),
    }


def _false_labels(packet: Packet) -> str:
    """The labels of charsets, of packet and document, that the bytes prove false (01.2 rule 2)."""
    try:
        return " ".join(read(packet.body, packet.charset).wrong)
    except Undecodable:
        return packet.charset
