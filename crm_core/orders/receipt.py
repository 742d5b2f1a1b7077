"""The receipt of a dispatch (OH01): acknowledged, or refused for good (spec 04.1)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.errors import OrderUnknown
from crm_core.orders.closing import conclude
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.machine import rulebook
from crm_core.orders.moves import Moves
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordReceipt:
    """``accepted`` False: refused for good, ``symbol`` names why (a row of the result codes, or the peer's text)."""

    service_order_id: str
    version: int
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Of a version that is no longer current, or late, it is recorded without effect. Raises ``OrderUnknown`` (3003)."""
        order = uow.order(self.service_order_id)
        if order is None:
            raise OrderUnknown(f"定单 {self.service_order_id} 不存在", f"Order {self.service_order_id} is not known")
        if self.version != order.version:
            return Outcome("OK", state=order.state)
        name = "receipt" if self.accepted else "receipt_refused"
        moves = Moves(uow, order, name)
        book = rulebook(uow.reference.policies)
        moved = False
        for item in order.newest():
            effect = book.effect(item, name)
            if effect.kind is Kind.MOVED:
                moved = moves.put(item, effect) or moved
        if moved:
            reason = None if self.accepted else {"text": self.symbol}
            order.reason = reason or order.reason
            conclude(moves, reason=reason)
        return Outcome("OK", state=order.state)
