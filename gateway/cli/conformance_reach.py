"""Where a system under test is reached: sockets, and HTTP with or without TLS (spec 07.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gateway.cli.conformance import questionnaire
from gateway.cli.output import CommandFailed, Exit

if TYPE_CHECKING:
    from pathlib import Path

    from conformance.pics import Pics

_HOSTS = ("http", "https", "tls")


class Reach:
    """Endpoints for the suite, by ``tcp://``, ``unix://``, ``http://``, ``https://`` and ``tls://`` addresses."""

    def __init__(self, reactor: Any, clock: Any) -> None:
        from gateway.config_http import ClientTls
        from gateway.endpoints import TcpEndpoints
        from gateway.tls import SecureEndpoints

        self._plain = TcpEndpoints(reactor)
        self._any = SecureEndpoints(self._plain, ClientTls(), clock)

    def client(self, address: str) -> Any:
        """An ``IStreamClientEndpoint`` towards ``address``."""
        return self._any.client(address)

    def server(self, address: str) -> Any:
        """An ``IStreamServerEndpoint`` at ``address``."""
        return self._plain.server(address)


def asked_of(path: Path | None, endpoint: str) -> Pics:
    """The questionnaire for a system at ``endpoint``. Raises CommandFailed: an address that is none, or of another binding."""
    from conformance.pics import PicsInvalid, bound
    from gateway.endpoints import AddressInvalid, parse_address

    parts = urlsplit(endpoint.removeprefix("soap+"))
    where = f"tcp://{parts.netloc}" if parts.scheme in _HOSTS else endpoint
    try:
        parse_address(where)
    except AddressInvalid as fault:
        raise CommandFailed(Exit.USAGE, f"地址 {endpoint} {fault.zh}", f"address {endpoint} {fault.en}") from fault
    try:
        return bound(questionnaire(path), endpoint)
    except PicsInvalid as fault:
        raise CommandFailed(Exit.USAGE, f"{path}: {fault.zh}", f"{path}: {fault.en}") from fault
