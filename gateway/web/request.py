"""One HTTP request, whole, and what its head may say (hardening.md, HTTP recipe; spec 01.3, 01.4; RFC 9112).

A head that two readers could read differently is refused before any of its body is read: one Host, a target that names a path
here, no expectation nobody can meet.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from twisted.web import http
from twisted.web.http_headers import Headers

from gateway.web.status import answer_head

CHUNKED_FROM = 65_536
"""Answers longer than this go out in chunks."""
_CHUNK = 32_768
_HOST = re.compile(rb"[A-Za-z0-9.\-_]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(/[^#]*|\?[^#]*|)", re.IGNORECASE)


class Objection(Exception):
    """A head that is not taken; ``status`` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


def checked_target(target: bytes, version: bytes, headers: Headers) -> bytes:
    """The path, with its query, that a head asks for. Raises Objection for a head that cannot be taken.

    The absolute form is taken, as a server must (RFC 9112 3.2.2), where it names the Host it came with: a proxy in between
    that went by the one while we go by the other would be led astray.
    """
    hosts = headers.getRawHeaders(b"Host") or []
    if len(hosts) > 1 or (version == b"HTTP/1.1" and len(hosts) != 1):
        raise Objection(400)
    if hosts and _HOST.fullmatch(hosts[0]) is None:
        raise Objection(400)
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        if _HOST.fullmatch(absolute[1]) is None or (hosts and absolute[1].lower() != hosts[0].lower()):
            raise Objection(400)
        target = absolute[2] if absolute[2].startswith(b"/") else b"/" + absolute[2]
    if not target.startswith(b"/") or target.startswith(b"//"):
        raise Objection(400)
    if version != b"HTTP/1.1" and headers.hasHeader(b"Transfer-Encoding"):
        raise Objection(400)
    expected = headers.getRawHeaders(b"Expect") or []
    if any(value.lower() != b"100-continue" for value in expected):
        raise Objection(417)
    return target


class HttpRequest(http.Request):
    """One request with its whole body."""

    channel: Any

    def __init__(self, channel: Any, queued: object = False) -> None:
        super().__init__(channel)
        self.body = b""
        self._pieces: list[bytes] = []
        self._size = 0

    def parseCookies(self) -> None:
        """There are no sessions here."""

    def gotLength(self, length: int | None) -> None:
        """The body's length as announced; None when it comes in chunks."""
        if length is not None and length > self.channel.limits.max_body:
            self.channel.refuse(413)

    def handleContentChunk(self, data: bytes) -> None:
        """A piece of the body."""
        self._size += len(data)
        if self._size > self.channel.limits.max_body:
            self.channel.refuse(413)
        elif not self.channel.refused:
            self._pieces.append(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it is there."""
        if self.channel.refused:
            return
        self.method, self.uri, self.clientproto = command, path, version
        self.body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces = []
        self.channel.handle(self)

    def header(self, name: bytes) -> bytes:
        """A request header; empty without it."""
        values = self.requestHeaders.getRawHeaders(name)
        return values[-1] if values else b""

    def listed(self, name: bytes) -> bytes:
        """A header that is a list, whose entries may stand in several of its name (RFC 9110 5.3)."""
        return b",".join(self.requestHeaders.getRawHeaders(name) or ())

    @property
    def address(self) -> str:
        """Host of the client as the socket knows it."""
        return getattr(self.client, "host", "") or ""

    def respond(self, status: int, body: bytes, media: str, headers: Sequence[tuple[str, str]] = ()) -> None:
        """The answer; nothing if the client has gone."""
        if self._disconnected or self.finished:
            return
        channel = self.channel
        chunked = len(body) > CHUNKED_FROM and self.clientproto == b"HTTP/1.1"
        length = b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"Content-Length: %d\r\n\r\n" % len(body)
        head = answer_head(status, media, tuple(headers), close=not channel.persistent) + length
        if self.method == b"HEAD":
            channel.send(head)
        elif chunked:
            pieces = [body[at : at + _CHUNK] for at in range(0, len(body), _CHUNK)]
            channel.send(b"".join([head, *(b"%x\r\n%b\r\n" % (len(p), p) for p in pieces), b"0\r\n\r\n"]))
        else:
            channel.send(head + body)
        self.startedWriting = 1
        self.finished = 1
        channel.requestDone(self)
