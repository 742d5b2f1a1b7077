"""Endpoints of a system that listens behind TLS."""

from __future__ import annotations

from typing import Any

from gateway.clock import WallClock
from gateway.config.http import ServerTls
from gateway.links.endpoints import TcpEndpoints
from gateway.tls.layer import server_factory
from tests.conformance.sockets import Sockets


class Behind:
    """What it listens with shows the certificate of ``tls``; what it connects with is plain."""

    def __init__(self, sockets: Sockets, tls: ServerTls) -> None:
        self._clock = WallClock(sockets.reactor)
        self._plain = TcpEndpoints(sockets.reactor)
        self._tls = tls
        self._below: Any = None

    def client(self, address: str) -> Any:
        return self._plain.client(address)

    def server(self, address: str) -> Any:
        self._below = self._plain.server(address)
        return self

    def listen(self, factory: Any) -> Any:
        return self._below.listen(server_factory(self._tls, factory, self._clock))
