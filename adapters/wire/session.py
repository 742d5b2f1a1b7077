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

from adapters.wire.errors import NOT_AUTHENTICATED, SEGMENT_SEQUENCE, FramingFault, LocalError
from adapters.wire.events import Answered, Arrived, Close, Event, HeartbeatMissed, Lost, Ready, Refused, TimedOut, Unmatched
from adapters.wire.heartbeat import heartbeat_reply
from adapters.wire.packet import Kind, Packet
from adapters.wire.session_state import SessionState
from adapters.wire.session_table import TABLE, Action, Input, State
from adapters.wire.settings import SessionSettings
from adapters.wire.unsaid import Describe

__all__ = [
    "Answered", "Arrived", "Close", "Describe", "Event", "HeartbeatMissed", "LocalError", "Lost", "Ready", "Refused",
    "Session", "SessionSettings", "State", "TimedOut", "Unmatched",
]  # fmt: skip

_INPUTS: dict[Kind | None, Input] = {
    None: Input.DOCUMENT,  # nobody could say what it is: whoever reads the document will
    Kind.REQUEST: Input.DOCUMENT,
    Kind.NOTIFICATION: Input.DOCUMENT,
    Kind.REPLY: Input.ANSWER,
    Kind.RECEIPT: Input.ANSWER,
    Kind.HEARTBEAT: Input.HEARTBEAT,
    Kind.HEARTBEAT_REPLY: Input.HEARTBEAT_REPLY,
    Kind.REGISTER: Input.REGISTER,
    Kind.READY: Input.READY,
    Kind.NEXT: Input.NEXT,
}
_OF_THE_LINK = frozenset((Input.HEARTBEAT, Input.HEARTBEAT_REPLY, Input.REGISTER, Input.READY, Input.NEXT))
"""Packets about the connection itself: no document, never in pieces."""


class Session(SessionState):
    """One connection, from either end.  ``now`` is always ms since epoch and never goes back."""

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
                if self.state is State.CLOSED:  # given up at the one before: what came behind it is not looked at
                    break
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
        self._outlet.expire(now)
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

    def send(self, packet: Packet, now: int, deadline_ms: int | None = None, *, greeting: bool = False) -> None:
        """Queue a request or notification of ours and wait for its answer until ``deadline_ms``, an instant like ``now``.

        Without a deadline the limit is ``receipt_ms`` from now.  Large documents go out in segments where the layout can.
        Raises LocalError, and nothing is sent, if the window is full, the serial is already outstanding, the peer cannot
        answer any more, or a value does not fit the layout.
        """
        if packet.is_answer or packet.kind in (Kind.HEARTBEAT, Kind.HEARTBEAT_REPLY):
            raise LocalError("应答须用 reply 发送", "answers are sent with reply")
        if packet.serial in self._outstanding:
            raise LocalError(f"流水号 {packet.serial} 仍在等待应答", f"serial {packet.serial} is still outstanding")
        if self.state is State.OPEN and len(self._outstanding) >= self._window:
            raise LocalError(f"未应答请求已达上限 {self._window}", f"window of {self._window} is full")
        if not (self._entry.done or greeting):
            raise LocalError("登记或登录尚未完成", "registration or login is not done yet")
        due = now + self.settings.receipt_ms if deadline_ms is None else deadline_ms
        if due <= now:
            raise LocalError("应答时限已过，未发送", "the answer's limit has already passed; not sent")
        self._step(Input.SEND, packet, now, [])
        self._due = min(self._due, due) if self._outstanding else due
        self._outstanding[packet.serial] = (now, due)
        if greeting:
            self._greeting = packet.serial
        else:
            self._exchanged = True

    def admit(self) -> None:
        """The login was accepted, ours or the peer's."""
        self._entry.unadmitted = False

    def reply(self, packet: Packet, now: int) -> None:
        """Queue an answer or receipt to a document that arrived; LocalError once the connection is over."""
        if packet.kind is not None and not packet.is_answer:
            raise LocalError("请求须用 send 发送", "requests are sent with send")
        self._step(Input.REPLY, packet, now, [])
        if self._narrow:
            self._unsaid.answered(packet.serial)
        if self._owed.pop(packet.serial, None) is not None:
            self._active_at = now

    def to_send(self) -> bytes:
        """All output that waits; the session forgets it."""
        return self._outlet.take()

    # What happens to packets and clocks

    def _step(self, what: Input, subject: Any, now: int, events: list[Event]) -> None:
        """One input through the table; where an action raises LocalError the state is what it was."""
        self.state, action = TABLE[self.state][what]
        _ACTIONS[action](self, subject, now, events)

    def _packet(self, packet: Packet, flaw: FramingFault | None, now: int, events: list[Event]) -> None:
        if self._first:
            self._unsaid.complete(packet)
        self._active_at = now
        self._heartbeats.heard(now)
        what = _INPUTS[packet.kind]
        if what in _OF_THE_LINK:
            if what is Input.HEARTBEAT and self.layout.echoes and self._heartbeats.is_echo(packet):
                what = Input.HEARTBEAT_REPLY
            self._step(what, packet, now, events)
            return
        if self._entry.unregistered:
            flaw = flaw or FramingFault(NOT_AUTHENTICATED, "尚未登记，请先登记", "register first", packet)
        try:
            whole = self._reassembler.add(packet, now, flaw)
        except FramingFault as fault:
            if fault.packet is None:
                self._give_up(fault.symbol, fault.reason_zh, fault.reason_en, True, now, events)
            else:
                self._step(Input.REFUSAL, fault, now, events)
            return
        if whole is None:
            if self.layout.pages:
                page = self._of_the_link(Kind.NEXT, now, packet.serial, packet.segment + 1, packet.code)
                self._outlet.write(page, now)
            return
        if self._after:
            self._unsaid.complete(whole)
            what = _INPUTS[whole.kind]
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

    def _forgive(self, now: int) -> None:
        """Stop waiting for answers this side never gave: a forgotten debt must not keep a connection for ever."""
        for serial, arrived in list(self._owed.items()):
            if arrived + self.settings.owed_ms > now:
                break
            del self._owed[serial]
            if self._narrow:
                self._unsaid.answered(serial)
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
            if not self._only_one_waits(packet):
                events.append(Unmatched(packet))
                return
            packet.serial, sent = self._outstanding.popitem()
        if self._outlet.paged:
            self._forget_pages(packet.serial)
        events.append(Answered(packet.serial, packet, now - sent[0]))
        if packet.serial != self._greeting:
            self._end_short_exchange(now, events)

    def _only_one_waits(self, packet: Packet) -> bool:
        """Whether an answer that names nothing can only be meant for the one document that waits."""
        return len(self._outstanding) == 1 and (self.layout.constant_serial or not packet.serial)

    def _forget_pages(self, serial: str) -> None:
        self._outlet.forget(self._unsaid.wire_serial(serial))

    def _end_short_exchange(self, now: int, events: list[Event]) -> None:
        if not (self.settings.long or self._outstanding or self._owed):
            self._give_up("DONE", "短连接交换已结束", "the short connection's exchange is over", False, now, events)

    def _answer_heartbeat(self, packet: Packet, now: int, events: list[Event]) -> None:
        self._outlet.write(heartbeat_reply(packet, now), now)

    def _welcome(self, packet: Packet, now: int, events: list[Event]) -> None:
        self._entry.unregistered = False
        ready = self._of_the_link(Kind.READY, now, packet.serial, code=packet.code)
        ready.extra = packet.extra  # an answer: what the registration says comes back
        self._outlet.write(ready, now)

    def _enter(self, packet: Packet, now: int, events: list[Event]) -> None:
        if self._entry.unregistered:
            self._entry.unregistered = False
            events.append(Ready())

    def _turn_page(self, packet: Packet, now: int, events: list[Event]) -> None:
        if not self._outlet.next_page(packet.serial, packet.segment, now):
            found = packet.segment
            en = f"packet {found} was fetched, which is not the next of any document"
            self._give_up(SEGMENT_SEQUENCE, f"请求取第 {found} 包，但没有文档轮到该包", en, True, now, events)
            return
        serial = self._unsaid.own_serial(packet.serial)
        if serial in self._outstanding:  # it reads on: its answer's time begins anew
            sent, due = self._outstanding[serial]
            self._outstanding[serial] = (sent, max(due, now + self.settings.receipt_ms))

    def _refuse(self, fault: FramingFault, now: int, events: list[Event]) -> None:
        packet = fault.packet
        assert packet is not None
        if self._after:
            self._unsaid.complete(packet)
        if not packet.is_answer:
            self._owed.setdefault(packet.serial, now)
        events.append(Refused(packet, fault.symbol, fault.reason_zh, fault.reason_en))

    def _write(self, packet: Packet, now: int, events: list[Event]) -> None:
        self._outlet.write(self._unsaid.dress(packet) if self._narrow else packet, now)
        self._active_at = now

    def _beat(self, _: None, now: int, events: list[Event]) -> None:
        missed = self._heartbeats.unanswered
        if missed:
            events.append(HeartbeatMissed(missed))
        if missed >= self.settings.misses:
            en = f"{missed} heartbeats in a row unanswered"
            self._give_up("HEARTBEAT", f"连续 {missed} 次心跳无应答", en, True, now, events)
        else:
            self._outlet.write(self._heartbeats.ask(now), now)

    def _expire(self, _: None, now: int, events: list[Event]) -> None:
        late = [serial for serial, (_, due) in self._outstanding.items() if due <= now]
        for serial in late:
            del self._outstanding[serial]
            if self._outlet.paged:
                self._forget_pages(serial)
            events.append(TimedOut(serial))
        self._due = min((due for _, due in self._outstanding.values()), default=0)
        if late and not self._outstanding and late != [self._greeting]:
            self._active_at = now
            self._end_short_exchange(now, events)

    def _drain(self, _: None, now: int, events: list[Event]) -> None:
        self._lose_outstanding(events)
        for fault in self._reassembler.cut_off():
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
    Action.WELCOME: Session._welcome,
    Action.ENTER: Session._enter,
    Action.TURN_PAGE: Session._turn_page,
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
