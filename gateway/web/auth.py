"""Who is on the line of an HTTP request: address, Basic, certificate, UsernameToken, as the peer row asks (spec 01.3, 01.4).

Addresses count before anything is parsed, Basic and certificates before the document is; only a UsernameToken has to be read
out of the envelope, by the hardened parser.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

import structlog
from lxml import etree

from adapters.soap.security import Nonces, verify
from gateway.clock import Clock
from gateway.config.model import Listen, Peer
from gateway.peers import PeerBook
from gateway.tls.layer import public_key_digest
from gateway.web.request import HttpRequest

log = structlog.get_logger()


_CHALLENGES = {
    "basic": 'Basic realm="bss-gateway", charset="UTF-8"',
    "digest": 'UsernameToken realm="bss-gateway"',
    "certificate": 'ClientCertificate realm="bss-gateway"',
}
"""What a 401 asks for, by the peer row's ``auth``. RFC 9110 wants one with every 401; what a client does not know it passes
over, and none but Basic makes it send a password."""


def challenge(auth: str) -> tuple[tuple[str, str], ...]:
    """The header of a 401 to a peer that proves itself so; none to one that need not."""
    return (("WWW-Authenticate", _CHALLENGES[auth]),) if auth in _CHALLENGES else ()


class NotAdmitted(Exception):
    """The request is from nobody who may send it; ``symbol`` names the 2xxx row, ``auth`` how the peer's row asks for proof."""

    def __init__(self, symbol: str, why: str, auth: str = "none") -> None:
        super().__init__(why)
        self.symbol = symbol
        self.auth = auth


class Gate:
    """The peers of one listener and what proves each."""

    def __init__(self, listen: Listen, book: PeerBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self._peers = {peer.id: peer for peer in book.all() if peer.listen == listen.name}
        self._passwords = {peer.id: peer.http.password() for peer in self._peers.values()}
        self._nonces = Nonces()

    @property
    def peers(self) -> tuple[Peer, ...]:
        """All of them."""
        return tuple(self._peers.values())

    def expected(self, host: str) -> bool:
        """Whether any peer of this listener may come from ``host``."""
        return any(self._book.allowed(peer, host) for peer in self._peers.values())

    def admit(
        self, sender: str, request: HttpRequest, security: etree._Element | None = None, raw: bytes = b"", serial: str = ""
    ) -> Peer:
        """The peer that says it is ``sender``, proven as its row asks. Raises NotAdmitted.

        ``raw``, which names its ``serial``, may come again as it is with the same token (docs/decisions/023).
        """
        peer = self._peers.get(sender)
        if peer is None:  # one that is known comes in elsewhere
            raise NotAdmitted("SENDER_UNKNOWN" if self._book.get(sender) is None else "ADDRESS_NOT_ALLOWED", sender)
        if not self._book.allowed(peer, request.address):
            raise NotAdmitted("ADDRESS_NOT_ALLOWED", request.address)
        if peer.http.auth != "none":
            repeats_found = bool(serial) and peer.serials_trusted
            why = self._unproven(peer, request, security, raw if repeats_found else b"")
            if why is not None:
                log.warning("http.not_authenticated", peer=peer.id, host=request.address, why=why)
                raise NotAdmitted("NOT_AUTHENTICATED", why, peer.http.auth)
        return peer

    def owner(self, request: HttpRequest, claimed: str) -> Peer | None:
        """Whose bytes these are when no document can be read in them, as far as the line proves it; None for nobody's."""
        candidates = [self._peers[claimed]] if claimed in self._peers else list(self._peers.values())
        for peer in candidates:
            if not self._book.allowed(peer, request.address) or peer.http.auth == "digest":
                continue
            if peer.http.auth != "none":
                if self._unproven(peer, request, None) is None:
                    return peer
            elif peer.id == claimed or (peer.allow_addresses and len(candidates) == 1):
                return peer
        return None

    def _unproven(
        self, peer: Peer, request: HttpRequest, security: etree._Element | None, raw: bytes = b""
    ) -> str | None:
        wanted = peer.http
        if wanted.auth == "basic":
            user, password = basic_of(request)
            right = hmac.compare_digest(password, self._passwords[peer.id].encode())
            return None if hmac.compare_digest(user, wanted.user.encode()) and right else "wrong user or password"
        if wanted.auth == "certificate":
            shown = public_key_digest(request.channel.transport)
            return None if hmac.compare_digest(shown, wanted.certificate_sha256) else "not the certificate of this peer"
        around = hashlib.sha256(raw).digest() if raw else b""
        return verify(security, wanted.user, self._passwords[peer.id], self._clock.now(), self._nonces, around)


def basic_of(request: Any) -> tuple[bytes, bytes]:
    """User and password of HTTP Basic; empty ones where there are none."""
    scheme, _, given = request.header(b"authorization").partition(b" ")
    if scheme.lower() != b"basic":
        return b"", b""
    try:
        user, _, password = base64.b64decode(given.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b"", b""
    return user, password
