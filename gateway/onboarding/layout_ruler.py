"""Packets of a layout against a ruler: for people who write one, or hold a peer's bytes against one (spec 01.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from textwrap import wrap
from typing import Any

from adapters.wire.errors import FramingFault
from adapters.wire.fields import SERIAL_DIGITS
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.pairs import Pairs
from schemas.model import LayoutField, LayoutRow

_PER_LINE = 16
_WIDE = 79
"""Columns a line of the ruler may take: everybody's terminal has as many."""
_DOCUMENT = "<a>张示例</a>".encode("gb18030")
_QUERY = b"ORDER=SO000000000001"
_SERIAL = "CRM001202611220900000000000042"


def sample_packets(layout: Layout) -> dict[str, Packet]:
    """A packet of each sort the layout can write, by name."""
    body, code = (_QUERY, "PQ01") if layout.encloses else (_DOCUMENT, "OH01")
    ask = Packet(
        body, Kind.REQUEST, code, "CRM001", "PF0001", "025", _SERIAL, "20261122090000", "A", "GB18030", ttl=0, text="",
    )  # fmt: skip
    if layout.serial_digits and layout.serial_digits < SERIAL_DIGITS:
        ask = Pairs(layout.serial_digits).dress(ask)
    receipt = replace(ask, kind=Kind.RECEIPT, sender="PF0001", receiver="CRM001", result="0001", text="已受理 accepted")
    found = {"request": ask}
    if layout.carries("kind"):
        found["receipt"] = receipt
    if layout.heartbeats:
        found["heartbeat"] = replace(ask, kind=Kind.HEARTBEAT, body=b"", code="")
    if layout.registers:
        found["register"] = replace(ask, kind=Kind.REGISTER, body=b"")
    if layout.pages:
        found["next"] = replace(ask, kind=Kind.NEXT, body=b"", segment=2)
    return found


def round_trip(layout: Layout, packet: Packet) -> tuple[bytes, Packet]:
    """The packet's bytes and what is read of them again. Raises LocalError or FramingFault."""
    data = layout.encode(packet)
    (read,) = Framer(layout, len(data), allow_unchecked=True).feed(data)
    return data, read


def fields_of(row: LayoutRow, layout: Layout, data: bytes) -> list[dict[str, Any]]:
    """Field by field: where it stands, its bytes, and what they say, or why they say nothing.

    Raises nothing for bytes that are no packet: each field is judged by itself.
    """
    read = _read(layout, data)
    found: list[dict[str, Any]] = []
    for field in sorted(row.fields, key=lambda one: one.offset):
        part = data[field.offset : field.offset + field.width]
        found.append(
            {
                "field": field.name, "offset": field.offset, "width": field.width, "role": field.role, "kind": field.kind,
                "hex": part.hex(" "), "text": _shown(part), "value": _value(field, layout, read, part), "about": field.about,
            }
        )  # fmt: skip
    body = data[row.header_size :]
    if body or not row.fields:
        found.append(
            {
                "field": "body", "offset": row.header_size, "width": len(body), "role": "", "kind": "document",
                "hex": body[:32].hex(" ") + (" …" if len(body) > 32 else ""), "text": _shown(body[:64]),
                "value": "", "about": "",
            }
        )  # fmt: skip
    return found


def verdict(layout: Layout, data: bytes) -> tuple[str, str] | None:
    """Why ``data`` is no whole packet of the layout, in both languages; None if it is one (or several)."""
    framer = Framer(layout, max(len(data), layout.default_max), allow_unchecked=True)
    try:
        packets = framer.feed(data)
        if framer.fault is not None:
            raise framer.fault
        framer.eof()
    except FramingFault as fault:
        return fault.reason_zh, fault.reason_en
    return None if packets else ("没有字节", "there are no bytes")


def ruler(row: LayoutRow, data: bytes) -> Iterator[str]:
    """Hex lines with a mark under the first byte of each field, and the fields' names behind the marks or, where these are
    many, below."""
    starts = {field.offset: field.name for field in row.fields} | {row.header_size: "body"}
    for at in range(0, len(data), _PER_LINE):
        part = data[at : at + _PER_LINE]
        yield f"{at:06d}  {part.hex(' '):{3 * _PER_LINE}} {_shown(part)}"
        marks = [(offset - at, starts[offset]) for offset in range(at, at + len(part)) if offset in starts]
        if marks:
            under = "".join("^  " if index + at in starts else "   " for index in range(len(part)))
            names = " ".join(name for _, name in marks)
            line = f"        {under:{3 * _PER_LINE}} {names}"
            if len(line) <= _WIDE:
                yield line
            else:
                yield f"        {under.rstrip()}"
                yield from (f"        {one}" for one in wrap(names, _WIDE - 8))


def _read(layout: Layout, data: bytes) -> Packet | None:
    if layout.delimiter or len(data) < layout.header_size:
        return None
    try:
        return layout.decode_header(data)[0]
    except FramingFault:
        return None


def _value(field: LayoutField, layout: Layout, read: Packet | None, part: bytes) -> str:
    """What a field says, as the engine reads it."""
    if field.constant is not None:
        return f"= {field.constant!r}"
    if field.role == "length":
        return str(_number(field, part))
    if read is None:
        return "?"
    value = getattr(read, field.role, None) if layout.carries(field.role) and field.role != "filler" else None
    if value is None:
        value = read.extra.get(field.name, "").encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Kind):
        return value.value
    return _shown(value) if isinstance(value, bytes) else str(value)


def _number(field: LayoutField, part: bytes) -> int | str:
    try:
        match field.kind:
            case "binary-be":
                return int.from_bytes(part, "big")
            case "binary-le":
                return int.from_bytes(part, "little")
            case "hex":
                return int(part, 16)
            case _:
                return int(part)
    except ValueError:
        return "?"


def _shown(part: bytes) -> str:
    return "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in part)


def traits(layout: Layout) -> dict[str, Any]:
    """What a session makes of the layout."""
    documents = not layout.encloses
    return {
        "carries_documents": documents,
        "describes_itself": layout.carries("kind"),
        "heartbeats": layout.heartbeats,
        "registers": layout.registers,
        "segments": layout.carries("segment"),
        "fetches_segments": layout.pages,
        "serial_width": layout.serial_digits,
        "body_max": layout.body_max,
    }


