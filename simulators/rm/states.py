"""Resource states and the moves between them, read from ``states.toml`` (spec 03).

A move the table does not have raises ``IllegalMove`` and changes nothing.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


class IllegalMove(ValueError):
    """The resource is in no state from which this move leads anywhere."""

    def __init__(self, resource: str, state: str, move: str) -> None:
        super().__init__(f"资源 {resource} 状态 {state} 不允许 {move} / resource {resource} in state {state}: no move {move}")
        self.state = state
        self.move = move


@dataclass(frozen=True, slots=True)
class States:
    """``moves``: (state, move) -> state; ``back``: move that returns to the state before, by state; ``names``: code -> 中文."""

    moves: dict[tuple[str, str], str]
    back: dict[str, str]
    names: dict[str, str]
    codes: dict[str, str]

    def after(self, resource: str, state: str, move: str, previous: str) -> str:
        """The state ``move`` leads to. Raises IllegalMove."""
        if self.back.get(state) == move:
            return previous
        found = self.moves.get((state, move))
        if found is None:
            raise IllegalMove(resource, state, move)
        return found


@cache
def states() -> States:
    """The table as shipped."""
    rows = tomllib.loads((files("simulators.rm") / "states.toml").read_text("utf-8"))["state"]
    return States(
        moves={(row["code"], move): to for row in rows for move, to in row["moves"].items()},
        back={row["code"]: row["back"] for row in rows if "back" in row},
        names={row["code"]: row["zh"] for row in rows},
        codes={row["name"]: row["code"] for row in rows},
    )
