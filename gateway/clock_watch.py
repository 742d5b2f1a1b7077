"""Notices that somebody set the clock: what waits for an instant keeps the stretch of time it had to wait.

Instants are kept by the clock (the store's must mean something after a restart), but an hour back would hold back a retry for
an hour, and an hour ahead would spend its budget.
"""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.clock import Clock

log = structlog.get_logger()

STEP_MS = 2_000
"""What is less is the clock being steered, which everybody lives with."""


class ClockWatch:
    """Compares the clock with the monotonic one; ``stepped`` hears by how many ms it was set ahead (or, negative, back)."""

    def __init__(self, clock: Clock, stepped: Callable[[int], None]) -> None:
        self._clock = clock
        self._stepped = stepped
        self._ahead = self._difference()

    def look(self) -> None:
        """Now and then."""
        before, self._ahead = self._ahead, self._difference()
        step = self._ahead - before
        if abs(step) < STEP_MS:
            return
        zh = "系统时钟被调整：等待中的重试与链路计时照原样继续，带日期的（有效期、预留、生效日）按新时间"
        en = "the clock was set: retries and links that wait go on as before, what has a date follows the new time"
        log.warning("clock.stepped", by_s=round(step / 1000), zh=zh, en=en)
        self._stepped(step)

    def _difference(self) -> int:
        return self._clock.now() - round(self._clock.seconds() * 1000)
