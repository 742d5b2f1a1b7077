"""Envelopes that are one XML document of header fields and a content: root-hb, root-cdata, contract-root and more (spec 05).

Input is tolerant where real traffic is crooked (order, namespaces, charsets, widths, result texts) and strict where a mistake
would be one of meaning: fields said twice must agree, all faults are listed, nothing unknown is guessed.  Output is the row's.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from lxml import etree

from adapters.document import Document, DocumentRefused, Fault, Header, Piece
from adapters.envelopes.content import Content, Found
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.frame import Frame, Roots, text_of
from adapters.envelopes.loose import FIRM, REACH, Loose
from adapters.envelopes.moments import compact
from adapters.envelopes.names import Names, filled, too_wide
from adapters.envelopes.package import loose_header
from adapters.envelopes.pieces import ELEMENT as PIECE
from adapters.envelopes.pieces import joined, place_of
from adapters.envelopes.references import Find, nothing
from adapters.xml.charset import Reading, encode_document
from adapters.xml.codec import Codec
from schemas.loader import RECEIPT
from schemas.model import EnvelopeField, EnvelopeRow, MessageRow

_TEXT_LIMIT = 2000
_ASKERS = ("receiver", "area")
"""What an answer says of its asker in the asker's own words: it says nothing where those have no room."""


@dataclass(slots=True)
class _Said:
    """What an envelope says, before anybody judges it. ``values`` by role, blanks off; ``header`` with ours for theirs."""

    roots: Roots
    values: dict[str, str]
    header: Header
    codes: tuple[str, ...]
    answer: bool
    result: tuple[str, bool] = ("", True)


class TreeEnvelope:
    """One such envelope for one peer."""

    def __init__(self, codec: Codec, row: EnvelopeRow, dialect: Dialect, find: Find = nothing) -> None:
        self._codec = codec
        self._catalogue = codec.catalogue
        self._dialect = dialect
        self._frame = Frame(row)
        self._row = row
        self._names = Names(codec.catalogue, row, dialect)
        self._content = Content(codec, row, dialect, find)
        self._paths = {one.role: self._frame.path(one) for one in row.fields}
        self._loose = Loose(row, self._names, dialect.peer)

    # bytes and documents: what a form does otherwise ---------------------------------------------------------------

    def _open(self, raw: bytes, charset: str | None) -> tuple[Roots, Reading]:
        """The envelope's documents by part, parsed. Raises DocumentRefused."""
        reading = self._codec.read(raw, charset)
        return {"": self._codec.parser.parse(reading.data)}, reading

    def _close(self, texts: dict[str, str], charset: str) -> bytes:
        """Documents by part as bytes."""
        return encode_document(self._codec.declaration(charset) + texts[""], charset)

    # reading --------------------------------------------------------------------------------------------------------

    def decode(self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None) -> Document:
        """Bytes -> document; what the envelope cannot say comes from ``expect``. Raises DocumentRefused."""
        return self.decode_reading(raw, charset, expect)[0]

    def decode_reading(
        self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None
    ) -> tuple[Document, Reading]:
        """As ``decode``, and how the charset was found."""
        try:
            roots, reading = self._open(raw, charset)
        except DocumentRefused as refusal:
            refusal.header = self._loose_header(raw) or refusal.header
            raise
        said = self._said(roots)
        try:
            return self._document(said, expect or {}), reading
        except DocumentRefused as refusal:
            refusal.header = refusal.header or self._refusable(said, expect or {})
            refusal.header.echoed = said.header.echoed
            raise

    def decode_answer(self, raw: bytes, charset: str | None, asked: Header) -> Document:
        """Bytes of the answer to the message with header ``asked``. Raises DocumentRefused."""
        known = {"code": asked.code, "serial": self.serial_of(asked.serial), "sender": asked.receiver, "receiver": asked.sender}
        return self.decode(raw, charset, {**known, "area": asked.area})

    def quick_header(self, raw: bytes, charset: str | None = None) -> Header | None:
        """Best effort: the header as far as it can be read; with a result code if it is an answer's."""
        try:
            said = self._said(self._open(raw, charset)[0])
        except DocumentRefused:
            return self._loose_header(raw)
        header = said.header
        holder = self._frame.find(said.roots, self._content_field(said.answer))
        inner = None if holder is None else loose_header(text_of(holder)[:REACH].encode("utf-8", "surrogatepass"))
        if inner is not None:
            for name in (*FIRM, "area"):
                setattr(header, name, getattr(header, name) or getattr(inner, name))
        if said.answer:
            header.result_code = said.result[0]
        return header

    def serial_of(self, serial: str) -> str:
        """A serial of ours as it stands in this envelope."""
        return self._names.serial_out(serial)

    def full_serials(self, serial: str, own: str) -> tuple[str, str, str] | None:
        """Which serials of ``own`` may stand as ``serial`` here: from, to, and their last places; None if it says all."""
        return self._names.full_serials(serial, own)

    def _said(self, roots: Roots) -> _Said:
        values: dict[str, str] = {}
        for field in self._row.fields:
            if field.role and field.role != "content" and field.role not in values:
                text = self._frame.text(roots, field)
                if text is not None:
                    values[field.role] = text
        answer = self._is_answer(roots, values)
        theirs = "/".join(values[role] for role in ("code", "code2") if values.get(role))
        codes = self._names.codes_in(theirs) if theirs else ()
        names, dialect = self._names, self._dialect
        header = Header(
            code=codes[0] if len(codes) == 1 else "",
            serial=values.get("serial", ""),
            sender=names.system_in(values.get("sender")),
            receiver=names.system_in(values.get("receiver")),
            area=names.area_in(values.get("area")),
            send_time=compact(values.get("send_time", "")),
            version=dialect.version,
            mode=values.get("mode") or dialect.mode,
            ref_serial=values.get("ref_serial") or None,
        )
        said = _Said(roots, values, header, codes, answer)
        if not answer:
            header.echoed = self._frame.echoed(roots)
        else:
            said.result = names.result_in(values.get("result"), values.get("result_type"))
        return said

    def _is_answer(self, roots: Roots, values: dict[str, str]) -> bool:
        kind = self._row.playing("kind")
        if kind is not None and values.get("kind") in kind.values.values():
            return values["kind"] == kind.values["answer"]
        return "result" in values

    def _document(self, said: _Said, expect: dict[str, Any]) -> Document:
        wrong = self._frame.wrong_root(said.roots)
        faults = (wrong,) if wrong is not None else self._frame.missing(said.roots, said.answer)
        faults = faults or (() if said.answer else too_wide(said.header, self._paths))
        if faults:
            raise DocumentRefused("SCHEMA_FAULTS", faults)
        field = self._content_field(said.answer)
        holder = self._frame.find(said.roots, field)
        root = said.roots[self._frame.part_of(field)]
        place = None if said.answer or "group_total" not in said.values else place_of(said.values, self._paths)
        found = self._content.find(holder, root) if place is None else self._content.part(holder)
        if not said.answer:
            self._authenticate(said, found)
        self._agree(said, expect)
        for name, value in expect.items():
            if not getattr(said.header, name):
                setattr(said.header, name, value)
        if not said.header.sender:
            said.header.sender = self._dialect.peer
        if place is not None and holder is not None:
            return self._piece(said, place, holder, field)
        return self._judged(said, found, field)

    def _piece(self, said: _Said, place: tuple[str, int, int], holder: etree._Element, field: EnvelopeField) -> Document:
        """One package of several: what it is a piece of, for whoever collects them."""
        if not said.codes:
            raise DocumentRefused("MESSAGE_UNKNOWN", (self._unknown_code(said),))

        def join(pieces: Sequence[Piece]) -> Document:
            whole = joined(pieces, self._codec.parser.limits)
            root = whole.getparent()
            return self._judged(replace(said, header=replace(said.header, piece=None)),
                                self._content.find(whole, whole if root is None else root), field)  # fmt: skip

        said.header.piece = Piece(*place, holder, join)
        return Document(self._row_of(said.codes[0]), PIECE, said.header, {})

    def _judged(self, said: _Said, found: Found, field: EnvelopeField) -> Document:
        if found.operations is not None:
            codes = (said.header.code,) if said.answer else said.codes
            if not all(codes) or not codes:
                raise DocumentRefused("MESSAGE_UNKNOWN", (self._unknown_code(said),))
            self._content.compose(found, said.header, codes, self._names.area_in, said.answer)
        name = self._content.element_of(found)
        if name == "Package":
            document = self._content.package(found, self._outer(said))
            document.header.echoed = said.header.echoed
        elif name:
            document = self._body(said, found, name)
        elif found.json is not None and not said.answer and said.header.code:
            document = self._body(said, found, self._row_of(said.header.code).name)
        elif said.answer:
            document = self._bare_answer(said, found)
        else:
            path = self._frame.path(field)
            fault = Fault(path, "content", found.text[:200], f"{path} 应为一个文档", f"{path} should hold a document")
            raise DocumentRefused("SCHEMA_FAULTS", (fault,))
        if said.answer:
            self._level(said, document)
        return document

    def _outer(self, said: _Said) -> dict[str, Any]:
        """What the envelope says that the Package inside must say, too."""
        outer = {name: getattr(said.header, name) for name in FIRM if getattr(said.header, name)}
        if said.values.get("code") and not said.codes:
            raise DocumentRefused("MESSAGE_UNKNOWN", (self._unknown_code(said),))
        return outer

    def _body(self, said: _Said, found: Found, name: str) -> Document:
        header = said.header
        if name != RECEIPT:
            header.code = self._element_code(said, name)
        elif not header.code:
            raise DocumentRefused("SCHEMA_FAULTS", (self._unknown_code(said),))
        header.mode = header.mode if self._row_of(header.code).pattern != "Q" else "B"
        document = self._content.body(found, name, header)
        if not header.area:
            header.area = str(document.body.get("area", ""))
        return document

    def _element_code(self, said: _Said, name: str) -> str:
        """Our code of the message whose element the content holds, which the envelope's code must allow."""
        try:
            code = self._catalogue.by_element(name, said.header.version).code
        except LookupError as fault:
            zh, en = f"未知的报文元素 {name}", f"unknown message element {name}"
            raise DocumentRefused("MESSAGE_UNKNOWN", (Fault("/", "message", name, zh, en),)) from fault
        if said.values.get("code") and not said.codes:
            raise DocumentRefused("MESSAGE_UNKNOWN", (self._unknown_code(said),))
        if said.codes and code not in said.codes:
            wanted = " ".join(said.codes)
            zh = f"封装的报文编码为 {wanted}，内容却是 {name}（{code}）"
            en = f"the envelope says {wanted}, its content is {name} ({code})"
            raise DocumentRefused("HEADER_DISAGREES", (Fault("/", "agrees", name, zh, en),))
        return code

    def _row_of(self, code: str) -> MessageRow:
        try:
            return self._catalogue.message(code)
        except LookupError as fault:
            zh, en = f"未知的报文编码 {code}", f"unknown message code {code}"
            raise DocumentRefused("MESSAGE_UNKNOWN", (Fault("/", "message", code, zh, en),)) from fault

    def _unknown_code(self, said: _Said) -> Fault:
        theirs = "/".join(said.values[role] for role in ("code", "code2") if said.values.get(role))
        field = self._row.playing("code")
        path = self._frame.path(field) if field is not None else "/"
        zh, en = f"未登记的报文编码 {theirs or '—'}", f"no message is known as {theirs or '-'}"
        return Fault(path, "message", theirs, zh, en)

    def _bare_answer(self, said: _Said, found: Found) -> Document:
        """An answer that holds no document of ours: its result is all it says."""
        header = said.header
        code, mapped = said.result
        row = self._row_of(header.code) if header.code else None
        if row is None:
            raise DocumentRefused("SCHEMA_FAULTS", (self._unknown_code(said),))
        theirs = said.values.get("result", "")
        text = said.values.get("result_text") or found.text or self._catalogue.result(code).zh
        if not mapped:
            text = f"对端结果码 {theirs or '—'} 未登记 / the peer's result {theirs or '-'} is not mapped: {text}"
        return Document(row, RECEIPT, header, {"code": code, "text": text[:_TEXT_LIMIT]})

    def _level(self, said: _Said, document: Document) -> None:
        """Header and body results may disagree: both are told, who judges takes the worse (02.2)."""
        code, _ = said.result
        header = document.header
        if header.result_code is None or self._catalogue.result(code).category not in ("ok", "accepted", "duplicate"):
            header.result_code = code
        header.result_text = header.result_text or said.values.get("result_text") or None

    def _content_field(self, answer: bool) -> EnvelopeField:
        other = "request" if answer else "answer"
        found = next((one for one in self._row.fields if one.role == "content" and one.on != other), None)
        if found is None:
            raise LookupError(f"封装 {self._row.name} 没有内容字段 / envelope {self._row.name} has no content field")
        return found

    def _agree(self, said: _Said, expect: dict[str, Any]) -> None:
        faults = []
        if expect.get("serial") and said.header.serial == self._names.serial_out(expect["serial"]):
            said.header.serial = expect["serial"]  # the same one, as wide as the packet says it
        for name in FIRM:
            wanted, told = expect.get(name), getattr(said.header, name)
            if wanted and told and wanted != told:
                field = self._row.playing(name)
                path = self._frame.path(field) if field is not None else "/"
                zh, en = f"{path} 为 {told}，与包头的 {wanted} 不一致", f"{path} is {told}, the packet header says {wanted}"
                faults.append(Fault(path, "agrees", told, zh, en))
        if faults:
            raise DocumentRefused("HEADER_DISAGREES", tuple(faults))

    def _authenticate(self, said: _Said, found: Found) -> None:
        dialect = self._dialect
        if not dialect.secret:
            return
        field = self._row.playing("secret")
        if field is not None and not hmac.compare_digest(said.values.get("secret", "").encode(), dialect.secret.encode()):
            path = self._frame.path(field)
            raise DocumentRefused("NOT_AUTHENTICATED", (Fault(path, "secret", "***", "口令不符", "the password is wrong"),))
        sign = self._row.playing("sign")
        if sign is not None and dialect.signed:
            wanted = self._signature(said.values.get("serial", ""), found.text)
            if not hmac.compare_digest(said.values.get("sign", "").lower().encode(), wanted.encode()):
                path = self._frame.path(sign)
                raise DocumentRefused("SIGNATURE_BAD", (Fault(path, "sign", "", "签名不符", "the signature is wrong"),))

    def _signature(self, serial: str, content: str) -> str:
        return hmac.new(self._dialect.secret.encode(), (serial + content).encode(), hashlib.sha256).hexdigest()

    def _refusable(self, said: _Said, expect: dict[str, Any]) -> Header:
        """The header a refusal can be matched by."""
        known = {name: value for name, value in expect.items() if value and not getattr(said.header, name)}
        return replace(said.header, **known)

    def _loose_header(self, raw: bytes) -> Header | None:
        return self._loose.header(raw)

    # writing --------------------------------------------------------------------------------------------------------

    def encode(self, document: Document, charset: str) -> bytes:
        """Document -> bytes. Raises LookupError (no code, missing field, charset) and Unwritable (ValueError)."""
        header, row = document.header, document.row
        serial = self._names.serial_out(header.serial)
        carried = document if serial == header.serial else replace_serial(document, serial)
        answer = document.element != row.name
        category = self._catalogue.result(header.result_code).category if answer and header.result_code else "ok"
        markup: str | None = None
        text = ""
        if self._row.failure_content or category in ("ok", "accepted", "duplicate"):
            markup, text = self._content.write(carried, charset)
        values = self._values(carried, serial, text, answer)
        return self._close(self._frame.write(values, markup, answer), charset)

    def _values(self, document: Document, serial: str, content: str, answer: bool) -> dict[str, str | None]:
        header, dialect, names = document.header, self._dialect, self._names
        sender, receiver = names.system_out(header.sender), names.system_out(header.receiver)
        code = names.code_echoed(header.code) if answer else names.code_out(header.code)
        roles: dict[str, str] = {
            "code": code[0], "code2": code[-1], "serial": serial, "sender": sender, "sender_org": sender[:6],
            "receiver": receiver, "receiver_org": receiver[:6], "area": names.area_out(header.area),
            "send_time": header.send_time,
            "version": header.version, "mode": header.mode, "ref_serial": header.ref_serial or "",
            "kind": "answer" if answer else "request", "user": dialect.user, "secret": dialect.secret,
            "sign": self._signature(serial, content) if dialect.signed else "",
        }  # fmt: skip
        echoed = dict(header.echoed) if answer else {}
        if answer:
            unknown = [one for one in self._row.fields if one.role in ("code", "code2") and not roles[one.role]]
            roles |= {one.role: echoed.get(one.path, "") for one in unknown}
            result, kind = names.result_out(header.result_code or "0000")
            told = document.body.get("text") if document.element == RECEIPT else header.result_text
            texts = told or self._catalogue.result(header.result_code or "0000").zh
            faults = "; ".join(str(fault["text"]) for fault in document.body.get("faults", ()) if "text" in fault)
            roles |= {"result": result, "result_type": kind, "result_text": f"{texts}: {faults}" if faults else str(texts)}
        given = {"date": header.send_time[:8], "name": document.row.name, "pattern": document.row.pattern, **roles}
        fields = (field for field in self._row.fields if field.role != "content")
        if answer:
            roles |= {one.role: "" for one in self._row.fields if one.role in _ASKERS and 0 < one.width < len(roles[one.role])}
        return {field.path: self._value(field, roles, given, echoed.get(field.path)) for field in fields}

    def _value(self, field: EnvelopeField, roles: dict[str, str], given: dict[str, str], echoed: str | None) -> str | None:
        value = roles.get(field.role) if field.role else None
        if field.role == "result_text" and value and field.width:
            return value[: field.width]
        if value:
            return field.values.get(value, value)
        if echoed is not None:
            return echoed
        fixed = self._dialect.fields.get(field.path, self._dialect.fields.get(field.path.rpartition("/")[2]))
        if fixed is None and field.constant is not None:
            fixed = filled(field.constant, given)
        return fixed


def replace_serial(document: Document, serial: str) -> Document:
    """The same document under another serial."""
    return Document(document.row, document.element, replace(document.header, serial=serial), document.body)
