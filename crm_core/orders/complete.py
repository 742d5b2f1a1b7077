"""OH08 报竣: provisioning reports items as done, with their result; the CRM then decides (spec 5.4, 04.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_core.orders.assign import keep_ordered, merge
from crm_core.orders.closing import conclude
from crm_core.orders.decide import answer_again, decide, reported
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.model import OrderItem
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire


@held_by_name
@dataclass(frozen=True, slots=True)
class ReportCompletion:
    """``items`` are dicts: item_id, access_number?, attrs? (Attr, the results), resources? (ResourceRef)."""

    service_order_id: str
    version: int
    completed_by: str
    time: str
    items: list[dict[str, Any]]
    attachments: list[dict[str, Any]] | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order, where named its customer order, and the instances the items name."""
        named = [("instance", item["product_instance_id"]) for item in self.items if "product_instance_id" in item]
        return (*order_keys(self.service_order_id, self.customer_order_id), *named)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; completed items are answered again, without effect."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        from_wire(self.time)

    def input(self) -> str:
        """The item machine's input."""
        return "completion"

    def item_ids(self) -> list[str] | None:
        """The items that are done."""
        return [item["item_id"] for item in self.items]

    def narrowed(self, item_ids: list[str]) -> ReportCompletion:
        """The completion of these items only."""
        return replace(self, items=[item for item in self.items if item["item_id"] in item_ids])

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """Take the results over, decide, answer, bill."""
        order = moves.order
        done: list[OrderItem] = []
        again: list[OrderItem] = []
        for item, effect in taken:
            if effect.kind is not Kind.MOVED:
                again.append(item)
                continue
            moves.put(item, effect)
            keep_ordered(order, [item])
            for result in self.items:
                if result["item_id"] == item.item_id:
                    _take_over(item, result)
            done.append(item)
        completion: dict[str, Any] = {"serial": source.serial, "sender": source.sender, "by": self.completed_by}
        if self.attachments:
            completion["attachments"] = self.attachments
        completion["of"] = reported(order) | {item.item_id: [source.sender, source.serial] for item in done}
        order.details = {**order.details, "completion": completion}
        if again:
            answer_again(uow, order, again, source)
        decide(uow, moves, done, source)
        conclude(moves)


def _take_over(item: OrderItem, result: dict[str, Any]) -> None:
    """What completion brought stands on the item, accepted or not: a refused one is repaired from there."""
    if "attrs" in result:
        item.result_attrs = {**item.result_attrs, **{attr["code"]: attr["new"] for attr in result["attrs"]}}
    if "access_number" in result:
        item.access_number = result["access_number"]
    if "resources" in result:
        merge(item, result["resources"])
