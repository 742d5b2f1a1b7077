"""PA02 待装开装征询: what was missing is there; the customer is asked whether to install now (spec 5.9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire


@held_by_name
@dataclass(frozen=True, slots=True)
class RecordOffer:
    """``offered`` has text, resources?, install_date?; ``valid_until`` a wire time."""

    service_order_id: str
    version: int
    offered: dict[str, Any]
    valid_until: str
    items: list[str] | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; it moves nothing, the answer does."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        from_wire(self.valid_until)
        if "install_date" in self.offered:
            from_wire(self.offered["install_date"])

    def input(self) -> str:
        """The item machine's input."""
        return "resume_offered"

    def item_ids(self) -> list[str] | None:
        """The items it is about."""
        return self.items

    def narrowed(self, item_ids: list[str]) -> RecordOffer:
        """The same for these items."""
        return replace(self, items=item_ids)

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """The offer stands on the order until it is answered or provisioning says otherwise; the newest counts."""
        order = moves.order
        waiting = [item.item_id for item, _ in taken if item.progress == "PENDING_INSTALL"]
        if waiting and order.pending is not None:
            order.pending = {
                **order.pending,
                "offer": {
                    "serial": source.serial,
                    "items": waiting,
                    "offered": self.offered,
                    "valid_until": from_wire(self.valid_until),
                    "at": uow.now,
                },
            }
        moves.record(self.input(), self.offered["text"])
        moves.settle()
