"""Where a system under test is reached: sockets, and HTTP with or without TLS (spec 07.1)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from gateway.cli.conformance import misfilled, questionnaire
from gateway.cli.output import CommandFailed, Exit

if TYPE_CHECKING:
    from conformance.pics import Pics

_HOSTS = ("http", "https", "tls")
SECURE = ("https", "tls")
_OPTIONS = {
    "ca_file": ("FILE", "信任的 CA 证书（PEM）。The authority trusted (PEM); default: the system's."),
    "certificate_file": ("FILE", "本套件的客户端证书（PEM）。The suite's own certificate (PEM)."),
    "key_file": ("FILE", "其私钥（PEM）。Its private key (PEM)."),
    "server_name": ("NAME", "对方证书须有的名称。The name its certificate must bear; default: the host."),
}


def tls_options(command: Callable[..., None]) -> Callable[..., None]:
    """``--ca-file``, ``--certificate-file``, ``--key-file`` and ``--server-name``, handed on as ``tls``: those that were given.
    The questionnaire's ``[tls]`` has the same."""

    @functools.wraps(command)
    def packed(*args: Any, **given: Any) -> None:
        tls = {name: given.pop(name) for name in _OPTIONS}
        command(*args, tls={name: value for name, value in tls.items() if value is not None}, **given)

    decorated: Callable[..., None] = packed
    for name, (shown, about) in reversed(_OPTIONS.items()):
        decorated = click.option(f"--{name.replace('_', '-')}", name, metavar=shown, help=about)(decorated)
    return decorated


def told_again(tls: Mapping[str, str]) -> str:
    """The options as they are written."""
    return "".join(f" --{name.replace('_', '-')} {value}" for name, value in tls.items())


class Reach:
    """Endpoints for the suite, by ``tcp://``, ``unix://``, ``http://``, ``https://`` and ``tls://`` addresses; ``tls`` as in
    the questionnaire."""

    def __init__(self, reactor: Any, clock: Any, tls: Mapping[str, str] | None = None) -> None:
        from gateway.config.http import ClientTls
        from gateway.links.endpoints import TcpEndpoints
        from gateway.tls.layer import SecureEndpoints

        given = tls or {}
        files = {name: Path(value) for name, value in given.items() if name.endswith("_file") and value}
        self._clock = clock
        self._files = files
        self._plain = TcpEndpoints(reactor)
        self._any = SecureEndpoints(self._plain, ClientTls.model_validate(files), clock, given.get("server_name", ""))
        self._made: dict[str, Any] = {}

    def client(self, address: str) -> Any:
        """An ``IStreamClientEndpoint`` towards ``address``."""
        if address not in self._made:
            made = self._any.client(address)
            self._made[address] = _Plainly(made) if address.startswith(SECURE) else made
        return self._made[address]

    def server(self, address: str) -> Any:
        """An ``IStreamServerEndpoint`` at ``address``; ``tls://`` ones show the suite's own certificate."""
        if not address.startswith(_HOSTS):
            return self._plain.server(address)
        below = self._plain.server(f"tcp://{urlsplit(address).netloc}")
        if not address.startswith(SECURE):
            return below
        return _Behind(below, self._files["certificate_file"], self._files["key_file"], self._clock)


class _Behind:
    """Where the suite listens for who speaks TLS."""

    def __init__(self, endpoint: Any, certificate: Path, key: Path, clock: Any) -> None:
        self._endpoint = endpoint
        self._files = (certificate, key)
        self._clock = clock

    def listen(self, factory: Any) -> Any:
        """As the endpoint."""
        from gateway.config.http import ServerTls
        from gateway.tls.layer import server_factory

        certificate, key = self._files
        tls = ServerTls(certificate_file=certificate, key_file=key)
        return self._endpoint.listen(server_factory(tls, factory, self._clock))


class _Plainly:
    """An endpoint behind TLS whose connections say in both languages why TLS ended them."""

    def __init__(self, endpoint: Any) -> None:
        self._endpoint = endpoint

    def connect(self, factory: Any) -> Any:
        """As the endpoint."""
        return self._endpoint.connect(_Told(factory))


class _Told:
    noisy = False

    def __init__(self, factory: Any) -> None:
        self._factory = factory
        self.doStart, self.doStop = factory.doStart, factory.doStop

    def buildProtocol(self, addr: Any) -> Any:
        """The factory's, which is told plainly."""
        from twisted.python.failure import Failure

        from conformance.ports import TurnedAway
        from gateway.tls.faults import fault_of, is_tls

        made = self._factory.buildProtocol(addr)
        lost = made.connectionLost

        def told(reason: Any) -> None:
            ended = reason.value
            lost(Failure(TurnedAway(fault_of(ended).text)) if is_tls(ended) else reason)

        made.connectionLost = told
        return made


def asked_of(path: Path | None, endpoint: str, tls: Mapping[str, str] | None = None) -> Pics:
    """The questionnaire for a system at ``endpoint``; ``tls``: options that go before its own. Raises CommandFailed: an address
    that is none, or of another binding, or files of TLS that cannot be used."""
    from conformance.pics import PicsInvalid, bound

    check_address(endpoint)
    try:
        pics = bound(questionnaire(path), endpoint)
    except PicsInvalid as invalid:
        raise misfilled(path, invalid) from invalid
    return with_tls(pics, endpoint, tls)


def check_address(endpoint: str) -> None:
    """Raises CommandFailed where nobody can connect to it, or listen there."""
    from gateway.links.endpoints import AddressInvalid, parse_address

    parts = urlsplit(endpoint.removeprefix("soap+"))
    where = f"tcp://{parts.netloc}" if parts.scheme in _HOSTS else endpoint
    try:
        parse_address(where)
    except AddressInvalid as fault:
        raise CommandFailed(Exit.USAGE, f"地址 {endpoint} {fault.zh}", f"address {endpoint} {fault.en}") from fault


def with_tls(pics: Pics, endpoint: str, tls: Mapping[str, str] | None) -> Pics:
    """The questionnaire with the options of TLS before its own. Raises CommandFailed: they cannot be used, or would not be."""
    behind = [place for place in pics.listen.values() if place.startswith(SECURE)]
    if tls and not (pics.secure or behind):
        named = ", ".join(f"--{name.replace('_', '-')}" for name in tls)
        zh, en = f"{endpoint} 不经 TLS，{named} 用不到", f"{endpoint} is not behind TLS, {named} would do nothing"
        raise CommandFailed(Exit.USAGE, zh, en)
    pics = replace(pics, tls={**pics.tls, **(tls or {})})
    for place in pics.listen.values():
        check_address(place)
    if behind and not (pics.tls["certificate_file"] and pics.tls["key_file"]):
        zh = f"监听 {behind[0]} 须有 certificate_file 与 key_file"
        raise CommandFailed(Exit.USAGE, zh, f"to listen at {behind[0]} takes certificate_file and key_file")
    if pics.secure or behind:
        usable(pics.tls)
    return pics


def usable(tls: Mapping[str, str]) -> None:
    """The files are there, are PEM, belong together and have not expired. Raises CommandFailed."""
    from importlib.util import find_spec

    from gateway.clock import wall_ms
    from gateway.config.tls import tls_checks
    from gateway.tls import certificates

    if find_spec("OpenSSL") is None or find_spec("service_identity") is None:
        zh, en = "缺少 pyOpenSSL 与 service-identity，无法使用 TLS", "TLS needs pyOpenSSL and service-identity: install them"
        raise CommandFailed(Exit.USAGE, f"{zh}：请安装", en)
    files = {name: value for name, value in tls.items() if name.endswith("_file") and value}
    for name, value in files.items():
        if not Path(value).is_file():
            raise CommandFailed(Exit.USAGE, f"{name} {value}：没有这个文件", f"{name} {value}: no such file")
    for where, found, zh, en in tls_checks(("peer",), {"tls": files}, Path()):
        shown = f"{where[-1]} {found}: " if found else ""
        raise CommandFailed(Exit.USAGE, f"{shown}{zh}", f"{shown}{en}")
    own = Path(files["certificate_file"]) if "certificate_file" in files else None
    ends = int(certificates.read(own)[0].not_valid_after_utc.timestamp()) * 1000 if own is not None else None
    if ends is not None and ends <= wall_ms():
        day = certificates.day(ends)
        raise CommandFailed(Exit.USAGE, f"certificate_file {own} 已于 {day} 过期", f"certificate_file {own} expired on {day}")
