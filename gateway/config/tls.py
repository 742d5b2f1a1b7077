"""Faults of the ``tls`` tables of listeners and peers: files that cannot be used, rows that would do nothing (01.1.5)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from schemas.toml_lines import KeyPath

_Found = tuple[KeyPath, str, str, str]
_SECURE = ("tls://", "https://")


def tls_checks(path: KeyPath, row: dict[str, Any], base: Path) -> Iterator[_Found]:
    """What is wrong with the ``tls`` table of a listener's or peer's row, and with addresses that need one."""
    table = row.get("tls")
    if not isinstance(table, dict):
        return
    where = (*path, "tls")
    yield from _files(where, table, base)
    given = [key for key in ("certificate_file", "key_file") if table.get(key)]
    if path[0] == "peer" and len(given) == 1:
        yield where, "", "certificate_file 与 key_file 须同时写", "certificate_file and key_file go together"
    if path[0] == "peer":
        yield from _of_peer(where, row, table)


def _of_peer(where: KeyPath, row: dict[str, Any], table: dict[str, Any]) -> Iterator[_Found]:
    addresses = row.get("connect")
    listed = [entry for entry in addresses if isinstance(entry, str)] if isinstance(addresses, list) else []
    named = [key for key in ("ca_file", "certificate_file", "key_file") if table.get(key)]
    if named and listed and not any(entry.startswith(_SECURE) for entry in listed):
        shown = "tls://" if row.get("binding", "socket") == "socket" else "https://"
        zh, en = f"connect 中没有 {shown} 地址，证书不会被用到", f"no {shown} address in connect: these files are not used"
        yield where, "", zh, en
    if table.get("certificate_sha256") and row.get("binding", "socket") != "socket":
        key = (*where, "certificate_sha256")
        yield key, "", "soap、http 的对端写在 [peer.http] 之下", "for soap and http peers this stands under [peer.http]"


def pin_checks(path: KeyPath, row: dict[str, Any], listens: list[dict[str, Any]]) -> Iterator[_Found]:
    """A public key can be asked for only where the listener asks for certificates."""
    table = row.get("tls")
    if not isinstance(table, dict) or not table.get("certificate_sha256") or row.get("binding", "socket") != "socket":
        return
    found = next((one for one in listens if one.get("name") == row.get("listen")), {})
    server = found.get("tls")
    if not isinstance(server, dict) or not server.get("client_ca_file"):
        key = (*path, "tls", "certificate_sha256")
        zh, en = "它的 listen 须有 [listen.tls] client_ca_file", "its listen needs client_ca_file under [listen.tls]"
        yield key, "", zh, en


def _files(where: KeyPath, table: dict[str, Any], base: Path) -> Iterator[_Found]:
    """Files that are there and cannot be used; missing ones are told elsewhere."""
    from gateway.tls import certificates

    usable = True
    for key in ("certificate_file", "client_ca_file", "ca_file"):
        value = table.get(key)
        if not isinstance(value, str) or not (base / value).is_file():
            usable = usable and key != "certificate_file"
            continue
        try:
            certificates.read(base / value)
        except (OSError, ValueError):
            usable = usable and key != "certificate_file"
            yield (*where, key), repr(value), "读不出 PEM 证书", "no PEM certificate can be read from it"
    value = table.get("crl_file")
    if isinstance(value, str) and (base / value).is_file() and not certificates.is_list(base / value):
        yield (*where, "crl_file"), repr(value), "读不出 PEM 吊销列表", "no PEM list of revoked certificates in it"
    value = table.get("key_file")
    if not isinstance(value, str) or not (base / value).is_file() or not usable:
        return
    yield from _key((*where, "key_file"), base / table["certificate_file"], base / value, value)


def _key(where: KeyPath, certificate: Path, key: Path, value: str) -> Iterator[_Found]:
    from gateway.tls import certificates

    try:
        fits = certificates.belongs(certificate, key)
    except TypeError:
        zh, en = "私钥有口令：用 openssl pkey 去掉", "the key has a password: remove it with openssl pkey"
        yield where, repr(value), zh, en
        return
    except (OSError, ValueError):
        yield where, repr(value), "读不出 PEM 私钥", "no PEM private key can be read from it"
        return
    if not fits:
        yield where, repr(value), "私钥与 certificate_file 不是一对", "the key is not that of certificate_file"
