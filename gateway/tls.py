"""TLS of HTTP listeners and peers: TLS 1.2 and up, strong ciphers, certificates both ways where asked for (hardening.md).

The layer lies on top of any endpoint, real or in memory, and takes its time from the clock that is handed in.  What it needs
is imported when the first row asks for TLS.
"""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from gateway.clock import Clock
from gateway.config_http import ClientTls, ServerTls

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_factory(tls: ServerTls, factory: Any, clock: Clock) -> Any:
    """``factory`` behind TLS. Raises OSError or a PEM error of the files."""
    ssl: Any = import_module("twisted.internet.ssl")
    layer: Any = import_module("twisted.protocols.tls")

    own = ssl.PrivateCertificate.loadPEM(tls.certificate_file.read_bytes() + b"\n" + tls.key_file.read_bytes())
    options: Any = ssl.CertificateOptions(
        privateKey=own.privateKey.original,
        certificate=own.original,
        trustRoot=_authority(tls.client_ca_file) if tls.client_ca_file is not None else None,
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        acceptableCiphers=ssl.AcceptableCiphers.fromOpenSSLCipherString(CIPHERS),
        enableSessions=False,
    )
    return layer.TLSMemoryBIOFactory(options, False, factory, clock)


def _authority(path: Any) -> Any:
    ssl: Any = import_module("twisted.internet.ssl")

    return ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(path.read_bytes())])


@implementer(IStreamClientEndpoint)
class TlsEndpoint:
    """An endpoint whose connections are TLS to ``host``, the certificate checked against it."""

    def __init__(self, endpoint: Any, host: str, tls: ClientTls, clock: Clock) -> None:
        ssl: Any = import_module("twisted.internet.ssl")

        self._endpoint = endpoint
        self._clock = clock
        trust = _authority(tls.ca_file) if tls.ca_file is not None else None
        own = None
        if tls.certificate_file is not None and tls.key_file is not None:
            own = ssl.PrivateCertificate.loadPEM(tls.certificate_file.read_bytes() + b"\n" + tls.key_file.read_bytes())
        self._creator = ssl.optionsForClientTLS(host, trust, own)

    def connect(self, protocolFactory: Any) -> Deferred[Any]:
        """Fires with the protocol behind TLS."""
        layer: Any = import_module("twisted.protocols.tls")

        factory = layer.TLSMemoryBIOFactory(self._creator, True, protocolFactory, self._clock)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda protocol: protocol.wrappedProtocol)


def public_key_digest(transport: Any) -> str:
    """SHA-256 (hex) of the public key of the certificate the other side came with; empty without one."""
    ask = getattr(transport, "getPeerCertificate", None)
    certificate = ask() if ask is not None else None
    if certificate is None:
        return ""
    forms: Any = import_module("cryptography.hazmat.primitives.serialization")
    key = certificate.to_cryptography().public_key()
    return hashlib.sha256(key.public_bytes(forms.Encoding.DER, forms.PublicFormat.SubjectPublicKeyInfo)).hexdigest()
