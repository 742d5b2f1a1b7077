"""One header field, compiled: how it is written, what it must look like, how it is read (spec 01.1.2).

A compiled header is one ``%`` template for writing and one regular expression for reading, both over latin-1 text, so
that binary fields fit in.  The expression does all checking at once: ``[0-9]`` only, never ``int()`` over whatever the
peer sent, which would take ``+12``, ``1_2``, blanks and foreign digits.
"""

from __future__ import annotations

import re
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from adapters.wire.errors import LocalError
from adapters.wire.packet import Kind


class FieldRow(Protocol):
    """What a field of a layout row offers (``schemas.model.LayoutField`` does)."""

    @property
    def name(self) -> str: ...
    @property
    def offset(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def pad(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def constant(self) -> str | None: ...
    @property
    def values(self) -> Mapping[str, str]: ...
    @property
    def heartbeat(self) -> str: ...


@dataclass(frozen=True, slots=True)
class FieldCodec:
    """A compiled field.

    ``attr`` is the packet's attribute it carries, ``length``, ``extra``, or empty for a constant, which is neither filled
    in nor captured.  ``piece`` is its part of the template, fed with ``put(value)`` (None: with the value itself);
    ``pattern`` its part of the expression, with one group unless constant, read by ``take``.  ``fixed`` is the constant the
    peer must send, None if none.  ``plain`` says that printable ASCII of the right width is all a written value must be,
    so that writing need not run the expression.
    """

    name: str
    start: int
    end: int
    attr: str
    piece: str
    pattern: str
    put: Callable[[Any], Any] | None
    take: Callable[[str], Any]
    fixed: bytes | None = None
    plain: bool = False


CARRIED = frozenset(
    {"kind", "code", "sender", "receiver", "area", "serial", "send_time", "mode", "charset", "more", "segment", "result"}
    | {"ttl", "checksum", "text", "password", "length", "body"}
)
"""Roles a packet has an attribute for, and the length; the others are constants or free fields."""

SERIAL_DIGITS = 30
"""Characters of a native serial; a narrower field cannot hold one (spec 01.1.2)."""

_NUMBERS = frozenset({"segment", "ttl", "length"})
_CLOSED = frozenset({"kind", "mode", "charset", "more"})
"""Roles whose values the row lists completely: another value on the wire is a fault."""
_OURS: dict[str, dict[str, object]] = {
    "kind": {kind.value: kind for kind in Kind},
    "more": {"more": True, "last": False},
}
"""What the left side of a ``values`` table means, where it is not the text itself."""


def compile_field(row: FieldRow) -> FieldCodec:
    """Compile one field of a layout row; raises LocalError on a row that makes no sense."""
    if row.width < 1 or row.offset < 0 or len(row.pad) != 1 or ord(row.pad) > 126:
        raise _row_error(row, "宽度、位置或填充符不合法", "width, offset or pad is not usable")
    if row.constant is not None:
        return _constant(row, row.constant)
    if row.role in _CLOSED or row.values:
        return _mapped(row)
    if row.role == "checksum":
        return _checksum(row)
    if row.role in _NUMBERS:
        return _number(row)
    if row.role in ("body", "text"):
        return _words(row)
    return _text(row)


def serial_digits(row: FieldRow) -> int:
    """How many characters of a serial the field holds; decimal digits where it is a binary number."""
    return len(str(256**row.width)) - 1 if row.kind.startswith("binary") else row.width


def on_wire(row: FieldRow, text: str) -> str:
    """The form ``text`` has in the field, padded; raises LocalError if it does not fit."""
    return _pad(row, text)


def write(codec: FieldCodec, value: Any) -> str:
    """The field's part of the header for ``value``; what comes out may be too wide or against its pattern."""
    return codec.piece % (value if codec.put is None else codec.put(value),)


def _codec(
    row: FieldRow,
    piece: str,
    pattern: str,
    put: Callable[[Any], Any] | None,
    take: Callable[[str], Any],
    plain: bool = False,
) -> FieldCodec:
    attr = row.role if row.role in CARRIED else "extra"
    return FieldCodec(row.name, row.offset, row.offset + row.width, attr, piece, pattern, put, take, None, plain)


def _constant(row: FieldRow, constant: str) -> FieldCodec:
    text = _pad(row, constant)
    if row.role in ("magic", "version"):
        pattern, fixed = re.escape(text), text.encode("latin-1")
    else:
        pattern, fixed = f"[\\x00-\\xff]{{{row.width}}}", None  # a filler is written so, and not read
    return FieldCodec(row.name, row.offset, row.offset + row.width, "", text.replace("%", "%%"), pattern, None, str, fixed)


def _mapped(row: FieldRow) -> FieldCodec:
    meaning = _OURS.get(row.role)
    ours_to_wire: dict[object, str] = {}
    for name, wire in row.values.items():
        if meaning is not None and name not in meaning:
            raise _row_error(row, f"不认识的取值名 {name}", f"unknown value name {name}")
        ours_to_wire[name if meaning is None else meaning[name]] = _pad(row, wire)
    wire_to_ours: dict[str, object] = {}
    for ours, wire in ours_to_wire.items():
        wire_to_ours.setdefault(wire, ours)  # two of ours on one wire value: the first listed is read
    if not ours_to_wire:
        raise _row_error(row, "缺少取值表 values", "the values table is missing")
    if row.role in _CLOSED:
        pattern = "(" + "|".join(re.escape(wire) for wire in wire_to_ours) + ")"
        return _codec(row, "%s", pattern, ours_to_wire.__getitem__, wire_to_ours.__getitem__, True)
    plain = _text(row)
    return _codec(
        row,
        "%s",
        plain.pattern,
        lambda value: ours_to_wire[value] if value in ours_to_wire else write(plain, value),
        lambda wire: wire_to_ours[wire] if wire in wire_to_ours else plain.take(wire),
    )


def _checksum(row: FieldRow) -> FieldCodec:
    if row.kind == "hex" and row.width == 8:
        return _codec(row, "%08X", "([0-9A-Fa-f]{8}| {8})", None, str.rstrip, True)
    if row.kind.startswith("binary") and row.width == 4:
        order = _order(row)
        return _codec(
            row,
            "%s",
            "([\\x00-\\xff]{4})",
            lambda crc: crc.to_bytes(4, order).decode("latin-1"),
            lambda wire: f"{int.from_bytes(wire.encode('latin-1'), order):08X}",
        )
    raise _row_error(row, "校验字段须为 8 位十六进制或 4 字节二进制", "a checksum is 8 hex digits or 4 binary bytes")


def _number(row: FieldRow) -> FieldCodec:
    width = row.width
    if row.kind == "decimal":
        return _codec(row, _left(row) + "d", _digits(row, "0-9"), _within(10**width), int, True)
    if row.kind == "hex":
        return _codec(row, _left(row) + "X", _digits(row, "0-9A-Fa-f"), _within(16**width), lambda wire: int(wire, 16), True)
    if row.kind.startswith("binary"):
        order = _order(row)
        return _codec(
            row,
            "%s",
            f"([\\x00-\\xff]{{{width}}})",
            lambda value: value.to_bytes(width, order).decode("latin-1"),
            lambda wire: int.from_bytes(wire.encode("latin-1"), order),
        )
    raise _row_error(row, f"{row.role} 须为数字字段", f"{row.role} needs a number field")


def _text(row: FieldRow) -> FieldCodec:
    width, pad, own = row.width, row.pad, row.role in CARRIED
    anything = f"([\\x00-\\xff]{{{width}}})"
    if row.kind in ("decimal", "hex"):  # a number the packet carries as text: its full width is part of it
        digits = _digits(row, "0-9" if row.kind == "decimal" else "0-9A-Fa-f")
        return _codec(row, "%s", digits, _from(row, lambda value: value.rjust(width, pad)), str)
    if row.kind.startswith("binary"):
        order = _order(row)
        put = _from(row, lambda value: int(value or "0").to_bytes(width, order).decode("latin-1"))
        whole = serial_digits(row) if row.role == "serial" else 0
        return _codec(row, "%s", anything, put, lambda wire: str(int.from_bytes(wire.encode("latin-1"), order)).zfill(whole))
    if not own:  # people's words may stand here, in the family of charsets all peers share, or bytes nobody but them reads
        blank, kept = pad.encode(), "surrogateescape"
        put = _from(row, lambda value: value.encode("gb18030", kept).ljust(width, blank).decode("latin-1"))
        return _codec(row, "%s", anything, put, lambda wire: wire.encode("latin-1").rstrip(blank).decode("gb18030", kept))
    if pad == " ":
        return _codec(row, f"%-{width}s", f"([ -~]{{{width}}})", None, str.rstrip, True)
    padded = f"([ -~{re.escape(pad)}]{{{width}}})"
    return _codec(row, "%s", padded, lambda value: value.ljust(width, pad), lambda wire: wire.rstrip(pad))


def _words(row: FieldRow) -> FieldCodec:
    """A body inside the header, or words for people: those are cut to the field's bytes, never within a character."""
    width, blank = row.width, row.pad.encode()
    anything = f"([\\x00-\\xff]{{{width}}})"
    if row.role == "body":
        return _codec(
            row, "%s", anything,
            lambda body: body.ljust(width, blank).decode("latin-1"), lambda wire: wire.encode("latin-1").rstrip(blank),
        )  # fmt: skip

    def cut(text: str) -> str:
        raw = text.encode("gb18030")
        if len(raw) > width:
            raw = getincrementaldecoder("gb18030")().decode(raw[:width]).encode("gb18030")
        return raw.ljust(width, blank).decode("latin-1")

    return _codec(row, "%s", anything, cut, lambda wire: wire.encode("latin-1").rstrip(blank).decode("gb18030", "replace"))


def _from(row: FieldRow, put: Callable[[str], str]) -> Callable[[Any], str]:
    """A free field is put from the packet's ``extra`` by name; any other from its attribute."""
    if row.role in CARRIED:
        return put
    name = row.name
    return lambda extra: put(extra.get(name, ""))


def _within(end: int) -> Callable[[int], int]:
    """The number itself if it is natural and below ``end``, else ValueError: a range knows, and faster than Python code."""
    return range(min(end, 1 << 62)).index


def _left(row: FieldRow) -> str:
    return f"%0{row.width}" if row.pad == "0" else f"%{row.width}"


def _digits(row: FieldRow, digits: str) -> str:
    if row.pad == "0":
        return f"([{digits}]{{{row.width}}})"
    escaped = re.escape(row.pad)
    return "(" + "|".join(f"{escaped}{{{blank}}}[{digits}]{{{row.width - blank}}}" for blank in range(row.width)) + ")"


def _order(row: FieldRow) -> Literal["big", "little"]:
    return "big" if row.kind == "binary-be" else "little"


def _pad(row: FieldRow, text: str) -> str:
    number = row.kind in ("decimal", "hex")
    padded = text.rjust(row.width, row.pad) if number else text.ljust(row.width, row.pad)
    if len(padded) != row.width or not padded.isascii():
        raise _row_error(row, f"取值 {text!r} 放不下或不是 ASCII", f"value {text!r} does not fit or is not ASCII")
    return padded


def _row_error(row: FieldRow, zh: str, en: str) -> LocalError:
    return LocalError(f"报文头布局字段 {row.name}: {zh}", f"layout field {row.name}: {en}")
