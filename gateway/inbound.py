"""One inbound message as a job of the worker: seen before? judged, recorded, answered after the commit (spec 01.1.6, 06.1).

The message, its inbox mark, what it changed, what it caused to be sent and the answer it got are one commit.  A repeat of the
same bytes gets the stored answer and has no second effect; the same serial with other bytes is refused 1009.  What is refused
only for now (busy, locked, frozen, a change in progress) leaves no mark: sent again it is judged again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.store.message_machine import DONE, PARKED, REJECTED
from adapters.store.rows import MessageRecord
from adapters.store.tables import inbox, message, message_body
from adapters.store.unit import StoreUnit
from adapters.wire.packet import Packet
from crm_core.errors import DomainError
from crm_core.fallout.open_record import OpenFallout
from crm_core.ports import Command, Origin, Outcome, UnitOfWork
from gateway.answers import Answers
from schemas.model import MessageRow

log = structlog.get_logger()

Respond = Callable[[bytes, bool, str], None]
"""Sends the answer: Package bytes, whether it is a reply (else a receipt), the result code."""


_COLUMNS = (message.c.code, inbox.c.sender, inbox.c.serial, message.c.ref_serial, message.c.area)
_ROOM = {column.name: int(getattr(column.type, "length", 0)) for column in _COLUMNS}
_CHARSET_ROOM = int(getattr(message_body.c.charset.type, "length", 0))
"""Characters the log has room for."""


def loggable(header: Header) -> Header:
    """``header`` as far as the log has room for it: what a refused document says may be of any length, and its bytes are kept.
    A name too long for anybody's is nobody's."""
    cut = {name: value[:most] for name, most in _ROOM.items() if len(value := getattr(header, name) or "") > most}
    if "sender" in cut:
        cut["sender"] = ""
    return replace(header, **cut) if cut else header  # type: ignore[arg-type]  # all of them are texts


@dataclass(frozen=True, slots=True)
class Defect:
    """Stands for a command that could not even be made: executing it is the error, which parks the message (06.1 promise 5)."""

    error: Exception

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """Nothing."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises what went wrong."""
        raise self.error


class InboundJob:
    """``command`` is set for a document the core takes; ``refusal`` for bytes that are no acceptable document.

    ``numbered`` False: the serial says nothing of these bytes, they came damaged or the peer's serials cannot be trusted
    (01.1.2); then no duplicate is looked for and the serial stays free.  ``digest`` stands for the content where its bytes
    differ from one transmission to the next.
    """

    __slots__ = (
        "_answer", "_answers", "_command", "_digest", "_document", "_header", "_logged", "_message_id", "_numbered", "_packet",
        "_refusal", "_respond", "_row", "charset", "origin", "repeated",
    )  # fmt: skip

    def __init__(
        self,
        packet: Packet,
        row: MessageRow,
        header: Header,
        charset: str,
        answers: Answers,
        respond: Respond,
        *,
        document: Document | None = None,
        command: Command | None = None,
        refusal: DocumentRefused | None = None,
        numbered: bool = True,
        digest: bytes | None = None,
    ) -> None:
        self.charset = charset
        self._logged = logged = loggable(header)
        self._numbered = numbered and bool(header.serial) and logged is header
        self.origin = Origin(logged.sender, logged.serial, logged.code, logged.ref_serial)
        self.repeated = False
        self._packet = packet
        self._row = row
        self._header = header
        self._answers = answers
        self._respond = respond
        self._document = document
        self._command = command
        self._refusal = refusal
        self._digest = digest or hashlib.sha256(packet.body).digest()
        self._answer: tuple[bytes, bool, str] = (b"", False, "")
        self._message_id = 0

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """What the command names."""
        return () if self._command is None else self._command.prefetch()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """Its own serial."""
        return ((self._header.sender, self._header.serial),) if self._numbered else ()

    def execute(self, unit: StoreUnit) -> None:
        """Judge it; raises ``DomainError`` where the business says no."""
        header = self._header
        seen = unit.store.seen(header.sender, header.serial) if self._numbered else None
        if seen is not None:
            self._repeat(unit, seen)
            return
        self.begin(unit)
        if self._refusal is not None:
            self._tell(self._refusal.symbol)
            self._record_refusal(unit, self._refusal.symbol, self._refusal.faults, None, inbox=True)
            return
        if self._command is None:
            raise TypeError("an inbound job has a command or a refusal")
        outcome = self._command.execute(unit)
        self._record(unit, outcome)

    def begin(self, unit: StoreUnit) -> None:
        """It gets its number in the log."""
        self._message_id = unit.store.next("message")

    def _repeat(self, unit: StoreUnit, seen: tuple[bytes, int, tuple[bytes, str] | None]) -> None:
        digest, message_id, answer = seen
        if digest == self._digest:
            body, code = answer if answer is not None else unit.store.stored_answer(message_id)
            self.repeated = True
            self._answer = (body, self._row.pattern == "Q" and self._answers.is_reply(code), code)
            return
        zh, en = "流水号已用于其他内容", "the serial was used with other content"
        self._message_id = unit.store.next("message")
        found = Fault("/Package/Header/Serial", "unique", self._header.serial, zh, en)
        self._tell("SERIAL_REUSED")
        self._record_refusal(unit, "SERIAL_REUSED", (found,), None, inbox=False)

    def _tell(self, symbol: str) -> None:
        """A document that cannot be taken is a fault of the peer's (01.1.6); nothing of what it says stands in the log."""
        header = self._header
        said = self._answers.texts(symbol)
        log.warning("document.refused", peer=header.sender, code=header.code, serial=header.serial, symbol=symbol, **said)

    def _record(self, unit: StoreUnit, outcome: Outcome) -> None:
        now = unit.now
        if outcome.body is not None:
            answer = self._answers.reply(self._row, self._header, outcome.body, now, self.charset)
            reply = True
        else:
            answer = self._answers.receipt(
                self._row, self._header, outcome.symbol, now, self.charset, state=outcome.state, details=outcome.details
            )
            reply = False
        self._store(unit, DONE, outcome.symbol, answer, reply=reply, inbox=True)

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """The business, or a defect of ours, says no: nothing changed but the message log and perhaps a fallout record."""
        faults = tuple(Fault(r.path, r.symbol, r.found, r.zh, r.en) for r in error.refusals)
        if not faults:
            faults = (Fault("/Package/Body", error.code, "", error.zh, error.en),)
        internal = error.code == "INTERNAL"
        kept = not internal and not self._answers.is_for_now(error.code)
        message_id = self._record_refusal(unit, error.code, faults, error.state, inbox=kept)
        if error.fallout is not None:
            body = {} if self._document is None or internal else self._document.body
            origin = self.origin
            OpenFallout(
                error_class="internal" if internal else "report",
                zh=error.zh,
                en=error.en,
                symbol=error.code,
                service_order_id=body.get("service_order_id"),
                area=self._logged.area,
                message_id=message_id,
                about={"code": origin.code, "serial": origin.serial, "peer": origin.sender, "why": error.fallout},
                report_seq=body.get("report_seq"),
            ).execute(unit)

    def _record_refusal(
        self, unit: StoreUnit, symbol: str, faults: tuple[Fault, ...], state: str | None, *, inbox: bool
    ) -> int:
        answer = self._answers.receipt(
            self._row, self._header, symbol, unit.now, self.charset, faults=faults, state=state
        )
        return self._store(unit, PARKED if symbol == "INTERNAL" else REJECTED, symbol, answer, reply=False, inbox=inbox)

    def _store(self, unit: StoreUnit, state: str, symbol: str, answer: bytes, *, reply: bool, inbox: bool) -> int:
        header, packet, now = self._logged, self._packet, unit.now
        message_id = self._message_id
        code = self._answers.number(symbol)
        record = MessageRecord(
            id=message_id,
            direction="in",
            peer=header.sender,
            binding=packet.binding,
            code=header.code,
            element=self._element(),
            serial=header.serial,
            ref_serial=header.ref_serial,
            area=header.area,
            order_key=self._order_key(),
            state=state,
            result_code=code,
            first_seen=now,
            closed_at=now,
        )
        unit.put("message", record.row())
        unit.put("body", (message_id, "plain", None, None, packet.charset[:_CHARSET_ROOM], packet.body, answer))
        if inbox and self._numbered:
            unit.inbox(header.sender, header.serial, self._digest, message_id, (answer, code))
        if state != DONE:
            # what was accepted stands in the order's history; what was not has only this
            unit.note("message", str(message_id), header.code, "", state, code)
        self._answer = (answer, reply, code)
        return message_id

    def _element(self) -> str:
        """The body element; empty where nobody could read which message it was."""
        if self._document is not None:
            return self._document.element
        return self._row.name if self._row.code == self._header.code else ""

    def _order_key(self) -> str | None:
        document = self._document
        if document is None or self._row.order_key is None:
            return None
        value: Any = document.body.get(self._row.order_key)
        return None if value is None else str(value)

    def parked(self, error: Exception) -> ParkedJob:
        """What is done instead where the database would not take what it does: it is kept, and a person looks."""
        return ParkedJob(self, error)

    def committed(self) -> None:
        """Durable: answer now (spec 06.1 promise 1)."""
        self._respond(*self._answer)

    def failed(self, symbol: str) -> None:
        """Nothing was kept: say so, so that the peer sends it again."""
        answer = self._answers.receipt(self._row, self._header, symbol, self._answers.now(), self.charset)
        self._respond(answer, False, self._answers.number(symbol))


class ParkedJob:
    """An inbound message whose effect the database refused, by a defect of ours: recorded alone, so that nothing is swallowed
    (06.1 promise 5). Should that fail, too, its sender hears that nothing was kept."""

    def __init__(self, job: InboundJob, error: Exception) -> None:
        self.origin = job.origin
        self._job = job
        self._error = error

    def prefetch(self) -> Iterable[tuple[str, str]]:
        """Nothing of the core's."""
        return ()

    def inbox_keys(self) -> Iterable[tuple[str, str]]:
        """The message's serial."""
        return self._job.inbox_keys()

    def execute(self, unit: StoreUnit) -> None:
        """Always the refusal."""
        said = str(self._error).partition("\n")[0][:300]  # what follows may quote the row
        raise DomainError("系统内部错误", f"Internal error: {said}", fallout=f"内部错误 / defect: {said}")

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        """Kept with its bytes, and a record opened."""
        self._job.begin(unit)
        self._job.refused(unit, error)

    def committed(self) -> None:
        """Durable: answer."""
        self._job.committed()

    def failed(self, symbol: str) -> None:
        """Nothing was kept."""
        self._job.failed(symbol)
