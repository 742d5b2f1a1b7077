"""What is open on an order besides its walk: undoing, cancel, change, waiting, deferral, lock - as data (spec 5.6-5.11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulators.brain import Body
from simulators.pf.work_order import WorkOrder


@dataclass(slots=True)
class Undo:
    """Compensation under way (04.4): resources first, then the steps of ``queue``, one reverse work order after the other.

    ``purpose`` is cancel, return, drop (an item a change leaves out), change or rework (the steps wait again afterwards);
    ``again``: by item the stages to be undone (none: all);
    ``reason`` what RM is told; ``at`` the step it happened at; ``due`` when the running reverse work order is done.
    ``no`` numbers the order's undoings; ``rule`` tells that PF's own rule cancels (CN02 unasked), ``related`` because of which
    order; ``recover``: RM takes back what the order holds because of a lock (LK04 instead of OH05)."""

    purpose: str
    items: tuple[str, ...]
    reason: dict[str, str]
    at: int = -1
    again: dict[str, frozenset[str]] = field(default_factory=dict)
    queue: list[int] = field(default_factory=list)
    work: WorkOrder | None = None
    due: int | None = None
    phase: str = "resources"
    tries: int = 0
    told_stuck: bool = False
    undone: dict[str, list[Body]] = field(default_factory=dict)
    released: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    rule: bool = False
    related: str = ""
    no: int = 0
    recover: bool = False

    @property
    def reopens(self) -> bool:
        """Whether what is undone will be done again."""
        return self.purpose in ("change", "rework")


@dataclass(slots=True)
class CancelRequest:
    """A CN01 without its CN02; ``rows`` by item: the row of the result, None while it is being undone."""

    serial: str
    sender: str
    rows: dict[str, Body | None]


@dataclass(slots=True)
class Change:
    """An open CO01. ``again``: by item the stages to be done again; ``dropped``: items left out; ``phase`` manual, asked,
    resources, busy (an item is on its way back to an earlier stage), undoing; ``verdict``: the symbol a person will
    refuse it with; ``redone``: stages undone so far."""

    serial: str
    sender: str
    body: Body
    again: dict[str, frozenset[str]] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    phase: str = "resources"
    reassigned: tuple[str, ...] = ()
    decides_at: int | None = None
    verdict: str = ""
    redone: dict[str, Body] = field(default_factory=dict)

    @property
    def version(self) -> int:
        """The version it leads to."""
        return int(self.body["new_version"])


@dataclass(slots=True)
class Waiting:
    """An item in a waiting list. ``state`` registering, resting (until ``not_before``), queued, offered, asking, leaving;
    ``types``: what may be missing, most likely first, ``tried`` how many were; ``announced`` by PI01, ``told`` of the
    offer by PA02; ``ref``: the PA03 to be answered."""

    reason: dict[str, str]
    types: tuple[str, ...]
    since: int
    auto: bool
    state: str = "registering"
    no: str | None = None
    tried: int = 0
    rounds: int = 0
    announced: bool = False
    told: bool = False
    not_before: int | None = None
    reservation: str | None = None
    resources: list[dict[str, Any]] = field(default_factory=list)
    until: int | None = None
    ref: str | None = None


@dataclass(slots=True)
class Deferral:
    """缓装: since when, until when (ms)."""

    since: int
    until: int


@dataclass(slots=True)
class Claim:
    """Who wants the lock and until when (ms); ``keep``: RM stops the expiry of what the order holds."""

    owner: str
    until: int
    keep: bool
    reason: Body


@dataclass(slots=True)
class Lock:
    """``fence`` is that of the latest grant; ``queue`` in order of arrival."""

    holder: Claim | None = None
    fence: int = 0
    queue: list[Claim] = field(default_factory=list)
