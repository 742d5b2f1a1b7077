"""The outbox pump: every outbound message that is due leaves, in order per key, within the window of its link (spec 06.1).

Per peer there is one lane (``gateway.outbox.lane``).  What cannot be held in memory stays in the table, which is read on in the
order of ids.

The pump judges answers (worse of header and body counts), asks the retry policy, and has every attempt opened and closed by the
worker.  An attempt found open at start means UNKNOWN: nobody knows whether it arrived.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partialmethod
from typing import Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from adapters.document import Document, DocumentRefused
from adapters.envelopes.envelope import Envelope
from adapters.store.message_machine import ENDS, READY, RETRY, SENDING, UNKNOWN
from adapters.store.rows import MessageRecord
from adapters.translate import ReceiptCommands
from adapters.wire.packet import Packet
from adapters.xml.codec import Codec
from crm_core.ports import Command
from gateway.alarm import Alarm
from gateway.answers import Verdict, judge
from gateway.clock import Clock
from gateway.hub.desk import RelayDesk
from gateway.outbox.attempts import CloseAttempt, Entry, OpenAttempts, Result
from gateway.outbox.lane import Lane, Link, entry_of
from gateway.outbox.log import OutboxLog
from gateway.outbox.packets import NOBODY_ASKED_MS, STORE_WAIT_MS, TAKEN, OutboxPackets
from gateway.outbox.retry import Decision, RetryPolicy
from gateway.outbox.verdicts import Said, Verdicts, unreadable
from gateway.writer import Writer
from schemas.model import MessageRow, ResultCode

log = structlog.get_logger()

HELD_ENTRIES = 4000
"""Messages of one peer held in memory; the rest waits in the table."""
HELD_DOCUMENTS = 1000
"""How many of them keep their document; the others' is fetched when their turn comes."""
SWEEP_S = 30.0
"""How often waiting messages are looked at for age (unlimited tries within 24 h, 06.1)."""


class OutboxPump:
    """All lanes of a process. ``voice_of`` a peer is its envelope; ``desk`` knows what is handed on for others."""

    def __init__(
        self, writer: Writer, outbox: OutboxLog, codec: Codec, clock: Clock, policy: RetryPolicy, own_id: str,
        voice_of: Callable[[str], Envelope], desk: RelayDesk,
    ) -> None:  # fmt: skip
        self._voice_of = voice_of
        self._desk = desk
        self._packets = OutboxPackets(codec, own_id, voice_of, desk.open)
        self._writer = writer
        self._outbox = outbox
        self._codec = codec
        self._clock = clock
        self._verdicts = Verdicts(codec.catalogue, clock, policy)
        self._own = own_id
        self._receipts = ReceiptCommands(codec.catalogue)
        self.lanes: dict[str, Lane] = {}
        self._alarm = Alarm(clock, self._ring)
        self._stopped = False

    # -- filling the lanes ----------------------------------------------------------------------------------------

    def add_link(self, link: Link) -> None:
        """A peer's lane, filled with what the table holds for it (start, also after a crash)."""
        lane = self.lanes[link.peer.id] = Lane(link)
        lane.more_in_table = True
        self._refill(lane)

    def start(self) -> None:
        """Begin looking at ages, until ``stop``."""
        self._clock.callLater(SWEEP_S, self._sweep)

    def stop(self) -> None:
        self._stopped = True

    def waiting(self, peer_id: str) -> tuple[int, int, bool]:
        """Messages held and under way for a peer, and whether more wait in the table."""
        lane = self.lanes[peer_id]
        return lane.held, len(lane.under_way) + lane.opening, lane.more_in_table

    def under_way(self, peer_id: str) -> tuple[str, ...]:
        """Serials a peer has not answered yet, our questions about messages among them."""
        lane = self.lanes.get(peer_id)
        return () if lane is None else (*lane.under_way, *lane.queries)

    def outgoing(self, messages: list[tuple[MessageRecord, dict[str, Any]]], *, again: bool = False) -> None:
        """Messages that were just committed; ``again``: they had ended and are to leave once more, read before or not."""
        touched: dict[str, Lane] = {}
        self._desk.recall([record.id for record, _ in messages] if again else [])
        for record, document in messages:
            lane = self.lanes.get(record.peer)
            passed = lane is not None and record.id <= lane.read_to
            if lane is None or record.state != READY or (passed and not again):
                continue  # nobody to send it to, parked, or read from the table already
            if not passed and (lane.more_in_table or lane.held >= HELD_ENTRIES):
                lane.more_in_table = True
                continue
            entry = entry_of(record)
            entry.document = document if lane.held < HELD_DOCUMENTS else None
            self._line_up(lane, entry)
            touched[record.peer] = lane
        for lane in touched.values():
            self._pump(lane)

    def _refill(self, lane: Lane) -> None:
        while lane.more_in_table and lane.held < HELD_ENTRIES // 2:
            records = self._outbox.open_after(lane.link.peer.id, lane.read_to, HELD_ENTRIES // 2)
            past = self._outbox.past([record.id for record in records if record.tries])
            lane.more_in_table = len(records) == HELD_ENTRIES // 2
            for record in records:
                entry = entry_of(record)
                entry.spent, entry.unknown_since = past.get(entry.id, ({}, 0))
                if entry.state == SENDING:
                    entry.state = UNKNOWN
                self._line_up(lane, entry)
        self._pump(lane)

    def read_on(self, lane: Lane) -> None:
        """What is behind what was read; if the table cannot be read, later."""
        try:
            self._refill(lane)
        except SQLAlchemyError as error:
            log.warning("outbox.not_read", peer=lane.link.peer.id, error=str(error))
            self._clock.callLater(STORE_WAIT_MS / 1000, self.read_on, lane)

    def _line_up(self, lane: Lane, entry: Entry) -> None:
        if lane.line_up(entry):
            self.schedule(lane, entry)

    def schedule(self, lane: Lane, entry: Entry) -> None:
        if entry.due_at > self._clock.now():
            lane.wait(entry)
            self._alarm.set(entry.due_at)
        elif not (lane.kept and lane.withholds(entry)):
            lane.ready.append(entry)

    # -- sending --------------------------------------------------------------------------------------------------

    def poke(self, peer_id: str) -> None:
        """The peer's link came up or has room again."""
        lane = self.lanes.get(peer_id)
        if lane is not None:
            self._pump(lane)

    def _pump(self, lane: Lane) -> None:
        room = lane.link.room() - lane.opening if lane.ready else 0
        if room <= 0:
            return
        taken: list[Entry] = []
        while lane.ready and len(taken) < room:
            entry = lane.ready.popleft()
            if entry.state == UNKNOWN and self._verdicts.must_ask(lane, entry):
                room -= 1
                self._ask(lane, entry)
            else:
                taken.append(entry)
        if taken:
            lane.opening += len(taken)
            self._writer.submit(
                OpenAttempts(
                    taken, lane.link.peer, self._codec, self._own, lane.link.epoch,
                    lambda entry: self._opened(lane, entry), lambda *refused: self._not_opened(lane, *refused),
                    self._voice_of(lane.link.peer.id), self._desk.open, self._desk.unsent,
                )
            )  # fmt: skip

    def _ask(self, lane: Lane, entry: Entry) -> None:
        """RX04 for the serial of ``entry``; if it cannot leave after all a later turn asks, or in the end a person."""
        now = self._clock.now()
        asked = self._packets.question(entry, lane.link.peer, now)
        if asked is not None:
            lane.queries[asked[0].serial] = entry
            if lane.link.send(*asked):
                return
            del lane.queries[asked[0].serial]
        elif self._verdicts.too_old(entry, now):
            self._close(lane, entry, self._verdicts.expiry(entry))
            return
        entry.due_at = now + (STORE_WAIT_MS if asked is not None else NOBODY_ASKED_MS)
        self.schedule(lane, entry)

    def _opened(self, lane: Lane, entry: Entry) -> None:
        lane.opening -= 1
        if entry.error is not None:
            self.leave(lane, entry)
            return
        packet, due = self._packets.message(entry, lane.link.peer, self._clock.now())
        if not self._receipts.listens(self._codec.catalogue.message(entry.code)):
            entry.document = None
        lane.under_way[entry.serial] = entry
        if not lane.link.send(packet, due):
            del lane.under_way[entry.serial]
            self._failed(lane, entry, "not_sent")

    def _not_opened(self, lane: Lane, entries: list[Entry], symbol: str) -> None:
        """The store refused: nothing left, everything waits in its place. One of them may be the culprit: they come due apart,
        so that it stands alone; and if it was the commit's answer that got lost, the next attempt has a number of its own."""
        lane.opening -= len(entries)
        due = self._clock.now() + STORE_WAIT_MS
        for place, entry in enumerate(entries):
            entry.due_at = due
            if symbol == "INTERNAL":
                entry.due_at += place
                entry.tries += 1
            self.schedule(lane, entry)

    # -- what came of it ------------------------------------------------------------------------------------------

    def answered(self, peer_id: str, packet: Packet, instead: bytes = b"") -> None:
        """An answer that matched an outstanding serial; ``instead``: the Package that counts where it cannot be read."""
        lane = self.lanes[peer_id]
        query = lane.queries.pop(packet.serial, None)
        if query is not None:
            self._query_answered(lane, query, packet)
            return
        entry = lane.under_way.pop(packet.serial, None)
        if entry is not None:
            self._judge(lane, entry, packet, instead)

    def late(self, peer_id: str, packet: Packet) -> bool:
        """An answer nobody waits for on its connection; True if it belongs to a message that waits to be tried again."""
        lane = self.lanes.get(peer_id)
        entry = None if lane is None else lane.waiting_for(packet.serial)
        if lane is None or entry is None:
            return False
        self._judge(lane, entry, packet)
        return True

    def not_sent(self, peer_id: str, serial: str) -> None:
        """No byte of it left (a short connection that could not be made)."""
        lane = self.lanes[peer_id]
        query = lane.queries.pop(serial, None)
        entry = lane.under_way.pop(serial, None)
        if query is not None:
            self._failed(lane, query, "unknown")
        elif entry is not None:
            self._failed(lane, entry, "not_sent")

    def timed_out(self, peer_id: str, serial: str, *, early: bool = False) -> None:
        """No answer in time, or ``early``: the connection ended under it. Neither success nor failure."""
        lane = self.lanes[peer_id]
        entry = lane.queries.pop(serial, None) or lane.under_way.pop(serial, None)
        if entry is not None:
            self._failed(lane, entry, "unknown", early=early)

    lost = partialmethod(timed_out, early=True)

    def _judge(self, lane: Lane, entry: Entry, packet: Packet, instead: bytes = b"") -> None:
        try:
            document = self._packets.read(entry, packet, instead)
        except DocumentRefused as refusal:
            said = unreadable("answer.unreadable", entry, refusal)
            self._failed(lane, entry, "unknown", said, reply=packet.body, early=True)
            return
        verdict = judge(self._codec.catalogue, packet, document)
        if verdict.symbol == "OUTCOME_UNKNOWN":
            self._failed(lane, entry, "unknown", verdict, reply=packet.body, early=True)
            return
        row = self._codec.catalogue.message(entry.code)
        if verdict.category in ("ok", "accepted", "duplicate"):
            lane.link.note_success()
            answer = document.body if document.element == row.answer else None
            command = self._command(row, entry, True, verdict, answer, document, packet.body)
            self._close(lane, entry, Result("accepted", verdict.code, verdict.symbol, None, packet.body), command)
            return
        self._refused(lane, entry, verdict, packet.body, document)

    def _refused(
        self, lane: Lane, entry: Entry, said: Verdict | ResultCode, reply: bytes, document: Document | None = None
    ) -> None:
        """The core hears what is final; of what goes to a person (06.1: document, authentication) only who waits far off."""
        result, decision = self._verdicts.refusal(lane, entry, said, reply)
        row = self._codec.catalogue.message(entry.code)
        if row.pattern == "Q" and document is not None and entry.id in self._desk.open and result.given == "again":
            result = replace(result, given="refused")  # a blocking request is passed through: its asker says when it asks again
        final = result.given == "refused" or (result.given != "again" and entry.id in self._desk.open)
        command = self._command(row, entry, False, said, None, document) if final else None
        self._apply(lane, decision, f"{entry.code} {result.code}")
        self._close(lane, entry, result, command)

    def _failed(
        self, lane: Lane, entry: Entry, outcome: str, said: Said = None, *, reply: bytes | None = None, early: bool = False
    ) -> None:
        """Nothing came back, or nothing left; or who answered, ``said`` so, does not know either."""
        result, decision = self._verdicts.failure(lane, entry, outcome, reply, early, said)
        self._apply(lane, decision, outcome)
        self._close(lane, entry, result)

    def _command(
        self, row: MessageRow, entry: Entry, accepted: bool, said: Verdict | ResultCode,
        answer: dict[str, Any] | None = None, document: Document | None = None, reply: bytes = b"",
    ) -> Command | None:  # fmt: skip
        """What the core is told, or whoever a message was handed on for; after a restart its document is still in the log."""
        if entry.id in self._desk.open:
            return self._desk.hand_back(entry, row, said, document, reply)
        if self._receipts.listens(row) and entry.document is None:
            entry.document = self._outbox.document(entry.id)
        return self._receipts.command(row, entry.document, accepted=accepted, symbol=said.symbol, answer=answer, said=document)

    def _close(self, lane: Lane, entry: Entry, result: Result, command: Command | None = None) -> None:
        row = self._codec.catalogue.message(entry.code)
        self._writer.submit(CloseAttempt(entry, row, result, self._own, lambda e, r: self._closed(lane, e, r), command))

    def _apply(self, lane: Lane, decision: Decision, why: str) -> None:
        if decision.pause_until:
            lane.link.pause(decision.pause_until)
            self._alarm.set(decision.pause_until)
        if decision.stop_link:
            lane.link.stop(why)

    def _query_answered(self, lane: Lane, entry: Entry, packet: Packet) -> None:
        asked = self._packets.questioned(entry, packet.serial)
        try:
            document = self._voice_of(entry.peer).decode_answer(packet.body, packet.charset, asked)
        except DocumentRefused as refusal:
            self._failed(lane, entry, "unknown", unreadable("query.unreadable", entry, refusal))
            return
        state = document.body.get("state") if document.element == document.row.answer else None
        row = self._codec.catalogue.message(entry.code)
        kept = self._packets.kept(entry, document.body)
        if kept is not None:
            self._judge(lane, entry, kept)
        elif state in TAKEN and row.on_answer is None:
            lane.link.note_success()
            stored = self._codec.catalogue.result("ACCEPTED")
            command = self._command(row, entry, True, stored)
            self._close(lane, entry, Result("accepted", stored.code, stored.symbol, None, packet.body), command)
        elif state == "refused":
            self._refused(lane, entry, self._verdicts.refusal_of(document.body), packet.body)
        elif state == "unseen":
            lane.link.note_success()
            entry.state, entry.due_at = RETRY, self._clock.now()
            self.schedule(lane, entry)
            self._pump(lane)
        else:
            self._failed(lane, entry, "unknown")

    def _closed(self, lane: Lane, entry: Entry, result: Result) -> None:
        if entry.state in ENDS:
            self.leave(lane, entry)
            return
        if entry.state == SENDING:
            # The closing itself was refused by the store: the attempt is open there, here it counts as unknown.
            entry.state = UNKNOWN
        if entry.state == UNKNOWN:
            entry.unknown_since = entry.unknown_since or self._clock.now()
        entry.due_at = result.decision.due_at if result.decision is not None else self._clock.now() + STORE_WAIT_MS
        self.schedule(lane, entry)
        self._pump(lane)

    def leave(self, lane: Lane, entry: Entry) -> None:
        """Its story ended; the next of its key comes forward."""
        following = lane.leave(entry)
        self._desk.closed(entry.id)
        if following is not None:
            self.schedule(lane, following)
        if lane.more_in_table and lane.held < HELD_ENTRIES // 2:
            self.read_on(lane)
        else:
            self._pump(lane)

    # -- time -----------------------------------------------------------------------------------------------------

    def _ring(self) -> None:
        now = self._clock.now()
        upcoming: list[int] = []
        for lane in self.lanes.values():
            following = lane.ripen(now)
            if following is not None:
                upcoming.append(following)
            self._pump(lane)
        if upcoming:
            self._alarm.set(min(upcoming))

    def _sweep(self) -> None:
        """Messages that could not leave, or not be asked after, for longer than their class allows go to fallout."""
        if self._stopped:
            return
        now = self._clock.now()
        for lane in self.lanes.values():
            for entry in [one for one in lane.ready if self._verdicts.too_old(one, now)]:
                lane.ready.remove(entry)
                self._close(lane, entry, self._verdicts.expiry(entry))
            self._pump(lane)
        self._clock.callLater(SWEEP_S, self._sweep)
