"""What our side of a TLS connection is willing to do, by the files of a ``tls`` table; renewed files count from the next
handshake (hardening.md T).

Whoever renews a certificate, an authority or a list of revoked ones puts the file in place of the old one: nothing is
restarted, connections that stand go on.  A file that cannot be used, or a key that is not there yet, is told once; what was
used before is used until the files are right.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import structlog

from gateway.config.http import ClientTls, ServerTls
from gateway.tls import certificates

log = structlog.get_logger()

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


class Contexts:
    """The context of one ``tls`` table. Raises OSError or an error of the PEM files, but only at first."""

    def __init__(self, tls: ClientTls | ServerTls) -> None:
        self._tls = tls
        self._files = certificates.files(tls)
        self._seen = certificates.marks(self._files)
        self._context = _context(tls)

    def current(self) -> Any:
        """The context for the handshake that begins now."""
        seen = certificates.marks(self._files)
        if seen != self._seen:
            self._seen = seen
            self._renew()
        return self._context

    def _renew(self) -> None:
        names = [str(path) for path in self._files]
        openssl: Any = import_module("OpenSSL.SSL")
        unknown: Any = import_module("cryptography.exceptions").UnsupportedAlgorithm
        try:
            self._context = _context(self._tls)
        except (OSError, ValueError, TypeError, openssl.Error, unknown) as fault:
            zh = "换上的证书文件不能用，仍用旧证书：核对证书、私钥与 CA 文件，改好后自动生效"
            en = "the new certificate files cannot be used, the old ones stay until they are right: check certificate, key, CA"
            log.error("tls.not_renewed", files=names, error=repr(fault), zh=zh, en=en)
            return
        zh, en = "证书文件已更换，此后的握手用新的", "certificate files renewed, used from now on"
        log.info("tls.renewed", files=names, zh=zh, en=en)


def _context(tls: ClientTls | ServerTls) -> Any:
    """Without authorities the system's are trusted where we connect, and nobody is asked for a certificate where we listen.
    Raises OSError or an error of the PEM files."""
    openssl: Any = import_module("OpenSSL.SSL")
    listening = isinstance(tls, ServerTls)
    authorities = tls.client_ca_file if isinstance(tls, ServerTls) else tls.ca_file
    context = openssl.Context(openssl.TLS_METHOD)
    context.set_min_proto_version(openssl.TLS1_2_VERSION)
    for option in ("OP_NO_COMPRESSION", "OP_CIPHER_SERVER_PREFERENCE", "OP_NO_TICKET", "OP_NO_RENEGOTIATION"):
        context.set_options(getattr(openssl, option))
    context.set_mode(openssl.MODE_RELEASE_BUFFERS)
    context.set_session_cache_mode(openssl.SESS_CACHE_OFF)
    if tls.certificate_file is not None and tls.key_file is not None:
        _show(context, tls.certificate_file, tls.key_file)
    _trust(context, authorities, tls.crl_file)
    if authorities is None and not listening:
        context.set_default_verify_paths()
    if authorities is not None or not listening:
        context.set_verify(openssl.VERIFY_PEER | openssl.VERIFY_FAIL_IF_NO_PEER_CERT)
    context.set_cipher_list(CIPHERS.encode("ascii"))
    return context


def _show(context: Any, certificate: Path, key: Path) -> None:
    """Our own certificate, and those between it and its authority."""
    forms: Any = import_module("cryptography.hazmat.primitives.serialization")
    own, *chain = certificates.read(certificate)
    context.use_certificate(own)
    context.use_privatekey(forms.load_pem_private_key(key.read_bytes(), None))
    for one in chain:
        context.add_extra_chain_cert(one)
    context.check_privatekey()


def _trust(context: Any, authorities: Path | None, revoked: Path | None) -> None:
    """Whom we believe, and whom of them no more."""
    crypto: Any = import_module("OpenSSL.crypto")
    store = context.get_cert_store()
    for one in certificates.read(authorities) if authorities is not None else ():
        store.add_cert(crypto.X509.from_cryptography(one))
    if revoked is not None:
        store.add_crl(import_module("cryptography.x509").load_pem_x509_crl(revoked.read_bytes()))
        store.set_flags(crypto.X509StoreFlags.CRL_CHECK)
