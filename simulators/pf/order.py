"""An order at PF: its items, the steps of its process as a graph, the work orders issued, and the operations open on it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from simulators.brain import Body
from simulators.packing import Packable
from simulators.pf.machine import CLOSED, after, fold
from simulators.pf.operations import CancelRequest, Change, Deferral, Lock, Undo, Waiting
from simulators.pf.processes import Process, Stage
from simulators.pf.script import Act
from simulators.pf.work_order import WorkOrder

SIDE = "SIDE"
"""Attribute that tells the two items of a relocation apart: ``in`` or ``out`` (5.4 rule 6)."""


@dataclass(slots=True)
class Step:
    """One stage of some items. ``needs`` are positions of steps that must be done before; ``state`` waiting, active, done,
    undone or dropped. ``due``: when its work is done; ``left``: what remains of it while the order is frozen (ms).
    ``extra``: outside the process (a repair, the summary)."""

    stage: Stage
    items: tuple[str, ...]
    needs: tuple[int, ...] = ()
    state: str = "waiting"
    work: WorkOrder | None = None
    due: int | None = None
    left: int | None = None
    extra: bool = False


def _rows(work_orders: list[WorkOrder]) -> list[dict[str, Any]]:
    return [asdict(work) for work in work_orders]


def _issued(rows: list[dict[str, Any]]) -> list[WorkOrder]:
    return [WorkOrder(**row | {"items": tuple(row["items"])}) for row in rows]


@dataclass(slots=True)
class Item:
    """An order item: its image of the dispatch, its process, what RM gave it, its progress and overlays.

    ``asked`` is the version under which RM was asked for resources and has not answered; ``shortage`` and ``refused`` what it
    answered instead of resources, ``foreseen`` a shortage found later, for which RM is not asked again at once; ``resumes``
    where a deferral found it, ``missed`` since when it has lacked something (ms)."""

    id: str
    _image: Body | bytes
    process: Process
    level: int = 0
    _resources: list[dict[str, Any]] | bytes = field(default_factory=list)
    assigned: bool = False
    archived: bool = False
    asked: int | None = None
    foreseen: dict[str, str] | None = None
    shortage: dict[str, str] | None = None
    refused: dict[str, str] | None = None
    progress: str = "ACKNOWLEDGED"
    resumes: str = ""
    cancelling: bool = False
    fallout: bool = False
    waiting: Waiting | None = None
    missed: int | None = None

    image = Packable[Body]()
    """As dispatched, or as changed since."""
    resources = Packable[list[dict[str, Any]]]()
    """What RM gave it."""

    @property
    def instance(self) -> str:
        """The product instance it is about."""
        return str(self.image["product_instance_id"])

    def pack(self) -> None:
        """From now on it takes little room."""
        Item.image.pack(self)
        Item.resources.pack(self)

    @property
    def open(self) -> bool:
        """Whether its dispatch is still under way."""
        return self.progress not in CLOSED

    def move(self, name: str) -> None:
        """Change the progress by the table; closing ends the overlays. Raises IllegalMove."""
        self.progress = after(self.progress, name)
        if self.progress in CLOSED:
            self.cancelling = self.fallout = False


@dataclass(slots=True)
class Order:
    """A dispatch of a service order. ``sender`` and ``serial`` are those of its OH01; ``epoch`` is the version it came with,
    ``version`` the one that counts now, ``highest`` the highest ever heard of; instants in ms."""

    id: str
    version: int
    sender: str
    serial: str
    _image: Body | bytes
    received: int
    since: int
    epoch: int = 0
    highest: int = 0
    report_seq: int = 0
    rejected: bool = False
    items: dict[str, Item] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    _work_orders: list[WorkOrder] | bytes = field(default_factory=list)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    accepted_at: int | None = None
    accept_due: int | None = None
    accept_left: int | None = None
    expected_finish: int | None = None
    frozen_since: int | None = None
    repairs: int = 0
    retries: int = 0
    expedited: bool = False
    reason: dict[str, str] | None = None
    change: Change | None = None
    cancels: list[CancelRequest] = field(default_factory=list)
    undos: list[Undo] = field(default_factory=list)
    undo_no: int = 0
    lock: Lock | None = None
    deferral: Deferral | None = None
    deferrals: int = 0
    acts: tuple[Act, ...] = ()
    played: dict[int, int] = field(default_factory=dict)
    _reached: tuple[str, ...] | None = None

    image = Packable[Body]()
    """The body of OH01, or of the change that was applied last."""
    work_orders = Packable(_rows, _issued)
    """All that were issued, oldest first."""

    def pack(self) -> None:
        """The order is closed: from now on it takes little room. Its steps are over, their work orders tell of them."""
        if not self.closed or self._reached is not None:
            return
        self._reached = self.stages
        self.steps.clear()
        Order.image.pack(self)
        Order.work_orders.pack(self)
        for item in self.items.values():
            item.pack()

    @property
    def state(self) -> str:
        """The state folded from the items (04.2)."""
        if self.rejected or not self.items:
            return "REJECTED"
        return fold([self.shown(item) for item in self.items.values()])

    @property
    def closed(self) -> bool:
        """Whether no item is open."""
        return not any(item.open for item in self.items.values())

    @property
    def locked(self) -> bool:
        """Whether somebody holds the lock."""
        return self.lock is not None and self.lock.holder is not None

    def rows(self, item: Item) -> tuple[str, ...]:
        """Rows of the matrix for the item, from the topmost overlay down to its progress."""
        if not item.open:
            return (item.progress,)
        amending = self.change is not None
        overlays = (("FALLOUT", item.fallout), ("CANCELLING", item.cancelling), ("AMENDING", amending))
        return (*(name for name, on in overlays if on), item.progress)

    def shown(self, item: Item) -> str:
        """The item's state: the first overlay that is on, else its progress."""
        return self.rows(item)[0]

    def frozen(self, step: Step) -> bool:
        """Whether a lock or a deferral stops the step."""
        return self.locked or any(self.items[name].progress == "DEFERRED" for name in step.items)

    def head(self) -> Body:
        """The head of a message about this order."""
        head = {"service_order_id": self.id, "version": self.version, "area": self.image["area"]}
        return {"customer_order_id": self.image["customer_order_id"]} | head if "customer_order_id" in self.image else head

    def going(self) -> list[Item]:
        """Items that are open."""
        return [item for item in self.items.values() if item.open]

    @property
    def stages(self) -> tuple[str, ...]:
        """Codes of the stages worked on now; while nothing is, those it has come to last."""
        if self._reached is not None:
            return self._reached
        active = [step.stage.code for step in self.steps if step.state == "active"]
        done = [step.stage.code for step in self.steps if step.state == "done"]
        return tuple(active or done[-1:])

    def step_of(self, item: Item) -> int | None:
        """The step of the item that waits for resources, else its first active one."""
        active = [n for n, step in enumerate(self.steps) if step.state == "active" and item.id in step.items]
        asking = [n for n in active if (work := self.steps[n].work) is not None and work.state == "waiting_resource"]
        return next(iter(asking or active), None)

    def ready(self) -> list[int]:
        """Steps that may start now, in order."""
        if self.change is not None:
            return []
        back = [name for undo in self.undos for name in undo.items]
        back += [item.id for item in self.items.values() if item.cancelling]
        return [
            n
            for n, step in enumerate(self.steps)
            if step.state == "waiting"
            and all(self.steps[needed].state == "done" for needed in step.needs)
            and not self.frozen(step)
            and not any(name in back for name in step.items)
        ]


def action_name(image: Body) -> str:
    """The action as the process table knows it: of a relocation in two items the side is part of it."""
    side = next((attr["new"] for attr in image.get("attrs", ()) if attr["code"] == SIDE), "")
    return f"{image['action']}_{side}" if side else str(image["action"])
