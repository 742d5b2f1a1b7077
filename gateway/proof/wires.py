"""Connections of the simulated network: two ends, each a Twisted transport over virtual time (see ``network``).

Each direction is a queue of chunks with an arrival time that never goes back, so bytes keep their order whatever the
delays are.  The reader's ``pauseProducing`` leaves chunks where they are; beyond the high-water mark the writer's
producer is paused, as a socket's is (spec 01.1.3 rule 6).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, IHalfCloseableProtocol, IPushProducer, ITCPTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.clock import Clock, Entropy
from gateway.proof.fault_plan import FaultPlan

HIGH_WATER = 65_536
"""Bytes on their way beyond which a writer's producer is asked to pause (Twisted's ``FileDescriptor.bufferSize``)."""

_END = b""

Tap = Callable[[str, str, bytes], None]
"""Told of bytes as they are delivered: from, to (address or ``client``, and connection number), bytes."""


@implementer(ITCPTransport, IConsumer, IPushProducer)
class Wire:
    """One end of a connection: the transport its protocol writes to. ``name`` says who writes here."""

    disconnecting = False

    def __init__(self, connection: Connection, name: str, address: Any) -> None:
        self._address = address
        self._connection = connection
        self._network = connection.network
        self.name = name
        self.protocol: Any = None
        self.factory: Any = None
        self.open = True
        self.producer: Any = None
        self._streaming = False
        self._held_back = False
        self._inbox: deque[tuple[int, bytes]] = deque()
        self._inbox_bytes = 0
        self._last_arrival = 0
        self._timer: Any = None
        self._reading = True
        self._write_ended = False
        self._no_delay = False
        self._keep_alive = False

    @property
    def other(self) -> Wire:
        """The end at the other side."""
        return self._connection.server if self is self._connection.client else self._connection.client

    def attach(self, protocol: Any, factory: Any) -> None:
        """Who reads here; ``factory`` is told when it is over (clients)."""
        self.protocol = protocol
        self.factory = factory

    # writing

    def write(self, data: bytes) -> None:
        """Send ``data``; what happens to it on the way is the network's business."""
        if not isinstance(data, bytes | bytearray):
            raise TypeError("Data must be bytes")
        if self.open and not self._write_ended and data:
            self._connection.carry(self, bytes(data))
            self._throttle()

    def writeSequence(self, iovec: Iterable[bytes]) -> None:
        """Send several pieces as one write."""
        self.write(b"".join(iovec))

    def loseConnection(self, _reason: Any = None) -> None:
        """Close once everything written has left; the other side gets all of it first."""
        if not self.open or self.disconnecting:
            return
        self.disconnecting = True
        if self.producer is None:
            self._close()

    def abortConnection(self) -> None:
        """Close now; what is on its way to the other side is lost."""
        if self.open:
            self.other.drop_inbox()
            self.lost(ConnectionAborted())
            self._connection.break_later(self.other)

    def loseWriteConnection(self) -> None:
        """End of file for the other side; reading goes on."""
        if self.open and not self._write_ended:
            self._write_ended = True
            self._connection.carry_end(self)

    # producers and consumers

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Let ``producer`` be told when to pause (streaming) or when to go on."""
        if self.producer is not None:
            raise RuntimeError("a producer is registered already")
        if not self.open:
            producer.stopProducing()
            return
        self.producer = producer
        self._streaming = streaming
        self._held_back = False
        if not streaming:
            producer.resumeProducing()

    def unregisterProducer(self) -> None:
        """The producer is done; a close that waited for it happens now."""
        self.producer = None
        if self.disconnecting and self.open:
            self._close()

    def pauseProducing(self) -> None:
        """Stop reading."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Read again."""
        if not self._reading and self.open:
            self._reading = True
            self._arm()

    def stopProducing(self) -> None:
        """The consumer of what is read here is gone."""
        self.loseConnection()

    # who is who

    def getPeer(self) -> Any:
        """Address of the other end."""
        return self.other.getHost()

    def getHost(self) -> Any:
        """Address of this end."""
        return self._address

    def getTcpNoDelay(self) -> bool:
        """As set; without meaning here."""
        return self._no_delay

    def setTcpNoDelay(self, enabled: bool) -> None:
        """Kept; without meaning here."""
        self._no_delay = bool(enabled)

    def getTcpKeepAlive(self) -> bool:
        """As set; without meaning here."""
        return self._keep_alive

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Kept; without meaning here."""
        self._keep_alive = bool(enabled)

    # what the connection does to this end

    def receive(self, delay: float, data: bytes) -> None:
        """Let ``data`` (empty: end of file) arrive after ``delay`` seconds, never before what is under way."""
        arrival = round((self._network.clock.seconds() + delay) * 1_000_000)
        grain = round(self._network.plan.grain * 1_000_000)
        if grain:
            arrival += -arrival % grain
        self._last_arrival = max(self._last_arrival, arrival)
        self._inbox.append((self._last_arrival, data))
        self._inbox_bytes += len(data)
        self._arm()

    def merge_last(self, data: bytes) -> bool:
        """Let ``data`` arrive together with the last chunk under way; false if there is none."""
        if not self._inbox or not self._inbox[-1][1]:
            return False
        arrival, last = self._inbox[-1]
        self._inbox[-1] = (arrival, last + data)
        self._inbox_bytes += len(data)
        return True

    def drop_inbox(self) -> None:
        """What is under way to here is lost."""
        self._inbox.clear()
        self._inbox_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def lost(self, error: Exception) -> None:
        """This end is over: no more reading or writing, and its protocol is told in a call of its own."""
        if not self.open:
            return
        self.open = False
        self.drop_inbox()
        self._network.clock.callLater(0, self._tell_lost, Failure(error))

    def _tell_lost(self, reason: Failure) -> None:
        producer, self.producer = self.producer, None
        if producer is not None:
            producer.stopProducing()
        self.protocol.connectionLost(reason)
        if self.factory is not None:
            self.factory.doStop()
        if not self.other.open:
            self._network.closed(self._connection)

    def _close(self) -> None:
        if not self._write_ended:
            self._write_ended = True
            self._connection.carry_end(self)
        self.lost(ConnectionDone())

    def _throttle(self) -> None:
        if self.producer is not None and not self._held_back and self.other.waiting() > HIGH_WATER:
            self._held_back = True
            self.producer.pauseProducing()

    def waiting(self) -> int:
        """Bytes on their way to here."""
        return self._inbox_bytes

    def drained(self) -> None:
        """The other end has read: a producer that was held back may go on."""
        if self.producer is not None and (self._held_back or not self._streaming):
            self._held_back = False
            self.producer.resumeProducing()

    def _arm(self) -> None:
        if self._timer is None and self._inbox and self._reading and self.open:
            now = round(self._network.clock.seconds() * 1_000_000)
            wait = max(0, self._inbox[0][0] - now)
            self._timer = self._network.clock.callLater(wait / 1_000_000, self._arrive)

    def _arrive(self) -> None:
        self._timer = None
        if not self._reading or not self._inbox:
            return
        _, data = self._inbox.popleft()
        if data == _END:
            self._read_ended()
            return
        self._inbox_bytes -= len(data)
        if self._network.tap is not None:
            self._network.tap(self.other.name, self.name, data)
        self.protocol.dataReceived(data)
        self._arm()
        if self._inbox_bytes <= HIGH_WATER // 2:
            self.other.drained()

    def _read_ended(self) -> None:
        if self.protocol is not None and IHalfCloseableProtocol.providedBy(self.protocol):
            self.protocol.readConnectionLost()
            if self._write_ended:
                self.lost(ConnectionDone())
        else:
            if not self._write_ended:
                self._write_ended = True
                self._connection.carry_end(self)
            self.lost(ConnectionDone())


Hook = Callable[[Wire, bytes], bool]
"""Asked at every write: by whom, what; true if it has dealt with it and the network is to do nothing more."""


class Medium(Protocol):
    """What connections need of the network they belong to."""

    clock: Clock
    entropy: Entropy
    plan: FaultPlan
    tap: Tap | None
    hook: Hook | None

    def count(self, fault: str) -> None:
        """Remember that a fault was dealt."""

    def latency(self) -> float:
        """How long the next write takes, without faults."""

    def closed(self, connection: Connection) -> None:
        """Both ends of ``connection`` know that it is over."""


class Connection:
    """Two wires and what the fault plan does to what they carry.

    ``address`` is the listener's, ``number`` counts all connections of a network, ``ends`` are the address objects of
    client and server.
    """

    def __init__(self, network: Medium, address: str, number: int, ends: tuple[Any, Any]) -> None:
        self.network = network
        self.address = address
        self.number = number
        self._swallows = False
        self.client = Wire(self, f"client#{number}", ends[0])
        self.server = Wire(self, f"{address}#{number}", ends[1])

    def carry(self, source: Wire, data: bytes) -> None:
        """One write from ``source`` to the other end, with what may happen to it."""
        target = source.other
        if not target.open or self._swallows:
            return
        network = self.network
        if network.hook is not None and network.hook(source, data):
            return
        if network.plan.harmless:
            target.receive(network.plan.latency[0], data)
        elif not self._breaks():
            self._deliver(target, data)

    def carry_end(self, source: Wire) -> None:
        """End of file from ``source``, behind everything it wrote."""
        if source.other.open and not self._swallows:
            source.other.receive(self.network.latency(), _END)

    def reset(self) -> None:
        """Both ends lose the connection now, with everything in flight."""
        for wire in (self.client, self.server):
            wire.lost(ConnectionLost())

    def break_later(self, wire: Wire) -> None:
        """``wire`` learns by a reset that the other end is gone."""
        if not self._swallows:
            self.network.clock.callLater(self.network.latency(), wire.lost, ConnectionLost())

    def _breaks(self) -> bool:
        network, plan, entropy = self.network, self.network.plan, self.network.entropy
        fate = entropy.uniform(0, 1)
        if fate < plan.reset:
            network.count("reset")
            self.reset()
            return True
        if fate < plan.reset + plan.half_open:
            network.count("half_open")
            self._swallows = True
            network.clock.callLater(entropy.uniform(*plan.half_open_for), self.reset)
            return True
        return False

    def _deliver(self, target: Wire, data: bytes) -> None:
        network, plan, entropy = self.network, self.network.plan, self.network.entropy
        delay = network.latency()
        if self._happens("slow", plan.slow):
            delay += entropy.uniform(0, plan.slow_by)
        if self._happens("garble", plan.garble):
            at = entropy.below(len(data))
            data = data[:at] + bytes([data[at] ^ (1 + entropy.below(255))]) + data[at + 1 :]
        if self._happens("duplicate", plan.duplicate):
            target.receive(delay, data)
        if self._happens("merge", plan.merge) and target.merge_last(data):
            return
        if len(data) > 1 and self._happens("split", plan.split):
            cuts = sorted(1 + entropy.below(len(data) - 1) for _ in range(1 + entropy.below(3)))
            for low, high in zip([0, *cuts], [*cuts, len(data)], strict=True):
                if low < high:
                    target.receive(delay, data[low:high])
                    delay += network.latency()
            return
        target.receive(delay, data)

    def _happens(self, fault: str, rate: float) -> bool:
        if rate <= 0 or self.network.entropy.uniform(0, 1) >= rate:
            return False
        self.network.count(fault)
        return True
