"""Real endpoints: addresses in and out, refused addresses, and no reactor imported by way of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
)
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactor

from gateway.links.endpoints import AddressInvalid, TcpEndpoints, format_address


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("tcp://127.0.0.1:7101", TCP4ClientEndpoint),
        ("tcp://[::1]:7101", TCP6ClientEndpoint),
        ("tcp://pf.example:7101", HostnameEndpoint),
        ("unix:///run/bssgw.sock", UNIXClientEndpoint),
    ],
)
def test_the_address_decides_the_kind_of_endpoint(address: str, kind: type) -> None:
    assert isinstance(TcpEndpoints(MemoryReactor()).client(address), kind)


@pytest.mark.parametrize(
    ("where", "text"),
    [
        (IPv4Address("TCP", "127.0.0.1", 7101), "tcp://127.0.0.1:7101"),
        (IPv6Address("TCP", "::1", 7101), "tcp://[::1]:7101"),
        (UNIXAddress("/run/bssgw.sock"), "unix:///run/bssgw.sock"),
    ],
)
def test_where_one_listens_reads_back_as_an_address(where: IAddress, text: str) -> None:
    assert format_address(where) == text


@pytest.mark.parametrize(
    ("address", "host"), [("tcp://localhost:0", "127.0.0.1"), ("tcp://0.0.0.0:7101", "0.0.0.0"), ("tcp://[::1]:0", "::1")]
)
def test_one_listens_on_the_host_that_was_named(address: str, host: str) -> None:
    reactor = MemoryReactor()
    TcpEndpoints(reactor).server(address).listen(Factory.forProtocol(Protocol))
    assert reactor.tcpServers[0][3] == host


def test_a_unix_socket_is_its_owners_alone() -> None:
    reactor = MemoryReactor()
    TcpEndpoints(reactor).server("unix:///run/bssgw.sock").listen(Factory.forProtocol(Protocol))
    assert reactor.unixServers[0][0] == "/run/bssgw.sock"
    assert reactor.unixServers[0][3] == 0o600


@pytest.mark.parametrize(
    ("address", "zh", "en"),
    [
        ("127.0.0.1:7101", "不是 tcp://", "neither tcp"),
        ("http://127.0.0.1:7101", "不是 tcp://", "neither tcp"),
        ("tcp://127.0.0.1", "缺少端口", "lacks a port"),
        ("tcp://:7101", "缺少主机名", "lacks a host"),
        ("tcp://127.0.0.1:70000", "0 到 65535", "0 to 65535"),
        ("tcp://127.0.0.1:one", "0 到 65535", "0 to 65535"),
        ("tcp://127.0.0.1:7101/x", "多余", "behind the port"),
        ("tcp://127.0.0.1:0", "无法连接", "nobody can connect"),
        ("unix://run.sock", "绝对路径", "absolute path"),
    ],
)
def test_a_bad_address_is_refused_in_both_languages(address: str, zh: str, en: str) -> None:
    with pytest.raises(AddressInvalid) as refused:
        TcpEndpoints(MemoryReactor()).client(address)
    assert zh in str(refused.value)
    assert en in str(refused.value)


def test_listening_needs_an_address_of_this_host() -> None:
    with pytest.raises(AddressInvalid, match=r"0\.0\.0\.0"):
        TcpEndpoints(MemoryReactor()).server("tcp://pf.example:7101")


def test_no_reactor_is_imported() -> None:
    script = "import sys\n" + "".join(
        f"import {module}\nif 'twisted.internet.reactor' in sys.modules: sys.exit('{module}')\n"
        for module in ("gateway.proof.heap_clock", "gateway.links.endpoints", "gateway.proof.network")
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
