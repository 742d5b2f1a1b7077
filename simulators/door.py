"""The door of a simulated system: logins of its own on lines it opens, and of its peers on those they open (spec 01.1.5)."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.document import DocumentRefused
from adapters.login import NONCE_BYTES, Doorkeeper, credentials
from adapters.wire.packet import Packet
from adapters.wire.times import wire_time
from simulators.connection import Connection
from simulators.paper import Paper
from simulators.ports import Entropy
from simulators.reception import Reception
from simulators.settings import HostSettings, PeerSettings


@dataclass(frozen=True, slots=True)
class _Asked:
    """A login of ours under way: its serial and whom it is for."""

    serial: str
    peer: PeerSettings


class Door:
    """``refused`` counts logins that failed, either way."""

    def __init__(self, settings: HostSettings, paper: Paper, reception: Reception, entropy: Entropy) -> None:
        self._settings = settings
        self._paper = paper
        self._reception = reception
        self._entropy = entropy
        self._row = paper.catalogue.by_element("Login")
        self._doorkeeper = Doorkeeper()
        self._inside: dict[Connection, list[str]] = {}
        self._asked: dict[Connection, _Asked] = {}
        self.refused = 0

    def log_in(self, connection: Connection, peer: PeerSettings, now: int) -> None:
        """Ours, where the peer wants one; it is the first thing said."""
        if not peer.login.user:
            return
        body = credentials(peer.login.user, peer.login.secret, now, self._entropy.token(NONCE_BYTES))
        serial = self._paper.serial(now)
        packet = self._paper.message(self._row, body, peer, serial, None, now)
        self._asked[connection] = _Asked(serial, peer)
        connection.session.send(packet, now, now + self._settings.receipt_ms, greeting=True)

    def heard(self, connection: Connection, packet: Packet) -> bool:
        """Whether ``packet`` answers our login; if it lets us in, documents may go, else the line is closed."""
        asked = self._asked.get(connection)
        if asked is None or asked.serial != packet.serial:
            return False
        del self._asked[connection]
        try:
            taken = self._paper.read(packet).element == self._row.answer
        except DocumentRefused:
            taken = False
        if taken:
            connection.session.admit()
        else:
            self.refused += 1
            connection.close()
        return True

    def stops(self, connection: Connection, packet: Packet, now: int) -> Packet | None:
        """What is answered to a document that gets no further than the door; None lets it in. A login of who is inside is
        judged anew, unless its serial is known."""
        peer = self._settings.peers.get(packet.sender)
        if peer is None or not peer.login.required:
            return None
        inside = peer.system in self._inside.get(connection, ())
        if inside and (packet.code != self._row.code or self._reception.knows(packet)):
            return None
        login = peer.login
        try:
            document = self._paper.read(packet)
            is_login = document.element == self._row.name
            user = login.peer_user or peer.system
            if is_login and self._doorkeeper.why_not(document.body, user, login.secret, now) is None:
                self._inside.setdefault(connection, []).append(peer.system)
                connection.session.admit()
                body = {"user": user, "time": wire_time(now)}
                answer = self._paper.answer(self._row, str(self._row.answer), body, packet, peer, now)
                self._reception.keep(packet, answer)
                return answer
            self.refused += is_login
        except DocumentRefused:
            if inside:
                return None
            # whatever it is, it is no login: refused as such
        return self._reception.flawed(packet, "NOT_AUTHENTICATED", now)

    def left(self, connection: Connection) -> None:
        """The connection is gone."""
        self._inside.pop(connection, None)
        self._asked.pop(connection, None)
