"""Logins on socket links, both ways (spec 01.1.5): we log in where a peer row says as whom, peers where it says they must.

A login is answered at once and stored nowhere: it concerns one connection and no order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import structlog

from adapters.document import Document, DocumentRefused, Header
from adapters.login import NONCE_BYTES, Doorkeeper, credentials
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.clock import Clock, Entropy
from gateway.config import Peer
from gateway.peers import PeerBook

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Greeter:
    """Logs in on a connection to ``peer``."""

    peer: Peer
    logins: Logins

    def greeting(self) -> tuple[Packet, int]:
        """The login and when its answer is due (ms)."""
        return self.logins.greeting(self.peer)

    def accepted(self, packet: Packet) -> bool:
        """Whether the answer lets us in."""
        return self.logins.accepted(self.peer, packet)


class Logins:
    """All logins of a process."""

    def __init__(self, book: PeerBook, codec: Codec, clock: Clock, entropy: Entropy, area: str) -> None:
        self._own = book.own_id
        self._codec = codec
        self._clock = clock
        self._entropy = entropy
        self._area = area
        self._row = codec.catalogue.by_element("Login")
        self.code = self._row.code
        self._doorkeeper = Doorkeeper()
        self._secrets = {peer.id: peer.login.secret() for peer in book.all()}
        self._number = 0

    def greeter(self, peer: Peer) -> Greeter | None:
        """Who logs in at ``peer``; None where nobody needs to."""
        return Greeter(peer, self) if peer.login.user else None

    def greeting(self, peer: Peer) -> tuple[Packet, int]:
        """As ``Greeter.greeting``."""
        now = self._clock.now()
        sent = wire_time(now)
        self._number += 1
        serial = f"{self._own:0<6.6}{sent}7{self._number:09d}"
        body = credentials(peer.login.user, self._secrets[peer.id], now, self._entropy.token(NONCE_BYTES))
        header = Header(self._row.code, serial, self._own, peer.id, self._area, sent, peer.schema_version, "B")
        raw = self._codec.encode(Document(self._row, self._row.name, header, body), peer.charset)
        packet = Packet(
            body=raw, kind=Kind.REQUEST, code=self._row.code, sender=self._own, receiver=peer.id, area=self._area,
            serial=serial, send_time=sent, mode="B", charset=peer.charset,
        )  # fmt: skip
        return packet, now + int(peer.answer_seconds(self._row) * 1000)

    def accepted(self, peer: Peer, packet: Packet) -> bool:
        """As ``Greeter.accepted``."""
        try:
            element = self._codec.decode(packet.body, packet.charset).element
        except DocumentRefused as refusal:
            element = refusal.symbol
        if element == self._row.answer:
            return True
        zh, en = "对端拒绝登录，请核对用户与密钥", "the peer refuses our login: check user and secret"
        log.error("login.refused", peer=peer.id, user=peer.login.user, answer=element, result=packet.result, zh=zh, en=en)
        return False

    def admit(self, peer: Peer, packet: Packet, host: str) -> tuple[Document, dict[str, Any]] | None:
        """The login in ``packet`` and the body of its answer; None if it is no login or not a good one."""
        try:
            document = self._codec.decode(packet.body, packet.charset)
        except DocumentRefused:
            return None
        if document.element != self._row.name or document.header.sender != peer.id:
            return None
        now = self._clock.now()
        user = peer.login.peer_user or peer.id
        why = self._doorkeeper.why_not(document.body, user, self._secrets[peer.id], now)
        if why is not None:
            log.warning("login.failed", peer=peer.id, host=host, why=why)
            return None
        log.info("login.ok", peer=peer.id, host=host)
        return document, {"user": user, "time": wire_time(now)}
