"""TLS of listeners and peers: TLS 1.2 and up, strong ciphers, certificates both ways where asked for (hardening.md).

The layer lies on top of any endpoint, real or in memory, and takes its time from the clock that is handed in.  What it needs
is imported when the first row asks for TLS.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
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
from gateway.config_http import ClientTls, ServerTls
from gateway.headcount import Headcount
from gateway.tls_faults import WRONG_NAME, TlsFailed, TlsFault
from gateway.tls_handshake import AcceptedHandshakes, HandshakeFirst

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
SECURE_PORTS = {"https": 443, "http": 80}


def _certificates(path: Path) -> list[Any]:
    """Every certificate of a PEM file: our own first, then those between it and its authority."""
    x509: Any = import_module("cryptography.x509")
    found: list[Any] = x509.load_pem_x509_certificates(path.read_bytes())
    return found


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class _Creator:
    """Makes TLS connections of one context that remember why a certificate did not stand up to checking.

    ``host``: whom the certificate of the other side must be for, a name or an IP address; empty where we listen.
    """

    def __init__(self, context: Any, host: str = "") -> None:
        self._openssl: Any = import_module("OpenSSL.SSL")
        self._context = context
        self._host = host
        self._is_address = bool(host) and _is_address(host)

    def _connection(self, protocol: Any) -> Any:
        connection = self._openssl.Connection(self._context, None)
        if self._host and not self._is_address:
            connection.set_tlsext_host_name(self._host.encode("idna"))
        mode = self._context.get_verify_mode()
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


def _context(
    certificate: Path | None, key: Path | None, authorities: Path | None, revoked: Path | None, *, listening: bool
) -> Any:
    """What our side of a connection is willing to do; without ``authorities`` the system's are trusted where we connect, and
    nobody is asked for a certificate where we listen. Raises OSError or an error of the PEM files."""
    openssl: Any = import_module("OpenSSL.SSL")
    crypto: Any = import_module("OpenSSL.crypto")
    forms: Any = import_module("cryptography.hazmat.primitives.serialization")
    context = openssl.Context(openssl.TLS_METHOD)
    context.set_min_proto_version(openssl.TLS1_2_VERSION)
    for option in ("OP_NO_COMPRESSION", "OP_CIPHER_SERVER_PREFERENCE", "OP_NO_TICKET", "OP_NO_RENEGOTIATION"):
        context.set_options(getattr(openssl, option))
    context.set_mode(openssl.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(openssl.SESS_CACHE_OFF)
    if certificate is not None and key is not None:
        own, *chain = _certificates(certificate)
        context.use_certificate(own)
        context.use_privatekey(forms.load_pem_private_key(key.read_bytes(), None))
        for one in chain:
            context.add_extra_chain_cert(one)
        context.check_privatekey()
    for one in _certificates(authorities) if authorities is not None else ():
        context.get_cert_store().add_cert(crypto.X509.from_cryptography(one))
    if revoked is not None:
        context.get_cert_store().add_crl(import_module("cryptography.x509").load_pem_x509_crl(revoked.read_bytes()))
        context.get_cert_store().set_flags(crypto.X509StoreFlags.CRL_CHECK)
    if authorities is None and not listening:
        context.set_default_verify_paths()
    if authorities is not None or not listening:
        context.set_verify(openssl.VERIFY_PEER | openssl.VERIFY_FAIL_IF_NO_PEER_CERT)
    context.set_cipher_list(CIPHERS.encode("ascii"))
    return context


def server_factory(tls: ServerTls, factory: Any, clock: Clock, counted: Headcount | None = None) -> Any:
    """``factory`` behind TLS. Raises OSError or a PEM error of the files.

    ``counted``: connections count there from the first byte, and the protocol is made after the handshake, which has a
    deadline; without it the protocol is made at once, and both are its affair.
    """
    layer: Any = import_module("twisted.protocols.tls")
    creator = _Creator(_context(tls.certificate_file, tls.key_file, tls.client_ca_file, tls.crl_file, listening=True))
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
        self._creator = _Creator(
            _context(tls.certificate_file, tls.key_file, tls.ca_file, tls.crl_file, listening=False), host
        )

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
