"""Bytes of a stream to packets (spec 01.1.3 rules 1 and 2).

A stream may be cut anywhere, so the only state is what has arrived and is not yet a packet.  Work is linear in the bytes
however they are dribbled: ``_need`` says how many must be there before looking again pays, the search for a delimiter goes
on where it stopped, and what was used is cut off once a feed (cutting the front of a bytearray moves a pointer).  Nothing
is allocated for a length, only for bytes that came.

Where a fault lies behind complete packets of one feed, those are returned first: the fault then stands in ``fault``, and
the next ``feed`` (also of nothing) raises it.  A wrong checksum loses only its own packet: such a fault holds the packet,
and the framer may be fed on.  Any other fault loses the stream: every later feed raises it again.
"""

from __future__ import annotations

from adapters.wire.errors import BAD_LENGTH, TOO_LARGE, FramingFault
from adapters.wire.foreign import REACH, recognised
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet

__all__ = ["Framer", "FramingFault"]


class Framer:
    """One direction of one connection: bytes in, packets out.

    ``max_packet`` bounds a whole packet in bytes; ``allow_unchecked`` lets blank checksums pass (a peer row's choice).
    """

    def __init__(self, layout: Layout, max_packet: int, allow_unchecked: bool = False) -> None:
        self._layout = layout
        self._max = min(max_packet, layout.header_size + (layout.body_max or max_packet))
        self._allow_unchecked = allow_unchecked
        self._ending = layout.delimiter[-1:]
        self._longest_line = self._max - len(layout.delimiter)
        self._buffer = bytearray()
        self._need = 1
        self._searched = 0
        self._head: tuple[Packet, int] | None = None
        self.fault: FramingFault | None = None

    @property
    def pending(self) -> int:
        """Bytes that are here and not yet a packet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Packet]:
        """The packets these bytes complete, in order; raises FramingFault (module docstring) if none precede it."""
        fault = self.fault
        if fault is not None:
            if fault.packet is not None:
                self.fault = None
                self._buffer += data
            raise fault
        buffer = self._buffer
        ending = self._ending
        if ending and ending not in data and len(buffer) + len(data) <= self._longest_line:
            buffer += data  # no line can end here: look at them when one may
            return []
        if buffer:
            buffer += data
            if len(buffer) < self._need:
                return []
            source: bytes | bytearray = buffer
        else:
            source = data  # nothing left over: cut straight from what came
        packets: list[Packet] = []
        used, fault = self._split_lines(source, packets) if self._layout.delimiter else self._cut(source, packets)
        if fault is not None and fault.packet is None:
            fault = recognised(fault, source[used : used + REACH])
            buffer.clear()
        elif source is buffer:
            del buffer[:used]
        else:
            buffer += source[used:]
        if fault is None:
            return packets
        if packets or fault.packet is None:
            self.fault = fault
        if not packets:
            raise fault
        return packets

    def eof(self) -> None:
        """The peer sends no more: raises FramingFault BAD_LENGTH if it stopped in the middle of a packet (rule 5)."""
        if self._buffer:
            found = len(self._buffer)
            raise FramingFault(
                BAD_LENGTH,
                f"连接在报文中途结束，余 {found} 字节",
                f"the stream ended in the middle of a packet, {found} bytes left over",
            )

    def _cut(self, source: bytes | bytearray, packets: list[Packet]) -> tuple[int, FramingFault | None]:
        """Cut packets with a header off ``source``: bytes used and the fault that stopped it, if one did."""
        layout, size, at, head = self._layout, self._layout.header_size, 0, self._head
        self._head = None
        while True:
            have = len(source) - at
            if head is None:
                try:
                    if have < size:
                        self._need = have + 1
                        layout.screen(source[at:], self._max)
                        return at, None
                    head = layout.decode_header(source[at : at + size])
                    if head[1] > self._max:
                        layout.bound(head[1], self._max)
                except FramingFault as fault:
                    return at, self._earliest(source[at : at + size], fault)
            packet, total = head
            if have < total:
                self._need, self._head = total, head
                return at, None
            if total > size:
                packet.body = bytes(source[at + size : at + total])
            head = None
            at += total
            fault_of_packet = layout.verify(packet, self._allow_unchecked)
            if fault_of_packet is not None:
                self._need = 1
                return at, fault_of_packet
            packets.append(packet)
            if have == total:
                self._need = 1
                return at, None

    def _earliest(self, head: bytes | bytearray, fault: FramingFault) -> FramingFault:
        """The fault a header shows first when it comes byte by byte: the same stream gives the same fault, however cut."""
        try:
            self._layout.screen(head, self._max)
        except FramingFault as earlier:
            return earlier
        return fault

    def _split_lines(self, source: bytes | bytearray, packets: list[Packet]) -> tuple[int, FramingFault | None]:
        """Split delimited packets off ``source``; the limit counts the delimiter."""
        delimiter, at = self._layout.delimiter, 0
        while True:
            end = source.find(delimiter, max(at, self._searched))
            total = (len(source) if end < 0 else end) + len(delimiter) - at
            if total > self._max:
                return at, FramingFault(
                    TOO_LARGE,
                    f"一行超过上限 {self._max} 字节；请调大该对端的上限",
                    f"a line exceeds the limit of {self._max} bytes; raise the peer's limit",
                )
            if end < 0:
                # The last bytes may be the beginning of a delimiter: look at them again.
                self._searched = max(0, len(source) - at - len(delimiter) + 1)
                return at, None
            self._searched = 0
            packets.append(Packet(bytes(source[at:end])))
            at = end + len(delimiter)
