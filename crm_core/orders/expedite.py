"""催单: provisioning is asked to hurry (spec 5.4 OH10); nothing about the order changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.events import ExpediteRequested
from crm_core.orders.content import check_date
from crm_core.orders.defer import allowed, order_of
from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.operations import ask
from crm_core.ports import Outcome, UnitOfWork

EXPEDITE = "expedite"


@dataclass(frozen=True, slots=True)
class ExpediteOrder:
    """``reason`` plain (text, code?); ``wanted_date`` a wish."""

    service_order_id: str
    reason: dict[str, Any]
    wanted_date: str | None = None
    operator: str | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED; of an order that was never sent it only stands in the history. Raises ``OrderUnknown`` (3003), 3013 for a
        date that is none, and what the matrix says (3004, 3007, 3021)."""
        order = order_of(uow, self.service_order_id)
        if self.wanted_date is not None:
            check_date(order, self.wanted_date)
        effects = allowed(uow, order, "dates", None)
        if not self.dry_run:
            local = all(effect.local for _, effect in effects)
            if not local:
                self._send(uow)
            moves = Moves(uow, order, EXPEDITE)
            moves.asked = self.asked if local else None
            moves.settle(reason=self.reason)
        return Outcome(state=order.state)

    def _send(self, uow: UnitOfWork) -> None:
        order = order_of(uow, self.service_order_id)
        event = ExpediteRequested(
            key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
            service_order_id=order.id, version=order.version, operator=self.operator, reason=self.reason,
            wanted_date=self.wanted_date,
        )  # fmt: skip
        ask(uow, order, EXPEDITE, event, asked=self.asked)
