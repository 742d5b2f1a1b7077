"""Charging intervals of product instances: who pays what from when to when (spec 5.4 rule 4, 06.4 invariant 12).

``KINDS`` is the table: what a charging fact needs to find, and what it does.  A fact that does not find it is refused and
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple, dataclass, field
from typing import Any

from simulators.archive import Archive


class Refused(Exception):
    """The fact does not fit: result symbol, words for people."""

    def __init__(self, symbol: str, text: str) -> None:
        super().__init__(f"{symbol}: {text}")
        self.symbol = symbol
        self.text = text


@dataclass(slots=True)
class Interval:
    """One stretch of charging; instants in ms, ``end`` None while it runs. ``reversed``: 冲正, it counts for nothing."""

    account: str
    plan: str
    begin: int
    end: int | None = None
    reversed: bool = False


@dataclass(slots=True, weakref_slot=True)
class Charging:
    """All of one product instance. ``suspended`` since when, or None."""

    instance: str
    intervals: list[Interval] = field(default_factory=list)
    suspended: int | None = None

    def running(self) -> Interval | None:
        """The interval that runs now."""
        last = self.intervals[-1] if self.intervals else None
        return last if last is not None and last.end is None and not last.reversed else None


@dataclass(frozen=True, slots=True)
class Fact:
    """What BL01 says: ``at`` ms."""

    kind: str
    account: str
    plan: str
    at: int


def charging_archive() -> Archive[Charging]:
    """Of all instances, by id."""

    def pack(charging: Charging) -> list[Any]:
        return [charging.suspended, [astuple(interval) for interval in charging.intervals]]

    def unpack(instance: str, row: list[Any]) -> Charging:
        return Charging(instance, [Interval(*interval) for interval in row[1]], row[0])

    return Archive(pack, unpack, mutable=True)


def apply(charging: Charging, fact: Fact) -> None:
    """Let ``fact`` count. Raises Refused 3002, 3004, 3013."""
    KINDS[fact.kind](charging, fact)


def _start(charging: Charging, fact: Fact) -> None:
    if charging.running() is not None:
        raise Refused("STATE_CONFLICT", "已在计费，不能重复起租 / charging runs already")
    if charging.intervals and fact.at < (charging.intervals[-1].end or charging.intervals[-1].begin):
        raise Refused("DATE_INVALID", "起租早于上次停租 / before the end of the last interval")
    charging.intervals.append(Interval(fact.account, fact.plan, fact.at))
    charging.suspended = None


def _stop(charging: Charging, fact: Fact) -> None:
    _running(charging, fact).end = fact.at
    charging.suspended = None


def _change(charging: Charging, fact: Fact) -> None:
    _running(charging, fact).end = fact.at
    charging.intervals.append(Interval(fact.account, fact.plan, fact.at))


def _suspend(charging: Charging, fact: Fact) -> None:
    _running(charging, fact)
    if charging.suspended is not None:
        raise Refused("STATE_CONFLICT", "已停机 / suspended already")
    charging.suspended = fact.at


def _resume(charging: Charging, fact: Fact) -> None:
    _running(charging, fact)
    if charging.suspended is None:
        raise Refused("STATE_CONFLICT", "未停机 / not suspended")
    charging.suspended = None


def _reverse(charging: Charging, fact: Fact) -> None:
    """冲正: the newest interval that counts is taken back."""
    standing = [interval for interval in charging.intervals if not interval.reversed]
    if not standing:
        raise Refused("INSTANCE_UNKNOWN", "没有可冲正的计费 / nothing to reverse")
    newest = standing[-1]
    newest.reversed = True
    newest.end = newest.end if newest.end is not None else max(fact.at, newest.begin)


def _running(charging: Charging, fact: Fact) -> Interval:
    running = charging.running()
    if running is None:
        if not charging.intervals:
            raise Refused("INSTANCE_UNKNOWN", "从未起租 / never started")
        raise Refused("STATE_CONFLICT", "未在计费 / charging does not run")
    if fact.at < running.begin:
        raise Refused("DATE_INVALID", "早于本次起租 / before the interval began")
    return running


KINDS: dict[str, Callable[[Charging, Fact], None]] = {
    "start": _start,
    "stop": _stop,
    "change": _change,
    "suspend": _suspend,
    "resume": _resume,
    "reverse": _reverse,
}
