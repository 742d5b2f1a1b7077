"""The network of the simulation: Twisted endpoints and transports in memory, with faults, and no reactor anywhere.

The gateway's links and the simulators' hosts are the same code here and over real sockets: they are handed an object
with ``client(address)`` and ``server(address)`` and cannot tell.  What the network does to a connection is drawn from
the one entropy by a frozen ``FaultPlan`` when it is made and at each write, so a seed replays (spec 06.5).

TCP does not lose, repeat or reorder bytes within a connection; neither does this network unless told to.  A lost
message is therefore a broken connection: a reset drops what was in flight in both directions, a half-open connection
swallows what is written until somebody notices.  ``garble`` and ``duplicate`` stand for a broken or repeating peer and
work on one write (links write whole packets).  Reordering happens between connections, as they differ in delay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import (
    CannotListenError,
    ConnectingCancelledError,
    ConnectionRefusedError,
    NoProtocol,
    TimeoutError,
)
from twisted.internet.interfaces import IListeningPort, IStreamClientEndpoint, IStreamServerEndpoint
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.clock import Clock, Entropy
from gateway.proof.fault_plan import PERFECT, FaultPlan
from gateway.proof.wires import Connection, Hook, Tap, Wire

CONNECT_LIMIT = 5.0
"""Seconds a connect may take (spec 01.1.5)."""

_FIRST_FREE_PORT = 40_000
_FIRST_CALLER_PORT = 50_000
_CALLER_PORTS = 15_000


@dataclass(frozen=True, slots=True)
class MemoryAddress:
    """The address of an in-memory endpoint that has no host and port: ``mem://name``."""

    name: str
    type: str = "MEM"


@implementer(IListeningPort)
class MemoryPort:
    """Somebody listens at an address."""

    def __init__(self, network: MemoryNetwork, address: str, factory: Any) -> None:
        self._network = network
        self.address = address
        self.factory = factory

    def startListening(self) -> None:
        """Begin, or begin again; raises ``CannotListenError`` if the address is taken."""
        self._network.open_port(self)
        self.factory.doStart()

    def stopListening(self) -> Deferred[None]:
        """No further connections; those that stand are left alone."""
        if self._network.close_port(self):
            self.factory.doStop()
        return succeed(None)

    def getHost(self) -> MemoryAddress | IPv4Address:
        """Where it listens; a port that was asked for as 0 has got its number."""
        return parse(self.address)


@implementer(IStreamServerEndpoint)
class MemoryServerEndpoint:
    """Where one can listen."""

    def __init__(self, network: MemoryNetwork, address: str) -> None:
        self._network = network
        self._address = address

    def listen(self, protocolFactory: Any) -> Deferred[MemoryPort]:  # Twisted's interface names it so
        """Fires with the port, or fails with ``CannotListenError``."""
        port = MemoryPort(self._network, self._network.concrete(self._address), protocolFactory)
        try:
            port.startListening()
        except CannotListenError:
            return fail()
        return succeed(port)


@implementer(IStreamClientEndpoint)
class MemoryClientEndpoint:
    """Where one can connect to."""

    def __init__(self, network: MemoryNetwork, address: str) -> None:
        self._network = network
        self._address = address

    def connect(self, protocolFactory: Any) -> Deferred[Any]:  # Twisted's interface names it so
        """Fires with the protocol, or fails as TCP would (refused, timed out, cancelled)."""
        return self._network.dial(self._address, protocolFactory)


class MemoryNetwork:
    """All endpoints of one world. Addresses are ``mem://name`` or ``tcp://host:port`` (in memory too; 0 = any port)."""

    def __init__(self, clock: Clock, entropy: Entropy, plan: FaultPlan = PERFECT, tap: Tap | None = None) -> None:
        self.clock = clock
        self.entropy = entropy
        self.plan = plan
        self.tap = tap
        self.hook: Hook | None = None
        self.connections: list[Connection] = []
        self.counts: dict[str, int] = {}
        self._ports: dict[str, MemoryPort] = {}
        self._down: dict[str, int] = {}
        self._next_port = _FIRST_FREE_PORT
        self._made = 0

    def client(self, address: str) -> MemoryClientEndpoint:
        """An endpoint that connects to ``address``."""
        parse(address)
        return MemoryClientEndpoint(self, address)

    def server(self, address: str) -> MemoryServerEndpoint:
        """An endpoint that listens on ``address``."""
        parse(address)
        return MemoryServerEndpoint(self, address)

    def outage(self, address: str, seconds: float) -> None:
        """Whoever listens at ``address`` is unreachable for ``seconds``: connections are reset, connects refused."""
        self.count("outage")
        self._down[address] = self.clock.now() + round(seconds * 1000)
        for connection in [one for one in self.connections if one.address == address]:
            connection.reset()

    def reset_all(self) -> None:
        """Break every connection, as when a host dies with all its sockets."""
        for connection in list(self.connections):
            connection.reset()

    def count(self, fault: str) -> None:
        """Remember that a fault was dealt, for the report of a run."""
        self.counts[fault] = self.counts.get(fault, 0) + 1

    def concrete(self, address: str) -> str:
        """The address with a port number of its own where 0 was asked for."""
        if not address.endswith(":0"):
            return address
        self._next_port += 1
        return f"{address[:-1]}{self._next_port}"

    def open_port(self, port: MemoryPort) -> None:
        """Let ``port`` listen; raises ``CannotListenError`` if its address is taken."""
        if port.address in self._ports:
            raise CannotListenError(None, port.address, OSError("address already in use"))
        self._ports[port.address] = port

    def close_port(self, port: MemoryPort) -> bool:
        """Let ``port`` listen no more; false if it did not."""
        if self._ports.get(port.address) is not port:
            return False
        del self._ports[port.address]
        return True

    def dial(self, address: str, factory: Any) -> Deferred[Any]:
        """One attempt to connect ``factory`` to whoever listens at ``address``."""
        attempt = _Attempt(self, address, factory)
        return attempt.done

    def latency(self) -> float:
        """How long the next write takes, without faults."""
        low, high = self.plan.latency
        return low if low == high else self.entropy.uniform(low, high)

    def reachable(self, address: str) -> MemoryPort | None:
        """Who listens at ``address``, unless it is in an outage."""
        if self._down.get(address, 0) > self.clock.now():
            return None
        return self._ports.get(address)

    def opened(self, address: str) -> Connection:
        """A new connection to ``address``, numbered in the order of connecting."""
        self._made += 1
        caller = IPv4Address("TCP", "127.0.0.1", _FIRST_CALLER_PORT + self._made % _CALLER_PORTS)
        connection = Connection(self, address, self._made, (caller, parse(address)))
        self.connections.append(connection)
        return connection

    def closed(self, connection: Connection) -> None:
        """Both ends of ``connection`` know that it is over."""
        if connection in self.connections:
            self.connections.remove(connection)


class _Attempt:
    """A connect under way: refused, timed out, called off, or a connection."""

    def __init__(self, network: MemoryNetwork, address: str, factory: Any) -> None:
        self._network = network
        self._address = address
        self._factory = factory
        self.done: Deferred[Any] = Deferred(self._cancelled)
        factory.doStart()
        entropy, plan = network.entropy, network.plan
        self._refused = plan.refuse > 0 and entropy.uniform(0, 1) < plan.refuse
        self._timer = network.clock.callLater(min(network.latency() * 2, CONNECT_LIMIT), self._arrive)

    def _cancelled(self, _done: Deferred[Any]) -> None:
        self._timer.cancel()
        self._fail(ConnectingCancelledError(parse(self._address)))

    def _arrive(self) -> None:
        if self._network.plan.latency[0] * 2 > CONNECT_LIMIT:
            return self._fail(TimeoutError())
        port = self._network.reachable(self._address)
        if self._refused or port is None:
            if self._refused:
                self._network.count("refuse")
            return self._fail(ConnectionRefusedError(string=f"nobody listens at {self._address}"))
        connection = self._network.opened(self._address)
        server = port.factory.buildProtocol(connection.server.getPeer())
        if server is None:
            self._network.closed(connection)
            return self._fail(ConnectionRefusedError(string=f"{self._address} takes no connection"))
        client = self._factory.buildProtocol(connection.client.getPeer())
        if client is None:
            self._network.closed(connection)
            return self._fail(NoProtocol())
        self._join(connection.server, server, None)
        self._join(connection.client, client, self._factory)
        return self.done.callback(client)

    @staticmethod
    def _join(wire: Wire, protocol: Any, factory: Any) -> None:
        wire.attach(protocol, factory)
        protocol.makeConnection(wire)

    def _fail(self, error: Exception) -> None:
        self._factory.doStop()
        self.done.errback(Failure(error))


def parse(address: str) -> MemoryAddress | IPv4Address:
    """The address object of ``mem://name`` or ``tcp://host:port``; raises ``ValueError`` for anything else."""
    scheme, _, rest = address.partition("://")
    if scheme == "mem" and rest:
        return MemoryAddress(rest)
    host, _, port = rest.rpartition(":")
    if scheme == "tcp" and host and port.isdigit():
        return IPv4Address("TCP", host, int(port))
    raise ValueError(f"no address of the simulation: {address!r} (mem://name or tcp://host:port)")
