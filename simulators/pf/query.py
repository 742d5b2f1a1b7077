"""PQ01: where is the order, what was done, what comes next (spec 5.5). Finished orders stay searchable."""

from __future__ import annotations

from typing import Any

from adapters.reconciliation import Row
from adapters.wire.times import from_wire_time, wire_time
from simulators.brain import Body, Reaction
from simulators.pf.order import Order
from simulators.pf.work_order import WorkOrder

_PAGE = 100
_EXCEPTIONS = 200


class Register:
    """Finds orders by what a query gives."""

    def __init__(self, orders: dict[str, Order]) -> None:
        self._orders = orders
        self._by_customer: dict[str, dict[str, None]] = {}
        self._by_instance: dict[str, dict[str, None]] = {}

    def enter(self, order: Order) -> None:
        """The order can be found."""
        if "customer_order_id" in order.image:
            self._by_customer.setdefault(order.image["customer_order_id"], {})[order.id] = None
        for item in order.items.values():
            self._by_instance.setdefault(item.instance, {})[order.id] = None

    def rows(self, asker: str, area: str, begin: int, end: int) -> list[Row]:
        """The orders of ``asker`` captured within the span, as they are reconciled (06.3)."""
        return [
            row_of(order)
            for order in self._orders.values()
            if order.sender == asker and (image := order.image)["area"] == area
            and begin <= from_wire_time(image["dates"]["captured_at"]) < end
        ]  # fmt: skip

    def query(self, body: Body) -> Reaction:
        """PQ01."""
        ids: list[str]
        if "service_order_id" in body:
            ids = [body["service_order_id"]]
        elif "customer_order_id" in body:
            ids = list(self._by_customer.get(body["customer_order_id"], ()))
        elif "product_instance_id" in body:
            ids = list(self._by_instance.get(body["product_instance_id"], ()))
        else:
            ids = list(self._orders)
        found = [self._orders[name] for name in ids if name in self._orders and matches(self._orders[name], body)]
        return Reaction(answer=page_of(found, body)) if found else Reaction.refuse("ORDER_UNKNOWN")


def row_of(order: Order) -> Row:
    """The order as it is reconciled (06.3)."""
    return Row(order.id, order.state, order.version, finished=order.since if order.closed else None)


def plain(order: Order) -> dict[str, Any]:
    """The order as plain values, for the auditor."""
    return {
        "id": order.id,
        "version": order.version,
        "state": order.state,
        "report_seq": order.report_seq,
        "items": {
            item.id: {"progress": item.progress, "instance": item.instance, "waiting": item.waiting is not None}
            for item in order.items.values()
        },
        "stages": [(work.stage, work.direction, work.state) for work in order.work_orders],
        "exceptions": list(order.exceptions),
    }


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
