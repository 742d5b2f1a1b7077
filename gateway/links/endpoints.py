"""Real endpoints over a reactor that was handed down: where links and simulators listen and connect.

Addresses are ``tcp://host:port`` (IPv6 in brackets, port 0 = any free one when listening) and ``unix:///path``.  The
simulation hands in endpoints of the same shape from memory (``gateway/proof/network.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any
from urllib.parse import urlsplit

from twisted.internet import endpoints
from twisted.internet.address import UNIXAddress

CONNECT_LIMIT = 5.0
"""Seconds a connect may take (spec 01.1.5)."""

BACKLOG = 128
"""Connections the system keeps waiting to be accepted."""


class AddressInvalid(ValueError):
    """An address nobody can connect to or listen on; the text says in both languages what is wrong and what to write."""

    def __init__(self, address: str, zh: str, en: str) -> None:
        hint = "tcp://127.0.0.1:7101, tcp://[::1]:7101, unix:///run/bssgw.sock"
        super().__init__(f"地址 {address!r} {zh}，例如 {hint} / address {address!r} {en}, for example {hint}")
        self.address = address
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class Address:
    """A parsed address: ``path`` of a unix socket, or else ``host`` and ``port``."""

    host: str = ""
    port: int = 0
    path: str = ""


def parse_address(text: str) -> Address:
    """Read ``tcp://host:port`` or ``unix:///path``; raises ``AddressInvalid``."""
    parts = urlsplit(text)
    if parts.scheme == "unix":
        if parts.netloc or len(parts.path) < 2:
            raise AddressInvalid(text, "缺少绝对路径", "lacks an absolute path")
        return Address(path=parts.path)
    if parts.scheme != "tcp":
        raise AddressInvalid(text, "不是 tcp:// 或 unix:// 地址", "is neither tcp:// nor unix://")
    if parts.path or parts.query or parts.fragment or parts.username is not None:
        raise AddressInvalid(text, "端口之后有多余内容", "has something behind the port")
    try:
        port = parts.port
    except ValueError:
        raise AddressInvalid(text, "端口不是 0 到 65535 的数字", "has a port that is no number of 0 to 65535") from None
    if not parts.hostname:
        raise AddressInvalid(text, "缺少主机名", "lacks a host")
    if port is None:
        raise AddressInvalid(text, "缺少端口", "lacks a port")
    return Address(host=parts.hostname, port=port)


def format_address(where: Any) -> str:
    """The text of a Twisted address, as a port's ``getHost()`` gives it: what a peer would write to connect there."""
    if isinstance(where, UNIXAddress):
        return f"unix://{(where.name or b'').decode()}"
    host = f"[{where.host}]" if ":" in where.host else where.host
    return f"tcp://{host}:{where.port}"


class TcpEndpoints:
    """Endpoints by address, over ``reactor``."""

    def __init__(self, reactor: Any, connect_limit: float = CONNECT_LIMIT) -> None:
        self._reactor = reactor
        self._connect_limit = connect_limit

    def client(self, address: str) -> Any:
        """An ``IStreamClientEndpoint`` for ``address``; raises ``AddressInvalid`` (port 0 is none to connect to)."""
        target = parse_address(address)
        if target.path:
            return endpoints.UNIXClientEndpoint(self._reactor, target.path, timeout=self._connect_limit)
        if target.port == 0:
            raise AddressInvalid(address, "端口为 0，无法连接", "has port 0, which nobody can connect to")
        kind: Any = endpoints.HostnameEndpoint
        match _literal(target.host):
            case IPv4Address():
                kind = endpoints.TCP4ClientEndpoint
            case IPv6Address():
                kind = endpoints.TCP6ClientEndpoint
        return kind(self._reactor, target.host, target.port, timeout=self._connect_limit)

    def server(self, address: str) -> Any:
        """An ``IStreamServerEndpoint`` on ``address``, one of this host's; raises ``AddressInvalid``."""
        place = parse_address(address)
        if place.path:
            return endpoints.UNIXServerEndpoint(self._reactor, place.path, mode=0o600, wantPID=True)
        match _literal("127.0.0.1" if place.host == "localhost" else place.host):
            case IPv4Address() as host:
                return endpoints.TCP4ServerEndpoint(self._reactor, place.port, BACKLOG, str(host))
            case IPv6Address() as host:
                return endpoints.TCP6ServerEndpoint(self._reactor, place.port, BACKLOG, str(host))
        raise AddressInvalid(
            address, "的主机不是 IP 地址，监听须写本机 IP 或 0.0.0.0", "has no IP address to listen on; 0.0.0.0 is any"
        )


def _literal(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
