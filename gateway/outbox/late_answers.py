"""Answers that come after their message was given up (spec 01.1.6): stored, matched by serial, applied if still legal.

A grant nobody wants any more is given back by the core; what the core refuses goes to the desk.  Of a message handed on it is
the asker's answer, which it gets when it asks again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import structlog

from adapters.document import Document, DocumentRefused, Header
from adapters.envelopes.envelope import Envelope
from adapters.store.message_machine import DEAD, next_state
from adapters.store.rows import MessageRecord
from adapters.store.unit import StoreUnit
from adapters.translate import ReceiptCommands
from adapters.wire.packet import Packet
from adapters.xml.codec import Codec
from crm_core.errors import DomainError
from crm_core.fallout.open_record import OpenFallout
from crm_core.fallout.settle import SettleFallout
from crm_core.ports import Command, Origin
from gateway.answers import Verdict, judge
from gateway.hub.desk import RelayDesk
from gateway.outbox.lane import entry_of
from gateway.outbox.log import OutboxLog
from gateway.outbox.verdicts import unreadable
from gateway.writer import Writer

log = structlog.get_logger()

GIVEN = {"ok": "accepted", "accepted": "accepted", "duplicate": "accepted", "rejected": "refused"}
"""Category of an answer -> the message table's input; others change nothing: the peer may say so again."""


class LateAnswerJob:
    """One such answer. ``command`` is what the core hears, ``records`` what the desk holds about the message."""

    def __init__(
        self, message: MessageRecord, verdict: Verdict, raw: bytes, command: Command | None, records: tuple[str, ...],
        done: Callable[[], None],
    ) -> None:  # fmt: skip
        self.origin = Origin(message.peer, message.serial, message.code, message.serial)
        self._done = done
        self._message = message
        self._verdict = verdict
        self._raw = raw
        self._command = command
        self._records = records

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """What the command names, and the records."""
        named = () if self._command is None else tuple(self._command.prefetch())
        return (*named, *(("fallout", name) for name in self._records))

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """The message ends as the answer says, the core hears it, the record about its silence has no cause any more."""
        if not self._close(unit):
            return
        if self._command is not None:
            self._command.execute(unit)
        for name in self._records:
            SettleFallout(name, "late_answer", f"{self._verdict.code} {self._verdict.zh}"[:400]).execute(unit)

    def _close(self, unit: StoreUnit) -> bool:
        """False where somebody was quicker: another answer, or a person who had it sent again."""
        message, code = self._message, self._verdict.code
        if unit.store.outbound_state(message.id)[0] != DEAD:
            return False
        state = next_state(DEAD, GIVEN[self._verdict.category])
        unit.put("message_state", (state, None, code, message.tries, None, unit.now, message.id))
        unit.put("attempt_close", (unit.now, "late", code, self._raw, message.id, message.tries))
        unit.note("message", str(message.id), "late_answer", DEAD, state, code)
        return True

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Not legal any more: it is stored all the same, and a person looks."""
        if not self._close(unit):
            return
        message = self._message
        OpenFallout(
            "report", error.zh, error.en, error.code, message_id=message.id, area=message.area,
            service_order_id=message.order_key,
            about={"code": message.code, "serial": message.serial, "peer": message.peer, "result": self._verdict.code},
        ).execute(unit)  # fmt: skip

    def committed(self) -> None:
        """Durable."""
        self._done()
        log.info("answer.late", peer=self._message.peer, serial=self._message.serial, code=self._verdict.code)

    def failed(self, symbol: str) -> None:
        """Nothing was kept: the message stays given up, its record stays with the desk."""
        log.warning("answer.late_lost", peer=self._message.peer, serial=self._message.serial, symbol=symbol)


class LateAnswers:
    """Matches answers nobody waits for with messages that were given up."""

    def __init__(
        self, codec: Codec, outbox: OutboxLog, writer: Writer, voice_of: Callable[[str], Envelope], relays: RelayDesk
    ) -> None:
        self._relays = relays
        self._voice_of = voice_of
        self._codec = codec
        self._outbox = outbox
        self._writer = writer
        self._receipts = ReceiptCommands(codec.catalogue)

    def take(self, peer: str, packet: Packet) -> bool:
        """True if ``packet`` answers one; it is judged in a job of its own."""
        message = self._outbox.of_serial(peer, packet.serial)
        if message is None or message.state != DEAD or not message.tries:
            return False
        try:
            asked = Header(message.code, message.serial, packet.receiver, peer, message.area)
            document = self._voice_of(peer).decode_answer(packet.body, packet.charset, asked)
        except DocumentRefused as refusal:
            unreadable("answer.unreadable", entry_of(message), refusal)
            return False
        verdict = judge(self._codec.catalogue, packet, document)
        if verdict.category not in GIVEN:
            return False
        records = self._outbox.open_fallouts(message.id)
        command, done = self._heard(message, packet, document, verdict)
        self._writer.submit(LateAnswerJob(message, verdict, packet.body, command, records, done))
        return True

    def _heard(
        self, message: MessageRecord, packet: Packet, document: Document, verdict: Verdict
    ) -> tuple[Command | None, Callable[[], None]]:
        """Who hears of it: whoever the message was handed on for, else the core; and what follows its commit."""
        row = self._codec.catalogue.message(message.code)
        relay = self._relays.given_up(message.id)
        if relay is not None:
            back = self._relays.hand_back(entry_of(message), row, verdict, document, packet.body, relay)
            return back, _nothing if back is None else partial(self._relays.follow, back)
        answer: dict[str, Any] | None = document.body if document.element == row.answer else None
        sent = self._outbox.document(message.id) if self._receipts.listens(row) else None
        accepted = GIVEN[verdict.category] == "accepted"
        heard = self._receipts.command(row, sent, accepted=accepted, symbol=verdict.symbol, answer=answer, said=document)
        return heard, _nothing


def _nothing() -> None:
    """Nothing follows."""
