"""The items of a submitted order: product, process, instance, attributes, dependencies, and what is in flight (spec 5.4)."""

from __future__ import annotations

from typing import Any

from crm_core.customers.model import Customer
from crm_core.errors import AttributeInvalid
from crm_core.ids import is_own
from crm_core.orders.dependencies import examine_dependencies, waits_for
from crm_core.orders.fulfil import STOP_REASON
from crm_core.orders.heir import ACTION as TRANSFER
from crm_core.orders.heir import heir_fault
from crm_core.orders.model import ServiceOrder
from crm_core.orders.relocation import examine_relocations
from crm_core.orders.request import Faults, Planned, Submission
from crm_core.orders.undoing import examine_undoing
from crm_core.ports import UnitOfWork
from crm_core.products.attributes import BORN, attr_faults, stated, with_defaults
from crm_core.products.instance_machine import ENTRY, stop_bit
from crm_core.products.model import Product, ProductInstance

INSTANCE = "PI"
"""The kind of the ids of product instances."""
TWICE = ("订单项编号重复", "The same item_id stands twice")


def examine_items(
    command: Submission, uow: UnitOfWork, customer: Customer | None, faults: Faults
) -> tuple[list[Planned], dict[str, ServiceOrder]]:
    """Every item against the catalogue and its instance; then how items stand to each other. Returns the plan and the orders in
    flight that items wait for."""
    planned: list[Planned] = []
    numbers: set[str] = set()
    for n, item in enumerate(command.items, 1):
        path = f"/items/item[{n}]"
        if item["item_id"] in numbers:
            faults.add(f"{path}/item_id", item["item_id"], "ATTRIBUTE_INVALID", *TWICE)
        numbers.add(item["item_id"])
        product = _product(item, path, uow, faults)
        plan = Planned(item, item.get("sequence", 1), item.get("attrs", []), item.get("depends_on", []))
        if product is not None:
            for below, found, zh, en in attr_faults(product, item["action"], plan.attrs):
                faults.add(path + below, found, "ATTRIBUTE_INVALID", zh, en)
            plan.attrs = with_defaults(product, item["action"], plan.attrs)
        planned.append(plan)
    awaited = examine_dependencies(planned, uow, faults)
    for n, plan in enumerate(planned, 1):
        plan.instance = _instance(plan, f"/items/item[{n}]", uow, customer, faults)
    examine_relocations(planned, faults)
    _examine_shared(planned, uow, faults)
    return planned, awaited


def _product(item: dict[str, Any], path: str, uow: UnitOfWork, faults: Faults) -> Product | None:
    product = uow.reference.products.get(item["product"])
    if product is None:
        faults.add(f"{path}/product", item["product"], "ATTRIBUTE_INVALID", "产品不存在", "The product is not known")
        return None
    if item["action"] not in product.processes:
        zh, en = f"产品 {product.code} 没有该动作的流程", f"Product {product.code} has no process for this action"
        faults.add(f"{path}/action", item["action"], "NO_PROCESS", zh, en)
        return None
    if item["action"] == "install" and product.status != "on_sale":
        faults.add(f"{path}/product", product.code, "ATTRIBUTE_INVALID", "产品不在售", "The product is not on sale")
    return product


def _instance(plan: Planned, path: str, uow: UnitOfWork, customer: Customer | None, faults: Faults) -> ProductInstance | None:
    item = plan.item
    action, instance_id = item["action"], item.get("product_instance_id")
    instance = None if instance_id is None else uow.instance(instance_id)
    path = f"{path}/product_instance_id"
    if instance is None:
        if action not in BORN or (instance_id is not None and is_own(INSTANCE, instance_id)):
            faults.add(path, instance_id, "INSTANCE_UNKNOWN", "产品实例不存在", "The product instance is not known")
        return None
    if customer is None or instance.customer_id != customer.id or instance.product != item["product"]:
        zh, en = "产品实例不属于该客户或该产品", "The product instance is not of this customer or product"
        faults.add(path, instance_id, "INSTANCE_UNKNOWN", zh, en)
    elif instance.cutover_freeze:
        zh, en = "产品实例因割接冻结", "The product instance is frozen by a cutover"
        faults.add(path, instance_id, "FROZEN_BY_CUTOVER", zh, en, state=instance.status)
    elif not _free_for(plan, instance, uow):
        zh = f"产品实例已有在途定单 {'、'.join(instance.open_orders)}"
        en = f"Orders in flight on the product instance: {', '.join(instance.open_orders)}"
        first = uow.order(instance.open_orders[0])
        faults.add(path, instance_id, "ORDER_IN_FLIGHT", zh, en, state=None if first is None else first.state)
    else:
        # one that waits is judged by the instance's state when it is its turn: the order before it will have moved it
        if not plan.awaits:
            _entry(plan, instance, path, faults)
        _examine_what_it_names(plan, instance, path, uow, faults)
    return instance


def _free_for(plan: Planned, instance: ProductInstance, uow: UnitOfWork) -> bool:
    """Rule 2: nothing in flight, or only what may run together with this action, or what the item names and waits for."""
    for order_id in instance.open_orders:
        if order_id in plan.awaits:
            continue
        order = uow.order(order_id)
        if order is None:
            continue
        for item in order.newest():
            if item.instance_id == instance.id and not uow.reference.may_run_together(plan.item["action"], item.action):
                return False
    return True


def _entry(plan: Planned, instance: ProductInstance, path: str, faults: Faults) -> None:
    """The instance's state against the action; a stop reason must not stand yet (suspend) or must stand (resume)."""
    action = plan.item["action"]
    wrong = instance.status not in ENTRY[action]
    reason = stated(plan.attrs, STOP_REASON)
    if not wrong and action in ("suspend", "resume") and reason is not None:
        try:
            stands = bool(instance.stop_mask & stop_bit(reason))
        except AttributeInvalid as error:
            faults.add(path, reason, error.code, error.zh, error.en)
            return
        wrong = stands is (action == "suspend")
    if wrong:
        zh, en = f"产品实例处于 {instance.status}", f"The product instance is {instance.status}"
        faults.add(path, instance.id, "STATE_CONFLICT", zh, en, state=instance.status)


def _examine_what_it_names(plan: Planned, instance: ProductInstance, path: str, uow: UnitOfWork, faults: Faults) -> None:
    """The order it undoes (3003, 3004), the heir of a transfer (3001, 3023), the new number of a change (3020)."""
    examine_undoing(plan, instance, path.replace("product_instance_id", "attrs"), uow, faults)
    heir = heir_fault(plan.attrs, uow) if plan.item["action"] == TRANSFER else None
    if heir is not None:
        faults.add(path.replace("product_instance_id", "attrs"), *heir)
    taken = None if plan.awaits else instance.access_number
    if plan.item["action"] == "change_number" and plan.item.get("access_number") in (None, taken):
        zh, en = "改号须给出不同的新号码", "A change of number needs a new, different number"
        faults.add(path.replace("product_instance_id", "access_number"), "", "ATTRIBUTE_INVALID", zh, en)


def _examine_shared(planned: list[Planned], uow: UnitOfWork, faults: Faults) -> None:
    """Items of one document on the same instance: a relocation's pair, compatible actions, or one waits for the other."""
    sharing: dict[str, list[Planned]] = {}
    for n, plan in enumerate(planned, 1):
        instance_id = plan.item.get("product_instance_id")
        if instance_id is None:
            continue
        others = sharing.setdefault(instance_id, [])
        if not all(_side_by_side(plan, other, planned, uow) for other in others):
            zh, en = "同一产品实例的另一订单项与之冲突", "Another item on the same product instance conflicts with it"
            faults.add(f"/items/item[{n}]/product_instance_id", instance_id, "ORDER_IN_FLIGHT", zh, en)
        others.append(plan)


def _side_by_side(plan: Planned, other: Planned, planned: list[Planned], uow: UnitOfWork) -> bool:
    """An instance is of one product and installed once, or billing would hear of two starts (06.4 invariant 12); a disconnect
    marks it as its order is dispatched, so what is to come before it is another order."""
    if plan.item["product"] != other.item["product"]:
        return False
    actions = (plan.item["action"], other.item["action"])
    if actions == ("relocate", "relocate") or uow.reference.may_run_together(*actions):
        return True
    if actions == ("install", "install") or ("disconnect" in actions and plan.sequence == other.sequence):
        return False
    return waits_for(plan, other, planned) or waits_for(other, plan, planned)
