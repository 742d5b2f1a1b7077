"""Whether a peer's rows can say everything its role says and hears: every good sample written and read back (spec 01.2, 02)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.document import Document, DocumentRefused
from adapters.soap.partner import Partner
from adapters.xml.codec import Codec
from gateway.config.maps import places
from gateway.config.model import Config, Peer
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from gateway.tls import certificates
from schemas.loader import load
from schemas.model import MessageRow
from schemas.shape import Leaf
from schemas.wsdl import offered

ANYBODY = "*"
MAPPED = ("body", "soo")
"""What an envelope may hold whose fields a map can name."""


class PeerCheck:
    """Checks peers of one configuration."""

    def __init__(self, config: Config, now: int) -> None:
        self._now = now
        self._listens = {row.name: row for row in config.listen}
        self._own = config.gateway.system_id
        self._codec = Codec(load())
        self._partners: dict[Path, Partner] = {}
        self._speeches = SpeechBook(self._codec, PeerBook(config), lambda: 0)

    def report(self, peer: Peer) -> dict[str, Any]:
        """``messages`` of its role, how many are ``good``, ``faults`` and ``notes`` with the message they are about,
        ``certificates`` and how long each lasts: those of its row and of the listener it connects to."""
        lines = [line.element for line in self._codec.catalogue.envelope(peer.envelope).lines]
        known = [row for row in self._codec.catalogue.messages() if _concerns(row, peer.role, bool(lines))]
        rows = [row for row in known if row.name in lines] if lines else known
        faults = [{"message": f"{row.code} {row.name}", "text": why} for row in rows if (why := self._why_not(row, peer))]
        good = len(rows) - len(faults)
        idle = self._idle_maps(peer)
        faults += idle
        notes = [] if idle else list(self._left_out(peer))
        listen = self._listens.get(peer.listen or "")
        shown = [one for row in (listen, peer) if row is not None for one in certificates.named(row)]
        return {"peer": peer.id, "role": peer.role, "messages": len(rows), "good": good, "faults": faults,
                "notes": notes, "certificates": certificates.report(shown, self._now)}  # fmt: skip

    def _why_not(self, row: MessageRow, peer: Peer) -> str:
        """What goes wrong first with the row's samples; empty if nothing does."""
        if why := self._not_taken(row, peer):
            return why
        for path in self._codec.catalogue.samples(row.name):
            if not path.name.startswith("ok_"):
                continue
            document = self._codec.decode(path.read_bytes())
            if document.element != row.name:
                continue
            outward = any(route.receiver in (peer.role, ANYBODY) for route in row.routes)
            sender, receiver = (self._own, peer.id) if outward else (peer.id, self._own)
            header = replace(document.header, sender=sender, receiver=receiver)
            try:
                why = self._there_and_back(Document(row, row.name, header, document.body), peer)
            except (LookupError, ValueError, DocumentRefused) as fault:
                why = str(fault)
            if why:
                return why
        return ""

    def _idle_maps(self, peer: Peer) -> list[dict[str, str]]:
        """Maps of bodies where what the envelope holds is not a body of their names."""
        inner = peer.dialect.inner or self._codec.catalogue.envelope(peer.envelope).inner
        if not peer.dialect.bodies or inner in MAPPED:
            return []
        zh = f"inner 为 {inner or '—'} 时不起作用：内容是裸报文体的写 inner = \"body\"，否则删去"
        en = f'does nothing where inner is {inner or "—"}: say inner = "body" if the content is the bare body, else remove it'
        return [{"message": "[peer.dialect.bodies]", "text": f"{zh} / {en}"}]

    def _left_out(self, peer: Peer) -> Iterator[dict[str, str]]:
        """Values of ours that a map of values says nothing of: they travel as they are, which the peer may not know."""
        for element, body in peer.dialect.bodies.items():
            known = dict(places(self._codec.catalogue.shape(element, peer.schema_version), ""))
            for path, given in body.fields.items():
                leaf = known.get(path)
                every = leaf.enumeration if isinstance(leaf, Leaf) and given.values else ()
                left = [value for value in every if value not in given.values]
                if left:
                    listed = ", ".join(left)
                    zh = f"{path} 这些取值没有对照，原样收发：{listed}"
                    en = f"these values of it have no other and travel as they are: {listed}"
                    yield {"message": f"[peer.dialect.bodies.{element}]", "text": f"{zh} / {en}"}

    def _not_taken(self, row: MessageRow, peer: Peer) -> str:
        """Why a message we send cannot go by the partner's own WSDL; empty where it has none."""
        file, version = peer.http.wsdl_file, peer.schema_version
        if file is None or peer.binding != "soap" or peer.http.operation != "document":
            return ""
        if row not in offered(self._codec.catalogue, peer.role, version):
            return ""
        if file not in self._partners:
            self._partners[file] = Partner(file)
        element = f"{{{self._codec.catalogue.version(version).message_namespace}}}{row.name}"
        if self._partners[file].takes(element, peer.http.soap) is not None:
            return ""
        return f"{file.name} 没有操作 {row.name}，发不出 / {file.name} has no operation {row.name}: it cannot be sent"

    def _there_and_back(self, document: Document, peer: Peer) -> str:
        voice = self._speeches.of(peer.id).envelope
        raw = voice.encode(document, peer.charset)
        header = document.header
        expect = {"code": header.code, "serial": header.serial, "sender": header.sender}
        lines = self._codec.catalogue.envelope(peer.envelope).lines
        found = voice.decode(raw, peer.charset, expect if lines else None)
        if found.body == document.body or (lines and voice.encode(found, peer.charset).startswith(raw)):
            return ""  # a line says of a document what its row says; defaults of what was not said may follow
        lost = ", ".join(_differences(document.body, found.body, ""))
        return f"读回后不同：{lost} / comes back otherwise: {lost}"


def _differences(ours: Any, theirs: Any, path: str) -> list[str]:
    """Where two bodies differ, by our paths, and as what each value comes back."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        start = f"{path}/" if path else ""
        below = [_differences(ours.get(name), theirs.get(name), start + name) for name in {**ours, **theirs}]
        return list(dict.fromkeys(one for found in below for one in found))
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        below = [_differences(one, other, path) for one, other in zip(ours, theirs, strict=True)]
        return list(dict.fromkeys(one for found in below for one in found))
    if ours == theirs:
        return []
    plain = not isinstance(ours, dict | list) and not isinstance(theirs, dict | list)
    return [f"{path} ({ours} → {'—' if theirs is None else theirs})" if plain else path]


def _concerns(row: MessageRow, role: str, anybody: bool) -> bool:
    """Whether a message is one of a role's; ``anybody``: those of all roles, too."""
    roles = (role, ANYBODY) if anybody else (role,)
    return any(one in (route.sender, route.receiver) for route in row.routes for one in roles)
