"""The hardened HTTP site: twisted.web's parser with the bounds it lacks (hardening.md, HTTP recipe; spec 01.3, 01.4).

A request is handed on whole or not at all: one Host, an origin-form path, no folded header, one length, a body within its
limit.  Nothing waits for ever: headers, body, idle connections and clients that do not read have deadlines, which one sweep
a second holds for all connections of a site, so that a request arms no timer.  Answers are written in one piece.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from twisted.internet.protocol import Factory
from twisted.protocols import basic
from twisted.python.failure import Failure
from twisted.web import http

from gateway.clock import Clock
from gateway.config_http import HttpLimits
from gateway.http_heads import KnownHeads
from gateway.http_status import answer_head
from gateway.tls_handshake import note

log = structlog.get_logger()

SWEEP_S = 1.0
LINGER_S = 2.0
"""How long a refused client may take to read why."""
TOO_LARGE = 413
CHUNKED_FROM = 65_536
"""Answers longer than this go out in chunks."""
_CHUNK = 32_768
_GRACE_S = 10.0
"""How long a body may be slower than the floor at its beginning."""
_HOST = re.compile(rb"[A-Za-z0-9.\-_]{1,253}(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?")

_TEXTS = {
    400: "HTTP 请求不合规 / not a well-formed HTTP request",
    413: "报文体超过大小上限 / the body exceeds the limit",
    417: "不支持的 Expect / this expectation cannot be met",
}


class HttpRequest(http.Request):
    """One request with its whole body."""

    channel: Any

    def __init__(self, channel: HardenedChannel, queued: object = False) -> None:
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


class HardenedChannel(http.HTTPChannel):
    """One connection. ``phase`` is what it is waiting for, ``since`` when that began (seconds of the clock)."""

    requestFactory: Any = HttpRequest
    timeOut = None
    transport: Any
    _path: Any

    def __init__(self, site: HttpSite) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.site = site
        self.limits = site.limits
        self.refused = False
        self.phase = "header"
        self.since = site.clock.seconds()
        self.received = 0
        self.full_since: float | None = None
        self.host = ""
        self.verify = 0
        self._seconds = site.clock.seconds
        self._fresh = b""
        self._missing = -1
        self._ends: tuple[Any, Any] = (None, None)

    # -- twisted.web ----------------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Counted from here on; a TLS handshake counts as waiting for a header."""
        super().connectionMade()  # type: ignore[no-untyped-call]
        self._ends = self.transport.getHost(), self.transport.getPeer()
        self.host = getattr(self._ends[1], "host", "") or ""
        self.site.opened(self)

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Gone."""
        super().connectionLost(reason)  # type: ignore[no-untyped-call]
        self.site.closed(self)
        if reason is not None:
            note(reason, self.host, self.verify)

    def getHost(self) -> Any:
        """Our end; every request asks."""
        return self._ends[0]

    def getPeer(self) -> Any:
        """Their end."""
        return self._ends[1]

    def dataReceived(self, data: bytes) -> None:
        """Bytes of a request, or of the next while one is in work."""
        if self.refused:
            return
        if self.phase == "idle":
            self.phase, self.since = "header", self._seconds()
        self.received += len(data)
        if self._missing >= 0:
            self._more(data)
        elif not (self._between and self._recognised(data)):
            basic.LineReceiver.dataReceived(self, data)
            self._fresh = b""

    @property
    def _between(self) -> bool:
        """Whether what comes now is the beginning of a request, and nothing waits before it."""
        return not (self.requests or self._buffer or self._busyReceiving or self._receivedHeaderSize) and bool(self.persistent)

    def _recognised(self, data: bytes) -> bool:
        """Begin a request whose head is known; False leaves ``data`` to the parser."""
        found = self.site.heads.recognise(data)
        if found is None or found[2] > self.limits.max_body or len(data) - found[1] > found[2]:
            self._fresh = data
            return False
        head, start, self._missing = found
        request = HttpRequest(self)
        request.method, request.uri, request.requestHeaders = head.method, head.uri, head.headers
        self.requests.append(request)
        self.phase, self.since, self.received = "body", self._seconds(), 0
        self._more(data[start:])
        return True

    def _more(self, data: bytes) -> None:
        """A piece of the body of such a request; what stands behind it waits for its answer, as behind any."""
        request = self.requests[-1]
        request.handleContentChunk(data[: self._missing])
        if len(data) < self._missing:
            self._missing -= len(data)
            return
        if len(data) > self._missing:
            self._dataBuffer.append(data[self._missing :])
        self._missing = -1
        self.phase = "work"
        self._handlingRequest = True
        self.setRawMode()  # type: ignore[no-untyped-call]
        request.requestReceived(request.method, request.uri, b"HTTP/1.1")

    def lineReceived(self, line: bytes) -> None:
        """A line of the header; one that continues the line before is refused (RFC 9112 5.2)."""
        if self.refused:
            return
        if line.startswith((b" ", b"\t")):
            self.refuse(400)
            return
        super().lineReceived(line)  # type: ignore[no-untyped-call]

    def lineLengthExceeded(self, line: bytes) -> None:
        """A line nobody needs."""
        self.refuse(431)

    def allHeadersReceived(self) -> None:
        """What the body may be is decided before any of it is read."""
        status = self._objection(self.requests[-1])
        if status:
            self.refuse(status)
            return
        self.phase, self.since, self.received = "body", self._seconds(), 0
        super().allHeadersReceived()  # type: ignore[no-untyped-call]
        if self._fresh and self.persistent and self._version == b"HTTP/1.1":
            self.site.heads.remember(self._fresh, self._command, self._path, self.requests[-1].requestHeaders)
        self._fresh = b""

    def _objection(self, request: HttpRequest) -> int:
        headers = request.requestHeaders
        hosts = headers.getRawHeaders(b"Host") or []
        if len(hosts) > 1 or (self._version == b"HTTP/1.1" and len(hosts) != 1):
            return 400
        if hosts and _HOST.fullmatch(hosts[0]) is None:
            return 400
        if not self._path.startswith(b"/") or self._path.startswith(b"//"):
            return 400
        if self._version != b"HTTP/1.1" and headers.hasHeader(b"Transfer-Encoding"):
            return 400
        expected = headers.getRawHeaders(b"Expect") or []
        if any(value.lower() != b"100-continue" for value in expected):
            return 417
        too_long = self.length is not None and self.length > self.limits.max_body
        return 413 if too_long else 0

    def allContentReceived(self) -> None:
        """A whole request: it has no deadline of ours while it is in work."""
        self.phase = "work"
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def requestDone(self, request: HttpRequest) -> None:
        """Answered: what waits behind it comes next."""
        self.phase, self.since, self.received = "idle", self._seconds(), 0
        super().requestDone(request)  # type: ignore[no-untyped-call]

    def pauseProducing(self) -> None:
        """The client does not read."""
        self.full_since = self._seconds()
        super().pauseProducing()  # type: ignore[no-untyped-call]

    def resumeProducing(self) -> None:
        """It reads again."""
        self.full_since = None
        super().resumeProducing()  # type: ignore[no-untyped-call]

    def _respondToBadRequestAndDisconnect(self) -> None:
        self.refuse(400)

    # -- for the site ---------------------------------------------------------------------------------------------------

    def handle(self, request: HttpRequest) -> None:
        """A whole request for whoever serves this site."""
        self.site.handle(request)

    def send(self, data: bytes) -> None:
        """An answer, tried at once: waiting to be told that the socket takes it would cost a turn of the reactor an answer."""
        self.transport.write(data)
        try_now = getattr(self.transport, "doWrite", None)
        if try_now is not None and try_now() is not None:
            self.transport.startWriting()  # its end, or an error: met again, and acted on, in the reactor's turn

    def refuse(self, status: int) -> None:
        """Say why and close: nothing that follows on this connection can be trusted, so nothing of it is read."""
        if self.refused:
            return
        self.refused = True
        self.persistent = 0
        media, text = "text/plain; charset=utf-8", _TEXTS.get(status, _TEXTS[400]).encode()
        if status == TOO_LARGE:
            media, text = self.site.too_large(self._path, self.requests[-1].header(b"content-type")) or (media, text)
        log.info("http.refused", host=self.host, status=status)
        self.transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (answer_head(status, media, (), close=True), len(text), text))
        self.phase, self.since = "closing", self._seconds()
        half_close = getattr(self.transport, "loseWriteConnection", None)
        # closing with unread input would reset the connection and take the answer with it
        if half_close is not None:
            half_close()
        else:
            self.loseConnection()  # type: ignore[no-untyped-call]

    def overdue(self, now: float) -> str:
        """Why this connection must end now; empty while it may stay."""
        limits, waited = self.limits, now - self.since
        if self.full_since is not None and now - self.full_since > limits.write:
            return "write"
        if self.phase == "header":
            return "header" if waited > limits.header else ""
        if self.phase == "body":
            slow = waited > _GRACE_S and self.received < limits.floor * waited
            return "body" if slow or waited > limits.body else ""
        if self.phase == "idle":
            return "idle" if waited > limits.idle else ""
        return "closing" if self.phase == "closing" and waited > LINGER_S else ""

    def abort(self) -> None:
        """End it at once."""
        self.transport.abortConnection()


class HttpSite(Factory):
    """Connections of one listener, counted in all and per address; ``handle`` gets every whole request."""

    noisy = False

    def __init__(self, limits: HttpLimits, clock: Clock, handle: Callable[[HttpRequest], None]) -> None:
        self.limits = limits
        self.clock = clock
        self.handle = handle
        self.turned_away = 0
        self.heads = KnownHeads()
        self.too_large: Callable[[bytes, bytes], tuple[str, bytes] | None] = lambda path, content_type: None
        """What a body beyond the limit is answered with, by path and Content-Type: media type and document."""
        self._channels: dict[HardenedChannel, None] = {}
        self._per_address: dict[str, int] = {}
        self._sweeping = False

    def buildProtocol(self, addr: Any) -> HardenedChannel | None:
        """A connection, or None beyond what the site or one address may have."""
        host = getattr(addr, "host", "") or ""
        if len(self._channels) >= self.limits.max_connections or self._per_address.get(host, 0) >= self.limits.max_per_address:
            self.turned_away += 1
            return None
        return HardenedChannel(self)

    def opened(self, channel: HardenedChannel) -> None:
        """It counts from now on."""
        self._channels[channel] = None
        self._per_address[channel.host] = self._per_address.get(channel.host, 0) + 1
        if not self._sweeping:
            self._sweeping = True
            self.clock.callLater(SWEEP_S, self._sweep)

    def closed(self, channel: HardenedChannel) -> None:
        """It counts no more."""
        if self._channels.pop(channel, self) is None:
            left = self._per_address[channel.host] - 1
            if left:
                self._per_address[channel.host] = left
            else:
                del self._per_address[channel.host]

    def _sweep(self) -> None:
        now = self.clock.seconds()
        for channel in list(self._channels):
            why = channel.overdue(now)
            if why:
                log.info("http.deadline", host=channel.host, waited_for=why)
                channel.abort()
        self._sweeping = bool(self._channels)
        if self._sweeping:
            self.clock.callLater(SWEEP_S, self._sweep)

    @property
    def busy(self) -> int:
        """Requests in work."""
        return sum(channel.phase == "work" for channel in self._channels)

    @property
    def connections(self) -> int:
        """Connections that stand."""
        return len(self._channels)

    def close_idle(self) -> None:
        """We stop serving: connections without a request end now, the others with their answer."""
        for channel in list(self._channels):
            channel.persistent = 0
            if channel.phase != "work":
                channel.abort()

    def drop_all(self) -> None:
        """Break every connection."""
        for channel in list(self._channels):
            channel.abort()
