"""配置资源: what provisioning reports as assigned becomes part of the items it was assigned to (spec 5.4 OH03, OH04, OH07)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.products.model import ProductInstance
from crm_core.reference import Reference

ORDERED = "ordered"
"""What of the details of an order tells, by item, what stood there before provisioning's reports took its place."""


def keep_ordered(order: ServiceOrder, items: Sequence[OrderItem]) -> None:
    """Note what the items were ordered with, once, before a report puts resources or a number in its place: a return frees what
    provisioning assigned, so only what was ordered leaves again (5.4 OH09)."""
    noted = order.details.get(ORDERED, {})
    fresh = {
        item.item_id: {"resources": item.resources, "access_number": item.access_number}
        for item in items
        if item.item_id not in noted
    }
    if fresh:
        order.details = {**order.details, ORDERED: noted | fresh}


def assign(items: Sequence[OrderItem], resources: list[dict[str, Any]], reference: Reference) -> None:
    """Give each item the resources of the types its product uses; a single item gets all of them.

    A resource replaces what the item had in the same type and role: a later assignment corrects an earlier one."""
    for item in items:
        product = reference.products.get(item.product)
        types = None if len(items) == 1 or product is None else product.resource_types
        merge(item, [resource for resource in resources if types is None or resource["res_type"] in types])


def merge(item: OrderItem | ProductInstance, resources: list[dict[str, Any]]) -> None:
    """Put ``resources`` (ResourceRef dicts) in place of those of the same type and role; what nothing replaces stays: a line
    that moves keeps its number."""
    if not resources:
        return
    fresh = {(resource["res_type"], resource["role"]) for resource in resources}
    kept = [resource for resource in item.resources if (resource["res_type"], resource["role"]) not in fresh]
    item.resources = [*kept, *resources]
