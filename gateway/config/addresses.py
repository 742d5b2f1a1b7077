"""Addresses of listeners and peers that nobody can listen at or connect to (spec 01.1.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from gateway.config.model import ADDRESS_FORM
from gateway.config.unworkable import Found, Row, entries
from schemas.toml_lines import KeyPath

LAST_PORT = 65535
LOCAL = "localhost"
"""The only name a listener may have; any other host is an IP address."""
_WEB = ("http://", "https://")
_SIMULATED = "mem"
"""Scheme of addresses in a simulated network, which have names and no ports."""


def address_checks(path: KeyPath, row: Row, *, reach: bool) -> Iterator[Found]:
    """What is wrong with the addresses of a listener's or peer's row that have the right form; ``reach`` as for
    ``gateway.config.file.parse``."""
    listening = row.get("address")
    if isinstance(listening, str):
        yield from _address((*path, "address"), listening, listens=True, reach=reach)
    for index, entry in enumerate(entries(row, "connect")):
        if isinstance(entry, str):
            yield from _address((*path, "connect", index), entry, listens=False, reach=reach)


def _address(where: KeyPath, text: str, *, listens: bool, reach: bool) -> Iterator[Found]:
    if re.match(ADDRESS_FORM, text) is None:
        return
    found = "" if "@" in text else f"{text!r}"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        if text.startswith(_WEB):
            return  # told with the rest of such an address (``gateway.config.http``), which may hold a password
        zh = f"主机或端口写错了：端口为不大于 {LAST_PORT} 的数字，IPv6 地址写在方括号里"
        yield where, found, zh, f"host or port is wrong: a port is at most {LAST_PORT}, an IPv6 address stands in brackets"
        return
    if parts.scheme == _SIMULATED:
        return
    if not host:
        yield where, found, "缺少主机", "lacks a host"
    elif listens and not _can_listen(host):
        yield where, found, "监听须写本机的 IP 地址，0.0.0.0 为全部", "write an IP address of this host; 0.0.0.0 is any of them"
    elif not listens and port == 0 and reach:
        zh = "不能连接端口 0：写对端监听的端口（只有 run --with-simulators 自选端口）"
        en = "nobody can connect to port 0: write the port it listens at (only run --with-simulators chooses one)"
        yield where, found, zh, en


def _can_listen(host: Any) -> bool:
    try:
        return host == LOCAL or bool(ip_address(host))
    except ValueError:
        return False
