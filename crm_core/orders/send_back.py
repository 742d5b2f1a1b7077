"""OH09 退单: provisioning sends an order, or items of it, back; the CRM amends and dispatches anew, or cancels (spec 5.4)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_core.orders.closing import conclude
from crm_core.orders.defer import given_reason
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.ports import Outcome, UnitOfWork


@held_by_name
@dataclass(frozen=True, slots=True)
class SendBackOrder:
    """``reason`` is a dictionary row 10R (type, code, text); ``items`` dicts item_id, reason?; absent: the whole order."""

    service_order_id: str
    version: int
    reason: dict[str, Any]
    stage: dict[str, Any]
    audited_by: str
    items: list[dict[str, Any]] | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; of what is closed already it is success without effect, of what is completed refused. Raises
        ``AttributeInvalid`` (3020) for a reason that is no row 10R."""
        given_reason(uow, self.service_order_id, "10R", self.reason)
        return receive(uow, self)

    def examine(self) -> None:
        """Nothing beyond its schema."""

    def input(self) -> str:
        """The item machine's input."""
        return "return"

    def item_ids(self) -> list[str] | None:
        """The items sent back; None: all that are open."""
        return None if self.items is None else [item["item_id"] for item in self.items]

    def narrowed(self, item_ids: list[str]) -> SendBackOrder:
        """The return of these items only."""
        named = {item["item_id"]: item for item in self.items or ()}
        return replace(self, items=[named.get(item_id, {"item_id": item_id}) for item_id in item_ids])

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """RETURNED, or CANCELLED where a cancel was open; the reason stands on the items and the order."""
        order = moves.order
        own = {item["item_id"]: item.get("reason") for item in self.items or ()}
        moved = False
        for item, effect in taken:
            if effect.kind is Kind.MOVED:
                moves.put(item, effect)
                item.reason = own.get(item.item_id) or self.reason
                moved = True
        if moved:
            order.reason = self.reason
            order.stage = self.stage["code"]
        conclude(moves, reason={"text": self.reason["text"], "code": self.reason["code"]}, stage=self.stage)
