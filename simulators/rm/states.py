"""Resource states and the moves between them, read from the code table ``resource_states`` (spec 03).

A move is named by its cause.  One the table does not have raises ``IllegalMove`` and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas.loader import load

FREE, ORDER_RESERVED, IN_USE, PRE_RELEASED, CUTTING_OVER, BUILDING = "0", "3", "4", "5", "6", "9"
"""The states the simulator's own decisions read; every other is only a row of the table."""


class IllegalMove(ValueError):
    """The resource is in no state from which this move leads anywhere."""

    def __init__(self, resource: str, state: str, move: str) -> None:
        super().__init__(f"资源 {resource} 状态 {state} 不允许 {move} / resource {resource} in state {state}: no move {move}")
        self.state = state
        self.move = move


@dataclass(frozen=True, slots=True)
class States:
    """``moves``: (state, cause) -> the states it may lead to; more than one: the state before decides."""

    moves: dict[tuple[str, str], tuple[str, ...]]

    def after(self, resource: str, state: str, move: str, previous: str) -> str:
        """The state ``move`` leads to. Raises IllegalMove."""
        found = self.moves.get((state, move), ())
        if len(found) == 1:
            return found[0]
        if previous in found:
            return previous
        raise IllegalMove(resource, state, move)

    def undo_of(self, state: str) -> str:
        """The cause by which a hold in ``state`` becomes free again. Raises IllegalMove."""
        for (before, move), to in self.moves.items():
            if before == state and to == (FREE,):
                return move
        raise IllegalMove("", state, FREE)


@cache
def states() -> States:
    """The table of this installation."""
    moves: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in load().table("resource_states").rows.values():
        extra: dict[str, Any] = row.extra
        for to, why in zip(extra["moves"], extra["moves_why"], strict=True):
            moves[row.code, why] = (*moves.get((row.code, why), ()), to)
    return States(moves)
