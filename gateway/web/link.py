"""Links to peers of the bindings soap and http: every message one POST, as many side by side as the window (spec 01.3, 01.4).

Connections are kept and used again; each request has the deadline of its message.  What happened on the wire is told to the
pump as by any link: nothing left (not sent), nobody knows (unknown), or an answer; a status without document is an answer of
its error class.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

import structlog
from twisted.internet.defer import CancelledError, Deferred, TimeoutError, succeed
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgentEndpointFactory, IBodyProducer
from zope.interface import implementer

from adapters.document import DocumentRefused, Header
from adapters.wire.packet import Packet
from adapters.xml.codec import Codec
from gateway.config.model import Peer
from gateway.links.links import PeerLink, Surroundings
from gateway.web.answers import Bare, BareAnswers
from gateway.web.gzip_coding import NAMES, WORTH_IT_FROM, NotGzip, UnpacksTooLong, packed, unpacked
from gateway.web.intake import media_charset
from gateway.web.speech import Posted, asked_at, speech_of, target
from gateway.web.status import retry_after

log = structlog.get_logger()

KEEP_S = 20
"""How long an idle connection is kept: less than servers usually wait, so that a message does not meet a closing one."""
_NOT_SENT = (ConnectError, ConnectingCancelledError, DNSLookupError, TimeoutError)


class AnswerTooLong(Exception):
    """The peer's answer exceeds the row's limit."""


@implementer(IBodyProducer)
class BytesBody:
    """A request body that is there already."""

    def __init__(self, body: bytes) -> None:
        self.length = len(body)
        self._body = body

    def startProducing(self, consumer: Any) -> Deferred[None]:
        """All at once."""
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is written already."""

    def resumeProducing(self) -> None:
        """It is written already."""

    def stopProducing(self) -> None:
        """It is written already."""


class Collector(Protocol):
    """An answer's body, up to ``most`` bytes."""

    def __init__(self, most: int, done: Deferred[bytes]) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._size = 0
        self._done: Deferred[bytes] | None = done

    def dataReceived(self, data: bytes) -> None:
        """A piece."""
        self._size += len(data)
        if self._size > self._most:
            self._end(Failure(AnswerTooLong(str(self._most))))
            self.drop()
        else:
            self._pieces.append(data)

    def drop(self) -> None:
        """Read no more."""
        transport: Any = self.transport
        if transport is not None:
            transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end, whole or not."""
        whole = reason.check(ResponseDone, PotentialDataLoss) is not None
        self._end(b"".join(self._pieces) if whole else reason)

    def _end(self, outcome: bytes | Failure) -> None:
        done, self._done = self._done, None
        if done is not None:
            (done.errback if isinstance(outcome, Failure) else done.callback)(outcome)  # type: ignore[arg-type]


@implementer(IAgentEndpointFactory)
class Fixed:
    """Whatever is asked for, the peer's addresses answer."""

    def __init__(self, endpoint: IStreamClientEndpoint) -> None:
        self._endpoint = endpoint

    def endpointForURI(self, uri: Any) -> IStreamClientEndpoint:
        """The one endpoint there is."""
        return self._endpoint


class HttpLink(PeerLink):
    """A peer we speak with over HTTP."""

    def __init__(self, peer: Peer, world: Surroundings, codec: Codec) -> None:
        super().__init__(peer, world)
        clock: Any = world.clock
        self._codec = codec
        self._speech = speech_of(peer, codec, world.clock, world.entropy)
        self._bare = BareAnswers(codec.catalogue)
        self._pool = HTTPConnectionPool(clock)
        self._pool.maxPersistentPerHost = peer.window
        self._pool.cachedConnectionTimeout = KEEP_S
        self._pool.retryAutomatically = False
        addresses: Any = self.addresses
        self._agent = Agent.usingEndpointFactory(clock, Fixed(addresses), self._pool)
        self._address = urlsplit(peer.connect[0])
        self._base = f"{'https' if self._address.scheme == 'https' else 'http'}://{self._address.netloc}"
        self._basic = b""
        if peer.http.auth == "basic":
            self._basic = b"Basic " + base64.b64encode(f"{peer.http.user}:{peer.http.password()}".encode())
        self._under_way: dict[str, Deferred[Any]] = {}

    # -- for the pump -------------------------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """For people."""
        now = self._clock.now()
        if self.stopped is not None:
            return "stopped"
        if now < self._paused_until:
            return "paused"
        circuit = self.addresses.circuit.state(now)
        return f"{self.peer.binding}, {len(self._under_way)} under way" if circuit == "closed" else f"circuit {circuit}"

    def room(self) -> int:
        """As many as the window has left."""
        now = self._clock.now()
        if self.stopped is not None or now < self._paused_until:
            return 0
        return self.addresses.circuit.room(self.peer.window, len(self._under_way), now)

    def send(self, packet: Packet, deadline_ms: int) -> bool:
        """One POST."""
        try:
            posted = self._speech.post(packet)
            uri = f"{self._base}{target(self._address, posted)}".encode("ascii")
        except ValueError as fault:  # the partner's WSDL lacks the operation, or the address is none
            log.error("http.not_written", peer=self.peer.id, code=packet.code, serial=packet.serial, why=str(fault))
            return False
        asked = Header(packet.code, packet.serial, packet.sender, packet.receiver, packet.area, packet.send_time,
                       self.peer.schema_version, packet.mode)  # fmt: skip
        body, headers = self._written(posted)
        reading: Deferred[Any] = self._agent.request(b"POST", uri, headers, BytesBody(body))
        reading.addCallback(self._read)
        self._under_way[packet.serial] = reading
        overdue = self._clock.callLater(max(0.0, (deadline_ms - self._clock.now()) / 1000), self._overdue, packet.serial)
        reading.addCallbacks(
            lambda found: self._answered(asked, posted, *found), lambda failure: self._failed(packet.serial, failure)
        )
        reading.addErrback(self._defect, packet.serial).addBoth(self._over, overdue)
        return True

    def _written(self, posted: Posted) -> tuple[bytes, Headers]:
        body, headers = posted.body, Headers({b"Content-Type": [posted.media.encode("ascii")]})
        headers.setRawHeaders(b"Accept-Encoding", [b"gzip"])
        if posted.action is not None:
            headers.setRawHeaders(b"SOAPAction", [f'"{posted.action}"'.encode("ascii")])
        if self._basic:
            headers.setRawHeaders(b"Authorization", [self._basic])
        if self.peer.http.gzip and len(body) >= WORTH_IT_FROM:
            body = packed(body)
            headers.setRawHeaders(b"Content-Encoding", [b"gzip"])
        return body, headers

    # -- what comes back ----------------------------------------------------------------------------------------------

    def _read(self, response: Any) -> Deferred[tuple[Any, bytes]]:
        done: Deferred[bytes] = Deferred()
        collector = Collector(self.peer.limits.max_document, done)
        reading: Deferred[bytes] = Deferred(lambda _: collector.drop())
        done.addCallbacks(
            lambda body: None if reading.called else reading.callback(body),
            lambda failure: None if reading.called else reading.errback(failure),
        )
        response.deliverBody(collector)
        return reading.addCallback(lambda body: (response, body))

    def _overdue(self, serial: str) -> None:
        reading = self._under_way.get(serial)
        if reading is not None:
            reading.cancel()

    def _answered(self, asked: Header, posted: Posted, response: Any, body: bytes) -> None:
        self._under_way.pop(asked.serial)
        # What its status says counts where no document of the peer's came with it: a page of somebody's proxy, or none.
        instead = self._bare.receipt(self._codec, asked, self._head(posted, response)) if response.code >= 300 else b""
        try:
            status = instead if response.code not in (400, 500) else b""  # with these a Fault says itself whose it is (01.3)
            package = self._speech.answer(self._unpacked(response, body), _charset(response), asked, status)
        except DocumentRefused as fault:
            if not instead:
                log.warning("http.answer_unreadable", peer=self.peer.id, serial=asked.serial, why=str(fault))
                self._pump.lost(self.peer.id, asked.serial)
                return
            package = body
        self._note_retry_after(response)
        charset = "UTF-8" if self.peer.binding == "soap" else _charset(response) or self.peer.charset
        answer = Packet(body=package, code=asked.code, sender=self.peer.id, receiver=asked.sender, serial=asked.serial)
        answer.charset = charset
        self._pump.answered(self.peer.id, answer, instead)

    def _head(self, posted: Posted, response: Any) -> Bare:
        """An answer by its head, and where it was asked for."""
        location = (response.headers.getRawHeaders(b"Location") or [b""])[-1].decode("latin-1")
        return Bare(response.code, asked_at(urlsplit(self.addresses.names[self.addresses.current]), posted), location)

    def _unpacked(self, response: Any, body: bytes) -> bytes:
        coding = (response.headers.getRawHeaders(b"Content-Encoding") or [b""])[-1].strip().lower()
        if coding not in NAMES:
            return body
        try:
            return unpacked(body, self.peer.limits.max_document)
        except UnpacksTooLong as fault:
            raise DocumentRefused("TOO_LARGE", detail="the answer unpacks to more than the limit") from fault
        except NotGzip as fault:
            raise DocumentRefused("NOT_WELL_FORMED", detail=fault.en) from fault

    def _note_retry_after(self, response: Any) -> None:
        """A peer that says when to come back is believed, within reason."""
        value = (response.headers.getRawHeaders(b"Retry-After") or [b""])[-1]
        wait = 0 if response.code not in (429, 500, 503) else retry_after(value, self._clock.now())  # SOAP: busy is 500 (01.3)
        if wait:
            self.pause(self._clock.now() + wait)

    def _failed(self, serial: str, failure: Failure) -> None:
        self._under_way.pop(serial)
        if failure.check(*_NOT_SENT) is not None:
            log.warning("link.connect_failed", peer=self.peer.id, why=failure.getErrorMessage())
            self._pump.not_sent(self.peer.id, serial)
        elif failure.check(CancelledError) is not None or _within(failure, CancelledError):
            self._pump.timed_out(self.peer.id, serial)
        else:
            log.warning("link.exchange_failed", peer=self.peer.id, serial=serial, why=failure.getErrorMessage())
            self._pump.lost(self.peer.id, serial)

    def _defect(self, failure: Failure, serial: str) -> None:
        """An answer we could not deal with is a defect of ours: the message goes on as one without answer."""
        log.error("link.defect", peer=self.peer.id, serial=serial, traceback=failure.getTraceback())
        self._under_way.pop(serial, None)
        self._pump.lost(self.peer.id, serial)

    def _over(self, _: Any, overdue: Any) -> None:
        if overdue.active():
            overdue.cancel()
        self._pump.poke(self.peer.id)

    # -- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connections are made when there is something to say."""

    def fail_over(self) -> None:
        """Kept connections lead to the address that failed: the next ones are made anew."""
        self._pool.closeCachedConnections()

    def drop(self) -> None:
        """Give up what is under way."""
        for reading in list(self._under_way.values()):
            reading.cancel()

    def close(self) -> Deferred[Any]:
        """Close kept connections; what is under way is given up."""
        self.drop()
        closing: Deferred[Any] = self._pool.closeCachedConnections()
        return closing


def _charset(response: Any) -> str | None:
    value = (response.headers.getRawHeaders(b"Content-Type") or [b""])[-1]
    return media_charset(value)[1]


def _within(failure: Failure, kind: type[Exception]) -> bool:
    """Whether the reasons an HTTP client gives hold ``kind``."""
    reasons: list[Failure] = getattr(failure.value, "reasons", [])
    return any(reason.check(kind) is not None for reason in reasons)
