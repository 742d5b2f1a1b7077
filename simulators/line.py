"""The way to one peer: its outbox, and the connection this side opens and opens again.

A long connection is dialled at once and again whenever it breaks, with growing pauses; a short one only when something is to
go.  A peer in the same process may be handed documents directly: same outbox, same order, no bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from simulators.connection import Connection, Connections
from simulators.outbox import Outbox
from simulators.ports import Clock, Endpoints, Entropy
from simulators.settings import PeerSettings

_FIRST_PAUSE_S = 0.1
_MOST_PAUSE_S = 5.0


class Line:
    """``make`` builds a connection that reports to the host."""

    def __init__(
        self, peer: PeerSettings, make: Callable[[], Connection], clock: Clock, entropy: Entropy, endpoints: Endpoints
    ) -> None:
        self.peer = peer
        self.outbox = Outbox()
        self.connection: Connection | None = None
        self._make = make
        self._clock = clock
        self._entropy = entropy
        self._endpoints = endpoints
        self._dialling: Deferred[Any] | None = None
        self._pause: Any = None
        self._failures = 0
        self._open = False

    def open(self) -> None:
        """Begin: dial if the connection is a long one."""
        self._open = True
        self.wake()

    def close(self) -> list[Deferred[None]]:
        """Stop dialling, end the connection; what waits stays in the outbox."""
        self._open = False
        if self._pause is not None and self._pause.active():
            self._pause.cancel()
        if self._dialling is not None:
            self._dialling.cancel()
        if self.connection is None:
            return []
        self.connection.close()
        return [self.connection.gone]

    @property
    def can_send(self) -> bool:
        """Whether a message may go now."""
        return self.connection is not None and self.connection.session.can_send

    def wake(self) -> None:
        """Dial if there is reason to and nothing is under way."""
        wanted = self._open and self.peer.address is not None and (self.peer.long or self.outbox.has_ready)
        pausing = self._pause is not None and self._pause.active()
        if not wanted or self.connection is not None or self._dialling is not None or pausing:
            return
        assert self.peer.address is not None
        dialling = self._endpoints.client(self.peer.address).connect(Connections(self._make))
        self._dialling = dialling
        dialling.addCallbacks(self._connected, self._failed)

    def ended(self) -> None:
        """The connection is gone: everything under way goes again when the next one stands."""
        self.connection = None
        self.outbox.all_again()
        if self._open and (self.peer.long or self.outbox.has_ready):
            self._rest()

    def answered(self) -> None:
        """The peer answers: it is well."""
        self._failures = 0

    def _connected(self, connection: Connection) -> None:
        self._dialling = None
        if not self._open:
            connection.close()

    def _failed(self, _reason: Failure) -> None:
        """Refused, timed out or called off: later again, if this line is still open."""
        self._dialling = None
        if self._open:
            self._rest()

    def _rest(self) -> None:
        pause = min(_FIRST_PAUSE_S * 2**self._failures, _MOST_PAUSE_S)
        self._failures = min(self._failures + 1, 16)
        if self._pause is None or not self._pause.active():
            self._pause = self._clock.callLater(self._entropy.uniform(pause / 2, pause), self.wake)
