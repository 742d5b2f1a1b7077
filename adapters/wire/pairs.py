"""Serials in layouts too narrow for them (spec 01.1.2): one in the header's width is issued, and the pair is kept.

A document keeps the serial it carries inside; its packets carry the narrow one.  Ours are the last characters of the
document's own serial, its sequence, so that a repeat goes out under the number it had; the peer's are echoed as they came.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from adapters.wire.packet import Packet

KEPT = 4096
"""Pairs of ours remembered on a connection: answers later than so many others go by what the document says."""


class Pairs:
    """The serials of one connection, document to packet and back; ``width`` is what the header's field holds."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._ours: dict[str, str] = {}  # on the wire -> the document's
        self._issued: dict[str, str] = {}  # the document's -> on the wire
        self._theirs: dict[str, deque[str]] = {}  # the document's -> on the wire, in the order they came

    def issue(self, serial: str) -> str:
        """The number in the header's width under which a document of ours goes; the same one for the same document."""
        known = self._issued.get(serial)
        if known is not None:
            return known
        digits = "".join(char for char in serial if "0" <= char <= "9")
        number = int(digits[-self._width :] or "0")
        wire = f"{number:0{self._width}d}"
        while wire in self._ours:  # another document's has the same end
            number = (number + 1) % 10**self._width
            wire = f"{number:0{self._width}d}"
        if len(self._ours) >= min(KEPT, 10**self._width - 1):
            oldest = next(iter(self._ours))
            del self._issued[self._ours.pop(oldest)]
        self._ours[wire] = serial
        self._issued[serial] = wire
        return wire

    def ours(self, wire: str) -> str | None:
        """The document of ours that went under this number, if it is remembered."""
        return self._ours.get(wire)

    def came(self, serial: str, wire: str) -> None:
        """A document of the peer's came under this number; its answer goes back under it."""
        self._theirs.setdefault(serial, deque()).append(wire)

    def dress(self, packet: Packet) -> Packet:
        """The packet as it goes out, under the number of its document."""
        if not packet.is_answer:
            return replace(packet, serial=self.issue(packet.serial))
        waiting = self._theirs.get(packet.serial)
        # nobody could read the document: its number echoes
        wire = packet.serial[-self._width :] if waiting is None else waiting[0]
        return replace(packet, serial=wire)

    def answered(self, serial: str) -> None:
        """The answer to a document of the peer's is on its way."""
        waiting = self._theirs.get(serial)
        if waiting is not None:
            waiting.popleft()
            if not waiting:
                del self._theirs[serial]
