"""Asking provisioning, without effect: what an operation would undo (PQ02), how far an order is (PQ01) (5.5, 04.3).

The latest answer stands in the order's ``details``: ``inquiries`` by operation, ``process``.  It is a copy: ``at`` (ms) says
how old it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.events import OperationInquired, ProcessQueried
from crm_core.orders.defer import order_of
from crm_core.orders.keys import order_keys
from crm_core.orders.model import ServiceOrder
from crm_core.ports import Outcome, UnitOfWork

INQUIRIES, PROCESS = "inquiries", "process"
_ASKED_OF_PF = ("amend", "cancel", "defer", "lock")
"""Operations PQ02 knows."""


@dataclass(frozen=True, slots=True)
class InquireOperation:
    """``operation`` amend, cancel, defer or lock; ``proposed_change`` what it would carry (items?, changes?, dates, until?)."""

    service_order_id: str
    operation: str
    proposed_change: dict[str, Any] | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """OK; the answer is recorded when it comes. Raises ``OrderUnknown`` (3003)."""
        order = order_of(uow, self.service_order_id)
        inquire(uow, order, self.operation, self.proposed_change)
        return Outcome("OK", state=order.state)


def inquire(uow: UnitOfWork, order: ServiceOrder, operation: str, proposed_change: dict[str, Any] | None = None) -> None:
    """Send PQ02, where provisioning knows the order and the operation is one it tells about."""
    if operation not in _ASKED_OF_PF or order.dispatched_at is None:
        return
    serials = uow.emit(
        OperationInquired(
            key=order.id,
            area=order.area,
            to=order.pf_system,
            customer_order_id=order.customer_order_id,
            service_order_id=order.id,
            version=order.version,
            operation=operation,
            proposed_change=proposed_change,
        )
    )
    asked = {"serial": serials[0] if serials else "", "version": order.version, "at": uow.now}
    before = order.details.get(INQUIRIES, {})
    # the last answer stays readable until the next one comes
    order.details = {**order.details, INQUIRIES: {**before, operation: {**before.get(operation, {}), "asked": asked}}}
    uow.save(order)


@dataclass(frozen=True, slots=True)
class RecordInquiryAnswer:
    """The answer to PQ02: ``items`` are dicts item_id, allowed, point_of_no_return, code?, would_undo?, would_release?,
    charge_hint?."""

    service_order_id: str
    version: int
    operation: str
    items: list[dict[str, Any]]

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Kept if it answers the latest question. Raises ``OrderUnknown`` (3003)."""
        order = order_of(uow, self.service_order_id)
        inquiries = order.details.get(INQUIRIES, {})
        inquiry = inquiries.get(self.operation, {})
        if inquiry.get("asked", {}).get("serial") == uow.origin.serial:
            known = {"answer": self.items, "version": self.version, "at": uow.now}
            order.details = {**order.details, INQUIRIES: {**inquiries, self.operation: known}}
            uow.save(order)
        return Outcome("OK", state=order.state)


def soft_items(order: ServiceOrder, operation: str) -> list[str]:
    """Items known to be past a soft point of no return: still possible, with an approval (04.3)."""
    known = order.details.get(INQUIRIES, {}).get(operation, {})
    if known.get("version") != order.version:
        return []
    return [row["item_id"] for row in known["answer"] if row["point_of_no_return"] == "soft"]


def would_undo(order: ServiceOrder, operation: str) -> tuple[tuple[str, str], ...]:
    """What is known of an operation's effect, as details of a receipt: per item whether it is allowed, its point of no return,
    stages to be undone, what it would cost. Empty as long as provisioning has not answered for the version that counts."""
    known = order.details.get(INQUIRIES, {}).get(operation, {})
    if known.get("version") != order.version:
        return ()
    details: list[tuple[str, str]] = []
    for row in known["answer"]:
        item_id = row["item_id"]
        details.append(("item_id", item_id))
        details.append(("allowed", f"{item_id} {'true' if row['allowed'] else 'false'}"))
        details.append(("point_of_no_return", f"{item_id} {row['point_of_no_return']}"))
        details.extend(("would_undo", f"{item_id} {stage['code']} {stage['name']}") for stage in row.get("would_undo", ()))
        details.extend(("would_release", f"{item_id} {_resource(one)}") for one in row.get("would_release", ()))
        if "charge_hint" in row:
            details.append(("charge_hint", f"{item_id} {row['charge_hint']['amount']} {row['charge_hint']['text']}"))
    return tuple(details)


def _resource(resource: dict[str, Any]) -> str:
    return f"{resource['res_type']} {resource.get('code') or resource.get('res_inst_id') or ''}".strip()


@dataclass(frozen=True, slots=True)
class QueryProcess:
    """How far the order is at provisioning; ``detail_level`` order, stage or work_order."""

    service_order_id: str
    detail_level: str = "work_order"

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """OK; the answer is recorded when it comes. Raises ``OrderUnknown`` (3003)."""
        order = order_of(uow, self.service_order_id)
        uow.emit(
            ProcessQueried(
                key=order.id,
                area=order.area,
                to=order.pf_system,
                customer_order_id=order.customer_order_id,
                service_order_id=order.id,
                detail_level=self.detail_level,
            )
        )
        return Outcome("OK", state=order.state)


@dataclass(frozen=True, slots=True)
class RecordProcessAnswer:
    """The answer to PQ01: ``orders`` with state, current stages, work orders, exceptions, expected finish at provisioning."""

    orders: list[dict[str, Any]]

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The orders it tells of."""
        return tuple([("order", told["service_order_id"]) for told in self.orders])

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Kept beside each order the CRM knows; it moves nothing: only reports do (04.1)."""
        for told in self.orders:
            order = uow.order(told["service_order_id"])
            if order is not None:
                order.details = {**order.details, PROCESS: {**told, "at": uow.now}}
                uow.save(order)
        return Outcome("OK")
