"""Who speaks on a socket connection, and may they: address, certificate, login, rate (spec 01.1.5, 02: 2001 to 2006).

Whoever is turned away is answered in the words of the peer row it claims, where there is one, and nothing is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from hmac import compare_digest

import structlog

from adapters.document import DocumentRefused, Fault, Header
from adapters.wire.packet import Packet
from gateway.answers import answer_packet
from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.links.link import Connection
from gateway.links.logins import Logins, NotWelcome
from gateway.links.rate import Rates
from gateway.peers import PeerBook
from gateway.speech import SpeechBook
from gateway.tls.layer import public_key_digest
from schemas.loader import RELEASE

log = structlog.get_logger()

UNREADABLE = ("NOT_WELL_FORMED", "CHARSET_UNDECODABLE", "TOO_LARGE")
"""What keeps anybody from reading a document (1001, 1005, 1008): its sender is not the one to be told that it is unknown."""


class Door:
    """Judges the senders of packets; ``on_identified`` hears when a connection's peer is known."""

    def __init__(self, book: PeerBook, speeches: SpeechBook, clock: Clock, logins: Logins, rates: Rates) -> None:
        self._book = book
        self._speeches = speeches
        self._clock = clock
        self._logins = logins
        self._rates = rates
        self.on_identified: Callable[[str, Connection], None] = _nobody

    def unproven(self, connection: Connection, sender: str) -> str:
        """The sender of an answer that is the first thing on its connection; nobody, where more than a name is asked for."""
        peer = self._book.get(sender)
        if peer is None or peer.login.required or not self._book.allowed(peer, connection.host):
            return ""
        if not _has_key(connection, peer):
            return ""
        return sender

    def knows(self, connection: Connection, packet: Packet) -> bool:
        """Whether who speaks on a connection has said so, and goes on: no logout came before, and this is none."""
        return connection.peer_id is not None and not connection.left and packet.code != self._logins.logout

    def identify(self, connection: Connection, packet: Packet, refusal: DocumentRefused | None = None) -> Peer | None:
        """The peer row of the sender; None after answering why not to somebody who may not speak for any here. ``refusal``: why
        the packet itself is no good."""
        peer = self._book.get(packet.sender)
        if peer is None:
            unread = None if packet.sender else refusal or self._unreadable(packet)
            if unread is None:
                self._turn_away(connection, packet, "SENDER_UNKNOWN")
            else:
                self._turn_away(connection, packet, unread.symbol, faults=unread.faults)
            return None
        if not self._book.allowed(peer, connection.host):
            self._turn_away(connection, packet, "ADDRESS_NOT_ALLOWED")
            return None
        if not _has_key(connection, peer):
            self._turn_away(connection, packet, "NOT_AUTHENTICATED", peer)
            connection.close()
            return None
        if peer.login.required and peer.id not in connection.logged_in:
            if self._logins.proven(connection, packet, peer):
                return peer  # and every packet proves it anew
            if not self.is_too_fast(connection, packet, peer):
                self._log_in(connection, packet, peer)
            return None
        self._logins.leave(connection, packet, peer)
        connection.peer_id = peer.id
        self.on_identified(peer.id, connection)
        return peer

    def _unreadable(self, packet: Packet) -> DocumentRefused | None:
        """Why nobody can read in ``packet`` who sent it; None where it can be read, and does not say."""
        try:
            self._speeches.codec.decode(packet.body, packet.charset)
        except DocumentRefused as refusal:
            return refusal if refusal.symbol in UNREADABLE else None
        return None

    def _log_in(self, connection: Connection, packet: Packet, peer: Peer) -> None:
        """Before the peer's login everything else is 2003 (spec 01.1.5); who fails one is asked no more."""
        try:
            welcome = self._logins.welcome(connection, packet, peer, self._speeches.of(peer.id).answers)
        except NotWelcome as refused:
            self._turn_away(connection, packet, "NOT_AUTHENTICATED", peer, refused.faults)
            if packet.code == self._logins.code:
                connection.close()
            return
        connection.peer_id = peer.id
        connection.reply(welcome)
        self.on_identified(peer.id, connection)

    def is_too_fast(self, connection: Connection, packet: Packet, peer: Peer) -> bool:
        """Whether the packet is beyond what the peer may send; then it has been answered 2006."""
        if not self._rates.wait(peer.id, connection.host):
            return False
        self._turn_away(connection, packet, "RATE_EXCEEDED", peer)
        return True

    def _turn_away(
        self, connection: Connection, packet: Packet, symbol: str, peer: Peer | None = None, faults: tuple[Fault, ...] = ()
    ) -> None:
        if symbol != "RATE_EXCEEDED":
            log.warning("intake.turned_away", sender=packet.sender, host=connection.host, symbol=symbol)
        speech = self._speeches.native if peer is None else self._speeches.of(peer.id)
        header = answerable(packet, speech.envelope.quick_header(packet.body, packet.charset))
        now = self._clock.now()
        row = self._speeches.row_of(header.code)
        charset = packet.charset if peer is None else peer.charset
        body = speech.answers.receipt(row, header, symbol, now, charset, faults=faults)
        connection.reply(
            answer_packet(packet, self._book.own_id, body, reply=packet.mode == "B", charset=charset,
                          result=speech.answers.number(symbol), now=now)
        )  # fmt: skip


def _has_key(connection: Connection, peer: Peer) -> bool:
    """Whether the connection's certificate holds the public key the peer row names, where it names one."""
    wanted = peer.tls.certificate_sha256
    return not wanted or compare_digest(public_key_digest(connection.transport), wanted)


def header_of(packet: Packet) -> Header:
    """What the packet says, for bytes that hold no readable document."""
    return Header(code=packet.code, serial=packet.serial, sender=packet.sender, receiver=packet.receiver,
                  area=packet.area, send_time=packet.send_time, version=RELEASE, mode=packet.mode)  # fmt: skip


def answerable(packet: Packet, found: Header | None) -> Header:
    """A header the refusal can be matched by: the packet's where it has one, else what was readable of the document's."""
    if packet.serial or found is None:
        header = header_of(packet)
        if found is not None and not header.area:
            header.area = found.area
        return header
    found.version = RELEASE
    return found


def _nobody(peer_id: str, connection: Connection) -> None:
    """Until the composition root says who is interested."""
