"""OH14: what became of an operation on an order, and the receipts that refuse one for good (spec 5.4, 5.10, 04.1).

Only what is open in ``ServiceOrder.operations`` under the serial the result refers to has an effect; else it is recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm_core.errors import OrderUnknown
from crm_core.fallout.settle import cause_gone
from crm_core.orders.closing import conclude
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.machine import rulebook
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import CANCEL, CHANGE, Entry, awaiting, close
from crm_core.orders.reports import Source, judged_by_itself, newest_open, receive, release
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, to_wire

APPLIED = "applied"

Effect = Callable[[UnitOfWork, Moves, Entry, "RecordOperationResult"], None]
APPLYING: dict[str, tuple[str, Effect]] = {}
"""Operation -> the item machine's input when it was applied, and what else it does; others move no item."""
REFUSING: dict[str, str] = {CHANGE: "change_refused", CANCEL: "cancel_refused"}
"""Operation -> the item machine's input when it was refused; others move no item."""


@judged_by_itself
@dataclass(frozen=True, slots=True)
class RecordOperationResult:
    """``operation`` and ``outcome`` as on the wire; ``dates`` those that hold now; ``code`` and ``reason`` why not."""

    service_order_id: str
    version: int
    operation: str
    outcome: str
    code: str | None = None
    reason: dict[str, Any] | None = None
    state: str | None = None
    dates: dict[str, Any] | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        for text in (self.dates or {}).values():
            from_wire(text)

    def input(self) -> str:
        """The item machine's input; it counts only if the operation is open."""
        if self.outcome == APPLIED and self.operation in APPLYING:
            return APPLYING[self.operation][0]
        return "operation_answered"

    def judge(self, uow: UnitOfWork, order: ServiceOrder, source: Source) -> bool:
        """Close the operation and, if it was applied, do what it means."""
        entry = awaiting(order, source.ref_serial)
        if entry is None or entry["operation"] != self.operation:
            return False
        moves = Moves(uow, order, self.input(), source.serial, source.sender)
        cause_gone(moves, entry, [], self.outcome, final=True)
        close(order, entry)
        moves.asked = entry.get("asked")
        if self.outcome == APPLIED:
            self._apply(uow, moves, entry)
        else:
            refused(moves, self.operation, (self.reason or {}).get("text") or self.code or "")
        conclude(moves, reason=self.reason)
        return True

    def _apply(self, uow: UnitOfWork, moves: Moves, entry: Entry) -> None:
        book = rulebook(uow.reference.policies)
        for item in newest_open(moves.order):
            effect = book.effect(item, self.input())
            if effect.kind is Kind.MOVED:
                moves.put(item, effect)
        take_dates(moves, self.dates or {})
        if self.operation in APPLYING:
            APPLYING[self.operation][1](uow, moves, entry, self)


def refusing(entry: Entry) -> str:
    """The item machine's input when the operation comes to nothing."""
    return REFUSING.get(entry["operation"], "operation_answered")


def drop(moves: Moves, entry: Entry, text: str) -> None:
    """The operation ends without a result of its own: its items leave the overlay it put on, whoever asked will hear of it."""
    order = moves.order
    close(order, entry)
    moves.asked = entry.get("asked") or moves.asked
    book = rulebook(moves.uow.reference.policies)
    concerned = entry.get("items")
    for item in order.newest():
        effect = book.effect(item, refusing(entry))
        if effect.kind is Kind.MOVED and (concerned is None or item.item_id in concerned):
            moves.put(item, effect)
    refused(moves, entry["operation"], text)


def refused(moves: Moves, operation: str, text: str) -> None:
    """An operation came to nothing: the history says why, the order stays where it was."""
    moves.record(f"{operation}_refused", text or None)


def take_dates(moves: Moves, dates: dict[str, Any]) -> None:
    """The dates that hold after an operation stand on the order and in its image."""
    order = moves.order
    for name in ("effective_at", "booked_at", "required_finish", "expected_finish"):
        if name in dates:
            setattr(order, name, from_wire(dates[name]))
    kept = {name: to_wire(from_wire(text)) for name, text in dates.items() if name in _IMAGE_DATES}
    if kept:
        order.details = {**order.details, "dates": {**order.details["dates"], **kept}}


_IMAGE_DATES = ("effective_at", "booked_at", "required_finish")
"""Dates that travel in the image of an order (OH01, CO01)."""


@dataclass(frozen=True, slots=True)
class RecordOperationReceipt:
    """The receipt of an operation's message; ``accepted`` False: refused for good, ``symbol`` names why."""

    service_order_id: str
    version: int
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """A refusal closes the operation and leaves the order where it was; what waited for it goes on. Raises
        ``OrderUnknown`` (3003)."""
        order = uow.order(self.service_order_id)
        if order is None:
            raise OrderUnknown(f"定单 {self.service_order_id} 不存在", f"Order {self.service_order_id} is not known")
        if self.accepted:
            return Outcome("OK", state=order.state)
        entry = awaiting(order, uow.origin.serial)
        if entry is not None:
            moves = Moves(uow, order, refusing(entry))
            drop(moves, entry, self.symbol)
            conclude(moves, reason={"text": self.symbol})
            release(uow, order)
        return Outcome("OK", state=order.state)
