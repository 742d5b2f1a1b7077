"""HTTP/1.1 as bytes, both ways: what the suite writes, and what it reads out of a stream, piece by piece (spec 01.3, 01.4).

Written here and not taken from a library, so that a request can be as wrong as a case wants it, and so that nothing mends
what a system under test writes.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

_HEAD_MOST = 65_536
_BODY_MOST = 32 << 20
_GZIP = 31
_END = b"\r\n\r\n"
_CRLF = b"\r\n"
_CHUNK = 4096
_HEX = re.compile(rb"[0-9A-Fa-f]{1,16}")
_LENGTH = re.compile(r"[0-9]{1,16}")

Headers = Iterable[tuple[str, str]]


class WebFault(ValueError):
    """What came is no HTTP message; the text is ``Chinese / English``."""


@dataclass(slots=True)
class Message:
    """One request (``first``: method, target, version) or response (version, status, phrase). ``body`` is unpacked; ``raw``
    is all of it as it came; ``interim`` are the statuses of the 1xx responses before it."""

    first: tuple[str, str, str]
    headers: list[tuple[str, str]]
    body: bytes = b""
    raw: bytes = b""
    interim: list[str] = field(default_factory=list)

    def header(self, name: str) -> str:
        """A header by name, whatever its case; empty without it, the last of several."""
        return next((value for key, value in reversed(self.headers) if key.lower() == name.lower()), "")

    @property
    def media(self) -> str:
        """Media type without parameters, lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str | None:
        """The charset the media type names."""
        for piece in self.header("content-type").split(";")[1:]:
            name, _, value = piece.partition("=")
            if name.strip().lower() == "charset":
                return value.strip().strip('"') or None
        return None


def written(first: str, headers: Headers, body: bytes = b"") -> bytes:
    """A message as bytes; a header with an empty value is left out."""
    lines = [first, *(f"{name}: {value}" for name, value in headers if value)]
    return "\r\n".join(lines).encode("latin-1", "replace") + _END + body


def gzipped(body: bytes) -> bytes:
    """The body under ``Content-Encoding: gzip``."""
    packer = zlib.compressobj(wbits=_GZIP)
    return packer.compress(body) + packer.flush()


def chunked(body: bytes) -> bytes:
    """The body under ``Transfer-Encoding: chunked``."""
    pieces = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class WebReader:
    """One direction of one connection. ``requests``: whether requests come here (else responses); ``bare``: whether the
    response after so many more has no body whatever its headers say, as one to HEAD."""

    def __init__(self, requests: bool, bare: Callable[[int], bool] = lambda after: False) -> None:
        self._requests = requests
        self._bare = bare
        self._data = bytearray()
        self._interim: list[str] = []
        self._interim_raw = b""
        self._expecting = False

    @property
    def pending(self) -> int:
        """Bytes of a message that is not whole."""
        return len(self._data)

    def wants_continue(self) -> bool:
        """Whether a request waits for ``100 Continue``; said once."""
        asked, self._expecting = self._expecting, False
        return asked

    def feed(self, data: bytes, over: bool = False) -> list[Message]:
        """Whole messages; ``over``: the peer sends no more. Raises WebFault."""
        self._data += data
        found: list[Message] = []
        while self._data:
            size = self._size(over, not self._requests and self._bare(len(found)))
            if size is None:
                if over:
                    raise WebFault("连接在报文中途关闭 / the connection closed in the middle of a message")
                return found
            message, end = size
            raw = bytes(self._data[:end])
            del self._data[:end]
            if not self._requests and message.first[1].startswith("1"):
                self._interim.append(message.first[1])
                self._interim_raw += raw
                continue
            message.raw, message.interim = self._interim_raw + raw, self._interim
            self._interim, self._interim_raw = [], b""
            message.body = _unpacked(message)
            found.append(message)
        return found

    def _size(self, over: bool, bare: bool) -> tuple[Message, int] | None:
        """The message the bytes begin with, its body as it travelled, and where it ends; None while it is not whole."""
        end = self._data.find(_END)
        if end < 0:
            if len(self._data) > _HEAD_MOST or not self._may_begin():
                raise WebFault("不是 HTTP 报文头 / no HTTP header")
            return None
        message = self._head(bytes(self._data[:end]))
        start = end + len(_END)
        if bare:
            return message, start
        if message.header("transfer-encoding").lower() == "chunked":
            return self._chunks(message, start)
        told = message.header("content-length")
        if told:
            if not _LENGTH.fullmatch(told) or int(told) > _BODY_MOST:
                raise WebFault(f"Content-Length 不合法：{told[:40]} / a wrong Content-Length: {told[:40]}")
            size = int(told)
            if len(self._data) < start + size:
                self._expecting = self._expecting or self._asks(message, start)
                return None
            message.body = bytes(self._data[start : start + size])
            return message, start + size
        bare = self._requests or message.first[1] in ("204", "304") or message.first[1].startswith("1")
        if bare:
            return message, start
        if not over:
            return None
        message.body = bytes(self._data[start:])
        return message, len(self._data)

    def _asks(self, message: Message, start: int) -> bool:
        return message.header("expect").lower() == "100-continue" and len(self._data) == start

    def _may_begin(self) -> bool:
        first = bytes(self._data[:9])
        return first[:1].isalpha() if self._requests else b"HTTP/1.1 ".startswith(first) or first.startswith(b"HTTP/1.")

    def _head(self, head: bytes) -> Message:
        first, *lines = head.decode("latin-1").split("\r\n")
        parts = first.split(" ", 2)
        version = parts[-1] if self._requests else parts[0]
        if len(parts) < (3 if self._requests else 2) or not version.startswith("HTTP/1."):
            raise WebFault(f"不是 HTTP 起始行：{first[:80]} / no HTTP start line: {first[:80]}")
        if not self._requests and not (len(parts[1]) == 3 and parts[1].isdecimal()):
            raise WebFault(f"HTTP 状态不合法：{first[:80]} / no HTTP status: {first[:80]}")
        headers = []
        for line in lines:
            name, colon, value = line.partition(":")
            if not colon or not name or name != name.strip():
                shown = "Authorization" if "authorization" in line.lower() else line[:80]  # what is told tells no credentials
                raise WebFault(f"HTTP 头不合法：{shown} / a wrong HTTP header: {shown}")
            headers.append((name, value.strip()))
        return Message((parts[0], parts[1], parts[2] if len(parts) > 2 else ""), headers)

    def _chunks(self, message: Message, at: int) -> tuple[Message, int] | None:
        pieces: list[bytes] = []
        whole = 0
        while True:
            end = self._data.find(_CRLF, at)
            if end < 0:
                return None
            told = bytes(self._data[at:end]).partition(b";")[0].strip()
            size = int(told, 16) if _HEX.fullmatch(told) else -1
            whole += size
            if size < 0 or whole > _BODY_MOST:  # a negative size would be read for ever
                raise WebFault(f"分块长度不合法：{told[:20]!r} / a wrong chunk size: {told[:20]!r}")
            start = end + len(_CRLF)
            if len(self._data) < start + size + len(_CRLF):
                return None
            if not size:
                last = start if self._data.startswith(_CRLF, start) else self._data.find(_END, start) + len(_CRLF)
                message.body = b"".join(pieces)
                return (message, last + len(_CRLF)) if last >= start else None
            pieces.append(bytes(self._data[start : start + size]))
            at = start + size + len(_CRLF)


def _unpacked(message: Message) -> bytes:
    """The body without its coding. Raises WebFault."""
    if message.header("content-encoding").lower() not in ("gzip", "x-gzip"):
        return message.body
    try:
        packer = zlib.decompressobj(_GZIP)
        return packer.decompress(message.body, _BODY_MOST)
    except zlib.error as fault:
        raise WebFault(f"gzip 无法解开：{fault} / the gzip body does not unpack: {fault}") from fault
