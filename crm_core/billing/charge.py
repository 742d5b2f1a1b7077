"""What an accepted item means for charging: one fact, told once (spec 5.4 BL01, rules 4 and 6; 03 action x billing kind)."""

from __future__ import annotations

from typing import Any

from crm_core.billing.model import BillingRecord
from crm_core.events import BillingDue
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.relocation import ACTION as RELOCATE
from crm_core.orders.relocation import counterpart, side_of
from crm_core.orders.undoing import kind_of
from crm_core.ports import UnitOfWork
from crm_core.products.attributes import value_of
from crm_core.products.model import ProductInstance
from crm_core.times import to_wire

PLAN = "PLAN"
"""The attribute that names the price plan; without one the product is its own plan."""


def charge(uow: UnitOfWork, order: ServiceOrder, item: OrderItem, instance: ProductInstance, before: dict[str, str]) -> None:
    """Tell billing of ``item``, just COMPLETED, if its action charges; a relocation is one change when both sides are done, and
    what it changes is what came in: the outward side changes nothing.

    ``before`` are the instance's attributes before the item took effect: the old values of the notice."""
    kind = kind_of(uow, item.action, item.attrs)
    if kind is None:
        return
    if item.action != RELOCATE or side_of(item, order.newest()) == "in":
        item.attrs = _with_old(item.attrs, before)  # told again, should billing refuse it
    if item.action == RELOCATE:
        other = counterpart(item, order.newest())
        if other is not None and other.progress != "COMPLETED":
            return
        if other is not None and side_of(other, order.newest()) == "in":
            item = other
    record = BillingRecord(
        f"{order.id}/{item.item_id}/{kind}",
        order.id,
        item.item_id,
        instance.id,
        instance.account_id,
        order.area,
        kind,
        uow.now,
        reason=None,
        sent_at=uow.now,
    )
    notify(uow, order, item, instance, record, attrs=item.attrs or None)
    uow.add(record)


def notify(
    uow: UnitOfWork,
    order: ServiceOrder,
    item: OrderItem,
    instance: ProductInstance,
    record: BillingRecord,
    *,
    plan: str | None = None,
    attrs: list[dict[str, Any]] | None = None,
) -> None:
    """Send the notice of ``record`` (BL01), the first time or corrected after billing refused it; ``plan`` overrides."""
    serials = uow.emit(
        BillingDue(
            key=instance.id,
            area=order.area,
            customer_order_id=order.customer_order_id,
            service_order_id=order.id,
            version=order.version,
            kind=record.kind,
            product_instance_id=instance.id,
            account_id=record.account_id,
            plan=plan or value_of(item.attrs, PLAN) or instance.attrs.get(PLAN) or item.product,
            effective_at=to_wire(record.effective_at),
            attrs=attrs,
        )
    )
    if serials:
        record.serial = serials[0]
    record.state, record.reason, record.sent_at, record.answered_at = "sent", None, uow.now, None


def _with_old(attrs: list[dict[str, Any]], before: dict[str, str]) -> list[dict[str, Any]]:
    return [{**attr, "old": before[attr["code"]]} if attr["code"] in before and "old" not in attr else attr for attr in attrs]
