"""The certificates a configuration names: can they be used, whose are they, how long do they last (hardening.md T).

What reads them is imported when a row names one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from gateway.config.http import FILES, ClientTls, ServerTls
from gateway.config.model import Config, Listen, Peer

SOON_DAYS = 30
"""How long before its end a certificate is warned of."""
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate of a file: ``where`` names row and key; instants are ms since epoch."""

    where: str
    file: str
    subject: str
    begins: int
    ends: int


def named(row: Listen | Peer) -> Iterator[Certificate]:
    """Every certificate the ``tls`` table of a row names. Raises OSError, or ValueError for a file that holds none."""
    where = f"listen {row.name}" if isinstance(row, Listen) else f"peer {row.id}"
    for key in ("certificate_file", "client_ca_file", "ca_file"):
        path = getattr(row.tls, key, None)
        for one in read(path) if path is not None else ():
            subject = one.subject.rfc4514_string()
            begins, ends = one.not_valid_before_utc, one.not_valid_after_utc
            yield Certificate(f"{where} {key}", str(path), subject, _ms(begins), _ms(ends))


def shown(der: bytes, where: str) -> Certificate:
    """The certificate somebody came with, as it stood on the wire."""
    x509: Any = import_module("cryptography.x509")
    one = x509.load_der_x509_certificate(der)
    begins, ends = one.not_valid_before_utc, one.not_valid_after_utc
    return Certificate(where, "", one.subject.rfc4514_string(), _ms(begins), _ms(ends))


class Shelf:
    """All certificates of a configuration, read anew when a file has changed. Raises as ``named``, but only at first."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._files = [path for row in _rows(config) for path in files(row.tls)]
        self._seen = marks(self._files)
        self._read = of(config)

    def report(self, now: int) -> list[dict[str, Any]]:
        """As ``report``; of files that cannot be read what they held before, as handshakes go on with that."""
        seen = marks(self._files)
        if seen != self._seen:
            self._seen = seen
            with suppress(OSError, ValueError):  # said in the log by whoever needs them (gateway.tls_context)
                self._read = of(self._config)
        return report(self._read, now)


def warnings(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of a report what is not well, each certificate once: ``where`` names every row that uses it."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        if row["state"] != "ok":
            known = found.setdefault((row["file"], row["subject"]), row)
            if known is not row:
                known["where"] = f"{known['where']}, {row['where']}"
    return list(found.values())


def files(tls: ClientTls | ServerTls | None) -> list[Path]:
    """Every file a ``tls`` table names."""
    found = [getattr(tls, key, None) for key in FILES["tls"]]
    return [path for path in found if path is not None]


def marks(paths: list[Path]) -> list[tuple[int, int, int] | None]:
    """What tells a file from the one that was there before; None for one that is not there."""
    return [_mark(path) for path in paths]


def _mark(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def of(config: Config) -> list[Certificate]:
    """All certificates of a configuration, in the order of its rows. Raises as ``named``."""
    return [found for row in _rows(config) for found in named(row)]


def _rows(config: Config) -> tuple[Listen | Peer, ...]:
    return (*config.listen, *config.peer)


def read(path: Path) -> list[Any]:
    """The certificates of a PEM file. Raises OSError, or ValueError where there are none."""
    x509: Any = import_module("cryptography.x509")
    found: list[Any] = x509.load_pem_x509_certificates(path.read_bytes())
    return found


def is_list(path: Path) -> bool:
    """Whether a PEM file holds an authority's list of revoked certificates."""
    x509: Any = import_module("cryptography.x509")
    try:
        x509.load_pem_x509_crl(path.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def belongs(certificate: Path, key: Path) -> bool:
    """Whether the key is that of the first certificate. Raises OSError, ValueError, or TypeError for a key with a password."""
    forms: Any = import_module("cryptography.hazmat.primitives.serialization")
    mine = forms.load_pem_private_key(key.read_bytes(), None).public_key()
    return bool(mine == read(certificate)[0].public_key())


def report(found: list[Certificate], now: int) -> list[dict[str, Any]]:
    """Each with ``state`` ok, soon, expired or early, days left, and what to do in both languages."""
    rows = []
    for one in found:
        state, zh, en = _verdict(one, now)
        rows.append(
            {"where": one.where, "subject": one.subject, "ends": day(one.ends), "days": (one.ends - now) // _DAY_MS,
             "state": state, "zh": zh, "en": en, "file": one.file}
        )  # fmt: skip
    return rows


def _verdict(one: Certificate, now: int) -> tuple[str, str, str]:
    if now >= one.ends:
        return "expired", "已过期：请更换", "expired: renew it"
    if now < one.begins:
        return "early", "尚未生效：核对时钟与证书", "not valid yet: check the clock and the certificate"
    if now + SOON_DAYS * _DAY_MS >= one.ends:
        return "soon", f"{SOON_DAYS} 天内过期：请更换", f"ends within {SOON_DAYS} days: renew it"
    return "ok", "", ""


def day(ms: int) -> str:
    """The day of an instant, Asia/Shanghai: 2026-11-22."""
    from adapters.wire.times import wire_time

    text = wire_time(ms)
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"


def _ms(moment: Any) -> int:
    return int(moment.timestamp()) * 1000
