"""Provisioning's own reading of the legality matrix (spec 04.1); the matrix is ``legality.toml``. PF's answer counts."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.resources import files

_BENEATH = "beneath"


class Verdict(IntEnum):
    """What a cell says, in growing strictness."""

    ALLOWED = 0
    SAME = 1
    HELD = 2
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict; ``symbol`` names the result code of a refusal."""

    verdict: Verdict
    symbol: str = ""


@dataclass(frozen=True, slots=True)
class Matrix:
    """Cells by row and column, the row of the lock, and the states it is not laid over."""

    rows: dict[str, dict[str, str]]
    locked: dict[str, str]
    unlockable: frozenset[str]

    def rule(self, rows: tuple[str, ...], column: str, lock: str, same_date: bool = False) -> Ruling:
        """The ruling for an item whose states are ``rows``, topmost first, progress last; ``lock`` is free, own or other."""
        cell = next(found for row in rows if (found := self.rows[row][column]) != _BENEATH)
        ruling = _ruling(cell, lock, same_date)
        if lock == "free" or rows[-1] in self.unlockable:
            return ruling
        over = _ruling(self.locked[column], lock, same_date)
        return over if over.verdict > ruling.verdict else ruling


@cache
def shipped_matrix() -> Matrix:
    """The matrix of this installation."""
    data = tomllib.loads((files("simulators.pf") / "legality.toml").read_text("utf-8"))
    columns = data["columns"]
    rows = {name: dict(zip(columns, cells, strict=True)) for name, cells in data["rows"].items()}
    locked = dict(zip(columns, data["locked"]["cells"], strict=True))
    return Matrix(rows, locked, frozenset(data["locked"]["unlockable"]))


def _ruling(cell: str, lock: str, same_date: bool) -> Ruling:
    kind, _, symbol = cell.partition(":")
    if kind == "date":
        kind = "same" if same_date else "ok"
    elif kind == "owner":
        kind, symbol = ("same", "") if lock == "own" else ("no", "LOCKED")
    verdicts = {"ok": Verdict.ALLOWED, "same": Verdict.SAME, "held": Verdict.HELD}
    if kind in verdicts:
        return Ruling(verdicts[kind])
    return Ruling(Verdict.REFUSED, symbol or "STATE_CONFLICT")
