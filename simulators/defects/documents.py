"""Flaws of how documents are read and answered: serials, header fields, charsets, XML, refusals (spec 01.1.6, 01.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

from adapters.wire.packet import Kind, Packet
from adapters.wire.settings import SessionSettings
from simulators.defects.flaw import Flaw
from simulators.settings import PeerSettings

_AGREE = {
    "serial": b"Serial",
    "code": b"MessageCode",
    "sender": b"Sender",
    "receiver": b"Receiver",
    "area": b"Area",
    "mode": b"Mode",
}
_ENTITY = re.compile(rb'<!ENTITY\s+(\w+)\s+"([^"]*)">')
_DOCTYPE = re.compile(rb"<!DOCTYPE[^\[>]*(\[.*?\])?\s*>", re.DOTALL)
_FAULT = re.compile(rb"(<(?:\w+:)?fault>.*?</(?:\w+:)?fault>).*(</(?:\w+:)?faults>)", re.DOTALL)
_FAULTS = re.compile(rb"<(\w+:)?faults>.*</(\w+:)?faults>", re.DOTALL)


class Rereads(Flaw):
    """Takes a repeat for something new: forgets every serial it has seen by telling them apart. ``other_only``: only where
    the content differs."""

    def __init__(self, other_only: bool = False) -> None:
        self._count = 0
        self._other_only = other_only
        self._true: dict[str, str] = {}
        self._first: dict[str, bytes] = {}

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        serial = packet.serial
        if self._other_only and self._first.setdefault(serial, sha256(packet.body).digest()) == sha256(packet.body).digest():
            return packet
        self._count += 1
        new = f"{serial[:20]}{self._count:010d}"
        self._true[new] = serial
        return replace(packet, serial=new, body=packet.body.replace(serial.encode(), new.encode()))

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """The answer still names the serial that was sent."""
        old = self._true.get(answer.serial, answer.serial)
        return replace(answer, serial=old, body=answer.body.replace(answer.serial.encode(), old.encode()))


class Hearing(Flaw):
    """Reads the packets of documents otherwise than they are."""

    def __init__(self, change: Callable[[Packet], Packet]) -> None:
        self._change = change

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        return self._change(packet)


class Answering(Flaw):
    """Changes the packet of its answers."""

    def __init__(self, change: Callable[[Packet, Packet], Packet]) -> None:
        self._change = change

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        return self._change(asked, answer)


class Marks(Flaw):
    """No two answers of it are alike, not even to one question."""

    def __init__(self) -> None:
        self._count = 0

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        self._count += 1
        return replace(answer, body=answer.body + b"<!-- %d -->" % self._count)


class Mixes(Flaw):
    """Answers a question with what it answered to the one before."""

    def __init__(self) -> None:
        self._before = b""

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        found = re.search(rb"<(?:\w+:)?text>.*?</(?:\w+:)?text>", answer.body, re.DOTALL)
        if answer.kind is not Kind.REPLY or found is None:
            return answer
        before, self._before = self._before or found[0], found[0]
        return replace(answer, body=answer.body.replace(found[0], before))


class Omits(Flaw):
    """Leaves element ``name`` out of its messages ``code``, against their schema."""

    def __init__(self, code: str, name: str) -> None:
        self._code = code
        tag = re.escape(name.encode())
        self._element = re.compile(rb"<(\w+:)?%s>.*?</(\w+:)?%s>" % (tag, tag), re.DOTALL)

    def sent(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        return replace(packet, body=self._element.sub(b"", packet.body)) if packet.code == self._code else packet

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        return self.sent(answer)


class Limits(Flaw):
    """Other limits of connections than agreed."""

    def __init__(self, **limits: Any) -> None:
        self._limits = limits

    def limits(self, settings: SessionSettings) -> SessionSettings:
        """See ``Flaw``."""
        return replace(settings, **self._limits)


class Meets(Flaw):
    """Meets its peers otherwise than agreed."""

    def __init__(self, **manner: Any) -> None:
        self._manner = manner

    def peer(self, settings: PeerSettings) -> PeerSettings:
        """See ``Flaw``."""
        return replace(settings, **self._manner)


class Admits(Flaw):
    """Takes the logins of who must log in otherwise than agreed."""

    def __init__(self, **manner: Any) -> None:
        self._manner = manner

    def peer(self, settings: PeerSettings) -> PeerSettings:
        """See ``Flaw``."""
        return replace(settings, login=replace(settings.login, **self._manner)) if settings.login.required else settings


# -- how packets are read


def deaf(field: str, value: Any) -> Callable[[Packet], Packet]:
    """Does not look at a field of the packet's header: hears it as ``value``."""
    return lambda packet: replace(packet, **{field: value})


def impatient(packet: Packet) -> Packet:
    """No tolerance of clocks."""
    return replace(packet, ttl=packet.ttl - 300) if packet.ttl else packet


def never_unlimited(packet: Packet) -> Packet:
    """No limit is taken for the shortest one."""
    return replace(packet, ttl=packet.ttl or 1)


def believes_document(packet: Packet) -> Packet:
    """What the document's header says counts, the packet's is not compared."""
    said = {name: re.search(rb"<%s>([^<]*)</%s>" % (tag, tag), packet.body) for name, tag in _AGREE.items()}
    changed: dict[str, Any] = {name: found[1].decode("ascii") for name, found in said.items() if found is not None}
    return replace(packet, **changed)


def text(pattern: bytes, instead: bytes) -> Callable[[Packet], Packet]:
    """The document with a pattern replaced."""
    compiled = re.compile(pattern, re.DOTALL)
    return lambda packet: replace(packet, body=compiled.sub(instead, packet.body))


def expands(packet: Packet) -> Packet:
    """Entities are expanded as the DTD says, the DTD itself is taken."""
    body = packet.body
    for name, value in _ENTITY.findall(body)[:1]:
        body = body.replace(b"&%s;" % name, value)
    return replace(packet, body=_DOCTYPE.sub(b"", body))


def no_entities(packet: Packet) -> Packet:
    """A DTD without entities is taken."""
    return packet if b"<!ENTITY" in packet.body else replace(packet, body=_DOCTYPE.sub(b"", packet.body))


def believes_label(packet: Packet) -> Packet:
    """Decodes as the packet says, whatever the bytes are."""
    return _recoded(packet, packet.charset)


def replaces(packet: Packet) -> Packet:
    """Puts a question mark for what does not decode."""
    return _recoded(packet, packet.charset) if b"\xff" in packet.body else packet


def common_only(packet: Packet) -> Packet:
    """Knows the characters of GBK only."""
    named = "UTF-8" if b'encoding="UTF-8"' in packet.body[:80] else "GB18030"
    known = packet.body.decode(named, "replace").encode("gbk", "replace").decode("gbk")
    return replace(packet, body=known.encode(named, "replace"))


def closes(packet: Packet) -> Packet:
    """Puts in the closing tag somebody forgot."""
    return packet if b"</Package>" in packet.body else replace(packet, body=packet.body + b"</Package>")


def _recoded(packet: Packet, charset: str) -> Packet:
    decoded = packet.body.decode(charset, "replace").replace("\ufffd", "?")
    return replace(packet, charset="UTF-8", body=re.sub(r'encoding="[^"]*"', 'encoding="UTF-8"', decoded).encode())


# -- how they are answered


def other_serial(asked: Packet, answer: Packet) -> Packet:
    """The answer under a serial one higher."""
    other = f"{int(answer.serial[20:]) + 1:010d}" if answer.serial[20:].isdigit() else "0000000001"
    serial = answer.serial[:20] + other
    return replace(answer, serial=serial, body=answer.body.replace(answer.serial.encode(), serial.encode()))


def as_reply(asked: Packet, answer: Packet) -> Packet:
    """Receipts travel as replies."""
    return replace(answer, kind=Kind.REPLY) if answer.kind is Kind.RECEIPT else answer


def to_nobody(asked: Packet, answer: Packet) -> Packet:
    """The answer names whom the question was for as its receiver."""
    wrong = b"<Receiver>%s<" % answer.sender.encode()
    return replace(answer, receiver=answer.sender, body=re.sub(rb"<Receiver>[^<]*<", wrong, answer.body))


def all_well(asked: Packet, answer: Packet) -> Packet:
    """The packet says that all is well, whatever its document says."""
    return replace(answer, result="0000")


def first_fault(asked: Packet, answer: Packet) -> Packet:
    """Only the first fault is told."""
    return replace(answer, body=_FAULT.sub(rb"\1\2", answer.body))


def no_faults(asked: Packet, answer: Packet) -> Packet:
    """No fault is told."""
    return replace(answer, body=_FAULTS.sub(b"", answer.body))


def recoded(code: str, instead: str) -> Callable[[Packet, Packet], Packet]:
    """Another result code than the right one."""
    old, new = code.encode(), instead.encode()

    def change(asked: Packet, answer: Packet) -> Packet:
        if answer.result != code:
            return answer
        body = re.sub(rb"(<(?:\w+:)?(?:code|ResultCode)>)%s<" % old, rb"\g<1>%s<" % new, answer.body)
        return replace(answer, result=instead, body=body)

    return change


def said(pattern: bytes, instead: bytes) -> Callable[[Packet, Packet], Packet]:
    """The answer with a pattern replaced."""
    change = text(pattern, instead)
    return lambda asked, answer: change(answer)


def misdeclared(asked: Packet, answer: Packet) -> Packet:
    """Packet and document call GB18030 what is UTF-8."""
    named = re.sub(rb'encoding="[^"]*"', b'encoding="GB18030"', answer.body)
    return replace(answer, charset="GB18030", body=named.decode("gb18030", "replace").encode())
