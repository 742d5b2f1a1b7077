"""PA03 待装开装: the customer takes or declines the offered installation (spec 5.9, 04.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import DomainError, StateConflict
from crm_core.events import PendingAnswered
from crm_core.orders.defer import allowed, order_of
from crm_core.orders.keys import order_keys
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import ask, under_way
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, to_wire

RESUME = "resume_pending"


@dataclass(frozen=True, slots=True)
class ResumePending:
    """``accept``; with a refusal ``new_date`` (a wire time): not offered again before it, ``reason`` text and perhaps code."""

    service_order_id: str
    accept: bool
    new_date: str | None = None
    reason: dict[str, Any] | None = None
    operator: str | None = None
    asked: dict[str, str] | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED, or DUPLICATE if the same answer is on its way. Whether the offer still stands the owner of the resource
        decides by its clock.  Raises ``OrderUnknown`` (3003), 3010 where nothing is offered, 3013 for a date in the past, 3004
        for the other answer while one is on its way, and what the matrix says (3004, 3007, 3021)."""
        order = order_of(uow, self.service_order_id)
        allowed(uow, order, RESUME, self.operator)
        waiting = under_way(order, RESUME)
        if waiting is not None:
            if waiting["accept"] == self.accept:
                return Outcome("DUPLICATE", state=order.state)
            raise StateConflict("已有待装答复在途", "An answer to the offer is under way", state=order.state)
        offer = self._offer(order)
        new_date = None if self.new_date is None else from_wire(self.new_date)
        if new_date is not None and new_date <= uow.now:
            zh, en = f"日期 {self.new_date} 已过", f"The date {self.new_date} is past"
            raise DomainError(zh, en, code="DATE_INVALID", state=order.state)
        event = PendingAnswered(
            key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
            service_order_id=order.id, version=order.version, operator=self.operator, items=offer["items"],
            accept=self.accept, new_date=None if new_date is None else to_wire(new_date), reason=self.reason,
        )  # fmt: skip
        ask(uow, order, RESUME, event, accept=self.accept, asked=self.asked)
        moves = Moves(uow, order, RESUME)
        moves.record("offer_accepted" if self.accept else "offer_declined", (self.reason or {}).get("text"))
        moves.settle()
        return Outcome("ACCEPTED", state=order.state)

    def _offer(self, order: ServiceOrder) -> dict[str, Any]:
        offer: dict[str, Any] | None = None if order.pending is None else order.pending["offer"]
        if offer is None:
            raise DomainError("没有待答复的开装征询", "Nothing is offered", code="HOLD_EXPIRED", state=order.state)
        return offer
