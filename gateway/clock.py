"""The one clock and the one entropy: time, timers, jitter, ids and nonces of a process come from here and nowhere else.

A clock is Twisted's ``IReactorTime`` (``seconds``, ``callLater``, ``getDelayedCalls``) plus ``now()`` in milliseconds since
epoch, so the same object drives ``ClientService``, the writer and every machine.  The simulation has one of its own with the
same interface (``gateway/proof/heap_clock.py``).
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol


class DelayedCall(Protocol):
    """A timer that can be called off."""

    def active(self) -> bool: ...

    def cancel(self) -> None: ...


class Clock(Protocol):
    """What everything timed is given."""

    def now(self) -> int:
        """Milliseconds since epoch, UTC."""

    def seconds(self) -> float:
        """Monotonic seconds, for Twisted."""

    def callLater(self, delay: float, function: Callable[..., object], *args: Any, **kwargs: Any) -> Any:
        """Call ``function`` after ``delay`` seconds; returns a ``DelayedCall``."""

    def getDelayedCalls(self) -> list[Any]:
        """Timers still pending."""


def wall_ms() -> int:
    """Milliseconds since epoch, UTC, for programs that have no reactor."""
    return time.time_ns() // 1_000_000


def monotonic_s() -> float:
    """Monotonic seconds, for programs that measure and have no reactor."""
    return time.perf_counter()


def cpu_s() -> float:
    """CPU seconds this process has used, for programs that measure."""
    return time.process_time()


class WallClock:
    """Real time over a reactor that was handed down by ``task.react``.

    Twisted counts timers by the system's clock: set back an hour, every timer would be an hour late.  So the reactor is given
    the monotonic one, unless it already keeps timers that were set by another.
    """

    def __init__(self, reactor: Any) -> None:
        if reactor.seconds is time.time and not reactor.getDelayedCalls():
            reactor.seconds = time.monotonic
        self._reactor = reactor
        self.seconds: Callable[[], float] = reactor.seconds
        self.callLater = reactor.callLater
        self.getDelayedCalls = reactor.getDelayedCalls

    def now(self) -> int:
        """Milliseconds since epoch, UTC."""
        return wall_ms()


class Entropy:
    """The one randomness. Seeded in simulation, from the system otherwise."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(int.from_bytes(os.urandom(16), "big") if seed is None else seed)

    def uniform(self, low: float, high: float) -> float:
        """A float between ``low`` and ``high``."""
        return self._random.uniform(low, high)

    def below(self, n: int) -> int:
        """An int in ``[0, n)``."""
        return self._random.randrange(n)

    def token(self, size: int = 8) -> bytes:
        """``size`` random bytes."""
        return self._random.randbytes(size)


def iso_time(ms: int) -> str:
    """The instant as people read it in logs and tables: ISO 8601 UTC with milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
