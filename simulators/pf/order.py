"""An order at PF: its items, the steps of its process as a graph, and the work orders that were issued.

Items of one dependency level share a step where their processes name the same stage; a step starts when all it needs are
done.  An item that depends on another starts when that one's steps are done.  The graph is what forward work walks and what
undoing walks back (04.4): each step once, through branches and joins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulators.brain import Body
from simulators.pf.processes import FINISH, Process, Stage

SIDE = "SIDE"
"""Attribute that tells the two items of a relocation apart: ``in`` or ``out`` (5.4 rule 6)."""


@dataclass(slots=True)
class WorkOrder:
    """工单 (03). ``items`` are item ids; instants in ms; ``direction`` forward or reverse."""

    id: str
    stage: str
    org: str
    staff: str
    items: tuple[str, ...]
    created: int
    limit: int
    state: str = "in_progress"
    direction: str = "forward"
    accepted: int | None = None
    finished: int | None = None
    reason: dict[str, str] | None = None


@dataclass(slots=True)
class Step:
    """One stage of one level. ``needs`` are positions in the order's list of steps; ``state`` waiting, active, done, undone
    or dropped."""

    stage: Stage
    items: tuple[str, ...]
    needs: tuple[int, ...] = ()
    state: str = "waiting"
    work: WorkOrder | None = None


@dataclass(slots=True)
class Item:
    """An order item: its image of the dispatch, its process, what RM gave it, how far it is (open, reported, completed)."""

    id: str
    image: Body
    process: Process
    level: int = 0
    resources: list[dict[str, Any]] = field(default_factory=list)
    assigned: bool = False
    archived: bool = False
    progress: str = "open"

    @property
    def instance(self) -> str:
        """The product instance it is about."""
        return str(self.image["product_instance_id"])


@dataclass(slots=True)
class Order:
    """A dispatched version of a service order. ``sender`` and ``serial`` are those of its OH01; instants in ms."""

    id: str
    version: int
    sender: str
    serial: str
    image: Body
    state: str
    since: int
    received: int
    report_seq: int = 0
    items: dict[str, Item] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    work_orders: list[WorkOrder] = field(default_factory=list)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    accepted_at: int | None = None
    expected_finish: int | None = None
    repairs: int = 0
    retries: int = 0
    reason: dict[str, str] | None = None

    def head(self) -> Body:
        """The head of a message about this order."""
        head = {"service_order_id": self.id, "version": self.version, "area": self.image["area"]}
        return {"customer_order_id": self.image["customer_order_id"]} | head if "customer_order_id" in self.image else head

    def unfinished(self) -> list[Item]:
        """Items the CRM has not accepted yet."""
        return [item for item in self.items.values() if item.progress != "completed"]

    def ready(self) -> list[int]:
        """Steps that may start now, in order."""
        return [
            n
            for n, step in enumerate(self.steps)
            if step.state == "waiting" and all(self.steps[needed].state == "done" for needed in step.needs)
        ]


def action_name(image: Body) -> str:
    """The action as the process table knows it: of a relocation in two items the side is part of it."""
    side = next((attr["new"] for attr in image.get("attrs", ()) if attr["code"] == SIDE), "")
    return f"{image['action']}_{side}" if side else str(image["action"])


def set_levels(items: dict[str, Item]) -> None:
    """Give each item the level behind all it depends on within the order. Raises ValueError on a circle."""
    open_items = dict(items)
    level = 0
    while open_items:
        free = [item for item in open_items.values() if open_items.keys().isdisjoint(item.image.get("depends_on", ()))]
        if not free:
            raise ValueError("订单项互相依赖 / items depend on each other in a circle")
        for item in free:
            item.level = level
            del open_items[item.id]
        level += 1


def plan(items: dict[str, Item], stages: dict[str, Stage]) -> list[Step]:
    """The order's graph of steps; one finish at the end joins everything."""
    keys: dict[tuple[int, str], list[str]] = {}
    needs: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for item in sorted(items.values(), key=lambda item: item.level):
        before = [(items[name].level, items[name].process) for name in item.image.get("depends_on", ()) if name in items]
        for name in item.process.stages:
            if name == FINISH:
                continue
            key = (item.level, name)
            keys.setdefault(key, []).append(item.id)
            wanted = [(item.level, needed) for needed in item.process.after[name]]
            if not wanted:
                wanted = [(level, last) for level, process in before for last in _last(process)]
            needs.setdefault(key, []).extend(wanted)
    place = {key: n for n, key in enumerate(keys)}
    steps = [
        Step(stages[name], tuple(members), tuple(dict.fromkeys(place[needed] for needed in needs[level, name])))
        for (level, name), members in keys.items()
    ]
    ends = tuple(n for n in range(len(steps)) if not any(n in step.needs for step in steps))
    return [*steps, Step(stages[FINISH], tuple(items), ends)]


def _last(process: Process) -> list[str]:
    """Stages nothing of the process follows but the finish."""
    working = [name for name in process.stages if name != FINISH]
    return [name for name in working if not any(name in process.after[other] for other in working)]
