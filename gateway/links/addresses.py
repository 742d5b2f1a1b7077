"""Where a peer can be reached: primary address first, then the stand-by ones, each with a circuit of its own (spec 01.1.5).

A connect begins with the first address whose circuit is closed and goes on to the others; an address whose circuit opened is
passed over as long as another is better, until somebody finds it healthy (``gateway.links.probe``).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProtocolFactory, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.clock import Clock
from gateway.config.model import Peer
from gateway.links.circuit import Circuit
from gateway.links.unreachable import Outages

_RANK = {"closed": 0, "half-open": 1, "open": 2}


@implementer(IStreamClientEndpoint)
class Addresses:
    """The addresses of ``peer`` as one endpoint. A connect to one takes no longer than the peer row's timer says."""

    def __init__(self, peer: Peer, endpoints: Any, clock: Clock) -> None:
        self._clients = [endpoints.client(address) for address in peer.connect]
        self._limit = peer.timers.connect
        self._clock = clock
        self.circuits = [circuit_of(peer) for _ in peer.connect or (peer.id,)]
        self.names = peer.connect
        self.current = 0
        self._outages = Outages(peer.id, clock)
        self.fault = ""
        """Why the last connect failed; empty after one that did not."""

    @property
    def circuit(self) -> Circuit:
        """That of the address connected to last."""
        return self.circuits[self.current]

    def better(self, now: int) -> bool:
        """Whether another address is fitter than the current one."""
        mine = _RANK[self.circuit.state(now)]
        return any(_RANK[circuit.state(now)] < mine for circuit in self.circuits)

    def turn(self, now: int) -> None:
        """The fittest address is the current one from now on (links that connect for each message)."""
        self.current = self._order(now)[0]

    def preferred(self, now: int) -> list[int]:
        """Addresses before the current one that may be looked at again."""
        return [n for n in range(self.current) if self.circuits[n].state(now) != "open"]

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:
        """The first address that answers, the fittest first."""
        return self._try(protocolFactory, self._order(self._clock.now()))

    def _order(self, now: int) -> list[int]:
        return sorted(range(len(self.circuits)), key=lambda n: (_RANK[self.circuits[n].state(now)], n))

    def connect_to(self, n: int, factory: IProtocolFactory) -> Deferred[Any]:
        """The ``n``-th address and no other."""
        connecting: Deferred[Any] = self._clients[n].connect(factory)
        connecting.addTimeout(self._limit, self._clock)  # type: ignore[arg-type]
        return connecting.addCallbacks(self._connected, self._failed, callbackArgs=(n,), errbackArgs=(n,))

    def _connected(self, protocol: Any, n: int) -> Any:
        self.fault = ""
        self._outages.reached(self.names[n])
        return protocol

    def _failed(self, failure: Failure, n: int) -> Failure:
        self.fault = self._outages.failed(self.names[n], failure)
        return failure

    def _try(self, factory: IProtocolFactory, order: list[int]) -> Deferred[Any]:
        n, *others = order
        chosen: Any = _At(factory, lambda: self._stands(n))
        connecting = self.connect_to(n, chosen)
        if others:
            connecting.addErrback(lambda _failure: self._try(factory, others))
        return connecting

    def _stands(self, n: int) -> None:
        self.current = n


class _At(Factory):
    """A factory that says beforehand which address answered."""

    noisy = False

    def __init__(self, factory: Any, stands: Callable[[], None]) -> None:
        self._factory = factory
        self._stands = stands

    def buildProtocol(self, addr: Any) -> Any:
        """The protocol of the factory it stands for."""
        self._stands()
        return self._factory.buildProtocol(addr)


def circuit_of(peer: Peer) -> Circuit:
    """A circuit as the peer row says."""
    return Circuit(peer.timers.circuit_failures, int(peer.timers.circuit_pause * 1000))
