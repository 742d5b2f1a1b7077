"""What an HTTP listener serves: plain XML (``POST /if/{message name}``), SOAP, the WSDL (spec 01.3, 01.4).

Documents take the same door as those of sockets, so order, effect and codes are the same; only the form of the answer differs.
What cannot even be attributed to a peer is answered with its code and logged, not stored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import structlog

from adapters.document import DocumentRefused, Fault, Header
from adapters.envelopes.form import MEDIA_TYPE as FORM
from adapters.envelopes.package import loose_header
from adapters.soap.names import XML_MEDIA
from adapters.wire.packet import PlainPacket
from adapters.xml.charset import opened
from adapters.xml.codec import Codec
from gateway.clock import Clock
from gateway.config.model import Listen, Peer
from gateway.dispatch import Dispatcher
from gateway.links.door import header_of
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from gateway.web.auth import Gate, NotAdmitted, challenge
from gateway.web.gzip_coding import NAMES, WORTH_IT_FROM, NotGzip, UnpacksTooLong, packed, takes_gzip, unpacked
from gateway.web.request import HttpRequest
from schemas.loader import NATIVE, RELEASE, Catalogue

log = structlog.get_logger()

PLAIN_PATH = b"/if/"
SOAP_PATH = b"/soap"
_DECLARED = re.compile(rb'<\?xml version="1\.0" encoding="([A-Za-z0-9\-]+)"\?>')
_ROOT = re.compile(rb"<(?:[A-Za-z_][\w.\-]*:)?Package[\s>/]")


@dataclass(frozen=True, slots=True)
class Status:
    """An HTTP status and the seconds of its Retry-After, 0 = none."""

    status: int
    retry_after: int = 0


class Unacceptable(Exception):
    """The request's body cannot be taken as it comes; ``status`` and ``symbol`` say why."""

    def __init__(self, status: int, symbol: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.status = status
        self.symbol = symbol
        self.fault = Fault("/", "http", "", zh, en)


@dataclass(frozen=True, slots=True)
class Shop:
    """What serving needs, one set a listener."""

    listen: Listen
    book: PeerBook
    speeches: SpeechBook
    dispatcher: Dispatcher
    clock: Clock
    gate: Gate

    @property
    def codec(self) -> Codec:
        """The native codec."""
        return self.speeches.codec

    @property
    def catalogue(self) -> Catalogue:
        """The catalogue of the codec."""
        return self.codec.catalogue

    def wait(self, request: HttpRequest, peer: Peer) -> int:
        """Seconds until ``peer`` may send again (2006); 0 where it may now, which counts this."""
        rates = self.dispatcher.rates
        return -(-rates.wait(peer.id, request.address) // 1000) if rates.any else 0

    def receipt(self, raw: bytes, symbol: str, faults: tuple[Fault, ...] = (), peer: Peer | None = None) -> bytes:
        """A refusal of ``raw``, matched by what can be read of its header: a Package, or as ``peer`` speaks."""
        if peer is not None and peer.envelope != NATIVE:
            header = header_of(self.speeches.described(raw, peer))
            answers, row = self.speeches.of(peer.id).answers, self.speeches.row_of(header.code)
            return answers.receipt(row, header, symbol, self.clock.now(), peer.charset, faults=faults)
        header = loose_header(raw) or Header("", "", "", "")
        header.version = RELEASE
        row = self.catalogue.messages()[0]
        return self.speeches.native.answers.receipt(row, header, symbol, self.clock.now(), "UTF-8", faults=faults)


def body_of(request: HttpRequest, most: int) -> bytes:
    """The body, unpacked. Raises Unacceptable 415, 413 or 400."""
    said = (name.strip().lower() for name in request.listed(b"content-encoding").split(b","))
    codings = [name for name in said if name not in (b"", b"identity")]
    if not codings:
        return request.body
    if len(codings) > 1 or codings[0] not in NAMES:
        raise Unacceptable(415, "NOT_WELL_FORMED", "只支持 gzip 压缩", "gzip is the only content coding taken")
    try:
        return unpacked(request.body, most)
    except NotGzip as fault:
        raise Unacceptable(400, "NOT_WELL_FORMED", fault.zh, fault.en) from fault
    except UnpacksTooLong as fault:
        raise Unacceptable(413, "TOO_LARGE", f"解压后超过 {most} 字节", f"unpacks to more than {most} bytes") from fault


def media_of(request: HttpRequest) -> tuple[str, str | None]:
    """Media type (lower case, empty if not said) and charset of the request."""
    return media_charset(request.header(b"content-type"))


@lru_cache(maxsize=64)
def media_charset(content_type: bytes) -> tuple[str, str | None]:
    """Media type and charset of a Content-Type."""
    kind, *parameters = content_type.decode("latin-1").split(";")
    charset = None
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'") or None
    return kind.strip().lower(), charset


def check_media(kind: str, *others: str) -> None:
    """Raises Unacceptable 415 for what is said to be neither XML nor one of ``others``."""
    if kind and kind not in (*XML_MEDIA, *others) and not kind.endswith("+xml"):
        shown = kind[:60]
        raise Unacceptable(415, "NOT_WELL_FORMED", f"不支持的媒体类型 {shown}，请用 XML", f"media type {shown}: send XML")


def send(
    request: HttpRequest, status: int, body: bytes, media: str, headers: tuple[tuple[str, str], ...] = ()
) -> None:
    """The answer, compressed where the client takes that and it is worth it."""
    if len(body) >= WORTH_IT_FROM and takes_gzip(request.listed(b"accept-encoding")):
        body = packed(body)
        headers = (*headers, ("Content-Encoding", "gzip"))
    request.respond(status, body, media, headers)


class PlainIntake:
    """``POST /if/{message name}``; ``POST /if`` for other envelopes, whose documents say by themselves what they are."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._describe = shop.speeches.describe(shop.gate.peers)
        table = shop.catalogue.table("http_statuses")
        self._statuses = {
            row.code: Status(int(str(row.extra["status"])), int(str(row.extra["retry_after"]))) for row in table.rows.values()
        }

    def take(self, request: HttpRequest, name: str) -> None:
        """One document for the message ``name``."""
        shop = self._shop
        raw = request.body
        try:
            kind, charset = media_of(request)
            check_media(kind, *(() if name else (FORM,)))
            raw = body_of(request, shop.listen.http.max_body)
            expect = self._expected(name)
            peer = self._peer(request, raw)
        except Unacceptable as fault:
            self._refuse(request, raw, fault.symbol, fault.status, (fault.fault,))
            return
        except LookupError:
            fault_at = Fault("/if/", "message", name[:80], f"没有报文 {name[:80]}", f"no message {name[:80]}")
            self._refuse(request, raw, "MESSAGE_UNKNOWN", 404, (fault_at,))
            return
        except NotAdmitted as fault:
            unread = self._no_document(raw, charset) if name and fault.symbol == "SENDER_UNKNOWN" else None
            if unread is None:
                self._refuse(request, raw, fault.symbol, auth=fault.auth)
            else:
                self._refuse(request, raw, unread.symbol, 400, unread.faults)
            return
        if shop.dispatcher.behind:
            self._refuse(request, raw, "BUSY", peer=peer)
            return
        if wait := shop.wait(request, peer):
            self._refuse(request, raw, "RATE_EXCEEDED", peer=peer, wait=wait)
            return

        def respond(body: bytes, _reply: bool, code: str) -> None:
            status = self._statuses.get(code, Status(200))
            faulty = peer.envelope == NATIVE and code == shop.catalogue.result("SCHEMA_FAULTS").code
            if faulty and _ROOT.search(raw, 0, 4096) is None:
                status = Status(400)
            self._answer(request, status, body, peer)

        told = opened(raw)
        if charset is None and told is not None and told[1] is None:
            charset = peer.charset  # neither media type nor document say one; a document that does is not contradicted
        packet = PlainPacket(body=raw, charset=charset or "", sender=peer.id, receiver=shop.book.own_id)
        shop.dispatcher.take_from(packet, peer, {**expect, "sender": peer.id}, respond)

    def _no_document(self, raw: bytes, charset: str | None) -> DocumentRefused | None:
        """Why there is no Package that could say whose it is (01.4: 400); None where there is one."""
        if _ROOT.search(raw, 0, 4096) is not None:
            return None
        try:
            self._shop.codec.decode(raw, charset)
        except DocumentRefused as refusal:
            return refusal
        return None

    def _expected(self, name: str) -> dict[str, str]:
        """What the path says of the message. Raises LookupError for none that is offered here."""
        if not name:
            return {}
        row = self._shop.catalogue.by_element(name)
        if "http" not in row.bindings or name != row.name:
            raise LookupError(name)
        return {"code": row.code}

    def _peer(self, request: HttpRequest, raw: bytes) -> Peer:
        sender = self._describe(raw).sender
        peer = None if sender else self._shop.gate.owner(request, "")
        return peer or self._shop.gate.admit(sender, request)

    def refuse(self, request: HttpRequest, symbol: str) -> None:
        """A refusal that does not depend on what was sent."""
        self._refuse(request, request.body, symbol)

    def too_large(self) -> tuple[str, bytes]:
        """1008 for a body that was not read: media type and document."""
        return "application/xml; charset=UTF-8", self._shop.receipt(b"", "TOO_LARGE")

    def _refuse(
        self,
        request: HttpRequest,
        raw: bytes,
        symbol: str,
        status: int = 0,
        faults: tuple[Fault, ...] = (),
        peer: Peer | None = None,
        wait: int = 0,
        auth: str = "none",
    ) -> None:
        """Answered and logged, not stored; in the words of ``peer`` where it is known whose it is."""
        if not wait:
            log.warning("http.turned_away", host=request.address, symbol=symbol, bytes=len(raw))
        found = Status(status) if status else self._statuses.get(self._shop.catalogue.result(symbol).code, Status(200))
        if wait:
            found = Status(found.status, max(found.retry_after, wait))
        self._answer(request, found, self._shop.receipt(raw, symbol, faults, peer), peer, auth)

    def _answer(
        self, request: HttpRequest, status: Status, body: bytes, peer: Peer | None = None, auth: str = "none"
    ) -> None:
        headers: tuple[tuple[str, str], ...] = ()
        if status.retry_after:
            headers = (("Retry-After", str(status.retry_after)),)
        if status.status == 401:
            headers = (*headers, *challenge(auth if peer is None else peer.http.auth))
        if peer is not None and self._shop.catalogue.envelope(peer.envelope).parts:
            send(request, status.status, body, FORM, headers)
            return
        declared = _DECLARED.match(body)
        label = f"; charset={declared.group(1).decode('ascii')}" if declared is not None else ""
        send(request, status.status, body, f"application/xml{label}", headers)
