"""What the suite is given from outside: the one clock, the one entropy, and somewhere to listen and to connect.

The gateway's own objects and those of the simulation satisfy these protocols; the suite declares them because it may import
neither.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.error import ConnectionLost


class TurnedAway(ConnectionLost):
    """A connection that stood and was ended by TLS, as by who does not take our certificate; the text says why, in both
    languages."""

    def __str__(self) -> str:
        """As it is told."""
        return " ".join(map(str, self.args))


class Clock(Protocol):
    """Time and timers (Twisted's ``IReactorTime`` plus milliseconds)."""

    def now(self) -> int:
        """Milliseconds since epoch, UTC."""

    def callLater(self, delay: float, function: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        """Call ``function`` after ``delay`` seconds; returns a timer with ``active()`` and ``cancel()``."""


class Entropy(Protocol):
    """Randomness, seeded."""

    def below(self, n: int) -> int:
        """An int in ``[0, n)``."""

    def token(self, size: int = 8) -> bytes:
        """``size`` random bytes."""


class Endpoints(Protocol):
    """Stream endpoints by address."""

    def client(self, address: str) -> Any:
        """Twisted ``IStreamClientEndpoint`` towards ``address``."""

    def server(self, address: str) -> Any:
        """Twisted ``IStreamServerEndpoint`` at ``address``."""
