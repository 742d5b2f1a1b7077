"""What is known of one connection at any time, for the shell to ask before it acts (spec 01.1.3 to 01.1.5)."""

from __future__ import annotations

from adapters.wire.entry import Entry
from adapters.wire.framer import Framer
from adapters.wire.heartbeat import Heartbeats
from adapters.wire.layout import Layout
from adapters.wire.outlet import Outlet
from adapters.wire.packet import Kind, Packet
from adapters.wire.segments import Reassembler
from adapters.wire.session_table import State
from adapters.wire.settings import SessionSettings
from adapters.wire.times import wire_time
from adapters.wire.unsaid import Describe, Unsaid


class SessionState:
    """The parts of a session and its counts.

    ``describe`` is needed for layouts whose header does not say everything (``len4-be`` says nothing, ``dc-64`` no area);
    packets handed over and taken carry the documents' own serials, whatever the header has room for.
    """

    def __init__(self, layout: Layout, settings: SessionSettings, now: int, describe: Describe | None = None) -> None:
        self.layout = layout
        self.settings = settings
        self.header = dict(settings.header)
        self.state = State.OPEN
        self._unsaid = Unsaid(layout, describe)
        self._narrow, self._first, self._after = self._unsaid.narrow, self._unsaid.first, self._unsaid.after
        self._entry = Entry(layout, settings, now)
        self._framer = Framer(layout, settings.max_packet, settings.allow_unchecked)
        self._reassembler = Reassembler(settings.max_document, settings.reassembly_ms, fetched=layout.pages)
        self._outlet = Outlet(layout, settings)
        self._heartbeats = Heartbeats(settings, layout.serial_digits, now, self.header)
        self._beats = settings.long and layout.heartbeats
        self._window = 1 if layout.constant_serial else settings.window
        self._greeting: str | None = None
        self._outstanding: dict[str, tuple[int, int]] = {}  # serial -> sent at, answer due at
        self._due = 0  # never later than the first of those limits
        self._owed: dict[str, int] = {}  # serial -> arrived at, oldest first
        self._partial_since: int | None = None  # first byte of an unfinished packet
        self._active_at = now  # idleness counts from here
        self._exchanged = False  # something of ours was asked on this connection
        if layout.registers and settings.dialled:
            self._outlet.write(self._of_the_link(Kind.REGISTER, now), now)

    def speaks_with(self, header: dict[str, str]) -> None:
        """Who is on the other end is known now: the free fields their row has for what we send."""
        self.header.clear()
        self.header.update(header)

    @property
    def over(self) -> bool:
        """Whether the connection was given up or is gone; ``to_send`` may still hold last output."""
        return self.state is State.CLOSED

    @property
    def outstanding(self) -> int:
        """Requests and notifications of ours without an answer yet."""
        return len(self._outstanding)

    @property
    def owed(self) -> int:
        """Documents of the peer's that this side has not answered yet."""
        return len(self._owed)

    @property
    def buffered(self) -> int:
        """Bytes of output that ``to_send`` would give."""
        return self._outlet.buffered

    @property
    def entered(self) -> bool:
        """Whether registration and login, where they are asked for, are behind us."""
        return self._entry.done

    @property
    def registered(self) -> bool:
        """Whether the layout's own registration, if it has one, is behind us."""
        return not self._entry.unregistered

    @property
    def congested(self) -> bool:
        """Whether so much output waits that nothing more should be read from the peer or fed to it."""
        return self._outlet.buffered > self.settings.high_water

    @property
    def can_send(self) -> bool:
        """Whether ``send`` may be called: open, entered, room in the window and for output; a short connection asks once."""
        if self.state is not State.OPEN or len(self._outstanding) >= self._window or not self._entry.done:
            return False
        if self._outlet.buffered + self._outlet.paged > self.settings.high_water:
            return False
        return self.settings.long or not (self._exchanged or self._owed)

    def next_deadline(self) -> int | None:
        """When ``timeout`` is to be called at the latest, in ms; None once closed.  It may be earlier than need be."""
        if self.state is State.CLOSED:
            return None
        settings = self.settings
        instants = [self._due] if self._outstanding else []
        if self._partial_since is not None:
            instants.append(self._partial_since + settings.partial_ms)
        if self._outlet.waiting_since is not None or self._outlet.paged:
            instants += self._outlet.deadlines()
        entry = self._entry.deadline()
        if entry is not None:
            instants.append(entry)
        if self._beats and self.state is State.OPEN:
            instants.append(self._heartbeats.due)
        reassembly = self._reassembler.next_deadline()
        if reassembly is not None:
            instants.append(reassembly)
        if self._owed:
            instants.append(next(iter(self._owed.values())) + settings.owed_ms)
        if not self._owed and not self._outstanding:
            instants.append(self._active_at + (0 if self.state is State.DRAINING else settings.idle_ms))
        return min(instants)

    def _late(self, now: int) -> tuple[str, str, str, bool] | None:
        """The limit of the byte stream that is over, if one is: arguments of ``_give_up``."""
        settings = self.settings
        if self._entry.is_late(now):
            seconds = self._entry.seconds
            return "LOGIN", f"{seconds:g} 秒内未登记或登录", f"not registered or logged in within {seconds:g} s", True
        if self._outlet.stuck(now):
            count = self._outlet.buffered
            return "WRITE_LIMIT", f"对端不读，{count} 字节未能写出", f"the peer does not read, {count} bytes not written", True
        if self._partial_since is not None and now >= self._partial_since + settings.partial_ms:
            seconds = settings.partial_ms / 1000
            return "PARTIAL_PACKET", f"报文 {seconds:g} 秒内未收完", f"packet incomplete after {seconds:g} s", True
        return None

    def _is_idle(self, now: int) -> bool:
        if self.over or self._owed or self._outstanding:
            return False
        return self.state is State.DRAINING or now >= self._active_at + self.settings.idle_ms

    def _of_the_link(self, kind: Kind, now: int, serial: str = "", segment: int = 1, code: str = "") -> Packet:
        """A packet of ours about the connection itself."""
        settings = self.settings
        return Packet(
            b"", kind=kind, code=code, sender=settings.sender, receiver=settings.receiver, area=settings.area,
            serial=serial, send_time=wire_time(now), segment=segment, extra=dict(self.header),
        )  # fmt: skip
