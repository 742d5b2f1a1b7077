"""TLS on socket peers, both ways, over real sockets: who is let in, what a bad certificate does, what people are told.

No certificate, unknown authority, expired, revoked, wrong name or key, TLS 1.1 (hardening.md T1 to T6), silence and floods (D).
"""

from __future__ import annotations

import socket
import ssl
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from adapters.wire.packet import Packet
from gateway.clock import Entropy, WallClock
from gateway.config.http import ClientTls, ServerTls
from gateway.config.model import SocketLimits
from gateway.links.endpoints import TcpEndpoints
from gateway.links.headcount import Headcount
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from gateway.tls.layer import SecureEndpoints, server_factory
from tests.conformance.sockets import Sockets
from tests.gateway.authority import Authority
from tests.gateway.rig import PEERS, START, Rig, Wire, Wires, packet_of, receipt_for, submission

pytest.importorskip("OpenSSL")
pytest.importorskip("service_identity")

HOST = "127.0.0.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "test-authority")


@pytest.fixture
def strangers(tmp_path: Path) -> Authority:
    folder = tmp_path / "strangers"
    folder.mkdir()
    return Authority(folder, "other-authority")


class House:
    """A gateway on real sockets, and whom it meets."""

    def __init__(self, sockets: Sockets, peers: tuple[dict[str, Any], ...], listen_tls: dict[str, Any] | None = None) -> None:
        self.sockets = sockets
        self.clock = WallClock(sockets.reactor)
        listen: dict[str, Any] = {"name": "s", "address": f"tcp://{HOST}:0", "layout": "ctif-128"}
        if listen_tls is not None:
            listen["tls"] = listen_tls
        network: Any = TcpEndpoints(sockets.reactor)
        clock: Any = self.clock
        self.rig = Rig(peers, clock=clock, network=network, listens=[listen], start=False)
        self.gateway = self.rig.gateway

    async def caller(self, tls: ClientTls | None) -> Wire:
        """A peer's connection to the gateway, over TLS where that is said how. Raises TlsFailed."""
        wires = Wires(lambda wire, packet: None)
        scheme = "tcp" if tls is None else "tls"
        endpoints = SecureEndpoints(TcpEndpoints(self.sockets.reactor), tls or ClientTls(), self.clock)
        port = self.gateway.addresses["s"].port
        await endpoints.client(f"{scheme}://{HOST}:{port}").connect(wires)
        return wires.made[0]

    async def result(self, wire: Wire, packet: Packet) -> str:
        """The result code a packet gets; empty where the connection ends without any."""
        wire.send(packet)
        await self.sockets.until(lambda: bool(wire.got) or not wire.open)
        return wire.got[0].result if wire.got else ""


class Junk(Protocol):
    """Somebody who speaks no TLS; says nothing of itself, or ``words``."""

    words = b""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(self.words)


class Chatter(Junk):
    """Says at once what is no TLS."""

    words = b"HTTP/1.1 400 Bad Request\r\n\r\n"


class Listening:
    """A peer that listens, with TLS or without, and takes everything."""

    def __init__(self, sockets: Sockets) -> None:
        self.sockets = sockets
        self.got: list[Packet] = []
        self.port = 0

    async def start(self, tls: ServerTls | None) -> None:
        factory: Any = Factory.forProtocol(Chatter)
        if tls is not None:
            clock = WallClock(self.sockets.reactor)
            factory = server_factory(tls, Wires(self._arrived), clock, Headcount(SocketLimits(), clock))
        port = await TCP4ServerEndpoint(self.sockets.reactor, 0, interface=HOST).listen(factory)
        self.port = port.getHost().port

    def _arrived(self, wire: Wire, packet: Packet) -> None:
        if not packet.is_answer:
            self.got.append(packet)
            wire.send(receipt_for(packet))


def pf(tls: dict[str, Any], *ports: int) -> dict[str, Any]:
    return PEERS[1] | {"connect": [f"tls://{HOST}:{port}" for port in ports], "tls": tls}


def listening_tls(authority: Authority, *, mutual: bool) -> dict[str, Any]:
    certificate, key, _ = authority.issue(HOST)
    more = {"client_ca_file": authority.file} if mutual else {}
    return {"certificate_file": certificate, "key_file": key, **more}


def test_orders_come_in_over_tls_and_a_plain_client_is_told_apart(authority: Authority, capsys: Any) -> None:
    sockets = Sockets()
    house = House(sockets, (PEERS[0],), listening_tls(authority, mutual=False))

    async def main() -> None:
        await house.gateway.start()
        wire = await house.caller(ClientTls(ca_file=authority.file))
        wire.write(b"".join(wire.layout.encode(packet_of(submission(number))) for number in range(1, 9)))
        await sockets.until(lambda: len([packet for packet in wire.got if packet.is_answer]) == 8)
        assert {packet.result for packet in wire.got if packet.is_answer} == {"0001"}
        plain = await house.caller(None)
        assert await house.result(plain, packet_of(submission(9))) == ""
        await house.gateway.stop()

    sockets.run(main)
    assert "does not speak TLS" in capsys.readouterr().out


WHO: dict[str, tuple[str, str]] = {
    "the peer": ("0001", ""),
    "another of the same authority": ("2003", ""),
    "nobody": ("", "came without a certificate"),
    "a stranger": ("", "of no trusted authority"),
    "yesterday's": ("", "has expired"),
    "one revoked": ("", "is revoked"),
}


@pytest.mark.parametrize("who", WHO)
def test_with_mutual_tls_the_certificate_names_the_peer(
    authority: Authority, strangers: Authority, who: str, capsys: Any
) -> None:
    wanted, said = WHO[who]
    issuer = strangers if who == "a stranger" else authority
    certificate, key, digest = issuer.issue("counter", days=-1 if who == "yesterday's" else 30)
    pinned = "0" * 64 if who == "another of the same authority" else digest
    tls = ClientTls(ca_file=authority.file, certificate_file=certificate, key_file=key)
    if who == "nobody":
        tls = ClientTls(ca_file=authority.file)
    sockets = Sockets()
    peers = (PEERS[0] | {"tls": {"certificate_sha256": pinned}},)
    revoked = ("counter",) if who == "one revoked" else ()
    house = House(sockets, peers, listening_tls(authority, mutual=True) | {"crl_file": authority.revoke("crl", *revoked)})

    async def main() -> str:
        await house.gateway.start()
        wire = await house.caller(tls)
        result = await house.result(wire, packet_of(submission(1)))
        await sockets.until(lambda: wanted == "0001" or not wire.open)
        await house.gateway.stop()
        return result

    assert sockets.run(main) == wanted
    told = capsys.readouterr().out
    assert said in told
    assert ("tls.failed" in told) is bool(said)


FAULTS: dict[str, str] = {
    "expired": "has expired",
    "another host": "for another host",
    "a stranger": "of no trusted authority",
    "revoked": "is revoked",
    "an old list": "in crl_file has expired",
    "no tls": "does not speak TLS",
}


@pytest.mark.parametrize("why", FAULTS)
def test_a_peer_that_does_not_prove_itself_gets_nothing_and_the_stand_by_gets_it_all(
    authority: Authority, strangers: Authority, why: str
) -> None:
    issuer = strangers if why == "a stranger" else authority
    certificate, key, _ = issuer.issue("rm.example" if why == "another host" else HOST, days=-1 if why == "expired" else 30)
    good, good_key, _ = authority.issue(HOST, file="good")
    sockets = Sockets()
    bad, stand_by = Listening(sockets), Listening(sockets)

    async def main() -> tuple[str, dict[str, str], str]:
        await bad.start(None if why == "no tls" else ServerTls(certificate_file=certificate, key_file=key))
        trusted = {"ca_file": authority.file}
        if why in ("revoked", "an old list"):
            trusted["crl_file"] = authority.revoke("crl", HOST, days=7 if why == "revoked" else -1)
        alone = House(sockets, (PEERS[0], pf(trusted, bad.port)))
        await alone.gateway.start()
        alone.rig.send("SO1")
        await sockets.until(lambda: bool(fault_of(alone)))
        fault, states = fault_of(alone), alone.rig.out()
        await alone.gateway.stop()
        await stand_by.start(ServerTls(certificate_file=good, key_file=good_key))
        if why == "an old list":
            trusted["crl_file"] = authority.revoke("new", HOST)
        both = House(sockets, (PEERS[0], pf(trusted, bad.port, stand_by.port)))
        await both.gateway.start()
        both.rig.send("SO1", "SO2")
        await sockets.until(lambda: set(both.rig.out().values()) == {"DONE"})
        now = fault_of(both)
        await both.gateway.stop()
        return fault, states, now

    fault, states, now = sockets.run(main)
    assert FAULTS[why] in fault
    assert fault.startswith(f"tls://{HOST}:{bad.port}: ")
    assert set(states.values()) <= {"READY", "RETRY"}
    assert (bad.got, len(stand_by.got), now) == ([], 2, "")


def fault_of(house: House) -> str:
    (link,) = house.gateway.status()["links"][1:]
    return str(link["fault"])


def test_our_certificate_goes_with_our_messages(authority: Authority) -> None:
    certificate, key, _ = authority.issue(HOST)
    own, own_key, _ = authority.issue("gateway")
    sockets = Sockets()
    partner = Listening(sockets)

    async def main() -> None:
        await partner.start(ServerTls(certificate_file=certificate, key_file=key, client_ca_file=authority.file))
        tls = {"ca_file": authority.file, "certificate_file": own, "key_file": own_key}
        house = House(sockets, (PEERS[0], pf(tls, partner.port)))
        await house.gateway.start()
        job = house.rig.send("SO1", "SO2", "SO3")
        await sockets.until(lambda: set(house.rig.out().values()) == {"DONE"})
        assert sorted(packet.serial for packet in partner.got) == sorted(job.serials)
        states = [(one["where"], one["state"], one["days"]) for one in house.gateway.status()["certificates"]]
        assert states == [("peer PF0001 certificate_file", "soon", 29), ("peer PF0001 ca_file", "soon", 29)]
        await house.gateway.stop()

    sockets.run(main)


@pytest.mark.parametrize("version", ["TLSv1_1", "TLSv1_2", "TLSv1_3"])
def test_tls_below_1_2_is_refused(authority: Authority, version: str, capsys: Any) -> None:
    sockets = Sockets()
    house = House(sockets, (PEERS[0],), listening_tls(authority, mutual=False))
    pool = ThreadPool(1, 1)

    def shake() -> str:
        context = ssl.create_default_context(cafile=str(authority.file))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        old: AbstractContextManager[Any] = nullcontext()
        if version == "TLSv1_1":
            old = pytest.warns(DeprecationWarning, match="TLSv1_1")
        with old:
            context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, version)
        with socket.create_connection((HOST, house.gateway.addresses["s"].port), timeout=5) as wire:
            try:
                with context.wrap_socket(wire, server_hostname=HOST) as secure:
                    return str(secure.version())
            except ssl.SSLError:
                return "refused"

    async def main() -> str:
        await house.gateway.start()
        pool.start()
        try:
            return str(await deferToThreadPool(sockets.reactor, pool, shake))
        finally:
            pool.stop()
            await house.gateway.stop()

    assert sockets.run(main) == {"TLSv1_1": "refused", "TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version]
    assert ("no TLS version in common" in capsys.readouterr().out) is (version == "TLSv1_1")


def test_a_client_that_says_nothing_is_closed_and_one_that_dribbles_too(authority: Authority) -> None:
    tls = listening_tls(authority, mutual=False)
    rig = Rig((PEERS[0],), listens=[{"name": "s", "address": "mem://crm", "layout": "ctif-128", "tls": tls}])
    silent, slow = rig.caller(), rig.caller()
    for byte in b"\x16\x03\x01\x02\x00\x01":
        slow.write(bytes([byte]))
        rig.run(1.5)
    assert silent.open
    rig.run(2)
    assert (silent.open, slow.open) == (False, False)


def test_certificates_that_end_soon_are_warned_of_every_day(authority: Authority, capsys: Any) -> None:
    certificate, key, _ = authority.issue(HOST, days=31)
    listens = [{"name": "s", "address": "mem://crm", "tls": {"certificate_file": certificate, "key_file": key}}]
    clock = HeapClock(round(datetime.now(UTC).timestamp()) * 1000)
    rig = Rig((PEERS[0],), listens=listens, clock=clock)
    assert "certificate.warned" not in capsys.readouterr().out
    for _ in range(2):
        rig.run(86_401)
        assert capsys.readouterr().out.count("certificate.warned") == 1


def test_a_connect_that_hangs_in_the_handshake_ends_at_the_connect_limit(authority: Authority) -> None:
    clock = HeapClock(START)
    network = MemoryNetwork(clock, Entropy(1))
    network.server("tcp://127.0.0.1:7443").listen(Factory.forProtocol(Junk))
    rig = Rig((PEERS[0], pf({"ca_file": authority.file}, 7443)), clock=clock, network=network)
    rig.send("SO1")
    rig.run(4)
    assert rig.gateway.links["PF0001"].addresses.fault == ""
    rig.run(2)
    assert rig.gateway.links["PF0001"].addresses.fault.startswith("tls://127.0.0.1:7443: ")
    assert set(rig.out().values()) <= {"READY", "RETRY"}


@pytest.mark.parametrize("tls", [False, True])
def test_connections_beyond_what_one_address_may_have_are_closed_at_once(authority: Authority, tls: bool) -> None:
    listen: dict[str, Any] = {"name": "s", "address": "mem://crm", "layout": "ctif-128", "sockets": {"max_per_address": 3}}
    if tls:
        listen["tls"] = listening_tls(authority, mutual=False)
    rig = Rig((PEERS[0],), listens=[listen])
    for turn in (1, 2):  # those that have gone count no more
        wires = [rig.caller() for _ in range(3)]
        failures: list[Any] = []
        rig.network.client("mem://crm").connect(Wires(lambda wire, packet: None)).addErrback(failures.append)
        rig.run(0.1)
        assert len(failures) == 1
        (listener,) = rig.gateway.status()["listeners"]
        assert listener == {"name": "s", "connections": 3, "turned_away": turn}
        if not tls:
            (answer,) = [one for one in rig.ask(wires[0], packet_of(submission(1))) if one.is_answer]
            assert answer.result == "0001"
        for wire in wires:
            wire.drop()
        rig.run(0.1)
