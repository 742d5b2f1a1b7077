"""Sending a service order to provisioning: the deed shared by submission, the timer and a dependency's end (spec 5.4, 04.6)."""

from __future__ import annotations

from collections.abc import Mapping

from crm_core.customers.model import Customer
from crm_core.events import OrderDispatched
from crm_core.orders.fulfil import stop_stands
from crm_core.orders.image import order_image
from crm_core.orders.item_states import Kind
from crm_core.orders.machine import rulebook
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.timing import start_clock
from crm_core.orders.undoing import still_last
from crm_core.ports import UnitOfWork
from crm_core.products import instance_machine
from crm_core.products.model import ProductInstance
from crm_core.times import day_start

DISPATCH_SERIAL = "dispatch_serial"


def is_due(order: ServiceOrder, now: int) -> bool:
    """An order for a future day (下周期) waits until that day begins in Shanghai (rule 7)."""
    return order.effective_at is None or order.effective_at <= now or day_start(order.effective_at) <= now


def may_leave(order: ServiceOrder, pre_accepted: bool, now: int) -> bool:
    """Pre-accepted orders wait for confirmation, dependent ones for the orders they name, future ones for their day."""
    return not pre_accepted and not order.details.get("awaits") and is_due(order, now)


def fits(order: ServiceOrder, instances: Mapping[str, ProductInstance]) -> bool:
    """Whether every instance is still in a state its action may be ordered in, a stop still to be set or cleared, and an order
    to be undone the last on it; asked again of orders that waited."""
    return all(
        (instance := instances.get(item.instance_id)) is not None
        and not instance.cutover_freeze
        and instance.status in instance_machine.ENTRY[item.action]
        and stop_stands(item, instance) in (None, item.action == "resume")
        and still_last(item, instance)
        for item in order.newest()
    )


def send(
    uow: UnitOfWork,
    order: ServiceOrder,
    customer: Customer,
    instances: Mapping[str, ProductInstance],
    moves: Moves,
    pf_system: str | None = None,
    items: list[OrderItem] | None = None,
) -> None:
    """Commit OH01: its items (those given, or all) move, a disconnect marks its instance, the image leaves. The caller settles
    and saves."""
    book = rulebook(uow.reference.policies)
    items = order.newest() if items is None else items
    for item in items:
        effect = book.effect(item, "dispatch")
        if effect.kind is Kind.MOVED:
            moves.put(item, effect)
            name = instance_machine.ON_DISPATCH.get(item.action)
            if name is not None:
                instance_machine.move(instances[item.instance_id], name, uow.now)
    order.dispatched_at = uow.now
    start_clock(uow, order, items)
    serials = uow.emit(
        OrderDispatched(
            key=order.id,
            area=order.area,
            to=pf_system,
            customer_order_id=order.customer_order_id,
            service_order_id=order.id,
            version=order.version,
            image=order_image(order, customer, items),
        )
    )
    # what was never sent can still be taken back (5.7)
    order.details = {**order.details, DISPATCH_SERIAL: serials[0] if serials else ""}
