"""Nobody hears of a TLS connection before its handshake is done: until then there is none, and why not is said.

What a peer sends or is sent begins after the handshake, so a connect that fails by a certificate is one that failed, with
nothing sent, and a client that stays silent costs one small object until its time is over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from gateway.clock import Clock
from gateway.links.headcount import Headcount
from gateway.tls.faults import CLOSED, SILENT, TlsFault, fault_of, is_tls

log = structlog.get_logger()

HANDSHAKE_S = 10.0
"""How long a handshake may take where we listen; a connect has the peer row's limit."""

Outcome = Callable[[Any, TlsFault | None], None]
"""Hears of the protocol that was made after the handshake, or of the fault."""


@implementer(IHandshakeListener)
class HandshakeFirst(Protocol):
    """Stands in for the protocol of ``factory`` until the handshake is done, and hands on to it from then on."""

    transport: Any

    def __init__(self, factory: Any, address: Any, outcome: Outcome) -> None:
        self.verify = 0
        self._factory = factory
        self._address = address
        self._outcome = outcome
        self.deadline: Any = None
        self._inner: Any = None
        self.on_gone: Callable[[], None] = lambda: None
        self._late = False

    @property
    def known(self) -> bool:
        """Whether the protocol behind the handshake knows who is there."""
        return bool(getattr(self._inner, "known", False))

    def late(self) -> None:
        """The handshake's time is over."""
        self._late = True
        self.transport.abortConnection()

    def handshakeCompleted(self) -> None:
        """The other side is who it should be, unless checking its name has just broken the connection."""
        if self.transport.disconnecting:
            return
        self._calm()
        self._inner = self._factory.buildProtocol(self._address)
        if self._inner is None:
            self.transport.abortConnection()
            return
        self._inner.makeConnection(self.transport)
        self._outcome(self._inner, None)

    def dataReceived(self, data: bytes) -> None:
        """For the one it stands for."""
        if self._inner is not None:
            self._inner.dataReceived(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """The end, or no beginning."""
        self._calm()
        self.on_gone()
        if self._inner is not None:
            note(reason, self._host)
            self._inner.connectionLost(reason)
            return
        self._outcome(None, SILENT if self._late else _fault(reason, self.verify) or CLOSED)

    @property
    def _host(self) -> str:
        return getattr(self._address, "host", "") or ""

    def _calm(self) -> None:
        if self.deadline is not None and self.deadline.active():
            self.deadline.cancel()


class AcceptedHandshakes(Factory):
    """Protocols of ``factory`` behind a handshake, where we listen; what fails is logged."""

    noisy = False

    def __init__(self, factory: Any, clock: Clock, counted: Headcount) -> None:
        self._factory = factory
        self._clock = clock
        self._counted = counted

    def buildProtocol(self, addr: Any) -> HandshakeFirst | None:
        """One connection's, with its deadline; None beyond what the listener may have."""
        host = getattr(addr, "host", "") or ""
        if not self._counted.enter(host):
            return None
        made = HandshakeFirst(self._factory, addr, lambda _, fault: _say(fault, host))
        made.on_gone = lambda: self._counted.leave(host, known=made.known)
        made.deadline = self._clock.callLater(HANDSHAKE_S, made.late)
        return made


def note(reason: Failure, host: str, verify: int = 0) -> None:
    """Log a connection that TLS ended, as a server does that does not take our certificate; any other end is no matter."""
    _say(_fault(reason, verify), host)


def _fault(reason: Failure, verify: int) -> TlsFault | None:
    error = reason.value
    return fault_of(error, verify) if error is not None and is_tls(error) else None


def _say(fault: TlsFault | None, host: str) -> None:
    if fault is not None:
        log.warning("tls.failed", host=host, zh=fault.zh, en=fault.en, detail=fault.detail)
