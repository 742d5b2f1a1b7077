"""TLS of listeners and peers: TLS 1.2 and up, strong ciphers, certificates both ways where asked for (hardening.md).

The layer lies on top of any endpoint, real or in memory, and takes its time from the clock that is handed in.  What it needs
is imported when the first row asks for TLS.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.clock import Clock
from gateway.config.http import ClientTls, ServerTls
from gateway.links.headcount import Headcount
from gateway.tls.context import Contexts
from gateway.tls.faults import WRONG_NAME, TlsFailed, TlsFault
from gateway.tls.handshake import AcceptedHandshakes, HandshakeFirst

SECURE_PORTS = {"https": 443, "http": 80}


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class _Creator:
    """Makes TLS connections by one ``tls`` table that remember why a certificate did not stand up to checking.

    ``host``: whom the certificate of the other side must be for, a name or an IP address; empty where we listen.
    """

    def __init__(self, contexts: Contexts, host: str = "") -> None:
        self._openssl: Any = import_module("OpenSSL.SSL")
        self._contexts = contexts
        self._host = host
        self._is_address = bool(host) and _is_address(host)

    def _connection(self, protocol: Any) -> Any:
        context = self._contexts.current()
        connection = self._openssl.Connection(context, None)
        if self._host and not self._is_address:
            connection.set_tlsext_host_name(self._host.encode("idna"))
        mode = context.get_verify_mode()
        if mode != self._openssl.VERIFY_NONE:
            connection.set_verify(mode, lambda _, shown, code, depth, ok: self._verified(protocol, shown, code, depth, ok))
        return connection

    def _verified(self, protocol: Any, shown: Any, code: int, depth: int, ok: int) -> bool:
        if ok and depth == 0 and self._host and not self._is_for_host(shown.to_cryptography()):
            code, ok = WRONG_NAME, 0
        if not ok:
            protocol.wrappedProtocol.verify = code
        return bool(ok)

    def _is_for_host(self, certificate: Any) -> bool:
        checks: Any = import_module("service_identity.cryptography")
        errors: Any = import_module("service_identity")
        check = checks.verify_certificate_ip_address if self._is_address else checks.verify_certificate_hostname
        try:
            check(certificate, self._host)
        except (errors.VerificationError, errors.CertificateError):
            return False
        return True

    clientConnectionForTLS = serverConnectionForTLS = _connection


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def server_factory(tls: ServerTls, factory: Any, clock: Clock, counted: Headcount | None = None) -> Any:
    """``factory`` behind TLS. Raises OSError or a PEM error of the files.

    ``counted``: connections count there from the first byte, and the protocol is made after the handshake, which has a
    deadline; without it the protocol is made at once, and both are its affair.
    """
    layer: Any = import_module("twisted.protocols.tls")
    creator = _Creator(Contexts(tls))
    inner = factory if counted is None else AcceptedHandshakes(factory, clock, counted)
    return _Admitting(layer.TLSMemoryBIOFactory(creator, False, inner, clock))


class _Admitting(Factory):
    """The TLS layer's factory; where the one behind it takes no more connections, neither does this (the layer's own would
    fail)."""

    noisy = False

    def __init__(self, layer: Any) -> None:
        self._layer = layer

    def buildProtocol(self, addr: Any) -> Any:
        """A connection, or None."""
        inner = self._layer.wrappedFactory.buildProtocol(addr)
        return None if inner is None else self._layer.protocol(self._layer, inner)

    def doStart(self) -> None:
        """A listener begins."""
        self._layer.doStart()

    def doStop(self) -> None:
        """A listener ends."""
        self._layer.doStop()


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """An endpoint whose connections are TLS to ``host``, the certificate checked against it."""

    def __init__(self, endpoint: Any, host: str, tls: ClientTls, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._creator = _Creator(Contexts(tls), host)

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Fires with the protocol once the handshake is done; fails with ``TlsFailed`` where it fails."""
        layer: Any = import_module("twisted.protocols.tls")
        attempt = _Attempt(protocolFactory)
        factory = layer.TLSMemoryBIOFactory(self._creator, True, attempt, self._clock)
        attempt.begin(self._endpoint.connect(factory))
        return attempt.done


class _Attempt:
    """One connect; as a factory it makes the stand-in of its one connection."""

    noisy = False

    def __init__(self, factory: Any) -> None:
        self.done: Deferred[Any] = Deferred(lambda _: self._give_up())
        self._factory = factory
        self._connecting: Any = None
        self._made: HandshakeFirst | None = None
        self._over = False

    def begin(self, connecting: Deferred[Any]) -> None:
        """``connecting`` is the connect below."""
        self._connecting = connecting
        connecting.addErrback(self._end)

    def doStart(self) -> None:
        """Nothing to do."""
        self._factory.doStart()

    def doStop(self) -> None:
        """Nothing to do."""
        self._factory.doStop()

    def buildProtocol(self, addr: Any) -> HandshakeFirst:
        """The stand-in."""
        self._made = HandshakeFirst(self._factory, addr, self._outcome)
        return self._made

    def _outcome(self, protocol: Any, fault: TlsFault | None) -> None:
        self._end(protocol if fault is None else Failure(TlsFailed(fault)))

    def _end(self, outcome: Any) -> None:
        if not self._over:
            self._over = True
            self.done.callback(outcome)

    def _give_up(self) -> None:
        self._over = True
        if self._made is not None:
            self._made.transport.abortConnection()
        else:
            self._connecting.cancel()


class SecureEndpoints:
    """The endpoints links are handed, by any address of a peer row: ``tls://`` and ``https://`` ones behind TLS.

    ``server_name``: whom certificates must be for, where that is not the host of the address.
    """

    def __init__(self, endpoints: Any, tls: ClientTls, clock: Clock, server_name: str = "") -> None:
        self._endpoints = endpoints
        self._tls = tls
        self._clock = clock
        self._server_name = server_name

    def client(self, address: str) -> Any:
        """An endpoint for the host of ``address``; raises what the endpoints below raise."""
        parts = urlsplit(address)
        if parts.scheme == "mem":
            return self._endpoints.client(f"mem://{parts.netloc}")
        if parts.scheme not in ("tls", "https", "http"):
            return self._endpoints.client(address)
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        below = self._endpoints.client(f"tcp://{shown}:{parts.port or SECURE_PORTS.get(parts.scheme, 0)}")
        return below if parts.scheme == "http" else TlsEndpoint(below, self._server_name or host, self._tls, self._clock)


def public_key_digest(transport: Any) -> str:
    """SHA-256 (hex) of the public key of the certificate the other side came with; empty without one."""
    ask = getattr(transport, "getPeerCertificate", None)
    certificate = ask() if ask is not None else None
    if certificate is None:
        return ""
    forms: Any = import_module("cryptography.hazmat.primitives.serialization")
    key = certificate.to_cryptography().public_key()
    return hashlib.sha256(key.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)).hexdigest()
