"""The process table: what provisioning does for a product and action (``processes.toml`` over the code table ``stages``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from schemas.loader import load

ANY = "*"
FINISH = "SUMMARY"
"""The join of all items: here the order is reported as complete."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A 环节: ``duration`` is ms low and high at speed 1; ``carries`` the resource types its report names; ``kind`` is
    ``work``, ``archive`` (asks RM to take into use) or ``summary`` (reports completion); ``undo`` names its reverse (04.4),
    ``point`` is the point of no return once it is done: none, soft or hard (04.3)."""

    code: str
    zh: str
    org: str
    duration: tuple[int, int]
    limit_ms: int
    report: bool
    carries: frozenset[str]
    kind: str
    undo: str
    rank: int
    point: str

    def ref(self) -> dict[str, str]:
        """A ``StageRef``."""
        return {"code": self.code, "name": self.zh}


@dataclass(frozen=True, slots=True)
class Process:
    """What is done: ``after`` names each stage's predecessors; ``needs`` are (resource type, role), asked for at ``assign``;
    ``frees``: resources go back once the CRM has accepted the completion; ``reports`` the stages that report; ``points``:
    stages whose point of no return is another here than usual."""

    stages: tuple[str, ...]
    after: dict[str, tuple[str, ...]]
    assign: str | None
    needs: tuple[tuple[str, str], ...]
    frees: bool
    reports: frozenset[str]
    days: int
    points: dict[str, str]

    def point(self, stage: Stage) -> str:
        """The point of no return once ``stage`` is done."""
        return self.points.get(stage.code, stage.point)


@dataclass(frozen=True, slots=True)
class ProcessTable:
    """Everything PF knows: stages, processes by (product, action), settings of the table's head, reasons for returns,
    and by 10W reason the resource types that may be missing, the scarcer first."""

    stages: dict[str, Stage]
    processes: dict[tuple[str, str], Process]
    products: frozenset[str]
    settings: dict[str, Any]
    returns: dict[str, dict[str, str]]
    missing: dict[str, tuple[str, ...]]

    def find(self, product: str, action: str) -> Process | None:
        """The process of a product and action (``relocate_in`` and the like name a side), or None (3019)."""
        if product not in self.products:
            return None
        return self.processes.get((product, action)) or self.processes.get((ANY, action))

    def alike(self, families: Mapping[str, str]) -> ProcessTable:
        """A table that knows more products: each, by code, goes the ways of its family."""
        more = {
            (product, action): process
            for product, family in families.items()
            for (known, action), process in self.processes.items()
            if known == family
        }
        return replace(self, processes={**self.processes, **more}, products=self.products | frozenset(families))


def read_table(data: dict[str, Any]) -> ProcessTable:
    """The table in ``data``. Raises LookupError where a stage or reason is not in the code tables."""
    known = load().table("stages").rows
    stages = {code: _stage(code, row, known[code].zh, known[code].extra) for code, row in data["stages"].items()}
    processes = {}
    for row in data["process"]:
        process = _process(row, stages)
        for product in row["products"]:
            for action in row["actions"]:
                processes[product, action] = process
    settings = {name: value for name, value in data.items() if name not in ("stages", "process", "returns", "missing")}
    products = frozenset(product for product, _ in processes if product != ANY)
    returns = {name: _reason(code) for name, code in data["returns"].items()}
    missing = {code: tuple(types) for code, types in data["missing"].items()}
    return ProcessTable(stages, processes, products, settings, returns, missing)


@cache
def shipped() -> ProcessTable:
    """The table of this installation."""
    return read_table(tomllib.loads((files("simulators.pf") / "processes.toml").read_text("utf-8")))


def _stage(code: str, row: dict[str, Any], zh: str, extra: dict[str, Any]) -> Stage:
    return Stage(
        code=code,
        zh=zh,
        org=row["org"],
        duration=(row["duration"][0], row["duration"][1]),
        limit_ms=row["limit_hours"] * 3_600_000,
        report=row["report"],
        carries=frozenset(row.get("carries", ())),
        kind=row.get("kind", "work"),
        undo=str(extra["undo_zh"]),
        rank=int(extra["rank"]),
        point=str(row.get("point", extra["point_of_no_return"])),
    )


def _process(row: dict[str, Any], stages: dict[str, Stage]) -> Process:
    names = tuple(row["stages"])
    after: dict[str, tuple[str, ...]] = {name: names[max(n - 1, 0) : n] for n, name in enumerate(names)}
    after |= {name: tuple(before) for name, before in row.get("after", {}).items()}
    reports = {name for name in names if stages[name].report} - set(row.get("silent", ())) | set(row.get("loud", ()))
    needs = tuple((res_type, role) for res_type, role in row.get("needs", ()))
    frees, points = row.get("frees", False), row.get("points", {})
    return Process(names, after, row.get("assign"), needs, frees, frozenset(reports), row["days"], points)


def _reason(code: str) -> dict[str, str]:
    row = load().table("reasons").rows[code]
    return {"type": str(row.extra["type"]), "code": row.code, "text": row.zh}
