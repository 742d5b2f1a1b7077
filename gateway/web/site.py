"""The hardened HTTP site: twisted.web's parser with the bounds it lacks (hardening.md, HTTP recipe; spec 01.3, 01.4).

A request is handed on whole or not at all: one Host, a path of ours, no folded header, one length, a body within its
limit.  Nothing waits for ever: headers, body, idle connections and clients that do not read have deadlines, which one sweep
a second holds for all connections of a site, so that a request arms no timer.  Answers are written in one piece.  A client that
closes its half after its request gets the answer, then the connection ends.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory
from twisted.protocols import basic
from twisted.python.failure import Failure
from twisted.web import http
from zope.interface import implementer

from gateway.clock import Clock
from gateway.config.http import HttpLimits
from gateway.tls.handshake import note
from gateway.web.heads import KnownHeads
from gateway.web.request import HttpRequest, Objection, checked_target
from gateway.web.status import answer_head

log = structlog.get_logger()

SWEEP_S = 1.0
LINGER_S = 2.0
"""How long a refused client may take to read why."""
TOO_LARGE = 413
_GRACE_S = 10.0
"""How long a body may be slower than the floor at its beginning."""

_TEXTS = {
    400: "HTTP 请求不合规 / not a well-formed HTTP request",
    413: "报文体超过大小上限 / the body exceeds the limit",
    417: "不支持的 Expect / this expectation cannot be met",
}


@implementer(IHalfCloseableProtocol)
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
        self.half_closed = False
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

    def readConnectionLost(self) -> None:
        """The client sends no more: it gets what it is owed (01.1.3 rule 5), whatever it only began is refused."""
        self.half_closed = True
        self._end_of_input()

    def writeConnectionLost(self) -> None:
        """Our half is closed: the client's end, or the sweep, ends the connection."""

    def _end_of_input(self) -> None:
        """Nothing more will be read: close as soon as nothing that was read waits for its answer."""
        if self._busyReceiving:
            return  # what was read is still being gone through; whoever does that comes by here
        if self.phase == "work":
            if not any(self._dataBuffer):
                self.persistent = 0
        elif self.refused or not self.persistent or self._between:
            self.loseConnection()  # type: ignore[no-untyped-call]
        else:
            self.refuse(400)

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
        try:
            self._path = checked_target(self._path, self._version, self.requests[-1].requestHeaders)
            if self.length is not None and self.length > self.limits.max_body:
                raise Objection(TOO_LARGE)
        except Objection as objection:
            self.refuse(objection.status)
            return
        self.phase, self.since, self.received = "body", self._seconds(), 0
        super().allHeadersReceived()  # type: ignore[no-untyped-call]
        if self._fresh and self.persistent and self._version == b"HTTP/1.1":
            self.site.heads.remember(self._fresh, self._command, self._path, self.requests[-1].requestHeaders)
        self._fresh = b""

    def allContentReceived(self) -> None:
        """A whole request: it has no deadline of ours while it is in work."""
        self.phase = "work"
        super().allContentReceived()  # type: ignore[no-untyped-call]

    def requestDone(self, request: HttpRequest) -> None:
        """Answered: what waits behind it comes next."""
        self.phase, self.since, self.received = "idle", self._seconds(), 0
        super().requestDone(request)  # type: ignore[no-untyped-call]
        if self.half_closed:
            self._end_of_input()

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
        if half_close is not None and not self.half_closed:
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
