"""PI01 待装: an order cannot go on for want of a facility; the operator's cause, so the clock runs on (spec 5.8, 04.5)."""

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
from crm_core.times import from_wire, optional


@held_by_name
@dataclass(frozen=True, slots=True)
class RecordPending:
    """``reason`` a dictionary row 10W; ``stage`` its code; ``items`` ids, absent: every open item."""

    service_order_id: str
    version: int
    stage: str
    reason: dict[str, Any]
    missing_res_type: str
    address: dict[str, Any]
    found_at: str
    items: list[str] | None = None
    bureau: str | None = None
    expected_available: str | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; of what waits already it is success without effect. Raises ``AttributeInvalid`` (3020) for a
        reason that is no row 10W."""
        given_reason(uow, self.service_order_id, "10W", self.reason)
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        from_wire(self.found_at)
        optional(self.expected_available)

    def input(self) -> str:
        """The item machine's input."""
        return "pending"

    def item_ids(self) -> list[str] | None:
        """The items that wait."""
        return self.items

    def narrowed(self, item_ids: list[str]) -> RecordPending:
        """The same of these items."""
        return replace(self, items=item_ids)

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """PENDING_INSTALL; what is missing stands on the order, what it waits for already is not overwritten."""
        order = moves.order
        waiting = [item for item, effect in taken if effect.kind is Kind.MOVED and moves.put(item, effect)]
        if waiting:
            for item in waiting:
                item.reason = self.reason
            earlier = [] if order.pending is None else order.pending["items"]
            order.pending = {
                "items": [*earlier, *(item.item_id for item in waiting)],
                "reason": self.reason,
                "missing_res_type": self.missing_res_type,
                "address": self.address,
                "bureau": self.bureau,
                "stage": self.stage,
                "since": from_wire(self.found_at),
                "expected_available": optional(self.expected_available),
                "offer": None,
            }
            order.reason = self.reason
            order.stage = self.stage
        conclude(moves, reason={"text": self.reason["text"], "code": self.reason["code"]})
