"""Work calendars: which moments count as working time (spec 04.5). Times are ms since epoch UTC; days are Shanghai's."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache

from crm_core.times import DAY_MS, day_start

_EPOCH = date(1970, 1, 1).toordinal()
_THURSDAY = 3
"""1970-01-01 was a Thursday: day 0 has weekday index 3 of a week that begins on Monday."""
HORIZON_DAYS = 3660
"""How far a working time is sought: a calendar without a working day in ten years is a mistake in its table."""


def day_number(text: str) -> int:
    """``2026-10-01`` as days since 1970-01-01."""
    return date.fromisoformat(text).toordinal() - _EPOCH


def time_of_day(text: str) -> int:
    """``08:30`` as ms since midnight; ``24:00`` is the end of the day."""
    hours, minutes = text.split(":")
    return (int(hours) * 60 + int(minutes)) * 60_000


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """``weekdays`` 1 Monday to 7 Sunday; ``hours`` (begin, end) in ms of the day, ascending; ``days_off`` and ``days_worked``
    are day numbers that override the week."""

    code: str
    weekdays: tuple[int, ...] = field(hash=False)  # what is remembered of a calendar is found by its code, then compared
    hours: tuple[tuple[int, int], ...] = field(hash=False)
    days_off: frozenset[int] = field(default=frozenset(), hash=False)
    days_worked: frozenset[int] = field(default=frozenset(), hash=False)

    def works(self, day: int) -> bool:
        """Whether the day (days since 1970-01-01 in Shanghai) is a working day."""
        if day in self.days_worked:
            return True
        return day not in self.days_off and (day + _THURSDAY) % 7 + 1 in self.weekdays

    def between(self, begin: int, end: int) -> int:
        """Working ms from ``begin`` to ``end``; 0 if ``end`` is not later."""
        return _between(self, begin, end)

    def add(self, at: int, working: int) -> int:
        """The moment when ``working`` ms of working time have passed since ``at``.

        Raises ``ValueError`` if the calendar has no such moment within ten years."""
        return _add(self, at, working)


@lru_cache(maxsize=1024)
def _between(calendar: WorkCalendar, begin: int, end: int) -> int:
    """Remembered as ``_add`` is."""
    total = 0
    midnight = day_start(begin)
    while midnight < end:
        if calendar.works(_number(midnight)):
            for opens, closes in calendar.hours:
                total += max(0, min(end, midnight + closes) - max(begin, midnight + opens))
        midnight += DAY_MS
    return total


@lru_cache(maxsize=1024)
def _add(calendar: WorkCalendar, at: int, working: int) -> int:
    """Remembered, since all orders of one group of the worker ask for the same moment."""
    left = working
    midnight = day_start(at)
    for _ in range(HORIZON_DAYS):
        if calendar.works(_number(midnight)):
            for opens, closes in calendar.hours:
                begin = max(at, midnight + opens)
                length = midnight + closes - begin
                if length >= left and length > 0:
                    return begin + left
                left -= max(0, length)
        midnight += DAY_MS
    raise ValueError(f"calendar {calendar.code} has no working time left")


def _number(midnight: int) -> int:
    return (midnight - day_start(0)) // DAY_MS


ALWAYS = WorkCalendar("ALWAYS", (1, 2, 3, 4, 5, 6, 7), ((0, DAY_MS),))
"""Every moment counts: what an area without a calendar has."""
