"""An order that was sent back leaves again as its next version, changed or not (spec 5.4 OH09, rule 1; 04.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crm_core.errors import CustomerUnknown, DomainError
from crm_core.orders.assign import ORDERED
from crm_core.orders.content import Content, preview, put_content, take_reservations
from crm_core.orders.dispatch import send
from crm_core.orders.lost_holds import leave_out, lost_holds
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import SENT_VERSION, highest_sent
from crm_core.orders.wanted import Wanted
from crm_core.ports import Outcome, UnitOfWork
from crm_core.products.model import ProductInstance

RETURNED = "RETURNED"
LOST = "hold_lost"


def dispatch_again(uow: UnitOfWork, order: ServiceOrder, content: Content, wanted: Wanted) -> Outcome:
    """Each returned item gets a new row; the old one stays as it ended. A content that names a closed item that was not
    returned is refused with its state (3004), a frozen instance with 3018. Reservations that were lost meanwhile are left out
    and named in the details."""
    rows = order.newest()
    back = [item for item in rows if item.progress == RETURNED]
    closed = [item for item in rows if item.progress != RETURNED and item.item_id in content.get("items", {})]
    if closed:
        zh, en = f"订单项 {closed[0].item_id} 已关闭", f"Item {closed[0].item_id} is closed"
        raise DomainError(zh, en, code="STATE_CONFLICT", state=closed[0].progress)
    instances = _instances(uow, back)
    version = highest_sent(order) + 1
    lost = lost_holds(uow, preview(order, content))
    if not wanted.dry_run:
        _leave(uow, order, back, instances, content, version, wanted)
    return Outcome(state=order.state, details=(("version", str(version)), *((LOST, name) for name in lost)))


def _instances(uow: UnitOfWork, items: list[OrderItem]) -> dict[str, ProductInstance]:
    found: dict[str, ProductInstance] = {}
    for item in items:
        instance = uow.instance(item.instance_id)
        if instance is None:
            zh, en = f"产品实例 {item.instance_id} 不存在", f"Product instance {item.instance_id} is not known"
            raise DomainError(zh, en, code="INSTANCE_UNKNOWN")
        if instance.cutover_freeze:
            zh, en = f"产品实例 {instance.id} 因割接冻结", f"Product instance {instance.id} is frozen by a cutover"
            raise DomainError(zh, en, code="FROZEN_BY_CUTOVER")
        found[instance.id] = instance
    return found


def _leave(
    uow: UnitOfWork,
    order: ServiceOrder,
    back: list[OrderItem],
    instances: dict[str, ProductInstance],
    content: Content,
    version: int,
    wanted: Wanted,
) -> None:
    customer = uow.customer(order.customer_id)
    if customer is None:
        raise CustomerUnknown(f"客户 {order.customer_id} 不存在", f"Customer {order.customer_id} is not known")
    after = preview(order, content)
    ordered = order.details.get(ORDERED, {})
    clean: dict[str, Any] = {"reason": None, "result_attrs": {}, "fallout": False, "cancelling": False, "amending": False}
    fresh = [
        replace(item, version=version, **clean, **ordered.get(item.item_id, {}))
        for item in after.items
        if item.progress == RETURNED
    ]
    order.items = [*order.items, *fresh]
    before = order.reservations
    put_content(order, fresh, content)
    take_reservations(uow, order, before)
    order.version = version
    order.details = {**order.details, SENT_VERSION: version}
    order.reason = order.stage = None
    leave_out(uow, order)
    order.accepted_at = order.accepted_by = order.expected_finish = None
    moves = Moves(uow, order, "dispatch")
    moves.asked = wanted.asked
    send(uow, order, customer, instances, moves, order.pf_system, fresh)
    moves.settle(reason=order.reason)
    for instance in instances.values():
        uow.save(instance)
