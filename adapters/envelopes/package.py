"""What is particular to the native envelope (spec 01.2): the header's wire names and where header and body stand."""

from __future__ import annotations

import re
from typing import Any

from lxml import etree

from adapters.document import Fault, Header
from schemas.model import EnvelopeVersion

_REQUIRED = (
    ("MessageCode", "code"),
    ("Serial", "serial"),
    ("Sender", "sender"),
    ("Receiver", "receiver"),
    ("Area", "area"),
    ("SendTime", "send_time"),
    ("Version", "version"),
    ("Mode", "mode"),
)
_OPTIONAL = (
    ("Ttl", "ttl"),
    ("RefSerial", "ref_serial"),
    ("ResultCode", "result_code"),
    ("ResultText", "result_text"),
)
WIRE_NAMES = {field: name for name, field in (*_REQUIRED, *_OPTIONAL)}
"""Header attribute -> element name."""

# a header field in bytes that may be no XML at all: prefix allowed, value plain ASCII
_LOOSE = re.compile(
    rb"<(?:[A-Za-z_][\w.\-]{0,30}:)?(" + "|".join(WIRE_NAMES.values()).encode() + rb")>\s*([\x21-\x3b\x3d-\x7e]{1,30}?)\s*</"
)
_LOOSE_REACH = 8192


def read_header(element: etree._Element, optional: dict[str, str], collapse: bool) -> Header:
    """The valid ``Header`` element as a value; ``optional`` maps the optional children's tags to attributes."""
    children: list[etree._Element] = element[:]  # type: ignore[index, assignment]  # the stubs know no slices
    texts = [child.text or "" for child in children[:8]]
    if collapse:
        texts = [text.strip(" \t\r\n") for text in texts]
    code, serial, sender, receiver, area, send_time, version, mode = texts
    header = Header(code, serial, sender, receiver, area, send_time, version, mode)
    for child in children[8:]:
        name = optional[child.tag]
        text = child.text or ""
        if name == "ttl":
            header.ttl = int(text)
        else:
            setattr(header, name, text if name == "result_text" else text.strip(" \t\r\n"))
    return header


def optional_tags(version: EnvelopeVersion) -> dict[str, str]:
    """Tags of the header's optional children -> Header attributes."""
    return {f"{{{version.namespace}}}{name}": field for name, field in _OPTIONAL}


def write_header(header: Header, parts: list[str], literal: str) -> str:
    """Appends the header's values to ``parts`` as adapters.xml.writers does; returns the pending literal."""
    values = (header.code, header.serial, header.sender, header.receiver, header.area, header.send_time,
              header.version, header.mode)  # fmt: skip
    for opening, value in zip(_OPENINGS, values, strict=True):
        parts.append(literal + opening)
        parts.append(value)
        literal = ""
    literal = "</Mode>"
    if header.ttl:
        parts += (f"{literal}<Ttl>", str(header.ttl))
        literal = "</Ttl>"
    if header.ref_serial is not None:
        parts += (f"{literal}<RefSerial>", header.ref_serial)
        literal = "</RefSerial>"
    if header.result_code is not None:
        parts += (f"{literal}<ResultCode>", header.result_code)
        literal = "</ResultCode>"
    if header.result_text is not None:
        parts += (f"{literal}<ResultText>", header.result_text)
        literal = "</ResultText>"
    return literal


_OPENINGS = tuple((f"</{_REQUIRED[at - 1][0]}>" if at else "") + f"<{name}>" for at, (name, _) in enumerate(_REQUIRED))


def unspaced(raw: bytes) -> bytes:
    """Bytes whose ASCII stands as it is: those of UTF-16 without its zeros."""
    return raw.replace(b"\0", b"") if raw.startswith((b"\xff\xfe", b"\xfe\xff")) else raw


def loose_header(data: bytes) -> Header | None:
    """What can be read of a header in bytes that are no acceptable document: enough for the peer to match a refusal.

    None without a message code and a serial; an answer is one even without, so that nobody answers it. A result, too, may say a
    result code; it has a serial of its own and names what it answers (01.1.1), so it is told without: nobody takes it for one.
    """
    found: dict[str, str] = {}
    for match in _LOOSE.finditer(unspaced(data[: 2 * _LOOSE_REACH])[:_LOOSE_REACH]):
        found.setdefault(match.group(1).decode("ascii"), match.group(2).decode("ascii"))
    if not {"MessageCode", "Serial"} <= set(found) and "ResultCode" not in found:
        return None
    if found.get("RefSerial", "") not in ("", found.get("Serial", found.get("RefSerial"))):
        found.pop("ResultCode", None)
    values: dict[str, Any] = {field: found[name] for field, name in WIRE_NAMES.items() if name in found}
    ttl = values.get("ttl", "0")
    values["ttl"] = int(ttl) if ttl.isdecimal() else 0
    for field in ("code", "serial", "sender", "receiver"):
        values.setdefault(field, "")
    return Header(**values)


def disagreements(header: Header, expect: dict[str, Any]) -> tuple[Fault, ...]:
    """Faults for every header field that differs from what the packet or the binding says (spec 01.2 rule 1)."""
    faults = []
    for field, wanted in expect.items():
        found = getattr(header, field)
        if found != wanted:
            path = f"/Package/Header/{WIRE_NAMES[field]}"
            faults.append(
                Fault(
                    path,
                    "agrees",
                    str(found),
                    f"{path} 为 {found}，与包头的 {wanted} 不一致",
                    f"{path} is {found}, the packet header says {wanted}",
                )
            )
    return tuple(faults)
