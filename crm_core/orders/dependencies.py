"""What an item waits for: items of its own document, or orders in flight (spec 5.4 rule 2, refusal 3024).

Items of the same service order are provisioning's to sequence; an order that depends on another order is kept back by the CRM
until that one completes, so two flows never run on one instance at once.
"""

from __future__ import annotations

from crm_core.orders.fold import FINAL
from crm_core.orders.model import ServiceOrder
from crm_core.orders.request import Faults, Planned
from crm_core.ports import UnitOfWork

SYMBOL = "DEPENDENCY_NOT_MET"


def examine_dependencies(planned: list[Planned], uow: UnitOfWork, faults: Faults) -> dict[str, ServiceOrder]:
    """Fills ``Planned.awaits``; returns the orders in flight that are waited for. Unknown, lost or circular: 3024."""
    if not any(plan.depends_on for plan in planned):
        return {}
    sequence_of = {plan.item["item_id"]: plan.sequence for plan in planned}
    awaited: dict[str, ServiceOrder] = {}
    items: dict[str, list[str]] = {}
    sequences: dict[str, list[str]] = {}
    for n, plan in enumerate(planned, 1):
        item_id = plan.item["item_id"]
        for m, named in enumerate(plan.depends_on, 1):
            path = f"/items/item[{n}]/depends_on/item_id[{m}]"
            if named in sequence_of:
                items.setdefault(item_id, []).append(named)
                if sequence_of[named] != plan.sequence:
                    sequences.setdefault(str(plan.sequence), []).append(str(sequence_of[named]))
                continue
            order = uow.order(named)
            if order is None or (order.state in FINAL and order.state != "COMPLETED"):
                zh, en = (
                    "所依赖的订单项或定单不存在，或未完成即已关闭",
                    "What it depends on is unknown or closed without completion",
                )
                faults.add(path, named, SYMBOL, zh, en, state=None if order is None else order.state)
            elif order.state != "COMPLETED":
                awaited[named] = order
                plan.awaits.append(named)
    if circular(items) or circular(sequences):
        faults.add("/items", "", SYMBOL, "订单项之间循环依赖", "The items depend on each other in a circle")
    return awaited


def circular(edges: dict[str, list[str]]) -> bool:
    """Whether the graph has a cycle: nodes without unfinished dependencies are taken away until none is left."""
    left = dict(edges)
    while left:
        free = [node for node, needs in left.items() if not any(need in left for need in needs)]
        if not free:
            return True
        for node in free:
            del left[node]
    return False


def waits_for(plan: Planned, other: Planned, planned: list[Planned]) -> bool:
    """Whether ``plan`` names ``other``, or something that waits for it."""
    named = {one.item["item_id"]: one.depends_on for one in planned}
    looked_at: set[str] = set()
    left = list(plan.depends_on)
    while left:
        item_id = left.pop()
        if item_id == other.item["item_id"]:
            return True
        if item_id not in looked_at:
            looked_at.add(item_id)
            left.extend(named.get(item_id, ()))
    return False
