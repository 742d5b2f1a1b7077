"""Envelopes that are no XML: one line of ``KEY=value`` pairs, for frames too small for a document (spec 01.1.2, 01.2 rule 4).

The header around the line says which message it is and from whom; the line says the body, or of an answer the result first.
Bytes are decoded before anything is split, keys nobody knows are faults, and what has no room or no place in the peer's charset
is not written: the message is parked (01.2 rule 2).
"""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.names import Names
from adapters.xml.charset import Reading, encode_field
from adapters.xml.codec import Codec
from adapters.xml.sentences import MISSING
from adapters.xml.writers import TooLong, Unwritable
from schemas.loader import RECEIPT
from schemas.model import EnvelopeLine, EnvelopeRow, MessageRow
from schemas.shape import ListOf, Shape, Struct

_BLANKS = " \t\r\n\0"
_TEXT_LIMIT = 2000
_NUMBER = re.compile(r"\[\d+\]")
"""Which of several siblings a path means; a line speaks of one only."""
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_NO_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
"""What no document may hold (XML 1.0)."""


class LineEnvelope:
    """One such envelope for one peer."""

    def __init__(self, codec: Codec, row: EnvelopeRow, dialect: Dialect) -> None:
        self._codec = codec
        self._catalogue = codec.catalogue
        self._row = row
        self._dialect = dialect
        self._names = Names(codec.catalogue, row, dialect)
        self._lines = {line.element: line for line in row.lines}
        key, _, form = row.result.partition("=")
        self._result_key = key
        before, _, after = form.partition("{result}")
        self._result_form = re.compile(f"{re.escape(before)}(.*){re.escape(after)}", re.DOTALL)

    # reading --------------------------------------------------------------------------------------------------------

    def decode(self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None) -> Document:
        """Bytes -> document; what a line cannot say comes from ``expect``. Raises DocumentRefused."""
        return self.decode_reading(raw, charset, expect)[0]

    def decode_reading(
        self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None
    ) -> tuple[Document, Reading]:
        """As ``decode``, and how the charset was found."""
        header = self._header(expect or {})
        try:
            reading = self._codec.read(raw, charset)
            return self._document(self._pairs(reading.data.decode()), header), reading
        except DocumentRefused as refusal:
            refusal.header = header
            raise

    def decode_answer(self, raw: bytes, charset: str | None, asked: Header) -> Document:
        """Bytes of the answer to the message with header ``asked``. Raises DocumentRefused."""
        known = {"code": asked.code, "serial": asked.serial, "sender": asked.receiver, "receiver": asked.sender}
        return self.decode(raw, charset, {**known, "area": asked.area})

    def quick_header(self, raw: bytes, charset: str | None = None) -> Header | None:
        """Best effort: a result code if it is an answer's; nothing else of a header stands in a line."""
        try:
            pairs = self._pairs(self._codec.read(raw, charset).data.decode())
        except DocumentRefused:
            return None
        header = Header("", "", "", "")
        if self._result_key in pairs:
            header.result_code = self._result(pairs[self._result_key])
        return header

    def serial_of(self, serial: str) -> str:
        """A line holds no serial; the header around it has its own way with it."""
        return serial

    def full_serials(self, serial: str, own: str) -> tuple[str, str, str] | None:
        """None: a serial of the header is all of it."""
        return None

    def _header(self, expect: dict[str, Any]) -> Header:
        header = Header("", "", "", "", version=self._dialect.version, mode="B")
        for name, value in expect.items():
            setattr(header, name, value)
        header.sender = header.sender or self._dialect.peer
        return header

    def _pairs(self, text: str) -> dict[str, str]:
        """The line's pairs by key, keys in capitals. Raises DocumentRefused for what is no line of pairs."""
        found: dict[str, str] = {}
        faults = []
        for piece in filter(None, (one.strip(_BLANKS) for one in text.split(self._row.separator))):
            key, equals, value = piece.partition("=")
            key = key.strip(_BLANKS).upper()
            if not equals or not key:
                faults.append(Fault("/", "pair", piece[:60], f"应为 键=值：{piece[:60]}", f"KEY=value expected: {piece[:60]}"))
            elif _NO_TEXT.search(value):
                zh, en = f"{key} 的值含有控制字符", f"the value of {key} holds a control character"
                faults.append(Fault(f"/{key}", "text", repr(value)[:60], zh, en))
            elif key in found:
                faults.append(Fault(f"/{key}", "unique", value, f"{key} 出现两次", f"{key} stands twice"))
            else:
                found[key] = value.strip(_BLANKS)
        if faults:
            raise DocumentRefused("NOT_WELL_FORMED", tuple(faults))
        return found

    def _document(self, pairs: dict[str, str], header: Header) -> Document:
        row = self._row_of(header)
        told = pairs.pop(self._result_key, None)
        if told is None:
            return self._body(pairs, row.name, header)
        header.result_code = code = self._result(told)
        answered = row.answer is not None and self._catalogue.result(code).category == "ok"
        if answered and row.answer in self._lines and pairs:
            return self._body(pairs, row.answer, header)
        return self._bare(row, pairs, told, header)

    def _result(self, told: str) -> str:
        """Our result code for theirs."""
        said = self._result_form.fullmatch(told)
        return self._names.result_in(told if said is None else said.group(1), None)[0]

    def _row_of(self, header: Header) -> MessageRow:
        try:
            return self._catalogue.message(header.code)
        except LookupError as fault:
            zh, en = f"未知的报文编码 {header.code}", f"unknown message code {header.code}"
            raise DocumentRefused("MESSAGE_UNKNOWN", (Fault("/", "message", header.code, zh, en),)) from fault

    def _body(self, pairs: dict[str, str], element: str, header: Header) -> Document:
        line = self._lines.get(element)
        if line is None:
            known = ", ".join(self._lines)
            zh, en = f"此封装不承载 {element}，可用：{known}", f"this envelope does not carry {element}; it knows {known}"
            raise DocumentRefused("MESSAGE_UNKNOWN", (Fault("/", "message", element, zh, en),))
        listed = ", ".join(line.pairs)
        unknown = tuple(
            Fault(f"/{key}", "known", value[:60], f"未知的键 {key}，可用：{listed}", f"unknown key {key}; known: {listed}")
            for key, value in pairs.items()
            if key not in line.pairs
        )
        if unknown:
            raise DocumentRefused("SCHEMA_FAULTS", unknown)
        values = {}
        for key, path in line.pairs.items():
            value = pairs.get(key) or self._dialect.fields.get(key) or line.defaults.get(key)
            if value:
                values[path] = value
        namespace = self._catalogue.version(header.version).message_namespace
        made = etree.Element(f"{{{namespace}}}{element}")
        _grow(made, self._catalogue.shape(element, header.version), "", values, f"{{{namespace}}}")
        try:
            document = self._codec.decode_body(made, header)
        except DocumentRefused as refusal:
            faults = tuple(_by_key(fault, element, line) for fault in refusal.faults)
            raise DocumentRefused(refusal.symbol, faults, refusal.header) from refusal
        header.area = header.area or str(document.body.get("area", ""))
        return document

    def _bare(self, row: MessageRow, pairs: dict[str, str], told: str, header: Header) -> Document:
        """An answer that says its result and words about it."""
        words = self._lines[RECEIPT].words
        code = header.result_code or ""
        text = pairs.get(words) or f"{self._row.result.partition('=')[0]}={told} {self._catalogue.result(code).zh}"
        return Document(row, RECEIPT, header, {"code": code, "text": text[:_TEXT_LIMIT]})

    # writing --------------------------------------------------------------------------------------------------------

    def encode(self, document: Document, charset: str) -> bytes:
        """Document -> bytes. Raises LookupError (no line for it, charset) and Unwritable (ValueError)."""
        line = self._lines.get(document.element)
        if line is None:
            raise LookupError(
                f"封装 {self._row.name} 不承载 {document.element} / envelope {self._row.name} does not carry {document.element}"
            )
        answer = document.element != document.row.name
        self._codec.body_text(document)  # what the schema's writer refuses is refused here, too
        pairs = {}
        for key, path in line.pairs.items():
            value = _said(document.body, path)
            if value is not None:
                pairs[key] = self._cleaned(_words(document, value)) if key == line.words else self._checked(key, value)
        start = ""
        if answer:
            theirs, _ = self._names.result_out(document.header.result_code or "0000")
            start = self._row.result.replace("{result}", theirs)
        return self._fitted(line, start, pairs, charset)

    def _fitted(self, line: EnvelopeLine, start: str, pairs: dict[str, str], charset: str) -> bytes:
        """The line in the room there is: without what an answer can spare, its words cut on a character."""
        spare = list(line.spare) if start else []
        while True:
            raw = self._line(start, pairs, charset)
            over = len(raw) - self._row.room
            if over <= 0 or not self._row.room:
                return raw
            left = [key for key in spare if key in pairs]
            if left:
                del pairs[left[-1]]
            elif pairs.get(line.words):
                pairs[line.words] = pairs[line.words][: -max(over // 4, 1)]
            else:
                size, room = len(raw), self._row.room
                raise TooLong(f"一行 {size} 字节，只有 {room} 字节的位置 / a line of {size} bytes, there is room for {room}")

    def _line(self, start: str, pairs: dict[str, str], charset: str) -> bytes:
        pieces = [start] if start else []
        pieces += [f"{key}={value}" for key, value in pairs.items()]
        return encode_field(self._row.separator.join(pieces), charset)

    def _checked(self, key: str, value: str) -> str:
        if self._row.separator in value or _UNPRINTABLE.search(value):
            mark = self._row.separator
            raise Unwritable(f"{key} 的值含有 {mark!r} 或控制字符 / the value of {key} holds {mark!r} or a control character")
        return value

    def _cleaned(self, value: str) -> str:
        return _UNPRINTABLE.sub(" ", value.replace(self._row.separator, " "))


def _by_key(fault: Fault, element: str, line: EnvelopeLine) -> Fault:
    """A fault of the document a line was made into, said of the line: whoever writes lines knows keys and no elements."""
    path = _NUMBER.sub("", fault.path).removeprefix(f"/{element}/")
    key = next((key for key, known in line.pairs.items() if known == path), None)
    if key is None:
        return fault
    if fault.rule == MISSING:
        return Fault(f"/{key}", fault.rule, "", f"缺少 {key}（{path}），请补上", f"{key} ({path}) is missing: add it")
    return Fault(f"/{key}", fault.rule, fault.found, f"{key}：{fault.zh}", f"{key}: {fault.en}")


def _grow(element: etree._Element, shape: Shape, path: str, values: dict[str, str], prefix: str) -> bool:
    """Puts what ``values`` say by path below ``element``, in the schema's order; whether anything was said."""
    if isinstance(shape, Struct):
        for field in shape.fields:
            child = etree.SubElement(element, prefix + field.name)
            if not _grow(child, field.shape, f"{path}/{field.name}" if path else field.name, values, prefix):
                element.remove(child)
        return len(element) > 0
    if isinstance(shape, ListOf):
        child = etree.SubElement(element, prefix + shape.name)
        return _grow(child, shape.item, f"{path}/{shape.name}", values, prefix)
    value = values.get(path)
    element.text = value
    return value is not None


def _words(document: Document, text: str) -> str:
    """What people are told: of a refusal its faults, which say more than its code's text."""
    faults = [str(fault["text"]) for fault in document.body.get("faults", ()) if fault.get("text")]
    return "  ".join(faults) or text


def _said(body: Any, path: str) -> str | None:
    """The value at a path of a body, of lists in the first; None if there is none."""
    at: Any = body
    for step in path.split("/"):
        if isinstance(at, list):
            at = at[0] if at else None  # the step is the list's own name
            continue
        at = at.get(step) if isinstance(at, dict) else None
        if at is None:
            return None
    if isinstance(at, bool):
        return "true" if at else "false"
    return None if at is None or isinstance(at, dict | list) else str(at)
