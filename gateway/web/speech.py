"""What our messages look like to a peer over HTTP, and what its answers say (spec 01.3, 01.4): no I/O.

A message of ours is a Package; how it travels - as itself, in an envelope, as text in somebody's operation - is the peer row's.
An answer becomes the Package it stands for; what a status without one means, ``gateway.web.answers`` says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from urllib.parse import SplitResult

from adapters.document import DocumentRefused, Header
from adapters.envelopes.form import MEDIA_TYPE as FORM
from adapters.soap.answers import answer_text, package_of_answer
from adapters.soap.names import ENVELOPES, MEDIA, action
from adapters.soap.partner import Partner, PartnerOperation
from adapters.soap.security import username_token
from adapters.soap.writing import Frame
from adapters.wire.packet import Packet
from adapters.xml.charset import read
from adapters.xml.codec import Codec
from gateway.clock import Clock, Entropy
from gateway.config.model import Peer
from schemas.loader import NATIVE
from schemas.wsdl import service_namespace

NONCE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Posted:
    """A request: what is behind the peer's path, the body, its media type, the SOAPAction if there is one."""

    path: str
    body: bytes
    media: str
    action: str | None = None


def target(address: SplitResult, posted: Posted) -> str:
    """The path of a request, with the query of the peer's address."""
    path = address.path + posted.path or "/"
    return f"{path}?{address.query}" if address.query else path


def asked_at(address: SplitResult, posted: Posted) -> str:
    """The URL of a request as people are shown it: without the query, which may hold a key."""
    return f"{address.scheme}://{address.netloc}{address.path}{posted.path}"


class Speech(Protocol):
    """How a peer is spoken with."""

    def post(self, packet: Packet) -> Posted:
        """A message of ours."""

    def answer(self, body: bytes, charset: str | None, asked: Header, status: bytes = b"") -> bytes:
        """The Package an answer stands for; ``status`` is the one its HTTP status stands for, where that says more than a Fault
        in words. Raises DocumentRefused."""


class PlainSpeech:
    """Plain XML: the Package as it is, behind its message's name."""

    def __init__(self, peer: Peer, codec: Codec) -> None:
        self._catalogue = codec.catalogue
        self._envelope = codec.catalogue.envelope(peer.envelope)

    def post(self, packet: Packet) -> Posted:
        """To ``/if/{message name}`` below the peer's path; documents in other envelopes to the path itself."""
        if self._envelope.name != NATIVE:
            media = FORM if self._envelope.parts else f"application/xml; charset={packet.charset}"
            return Posted("", packet.body, media)
        name = self._catalogue.message(packet.code).name
        return Posted(f"/if/{name}", packet.body, f"application/xml; charset={packet.charset}")

    def answer(self, body: bytes, charset: str | None, asked: Header, status: bytes = b"") -> bytes:
        """As it is."""
        if not body.strip():
            raise DocumentRefused("NOT_WELL_FORMED", detail="empty answer")
        return body


class SoapSpeech:
    """Document/literal envelopes; names, version and action from the partner's WSDL where it has one."""

    def __init__(self, peer: Peer, codec: Codec, clock: Clock, entropy: Entropy) -> None:
        self._peer = peer
        self._codec = codec
        self._clock = clock
        self._entropy = entropy
        self._password = peer.http.password()
        self._partner = None if peer.http.wsdl_file is None else Partner(peer.http.wsdl_file)
        self._release = codec.catalogue.version(peer.schema_version)
        self._frames = {version: Frame(version, self._release) for version in ENVELOPES}
        self._operations: dict[str, PartnerOperation] = {}

    def post(self, packet: Packet) -> Posted:
        """To the peer's path itself."""
        name = self._codec.catalogue.message(packet.code).name
        version, soap_action = self._peer.http.soap, action(self._release.message_namespace, name)
        if self._partner is not None:
            known = self._operations.get(name)
            if known is None:
                element = f"{{{self._release.message_namespace}}}{name}"
                known = self._operations[name] = self._partner.operation(name, version, element)
            version, soap_action = known.version, known.action
        body = self._frames[version].around(packet.body, self._security())
        media = f"{MEDIA[version]}; charset=utf-8"
        if version == "1.2":
            return Posted("", body, f'{media}; action="{soap_action}"')
        return Posted("", body, media, soap_action)

    def _security(self) -> bytes:
        if self._peer.http.auth != "digest":
            return b""
        nonce = self._entropy.token(NONCE_BYTES)
        return username_token(self._peer.http.user, self._password, nonce, self._clock.now())

    def answer(self, body: bytes, charset: str | None, asked: Header, status: bytes = b"") -> bytes:
        """Response or Fault."""
        root = self._codec.parser.parse(self._codec.read(body, charset).data)
        return package_of_answer(self._codec, root, asked, status)[0]


class TextSpeech:
    """An operation of older peers: the document as text, in and out."""

    def __init__(self, peer: Peer, codec: Codec) -> None:
        self._peer = peer
        self._codec = codec
        self._name = peer.http.operation
        version = peer.http.soap
        self._partner = None if peer.http.wsdl_file is None else Partner(peer.http.wsdl_file)
        self._operation = None if self._partner is None else self._partner.operation(self._name, version)
        self._version = self._operation.version if self._operation is not None else version
        self._frame = Frame(version, codec.catalogue.version(peer.schema_version))

    def post(self, packet: Packet) -> Posted:
        """The whole document, its declaration and all, in the operation's one parameter."""
        text = read(packet.body, packet.charset).data.decode()
        namespace = service_namespace(self._peer.schema_version)
        if self._partner is not None and self._operation is not None:
            body = self._partner.text_envelope(self._operation, text)
            soap_action = self._operation.action
        else:
            body = self._frame.text_request(self._name, namespace, text)
            soap_action = action(namespace, self._name)
        media = f"{MEDIA[self._version]}; charset=utf-8"
        return Posted("", body, media, soap_action if self._version == "1.1" else None)

    def answer(self, body: bytes, charset: str | None, asked: Header, status: bytes = b"") -> bytes:
        """The document in the answer's text; a Fault is told as it is."""
        root = self._codec.parser.parse(self._codec.read(body, charset).data)
        fault = next((child for child in root.iter() if str(child.tag).endswith("}Fault")), None)
        if fault is not None:
            return package_of_answer(self._codec, root, asked, status)[0]
        return answer_text(root).encode()


def speech_of(peer: Peer, codec: Codec, clock: Clock, entropy: Entropy) -> Speech:
    """How the peer row says. Raises OSError and WsdlUnusable for files that cannot be used."""
    if peer.binding == "http":
        return PlainSpeech(peer, codec)
    return SoapSpeech(peer, codec, clock, entropy) if peer.http.operation == "document" else TextSpeech(peer, codec)
