"""移机: one order, two items ``in`` and ``out`` on the same instance (spec 5.4 rule 6).

The sides are told apart by the attribute SIDE, or else by their order in the document: in first.
"""

from __future__ import annotations

from collections.abc import Sequence

from crm_core.orders.model import OrderItem
from crm_core.orders.request import Faults, Planned
from crm_core.products.attributes import value_of

SIDE = "SIDE"
ACTION = "relocate"


def examine_relocations(planned: list[Planned], faults: Faults) -> None:
    """Each relocated instance has exactly the two items, in one order; ``out`` depends on ``in`` unless told otherwise."""
    pairs: dict[str, list[tuple[int, Planned]]] = {}
    for n, plan in enumerate(planned, 1):
        if plan.item["action"] == ACTION:
            pairs.setdefault(plan.item.get("product_instance_id", ""), []).append((n, plan))
    for pair in pairs.values():
        if len(pair) != 2 or pair[0][1].sequence != pair[1][1].sequence:
            n, plan = pair[0]
            zh, en = "移机须在同一定单内有移入、移出两个订单项", "A relocation is two items of one order: in and out"
            faults.add(f"/items/item[{n}]/action", ACTION, "ATTRIBUTE_INVALID", zh, en)
            continue
        sides = [value_of(plan.attrs, SIDE) or side for (_, plan), side in zip(pair, ("in", "out"), strict=True)]
        if sorted(sides) != ["in", "out"]:
            n = pair[1][0]
            zh, en = "移机两个订单项须一移入一移出", "One of the two items is in, the other out"
            faults.add(f"/items/item[{n}]/attrs", sides[1], "ATTRIBUTE_INVALID", zh, en)
            continue
        inward, outward = (plan for _, plan in (pair if sides[0] == "in" else reversed(pair)))
        in_id, out_id = inward.item["item_id"], outward.item["item_id"]
        if in_id not in outward.depends_on and out_id not in inward.depends_on:
            outward.depends_on = [*outward.depends_on, in_id]


def side_of(item: OrderItem, items: Sequence[OrderItem]) -> str:
    """``in`` or ``out`` for an item of a relocation among the items of its order."""
    side = value_of(item.attrs, SIDE)
    if side is not None:
        return side
    first = next(other for other in items if other.action == ACTION and other.instance_id == item.instance_id)
    return "in" if first.item_id == item.item_id else "out"


def counterpart(item: OrderItem, items: Sequence[OrderItem]) -> OrderItem | None:
    """The other item of the relocation."""
    for other in items:
        if other.action == ACTION and other.instance_id == item.instance_id and other.item_id != item.item_id:
            return other
    return None
