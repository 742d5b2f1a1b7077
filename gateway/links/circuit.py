"""The circuit of a link: after several technical failures in a row messages wait instead of being spent (spec 01.1.5).

closed -(failures reach the limit)-> open -(pause over)-> half-open -(success)-> closed, -(failure)-> open.
"""

from __future__ import annotations


class Circuit:
    """``limit`` failures in a row open it for ``pause_ms``; then one message at a time may try."""

    def __init__(self, limit: int, pause_ms: int) -> None:
        self._limit = limit
        self._pause = pause_ms
        self._failures = 0
        self._opened_at: int | None = None

    def state(self, now: int) -> str:
        """``closed``, ``open`` or ``half-open``."""
        if self._opened_at is None:
            return "closed"
        return "open" if now < self._opened_at + self._pause else "half-open"

    @property
    def half_open_at(self) -> int | None:
        """When the next message may try (ms); None while closed."""
        return None if self._opened_at is None else self._opened_at + self._pause

    def room(self, window: int, outstanding: int, now: int) -> int:
        """How many messages may leave."""
        state = self.state(now)
        if state == "open":
            return 0
        return max(0, (1 if state == "half-open" else window) - outstanding)

    def failure(self, now: int) -> bool:
        """A technical failure; True if the circuit opened just now."""
        self._failures += 1
        if self._failures < self._limit or self.state(now) == "open":
            return False
        self._opened_at = now
        return True

    def success(self) -> None:
        """The peer answered."""
        self._failures = 0
        self._opened_at = None

    def shift(self, ms: int) -> None:
        """The clock was set by ``ms``: it stays open as long as it would have."""
        if self._opened_at is not None:
            self._opened_at += ms
