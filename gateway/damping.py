"""Log lines that repeat: the first few of a sort in a minute are written, the others counted and told in one line.

A peer that flaps, a stranger that knocks, a storm of duplicates: each says the same a thousand times, and the one line that
matters drowns.  Of a sort are lines of one event about one peer and host for one reason; what differs within a sort (serials,
counts) stands in the message log.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import structlog

from gateway.clock import Clock

Event = MutableMapping[str, Any]

WINDOW_MS = 60_000
AT_FIRST = 5
"""Lines of a sort that are written in a window."""
MOST_SORTS = 1000
"""Sorts told apart in a window; beyond them only events are."""
SORT = ("event", "level", "peer", "sender", "host", "listen", "reason", "symbol", "detail")
TIMES = "repeated"
"""The field of the line that tells of the others: how many there were."""


@dataclass(slots=True)
class _Sort:
    """How often, and the newest."""

    seen: int = 0
    last: Event | None = None


class Damper:
    """A processor of structlog, behind the one that sets time and level. ``say`` writes an entry that is ready."""

    def __init__(self, clock: Clock, say: Callable[[Event], None]) -> None:
        self._clock = clock
        self._say = say
        self._sorts: dict[tuple[str, ...], _Sort] = {}
        self._begun = clock.now()
        self._timer: Any = None

    def __call__(self, _: Any, __: str, event: Event) -> Event:
        """The entry as it is, or ``structlog.DropEvent``."""
        if not 0 <= self._clock.now() - self._begun < WINDOW_MS:  # a clock that was set back begins anew, too
            self.tell()
        key = tuple(str(event.get(name, "")) for name in SORT)
        if key not in self._sorts and len(self._sorts) >= MOST_SORTS:
            key = key[:2]
        found = self._sorts.setdefault(key, _Sort())
        found.seen += 1
        if found.seen <= AT_FIRST:
            return event
        found.last = event
        if self._timer is None:
            self._timer = self._clock.callLater(WINDOW_MS / 1000, self._ring)
        raise structlog.DropEvent

    def tell(self) -> None:
        """The window ends: the newest of each sort that was held back is written, with how many there were."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None
        ended, self._sorts = self._sorts, {}
        self._begun = self._clock.now()
        for found in ended.values():
            if found.last is not None:
                self._say({**found.last, TIMES: found.seen - AT_FIRST})

    def _ring(self) -> None:
        self._timer = None
        self.tell()
