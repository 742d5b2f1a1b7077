"""返销: an order that undoes a completed one is a new order with the opposite action, relation ``undoes`` (spec 5.4 rule 8)."""

from __future__ import annotations

from typing import Any

from crm_core.orders.model import OrderItem
from crm_core.orders.request import Faults, Planned
from crm_core.ports import UnitOfWork
from crm_core.products.attributes import value_of
from crm_core.products.model import ProductInstance

UNDOES = "UNDOES"
"""The attribute of an item that names the order it undoes."""
START, REVERSE = "start", "reverse"


def examine_undoing(plan: Planned, instance: ProductInstance, path: str, uow: UnitOfWork, faults: Faults) -> None:
    """The order undone is known (3003), did the opposite to this very instance, was completed, and nothing came after it
    (3004 with its state); of one that waits for others the last two are asked when it is its turn (``still_last``)."""
    undone = value_of(plan.attrs, UNDOES)
    if undone is None:
        return
    order = uow.order(undone)
    item = None if order is None else next((row for row in order.newest() if row.instance_id == instance.id), None)
    if order is None or item is None:
        faults.add(path, undone, "ORDER_UNKNOWN", "没有对该产品实例的这一定单", "There is no such order on this instance")
        return
    opposite = uow.reference.reversals.get(item.action) == plan.item["action"]
    last = bool(plan.awaits) or (item.progress == "COMPLETED" and instance.last_order == order.id)
    if not opposite or not last:
        zh = "只能返销该产品实例上最近竣工的定单，且动作须相反"
        en = "Only the order completed last on the instance can be undone, by the opposite action"
        faults.add(path, undone, "STATE_CONFLICT", zh, en, state=order.state)


def still_last(item: OrderItem, instance: ProductInstance) -> bool:
    """Whether the order ``item`` undoes, if any, is the one completed last on its instance."""
    undone = value_of(item.attrs, UNDOES)
    return undone is None or instance.last_order == undone


def relation_of(plans: list[Planned]) -> dict[str, Any]:
    """What the image of an order says of the one it undoes."""
    for plan in plans:
        undone = value_of(plan.attrs, UNDOES)
        if undone is not None:
            return {"relation": {"service_order_id": undone, "kind": "undoes"}}
    return {}


def kind_of(uow: UnitOfWork, action: str, attrs: list[dict[str, Any]]) -> str | None:
    """The billing kind of an accepted item: what undoes a start takes it back (冲正) instead of ending it."""
    kinds = uow.reference.billing_kinds
    if value_of(attrs, UNDOES) is not None and kinds.get(uow.reference.reversals.get(action, "")) == START:
        return REVERSE
    return kinds.get(action)
