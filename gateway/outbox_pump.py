"""The outbox pump: every outbound message that is due leaves, in order per key, within the window of its link (spec 06.1).

Per peer there is one lane.  Messages of one key stand in one line; only the head of a line may be under way, so a stuck key
never blocks others and never overtakes itself.  What cannot be held in memory stays in the table, which is read on in the order
of ids; a line is therefore always a prefix of what the table holds for its key.

The pump judges answers (worse of header and body counts), asks the retry policy, and has every attempt opened and closed by the
worker.  An attempt found open at start means UNKNOWN: nobody knows whether it arrived.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import structlog

from adapters.document import Document, DocumentRefused, Header
from adapters.store.message_machine import READY, RETRY, SENDING, UNKNOWN
from adapters.store.rows import MessageRecord
from adapters.translate import ReceiptCommands
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.answers import judge
from gateway.clock import Clock
from gateway.config import Peer
from gateway.outbound import CloseAttempt, Entry, OpenAttempts, Result
from gateway.outbox_log import OutboxLog
from gateway.retry import Decision, RetryPolicy
from gateway.writer import Writer

log = structlog.get_logger()

HELD_ENTRIES = 4000
"""Messages of one peer held in memory; the rest waits in the table."""
HELD_DOCUMENTS = 1000
"""How many of them keep their document; the others' is fetched when their turn comes."""
SWEEP_S = 30.0
"""How often waiting messages are looked at for age (unlimited tries within 24 h, 06.1)."""


class Link(Protocol):
    """What the pump needs of a link (``gateway.links``)."""

    @property
    def peer(self) -> Peer:
        """Whom it leads to."""

    @property
    def epoch(self) -> int:
        """Number of the connection under it, for the attempt log."""

    def room(self) -> int:
        """How many messages may leave now; 0 while down, paused or full."""

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """Hands a packet to the connection, to be answered by the instant ``deadline_ms``; False if there is none after all."""

    def note_failure(self, now: int) -> None:
        """A technical failure: counts for the circuit."""

    def note_success(self) -> None:
        """The peer answered: closes the circuit."""

    def pause(self, until: int) -> None:
        """Keep still until then (busy)."""

    def stop(self, why: str) -> None:
        """Stand still until a person resumes it (authentication, lost framing)."""


class Lane:
    """One peer's messages: lines by key, heads that are ready, heads that wait for their time."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.lines: dict[str, deque[Entry]] = {}
        self.ready: deque[Entry] = deque()
        self.later: list[tuple[int, int, Entry]] = []
        self.under_way: dict[str, Entry] = {}
        self.queries: dict[str, Entry] = {}
        self.opening = 0
        self.held = 0
        self.read_to = 0
        self.more_in_table = False


class OutboxPump:
    """All lanes of a process."""

    def __init__(
        self, writer: Writer, outbox: OutboxLog, codec: Codec, clock: Clock, policy: RetryPolicy, own_id: str
    ) -> None:
        self._writer = writer
        self._outbox = outbox
        self._codec = codec
        self._clock = clock
        self._policy = policy
        self._own = own_id
        self._receipts = ReceiptCommands(codec.catalogue)
        self._lanes: dict[str, Lane] = {}
        self._timer: Any = None
        self._timer_at = 0
        self._query_no = 0
        self.on_change: Callable[[], None] = lambda: None

    # -- filling the lanes ----------------------------------------------------------------------------------------

    def add_link(self, link: Link) -> None:
        """A peer's lane, filled with what the table holds for it (start, also after a crash)."""
        lane = self._lanes[link.peer.id] = Lane(link)
        lane.more_in_table = True
        self._refill(lane)

    def start(self) -> None:
        """Begin looking at ages."""
        self._clock.callLater(SWEEP_S, self._sweep)

    def waiting(self, peer_id: str) -> tuple[int, int, bool]:
        """Messages held and under way for a peer, and whether more wait in the table."""
        lane = self._lanes[peer_id]
        return lane.held, len(lane.under_way) + lane.opening, lane.more_in_table

    def outgoing(self, messages: list[tuple[MessageRecord, dict[str, Any]]]) -> None:
        """Messages that were just committed."""
        touched: dict[str, Lane] = {}
        for record, document in messages:
            lane = self._lanes.get(record.peer)
            if lane is None or record.state != READY:
                continue
            if lane.more_in_table or lane.held >= HELD_ENTRIES:
                lane.more_in_table = True
                continue
            lane.read_to = max(lane.read_to, record.id)
            entry = entry_of(record)
            if lane.held < HELD_DOCUMENTS:
                entry.document = document
            self._line_up(lane, entry)
            touched[record.peer] = lane
        for lane in touched.values():
            self._pump(lane)

    def _refill(self, lane: Lane) -> None:
        while lane.more_in_table and lane.held < HELD_ENTRIES // 2:
            records = self._outbox.open_after(lane.link.peer.id, lane.read_to, HELD_ENTRIES // 2)
            lane.more_in_table = len(records) == HELD_ENTRIES // 2
            for record in records:
                lane.read_to = max(lane.read_to, record.id)
                entry = entry_of(record)
                if entry.state == SENDING:
                    entry.state = UNKNOWN
                self._line_up(lane, entry)
        self._pump(lane)

    def _line_up(self, lane: Lane, entry: Entry) -> None:
        lane.held += 1
        line = lane.lines.get(entry.key)
        if line is None:
            lane.lines[entry.key] = deque((entry,))
            self._schedule(lane, entry)
        else:
            line.append(entry)

    def _schedule(self, lane: Lane, entry: Entry) -> None:
        if entry.due_at > self._clock.now():
            heapq.heappush(lane.later, (entry.due_at, entry.id, entry))
            self._arm(entry.due_at)
        else:
            lane.ready.append(entry)

    # -- sending --------------------------------------------------------------------------------------------------

    def poke(self, peer_id: str) -> None:
        """The peer's link came up or has room again."""
        lane = self._lanes.get(peer_id)
        if lane is not None:
            self._pump(lane)

    def _pump(self, lane: Lane) -> None:
        if not lane.ready:
            return
        room = lane.link.room() - lane.opening
        if room <= 0:
            return
        taken: list[Entry] = []
        while lane.ready and len(taken) < room:
            entry = lane.ready.popleft()
            if entry.state == UNKNOWN and self._ask_first(lane, entry):
                continue
            taken.append(entry)
        if taken:
            lane.opening += len(taken)
            self._writer.submit(
                OpenAttempts(
                    taken, lane.link.peer, self._codec, self._own, lane.link.epoch,
                    lambda entry: self._opened(lane, entry), lambda entries: self._not_opened(lane, entries),
                )
            )  # fmt: skip

    def _ask_first(self, lane: Lane, entry: Entry) -> bool:
        """UNKNOWN beyond retransmission: ask the peer whether it has seen the serial (RX04, 06.1)."""
        peer = lane.link.peer
        decision = self._policy.decide("unknown", entry.tries, entry.first_seen, self._clock.now(),
                                       finds_duplicates=peer.finds_duplicates)  # fmt: skip
        if decision.action == "resend":
            return False
        row = self._codec.catalogue.by_element("QueryMessage")
        now = self._clock.now()
        self._query_no += 1
        serial = f"{self._own}{wire_time(now)}9{self._query_no:09d}"
        header = Header(row.code, serial, self._own, peer.id, entry.area, wire_time(now), peer.schema_version, "B")
        document = Document(row, row.name, header, {"sender": self._own, "serial": entry.serial})
        raw = self._codec.encode(document, peer.charset)
        lane.queries[serial] = entry
        if not lane.link.send(self._packet(row.code, Kind.REQUEST, serial, entry.area, "B", raw, peer, now), now + row.answer_timer * 1000):
            del lane.queries[serial]
            lane.ready.appendleft(entry)
        return True

    def _packet(self, code: str, kind: Kind, serial: str, area: str, mode: str, raw: bytes, peer: Peer, now: int) -> Packet:
        return Packet(
            body=raw, kind=kind, code=code, sender=self._own, receiver=peer.id, area=area, serial=serial,
            send_time=wire_time(now), mode=mode, charset=peer.charset,
        )  # fmt: skip

    def _opened(self, lane: Lane, entry: Entry) -> None:
        lane.opening -= 1
        if entry.error is not None:
            self._leave(lane, entry)
            return
        if entry.raw is None:
            raise RuntimeError(f"attempt of message {entry.id} opened without bytes")
        row = self._codec.catalogue.message(entry.code)
        peer = lane.link.peer
        entry.document = entry.document if row.on_receipt is not None else None
        kind = Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST
        mode = "B" if row.pattern == "Q" else peer.mode
        seconds = peer.receipt_seconds(row) if mode == "A" else peer.answer_seconds(row)
        lane.under_way[entry.serial] = entry
        now = self._clock.now()
        packet = self._packet(entry.code, kind, entry.serial, entry.area, mode, entry.raw, peer, now)
        if not lane.link.send(packet, now + int(seconds * 1000)):
            del lane.under_way[entry.serial]
            self._failed(lane, entry, "not_sent")

    def _not_opened(self, lane: Lane, entries: list[Entry]) -> None:
        """The store refused: nothing left, everything waits in its place."""
        lane.opening -= len(entries)
        due = self._clock.now() + 2000
        for entry in entries:
            entry.due_at = due
            self._schedule(lane, entry)

    # -- what came of it ------------------------------------------------------------------------------------------

    def answered(self, peer_id: str, packet: Packet) -> None:
        """An answer that matched an outstanding serial."""
        lane = self._lanes[peer_id]
        lane.link.note_success()
        query = lane.queries.pop(packet.serial, None)
        if query is not None:
            self._query_answered(lane, query, packet)
            return
        entry = lane.under_way.pop(packet.serial, None)
        if entry is not None:
            self._judge(lane, entry, packet)

    def late(self, peer_id: str, packet: Packet) -> bool:
        """An answer nobody waits for on its connection; True if it belongs to a message that waits to be tried again."""
        lane = self._lanes.get(peer_id)
        if lane is None:
            return False
        for line in lane.lines.values():
            entry = line[0]
            if entry.serial == packet.serial and entry.state in (RETRY, UNKNOWN) and entry.serial not in lane.under_way:
                self._unschedule(lane, entry)
                self._judge(lane, entry, packet)
                return True
        return False

    def _unschedule(self, lane: Lane, entry: Entry) -> None:
        if entry in lane.ready:
            lane.ready.remove(entry)
        lane.later = [item for item in lane.later if item[2] is not entry]
        heapq.heapify(lane.later)

    def not_sent(self, peer_id: str, serial: str) -> None:
        """No byte of it left (a short connection that could not be made)."""
        lane = self._lanes[peer_id]
        query = lane.queries.pop(serial, None)
        entry = lane.under_way.pop(serial, None)
        if query is not None:
            self._failed(lane, query, "unknown", counted=True)
        elif entry is not None:
            self._failed(lane, entry, "not_sent")

    def timed_out(self, peer_id: str, serial: str) -> None:
        """No answer in time: neither success nor failure."""
        self._no_answer(self._lanes[peer_id], serial)

    def lost(self, peer_id: str, serial: str) -> None:
        """The connection ended under an outstanding message."""
        self._no_answer(self._lanes[peer_id], serial)

    def _no_answer(self, lane: Lane, serial: str) -> None:
        query = lane.queries.pop(serial, None)
        if query is not None:
            self._failed(lane, query, "unknown", counted=True)
            return
        entry = lane.under_way.pop(serial, None)
        if entry is not None:
            self._failed(lane, entry, "unknown")

    def _judge(self, lane: Lane, entry: Entry, packet: Packet) -> None:
        try:
            document = self._codec.decode(packet.body, packet.charset)
        except DocumentRefused as refusal:
            log.warning("answer.unreadable", peer=entry.peer, serial=entry.serial, symbol=refusal.symbol)
            self._failed(lane, entry, "unknown", reply=packet.body)
            return
        verdict = judge(self._codec.catalogue, packet, document)
        row = self._codec.catalogue.message(entry.code)
        if verdict.category in ("ok", "accepted", "duplicate"):
            command = self._receipts.command(row, entry.document, accepted=True, symbol=verdict.symbol)
            result = Result("accepted", verdict.code, verdict.symbol, None, packet.body)
            self._writer.submit(CloseAttempt(entry, row, result, self._own, lambda e, r: self._closed(lane, e, r), command))
            return
        name = self._policy.class_of_code(verdict.code, verdict.category)
        self._refused(lane, entry, name, Result("refused", verdict.code, verdict.symbol, None, packet.body, verdict.zh, verdict.en))

    def _refused(self, lane: Lane, entry: Entry, name: str, result: Result) -> None:
        row = self._codec.catalogue.message(entry.code)
        now = self._clock.now()
        decision = self._policy.decide(name, entry.tries, entry.first_seen, now,
                                       finds_duplicates=lane.link.peer.finds_duplicates)  # fmt: skip
        command = None
        given = {"refused": "refused", "fallout": "give_up"}.get(decision.action, "again")
        if entry.state == RETRY and given == "refused":
            given = "give_up"
        if given != "again":
            command = self._receipts.command(row, entry.document, accepted=False, symbol=result.symbol)
        final = Result(given, result.code, result.symbol, decision, result.reply, result.zh, result.en)
        self._apply(lane, decision, f"{entry.code} {result.code}")
        self._writer.submit(CloseAttempt(entry, row, final, self._own, lambda e, r: self._closed(lane, e, r), command))

    def _failed(self, lane: Lane, entry: Entry, outcome: str, *, reply: bytes | None = None, counted: bool = False) -> None:
        """Nothing came back, or nothing left."""
        now = self._clock.now()
        name = self._policy.class_of_outcome(outcome)
        tries = entry.tries + 1 if counted else entry.tries
        decision = self._policy.decide(name, tries, entry.first_seen, now, finds_duplicates=lane.link.peer.finds_duplicates)
        entry.tries = tries
        given = "give_up" if decision.action == "fallout" else ("again" if outcome == "not_sent" else "no_answer")
        if decision.circuit:
            lane.link.note_failure(now)
        self._apply(lane, decision, outcome)
        row = self._codec.catalogue.message(entry.code)
        symbol = "PEER_UNAVAILABLE" if outcome == "not_sent" else "OUTCOME_UNKNOWN"
        code = self._codec.catalogue.result(symbol).code
        result = Result(given, code, symbol, decision, reply, "对端没有应答，结果不明", "No answer from the peer: outcome unknown")
        self._writer.submit(CloseAttempt(entry, row, result, self._own, lambda e, r: self._closed(lane, e, r)))

    def _apply(self, lane: Lane, decision: Decision, why: str) -> None:
        if decision.pause_until:
            lane.link.pause(decision.pause_until)
            self._arm(decision.pause_until)
        if decision.stop_link:
            lane.link.stop(why)

    def _query_answered(self, lane: Lane, entry: Entry, packet: Packet) -> None:
        try:
            document = self._codec.decode(packet.body, packet.charset)
        except DocumentRefused:
            self._failed(lane, entry, "unknown", counted=True)
            return
        state = document.body.get("state") if document.element == document.row.answer else None
        row = self._codec.catalogue.message(entry.code)
        if state in ("stored", "applied"):
            command = self._receipts.command(row, entry.document, accepted=True, symbol="ACCEPTED")
            result = Result("accepted", self._codec.catalogue.result("ACCEPTED").code, "ACCEPTED", None, packet.body)
            self._writer.submit(CloseAttempt(entry, row, result, self._own, lambda e, r: self._closed(lane, e, r), command))
        elif state == "refused":
            code = document.body.get("stored_answer", {}).get("result_code", "")
            found = self._codec.catalogue.result(code or "INTERNAL")
            name = self._policy.class_of_code(found.code, found.category)
            self._refused(lane, entry, name, Result("refused", found.code, found.symbol, None, packet.body, found.zh, found.en))
        elif state == "unseen":
            entry.state = RETRY
            entry.due_at = self._clock.now()
            lane.ready.append(entry)
            self._pump(lane)
        else:
            self._failed(lane, entry, "unknown", counted=True)

    def _closed(self, lane: Lane, entry: Entry, result: Result) -> None:
        if entry.state in (RETRY, UNKNOWN):
            entry.due_at = result.decision.due_at if result.decision is not None else self._clock.now() + 2000
            self._schedule(lane, entry)
            self._pump(lane)
        elif entry.state == SENDING:
            # The closing itself was refused by the store: the attempt is open there, here it counts as unknown.
            entry.state = UNKNOWN
            entry.due_at = self._clock.now() + 2000
            self._schedule(lane, entry)
        else:
            self._leave(lane, entry)

    def _leave(self, lane: Lane, entry: Entry) -> None:
        """Its story ended; the next of its key comes forward."""
        lane.held -= 1
        line = lane.lines[entry.key]
        line.popleft()
        if line:
            self._schedule(lane, line[0])
        else:
            del lane.lines[entry.key]
        if lane.more_in_table and lane.held < HELD_ENTRIES // 2:
            self._refill(lane)
        else:
            self._pump(lane)

    # -- time -----------------------------------------------------------------------------------------------------

    def _arm(self, at: int) -> None:
        if self._timer is not None and self._timer.active():
            if self._timer_at <= at:
                return
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._clock.callLater(max(0.0, (at - self._clock.now()) / 1000), self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self._clock.now()
        upcoming: list[int] = []
        for lane in self._lanes.values():
            while lane.later and lane.later[0][0] <= now:
                lane.ready.append(heapq.heappop(lane.later)[2])
            if lane.later:
                upcoming.append(lane.later[0][0])
            self._pump(lane)
        if upcoming:
            self._arm(min(upcoming))

    def _sweep(self) -> None:
        """Messages that could not leave for longer than their class allows go to fallout."""
        now = self._clock.now()
        name = self._policy.class_of_outcome("not_sent")
        for lane in self._lanes.values():
            old = [e for e in lane.ready if e.state in (READY, RETRY) and self._policy.expired(name, e.first_seen, now)]
            for entry in old:
                lane.ready.remove(entry)
                row = self._codec.catalogue.message(entry.code)
                result = Result("expire", "", "PEER_UNAVAILABLE", Decision("fallout", name), None,
                                "24 小时内无法送达", "Not deliverable within its age limit")  # fmt: skip
                self._writer.submit(CloseAttempt(entry, row, result, self._own, lambda e, r, at=lane: self._closed(at, e, r)))  # type: ignore[misc]
            self._pump(lane)
        self._clock.callLater(SWEEP_S, self._sweep)


def entry_of(record: MessageRecord) -> Entry:
    """The pump's view of a stored outbound message; without a key it is a line of its own."""
    return Entry(
        id=record.id, peer=record.peer, code=record.code, serial=record.serial, area=record.area,
        key=record.order_key or f"#{record.id}", state=record.state, tries=record.tries, first_seen=record.first_seen,
        due_at=record.due_at or 0, ref_serial=record.ref_serial,
    )  # fmt: skip


