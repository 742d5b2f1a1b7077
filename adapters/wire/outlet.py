"""What one side of a connection has to say and the transport has not taken yet (spec 01.1.3 rules 3 and 6).

Long documents leave in segments; in a layout that pages, only the first packet leaves, and each further one when the peer
fetches it.  Pages wait outside the buffer that counts for back-pressure: only the peer's own reading brings them out.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from adapters.wire.errors import LocalError
from adapters.wire.layout import Layout
from adapters.wire.packet import Packet
from adapters.wire.segments import split
from adapters.wire.settings import SessionSettings


@dataclass(slots=True)
class _Pages:
    """The rest of a document: packets with their numbers, and since when the next waits to be fetched."""

    waiting: deque[tuple[int, bytes]]
    since: int


class Outlet:
    """Output of one session: ``write`` packets, ``take`` bytes."""

    def __init__(self, layout: Layout, settings: SessionSettings) -> None:
        self._layout = layout
        self._settings = settings
        room = settings.max_packet - layout.header_size - len(layout.delimiter)
        if layout.body_max:
            room = min(room, layout.body_max)
        self.room = min(settings.segment or room, room)
        self._segments = layout.carries("more") and layout.carries("segment")
        self._out: list[bytes] = []
        self.buffered = 0
        self.waiting_since: int | None = None
        self._pages: dict[str, _Pages] = {}
        self.paged = 0
        """Bytes that wait to be fetched."""

    def write(self, packet: Packet, now: int) -> None:
        """Queue a packet, in segments if it must; LocalError, and nothing is queued, if it cannot leave in this layout."""
        if len(packet.body) <= self.room or (self._layout.answers_by_result and packet.is_answer):
            data = self._layout.encode(packet)
            self._out.append(data)
            self.buffered += len(data)
            if self.waiting_since is None:
                self.waiting_since = now
            return
        if not self._segments:
            size, room = len(packet.body), self.room
            raise LocalError(f"文档 {size} 字节，超过每包上限 {room}", f"document of {size} bytes exceeds {room} a packet")
        pieces = [self._layout.encode(piece) for piece in split(packet, self.room)]
        if not self._layout.pages:
            for piece in pieces:
                self._queue(piece, now)
            return
        if self.paged + len(packet.body) > 2 * self._settings.max_document:
            held = self.paged
            raise LocalError(f"待取的分包已有 {held} 字节，对端须先取走", f"{held} bytes wait to be fetched already")
        numbered = list(enumerate(pieces, 1))
        before = self._pages.get(packet.serial)
        if before is not None:  # the other side's document of the same number goes first, or nobody knows whose is fetched
            before.waiting.extend(numbered)
        else:
            self._queue(pieces[0], now)
            self._pages[packet.serial] = _Pages(deque(numbered[1:]), now)
            numbered = numbered[1:]
        self.paged += sum(len(piece) for _, piece in numbered)

    def next_page(self, serial: str, segment: int, now: int) -> bool:
        """The peer fetches a further packet; False if that one is not the next of any document."""
        pages = self._pages.get(serial)
        if pages is None or pages.waiting[0][0] != segment:
            return False
        pages.since = now
        self._turn(pages, now)
        if pages.waiting and pages.waiting[0][0] == 1:
            self._turn(pages, now)  # another document of this number: nobody asks for a first packet
        if not pages.waiting:
            del self._pages[serial]
        return True

    def forget(self, serial: str) -> None:
        """The document under this number has its answer, or will get none: its pages need not wait."""
        pages = self._pages.pop(serial, None)
        if pages is not None:
            self.paged -= sum(len(piece) for _, piece in pages.waiting)

    def expire(self, now: int) -> None:
        """Pages nobody fetched in time are dropped."""
        for serial, pages in list(self._pages.items()):
            if pages.since + self._settings.reassembly_ms <= now:
                self.forget(serial)

    def take(self) -> bytes:
        """All bytes that may leave; they are forgotten here."""
        data = b"".join(self._out)
        self._out.clear()
        self.buffered = 0
        self.waiting_since = None
        return data

    def deadlines(self) -> list[int]:
        """When output or pages have waited too long, in ms."""
        found = [pages.since + self._settings.reassembly_ms for pages in self._pages.values()]
        if self.waiting_since is not None:
            found.append(self.waiting_since + self._settings.write_limit_ms)
        return found

    def stuck(self, now: int) -> bool:
        """Whether the peer has not read for the write limit."""
        return self.waiting_since is not None and now >= self.waiting_since + self._settings.write_limit_ms

    def _turn(self, pages: _Pages, now: int) -> None:
        _, piece = pages.waiting.popleft()
        self.paged -= len(piece)
        self._queue(piece, now)

    def _queue(self, data: bytes, now: int) -> None:
        self._out.append(data)
        self.buffered += len(data)
        if self.waiting_since is None:
            self.waiting_since = now
