"""What the parts of provisioning share: tables, time, orders - and each other.

A part acts on one order and appends what is to be sent; the brain decides when.  Work that takes time is put on the agenda as
``Task``; a task whose object is no longer what it was is skipped, so nothing has to be called off.
"""

from __future__ import annotations

from dataclasses import dataclass

from adapters.wire.times import wire_time
from simulators.agenda import Agenda
from simulators.brain import Body
from simulators.pf.admission import Admission
from simulators.pf.legality import Matrix, Ruling, shipped_matrix
from simulators.pf.order import Item, Order, Step
from simulators.pf.parts import Changes, Closes, Defers, Undoes, Waits, Walks
from simulators.pf.processes import ProcessTable
from simulators.pf.script import Act, Script
from simulators.pf.shelf import Shelf
from simulators.pf.work_order import WorkOrder
from simulators.ports import Entropy

TEMPORARY = frozenset({"LOCKED", "CHANGE_IN_PROGRESS"})
"""Refusals the sender tries again: they stand in the receipt, the command has no result yet."""
_POINTS = ("none", "soft", "hard")


@dataclass(frozen=True, slots=True)
class Task:
    """Work due at ``at`` on one dispatch: ``what`` names the part's handler, ``n`` a step or ``name`` an item."""

    what: str
    order: str
    epoch: int
    at: int
    n: int = -1
    name: str = ""


class Floor:
    """Tables and time. The parts are set by the brain that builds them."""

    flow: Walks
    undoing: Undoes
    closing: Closes
    waiting: Waits
    changing: Changes
    deferring: Defers
    admission: Admission

    def __init__(self, table: ProcessTable, script: Script, entropy: Entropy, speed: float) -> None:
        self.table = table
        self.script = script
        self.matrix: Matrix = shipped_matrix()
        self.agenda: Agenda[Task] = Agenda()
        self.orders: dict[str, Order] = {}
        self.shelf = Shelf()
        self._entropy = entropy
        self._speed = speed
        self._work_no = 0

    def takes(self, bounds: tuple[int, int] | list[int]) -> int:
        """How long a piece of work takes (ms)."""
        return round(self._entropy.uniform(*bounds) * self._speed)

    def later(self, what: str, order: Order, at: int, n: int = -1, name: str = "") -> None:
        """Let something be due on the order."""
        self.agenda.add(at, Task(what, order.id, order.epoch, at, n, name))

    def act(self, order: Order, do: str, stage: str = "", items: tuple[str, ...] = ()) -> Act | None:
        """The act of the script that is to be played now, counted as played; None: nothing scripted."""
        for n, act in enumerate(order.acts):
            if act.do != do or (act.stage and act.stage != stage) or order.played.get(n, 0) >= act.times:
                continue
            if act.item == "*" or act.item in items:
                order.played[n] = order.played.get(n, 0) + 1
                return act
        return None

    def rule(self, order: Order, item: Item, column: str, same_date: bool = False, asker: str = "") -> Ruling:
        """PF's reading of the matrix."""
        holder = order.lock.holder if order.lock is not None else None
        lock = "free" if holder is None else "own" if holder.owner == asker else "other"
        return self.matrix.rule(order.rows(item), column, lock, same_date)

    def point(self, order: Order, item: Item) -> str:
        """The point of no return the item has passed: none, soft, hard. An archive under way counts (04.3)."""
        reached = 0
        for step in order.steps:
            if item.id in step.items and (step.state == "done" or (step.state == "active" and step.stage.kind == "archive")):
                reached = max(reached, _POINTS.index(item.process.point(step.stage)))
        return _POINTS[reached]

    def issue(self, order: Order, step: Step, items: tuple[str, ...], now: int) -> WorkOrder:
        """A work order for somebody of the stage's organisation."""
        self._work_no += 1
        stage = step.stage
        staff = f"{stage.org}{self._work_no % 9 + 1}号"
        name = f"WO{order.image['area']}{self._work_no:010d}"
        work = WorkOrder(name, stage.code, stage.org, staff, items, now, now + stage.limit_ms, accepted=now)
        order.work_orders.append(work)
        return work

    def note(self, order: Order, reason: dict[str, str], stage: str | None, now: int) -> None:
        """Keep an exception of the order, for PQ01 and for people."""
        entry: Body = {"text": reason["text"]}
        entry |= {name: value for name, value in (("code", reason.get("code")), ("stage", stage)) if value}
        order.exceptions.append(entry | {"since": wire_time(now)})
