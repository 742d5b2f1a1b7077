"""PQ01: where is the order, what was done, what comes next (spec 5.5). Finished orders stay searchable."""

from __future__ import annotations

from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Body
from simulators.pf.order import Order, WorkOrder

_PAGE = 100
_EXCEPTIONS = 200


def matches(order: Order, body: Body) -> bool:
    """Whether the order is one the query asks for; every criterion given counts."""
    image = order.image
    instances = {item.instance for item in order.items.values()}
    numbers = {item.image.get("access_number") for item in order.items.values()}
    if "service_order_id" in body and body["service_order_id"] != order.id:
        return False
    if "customer_order_id" in body and body["customer_order_id"] != image.get("customer_order_id"):
        return False
    if "product_instance_id" in body and body["product_instance_id"] not in instances:
        return False
    if "access_number" in body and body["access_number"] not in numbers:
        return False
    window = body.get("time_range")
    return window is None or from_wire_time(window["begin"]) <= order.received <= from_wire_time(window["end"])


def page_of(orders: list[Order], body: Body) -> Body:
    """The answer: one page of ``orders`` (at least one must be given) at the asked level of detail."""
    size, number = body.get("page_size", _PAGE), body.get("page_no", 1)
    shown = orders[(number - 1) * size : number * size] or orders[-size:]
    info = {"page_no": number, "page_size": size, "total_count": len(orders)}
    return {"orders": [_order(order, body["detail_level"]) for order in shown], "page": info}


def _order(order: Order, detail: str) -> Body:
    head = {"customer_order_id": order.image["customer_order_id"]} if "customer_order_id" in order.image else {}
    row: Body = head | {
        "service_order_id": order.id,
        "version": order.version,
        "state": order.state,
        "since": wire_time(order.since),
    }
    if order.reason is not None:
        row["reason"] = {"text": order.reason["text"], "code": order.reason["code"]}
    first = next(iter(order.items.values()), None)
    if first is not None:
        row["product_instance_id"] = first.instance
        if "access_number" in first.image:
            row["access_number"] = first.image["access_number"]
    active = [step for step in order.steps if step.state == "active"]
    if detail != "order" and active:
        row["current_stages"] = [{"code": step.stage.code, "name": step.stage.zh} for step in active]
    if detail == "work_order" and order.work_orders:
        row["work_orders"] = [_work_order(work) for work in order.work_orders]
    if order.exceptions:
        row["exceptions"] = order.exceptions[-_EXCEPTIONS:]
    if order.expected_finish is not None:
        row["expected_finish"] = wire_time(order.expected_finish)
    return row


def _work_order(work: WorkOrder) -> Body:
    row: Body = {"id": work.id, "stage": work.stage, "org": work.org, "staff": work.staff, "state": work.state}
    row["created"] = wire_time(work.created)
    if work.accepted is not None:
        row["accepted"] = wire_time(work.accepted)
    row["limit"] = wire_time(work.limit)
    if work.finished is not None:
        row["finished"] = wire_time(work.finished)
    if work.reason is not None:
        row["reason"] = work.reason
    return row
