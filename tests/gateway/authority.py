"""Certificates made where they are needed: an authority with a key of its own, and what it issues."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

x509 = pytest.importorskip("cryptography.x509")


def _named(name: str) -> Any:
    """A name or an IP address, as certificates say whom they are for."""
    if name.replace(".", "").isdigit():
        return x509.IPAddress(ipaddress.ip_address(name))
    return x509.DNSName(name)


class Authority:
    """A certificate authority for the tests."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self._key = self._new_key()
        self.certificate = self._sign(name, self._key, self._key, name, authority=True)
        self.file = self._write(f"{name}.pem", self._pem(self.certificate))
        self._name = name

    @staticmethod
    def _new_key() -> Any:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.generate_private_key(ec.SECP256R1())

    def _write(self, name: str, data: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(data)
        return path

    @staticmethod
    def _pem(certificate: Any) -> bytes:
        from cryptography.hazmat.primitives.serialization import Encoding

        return bytes(certificate.public_bytes(Encoding.PEM))

    @staticmethod
    def _sign(name: str, key: Any, signer: Any, issuer: str, *, authority: bool = False, days: int = 30) -> Any:
        from cryptography.hazmat.primitives import hashes
        from cryptography.x509.oid import NameOID

        def named(text: str) -> Any:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer)).public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=60)).not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([_named(name)]), critical=False)
        )  # fmt: skip
        return builder.sign(signer, hashes.SHA256())

    def issue(self, name: str, days: int = 30, file: str = "") -> tuple[Path, Path, str]:
        """Certificate file, key file (both named ``file``), and SHA-256 of the public key."""
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

        key = self._new_key()
        certificate = self._sign(name, key, self._key, self._name, days=days)
        digest = hashlib.sha256(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file = file or name
        return self._write(f"{file}.crt", self._pem(certificate)), self._write(f"{file}.key", pem), digest

    def revoke(self, file: str, *names: str, days: int = 7) -> Path:
        """A list of those revoked, by the names of their certificate files."""
        from cryptography.hazmat.primitives import hashes

        now = datetime.now(UTC)
        begun = now - timedelta(days=30)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(begun).next_update(now + timedelta(days=days))
        for name in names:
            shown = x509.load_pem_x509_certificate((self.folder / f"{name}.crt").read_bytes())
            entry = x509.RevokedCertificateBuilder().serial_number(shown.serial_number).revocation_date(begun)
            builder = builder.add_revoked_certificate(entry.build())
        return self._write(file, self._pem(builder.sign(self._key, hashes.SHA256())))
