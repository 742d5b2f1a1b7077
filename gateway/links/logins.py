"""Logins on socket links, both ways (spec 01.1.5): we log in where a peer row says as whom, peers where it says they must.

A login is answered at once and not stored with the messages: it concerns one connection and no order.  What it was answered is
remembered for a while, so that the same bytes get the same answer (01.1.6).
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

import structlog

from adapters.document import Document, DocumentRefused, Fault, Header
from adapters.envelopes.envelope import Envelope
from adapters.login import NONCE_BYTES, Doorkeeper, credentials
from adapters.packing import packed
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from gateway.answers import Answers, answer_packet
from gateway.clock import Clock, Entropy
from gateway.config.model import Peer
from gateway.inbound import Respond
from gateway.links.link import Connection
from gateway.peers import PeerBook
from schemas.loader import Catalogue

log = structlog.get_logger()

_REMEMBERED = 1_000
"""So many answered logins are known again."""


class NotWelcome(Exception):
    """A packet before the login that is none, or one that is refused: ``faults`` are those of its form, which it is told; what
    is wrong with user, secret or time it is not."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(len(faults))
        self.faults = faults


class Greeter:
    """Logs in on one connection to ``peer``."""

    def __init__(self, peer: Peer, logins: Logins) -> None:
        self._peer = peer
        self._logins = logins
        self.asked = Header("", "", "", "")

    def greeting(self) -> tuple[Packet, int]:
        """The login, its header in ``asked``, and when its answer is due (ms)."""
        packet, self.asked, due = self._logins.greeting(self._peer)
        return packet, due

    def accepted(self, packet: Packet) -> bool:
        """Whether the answer lets us in."""
        return self._logins.accepted(self._peer, packet, self.asked)


class Logins:
    """All logins of a process; ``voice_of`` gives the envelope a peer speaks."""

    def __init__(
        self,
        book: PeerBook,
        catalogue: Catalogue,
        voice_of: Callable[[str], Envelope],
        clock: Clock,
        entropy: Entropy,
        area: str,
    ) -> None:
        self._own = book.own_id
        self._voice_of = voice_of
        self._clock = clock
        self._entropy = entropy
        self._area = area
        self._row = catalogue.by_element("Login")
        self.code = self._row.code
        self.logout = catalogue.by_element("Logout").code
        self._doorkeeper = Doorkeeper()
        self._secrets = {peer.id: peer.login.secret() for peer in book.all()}
        self._number = 0
        self._welcomed: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    def secret(self, peer: Peer) -> str:
        """What we and ``peer`` share; empty where nothing."""
        return self._secrets[peer.id]

    def greeter(self, peer: Peer) -> Greeter | None:
        """Who logs in at ``peer`` on a new connection; None where nobody needs to."""
        return Greeter(peer, self) if peer.login.user else None

    def greeting(self, peer: Peer) -> tuple[Packet, Header, int]:
        """A login at ``peer``: its packet, its header, and when its answer is due (ms)."""
        now = self._clock.now()
        sent = wire_time(now)
        self._number += 1
        serial = f"{self._own:0<6.6}{sent}7{self._number:09d}"
        body = credentials(peer.login.user, self._secrets[peer.id], now, self._entropy.token(NONCE_BYTES))
        header = Header(self._row.code, serial, self._own, peer.id, self._area, sent, peer.schema_version, "B")
        raw = self._voice_of(peer.id).encode(Document(self._row, self._row.name, header, body), peer.charset)
        packet = packed(header, raw, Kind.REQUEST, peer.charset)
        return packet, header, now + int(peer.answer_seconds(self._row) * 1000)

    def accepted(self, peer: Peer, packet: Packet, asked: Header) -> bool:
        """Whether the answer to the login with header ``asked`` lets us in."""
        try:
            said = self._voice_of(peer.id).decode_answer(packet.body, packet.charset, asked).element
        except DocumentRefused as refusal:
            said = refusal.symbol
        if said == self._row.answer:
            return True
        zh, en = "对端拒绝登录，请核对用户与密钥", "the peer refuses our login: check user and secret"
        log.error("login.refused", peer=peer.id, user=peer.login.user, answer=said, result=packet.result, zh=zh, en=en)
        return False

    def proven(self, connection: Connection, packet: Packet, peer: Peer) -> bool:
        """Whether the packet itself says the secret, in a layout that has a field for it."""
        secret = self._secrets[peer.id].encode()
        if not connection.session.layout.carries("password") or not compare_digest(packet.password.encode(), secret):
            return False
        connection.session.admit()
        connection.proven = True
        return True

    def welcome(self, connection: Connection, packet: Packet, peer: Peer, answers: Answers) -> Packet:
        """The answer to the peer's login, which lets it in on this connection. Raises ``NotWelcome`` if ``packet`` is no good
        login."""
        try:
            document = self._voice_of(peer.id).decode(packet.body, packet.charset)
        except DocumentRefused as refusal:
            if packet.code != self.code:
                raise NotWelcome(()) from refusal
            why = "; ".join(fault.text for fault in refusal.faults) or refusal.symbol
            log.warning("login.failed", peer=peer.id, host=connection.host, why=why)
            raise NotWelcome(refusal.faults) from refusal
        if document.element != self._row.name or document.header.sender != peer.id:
            raise NotWelcome(())
        now = self._clock.now()
        refused = self._why_not(document, peer, now)
        if refused is not None:
            log.warning("login.failed", peer=peer.id, host=connection.host, why=refused)
            raise NotWelcome(())
        log.info("login.ok", peer=peer.id, host=connection.host)
        connection.logged_in.append(peer.id)
        connection.session.admit()
        raw = self._answer(document, packet.body, peer, answers, now)
        ok = answers.number("OK")
        return answer_packet(packet, self._own, raw, reply=True, charset=peer.charset, result=ok, now=now)

    def leave(self, connection: Connection, packet: Packet, peer: Peer) -> None:
        """A peer's logout is the last it may say here until it logs in again, in the sequence its packets came."""
        if packet.code == self.logout and peer.id in connection.logged_in:
            connection.logged_in.remove(peer.id)
            connection.left = True
            log.info("logout", peer=peer.id, host=connection.host)

    def again(self, document: Document, raw: bytes, peer: Peer, answers: Answers, respond: Respond) -> None:
        """A login on a connection that is logged in: the same bytes get their answer, other content under a known serial 1009;
        a new one is judged like the first."""
        header, now = document.header, self._clock.now()
        known = self._welcomed.get((peer.id, header.serial))
        if known is not None and known[0] == raw:
            respond(known[1], True, answers.number("OK"))
            return
        symbol = None if known is None else "SERIAL_REUSED"
        if known is None and self._why_not(document, peer, now) is not None:
            symbol = "NOT_AUTHENTICATED"
        if symbol is not None:
            respond(answers.receipt(document.row, header, symbol, now, peer.charset), False, answers.number(symbol))
            return
        respond(self._answer(document, raw, peer, answers, now), True, answers.number("OK"))

    def _why_not(self, document: Document, peer: Peer, now: int) -> str | None:
        return self._doorkeeper.why_not(document.body, peer.login.peer_user or peer.id, self._secrets[peer.id], now)

    def _answer(self, document: Document, raw: bytes, peer: Peer, answers: Answers, now: int) -> bytes:
        """What lets it in, remembered."""
        body = {"user": peer.login.peer_user or peer.id, "time": wire_time(now)}
        answer = answers.reply(document.row, document.header, body, now, peer.charset)
        if len(self._welcomed) >= _REMEMBERED:
            del self._welcomed[next(iter(self._welcomed))]
        self._welcomed[peer.id, document.header.serial] = (raw, answer)
        return answer
