"""DF01 申请缓装: the customer wants an installation put off (spec 5.10, 04.1, 04.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid, DomainError, OrderUnknown
from crm_core.events import DeferralRequested
from crm_core.orders.item_states import IS_CLOSED, Effect, Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.lock import seen_by
from crm_core.orders.machine import refusal, rulebook
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operation_result import APPLYING, RecordOperationResult
from crm_core.orders.operations import Entry, ask, under_way
from crm_core.orders.timing import DEFERRAL, stop_clock
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import DAY_MS, from_wire, to_wire

DEFER = "defer"
LONGEST_DAYS, MOST_TIMES = 180, 3
"""Defaults of the policies ``defer_longest_days`` and ``defer_most_times`` (5.10)."""
REASON_TYPE = "10P"


@dataclass(frozen=True, slots=True)
class DeferOrder:
    """``reason`` a dictionary row 10P (type, code, text); ``until`` a wire time; ``operator`` who asks, ``asked`` the system
    and serial that hear of the result."""

    service_order_id: str
    reason: dict[str, Any]
    until: str
    operator: str | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED, or DUPLICATE if it is deferred to this date already. Raises ``OrderUnknown`` (3003), 3013 for a date that
        is none, past or beyond the policy's days, 3014 when it was deferred too often, 3020 for a reason that is no row,
        and what the matrix says (3004, 3007, 3021)."""
        order = order_of(uow, self.service_order_id)
        return defer(uow, order, self.reason, self.until, self.operator, self.asked, dry_run=self.dry_run)


def order_of(uow: UnitOfWork, service_order_id: str) -> ServiceOrder:
    """The order. Raises ``OrderUnknown`` (3003)."""
    order = uow.order(service_order_id)
    if order is None:
        raise OrderUnknown(f"定单 {service_order_id} 不存在", f"Order {service_order_id} is not known")
    return order


def defer(
    uow: UnitOfWork,
    order: ServiceOrder,
    reason: dict[str, Any],
    until: str,
    operator: str | None,
    asked: dict[str, str] | None,
    *,
    dry_run: bool = False,
    proposed: bool = False,
) -> Outcome:
    """The deed, also of what field staff ``proposed`` (DF04); raises as ``DeferOrder``."""
    moment = _until(uow, order, until)
    known_reason(uow, order, REASON_TYPE, reason, anywhere=proposed)
    deferral = order.deferral
    same = deferral is not None and deferral["ended_at"] is None and deferral["until"] == moment
    effects = allowed(uow, order, DEFER, operator, same_date=same)
    if all(effect.kind is Kind.SAME for _, effect in effects):
        return Outcome("DUPLICATE", state=order.state)
    waiting = under_way(order, DEFER)
    if waiting is not None:
        if waiting["until"] == moment:
            return Outcome("DUPLICATE", state=order.state)
        raise DomainError("已有缓装申请在途", "A deferral is being asked for", code="CHANGE_IN_PROGRESS", state=order.state)
    most = uow.reference.policies.get("defer_most_times", MOST_TIMES)
    if deferral is not None and deferral["count"] >= most:
        zh, en = f"缓装已达 {most} 次", f"It was deferred {most} times already"
        raise DomainError(zh, en, code="DEFERRAL_LIMIT", state=order.state)
    if not dry_run:
        event = DeferralRequested(
            key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
            service_order_id=order.id, version=order.version, operator=operator, reason=reason, until=to_wire(moment),
        )  # fmt: skip
        ask(uow, order, DEFER, event, until=moment, reason=reason, asked=asked)
        Moves(uow, order, DEFER).settle()
    return Outcome("ACCEPTED", state=order.state)


def _until(uow: UnitOfWork, order: ServiceOrder, text: str) -> int:
    moment = from_wire(text)
    longest = uow.reference.policies.get("defer_longest_days", LONGEST_DAYS)
    if not uow.now < moment <= uow.now + longest * DAY_MS:
        raise DomainError(
            f"缓装日期 {text} 须在今后 {longest} 天之内",
            f"A deferral ends within the next {longest} days, not at {text}",
            code="DATE_INVALID",
            state=order.state,
        )
    return moment


def known_reason(
    uow: UnitOfWork, order: ServiceOrder, kind: str, reason: dict[str, Any], *, anywhere: bool = False
) -> None:
    """Raises ``AttributeInvalid`` (3020) unless ``reason`` is a row of type ``kind`` in the reason dictionary whose scope holds
    the order's area and the stage it has reached (03). ``anywhere``: provisioning gave it, which knows the stage it is in;
    the CRM hears of a stage when it is done."""
    code = reason.get("code") or ""
    row = uow.reference.reason(kind, code, order.area, order.stage, anywhere=anywhere)
    known = not uow.reference.reasons or row is not None
    if reason.get("type") != kind or not known:
        stage = order.stage or "-"
        raise AttributeInvalid(
            f"原因 {code} 不是 {kind} 类原因，或不适用于本地网 {order.area}、环节 {stage}",
            f"Reason {code} is no row of type {kind}, or not for area {order.area} at stage {stage}",
            state=order.state,
        )


def given_reason(uow: UnitOfWork, order_id: str, kind: str, reason: dict[str, Any]) -> None:
    """As ``known_reason``, of the reason in a report of provisioning: one it may not give is seen by a person. An order nobody
    knows is left to what takes the report."""
    order = uow.order(order_id)
    if order is None:
        return
    try:
        known_reason(uow, order, kind, reason, anywhere=True)
    except AttributeInvalid as error:
        error.fallout = f"{error.zh} / {error.en}"
        raise


def allowed(
    uow: UnitOfWork,
    order: ServiceOrder,
    name: str,
    asker: str | None,
    *,
    same_date: bool = False,
    items: list[str] | None = None,
) -> list[tuple[OrderItem, Effect]]:
    """The open items (of ``items``, if given) an operation may touch, with what the table says. An item past it never blocks
    the others; if the table refuses all of them, the first refusal is raised."""
    book = rulebook(uow.reference.policies)
    lock = seen_by(order.lock, asker or "")
    chosen: list[tuple[OrderItem, Effect]] = []
    refused: DomainError | None = None
    rows = [item for item in order.newest() if items is None or item.item_id in items]
    for item in [row for row in rows if row.progress not in IS_CLOSED] or rows:
        effect = book.effect(item, name, lock, same_date)
        if effect.kind is Kind.REFUSED:
            refused = refused or refusal(item, name, effect)
        else:
            chosen.append((item, effect))
    if not chosen:
        raise refused or OrderUnknown("定单没有这些订单项", "The order has no such items", state=order.state)
    return chosen


def _applied(uow: UnitOfWork, moves: Moves, entry: Entry, result: RecordOperationResult) -> None:
    """OH14 applied: from now on the customer's time runs, not the operator's."""
    order = moves.order
    before = order.deferral
    until = (result.dates or {}).get("deferred_until")
    order.deferral = {
        "until": entry["until"] if until is None else from_wire(until),
        "count": 1 if before is None else before["count"] + 1,
        "reason": entry["reason"],
        "since": uow.now,
        "ended_at": None,
    }
    order.reason = entry["reason"]
    stop_clock(uow, order, DEFERRAL)


APPLYING[DEFER] = ("deferred", _applied)
