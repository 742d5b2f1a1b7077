"""Answers to inbound messages as bytes: receipts, refusals and replies in the peer's charset (spec 01.1.4, 02)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from adapters.document import Document, Fault, Header
from adapters.envelopes.envelope import Envelope
from adapters.replies import category_of, receipt_body, worse
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from adapters.xml.writers import TooLong, Unwritable
from crm_core.errors import DomainError
from gateway.receipts import MARKED, ReceiptTemplate
from schemas.loader import RECEIPT, RELEASE, Catalogue
from schemas.model import Category, MessageRow


class Answers:
    """Builds what goes back on the connection a message came in on."""

    def __init__(self, codec: Codec, own_id: str, now: Callable[[], int], voice: Envelope | None = None) -> None:
        """``voice`` is the peer's envelope where it is not the native one."""
        self.now = now
        self._codec = codec
        self._voice: Envelope = voice or codec
        self._catalogue = codec.catalogue
        self._own = own_id
        self._templates: dict[tuple[Any, ...], ReceiptTemplate] = {}

    def number(self, symbol: str) -> str:
        """The result code on the wire for a symbol."""
        return self._catalogue.result(symbol).code

    def texts(self, symbol: str) -> dict[str, str]:
        """Result code and both texts of a symbol, as the log tells them."""
        row = self._catalogue.result(symbol)
        return {"result": row.code, "zh": row.zh, "en": row.en}

    def is_reply(self, code: str) -> bool:
        """Whether an answer with this result code is a Q message's reply; refusals of Q are receipts."""
        return self._catalogue.result(code).category == "ok"

    def is_for_now(self, symbol: str) -> bool:
        """Whether a refusal holds only for now: the sender is to send the same bytes again, and they are judged anew (06.1)."""
        return self._catalogue.result(symbol).category == "retry"

    def receipt(
        self,
        row: MessageRow,
        header: Header,
        symbol: str,
        now: int,
        charset: str,
        *,
        faults: tuple[Fault, ...] = (),
        state: str | None = None,
        details: tuple[tuple[str, str], ...] = (),
    ) -> bytes:
        """The Package that holds a ``Receipt`` for the message with ``header``."""
        if not faults and self._voice is self._codec:
            fixed = (symbol, state, tuple(name for name, _ in details), charset, header.version, header.mode)
            template = self._templates.get(fixed)
            if template is None:
                template = self._templates[fixed] = self._template(row, *fixed)
            written = template.fill(header, wire_time(now), [value for _, value in details])
            if written is not None:
                return written
        body = receipt_body(self._catalogue, symbol, faults, state, details)
        return self._package(row, RECEIPT, header, body, self._catalogue.result(symbol).code, now, charset)

    def _template(
        self,
        row: MessageRow,
        symbol: str,
        state: str | None,
        names: tuple[str, ...],
        charset: str,
        version: str,
        mode: str,
    ) -> ReceiptTemplate:
        """Written once by the codec with marks where the values go."""
        marks = [f"@{at}@" for at in range(len(MARKED) + len(names))]
        values = dict(zip(MARKED, marks, strict=False))
        header = Header(values["code"], values["serial"], self._own, values["receiver"], values["area"], values["send_time"])
        header.version, header.mode = version or RELEASE, mode or "A"
        header.result_code = self._catalogue.result(symbol).code
        details = tuple(zip(names, marks[len(MARKED) :], strict=True))
        body = receipt_body(self._catalogue, symbol, (), state, details)
        return ReceiptTemplate(self._codec.encode(Document(row, RECEIPT, header, body), charset), len(marks))

    def reply(self, row: MessageRow, header: Header, body: dict[str, Any], now: int, charset: str) -> bytes:
        """The Package that holds the answer of a Q message. Raises ``DomainError`` if the peer's form cannot hold it."""
        return self.handed_on(row, header, row.answer or RECEIPT, body, self._catalogue.result("OK").code, now, charset)

    def handed_on(
        self, row: MessageRow, header: Header, element: str, body: dict[str, Any], code: str, now: int, charset: str
    ) -> bytes:
        """What somebody else answered, as the answer to the message with ``header``, which also holds their words about it.

        Raises ``DomainError`` if the peer's form cannot hold it: it would not tomorrow either.
        """
        try:
            return self._package(row, element, header, body, code, now, charset)
        except UnicodeEncodeError as fault:
            sign = f"U+{ord(fault.object[fault.start]):04X}"
            zh, en = f"应答含 {sign}，{charset} 没有此字符", f"the answer holds {sign}, which {charset} has not"
            raise DomainError(zh, en, code="CHARSET_UNDECODABLE") from fault
        except Unwritable as fault:
            zh, _, en = str(fault).partition(" / ")
            raise DomainError(zh, en, code="TOO_LARGE" if isinstance(fault, TooLong) else "NOT_PERMITTED") from fault

    def _package(
        self, row: MessageRow, element: str, header: Header, body: dict[str, Any], code: str, now: int, charset: str
    ) -> bytes:
        head = Header(
            code=header.code,
            serial=header.serial,
            sender=self._own,
            receiver=header.sender,
            area=header.area,
            send_time=wire_time(now),
            version=header.version or RELEASE,
            mode=header.mode or "A",
            result_code=code,
            result_text=header.result_text,
            operations=header.operations,
            echoed=header.echoed,
        )
        return self._voice.encode(Document(row, element, head, body), charset)


_SEND_TIME, _SEND_TIME_WITHIN = b"<SendTime>", 1024
"""How our own Packages say when they were sent, and how near to their beginning."""


def answer_packet(request: Packet, own_id: str, body: bytes, *, reply: bool, charset: str, result: str, now: int) -> Packet:
    """The packet of an answer: echoes code and serial of what it answers; its time of sending is its document's, so that both
    agree (01.2 rule 1) and a stored answer goes again as it went (01.1.6)."""
    at = body.find(_SEND_TIME, 0, _SEND_TIME_WITHIN) + len(_SEND_TIME)
    return Packet(
        body=body,
        kind=Kind.REPLY if reply else Kind.RECEIPT,
        code=request.code,
        sender=own_id,
        receiver=request.sender,
        area=request.area,
        serial=request.serial,
        send_time=wire_time(now) if at < len(_SEND_TIME) else body[at : at + 14].decode("latin-1"),
        mode=request.mode,
        charset=charset,
        result=result,
        extra=request.extra,
    )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer says: our code and symbol, the category logic reads, texts for people."""

    code: str
    symbol: str
    category: Category
    zh: str
    en: str


def judge(catalogue: Catalogue, packet: Packet, document: Document) -> Verdict:
    """The verdict of an answer: packet header, document header and receipt may disagree, the worse one counts (02.2)."""
    codes = [packet.result] if packet.kind is not None else []
    if document.header.result_code is not None:
        codes.append(document.header.result_code)
    if document.element == RECEIPT:
        codes.append(document.body["code"])
    read = [(category_of(code, catalogue=catalogue), code) for code in codes]
    category, worst = read[0] if read else (category_of(None, catalogue=catalogue), "")
    for other, code in read[1:]:
        if worse(category, other) != category:
            category, worst = other, code
    try:
        row = catalogue.result(worst)
    except LookupError:
        return Verdict(worst[:4], "INTERNAL", category, f"对端返回 {worst}", f"The peer answered {worst}")
    text = str(document.body.get("text", "")) if document.element == RECEIPT else ""
    return Verdict(row.code, row.symbol, category, text or row.zh, text or row.en)
