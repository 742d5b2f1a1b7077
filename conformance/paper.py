"""Documents the suite writes and reads: a line's message as bytes, as wrong as the line wants it, and back (spec 01).

Valid documents come from the codec; everything that must be wrong is done to the text or the bytes afterwards, so raw cases
share no logic with the product.
"""

from __future__ import annotations

import re
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.packing import packed
from adapters.wire.errors import LocalError
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from conformance.identity import Prover, discreet, without_proof
from conformance.model import Line
from conformance.pics import SOAP, Pics, envelope_of
from conformance.ports import Entropy
from conformance.speech import Speech
from conformance.stream import Flow, Stream
from conformance.values import Scope, render
from conformance.web_carriage import WebCarriage
from conformance.web_stream import WebStream
from schemas.loader import RECEIPT, Catalogue, UnknownName
from schemas.model import MessageRow

HEARTBEAT = "heartbeat"
EACH = "each"
_NOBODY_KNOWS = "LN03"


class Unsendable(ValueError):
    """A line cannot be written as it stands: a fault of the case, never of the system under test."""


class Unfit(Unsendable):
    """A line says what the questionnaire's layout has no room for: neither the case's fault nor the system's."""


@dataclass(slots=True)
class Written:
    """What is put on the wire: the packets' bytes in order, what they say, and the line they are of, filled."""

    pieces: list[bytes]
    packet: Packet
    document: dict[str, Any]
    line: Line | None = None

    @property
    def raw(self) -> bytes:
        """All bytes together."""
        return b"".join(self.pieces)


@dataclass(slots=True)
class Reading:
    """A packet that came: its document as plain values, or what is wrong with it."""

    packet: Packet
    document: dict[str, Any] = field(default_factory=dict)
    symbol: str = ""
    faults: tuple[Fault, ...] = ()

    @property
    def element(self) -> str:
        """Name of the body element, empty where it cannot be read."""
        return str(self.document.get("element", ""))

    @property
    def body(self) -> dict[str, Any]:
        """Body fields."""
        found: dict[str, Any] = self.document.get("body", {})
        return found


class Paper:
    """Writes for every party the suite plays, reads what the system under test sends. ``entropy``: for what proves a party
    over HTTP; without it nothing does."""

    def __init__(
        self, catalogue: Catalogue, pics: Pics, sut: str, first: int, target: str = "", entropy: Entropy | None = None
    ) -> None:
        self.catalogue = catalogue
        self.pics = pics
        self.sut = sut
        self.codec = Codec(catalogue)
        self.layout = Layout(catalogue.layout(pics.layout))
        framed = None if pics.web else self.layout
        self.speech = Speech(self.codec, framed, envelope_of(pics, catalogue), pics.systems[sut], dict(pics.codes))
        prover = None if entropy is None else Prover(pics.accounts, entropy)
        self.web = WebCarriage(self.codec, self.speech, pics, target, prover) if pics.web else None
        self._sequence = first

    def flow(self, inbound: bool) -> Flow:
        """What reads a connection; ``inbound``: one the system under test opened."""
        return Stream(self.layout, self.speech, inbound) if self.web is None else WebStream(self.web, inbound)

    def recorded(self, raw: bytes) -> bytes:
        """What crossed the wire as it may be kept: without what proves somebody."""
        return raw if self.web is None else discreet(raw)

    def compared(self, raw: bytes) -> bytes:
        """What crossed the wire as it is compared with another time: what proves who asks is a new one each time."""
        return raw if self.web is None else without_proof(raw)

    def again(self, written: Written, line: Line, now: int) -> Written:
        """The same bytes once more; over HTTP under a proof of their own, or what ``line`` shows instead."""
        first = written.line
        if self.web is None or first is None or line.party not in self.pics.accounts:
            return written
        kept = {name: value for name, value in first.args.get("web", {}).items() if name != "account"}
        web = kept | {name: value for name, value in line.args.get("web", {}).items() if name == "account"}
        anew = replace(first, party=line.party, args={**first.args, "web": web})
        pieces = [self.web.request(self.speech.dressed(written.packet), anew, now)]
        return replace(written, pieces=pieces, line=anew)

    def serial(self, party: str, now: int) -> str:
        """The next serial of a party, never used before by this run."""
        self._sequence += 1
        return f"{self.pics.systems[party]:0<6}{wire_time(now)}{self._sequence:010d}"

    def message(self, line: Line, body: dict[str, Any], scope: Scope, ref_serial: str | None) -> Written:
        """The message of a ``send`` line. Raises Unsendable."""
        row = self.catalogue.message(line.what)
        filled = self.filled(body, line, scope)
        header = Header(
            code=row.code,
            serial=self.serial(line.party, scope.now),
            sender=self.pics.systems[line.party],
            receiver=self.pics.systems[self.sut],
            area=str(filled.get("area", self.pics.values["area"])),
            send_time=wire_time(scope.now),
            mode="B" if row.pattern == "Q" else "A",
            ref_serial=ref_serial,
        )
        header = replace(header, **render(line.args.get("header", {}), scope))
        kind = Kind.NOTIFICATION if row.pattern == "N" else Kind.REQUEST
        return self._written(line, Document(row, row.name, header, filled), kind, scope)

    def reply(self, line: Line, body: dict[str, Any], asked: Reading, scope: Scope) -> Written:
        """The answer of a ``send ... answers`` line or of a manner: a receipt, or the answer's element."""
        row = self._row_of(asked.packet.code)
        receipt = line.what == "receipt" or row.answer is None
        filled = self.filled(body, line, scope)
        result = str(filled.get("code", "0001")) if receipt else "0000"
        header = Header(
            code=row.code,
            serial=asked.packet.serial,
            sender=asked.packet.receiver or self.pics.systems[line.party],
            receiver=asked.packet.sender or self.pics.systems[self.sut],
            area=asked.packet.area,
            send_time=wire_time(scope.now),
            mode=asked.packet.mode,
            ref_serial=asked.packet.serial,
            result_code=result,
        )
        header = replace(header, **render(line.args.get("header", {}), scope))
        element = RECEIPT if receipt else str(row.answer)
        kind = Kind.RECEIPT if receipt else Kind.REPLY
        return self._written(line, Document(row, element, header, filled), kind, scope, asked.packet)

    def heartbeat(self, party: str, now: int) -> Written:
        """A heartbeat request. Raises Unfit."""
        packet = Packet(
            b"",
            kind=Kind.HEARTBEAT,
            sender=self.pics.systems[party],
            receiver=self.pics.systems[self.sut],
            area=self.pics.values["area"],
            serial=self.serial(party, now),
            send_time=wire_time(now),
        )
        try:
            return Written([self.layout.encode(self.speech.dressed(packet))], packet, {})
        except LocalError as fault:
            raise Unfit(str(fault)) from fault

    def read(self, packet: Packet) -> Reading:
        """The document in a packet; never raises: what is wrong with it stands in the reading."""
        known = packet
        if packet.is_answer and not self._knows(packet.code):  # it echoes the code of something nobody knows
            body = packet.body.replace(f"MessageCode>{packet.code}<".encode(), f"MessageCode>{_NOBODY_KNOWS}<".encode())
            known = replace(packet, body=body, code="")
        try:
            document = self.speech.read(known)
        except DocumentRefused as refusal:
            return Reading(packet, {}, refusal.symbol, refusal.faults)
        packet.kind = known.kind
        return Reading(packet, plain(document))

    def _knows(self, code: str) -> bool:
        """Whether the catalogue has a message of this code."""
        return any(row.code == code for row in self.catalogue.messages())

    def _row_of(self, code: str) -> MessageRow:
        """The row an answer goes under; a message nobody knows is refused under the link test's."""
        try:
            return self.catalogue.message(code)
        except UnknownName:
            return self.catalogue.message(_NOBODY_KNOWS)

    def request_of(self, code: str) -> str | None:
        """The element of a message; None for one nobody knows."""
        return self.catalogue.message(code).name if self._knows(code) else None

    def answer_of(self, code: str) -> str | None:
        """The element of the answer to it."""
        return self.catalogue.message(code).answer if self._knows(code) else None

    def filled(self, body: dict[str, Any], line: Line, scope: Scope) -> dict[str, Any]:
        """A body with the line's changes, filled. Raises Unsendable, Unresolved."""
        changed = deepcopy(body)
        for path, value in line.args.get("set", {}).items():
            _put(changed, path.split("."), value, line)
        for path in line.args.get("drop", ()):
            _drop(changed, path.split("."))
        filled: dict[str, Any] = render(changed, scope)
        return filled

    def _written(
        self, line: Line, document: Document, kind: Kind, scope: Scope, asked: Packet | None = None
    ) -> Written:
        charset = str(line.args.get("charset", "UTF-8" if self.pics.binding == SOAP else self.pics.charset))
        try:
            raw = self.speech.encode(document, charset)
        except (ValueError, LookupError) as fault:
            if not self.speech.native:
                raise Unfit(str(fault)) from fault
            raise Unsendable(f"{line.place}: {fault}") from fault
        raw = _spoiled(_edited(raw, charset, line, scope), charset, line)
        if "web" in line.args:
            line = replace(line, args={**line.args, "web": render(line.args["web"], scope)})
        packet = packed(document.header, raw, kind, str(line.args.get("declare", charset)))
        packet = replace(packet, **render(line.args.get("packet", {}), scope))
        try:
            pieces = self._pieces(packet, line, asked, scope.now)
        except LocalError as fault:
            raise Unfit(str(fault)) from fault
        except ValueError as fault:
            raise Unsendable(f"{line.place}: {fault}") from fault
        return Written([_patched(piece, line) for piece in pieces], packet, plain(document), line)

    def _pieces(self, packet: Packet, line: Line, asked: Packet | None, now: int) -> list[bytes]:
        """What is written, in order. Raises LocalError, ValueError, LookupError."""
        dressed = self.speech.dressed(packet) if asked is None else self.speech.echoing(packet, asked)
        if self.web is not None:
            return [self.web.request(dressed, line, now) if asked is None else self.web.answer(dressed, asked)]
        pieces = [self.layout.encode(one) for one in _segments(dressed, line, self.layout.body_max)]
        if not self.layout.pages:
            return pieces
        self.speech.pages |= {(dressed.serial, number): piece for number, piece in enumerate(pieces[1:], 2)}
        return pieces[:1]


def plain(document: Document) -> dict[str, Any]:
    """A document as plain values: code, element, header, body."""
    header = document.header
    names = ("code", "serial", "sender", "receiver", "area", "send_time", "version", "mode", "ttl")
    values: dict[str, Any] = {name: getattr(header, name) for name in names}
    optional = {name: getattr(header, name) for name in ("ref_serial", "result_code", "result_text")}
    values |= {name: value for name, value in optional.items() if value is not None}
    return {"code": document.row.code, "element": document.element, "header": values, "body": document.body}


def writes(line: Line, pieces: list[bytes]) -> list[bytes]:
    """The bytes as they are written one after the other: split where the line says so."""
    data = b"".join(pieces)
    cuts = line.args.get("split", [])
    if EACH in cuts:
        return [data[n : n + 1] for n in range(len(data))]
    edges = [0, *(cut if cut >= 0 else len(data) + cut for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges) if end > start]


def _segments(packet: Packet, line: Line, most: int) -> list[Packet]:
    """``cut = [n, 1, 2, ...]``: the body in ``n`` pieces, those numbers sent in that order; else as many as a packet of
    ``most`` bytes needs (0: one)."""
    needed = -(-len(packet.body) // most) if most else 1
    cut = line.args.get("cut") or ([needed, *range(1, needed + 1)] if needed > 1 else None)
    if not cut:
        return [packet]
    count, body = cut[0], packet.body
    size = -(-len(body) // count)
    parts = [
        replace(packet, body=body[n * size : (n + 1) * size], segment=n + 1, more=n + 1 < count) for n in range(count)
    ]
    return [parts[number - 1] for number in cut[1:]]


def _edited(raw: bytes, charset: str, line: Line, scope: Scope) -> bytes:
    """Text replaced in the document: pairs of what is there and what stands there instead; ``~`` begins a pattern."""
    edits = line.args.get("edit", [])
    if not edits:
        return raw
    text = raw.decode(charset)
    for old, new in edits:
        old, new = str(render(old, scope)), str(render(new, scope))
        if old.startswith("~"):
            text, count = re.subn(old[1:], lambda _, new=new: new, text)  # type: ignore[misc]
        else:
            count = text.count(old)
            text = text.replace(old, new)
        if not count:
            raise Unsendable(f"{line.place}: 文档中没有 {old} / the document has no {old}")
    return text.encode(charset)


def _spoiled(raw: bytes, charset: str, line: Line) -> bytes:
    """Bytes put in the place of a text before framing, so that length and checksum fit: pairs of text and hex."""
    for old, new in line.args.get("bytes", []):
        found = old.encode(charset)
        if found not in raw:
            raise Unsendable(f"{line.place}: 文档中没有 {old} / the document has no {old}")
        raw = raw.replace(found, bytes.fromhex(new))
    return raw


def _patched(piece: bytes, line: Line) -> bytes:
    """Bytes overwritten: pairs of offset and text (``\\xNN`` allowed)."""
    for offset, text in line.args.get("patch", []):
        data = text.encode("latin-1").decode("unicode_escape").encode("latin-1")
        piece = piece[:offset] + data + piece[offset + len(data) :]
    return piece


def _put(body: Any, path: list[str], value: Any, line: Line) -> None:
    for part in path[:-1]:
        body = _child(body, part, line)
    if isinstance(body, list):
        body[int(path[-1])] = value
    else:
        body[path[-1]] = value


def _child(body: Any, part: str, line: Line) -> Any:
    try:
        return body[int(part)] if isinstance(body, list) else body.setdefault(part, {})
    except (IndexError, ValueError) as fault:
        raise Unsendable(f"{line.place}: 没有 {part} / there is no {part}") from fault


def _drop(body: Any, path: list[str]) -> None:
    for part in path[:-1]:
        body = body[int(part)] if isinstance(body, list) else body.get(part, {})
    if isinstance(body, list):
        del body[int(path[-1])]
    else:
        body.pop(path[-1], None)
