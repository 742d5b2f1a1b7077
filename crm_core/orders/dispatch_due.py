"""The timer's command: an order for a future day is dispatched once, when its day has come (spec 5.4 rule 7)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.errors import OrderUnknown
from crm_core.orders.closing import leave_now
from crm_core.orders.moves import Moves
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class DispatchDue:
    """Harmless if it comes early, twice, or for an order that was cancelled meanwhile: success without effect."""

    service_order_id: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order; its customer and instances are known only then."""
        return (("order", self.service_order_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``OrderUnknown`` (3003)."""
        order = uow.order(self.service_order_id)
        if order is None:
            raise OrderUnknown(f"定单 {self.service_order_id} 不存在", f"Order {self.service_order_id} is not known")
        if order.state == "DRAFT":
            leave_now(Moves(uow, order, "dispatch"))
        return Outcome("OK", state=order.state)
