"""Long work in short steps, so that the worker and the links go on in between (spec 06.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from gateway.clock import Clock

Done = Callable[[Exception | None], None]


class Steps:
    """Works tasks off one after the other, a step a turn of the clock; a task is an iterator that works between its items."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: deque[tuple[Iterator[None], Done]] = deque()

    @property
    def waiting(self) -> int:
        """Tasks that are not done."""
        return len(self._tasks)

    def run(self, task: Iterator[None], done: Done) -> None:
        """``done`` hears when the task has ended, with what it died of if it did not end well."""
        self._tasks.append((task, done))
        if len(self._tasks) == 1:
            self._clock.callLater(0, self._step)

    def _step(self) -> None:
        task, done = self._tasks[0]
        fault: Exception | None = None
        try:
            for _ in task:
                self._clock.callLater(0, self._step)
                return
        except Exception as error:  # handed on, never swallowed: who asked says what becomes of it
            fault = error
        self._tasks.popleft()
        if self._tasks:
            self._clock.callLater(0, self._step)
        done(fault)
