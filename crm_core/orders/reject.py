"""OH12 拒收: provisioning rejects an order before accepting it (spec 5.4, 04.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.orders.closing import conclude
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.ports import Outcome, UnitOfWork

_TEXT_LIMIT = 500


@held_by_name
@dataclass(frozen=True, slots=True)
class RejectOrder:
    """``code`` is the peer's result code, ``faults`` what it found (path, rule, found, text)."""

    service_order_id: str
    version: int
    code: str
    faults: list[dict[str, Any]] | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; refused (3004) after acceptance."""
        return receive(uow, self)

    def examine(self) -> None:
        """Nothing beyond its schema."""

    def input(self) -> str:
        """The item machine's input."""
        return "reject"

    def item_ids(self) -> list[str] | None:
        """Always the whole order."""
        return None

    def narrowed(self, item_ids: list[str]) -> RejectOrder:
        """A rejection is never split: nothing holds it."""
        return self

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """REJECTED, or CANCELLED where a cancel was open; a new try is a new order."""
        for item, effect in taken:
            if effect.kind is Kind.MOVED:
                moves.put(item, effect)
        text = "; ".join(fault["text"] for fault in self.faults or ())[:_TEXT_LIMIT]
        reason = {"text": text or self.code, "code": self.code}
        moves.order.reason = reason
        conclude(moves, reason=reason)
