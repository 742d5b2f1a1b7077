"""The image of a service order as it travels in OH01 and CO01 (spec 5.4): exactly the wire fields behind the head."""

from __future__ import annotations

from typing import Any

from crm_core.customers.model import Customer
from crm_core.orders.model import OrderItem, ServiceOrder

_DETAILS = ("scheme", "attachments", "relation", "Extension")


def _item_image(item: OrderItem, own: frozenset[str]) -> dict[str, Any]:
    image: dict[str, Any] = {
        "item_id": item.item_id,
        "action": item.action,
        "product": item.product,
        "product_instance_id": item.instance_id,
    }
    if item.access_number is not None:
        image["access_number"] = item.access_number
    if item.a_end is not None:
        image["a_end"] = item.a_end
    if item.z_end is not None:
        image["z_end"] = item.z_end
    if item.attrs:
        image["attrs"] = item.attrs
    if item.resources:
        image["resources"] = item.resources
    if item.depends_on:
        # what other orders owe is waited for here: provisioning knows the items of this order only
        depends_on = [dependency for dependency in item.depends_on if dependency in own]
        if depends_on:
            image["depends_on"] = depends_on
    return image


def order_image(order: ServiceOrder, customer: Customer, items: list[OrderItem]) -> dict[str, Any]:
    """The body fields of OH01 for ``items`` of ``order``; shares their structures, so nobody may change them in place."""
    own = frozenset([item.item_id for item in items])
    details = order.details
    who = {"customer_id": customer.id, "name": customer.name, "type": customer.type, "grade": customer.grade}
    image: dict[str, Any] = {
        "action": order.action,
        "priority": order.priority,
        "dates": details["dates"],
        "customer": who,
    }
    if order.account_id is not None:
        image["account_id"] = order.account_id
    image["contact"] = details["contact"]
    image["items"] = [_item_image(item, own) for item in items]
    if order.reservations:
        image["reservations"] = order.reservations
    for name in _DETAILS:
        if name in details:
            image[name] = details[name]
    return image
