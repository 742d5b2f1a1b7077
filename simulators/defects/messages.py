"""Flaws of whole messages between a system and its peers, seen from the wire: lost, doubled, rewritten, answered otherwise.

They need nothing of the system's inside, so they make any system a broken one, our own CRM among them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from adapters.wire.packet import Packet
from simulators.defects.flaw import Flaw

When = Callable[[Packet], bool]


def any_one(packet: Packet) -> bool:
    """Every message."""
    return True


def says(pattern: bytes) -> When:
    """Messages whose document has this."""
    compiled = re.compile(pattern, re.DOTALL)
    return lambda packet: compiled.search(packet.body) is not None


class Loses(Flaw):
    """Never says ``code``, where ``when`` holds of it."""

    def __init__(self, code: str, when: When = any_one) -> None:
        self._code, self._when = code, when

    def going(self, packet: Packet) -> list[Packet]:
        """See ``Flaw``."""
        return [] if packet.code == self._code and self._when(packet) else [packet]


class Doubles(Flaw):
    """Says ``code`` twice, as two messages, where ``when`` holds of it."""

    def __init__(self, code: str, when: When = any_one) -> None:
        self._code, self._when = code, when

    def going(self, packet: Packet) -> list[Packet]:
        """See ``Flaw``."""
        return [packet, _renumbered(packet)] if packet.code == self._code and self._when(packet) else [packet]


class Rewrites(Flaw):
    """Says ``code`` with ``pattern`` replaced in its document."""

    def __init__(self, code: str, pattern: bytes, instead: bytes) -> None:
        self._code, self._pattern, self._instead = code, re.compile(pattern, re.DOTALL), instead

    def going(self, packet: Packet) -> list[Packet]:
        """See ``Flaw``."""
        if packet.code != self._code:
            return [packet]
        return [replace(packet, body=self._pattern.sub(self._instead, packet.body))]


class Never(Flaw):
    """Says nothing a second time, whatever became of the first."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def going(self, packet: Packet) -> list[Packet]:
        """See ``Flaw``."""
        known = packet.serial in self._said
        self._said[packet.serial] = None
        return [] if known else [packet]


class Anew(Flaw):
    """Says what was not acknowledged again as a message of its own, under another serial."""

    def __init__(self) -> None:
        self._said: dict[str, None] = {}

    def going(self, packet: Packet) -> list[Packet]:
        """See ``Flaw``."""
        known = packet.serial in self._said
        self._said[packet.serial] = None
        return [_renumbered(packet)] if known else [packet]


class Takes(Flaw):
    """Acknowledges ``code`` where it refuses it as ``refusal``; ``instead``: answers it as this, where ``when`` holds of it."""

    def __init__(self, code: str, refusal: str, instead: str = "0001", when: When = any_one) -> None:
        self._code, self._refusal, self._instead, self._when = code, refusal, instead, when

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        old = rb"(<(?:\w+:)?(?:code|ResultCode)>)%s<" % self._refusal.encode()
        if asked.code != self._code or re.search(old, answer.body) is None or not self._when(asked):
            return answer
        result = self._instead if answer.result == self._refusal else answer.result
        return replace(answer, result=result, body=re.sub(old, rb"\g<1>%s<" % self._instead.encode(), answer.body))


class Replies(Flaw):
    """Answers ``code`` with ``pattern`` replaced in the document of its answer."""

    def __init__(self, code: str, pattern: bytes, instead: bytes) -> None:
        self._code, self._pattern, self._instead = code, re.compile(pattern, re.DOTALL), instead

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """See ``Flaw``."""
        if asked.code != self._code:
            return answer
        return replace(answer, body=self._pattern.sub(self._instead, answer.body))


class Mishears(Flaw):
    """Takes ``code`` as if ``pattern`` were replaced in its document."""

    def __init__(self, code: str, pattern: bytes, instead: bytes) -> None:
        self._code, self._pattern, self._instead = code, re.compile(pattern, re.DOTALL), instead

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        if packet.code != self._code:
            return packet
        return replace(packet, body=self._pattern.sub(self._instead, packet.body))


class OfTheLatest(Flaw):
    """Takes what ``code`` reports of an order for its latest version."""

    _ORDER, _VERSION = re.compile(rb"<service_order_id>([^<]*)<"), re.compile(rb"<version>[^<]*<")

    def __init__(self, code: str) -> None:
        self._code = code
        self._latest: dict[bytes, bytes] = {}

    def going(self, packet: Packet) -> list[Packet]:
        """See ``Flaw``."""
        order, version = self._ORDER.search(packet.body), self._VERSION.search(packet.body)
        if packet.code == "OH01" and order is not None and version is not None:
            self._latest[order[1]] = version.group()
        return [packet]

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        order = self._ORDER.search(packet.body)
        if packet.code != self._code or order is None or order[1] not in self._latest:
            return packet
        return replace(packet, body=self._VERSION.sub(self._latest[order[1]], packet.body))


class HearsAnew(Flaw):
    """Takes what comes again for something new."""

    def __init__(self) -> None:
        self._heard: dict[str, None] = {}
        self._true: dict[str, str] = {}

    def heard(self, packet: Packet) -> Packet:
        """See ``Flaw``."""
        known = packet.serial in self._heard
        self._heard[packet.serial] = None
        if not known:
            return packet
        again = _renumbered(packet)
        self._true[again.serial] = packet.serial
        return again

    def answered(self, asked: Packet, answer: Packet) -> Packet:
        """The answer still names the serial that was sent."""
        true = self._true.get(answer.serial, answer.serial)
        return replace(answer, serial=true, body=answer.body.replace(answer.serial.encode(), true.encode()))


def _renumbered(packet: Packet) -> Packet:
    """The same under a serial of its own."""
    serial = f"{packet.serial[:20]}9{packet.serial[21:]}"
    return replace(packet, serial=serial, body=packet.body.replace(packet.serial.encode(), serial.encode()))
