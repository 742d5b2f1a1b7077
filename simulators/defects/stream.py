"""Flaws of bytes: how packets of the native header are cut, counted, checked and passed on (spec 01.1.1, 01.1.3)."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from simulators.defects.flaw import Flaw

HEADER = 128
_MAGIC = b"CTIF"
_LENGTH, _KIND, _CODE, _SERIAL, _SEND_TIME = slice(6, 14), slice(14, 15), slice(15, 21), slice(39, 69), slice(69, 83)
_MORE, _SEGMENT, _CHECKSUM = slice(85, 86), slice(86, 90), slice(100, 108)
KINDS = {"reply": b"1", "notification": b"2", "receipt": b"3", "heartbeat": b"8", "heartbeat_reply": b"9"}


class Packets(Flaw):
    """Changes whole packets one by one: ``coming`` those that are read, ``going`` those that are written."""

    def __init__(self, going: Callable[[bytes], bytes] | None = None, coming: Callable[[bytes], bytes] | None = None) -> None:
        self._going, self._coming = going, coming

    def arriving(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        return data if self._coming is None else each(data, self._coming)

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        return data if self._going is None else each(data, self._going)


class OneARead(Flaw):
    """Takes what one read brings for one packet: what stands behind the first is lost."""

    def arriving(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        first = _first(data)
        return data if first is None else first


class Late(Flaw):
    """Everything it writes leaves so many ms later."""

    def __init__(self, late_ms: int) -> None:
        self.late_ms = late_ms


class Renumbers(Flaw):
    """Does not look at segment numbers: what comes next is the next."""

    def __init__(self) -> None:
        self._next: dict[bytes, int] = {}

    def arriving(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        return each(data, self._numbered)

    def _numbered(self, packet: bytes) -> bytes:
        serial = packet[_SERIAL]
        number = self._next.pop(serial, 1)
        if packet[_MORE] == b"1":
            self._next[serial] = number + 1
        return put(packet, _SEGMENT, b"%04d" % number)


class Once(Flaw):
    """Writes each message of its own once only, whatever became of it."""

    def __init__(self) -> None:
        self._written: dict[bytes, None] = {}

    def wire(self, data: bytes) -> bytes:
        """See ``Flaw``."""
        return each(data, self._first_only)

    def _first_only(self, packet: bytes) -> bytes:
        if packet[_KIND] not in (b"0", KINDS["notification"]):
            return packet
        known = packet[_SERIAL] in self._written
        self._written[packet[_SERIAL]] = None
        return b"" if known else packet


def drop(kind: str) -> Callable[[bytes], bytes]:
    """Packets of a kind do not pass."""
    return lambda packet: b"" if packet[_KIND] == KINDS[kind] else packet


def again_otherwise() -> Callable[[bytes], bytes]:
    """What was written before goes as a message of its own, under another serial."""
    written: dict[bytes, None] = {}

    def change(packet: bytes) -> bytes:
        serial = packet[_SERIAL]
        if packet[_KIND] not in (b"0", KINDS["notification"]) or serial not in written:
            written[serial] = None
            return packet
        return right_checksum(packet.replace(serial, serial[:20] + b"9" + serial[21:]))

    return change


def longer(packet: bytes) -> bytes:
    """Its length counts one byte too many."""
    return put(packet, _LENGTH, b"%08d" % (len(packet) + 1))


def other_magic(packet: bytes) -> bytes:
    """It begins with other letters."""
    return b"FITC" + packet[4:]


def other_checksum(packet: bytes) -> bytes:
    """Its checksum is another's."""
    return put(packet, _CHECKSUM, b"%08X" % (crc32(packet[HEADER:]) ^ 1)) if len(packet) > HEADER else packet


def right_checksum(packet: bytes) -> bytes:
    """Its checksum is right, whatever it said."""
    return put(packet, _CHECKSUM, b"%08X" % crc32(packet[HEADER:])) if len(packet) > HEADER else packet


def blank_time(packet: bytes) -> bytes:
    """It does not say when it was sent."""
    return put(packet, _SEND_TIME, b" " * 14) if packet[_KIND] == KINDS["reply"] else packet


def single(packet: bytes) -> bytes:
    """A segment is taken for a document of its own."""
    return put(put(packet, _MORE, b"0"), _SEGMENT, b"0001")


def put(packet: bytes, where: slice, value: bytes) -> bytes:
    """The packet with a field of its header replaced."""
    return packet[: where.start] + value + packet[where.stop :]


def _first(data: bytes) -> bytes | None:
    """The whole packet that stands first; None: there is none."""
    length = data[_LENGTH]
    if data[:4] != _MAGIC or not length.isdigit() or not HEADER <= int(length) <= len(data):
        return None
    return data[: int(length)]


def each(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Every whole packet of the native header changed; what is left stays as it is."""
    changed = b""
    while (packet := _first(data)) is not None:
        changed += change(packet)
        data = data[len(packet) :]
    return changed + data
