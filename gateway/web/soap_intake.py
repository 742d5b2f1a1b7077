"""``POST /soap``: SOAP 1.1 and 1.2 by the Body's element, operations that carry the document as text (spec 01.3).

A refusal is a Fault with the Receipt as detail; what cannot be read as far as its SOAP version is answered in 1.1, or in 1.2
where the media type says so.
"""

from __future__ import annotations

from typing import Any

from lxml import etree

from adapters.document import Document, DocumentRefused, Fault
from adapters.envelopes.package import loose_header
from adapters.soap.names import MEDIA, SoapVersion
from adapters.soap.reading import (
    FaultKind,
    Opened,
    SoapRefused,
    digest_of,
    open_envelope,
    release_of,
    text_of,
    to_package,
    version_in,
    version_of,
)
from adapters.soap.writing import Frame
from adapters.wire.packet import Packet, SoapPacket
from adapters.xml.charset import Found, Reading, read
from gateway.config.model import Peer
from gateway.web.auth import NotAdmitted, challenge
from gateway.web.intake import Shop, Unacceptable, body_of, check_media, log, media_charset, media_of, send
from gateway.web.request import HttpRequest
from schemas.loader import NATIVE, RELEASE

_OK = ("ok", "accepted", "duplicate")


class SoapIntake:
    """Takes envelopes of one listener."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._describe = shop.speeches.describe(shop.gate.peers)
        release = shop.catalogue.version(RELEASE)
        self._frames: dict[SoapVersion, Frame] = {version: Frame(version, release) for version in MEDIA}
        self._releases = {version: shop.catalogue.version(version) for version in shop.catalogue.versions()}

    def take(self, request: HttpRequest) -> None:
        """One envelope."""
        shop = self._shop
        raw = request.body
        frame = self._frames["1.1"]
        try:
            media, charset = media_of(request)
            frame = self._frames["1.2" if media == MEDIA["1.2"] else "1.1"]
            check_media(media)
            raw = body_of(request, shop.listen.http.max_body)
        except Unacceptable as fault:
            self._refuse(request, frame, raw, fault.symbol, (fault.fault,), status=fault.status)
            return
        if shop.dispatcher.behind:
            self._refuse(request, frame, raw, "BUSY")
            return
        if self._sure(request, raw, charset):
            return
        try:
            reading = shop.codec.read(raw, charset)
            root = shop.codec.parser.parse_shallow(reading.data)
            version = version_of(root)
            frame = self._frames[version] if version is not None else frame
            opened = open_envelope(root)
            if opened.strangers:
                # what is judged by a schema, or never looked at, cannot nest too deep to be harmless; the rest is counted
                shop.codec.parser.check_depth(root)
        except DocumentRefused as refusal:
            self._unreadable(request, frame, raw, charset, refusal)
            return
        packet = SoapPacket(body=raw, charset=reading.charset, receiver=shop.book.own_id)
        if opened.is_text:
            self._text(request, frame, packet, opened)
        else:
            self._document(request, frame, packet, opened, reading)

    # -- documents ----------------------------------------------------------------------------------------------------

    def _sure(self, request: HttpRequest, raw: bytes, charset: str | None) -> bool:
        """Take an envelope of a form so well known that it need not be parsed: our header block, a document, nothing else."""
        version = version_in(raw)
        if version is None:
            return False
        try:
            sure = self._shop.codec.decode_sure(raw, charset, "Envelope")
        except DocumentRefused:
            return False
        if sure is None:
            return False
        document, found = sure
        packet = SoapPacket(body=raw, charset=found.charset, receiver=self._shop.book.own_id)
        frame = self._frames[version]
        peer = self._admitted(request, frame, packet, document.header.sender)
        if peer is not None:
            self._judge(request, frame, packet, peer, document, found, None)
        return True

    def _admitted(
        self, request: HttpRequest, frame: Frame, packet: Packet, sender: str, opened: Opened | None = None
    ) -> Peer | None:
        """The peer that may speak here under this name; None after an answer to anybody else."""
        shop, raw = self._shop, packet.body
        try:
            if opened is None:
                peer = shop.gate.admit(sender, request)
            else:
                peer = shop.gate.admit(sender, request, opened.security, raw, opened.serial)
        except NotAdmitted as fault:
            self._not_admitted(request, frame, raw, fault)
            return None
        if peer.envelope != NATIVE:
            self._refuse(request, frame, raw, "NOT_PERMITTED", (other_envelope(peer.envelope),))
            return None
        if self._too_fast(request, frame, raw, peer):
            return None
        packet.sender = peer.id
        return peer

    def _judge(
        self,
        request: HttpRequest,
        frame: Frame,
        packet: Packet,
        peer: Peer,
        document: Document | None,
        how: Found | DocumentRefused,
        root: etree._Element | None,
    ) -> None:
        """Hand on what was read, and ``how`` its charset was found, or why nothing could be."""
        shop = self._shop
        refusal = how if isinstance(how, DocumentRefused) else None
        if document is not None and isinstance(how, Found):
            if how.wrong:
                shop.dispatcher.charsets.judge(peer, how, document.header)
            if "soap" not in document.row.bindings:
                refusal = not_offered(document)
        shop.dispatcher.take_judged(
            packet, peer, self._responder(request, frame, None), document, refusal,
            charset="UTF-8", digest=digest_of(document, root),
        )  # fmt: skip

    def _document(self, request: HttpRequest, frame: Frame, packet: Packet, opened: Opened, reading: Reading) -> None:
        if opened.header is None:
            try:
                to_package(opened, self._releases[RELEASE])  # refuses it for that
            except SoapRefused as refusal:
                self._unreadable(request, frame, packet.body, packet.charset, refusal)
                return
        peer = self._admitted(request, frame, packet, opened.sender, opened)
        if peer is None:
            return
        root = to_package(opened, release_of(opened, self._releases))
        try:
            document = self._shop.codec.decode_tree(root, reading.data)
        except DocumentRefused as refusal:
            self._judge(request, frame, packet, peer, None, refusal, root)
        else:
            self._judge(request, frame, packet, peer, document, reading, root)

    def _responder(self, request: HttpRequest, frame: Frame, kind: FaultKind | None) -> Any:
        shop = self._shop

        def respond(body: bytes, _reply: bool, code: str) -> None:
            package = _utf_8(shop, body)
            result = shop.catalogue.result(code)
            if result.category in _OK:
                self._send(request, 200, frame, frame.around(package))
                return
            self._send_fault(request, frame, package, code, kind)

        return respond

    # -- documents as text ----------------------------------------------------------------------------------------------

    def _text(self, request: HttpRequest, frame: Frame, packet: Packet, opened: Opened) -> None:
        """The document in the string is judged as if it had come by itself; so is its answer."""
        shop, raw = self._shop, packet.body
        try:
            text = text_of(opened)
            said = self._describe(text.encode())
            peer = shop.gate.admit(said.sender, request, opened.security, raw, said.serial)
        except NotAdmitted as fault:
            known = shop.gate.owner(request, "") if fault.symbol == "SENDER_UNKNOWN" else None
            if known is None:
                self._not_admitted(request, frame, raw, fault)
                return
            peer = known
        except SoapRefused as refusal:
            self._unreadable(request, frame, raw, packet.charset, refusal)
            return
        if self._too_fast(request, frame, raw, peer):
            return
        operation, namespace = opened.operation, etree.QName(opened.content).namespace or ""

        def respond(body: bytes, _reply: bool, _code: str) -> None:
            answer = frame.text_answer(operation, namespace, read(body, None).data.decode())
            self._send(request, 200, frame, answer)

        inner = SoapPacket(body=text.encode(), charset="UTF-8", sender=peer.id, receiver=shop.book.own_id)
        shop.dispatcher.take_from(inner, peer, {"sender": peer.id}, respond)

    # -- refusals -------------------------------------------------------------------------------------------------------

    def _unreadable(
        self, request: HttpRequest, frame: Frame, raw: bytes, charset: str | None, refusal: DocumentRefused
    ) -> None:
        """No document: stored where it is plainly a peer's, answered and logged anyhow."""
        shop = self._shop
        refusal.header = refusal.header or loose_header(raw)
        kind = refusal.kind if isinstance(refusal, SoapRefused) else None
        owner = shop.gate.owner(request, refusal.header.sender if refusal.header is not None else "")
        if owner is None:
            self._refuse(request, frame, raw, refusal.symbol, refusal.faults, kind)
            return
        if self._too_fast(request, frame, raw, owner):
            return
        packet = SoapPacket(body=raw, charset=charset or "UTF-8", sender=owner.id, receiver=shop.book.own_id)
        answer = self._responder(request, frame, kind)

        def respond(body: bytes, reply: bool, code: str) -> None:
            if owner.envelope != NATIVE:  # what is kept is in the peer's own envelope; a Fault has a Receipt as detail
                result = shop.catalogue.result(code)
                body = shop.receipt(raw, result.symbol, refusal.faults if result.symbol == refusal.symbol else ())
            answer(body, reply, code)

        shop.dispatcher.take_judged(packet, owner, respond, None, refusal, charset="UTF-8")

    def _not_admitted(self, request: HttpRequest, frame: Frame, raw: bytes, fault: NotAdmitted) -> None:
        # 401 only to whom a header of HTTP would prove: anybody else's client might answer it with a password
        self._refuse(request, frame, raw, fault.symbol, status=401 if fault.auth == "basic" else 0)

    def _refuse(
        self,
        request: HttpRequest,
        frame: Frame,
        raw: bytes,
        symbol: str,
        faults: tuple[Fault, ...] = (),
        kind: FaultKind | None = None,
        status: int = 0,
    ) -> None:
        log.warning("http.turned_away", host=request.address, symbol=symbol, bytes=len(raw))
        package = self._shop.receipt(raw, symbol, faults)
        self._send_fault(request, frame, package, self._shop.catalogue.result(symbol).code, kind, status)

    def _too_fast(self, request: HttpRequest, frame: Frame, raw: bytes, peer: Peer) -> bool:
        """Whether this is more than the peer may send; then it has been answered with a Fault."""
        if wait := self._shop.wait(request, peer):
            package = self._shop.receipt(raw, "RATE_EXCEEDED")
            code = self._shop.catalogue.result("RATE_EXCEEDED").code
            self._send_fault(request, frame, package, code, None, retry_after=wait)
        return bool(wait)

    def refuse(self, request: HttpRequest, symbol: str) -> None:
        """A refusal that does not depend on what was sent."""
        media, _ = media_of(request)
        self._refuse(request, self._frames["1.2" if media == MEDIA["1.2"] else "1.1"], request.body, symbol)

    def too_large(self, content_type: bytes) -> tuple[str, bytes]:
        """1008 for a body that was not read: media type and Fault."""
        media, _ = media_charset(content_type)
        frame, shop = self._frames["1.2" if media == MEDIA["1.2"] else "1.1"], self._shop
        result = shop.catalogue.result("TOO_LARGE")
        return f"{MEDIA[frame.version]}; charset=utf-8", frame.fault(shop.receipt(b"", "TOO_LARGE"), result, None)

    def _send_fault(
        self,
        request: HttpRequest,
        frame: Frame,
        package: bytes,
        code: str,
        kind: FaultKind | None,
        status: int = 0,
        retry_after: int = 0,
    ) -> None:
        result = self._shop.catalogue.result(code)
        sender = not code.startswith("9") and (kind is None or kind.code == "Client")
        usual = 400 if frame.version == "1.2" and sender else 500
        more = (("Retry-After", str(retry_after)),) if retry_after else ()
        self._send(request, status or usual, frame, frame.fault(package, result, kind), more)

    def _send(
        self, request: HttpRequest, status: int, frame: Frame, body: bytes, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        if status == 401:
            headers = challenge("basic")
        send(request, status, body, f"{MEDIA[frame.version]}; charset=utf-8", headers)


def _utf_8(shop: Shop, package: bytes) -> bytes:
    """A stored answer may have been written for another binding, in another charset."""
    if package.startswith(b'<?xml version="1.0" encoding="UTF-8"?>'):
        return package
    return shop.codec.encode(shop.codec.decode(package), "UTF-8")


def other_envelope(name: str) -> Fault:
    """Why a document may not come as a SOAP operation: its sender speaks another envelope."""
    zh, en = f"该对端约定的封装是 {name}，不经此操作", f"this peer speaks the envelope {name}, not this operation"
    return Fault("/Envelope/Body", "envelope", name, zh, en)


def not_offered(document: Document) -> DocumentRefused:
    """Why a message that travels by other bindings only is refused here."""
    row = document.row
    fault = Fault("/Package/Header/MessageCode", "binding", row.code, f"{row.code} {row.zh} 不经 SOAP 提供",
                  f"{row.code} {row.name} is not offered by SOAP")  # fmt: skip
    return DocumentRefused("MESSAGE_UNKNOWN", (fault,), document.header)
