"""One connection's conversation as a pure machine (spec 01.1.3 to 01.1.5); its life stands in ``session_table.py``.

The shell owns the socket and the clock.  It hands in bytes and the time, acts on the events, writes what ``to_send`` gives,
and re-arms one timer for ``next_deadline`` after every call:

    events = session.receive(data, now)     # also timeout(now), half_closed(now), closed(now)
    transport.write(session.to_send())      # not while the transport is full: then it waits here
    timer = session.next_deadline()

**Back-pressure** (rule 6): what the shell cannot write stays in the session.  Beyond ``high_water`` bytes ``congested`` asks
the shell to stop reading from this peer and from what feeds it; output that waits longer than ``write_limit_ms`` ends the
connection.  **Idleness** is counted only while nothing is outstanding and nothing is owed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from adapters.wire.errors import FramingFault, LocalError
from adapters.wire.events import Answered, Arrived, Close, Event, HeartbeatMissed, Lost, Refused, TimedOut, Unmatched
from adapters.wire.framer import Framer
from adapters.wire.heartbeat import Heartbeats, heartbeat_reply
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.segments import Reassembler, split
from adapters.wire.session_table import TABLE, Action, Input, State
from adapters.wire.settings import SessionSettings

__all__ = [
    "Answered", "Arrived", "Close", "Event", "HeartbeatMissed", "LocalError", "Lost", "Refused", "Session",
    "SessionSettings", "State", "TimedOut", "Unmatched",
]  # fmt: skip

Describe = Callable[[bytes], Packet]
"""For layouts whose header says nothing: kind, code, serial and sender out of the body itself; must not raise."""

_INPUTS: dict[Kind | None, Input] = {
    None: Input.DOCUMENT,  # nobody could say what it is: whoever reads the document will
    Kind.REQUEST: Input.DOCUMENT,
    Kind.NOTIFICATION: Input.DOCUMENT,
    Kind.REPLY: Input.ANSWER,
    Kind.RECEIPT: Input.ANSWER,
    Kind.HEARTBEAT: Input.HEARTBEAT,
    Kind.HEARTBEAT_REPLY: Input.HEARTBEAT_REPLY,
}


class Session:
    """One connection, from either end.  ``now`` is always ms since epoch and never goes back.

    ``describe`` is needed for layouts without a kind field (``len4-be``, ``newline``).
    """

    def __init__(self, layout: Layout, settings: SessionSettings, now: int, describe: Describe | None = None) -> None:
        self.layout = layout
        self.settings = settings
        self.state = State.OPEN
        self._describe = None if layout.carries("kind") and layout.carries("serial") else describe
        self._framer = Framer(layout, settings.max_packet, settings.allow_unchecked)
        self._reassembler = Reassembler(settings.max_document, settings.reassembly_ms)
        room = settings.max_packet - layout.header_size - len(layout.delimiter)
        self._room = min(settings.segment or room, room)
        self._heartbeats = Heartbeats(settings, layout.width("serial"), now)
        self._beats = settings.long and layout.heartbeats
        self._outstanding: dict[str, tuple[int, int]] = {}  # serial -> sent at, answer due at
        self._due = 0  # never later than the first of those limits
        self._owed: dict[str, int] = {}  # serial -> arrived at, oldest first
        self._out: list[bytes] = []
        self._buffered = 0
        self._waiting_since: int | None = None  # output waits since
        self._partial_since: int | None = None  # first byte of an unfinished packet
        self._active_at = now  # idleness counts from here
        self._exchanged = False  # something of ours was asked on this connection

    # What the shell asks before it acts

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
        return self._buffered

    @property
    def congested(self) -> bool:
        """Whether so much output waits that nothing more should be read from the peer or fed to it."""
        return self._buffered > self.settings.high_water

    @property
    def can_send(self) -> bool:
        """Whether ``send`` may be called: open, room in the window, not congested; a short connection asks only once."""
        if self.state is not State.OPEN or len(self._outstanding) >= self.settings.window or self.congested:
            return False
        return self.settings.long or not (self._exchanged or self._owed)

    # What the shell hands in

    def receive(self, data: bytes, now: int) -> list[Event]:
        """Bytes from the peer.  LocalError if they come after ``half_closed``; after Close they are not looked at."""
        events: list[Event] = []
        fresh = self._framer.pending == 0  # an unfinished packet at the end began in these bytes
        while not self.over:
            flaw: FramingFault | None = None
            try:
                packets = self._framer.feed(data)
            except FramingFault as fault:
                if fault.packet is None:
                    self._give_up(fault.symbol, fault.reason_zh, fault.reason_en, True, now, events)
                    break
                packets, flaw = [fault.packet], fault
            fresh = fresh or bool(packets)
            for packet in packets:
                self._packet(packet, flaw, now, events)
            if flaw is None and self._framer.fault is None:
                break
            data = b""
        if self._framer.pending == 0:
            self._partial_since = None
        elif fresh:
            self._partial_since = now
        return events

    def timeout(self, now: int) -> list[Event]:
        """Time has passed: whatever is due by ``now``; safe to call too early."""
        events: list[Event] = []
        late = self._late(now)
        if late is not None:
            self._give_up(*late, now, events)
        if self._outstanding and now >= self._due:
            self._step(Input.OVERDUE, None, now, events)
        for fault in self._reassembler.expired(now):
            self._step(Input.REFUSAL, fault, now, events)
        if self._beats and now >= self._heartbeats.due:
            self._step(Input.SILENCE, None, now, events)
        self._forgive(now)
        if self._is_idle(now):
            self._part(now, events)
        return events

    def half_closed(self, now: int) -> list[Event]:
        """The peer sends no more: what was outstanding is lost, what is owed is still sent, then the session closes."""
        return self._ended(Input.EOF, now)

    def closed(self, now: int) -> list[Event]:
        """The connection is gone: Lost for each outstanding serial, then Close if it broke off within a packet."""
        return self._ended(Input.GONE, now)

    def send(self, packet: Packet, now: int, deadline_ms: int | None = None) -> None:
        """Queue a request or notification of ours and wait for its answer until ``deadline_ms``, an instant like ``now``.

        Without a deadline the limit is ``receipt_ms`` from now.  Large documents go out in segments where the layout can.
        Raises LocalError, and nothing is sent, if the window is full, the serial is already outstanding, the peer cannot
        answer any more, or a value does not fit the layout.
        """
        if packet.is_answer or packet.kind in (Kind.HEARTBEAT, Kind.HEARTBEAT_REPLY):
            raise LocalError("应答须用 reply 发送", "answers are sent with reply")
        if packet.serial in self._outstanding:
            raise LocalError(f"流水号 {packet.serial} 仍在等待应答", f"serial {packet.serial} is still outstanding")
        if self.state is State.OPEN and len(self._outstanding) >= self.settings.window:
            raise LocalError(f"未应答请求已达上限 {self.settings.window}", f"window of {self.settings.window} is full")
        due = now + self.settings.receipt_ms if deadline_ms is None else deadline_ms
        if due <= now:
            raise LocalError("应答时限已过，未发送", "the answer's limit has already passed; not sent")
        self._step(Input.SEND, packet, now, [])
        self._due = min(self._due, due) if self._outstanding else due
        self._outstanding[packet.serial] = (now, due)
        self._exchanged = True

    def reply(self, packet: Packet, now: int) -> None:
        """Queue an answer or receipt to a document that arrived; LocalError once the connection is over."""
        if packet.kind is not None and not packet.is_answer:
            raise LocalError("请求须用 send 发送", "requests are sent with send")
        self._step(Input.REPLY, packet, now, [])
        if self._owed.pop(packet.serial, None) is not None:
            self._active_at = now

    def to_send(self) -> bytes:
        """All output that waits; the session forgets it."""
        data = b"".join(self._out)
        self._out.clear()
        self._buffered = 0
        self._waiting_since = None
        return data

    def next_deadline(self) -> int | None:
        """When ``timeout`` is to be called at the latest, in ms; None once closed.  It may be earlier than need be."""
        if self.state is State.CLOSED:
            return None
        settings = self.settings
        instants = [self._due] if self._outstanding else []
        if self._partial_since is not None:
            instants.append(self._partial_since + settings.partial_ms)
        if self._waiting_since is not None:
            instants.append(self._waiting_since + settings.write_limit_ms)
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

    # What happens to packets and clocks

    def _step(self, what: Input, subject: Any, now: int, events: list[Event]) -> None:
        """One input through the table; where an action raises LocalError the state is what it was."""
        self.state, action = TABLE[self.state][what]
        _ACTIONS[action](self, subject, now, events)

    def _packet(self, packet: Packet, flaw: FramingFault | None, now: int, events: list[Event]) -> None:
        if self._describe is not None:
            described = self._describe(packet.body)
            described.body = packet.body
            packet = described
        self._active_at = now
        self._heartbeats.heard(now)
        what = _INPUTS[packet.kind]
        if what is Input.HEARTBEAT or what is Input.HEARTBEAT_REPLY:
            self._step(what, packet, now, events)
            return
        try:
            whole = self._reassembler.add(packet, now, flaw)
        except FramingFault as fault:
            if fault.packet is None:
                self._give_up(fault.symbol, fault.reason_zh, fault.reason_en, True, now, events)
            else:
                self._step(Input.REFUSAL, fault, now, events)
            return
        if whole is not None:
            self._step(what, whole, now, events)

    def _ended(self, how: Input, now: int) -> list[Event]:
        events: list[Event] = []
        if self.state is State.OPEN:
            try:
                self._framer.eof()
            except FramingFault as fault:  # rule 5: the end of file in mid-packet is a fault to be logged
                self._give_up(fault.symbol, fault.reason_zh, fault.reason_en, False, now, events)
        self._step(how, None, now, events)
        return events

    def _late(self, now: int) -> tuple[str, str, str, bool] | None:
        """The limit of the byte stream that is over, if one is: arguments of ``_give_up``."""
        settings = self.settings
        if self._waiting_since is not None and now >= self._waiting_since + settings.write_limit_ms:
            count = self._buffered
            return "WRITE_LIMIT", f"对端不读，{count} 字节未能写出", f"the peer does not read, {count} bytes not written", True
        if self._partial_since is not None and now >= self._partial_since + settings.partial_ms:
            seconds = settings.partial_ms / 1000
            return "PARTIAL_PACKET", f"报文 {seconds:g} 秒内未收完", f"packet incomplete after {seconds:g} s", True
        return None

    def _is_idle(self, now: int) -> bool:
        if self.over or self._owed or self._outstanding:
            return False
        return self.state is State.DRAINING or now >= self._active_at + self.settings.idle_ms

    def _forgive(self, now: int) -> None:
        """Stop waiting for answers this side never gave: a forgotten debt must not keep a connection for ever."""
        for serial, arrived in list(self._owed.items()):
            if arrived + self.settings.owed_ms > now:
                break
            del self._owed[serial]
            self._active_at = now

    def _give_up(self, symbol: str, zh: str, en: str, abort: bool, now: int, events: list[Event]) -> None:
        self._step(Input.GIVE_UP, Close(symbol, zh, en, abort), now, events)

    def _part(self, now: int, events: list[Event]) -> None:
        """Nothing is left to say: close in good order."""
        if self.state is State.DRAINING:
            self._give_up("EOF", "对端已关闭，已无待发应答", "the peer closed and is owed nothing", False, now, events)
        else:
            self._give_up("IDLE", "连接空闲超时", "the connection was idle to its limit", False, now, events)

    # Actions of the table

    def _deliver(self, packet: Packet, now: int, events: list[Event]) -> None:
        self._owed.setdefault(packet.serial, now)
        events.append(Arrived(packet))

    def _match(self, packet: Packet, now: int, events: list[Event]) -> None:
        sent = self._outstanding.pop(packet.serial, None)
        if sent is None:
            events.append(Unmatched(packet))
            return
        events.append(Answered(packet.serial, packet, now - sent[0]))
        self._end_short_exchange(now, events)

    def _end_short_exchange(self, now: int, events: list[Event]) -> None:
        if not (self.settings.long or self._outstanding or self._owed):
            self._give_up("DONE", "短连接交换已结束", "the short connection's exchange is over", False, now, events)

    def _answer_heartbeat(self, packet: Packet, now: int, events: list[Event]) -> None:
        self._queue(self.layout.encode(heartbeat_reply(packet, now)), now)

    def _refuse(self, fault: FramingFault, now: int, events: list[Event]) -> None:
        packet = fault.packet
        assert packet is not None
        if not packet.is_answer:
            self._owed.setdefault(packet.serial, now)
        events.append(Refused(packet, fault.symbol, fault.reason_zh, fault.reason_en))

    def _write(self, packet: Packet, now: int, events: list[Event]) -> None:
        if len(packet.body) <= self._room:
            pieces = [self.layout.encode(packet)]
        elif self.layout.carries("more") and self.layout.carries("segment"):
            pieces = [self.layout.encode(piece) for piece in split(packet, self._room)]
        else:
            size, room = len(packet.body), self._room
            raise LocalError(f"文档 {size} 字节，超过每包上限 {room}", f"document of {size} bytes exceeds {room} a packet")
        for piece in pieces:
            self._queue(piece, now)
        self._active_at = now

    def _queue(self, data: bytes, now: int) -> None:
        self._out.append(data)
        self._buffered += len(data)
        if self._waiting_since is None:
            self._waiting_since = now

    def _beat(self, _: None, now: int, events: list[Event]) -> None:
        missed = self._heartbeats.unanswered
        if missed:
            events.append(HeartbeatMissed(missed))
        if missed >= self.settings.misses:
            en = f"{missed} heartbeats in a row unanswered"
            self._give_up("HEARTBEAT", f"连续 {missed} 次心跳无应答", en, True, now, events)
        else:
            self._queue(self.layout.encode(self._heartbeats.ask(now)), now)

    def _expire(self, _: None, now: int, events: list[Event]) -> None:
        late = [serial for serial, (_, due) in self._outstanding.items() if due <= now]
        for serial in late:
            del self._outstanding[serial]
            events.append(TimedOut(serial))
        self._due = min((due for _, due in self._outstanding.values()), default=0)
        if late and not self._outstanding:
            self._active_at = now
            self._end_short_exchange(now, events)

    def _drain(self, _: None, now: int, events: list[Event]) -> None:
        self._lose_outstanding(events)
        for fault in self._reassembler.expired(now + self.settings.reassembly_ms):  # their rest will never come
            self._step(Input.REFUSAL, fault, now, events)
        if not self._owed:
            self._part(now, events)

    def _close(self, reason: Close, now: int, events: list[Event]) -> None:
        self._lose(None, now, events)
        events.append(reason)

    def _lose(self, _: None, now: int, events: list[Event]) -> None:
        self._lose_outstanding(events)
        self._owed.clear()

    def _lose_outstanding(self, events: list[Event]) -> None:
        events.extend(Lost(serial) for serial in self._outstanding)
        self._outstanding.clear()

    def _nothing(self, _: object, now: int, events: list[Event]) -> None:
        """Heartbeat replies say only that the peer lives; after giving up nothing is looked at."""

    def _illegal(self, _: object, now: int, events: list[Event]) -> None:
        raise LocalError(f"会话状态 {self.state.value} 下不能这样做", f"not possible while the session is {self.state.value}")


_ACTIONS: dict[Action, Callable[[Session, Any, int, list[Event]], None]] = {
    Action.DELIVER: Session._deliver,
    Action.MATCH: Session._match,
    Action.ANSWER_HEARTBEAT: Session._answer_heartbeat,
    Action.NOTE: Session._nothing,
    Action.REFUSE: Session._refuse,
    Action.WRITE: Session._write,
    Action.BEAT: Session._beat,
    Action.EXPIRE: Session._expire,
    Action.DRAIN: Session._drain,
    Action.CLOSE: Session._close,
    Action.LOSE: Session._lose,
    Action.IGNORE: Session._nothing,
    Action.ILLEGAL: Session._illegal,
}
