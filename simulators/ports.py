"""What a simulator is given from outside: the one clock, the one entropy, and somewhere to listen and to connect.

The gateway's own objects satisfy these protocols; simulators declare them because they may not import the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol


class Clock(Protocol):
    """Time and timers (Twisted's ``IReactorTime`` plus milliseconds)."""

    def now(self) -> int:
        """Milliseconds since epoch, UTC."""

    def seconds(self) -> float:
        """Monotonic seconds."""

    def callLater(self, delay: float, function: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        """Call ``function`` after ``delay`` seconds; returns a timer with ``active()`` and ``cancel()``."""

    def getDelayedCalls(self) -> list[Any]:
        """Timers still pending."""


class Entropy(Protocol):
    """Randomness, seeded or not."""

    def uniform(self, low: float, high: float) -> float:
        """A float between ``low`` and ``high``."""

    def below(self, n: int) -> int:
        """An int in ``[0, n)``."""

    def token(self, size: int = 8) -> bytes:
        """``size`` random bytes."""


class Endpoints(Protocol):
    """Stream endpoints by address: ``tcp://host:port`` (port 0: any free one) or ``mem://name``."""

    def client(self, address: str) -> Any:
        """Twisted ``IStreamClientEndpoint`` towards ``address``."""

    def server(self, address: str) -> Any:
        """Twisted ``IStreamServerEndpoint`` at ``address``."""
