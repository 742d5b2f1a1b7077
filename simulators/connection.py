"""One connection of a simulated system: a Twisted protocol around the pure session machine (spec 01.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as TwistedProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from adapters.wire.events import Close, Event
from adapters.wire.session import Session
from simulators.ports import Clock


class Flaws(Protocol):
    """What seeded defects do to the bytes of a connection, and how long (ms) they keep what is written."""

    late_ms: int

    def arriving(self, data: bytes) -> bytes:
        """Bytes that were read."""

    def wire(self, data: bytes) -> bytes:
        """Bytes about to be written."""


class Listener(Protocol):
    """Who hears of a connection."""

    def opened(self, connection: Connection) -> None:
        """It stands."""

    def happened(self, connection: Connection, event: Event) -> None:
        """The session says so."""

    def settled(self) -> None:
        """Everything that came with one turn has been told."""

    def ended(self, connection: Connection) -> None:
        """It is gone."""


@implementer(IPushProducer, IHalfCloseableProtocol)
class Connection(TwistedProtocol):
    """``session`` exists from the moment the connection stands; ``gone`` fires when it is over; ``flaws`` are what seeded
    defects do to the bytes."""

    session: Session

    def __init__(self, listener: Listener, make_session: Callable[[int], Session], clock: Clock, flaws: Flaws) -> None:
        self._listener = listener
        self._flaws = flaws
        self._make_session = make_session
        self._clock = clock
        self._wire: Any = None
        self._timer: Any = None
        self._timer_at = 0
        self._full = False
        self._reading = True
        self.gone: Deferred[None] = Deferred()

    def connectionMade(self) -> None:
        """The session begins."""
        self.session = self._make_session(self._clock.now())
        self._wire = self.transport
        self._wire.registerProducer(self, True)
        if hasattr(self._wire, "setTcpNoDelay"):
            self._wire.setTcpNoDelay(True)
        self._listener.opened(self)
        self.flush()
        self._listener.settled()

    def dataReceived(self, data: bytes) -> None:
        """Bytes in, events out, one write."""
        self._tell(self.session.receive(self._flaws.arriving(data), self._clock.now()))

    def readConnectionLost(self) -> None:
        """The peer sends no more; it still gets what it is owed."""
        self._tell(self.session.half_closed(self._clock.now()))

    def writeConnectionLost(self) -> None:
        """Our half is closed; the peer's half ends the connection."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        """Gone: what was outstanding is lost."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        for event in self.session.closed(self._clock.now()):
            if not isinstance(event, Close):
                self._listener.happened(self, event)
        self._wire = None
        self._listener.ended(self)
        self._listener.settled()
        self.gone.callback(None)

    def pauseProducing(self) -> None:
        """The transport is full: output waits in the session."""
        self._full = True

    def resumeProducing(self) -> None:
        """The transport has room again."""
        self._full = False
        self.flush()

    def stopProducing(self) -> None:
        """The transport goes away."""
        self._full = True

    def flush(self) -> None:
        """Write what the session has, mind what it cannot, keep the timer true."""
        if self._wire is None:
            return
        if self.session.buffered and not self._full:
            self._write(self._flaws.wire(self.session.to_send()))
        if self.session.congested is self._reading:
            self._reading = not self._reading
            (self._wire.resumeProducing if self._reading else self._wire.pauseProducing)()
        self._arm()

    def _write(self, data: bytes) -> None:
        if self._flaws.late_ms:
            self._clock.callLater(self._flaws.late_ms / 1000, self._write_late, data)
        else:
            self._wire.write(data)

    def _write_late(self, data: bytes) -> None:
        if self._wire is not None:
            self._wire.write(data)

    def close(self) -> None:
        """End it after what is written has left."""
        if self._wire is not None:
            self._wire.unregisterProducer()  # a transport waits for its producer before it closes
            self._wire.loseConnection()

    def abort(self) -> None:
        """End it now."""
        if self._wire is not None:
            self._wire.abortConnection()

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Close):
                self._end(event)
            else:
                self._listener.happened(self, event)
        self.flush()
        self._listener.settled()

    def _end(self, event: Close) -> None:
        if event.abort:
            self.abort()
        else:
            self._full = False  # the last words go out whatever the transport thinks of it
            self.flush()
            self.close()

    def _arm(self) -> None:
        """One timer: it may fire early (the session does not mind), never late."""
        due = self.session.next_deadline()
        if due is None or (self._timer is not None and self._timer.active() and self._timer_at <= due):
            return
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer_at = due
        self._timer = self._clock.callLater(max(0, due - self._clock.now()) / 1000, self._expired)

    def _expired(self) -> None:
        self._timer = None
        self._tell(self.session.timeout(self._clock.now()))


class Connections(Factory):
    """Makes connections for Twisted."""

    noisy = False

    def __init__(self, make: Callable[[], Connection]) -> None:
        self._make = make

    def buildProtocol(self, addr: Any) -> Connection:
        """A fresh one."""
        return self._make()
