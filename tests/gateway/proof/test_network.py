"""The in-memory network: Twisted's contracts, order of bytes, closing, back-pressure and every fault."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.application.internet import ClientService
from twisted.internet.defer import CancelledError
from twisted.internet.error import (
    CannotListenError,
    ConnectingCancelledError,
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IListeningPort,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
    ITCPTransport,
)
from twisted.internet.protocol import Factory, Protocol
from zope.interface import implementer
from zope.interface.verify import verifyObject

from gateway.clock import Entropy
from gateway.proof.fault_plan import PERFECT, FaultPlan
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork

START = 1_795_656_600_000


class Recorder(Protocol):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []
        self.lost: Any = None

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)

    def dataReceived(self, data: bytes) -> None:
        self.chunks.append(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = reason.type


@implementer(IHalfCloseableProtocol)
class HalfCloseable(Recorder):
    """Goes on writing when the other side has ended."""

    ended = False

    def readConnectionLost(self) -> None:
        self.ended = True

    def writeConnectionLost(self) -> None:
        raise AssertionError("not told of its own end")


class Recorders(Factory):
    """Builds recorders and keeps them."""

    def __init__(self, kind: type[Recorder] = Recorder) -> None:
        self.kind = kind
        self.built: list[Recorder] = []

    def buildProtocol(self, addr: Any) -> Recorder:
        protocol = self.kind()
        self.built.append(protocol)
        return protocol


class Pair:
    """A network with one connection over it."""

    def __init__(self, plan: FaultPlan = PERFECT, seed: int = 1, kind: type[Recorder] = Recorder) -> None:
        self.clock = HeapClock(START)
        self.taps: list[tuple[str, str, bytes]] = []
        self.network = MemoryNetwork(self.clock, Entropy(seed), tap=lambda *line: self.taps.append(line))
        self.servers = Recorders(kind)
        self.network.server("mem://PF0001").listen(self.servers)
        connected: list[Any] = []
        self.network.client("mem://PF0001").connect(Recorders()).addCallback(connected.append)
        self.clock.advance(10)
        self.client = connected[0]
        self.server = self.servers.built[0]
        self.network.plan = plan


def test_endpoints_ports_and_transports_provide_twisteds_interfaces() -> None:
    pair = Pair()
    verifyObject(IStreamClientEndpoint, pair.network.client("mem://PF0001"))
    endpoint = pair.network.server("tcp://127.0.0.1:0")
    verifyObject(IStreamServerEndpoint, endpoint)
    ports: list[Any] = []
    endpoint.listen(Recorders()).addCallback(ports.append)
    verifyObject(IListeningPort, ports[0])
    assert ports[0].getHost().port > 0
    verifyObject(ITCPTransport, pair.client.transport)
    assert pair.client.transport.getPeer() == pair.server.transport.getHost()
    assert pair.client.transport.getHost() == pair.server.transport.getPeer()


@pytest.mark.parametrize("address", ["PF0001", "mem://", "tcp://host", "http://host:1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="no address"):
        Pair().network.client(address)


def test_bytes_arrive_after_the_latency_in_order_and_are_tapped() -> None:
    pair = Pair(replace(PERFECT, latency=(0.05, 0.05)))
    pair.client.transport.writeSequence([b"ab", b"cd"])
    pair.client.transport.write(b"ef")
    pair.clock.advance(49)
    assert pair.server.data == b""
    pair.clock.advance(1)
    assert pair.server.chunks == [b"abcd", b"ef"]
    assert pair.taps == [("client#1", "mem://PF0001#1", b"abcd"), ("client#1", "mem://PF0001#1", b"ef")]


def test_an_address_is_listened_on_once_and_free_again_after() -> None:
    pair = Pair()
    errors: list[Any] = []
    pair.network.server("mem://PF0001").listen(Recorders()).addErrback(lambda failure: errors.append(failure.type))
    assert errors == [CannotListenError]
    ports: list[Any] = []
    pair.network.server("mem://X").listen(Recorders()).addCallback(ports.append)
    ports[0].stopListening()
    pair.network.server("mem://X").listen(Recorders()).addCallback(ports.append)
    assert len(ports) == 2


def test_nobody_listening_is_refused_and_a_connect_can_be_called_off() -> None:
    pair = Pair()
    errors: list[Any] = []
    pair.network.client("mem://none").connect(Recorders()).addErrback(lambda failure: errors.append(failure.type))
    pair.clock.advance(10)
    attempt = pair.network.client("mem://PF0001").connect(Recorders())
    attempt.addErrback(lambda failure: errors.append(failure.type))
    attempt.cancel()
    pair.clock.advance(10)
    assert errors == [ConnectionRefusedError, ConnectingCancelledError]
    assert len(pair.servers.built) == 1


def test_closing_lets_everything_written_arrive_first() -> None:
    pair = Pair()
    pair.client.transport.write(b"last words")
    pair.client.transport.loseConnection()
    pair.client.transport.write(b"too late")
    pair.clock.advance(100)
    assert pair.server.data == b"last words"
    assert (pair.server.lost, pair.client.lost) == (ConnectionDone, ConnectionDone)
    assert pair.network.connections == []


def test_aborting_loses_what_is_in_flight() -> None:
    pair = Pair()
    pair.client.transport.write(b"lost")
    pair.client.transport.abortConnection()
    pair.clock.advance(100)
    assert pair.server.data == b""
    assert (pair.client.lost, pair.server.lost) == (ConnectionAborted, ConnectionLost)


def test_half_closed_the_other_side_still_answers() -> None:
    pair = Pair(kind=HalfCloseable)
    pair.client.transport.write(b"question")
    pair.client.transport.loseWriteConnection()
    pair.clock.advance(10)
    assert pair.server.ended  # type: ignore[attr-defined]
    pair.server.transport.write(b"answer")
    pair.server.transport.loseConnection()
    pair.clock.advance(10)
    assert pair.client.data == b"answer"
    assert pair.server.lost is ConnectionDone


def test_a_reader_that_pauses_holds_back_the_writers_producer() -> None:
    class Producer:
        def __init__(self) -> None:
            self.said: list[str] = []

        def pauseProducing(self) -> None:
            self.said.append("pause")

        def resumeProducing(self) -> None:
            self.said.append("resume")

        def stopProducing(self) -> None:
            self.said.append("stop")

    pair = Pair()
    producer = Producer()
    pair.client.transport.registerProducer(producer, True)
    pair.server.transport.pauseProducing()
    for _ in range(10):
        pair.client.transport.write(b"x" * 10_000)
    pair.clock.advance(1000)
    assert (pair.server.data, producer.said) == (b"", ["pause"])
    pair.server.transport.resumeProducing()
    pair.clock.advance(1000)
    assert (len(pair.server.data), producer.said) == (100_000, ["pause", "resume"])
    pair.client.transport.loseConnection()
    pair.clock.advance(1000)
    assert pair.client.lost is None
    pair.client.transport.unregisterProducer()
    pair.clock.advance(1000)
    assert pair.client.lost is ConnectionDone


def test_a_reset_drops_what_is_in_flight_in_both_directions() -> None:
    pair = Pair(replace(PERFECT, latency=(1.0, 1.0)))
    pair.server.transport.write(b"answer under way")
    pair.network.plan = replace(PERFECT, reset=1.0)
    pair.client.transport.write(b"question")
    pair.clock.advance(5000)
    assert (pair.server.data, pair.client.data) == (b"", b"")
    assert (pair.server.lost, pair.client.lost) == (ConnectionLost, ConnectionLost)
    assert pair.network.counts == {"reset": 1}


def test_a_half_open_connection_swallows_until_it_is_reset() -> None:
    pair = Pair(replace(PERFECT, half_open=1.0, half_open_for=(60.0, 60.0)))
    pair.client.transport.write(b"question")
    pair.server.transport.write(b"heartbeat")
    pair.clock.advance(59_999)
    assert (pair.server.data, pair.client.data, pair.client.lost) == (b"", b"", None)
    pair.clock.advance(10)
    assert (pair.server.lost, pair.client.lost) == (ConnectionLost, ConnectionLost)


def test_garble_and_duplicate_work_on_one_write() -> None:
    pair = Pair(replace(PERFECT, garble=1.0))
    pair.client.transport.write(b"packet")
    pair.clock.advance(10)
    assert len(pair.server.data) == 6
    assert sum(a != b for a, b in zip(pair.server.data, b"packet", strict=True)) == 1
    pair.network.plan = replace(PERFECT, duplicate=1.0)
    pair.server.transport.write(b"answer")
    pair.clock.advance(10)
    assert pair.client.chunks == [b"answer", b"answer"]


def test_an_outage_resets_and_refuses_and_ends() -> None:
    pair = Pair()
    pair.network.outage("mem://PF0001", 30)
    errors: list[Any] = []
    pair.network.client("mem://PF0001").connect(Recorders()).addErrback(lambda failure: errors.append(failure.type))
    pair.clock.advance(1000)
    assert (pair.client.lost, errors) == (ConnectionLost, [ConnectionRefusedError])
    pair.clock.advance(30_000)
    pair.network.client("mem://PF0001").connect(Recorders())
    pair.clock.advance(1000)
    assert len(pair.servers.built) == 2


def test_a_client_service_reconnects_on_virtual_time() -> None:
    pair = Pair(replace(PERFECT, refuse=0.5))
    clients = Recorders()
    service = ClientService(
        pair.network.client("mem://PF0001"), clients, retryPolicy=lambda attempt: 1.0 * attempt, clock=pair.clock
    )
    waiting = service.whenConnected()
    service.startService()
    pair.clock.advance(60_000)
    first = clients.built[-1]
    assert waiting.result.__class__ is Recorder  # type: ignore[attr-defined]
    pair.network.reset_all()
    pair.clock.advance(120_000)
    assert clients.built[-1] is not first
    assert clients.built[-1].lost is None
    stopped: list[Any] = []
    service.stopService().addCallback(stopped.append)
    pair.clock.advance(1000)
    assert stopped == [None]
    assert clients.built[-1].lost is ConnectionDone


def test_a_client_service_stopped_before_it_could_connect_ends() -> None:
    pair = Pair()
    service = ClientService(
        pair.network.client("mem://none"), Recorders(), retryPolicy=lambda attempt: 5.0, clock=pair.clock
    )
    service.startService()
    errors: list[Any] = []
    service.whenConnected().addErrback(lambda failure: errors.append(failure.type))
    pair.clock.advance(20_000)
    service.stopService()
    pair.clock.advance(20_000)
    assert errors == [CancelledError]
    assert pair.clock.getDelayedCalls() == []


@given(
    st.integers(0, 1 << 30),
    st.lists(st.binary(min_size=1, max_size=40), max_size=25),
    st.floats(0, 1),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_delay_split_and_merge_never_change_the_stream(
    seed: int, writes: list[bytes], slow: float, split: float, merge: float
) -> None:
    pair = Pair(FaultPlan(latency=(0.0, 0.2), slow=slow, split=split, merge=merge), seed=seed)
    for data in writes:
        pair.client.transport.write(data)
        pair.clock.advance(30)
    pair.client.transport.loseConnection()
    pair.clock.advance(60_000)
    assert pair.server.data == b"".join(writes)
    assert pair.server.lost is ConnectionDone


def test_a_seed_replays_and_another_does_not() -> None:
    def play(seed: int) -> list[bytes]:
        pair = Pair(FaultPlan(latency=(0.0, 0.2), slow=0.3, split=0.5, garble=0.2), seed=seed)
        for number in range(30):
            pair.client.transport.write(b"packet %d " % number)
        pair.clock.advance(60_000)
        return pair.server.chunks

    assert play(7) == play(7)
    assert play(7) != play(8)
