"""A SOAP envelope in plain words, before the document in it is explained (spec 01.3): as the running gateway opens one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.document import Document, DocumentRefused
from adapters.envelopes.loose import root_name
from adapters.soap.reading import Opened, open_envelope, release_of, text_of, to_package
from adapters.wire.packet import Packet
from adapters.xml.charset import Reading
from adapters.xml.codec import Codec
from gateway.clock import Entropy
from gateway.config.model import Config, Peer
from gateway.web.soap_intake import not_offered, other_envelope
from gateway.web.speech import Posted, speech_of
from schemas.loader import NATIVE

ROOT = "Envelope"


@dataclass(frozen=True, slots=True)
class Taken:
    """An envelope that was opened: ``text`` is the document of an operation that carries it as text, else ``opened`` holds it,
    read as ``reading`` says."""

    opened: Opened
    reading: Reading
    text: str | None = None

    def words(self) -> tuple[str, str]:
        """What it is, in both languages."""
        version, name = self.opened.version, self.opened.operation
        if self.text is not None:
            return f"SOAP {version}，操作 {name}，整个报文作为文本", f"SOAP {version}, operation {name}, the document as text"
        return f"SOAP {version}，操作 {name}", f"SOAP {version}, operation {name}"


def taken(codec: Codec, raw: bytes) -> Taken | None:
    """The envelope in ``raw``; None for what is none. Raises DocumentRefused for one that cannot be honoured."""
    if root_name(raw) != ROOT:
        return None
    reading = codec.read(raw, None)
    root = codec.parser.parse_shallow(reading.data)
    opened = open_envelope(root)
    if opened.strangers:
        codec.parser.check_depth(root)
    return Taken(opened, reading, text_of(opened) if opened.is_text else None)


def document_of(codec: Codec, envelope: Taken, peer: Peer) -> Document:
    """The document in the Body, said by ``peer``. Raises DocumentRefused."""
    opened = envelope.opened
    if peer.envelope != NATIVE:
        raise DocumentRefused("NOT_PERMITTED", (other_envelope(peer.envelope),))
    releases = {version: codec.catalogue.version(version) for version in codec.catalogue.versions()}
    root = to_package(opened, release_of(opened, releases))
    document = codec.decode_tree(root, envelope.reading.data)
    if "soap" not in document.row.bindings:
        raise not_offered(document)
    return document


def comes_in(config: Config, peer: Peer) -> bool:
    """Whether the running gateway takes SOAP from ``peer``: at the listener its row names."""
    return any(one.name == peer.listen and one.binding != "socket" for one in config.listen)


def posted(codec: Codec, packet: Packet, target: Peer) -> tuple[Posted, str, str]:
    """What would be posted to ``target``, and that in both languages; without proof of who we are, which is secret.

    Raises LookupError, OSError and WsdlUnusable where its row or its WSDL cannot be used.
    """
    bare = target.http.model_copy(update={"auth": "none", "password_file": None})
    nobodys: Any = None  # only what proves who we are has a time
    speech = speech_of(target.model_copy(update={"http": bare}), codec, nobodys, Entropy(0))
    made = speech.post(packet)
    action = f", SOAPAction {made.action}" if made.action is not None else ""
    what = f"POST {''.join(target.connect[:1])}{made.path}, {made.media}{action}"
    later = target.http.auth not in ("none", "certificate")
    zh = f"{what}；{target.http.auth} 认证在发送时加入" if later else what
    return made, zh, f"{what}; {target.http.auth} is added when it is sent" if later else what
