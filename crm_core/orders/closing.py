"""What the end of an order sets going: its reservations, and the orders that waited for it (spec 04.1, 5.3, 5.4 rule 2)."""

from __future__ import annotations

from typing import Any

from crm_core.errors import CustomerUnknown
from crm_core.orders.dispatch import fits, may_leave, send
from crm_core.orders.fulfil import ARREARS, STOP_REASON
from crm_core.orders.holds import end_holds
from crm_core.orders.lost_holds import leave_out
from crm_core.orders.machine import rulebook
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.reports import release
from crm_core.orders.told import TOLD, settle_told
from crm_core.products.attributes import stated
from crm_core.products.model import ProductInstance


def conclude(moves: Moves, reason: dict[str, Any] | None = None, stage: dict[str, Any] | None = None) -> None:
    """Settle the moves of a command; if the order ended with them, end its holds, judge the reports that still wait - nobody
    looks at it any more - and wake or end the orders that waited."""
    ended = moves.settle(reason, stage)
    if TOLD in moves.order.details:
        settle_told(moves)
    if ended:
        _end(moves)


def _end(moves: Moves) -> None:
    ended = [moves.order]
    while ended:
        order = ended.pop(0)
        end_holds(moves.uow, order)
        if order.held:
            release(moves.uow, order)
        for waiting_id in order.details.get("awaited_by", ()):
            waiting = moves.uow.order(waiting_id)
            if waiting is not None and waiting.state == "DRAFT" and _wake(moves, waiting, order):
                ended.append(waiting)


def _wake(moves: Moves, waiting: ServiceOrder, ended: ServiceOrder) -> bool:
    """``waiting`` depended on ``ended``: dispatch it, or cancel it if that was closed without completion (3024).

    Returns whether it ended."""
    uow = moves.uow
    following = Moves(uow, waiting, "dependency", moves.serial, moves.actor)
    if ended.state != "COMPLETED" and not _waits_for_any_end(waiting):
        zh = f"所等待的定单 {ended.id} 未竣工（{ended.state}）"
        return _give_up(following, zh, f"Order {ended.id}, which it waited for, was not completed ({ended.state})")
    left = [order_id for order_id in waiting.details.get("awaits", ()) if order_id != ended.id]
    waiting.details = {**waiting.details, "awaits": left}
    return _leave(following)


def _waits_for_any_end(order: ServiceOrder) -> bool:
    """Arrears and their end are not about what the orders before them achieve: they wait only to be alone (04.9)."""
    return all(stated(item.attrs, STOP_REASON) == ARREARS for item in order.newest())


def leave_now(moves: Moves) -> None:
    """Dispatch a waiting order if nothing holds it back any more; cancel it, and end what it held, if its instances no longer
    allow it. Raises ``CustomerUnknown`` if its customer is gone."""
    if _leave(moves):
        _end(moves)


def _leave(moves: Moves) -> bool:
    """Returns whether it ended."""
    uow, order = moves.uow, moves.order
    customer_order = uow.customer_order(order.customer_order_id)
    pre_accepted = customer_order is not None and customer_order.pre_accepted
    if not may_leave(order, pre_accepted, uow.now):
        uow.save(order)
        return False
    customer = uow.customer(order.customer_id)
    if customer is None:
        raise CustomerUnknown(f"客户 {order.customer_id} 不存在", f"Customer {order.customer_id} is not known")
    instances: dict[str, ProductInstance] = {}
    for item in order.newest():
        instance = uow.instance(item.instance_id)
        if instance is not None:
            instances[instance.id] = instance
    if not fits(order, instances):
        states = ", ".join(f"{instance.id} {instance.status}" for instance in instances.values())
        en = f"When it was its turn its instances did not allow what is ordered: {states}"
        return _give_up(moves, f"轮到它时，产品实例不允许所订的动作：{states}", en)
    lost = leave_out(uow, order)
    send(uow, order, customer, instances, moves)
    for instance in instances.values():
        uow.save(instance)
    return moves.settle(reason=order.reason if lost else None)


def _give_up(moves: Moves, zh: str, en: str) -> bool:
    """Cancel an order that was never sent; its channel is told why."""
    book = rulebook(moves.uow.reference.policies)
    for item in moves.order.newest():
        moves.put(item, book.check(item, "cancel"))
    reason = {"text": f"{zh} / {en}"}
    moves.order.reason = reason
    return moves.settle(reason=dict(reason))
