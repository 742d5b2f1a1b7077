"""The clock of the simulation: virtual time over a heap of timers.

Twisted's ``task.Clock`` sorts all its timers at every ``callLater`` (700 microseconds with 5,000 pending); this one
costs a few microseconds, so that thousands of orders can be under way.  It is the same interface as
``gateway.clock.WallClock``: Twisted's ``IReactorTime`` plus ``now()`` (architecture 4, simulation; spec 06.5).

Rules that make a run replay: time is an integer count of microseconds, so no rounding depends on the path taken;
calls due at one instant run in the order they were asked for; an exception in a call ends the run where it happened.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from zope.interface import implementer

_CANCELLED = -1
_CALLED = -2
_NEVER = 1 << 62
# Re-armed deadlines leave stale entries behind; below this many it is not worth rebuilding the heap.
_COMPACT_FROM = 1_000


@implementer(IDelayedCall)
class Timer:
    """A call to come. ``due`` is virtual microseconds since epoch; ``number`` is its place among equals."""

    __slots__ = ("_clock", "args", "due", "function", "kwargs", "number")

    def __init__(
        self, clock: HeapClock, due: int, number: int, function: Callable[..., object], args: Any, kwargs: Any
    ) -> None:
        self._clock = clock
        self.due = due
        self.number = number
        self.function = function
        self.args = args
        self.kwargs = kwargs

    def active(self) -> bool:
        """Whether it is still to come."""
        return self.number >= 0

    def cancel(self) -> None:
        """Call it off; raises ``AlreadyCancelled`` or ``AlreadyCalled``."""
        self._check()
        self.number = _CANCELLED
        self._clock.forget()

    def reset(self, seconds_from_now: float) -> None:
        """Let it be due ``seconds_from_now``."""
        self._check()
        self._clock.rearm(self, self._clock.microseconds + round(seconds_from_now * 1_000_000))

    def delay(self, seconds_later: float) -> None:
        """Let it be due ``seconds_later`` than it was."""
        self._check()
        self._clock.rearm(self, self.due + round(seconds_later * 1_000_000))

    def getTime(self) -> float:
        """Seconds of the clock at which it is due."""
        return self.due / 1_000_000

    def _check(self) -> None:
        if self.number == _CANCELLED:
            raise AlreadyCancelled
        if self.number == _CALLED:
            raise AlreadyCalled


@implementer(IReactorTime)
class HeapClock:
    """Virtual time from ``start_ms`` on. Nothing happens unless one of the ``run`` methods or ``advance`` is called."""

    def __init__(self, start_ms: int) -> None:
        self.microseconds = start_ms * 1000
        self._heap: list[tuple[int, int, Timer]] = []
        self._numbers = 0
        self._stale = 0

    def now(self) -> int:
        """Milliseconds since epoch, UTC."""
        return self.microseconds // 1000

    def seconds(self) -> float:
        """The same as seconds, for Twisted."""
        return self.microseconds / 1_000_000

    def callLater(self, delay: float, function: Callable[..., object], *args: Any, **kwargs: Any) -> Timer:
        """Call ``function`` after ``delay`` virtual seconds (not negative: ``ValueError``)."""
        if delay < 0:
            raise ValueError(f"delay {delay} is negative")
        due = self.microseconds + round(delay * 1_000_000)
        self._numbers = number = self._numbers + 1
        timer = Timer(self, due, number, function, args, kwargs)
        heappush(self._heap, (due, number, timer))
        return timer

    def getDelayedCalls(self) -> list[Timer]:
        """Timers still pending, the next first."""
        return [timer for _, number, timer in sorted(self._heap, key=lambda entry: entry[:2]) if timer.number == number]

    def rearm(self, timer: Timer, due: int) -> None:
        """Give a pending ``timer`` a new time; among equals it is the last."""
        self._numbers = number = self._numbers + 1
        timer.due = due
        timer.number = number
        heappush(self._heap, (due, number, timer))
        self.forget()

    def forget(self) -> None:
        """One entry of the heap has become stale; rebuild when most are, so that re-armed deadlines do not pile up."""
        self._stale += 1
        if self._stale > _COMPACT_FROM and self._stale * 2 > len(self._heap):
            self._heap[:] = [entry for entry in self._heap if entry[2].number == entry[1]]
            heapify(self._heap)
            self._stale = 0

    def run(self, max_events: int | None = None) -> int:
        """Run due calls, moving time to each, until none is left or ``max_events`` ran; returns how many ran."""
        return self._turn(_NEVER, None, max_events)

    def run_until(self, goal: int | Callable[[], bool], limit_ms: int | None = None) -> bool:
        """Run until the instant ``goal`` (ms; time ends there) or until ``goal()`` holds, asked after every call.

        Returns whether the goal was reached: a predicate is not if no timer is left, or the next is due after
        ``limit_ms``.
        """
        if isinstance(goal, int):
            self._turn(goal * 1000, None, None)
            self.microseconds = max(self.microseconds, goal * 1000)
            return True
        if goal():
            return True
        self._turn(_NEVER if limit_ms is None else limit_ms * 1000, goal, None)
        return goal()

    def advance(self, ms: int) -> None:
        """Run what is due within ``ms`` from now and let that time pass."""
        self.run_until(self.now() + ms)

    def _turn(self, limit: int, goal: Callable[[], bool] | None, max_events: int | None) -> int:
        """The loop; one function, because a call a timer would be a third of its cost."""
        heap = self._heap
        ran = 0
        while heap and ran != max_events:
            due, number, timer = heap[0]
            if timer.number != number:
                heappop(heap)
                self._stale -= 1
                continue
            if due > limit:
                break
            heappop(heap)
            timer.number = _CALLED
            if due > self.microseconds:
                self.microseconds = due
            if timer.kwargs:
                timer.function(*timer.args, **timer.kwargs)
            else:
                timer.function(*timer.args)
            ran += 1
            if goal is not None and goal():
                break
        return ran
