"""Work due later: a heap of instants, first due first out, equal instants in the order they were asked for."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic, TypeVar

T = TypeVar("T")


class Agenda(Generic[T]):
    """Entries may stay when they do not apply any more; whoever takes one checks that it still does."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, at: int, work: T) -> None:
        """Let ``work`` be due at ``at`` (ms)."""
        self._count += 1
        heappush(self._heap, (at, self._count, work))

    def next(self) -> int | None:
        """When the first entry is due, or None."""
        return self._heap[0][0] if self._heap else None

    def keep(self, wanted: Callable[[T], bool]) -> None:
        """Forget what is not wanted any more."""
        self._heap = [entry for entry in self._heap if wanted(entry[2])]
        heapify(self._heap)

    def take(self, now: int) -> list[T]:
        """What is due by ``now``, in order; what is added meanwhile waits for the next call."""
        taken = []
        while self._heap and self._heap[0][0] <= now:
            taken.append(heappop(self._heap)[2])
        return taken
