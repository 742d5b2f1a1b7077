"""What a header leaves unsaid, read out of the document inside (spec 01.1.2): body-only layouts say nothing, others not all.

Serials belong here too: a header too narrow for a document's own carries another, and both are one pair.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.wire.fields import SERIAL_DIGITS
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from adapters.wire.pairs import Pairs

Describe = Callable[[bytes], Packet]
"""What the body itself says of kind, code, serial, sender and so on; must not raise."""

_INSIDE = ("kind", "code", "sender", "receiver", "area", "serial", "send_time", "mode", "charset", "result", "ttl")


class Unsaid:
    """Completes the packets of one connection.  ``first``: before anything else, since not even the kind is known;
    ``after``: once the document is whole; ``narrow``: packets carry other serials than documents."""

    def __init__(self, layout: Layout, describe: Describe | None) -> None:
        said = {"result"} if layout.answers_by_result else set()
        self._names = tuple(name for name in _INSIDE if name not in said and not layout.carries(name))
        self._pairs = Pairs(layout.serial_digits) if 0 < layout.serial_digits < SERIAL_DIGITS else None
        self._describe = describe if self._names or self._pairs is not None else None
        self.narrow = self._pairs is not None
        self.first = self._describe is not None and not layout.carries("kind") and not layout.carries("more")
        self.after = not self.first and (self._describe is not None or self._pairs is not None)

    def complete(self, packet: Packet) -> None:
        """Fills in what the header did not say, and puts the document's own serial in the place of a narrow one."""
        wire, inside = packet.serial, ""
        if self._describe is not None:
            described = self._describe(packet.body)
            for name in self._names:
                setattr(packet, name, getattr(described, name))
            inside = described.serial
        if self._pairs is None:
            return
        if packet.is_answer:
            packet.serial = self._pairs.ours(wire) or inside or wire
        else:
            packet.serial = inside or wire
            self._pairs.came(packet.serial, wire)

    def dress(self, packet: Packet) -> Packet:
        """A packet of ours under the serial its header can hold."""
        return packet if self._pairs is None else self._pairs.dress(packet)

    def answered(self, serial: str) -> None:
        """The answer to a document of the peer's is on its way."""
        if self._pairs is not None:
            self._pairs.answered(serial)

    def wire_serial(self, serial: str) -> str:
        """The serial under which a document of ours went."""
        return serial if self._pairs is None else self._pairs.issue(serial)

    def own_serial(self, wire: str) -> str:
        """The document of ours behind a serial of the wire; itself if there is none."""
        return wire if self._pairs is None else self._pairs.ours(wire) or wire
