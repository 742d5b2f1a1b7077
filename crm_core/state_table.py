"""A machine as data: lines of (state, input, to). Small machines share how a table is read and how it refuses (spec 04)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm_core.errors import StateConflict


@dataclass(frozen=True, slots=True)
class Line:
    """In ``state``, ``input`` -> ``to``; ``to`` equal to ``state`` is success without effect, a missing line a refusal."""

    state: str
    input: str
    to: str


class StateTable:
    """A total machine: what has no line is refused 3004 with the state. ``zh`` and ``en`` name what has the states."""

    def __init__(self, zh: str, en: str, start: str, ends: tuple[str, ...], lines: Iterable[Line]) -> None:
        self.zh = zh
        self.en = en
        self.start = start
        self.ends = ends
        self.lines = tuple(lines)
        self.states = tuple(dict.fromkeys(state for line in self.lines for state in (line.state, line.to)))
        self.inputs = tuple(dict.fromkeys(line.input for line in self.lines))
        self._to = {(line.state, line.input): line.to for line in self.lines}

    def to(self, state: str, given: str) -> str | None:
        """Where ``given`` leads from ``state``; None where it is not allowed."""
        return self._to.get((state, given))

    def move(self, subject: str, state: str, given: str, *, fallout: str | None = None) -> str:
        """As ``to``; raises ``StateConflict`` (3004) naming ``subject``'s id and carrying the state where it is not allowed.
        ``fallout``: why a person must look then."""
        to = self._to.get((state, given))
        if to is None:
            raise StateConflict(
                f"{self.zh} {subject} 处于 {state}，不允许 {given}",
                f"{self.en} {subject} is in state {state}: {given} is not allowed",
                state=state,
                fallout=fallout,
            )
        return to


def lines(given: str, moves: dict[str, str]) -> tuple[Line, ...]:
    """The lines of one input: ``moves`` from state to state."""
    return tuple(Line(state, given, to) for state, to in moves.items())


def same(given: str, *states: str) -> tuple[Line, ...]:
    """Lines in which ``given`` is success without effect."""
    return tuple(Line(state, given, state) for state in states)
