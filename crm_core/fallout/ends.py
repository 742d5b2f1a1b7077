"""Items ended at the desk: what takes effect here, and what provisioning is told (spec 06.2, 04.1)."""

from __future__ import annotations

from typing import Any

from crm_core.billing.charge import charge
from crm_core.errors import InstanceUnknown, StateConflict
from crm_core.events import CancelRequested, CompletionDecided
from crm_core.orders.fulfil import fulfil, may_fulfil
from crm_core.orders.item_states import Effect
from crm_core.orders.model import OrderItem
from crm_core.orders.moves import Moves


def complete_by_hand(moves: Moves, item: OrderItem, effect: Effect) -> None:
    """The item takes effect on its instance and is charged as if it had been reported and accepted.

    Raises ``InstanceUnknown`` (3002), ``StateConflict`` (3004) if the instance no longer allows it."""
    uow = moves.uow
    instance = uow.instance(item.instance_id)
    if instance is None:
        raise InstanceUnknown(f"产品实例 {item.instance_id} 不存在", f"Instance {item.instance_id} is not known")
    if not may_fulfil(item, instance):
        zh, en = f"产品实例处于 {instance.status}", f"The product instance is {instance.status}"
        raise StateConflict(zh, en, state=moves.order.state)
    moves.put(item, effect)
    before = dict(instance.attrs)
    fulfil(uow, moves.order, item, instance)
    charge(uow, moves.order, item, instance, before)


def tell_completed(moves: Moves, item_ids: list[str]) -> None:
    """OH13 unasked: provisioning ends its flow of these items."""
    order = moves.order
    if order.dispatched_at is None:
        return
    moves.uow.emit(
        CompletionDecided(
            key=order.id,
            area=order.area,
            to=order.pf_system,
            customer_order_id=order.customer_order_id,
            service_order_id=order.id,
            version=order.version,
            items=[{"item_id": item_id, "result": "accepted"} for item_id in item_ids],
            unasked=True,
        )
    )


def tell_cancelled(moves: Moves, item_ids: list[str], reason: dict[str, Any]) -> None:
    """CN01, sent and not waited for: provisioning undoes and frees what it did for these items."""
    order = moves.order
    if order.dispatched_at is None:
        return
    moves.uow.emit(
        CancelRequested(
            key=order.id,
            area=order.area,
            to=order.pf_system,
            customer_order_id=order.customer_order_id,
            service_order_id=order.id,
            version=order.version,
            reason=reason,
            items=item_ids,
        )
    )
