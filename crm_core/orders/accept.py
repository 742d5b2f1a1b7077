"""OH02 签收: provisioning accepts a service order (spec 5.4, 04.1)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.orders.closing import conclude
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire


@held_by_name
@dataclass(frozen=True, slots=True)
class AcceptOrder:
    """Who accepted, when, and when it is expected to be done."""

    service_order_id: str
    version: int
    accepted_by: str
    accepted_at: str
    expected_finish: str
    phone: str | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; after acceptance already reached it is recorded without effect."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        from_wire(self.accepted_at)
        from_wire(self.expected_finish)

    def input(self) -> str:
        """The item machine's input."""
        return "accept"

    def item_ids(self) -> list[str] | None:
        """Always the whole order."""
        return None

    def narrowed(self, item_ids: list[str]) -> AcceptOrder:
        """An acceptance is never split: nothing holds it."""
        return self

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """The first acceptance counts."""
        order = moves.order
        for item, effect in taken:
            if effect.kind is Kind.MOVED:
                moves.put(item, effect)
        if order.accepted_at is None:
            order.accepted_at = from_wire(self.accepted_at)
            order.accepted_by = self.accepted_by
            order.expected_finish = from_wire(self.expected_finish)
        conclude(moves)
