"""Bodies of the messages PF sends (spec 5.4), made of an order as it stands."""

from __future__ import annotations

from typing import Any

from adapters.wire.times import wire_time
from simulators.brain import Body
from simulators.pf.order import Item, Order, Step
from simulators.pf.processes import Stage
from simulators.pf.work_order import WorkOrder


def report_head(order: Order) -> Body:
    """Head of a report about the order, with the next of its contiguous numbers (04.1)."""
    order.report_seq += 1
    return order.head() | {"report_seq": order.report_seq}


def acceptance(order: Order, settings: dict[str, Any], now: int) -> Body:
    """OH02."""
    assert order.expected_finish is not None
    return report_head(order) | {
        "accepted_by": settings["accepted_by"],
        "phone": settings["phone"],
        "accepted_at": wire_time(now),
        "expected_finish": wire_time(order.expected_finish),
    }


def stage_report(order: Order, step: Step, work: WorkOrder, now: int) -> Body:
    """OH07: the stage's work order as it stands, with the resources the stage is about."""
    body = report_head(order) | {
        "stage": step.stage.ref(),
        "work_order_id": work.id,
        "state": work.state,
        "org": work.org,
        "staff": work.staff,
        "time": wire_time(now),
        "limit": wire_time(work.limit),
    }
    if len(step.items) < len(order.items):
        body["items"] = list(step.items)
    carried = [
        resource
        for item_id in step.items
        for resource in order.items[item_id].resources
        if resource["res_type"] in step.stage.carries
    ]
    if carried:
        body["resources"] = carried
    if work.reason is not None:
        body["reason"] = work.reason
    return body


def near(image: Body) -> Body:
    """The rule that chooses near an item's address, if that says where it is."""
    return {"rule": {"bureau": image["a_end"]["bureau"]}} if "bureau" in image.get("a_end", {}) else {}


def needs_of(item: Item) -> list[Body]:
    """What the item needs, chosen near its address."""
    return [{"res_type": kind, "role": role, "quantity": 1, **near(item.image)} for kind, role in item.process.needs]


def assignment(order: Order, items: list[Item], reservation: str | None) -> Body:
    """OH03: what each item needs; first out of what the order has reserved, and ``reservation``."""
    rows = []
    for item in items:
        image = item.image
        wanted = ("item_id", "action", "product", "product_instance_id", "access_number", "a_end", "z_end", "attrs")
        row = {name: image[name] for name in wanted if name in image}
        needs = needs_of(item)
        rows.append(row | {"needs": needs} if needs else row)
    body = order.head() | {"items": rows}
    reservations = [*order.image.get("reservations", ()), *([reservation] if reservation is not None else [])]
    return body | {"reservations": reservations} if reservations else body


def unassignment(order: Order, items: list[Item], reason: dict[str, str], whole: bool) -> Body:
    """OH05: of the whole order, which closes it there, or of some items."""
    body = order.head() | {"reason": reason}
    return body if whole else body | {"items": [item.id for item in items]}


def archive(order: Order, items: list[Item], step: str) -> Body:
    """OH06: ``use`` before the completion report, ``release`` after its acceptance."""
    rows = [{"item_id": item.id, "step": step, "product_instance_id": item.instance} for item in items]
    return order.head() | {"items": rows}


def completion(order: Order, items: list[Item], by: str, now: int) -> Body:
    """OH08: the items that are done, with result attributes named by resource type."""
    rows: list[Body] = []
    for item in items:
        row: Body = {"item_id": item.id, "product_instance_id": item.instance}
        number = _access_number(item)
        if number is not None:
            row["access_number"] = number
        if item.resources:
            row["attrs"] = [_result_attr(resource, number) for resource in _first_of_type(item.resources)]
            row["resources"] = item.resources
        rows.append(row)
    return report_head(order) | {"completed_by": by, "time": wire_time(now), "items": rows}


def return_order(order: Order, items: list[Item], reason: dict[str, str], stage: Stage, audited_by: str) -> Body:
    """OH09: everything of the items is undone, they go back to the CRM."""
    body = report_head(order) | {"reason": reason, "stage": stage.ref(), "audited_by": audited_by}
    return body if len(items) == len(order.items) else body | {"items": [{"item_id": item.id} for item in items]}


def _access_number(item: Item) -> str | None:
    """The number the item ends with: the dispatched one, else the one RM assigned."""
    given = next((resource.get("code") for resource in item.resources if resource["role"] == "number"), None)
    known = item.image.get("access_number")
    return given if known is None else known


def _first_of_type(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first: dict[str, dict[str, Any]] = {}
    for resource in resources:
        if "code" in resource:
            first.setdefault(resource["res_type"], resource)
    return list(first.values())


def _result_attr(resource: dict[str, Any], number: str | None) -> Body:
    value = number if resource["role"] == "number" else resource["code"]
    return {"code": resource["res_type"], "new": value, "action": "A"}
