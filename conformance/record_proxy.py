"""A connection passed on byte for byte in both directions, with somebody watching (spec 07.9).

The two systems come first: bytes are written on before they are looked at, a slow reader slows its writer as it would without
this proxy, half a connection closes as half a connection, and whatever the watcher cannot read is passed on all the same.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from conformance.ports import Clock, Endpoints
from conformance.record import Recording, Watch

_TICK_S = 1.0
_MAX_BEHIND = 64 << 20
"""Bytes that may wait to be looked at; beyond it a connection is passed on unread."""


@implementer(IHalfCloseableProtocol)
class _Side(Protocol):
    """One end of a connection: ``who`` speaks here; ``other`` is where it is passed on to."""

    def __init__(self, proxy: RecordingProxy, who: str) -> None:
        self.proxy = proxy
        self.who = who
        self.name = ""
        self.other: _Side | None = None
        self.over = False

    def connectionMade(self) -> None:
        """A caller came, or the target answered."""
        if self.who == "caller":
            wire: Any = self.transport
            wire.pauseProducing()
            self.proxy.called(self)

    def join(self, other: _Side) -> None:
        """Both ends stand: whoever reads slowly slows the other down."""
        self.other, other.other = other, self
        for one, its_other in ((self, other), (other, self)):
            wire: Any = one.transport
            wire.registerProducer(its_other.transport, True)
        caller: Any = self.transport
        caller.resumeProducing()

    def dataReceived(self, data: bytes) -> None:
        """On it goes, then it is looked at."""
        if self.other is not None and not self.other.over:
            there: Any = self.other.transport
            there.write(data)
        self.proxy.said(self, data)

    def readConnectionLost(self) -> None:
        """This end says no more: nor does the proxy to the other."""
        if self.other is not None and not self.other.over:
            there: Any = self.other.transport
            there.unregisterProducer()
            if hasattr(there, "getPeerCertificate"):  # TLS has no half: its farewell still lets the other end finish
                there.loseConnection()
            else:
                there.loseWriteConnection()

    def writeConnectionLost(self) -> None:
        """The other end said no more, and this one has been told."""

    def connectionLost(self, reason: Failure | None = None) -> None:
        """This end is gone; what was written to the other still arrives."""
        self.over = True
        mine: Any = self.transport
        mine.unregisterProducer()
        if self.other is not None and not self.other.over:
            there: Any = self.other.transport
            there.unregisterProducer()
            there.loseConnection()
        self.proxy.gone(self, reason.getErrorMessage() if reason is not None else "")


class _Sides(Factory):
    noisy = False

    def __init__(self, proxy: RecordingProxy, who: str) -> None:
        self._proxy = proxy
        self._who = who

    def buildProtocol(self, addr: Any) -> _Side:
        """A fresh end."""
        return _Side(self._proxy, self._who)


class RecordingProxy:
    """Listens at ``listen``, connects each caller to ``target``, tells ``watch``."""

    def __init__(self, watch: Watch, listen: str, target: str, clock: Clock, endpoints: Endpoints) -> None:
        self._watch = watch
        self._listen = listen.removeprefix("soap+")
        self._target = target.removeprefix("soap+")
        self._clock = clock
        self._endpoints = endpoints
        self._port: Any = None
        self._ends: dict[_Side, None] = {}
        self._told: list[tuple[str, str, str, bytes]] = []
        self._behind = 0
        self._unread: dict[str, None] = {}
        self._count = 0
        self._stopped = False
        self._ticking: Any = None

    async def start(self) -> Any:
        """Listen; the Twisted address listened at. Raises CannotListenError."""
        self._port = await self._endpoints.server(self._listen).listen(_Sides(self, "caller"))
        self._tick()
        return self._port.getHost()

    async def stop(self) -> Recording:
        """Stop, closing what still stands; the recording."""
        self._stopped = True
        if self._ticking is not None and self._ticking.active():
            self._ticking.cancel()
        if self._port is not None:
            await self._port.stopListening()
        for side in list(self._ends):
            wire: Any = side.transport
            wire.abortConnection()
        self._look()
        return self._watch.close(self._clock.now())

    # -- what the ends say

    def called(self, caller: _Side) -> None:
        """Somebody connected: connect on for them; where that fails, they are closed as they would have been refused."""
        self._count += 1
        caller.name = f"#{self._count}"
        self._ends[caller] = None
        self._tell("opened", caller.name)
        dialling: Deferred[Any] = self._endpoints.client(self._target).connect(_Sides(self, "target"))

        def stands(target: _Side) -> None:
            if caller.over or self._stopped:
                wire: Any = target.transport
                wire.abortConnection()
                return
            target.name = caller.name
            self._ends[target] = None
            caller.join(target)

        def failed(reason: Failure) -> None:
            wire: Any = caller.transport
            self._tell("unreached", caller.name, reason.getErrorMessage())
            wire.abortConnection()

        dialling.addCallbacks(stands, failed)

    def said(self, side: _Side, data: bytes) -> None:
        """Bytes passed: they are looked at when the reactor has written them."""
        if side.name not in self._unread:
            self._behind += len(data)
            if self._behind > _MAX_BEHIND:
                self._unread[side.name] = None
                self._tell("broken", side.name, f"来不及解读 / more than {_MAX_BEHIND} bytes behind")
                return
            self._tell("said", side.name, side.who, data)

    def gone(self, side: _Side, why: str) -> None:
        """An end is gone; with the second the connection is over."""
        self._ends.pop(side, None)
        if side.other is None or side.other.over:
            self._tell("ended", side.name, why)

    # -- what the watcher is told

    def _tell(self, what: str, name: str, about: str = "", data: bytes = b"") -> None:
        if name:
            self._told.append((what, name, about, data))
            if len(self._told) == 1:
                self._clock.callLater(0, self._look)

    def _look(self) -> None:
        told, self._told, self._behind = self._told, [], 0
        for what, name, about, data in told:
            self._pass_on(what, name, about, data)

    def _pass_on(self, what: str, name: str, about: str, data: bytes) -> None:
        now = self._clock.now()
        match what:
            case "opened":
                self._watch.opened(name, now)
            case "ended":
                self._watch.ended(name, about, now)
            case "unreached":
                self._watch.broken(name, f"目标连不上 / the target cannot be reached: {about}", now)
            case "broken":
                self._watch.broken(name, about, now)
            case "said" if name not in self._unread:
                try:
                    self._watch.said(name, about, data, now)
                except Exception as fault:
                    # Whatever the watcher cannot stand must not end a connection that is not ours: parked as unread.
                    self._unread[name] = None
                    self._watch.broken(name, repr(fault), now)

    def _tick(self) -> None:
        self._watch.tick(self._clock.now())
        self._ticking = self._clock.callLater(_TICK_S, self._tick)
