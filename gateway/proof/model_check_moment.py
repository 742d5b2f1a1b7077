"""What an input of the model check is made of: the state it meets, the command it is there, how it comes (spec 04.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm_core.orders.model import ServiceOrder
from crm_core.orders.operations import under_way
from crm_core.ports import Command, Origin
from crm_core.reference import Reference
from crm_core.times import DAY_MS, to_wire
from gateway.proof.model_check_world import PROVISIONING, Snapshot

OWNER, RIVAL, CHIEF = "OP1", "OP2", "OP9"
WORDS = {"text": "模型"}


@dataclass(frozen=True, slots=True)
class Step:
    """A command as it comes: ``serial`` the message's, or that of the question whose answer it is; ``ref`` what it refers to;
    ``unsent``: OH01 can still be taken back; ``extra`` rows there for it; ``wait_until``: first this time passes."""

    command: Command
    sender: str = PROVISIONING
    serial: str = ""
    ref: str | None = None
    unsent: bool = False
    extra: tuple[Any, ...] = ()
    wait_until: int | None = None

    def origin(self) -> Origin:
        """Who says it."""
        return Origin(self.sender, self.serial, "MODEL", self.ref)


class Moment:
    """What an input is made from: the state, and reasons of the dictionary."""

    def __init__(self, snapshot: Snapshot, reasons: dict[str, dict[str, str]]) -> None:
        self.snapshot = snapshot
        self.order: ServiceOrder = snapshot.order
        self.id = self.order.id
        self.version = self.order.version
        self.seq = self.order.report_seq + 1
        self.reasons = reasons

    def at(self, days: float) -> str:
        """A wire time from now."""
        return to_wire(self.snapshot.now + int(days * DAY_MS))

    def open(self, name: str) -> str | None:
        """Serial of the open operation of that name."""
        entry = under_way(self.order, name)
        return None if entry is None else str(entry["serial"])

    def holds(self, *commands: str) -> bool:
        """Whether such a report waits already: provisioning does not contradict itself while nothing changes."""
        return any(entry["command"] in commands for entry in self.order.held)

    def holder(self) -> str:
        """Who holds the lock, or nobody."""
        lock = self.order.lock
        return "" if lock is None or lock["holder"] is None else str(lock["holder"]["owner"])


Make = Callable[[Moment], Step | None]


@dataclass(frozen=True, slots=True)
class Input:
    """``kind`` channel, answer, report, escape, clock or desk; ``live``: it happens by itself; ``column`` of the legality
    matrix that must allow it; ``as_who`` how the matrix reads the lock for it; ``opens`` an operation."""

    name: str
    kind: str
    make: Make
    live: bool = False
    column: str = ""
    as_who: str = ""
    opens: bool = False


def reasons_of(reference: Reference) -> dict[str, dict[str, str]]:
    """One reason a type, as on the wire."""
    found: dict[str, dict[str, str]] = {}
    for (kind, code), row in sorted(reference.reasons.items()):
        found.setdefault(kind, {"type": kind, "code": code, "text": row.zh})
    return found


def fence_of(order: ServiceOrder) -> int:
    """That of the newest grant the CRM has heard of."""
    return 0 if order.lock is None else int(order.lock["fence"])
