"""Outbound messages as jobs of the worker: an attempt is recorded before a byte leaves and closed after (message-store.md).

``OpenAttempts`` takes what the pump chose for one link, frames nothing itself, keeps the Package bytes of the first attempt
(retransmission sends the same bytes) and lets the pump send only after its commit.  ``CloseAttempt`` records what came of it,
moves the message by its table, tells the core where the row asks for it, and opens fallout where a person must look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.document import Document, Header
from adapters.envelopes.envelope import Envelope
from adapters.store.message_machine import DEAD, DONE, REJECTED, RETRY, SENDING, UNKNOWN, next_state
from adapters.store.relays import RelayRow as Relay
from adapters.store.unit import StoreUnit
from adapters.store.withdrawal import TAKEN_BACK, Withdrawals
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from crm_core.errors import DomainError
from crm_core.fallout.model import Fallout
from crm_core.fallout.open_record import OpenFallout
from crm_core.ports import Command, Origin
from gateway.config.model import Peer
from gateway.outbox.retry import Decision
from schemas.model import MessageRow

UNWRITABLE = ("SCHEMA_FAULTS", "报文无法按对端格式编码", "The message cannot be written in the peer's form")
EXPIRED = ("TTL_EXPIRED", "报文转发前已过有效期，未送达对端", "The message was past its time to live before it went on")
"""Why a message is parked: symbol, both texts."""


@dataclass(slots=True)
class Entry:
    """An outbound message as the pump knows it; ``document`` or ``raw`` may have to be fetched from the log.

    ``stamp`` is the SendTime its bytes bear, where this process wrote them; ``tries`` counts attempts, ``spent`` what each
    error class has used of its budget, ``unknown_since`` (ms) when the outcome became unknown.
    """

    id: int
    peer: str
    code: str
    serial: str
    area: str
    key: str
    state: str
    tries: int
    first_seen: int
    due_at: int
    ref_serial: str | None = None
    document: dict[str, Any] | None = None
    raw: bytes | None = None
    stamp: str = ""
    error: str | None = None
    spent: dict[str, int] = field(default_factory=dict)
    unknown_since: int = 0


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an attempt: ``given`` is the message table's input; the rest is recorded."""

    given: str
    code: str
    symbol: str
    decision: Decision | None
    reply: bytes | None = None
    zh: str = ""
    en: str = ""


ORDER_KEY = "service_order_id"


def order_of(unit: StoreUnit, row: MessageRow, message_id: int, key: str | None) -> str | None:
    """The order a message of ours is about, so that its fallout is seen there: its key, or what its document says where the key
    is something else (BL01 goes by product instance); else the key."""
    if row.order_key == ORDER_KEY:
        return key or None
    document, _ = unit.store.outbound([message_id]).get(message_id, (None, None))
    named: str | None = (document or {}).get(ORDER_KEY)
    return named or key or None


def stands_still(row: MessageRow) -> bool:
    """Whether an order cannot go on without such a message: a command about it, whose result is awaited."""
    return bool(row.result) and row.order_key == ORDER_KEY


class OpenAttempts:
    """The next attempt of each of ``entries``, one peer's; ``send`` is called for each after the commit."""

    def __init__(
        self,
        entries: list[Entry],
        peer: Peer,
        codec: Codec,
        own_id: str,
        epoch: int,
        send: Callable[[Entry], None],
        failed: Callable[[list[Entry], str], None],
        voice: Envelope,
        relays: Mapping[int, Relay],
        unsent: Callable[[Entry, str], Command | None],
    ) -> None:
        """``unsent`` gives what whoever a message was to be handed on for hears when it never leaves, by the symbol of why."""
        self.origin = Origin(own_id, "", "")
        self._voice = voice
        self._relays = relays
        self._unsent = unsent
        self._framed: dict[int, bytes] = {}
        self._taken_back: dict[int, Withdrawals] = {}
        self._entries = entries
        self._peer = peer
        self._codec = codec
        self._own = own_id
        self._epoch = epoch
        self._send = send
        self._failed = failed

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """Nothing of the core's."""
        return ()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """Frames first attempts, opens an attempt row each, moves the messages to SENDING."""
        # Nothing framed in a group that was rolled back counts: its bytes are not in the log.
        self._framed.clear()
        self._taken_back.clear()
        # A first attempt whose document is at hand needs no look at the log; a repeated one must send what was sent.
        missing = [e for e in self._entries if e.raw is None and (e.document is None or e.tries)]
        if missing:
            found = unit.store.outbound([e.id for e in missing])
            for entry in missing:
                document, entry.raw = found.get(entry.id, (None, None))
                entry.document = entry.document if entry.document is not None else document
        for entry in self._entries:
            entry.error = None
            if unit.store.withdrawn.took(entry.id, unit.store.driver):
                entry.error = TAKEN_BACK
                self._taken_back[entry.id] = unit.store.withdrawn
                continue
            if self._is_expired(entry, unit.now):
                self._park(unit, entry, f"报文 {entry.id} 已过有效期 / message {entry.id} is past its time to live", EXPIRED)
                continue
            raw = entry.raw
            if raw is None:
                try:
                    raw = self._framed[entry.id] = self._frame(entry, unit.now)
                except (LookupError, ValueError) as error:
                    self._park(unit, entry, str(error))
                    continue
                unit.put("body", (entry.id, "plain", None, None, self._peer.charset, raw, None))
            n = entry.tries + 1
            unit.put("attempt", (entry.id, n, self._epoch, unit.now, len(raw)))
            state = next_state(entry.state, "take")
            unit.put("message_state", (state, None, None, n, None, None, entry.id))

    def _is_expired(self, entry: Entry, now: int) -> bool:
        """Whether what is handed on is of no use any more (01.1.1, ttl). What may have arrived is asked after all the same."""
        relay = self._relays.get(entry.id)
        return relay is not None and 0 < relay.expires_at < now and entry.state != UNKNOWN

    def _frame(self, entry: Entry, now: int) -> bytes:
        row = self._codec.catalogue.message(entry.code)
        if entry.document is None:
            raise LookupError(f"报文 {entry.id} 没有内容 / message {entry.id} has no document")
        relay = self._relays.get(entry.id)
        entry.stamp = wire_time(now)
        header = Header(
            code=entry.code,
            serial=entry.serial,
            sender=self._own if relay is None else relay.sender,
            receiver=self._peer.id,
            area=entry.area,
            send_time=entry.stamp,
            version=self._peer.schema_version,
            mode="B" if row.pattern == "Q" else self._peer.mode,
            ttl=0 if relay is None or not relay.expires_at else max((relay.expires_at - now) // 1000, 1),
            ref_serial=entry.ref_serial,
            result_code=None if relay is None else relay.result_code,
            result_text=None if relay is None else relay.result_text,
        )
        return self._voice.encode(Document(row, row.name, header, entry.document), self._peer.charset)

    def _park(
        self, unit: StoreUnit, entry: Entry, why: str, cause: tuple[str, str, str] = UNWRITABLE
    ) -> None:
        """It cannot be sent to this peer: parked with its cause, the key goes on (01.2 rule 2)."""
        symbol, zh, en = cause
        row = self._codec.catalogue.message(entry.code)
        told = self._unsent(entry, symbol) if entry.id in self._relays else None
        if told is not None:
            told.execute(unit)
        entry.error = why
        unit.put("message_state", ("PARKED", "document", None, entry.tries, None, unit.now, entry.id))
        unit.note("message", str(entry.id), "skip", entry.state, "PARKED", why[:400])
        unit.add(
            Fallout(
                id=unit.new_id("FO"), error_class="document", opened_at=unit.now, symbol=symbol, zh=zh, en=en,
                message_id=entry.id, area=entry.area, service_order_id=order_of(unit, row, entry.id, entry.key),
                about={"code": entry.code, "serial": entry.serial, "peer": entry.peer, "why": why},
            )
        )  # fmt: skip

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Only a defect of ours comes here: every entry is parked with it."""
        for entry in self._entries:
            self._park(unit, entry, str(error))

    def committed(self) -> None:
        """The attempts are on disk: the bytes may leave."""
        for message_id, withdrawals in self._taken_back.items():
            withdrawals.passed_over(message_id)
        for entry in self._entries:
            if entry.error is None:
                entry.raw = self._framed.get(entry.id, entry.raw)
                entry.state = SENDING
                entry.tries += 1
            self._send(entry)

    def failed(self, symbol: str) -> None:
        """Nothing was kept: the entries go back to the pump."""
        self._failed(self._entries, symbol)


class CloseAttempt:
    """What became of one attempt."""

    def __init__(
        self,
        entry: Entry,
        row: MessageRow,
        result: Result,
        own_id: str,
        done: Callable[[Entry, Result], None],
        command: Command | None = None,
    ) -> None:
        self.origin = Origin(entry.peer, entry.serial, entry.code, entry.serial)
        self._entry = entry
        self._row = row
        self._result = result
        self._own = own_id
        self._done = done
        self._command = command

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """What the receipt's command names."""
        return () if self._command is None else self._command.prefetch()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """None."""
        return ()

    def execute(self, unit: StoreUnit) -> None:
        """Closes the attempt, moves the message, tells the core."""
        self._close(unit)
        if self._command is not None:
            self._command.execute(unit)

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """The core refuses what the receipt said (e.g. the order is unknown): closed all the same, a person looks."""
        self._close(unit)
        self._fallout(unit, "report", error.code, error.zh, error.en)

    def _close(self, unit: StoreUnit) -> None:
        entry, result, now = self._entry, self._result, unit.now
        state = next_state(entry.state, result.given)
        decision = result.decision
        error_class = decision.error_class if decision is not None else None
        closed = now if state in (DONE, REJECTED, DEAD) else None
        due = decision.due_at if decision is not None and closed is None else None
        unit.put("message_state", (state, error_class, result.code or None, entry.tries, due, closed, entry.id))
        if entry.state in (SENDING, UNKNOWN, RETRY) and entry.tries:
            unit.put("attempt_close", (now, error_class or "ok", result.code or None, result.reply, entry.id, entry.tries))
        if state != DONE:
            detail = result.code or error_class or ""
            if state == UNKNOWN and result.reply is not None:  # something came: what it says, or why nobody can read it
                detail = f"{detail} {result.zh} / {result.en}"[:400]
            unit.note("message", str(entry.id), result.given, entry.state, state, detail)
        if state == DEAD or (state == REJECTED and self._command is None):
            self._fallout(unit, error_class or "", result.symbol, result.zh, result.en)

    def _fallout(self, unit: StoreUnit, error_class: str, symbol: str, zh: str, en: str) -> None:
        entry = self._entry
        OpenFallout(
            error_class, zh or "对端拒绝或无法送达", en or "Refused by the peer, or not deliverable", symbol,
            message_id=entry.id, area=entry.area, service_order_id=order_of(unit, self._row, entry.id, entry.key),
            about={"code": entry.code, "serial": entry.serial, "peer": entry.peer, "tries": entry.tries},
            stuck=stands_still(self._row),
        ).execute(unit)  # fmt: skip

    def committed(self) -> None:
        """Durable: the pump goes on with the key."""
        entry, result = self._entry, self._result
        entry.state = next_state(entry.state, result.given)
        self._done(entry, result)

    def failed(self, symbol: str) -> None:
        """Nothing was kept: the attempt stays open, which after a restart reads as UNKNOWN; here it is tried as such."""
        self._done(self._entry, Result("no_answer", "", symbol, None))
