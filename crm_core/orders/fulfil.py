"""An accepted item takes effect on its product instance (spec 04.6, 5.4 rules 4 and 6)."""

from __future__ import annotations

from crm_core.orders.assign import merge
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.relocation import ACTION as RELOCATE
from crm_core.orders.relocation import side_of
from crm_core.ports import UnitOfWork
from crm_core.products import instance_machine
from crm_core.products.attributes import kept_attrs, stated, value_of
from crm_core.products.model import ProductInstance

STOP_REASON = "STOP_REASON"
"""The attribute of suspend and resume that names the stop reason (04.6)."""
ARREARS = "arrears"
"""The stop reason that billing gives and takes (05.3)."""
NEW_CUSTOMER, NEW_ACCOUNT = "CUSTOMER", "ACCOUNT_ID"
"""The attributes of a transfer that name who takes over."""
ATTRS_OF: dict[str, tuple[str, ...]] = {
    "suspend": (STOP_REASON,), "resume": (STOP_REASON,), "transfer": (NEW_CUSTOMER, NEW_ACCOUNT),
}  # fmt: skip
"""Attributes without which an action means nothing: a product that has the action has them."""
NUMBER = "NUMBER"
"""The result attribute that is the access number."""


def may_fulfil(item: OrderItem, instance: ProductInstance) -> bool:
    """Whether the instance's state still allows what the item completes."""
    name = instance_machine.ON_ACCEPTED.get(item.action)
    return name is None or instance_machine.allows(instance, name)


def stop_stands(item: OrderItem, instance: ProductInstance) -> bool | None:
    """Whether the stop reason that ``item`` sets or clears stands on its instance; None where it is about none."""
    reason = stated(item.attrs, STOP_REASON) if item.action in ("suspend", "resume") else None
    return None if reason is None else bool(instance.stop_mask & instance_machine.stop_bit(reason))


def fulfil(uow: UnitOfWork, order: ServiceOrder, item: OrderItem, instance: ProductInstance) -> None:
    """Move the instance and let it carry what the item brought; saves it. The outward half of a relocation changes nothing."""
    name = instance_machine.ON_ACCEPTED.get(item.action)
    if name is None:
        if instance_machine.allows(instance, "void"):
            instance_machine.move(instance, "void", uow.now)
    else:
        reason = stated(item.attrs, STOP_REASON)
        bit = 0 if reason is None else instance_machine.stop_bit(reason)
        instance_machine.move(instance, name, uow.now, bit)
    if item.action != RELOCATE or side_of(item, order.newest()) == "in":
        _carry(uow, order, item, instance)
    instance.last_order = order.id
    uow.save(instance)


def _carry(uow: UnitOfWork, order: ServiceOrder, item: OrderItem, instance: ProductInstance) -> None:
    product = uow.reference.products.get(item.product)
    attrs = kept_attrs(product, instance.attrs, item.attrs)
    attrs.update(item.result_attrs)
    instance.attrs = attrs
    number = item.access_number or item.result_attrs.get(NUMBER)
    if number is not None and number != instance.access_number:
        if instance.access_number is not None and item.action != "install":  # else it was never in service
            instance.previous_number = instance.access_number
        instance.access_number = number
    if item.action == "disconnect":
        instance.resources = []
    else:
        merge(instance, item.resources)
    if item.a_end is not None:
        instance.a_end = item.a_end
    if item.z_end is not None:
        instance.z_end = item.z_end
    if item.action == "transfer":
        instance.customer_id = value_of(item.attrs, NEW_CUSTOMER) or instance.customer_id
        instance.account_id = value_of(item.attrs, NEW_ACCOUNT) or instance.account_id
