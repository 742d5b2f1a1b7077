"""A header layout, compiled once from its row: packets to bytes and header bytes to packets (spec 01.1.2).

The engine knows roles, not layouts: a province adds a row, not code.  Reading and writing a ``ctif-128`` header lies on the
path of every message, so a layout is compiled into one expression for reading and a few templates for writing
(``fields.py``), and what is left to do for a packet is a flat list of steps.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from operator import attrgetter, call, itemgetter
from typing import Any, Protocol

from adapters.wire.errors import BAD_CHECKSUM, BAD_LENGTH, TOO_LARGE, FramingFault, LocalError
from adapters.wire.fields import SERIAL_DIGITS, FieldCodec, FieldRow, compile_field, serial_digits, write
from adapters.wire.packet import Kind, Packet

__all__ = ["FieldRow", "Layout", "LayoutRow", "LocalError"]

_SLOTS = [field.name for field in dataclass_fields(Packet) if field.name not in ("body", "extra")]
"""What a header may say of a packet, in the order of the packet's own values."""

_CHANGING = frozenset({"length", "checksum", "serial", "send_time", "text", "password", "body", "extra"})
"""What differs from packet to packet on a link; everything else takes few values, and is written into a template once."""
_TEMPLATES = 256
"""Templates kept per layout (of a header's size each); beyond that it starts anew."""


class LayoutRow(Protocol):
    """What a layout row offers (``schemas.model.LayoutRow`` does)."""

    @property
    def name(self) -> str: ...
    @property
    def framing(self) -> str: ...
    @property
    def header_size(self) -> int: ...
    @property
    def fields(self) -> Sequence[FieldRow]: ...
    @property
    def length_counts(self) -> str: ...
    @property
    def length_adds(self) -> int: ...
    @property
    def body_max(self) -> int: ...
    @property
    def answer(self) -> str: ...
    @property
    def delimiter(self) -> str: ...
    @property
    def default_max(self) -> int: ...


class Layout:
    """One compiled header layout; shared by all sessions that speak it.

    ``header_size`` is in bytes, ``delimiter`` ends a packet where the layout has no header (else empty), ``default_max`` is
    the row's packet limit in bytes, ``body_max`` that of one packet's body (0: none).  What a session asks: ``heartbeats``
    and whether they have no reply of their own (``echoes``), ``registers`` (who connects says so first), ``pages`` (further
    packets of a document are fetched), ``serial_digits`` (30 if a native serial fits, 0 without a serial),
    ``constant_serial`` and ``answers_by_result`` (an answer's body begins with its result, and may say nothing else).  Raises
    LocalError on a row that is no layout.
    """

    def __init__(self, row: LayoutRow) -> None:
        self.name = row.name
        self.header_size = row.header_size
        self.default_max = row.default_max
        self.delimiter = row.delimiter.encode("ascii") if row.framing == "delimiter" else b""
        self._codecs = _cover(row)
        self._widths = {field.role: field.width for field in row.fields if field.constant is None}
        kinds = next((field.values for field in row.fields if field.role == "kind"), {})
        marked = next((field for field in row.fields if field.heartbeat), None)
        self._beat = None if marked is None else _marker(row, marked)
        self.heartbeats = marked is not None or {"heartbeat", "heartbeat_reply"} <= set(kinds)
        self.echoes = self.heartbeats and marked is None and kinds["heartbeat"] == kinds["heartbeat_reply"]
        self.registers = {"register", "ready"} <= set(kinds)
        self.pages = "next" in kinds
        serial = next((field for field in row.fields if field.role == "serial"), None)
        self.constant_serial = serial is not None and serial.constant is not None
        self.serial_digits = min(serial_digits(serial), SERIAL_DIGITS) if self.carries("serial") and serial is not None else 0
        self.encloses = self.carries("body")
        self.body_max = self._widths.get("body", row.body_max)
        self._answer = _AnswerForm(row.answer) if row.answer else None
        self.answers_by_result = self._answer is not None
        self._templates: dict[tuple[Any, ...], str] = {}
        self._match = re.compile("".join(codec.pattern for codec in self._codecs)).fullmatch
        self._early = [codec for codec in self._codecs if codec.fixed is not None or codec.attr == "length"]
        live = [codec for codec in self._codecs if codec.attr]
        self._live = live
        self._steady = _getter([codec.attr for codec in live if codec.attr not in _CHANGING])
        changing = [codec for codec in live if codec.attr in _CHANGING]
        self._values = _getter([codec.attr for codec in changing])
        self._puts = [(index, codec.put) for index, codec in enumerate(changing) if codec.put is not None]
        self._length_hole, self._checksum_hole = _position(changing, "length"), _position(changing, "checksum")
        self._length_at, self._checksum_at = _position(live, "length"), _position(live, "checksum")
        self._takes = [codec.take for codec in live]
        self._unsaid, self._arrange = _reading_plan(live)
        self._free = [(index, codec.name) for index, codec in enumerate(live) if codec.attr == "extra"]
        self._plain = all(codec.plain for codec in live)
        self._inner = _position(live, "body")
        # What a packet weighs is base + length; base says what the length does not count.
        length = next((codec for codec in live if codec.attr == "length"), None)
        self._base = {"packet": 0, "body": row.header_size, "rest": length.end if length else 0}[row.length_counts]
        self._base -= row.length_adds
        if length is None:
            self._base = row.header_size  # no length field: the header is the whole packet
        elif row.length_counts == "rest" and length.end > row.header_size:
            raise _not_a_layout(row, "长度字段越出报文头", "the length field runs over the header")

    def carries(self, role: str) -> bool:
        """Whether the header has a field of this role (``serial``, ``kind``, ``more`` ...)."""
        return role in self._widths

    def width(self, role: str) -> int:
        """Bytes of the field of this role, 0 if there is none (a serial of ours is issued in this width)."""
        return self._widths.get(role, 0)

    def encode(self, packet: Packet) -> bytes:
        """The packet as bytes, length and checksum computed; LocalError if a value does not fit its field."""
        body = packet.body
        if self.delimiter:
            if self.delimiter in body:
                raise LocalError(f"布局 {self.name} 的报文内不能有分隔符", f"the document holds {self.name}'s delimiter")
            return body + self.delimiter
        if self._beat is not None and packet.is_heartbeat:
            packet = self._beating(packet)
        if self._answer is not None and packet.is_answer:
            packet = replace(packet, body=self._answer.write(packet, self.body_max))
        values = list(self._values(packet))
        if self._length_hole is not None:
            values[self._length_hole] = self.header_size + len(body) - self._base
        elif self.encloses:
            body = b""  # it stands in its field
        elif body:
            raise LocalError(f"布局 {self.name} 没有报文体", f"layout {self.name} has no body")
        if self._checksum_hole is not None:
            values[self._checksum_hole] = zlib.crc32(body)
        steady = self._steady(packet)
        try:
            template = self._templates.get(steady) or self._template(steady)
            for index, put in self._puts:
                values[index] = put(values[index])
            text = template % tuple(values)
        except (KeyError, ValueError, OverflowError, TypeError, AttributeError) as error:
            raise self._misfit(packet) from error
        sound = (text.isascii() and text.isprintable()) if self._plain else self._match(text)
        if len(text) != self.header_size or not sound:
            self._templates.pop(steady, None)
            raise self._misfit(packet)
        return text.encode("latin-1") + body

    def _beating(self, packet: Packet) -> Packet:
        """A heartbeat as the layout writes it: a request or an answer whose marked field says so."""
        if self._beat is None:
            raise LocalError(f"布局 {self.name} 没有心跳", f"layout {self.name} has no heartbeats")
        kind = Kind.REQUEST if packet.kind is Kind.HEARTBEAT else Kind.REPLY
        beating = replace(packet, kind=kind)
        setattr(beating, *self._beat)
        return beating

    def _template(self, steady: tuple[Any, ...]) -> str:
        """The header with these values in it, and holes for what changes from packet to packet; remembered."""
        values = iter(steady)
        pieces = [
            codec.piece if codec.attr in _CHANGING or not codec.attr else write(codec, next(values)).replace("%", "%%")
            for codec in self._codecs
        ]
        if len(self._templates) >= _TEMPLATES:
            self._templates.clear()
        template = self._templates[steady] = "".join(pieces)
        return template

    def decode_header(self, buf: bytes | bytearray | memoryview) -> tuple[Packet, int]:
        """The packet without its body, and the bytes the whole packet takes, from the first ``header_size`` bytes of ``buf``.

        Raises FramingFault BAD_LENGTH if they are no header of this layout or the length is below the header's own.
        """
        text = str(buf[: self.header_size], "latin-1")
        match = self._match(text)
        if match is None:
            raise self._explain(text)
        try:
            values = [*map(call, self._takes, match.groups()), *self._unsaid]
        except UnicodeDecodeError as error:
            name = next(codec.name for codec, part in zip(self._live, match.groups(), strict=True) if not _decodes(codec, part))
            zh, en = f"报文头字段 {name} 的文字无法解码", f"the text of header field {name} does not decode"
            raise self._bad(f"{zh}：{error.reason}", f"{en}: {error.reason}") from error
        total = self._base if self._length_at is None else self._base + values[self._length_at]
        if total < self.header_size:
            raise self._too_short(total)
        packet = Packet(b"", *self._arrange(values))
        if self._free:
            packet.extra = {name: values[index] for index, name in self._free}
        if self._inner is not None:
            packet.body = values[self._inner]
        if self._beat is not None and getattr(packet, self._beat[0]) == self._beat[1]:
            packet.kind = Kind.HEARTBEAT_REPLY if packet.is_answer else Kind.HEARTBEAT
        elif self._answer is not None and packet.is_answer and not self._answer.read(packet):
            raise self._bad(f"应答内容不合法：{packet.body!r}", f"the answer's body is wrong: {packet.body!r}")
        return packet, total

    def screen(self, head: bytes | bytearray | memoryview, limit: int) -> None:
        """Judge the beginning of a packet, however little of it is there (spec 01.1.3 rule 2: never wait for a wrong one).

        Raises FramingFault BAD_LENGTH on a wrong magic or length, TOO_LARGE on a length beyond ``limit`` bytes.
        """
        for codec in self._early:
            part = bytes(head[codec.start : codec.end])
            if codec.fixed is not None:
                if not codec.fixed.startswith(part):
                    raise self._bad_field(codec, part.decode("latin-1"))
            elif len(part) == codec.end - codec.start:
                match = re.fullmatch(codec.pattern, part.decode("latin-1"))
                if match is None:
                    raise self._bad_field(codec, part.decode("latin-1"))
                self.bound(self._base + codec.take(match.group(1)), limit)

    def bound(self, total: int, limit: int) -> None:
        """Hold a packet's whole size against the header and ``limit``; raises FramingFault BAD_LENGTH or TOO_LARGE."""
        if total < self.header_size:
            raise self._too_short(total)
        if total > limit:
            raise FramingFault(
                TOO_LARGE,
                f"报文 {total} 字节，超过上限 {limit}；请分段发送或调大该对端的上限",
                f"packet of {total} bytes exceeds the limit of {limit}; send segments or raise the peer's limit",
            )

    def verify(self, packet: Packet, allow_unchecked: bool) -> FramingFault | None:
        """The checksum's fault, with the packet in it, or None (spec 01.1.1 checksum; blanks over no body guard nothing)."""
        if self._checksum_at is None:
            return None
        said = packet.checksum
        if not said:
            if allow_unchecked or not packet.body:
                return None
            zh, en = "校验值为空，而该对端必须校验", "the checksum is blank, and this peer must send one"
        else:
            found = zlib.crc32(packet.body)
            if int(said, 16) == found:
                return None
            zh, en = f"校验值 {said}，实际 {found:08X}", f"checksum says {said}, the body gives {found:08X}"
        return FramingFault(BAD_CHECKSUM, zh, en, packet)

    def _explain(self, text: str) -> FramingFault:
        """Why a complete header matched not: its first bad field."""
        for codec in self._codecs:
            part = text[codec.start : codec.end]
            if re.fullmatch(codec.pattern, part) is None:
                return self._bad_field(codec, part)
        return self._bad(f"报文头不足 {self.header_size} 字节", f"the header has fewer than {self.header_size} bytes")

    def _misfit(self, packet: Packet) -> LocalError:
        """Why a packet could not be written: the first field whose value does not fit."""
        for codec in self._live:
            if codec.attr in ("length", "checksum"):
                continue
            value = getattr(packet, codec.attr)
            try:
                fits = re.fullmatch(codec.pattern, write(codec, value)) is not None
            except (KeyError, ValueError, OverflowError, TypeError, AttributeError):
                fits = False
            if not fits:
                shown = value.get(codec.name) if codec.attr == "extra" else value
                return LocalError(
                    f"布局 {self.name} 的字段 {codec.name} 放不下 {shown!r}（{codec.end - codec.start} 字节）",
                    f"layout {self.name}: {shown!r} does not fit field {codec.name} of {codec.end - codec.start} bytes",
                )
        return LocalError(
            f"布局 {self.name} 的长度字段放不下 {len(packet.body)} 字节",
            f"layout {self.name}: a body of {len(packet.body)} bytes does not fit the length field",
        )

    def _bad_field(self, codec: FieldCodec, found: str) -> FramingFault:
        return self._bad(f"报文头字段 {codec.name} 不合法：{found!r}", f"header field {codec.name} is wrong: {found!r}")

    def _too_short(self, total: int) -> FramingFault:
        return self._bad(
            f"长度 {total} 小于报文头 {self.header_size}", f"length {total} is below the header's {self.header_size}"
        )

    def _bad(self, zh: str, en: str) -> FramingFault:
        return FramingFault(BAD_LENGTH, f"不是 {self.name} 报文：{zh}", f"no {self.name} packet: {en}")


def _cover(row: LayoutRow) -> list[FieldCodec]:
    """The row's fields compiled, in order and covering the header without gap or overlap."""
    if row.framing == "delimiter":
        if row.header_size or row.fields or not row.delimiter:
            raise _not_a_layout(row, "分隔符布局只有分隔符", "a delimiter layout has a delimiter and nothing else")
        return []
    codecs = sorted((compile_field(field) for field in row.fields), key=lambda codec: codec.start)
    end = 0
    for codec in codecs:
        if codec.start != end:
            raise _not_a_layout(row, f"字段 {codec.name} 应从 {end} 开始", f"field {codec.name} should start at {end}")
        end = codec.end
    if end != row.header_size or not codecs:
        raise _not_a_layout(row, f"字段共 {end} 字节", f"the fields make {end} bytes, not {row.header_size}")
    attrs = [codec.attr for codec in codecs if codec.attr not in ("", "extra")]
    twice = sorted({attr for attr in attrs if attrs.count(attr) > 1})
    if twice:
        raise _not_a_layout(row, f"角色重复：{'、'.join(twice)}", f"roles played twice: {', '.join(twice)}")
    return codecs


class _AnswerForm:
    """Answers that say their result in fixed text (``RETN=0{result}``), and nothing else where the rest has no room."""

    def __init__(self, form: str) -> None:
        self._before, _, self._after = form.partition("{result}")
        self._match = re.compile(f"{re.escape(self._before)}([0-9]{{4}}){re.escape(self._after)}".encode()).match

    def write(self, packet: Packet, room: int) -> bytes:
        """The body of an answer: its own where it begins with its result and fits, else the result alone."""
        form = f"{self._before}{packet.result}{self._after}".encode("ascii")
        return packet.body if packet.body.startswith(form) and len(packet.body) <= room else form

    def read(self, packet: Packet) -> bool:
        """Puts the result an answer's body says into the packet; False if it says none."""
        found = self._match(packet.body)
        if found is not None:
            packet.result = found.group(1).decode("ascii")
        return found is not None


def _decodes(codec: FieldCodec, part: str) -> bool:
    """Whether what stands in a field is text in the charsets all peers share."""
    try:
        codec.take(part)
    except UnicodeDecodeError:
        return False
    return True


def _marker(row: LayoutRow, field: FieldRow) -> tuple[str, str]:
    """The attribute that says a packet is a heartbeat, and its value then."""
    if field.role not in ("code", "serial", "result") or not any(other.role == "kind" for other in row.fields):
        raise _not_a_layout(
            row, f"心跳标记 {field.name} 须在 code、serial 或 result 字段上，且须有 kind 字段",
            f"the heartbeat's mark {field.name} belongs on a code, serial or result field, beside a kind field",
        )  # fmt: skip
    return field.role, field.heartbeat


def _getter(attrs: list[str]) -> Callable[[Packet], tuple[Any, ...]]:
    """All attributes of a packet at once; the length, which it has not, is filled in later."""
    names = ["ttl" if attr == "length" else attr for attr in attrs]
    if len(names) >= 2:
        return attrgetter(*names)
    return lambda packet: tuple(getattr(packet, name) for name in names)


def _position(live: list[FieldCodec], attr: str) -> int | None:
    return next((index for index, codec in enumerate(live) if codec.attr == attr), None)


def _reading_plan(live: list[FieldCodec]) -> tuple[list[Any], Callable[[list[Any]], Any]]:
    """What a header of these fields leaves unsaid, and how to put said and unsaid into the order of the slots."""
    empty = Packet(b"")
    attrs = [codec.attr for codec in live]
    unsaid: list[Any] = []
    order: list[int] = []
    for name in _SLOTS:
        if name in attrs:
            order.append(attrs.index(name))
        else:
            order.append(len(attrs) + len(unsaid))
            unsaid.append(getattr(empty, name))
    if order == list(range(order[0], order[-1] + 1)):  # in order already, as in ctif-128: one slice, no picking
        return unsaid, itemgetter(slice(order[0], order[-1] + 1))
    return unsaid, itemgetter(*order)


def _not_a_layout(row: LayoutRow, zh: str, en: str) -> LocalError:
    return LocalError(f"布局 {row.name}: {zh}", f"layout {row.name}: {en}")
