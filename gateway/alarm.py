"""One timer for whatever comes due next of many things that wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.clock import Clock


class Alarm:
    """Calls ``ring`` at the earliest of the instants it was set to since it last rang; who still waits then sets it again."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._timer: Any = None
        self._due = 0

    def set(self, at: int) -> None:
        """Ring at ``at`` (epoch milliseconds) at the latest; at once if that has passed."""
        delay = max(0, at - self._clock.now())
        due = round(self._clock.seconds() * 1000) + delay  # on the clock nobody sets
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due
        self._timer = self._clock.callLater(delay / 1000, self._now)

    def _now(self) -> None:
        self._timer = None
        self._ring()
