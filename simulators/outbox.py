"""Messages of one's own on their way to one peer: in sequence per key, the same bytes until answered, bounded (spec 06.1).

Pure: the host says what happened to a row, the outbox which row may go next.  A key has at most one row under way; others
run beside it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

from simulators.agenda import Agenda
from simulators.brain import Send

_FIRST_WAIT_MS = 10_000
_MOST_WAIT_MS = 600_000
_TECHNICAL_TRIES = 8


@dataclass(slots=True)
class Row:
    """One message. ``packet`` is made once, when it first goes, and goes again as it is; ``echo``: redelivered on request,
    its answer concerns nobody; instants in ms."""

    serial: str
    send: Send
    key: str
    created: int
    packet: Any = None
    first_sent: int | None = None
    refusals: int = 0
    echo: bool = False


class Outbox:
    """Rows to one peer."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[Row]] = {}
        self._ready: deque[str] = deque()
        self._rows: dict[str, Row] = {}
        self._flying: dict[str, Row] = {}
        self._resting: Agenda[str] = Agenda()  # keys

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def has_ready(self) -> bool:
        """Whether a row may go now."""
        return bool(self._ready)

    def add(self, row: Row) -> None:
        """A new row, behind those of its key."""
        self._rows[row.serial] = row
        queue = self._queues.get(row.key)
        if queue is None:
            self._queues[row.key] = deque((row,))
            self._ready.append(row.key)
        else:
            queue.append(row)

    def next(self) -> Row:
        """The next row that may go; it is under way from now on. Raises IndexError when none is ready."""
        row = self._queues[self._ready.popleft()][0]
        self._flying[row.serial] = row
        return row

    def row(self, serial: str) -> Row | None:
        """The row of this serial, if it has no answer yet."""
        return self._rows.get(serial)

    def again(self, serial: str) -> None:
        """No answer came, or the connection broke: the same bytes as soon as possible, before others."""
        row = self._flying.pop(serial, None)
        if row is not None:
            self._ready.appendleft(row.key)

    def all_again(self) -> None:
        """The peer's line is new: everything under way goes again, in the order it went."""
        for serial in reversed(list(self._flying)):
            self.again(serial)

    def rest(self, row: Row, now: int) -> bool:
        """The peer cannot now: again later, each time later still. False when it was tried often enough."""
        self._flying.pop(row.serial, None)
        row.refusals += 1
        if row.refusals >= _TECHNICAL_TRIES:
            return False
        self._resting.add(now + min(_FIRST_WAIT_MS << (row.refusals - 1), _MOST_WAIT_MS), row.key)
        return True

    def renumber(self, row: Row, serial: str) -> None:
        """A row that was refused for the time being goes as a new message (the old serial has its answer)."""
        del self._rows[row.serial]
        row.serial, row.packet = serial, None
        self._rows[serial] = row

    def done(self, serial: str) -> Row | None:
        """The row has its answer (or is given up): the next of its key may go. None if it had one already."""
        row = self._rows.pop(serial, None)
        if row is None:
            return None
        flew = self._flying.pop(serial, None) is not None
        queue = self._queues[row.key]
        first = queue[0] is row
        queue.remove(row)
        waits = not flew and row.key in self._ready
        if not queue:
            del self._queues[row.key]
            if waits:
                self._ready.remove(row.key)
        elif first and not waits:
            self._ready.append(row.key)
        return row

    def wake(self, now: int) -> None:
        """Rows that rested long enough are ready again."""
        for key in self._resting.take(now):
            queue = self._queues.get(key)
            if queue is not None and queue[0].serial not in self._flying and key not in self._ready:
                self._ready.append(key)

    def next_wake(self) -> int | None:
        """When ``wake`` is due (ms)."""
        return self._resting.next()

    def overdue(self, now: int, unknown_ms: int, unsent_ms: int) -> list[Row]:
        """Rows whose budget is spent: sent so long ago without an answer, or waiting so long to go at all."""
        return [
            row
            for row in self._rows.values()
            if (now - row.first_sent >= unknown_ms if row.first_sent is not None else now - row.created >= unsent_ms)
        ]
