"""Obvious fictions shared by the core's tests: a customer, his lines, and documents as the translator hands them over."""

from __future__ import annotations

from typing import Any

from crm_core.customers.model import Account, Customer
from crm_core.fakes import FakeStore
from crm_core.orders.submit import SubmitOrder
from crm_core.ports import Origin
from crm_core.products.model import ProductInstance
from crm_core.products.sample import load_products
from crm_core.reference import Reference

NOW = 1_795_312_800_000
"""2026-11-22 08:40:00 Asia/Shanghai."""
KINDS = {
    "install": "start",
    "disconnect": "stop",
    "modify": "change",
    "relocate": "change",
    "change_number": "change",
    "transfer": "change",
    "suspend": "suspend",
    "resume": "resume",
}
REFERENCE = Reference(
    products=load_products(),
    areas={"025": "600103", "0512": "600103", "600103": "100000"},
    billing_kinds=KINDS,
    compatible=frozenset({("survey", "*"), ("backfill", "*")}),
)
CHANNEL = Origin("CH0001", "CH0001202611220840000000000001", "CH01")
PF = Origin("PF0001", "PF0001202611220840000000000001", "OH02")


def pf(n: int) -> Origin:
    """A message of provisioning, the ``n``-th."""
    return Origin("PF0001", f"PF0001202611220840{n:014d}", "OH07")


def store() -> FakeStore:
    """A store with 张示例, his account and nothing else."""
    made = FakeStore()
    made.table(Customer)["C0000000000000001"] = Customer("C0000000000000001", "张示例", "1", "025")
    made.table(Account)["A0000000000000001"] = Account("A0000000000000001", "C0000000000000001", "025", "张示例")
    return made


def own(made: FakeStore, instance_id: str = "PI1", product: str = "POTS", **fields: Any) -> ProductInstance:
    """张示例 has this instance, active unless ``fields`` say otherwise."""
    given: dict[str, Any] = {"account_id": "A0000000000000001", "access_number": "02580000101", "status": "active", **fields}
    instance = ProductInstance(instance_id, product, "C0000000000000001", "025", **given)
    made.table(ProductInstance)[instance_id] = instance
    return instance


def item(item_id: str = "1", action: str = "install", product: str = "POTS", **fields: Any) -> dict[str, Any]:
    """An item of SubmitOrder."""
    return {"item_id": item_id, "action": action, "product": product, **fields}


def attr(code: str, new: str, action: str = "A") -> dict[str, Any]:
    """An Attr."""
    return {"code": code, "new": new, "action": action}


def submission(*items: dict[str, Any], **fields: Any) -> SubmitOrder:
    """A SubmitOrder of 张示例."""
    given: dict[str, Any] = {
        "customer_order_id": "CO1",
        "area": "025",
        "customer": {"customer_id": "C0000000000000001"},
        "account_id": "A0000000000000001",
        "dates": {"captured_at": "20261122080000"},
        "contact": {"name": "张示例", "phone": "13800000000"},
        "items": list(items) or [item()],
        **fields,
    }
    return SubmitOrder(**given)
