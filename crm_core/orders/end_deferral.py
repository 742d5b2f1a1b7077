"""DF02 取消缓装: a deferral is to end before its date, with a new appointment (spec 5.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import DomainError
from crm_core.events import DeferralEndRequested
from crm_core.orders.defer import allowed, order_of
from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.operations import ask, under_way
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, to_wire

END_DEFERRAL = "end_deferral"


@dataclass(frozen=True, slots=True)
class EndDeferral:
    """``appointment`` a wire time; ``contact`` who is to be met, if somebody else."""

    service_order_id: str
    appointment: str
    contact: dict[str, Any] | None = None
    operator: str | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED, or DUPLICATE if that is being asked already. Raises ``OrderUnknown`` (3003), 3013 for an appointment in
        the past, and what the matrix says (3004, 3007, 3021)."""
        order = order_of(uow, self.service_order_id)
        moment = from_wire(self.appointment)
        if moment <= uow.now:
            raise DomainError(
                f"预约时间 {self.appointment} 已过", f"The appointment {self.appointment} is past", code="DATE_INVALID",
                state=order.state,
            )  # fmt: skip
        allowed(uow, order, END_DEFERRAL, self.operator)
        if under_way(order, END_DEFERRAL) is not None:
            return Outcome("DUPLICATE", state=order.state)
        if not self.dry_run:
            event = DeferralEndRequested(
                key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
                service_order_id=order.id, version=order.version, operator=self.operator, appointment=to_wire(moment),
                contact=self.contact,
            )  # fmt: skip
            ask(uow, order, END_DEFERRAL, event, appointment=moment, asked=self.asked)
            Moves(uow, order, END_DEFERRAL).settle()
        return Outcome("ACCEPTED", state=order.state)
