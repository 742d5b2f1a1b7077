"""What retry, edit and skip do about the cause of a record, beyond taking FALLOUT off (spec 06.2)."""

from __future__ import annotations

from typing import Any

from crm_core.billing.charge import notify
from crm_core.billing.watch_result import OPERATION
from crm_core.clocks import clock as clocks
from crm_core.errors import AttributeInvalid, StateConflict
from crm_core.fallout.actions import Action
from crm_core.fallout.model import Fallout
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operation_result import drop
from crm_core.orders.reports import GAP
from crm_core.orders.timing import ACCEPTANCE
from crm_core.orders.watch import imply_missing
from crm_core.ports import UnitOfWork

AGAIN = ("retry", "edit")


BILLING = "billing"
BILLING_CHANGES = ("plan", "account_id")
"""What ``edit`` may set on a charging fact that billing refused."""


def repair(moves: Moves, record: Fallout, action: Action, changes: dict[str, Any] | None) -> None:
    """By what the record is about; where nothing stands here, taking FALLOUT off is all there is to do."""
    uow, order = moves.uow, moves.order
    if record.error_class == "gap":
        _gap(uow, order, action)
    elif record.error_class == "overdue" and action.name in AGAIN:
        _count_anew(uow, order, record)
    elif record.error_class == "overdue" and action.name == "skip":
        _wait_no_longer(moves, record)
    elif record.error_class == BILLING and action.name in AGAIN:
        _charge_again(uow, order, record, changes or {})


def _charge_again(uow: UnitOfWork, order: ServiceOrder, record: Fallout, changes: dict[str, Any]) -> None:
    """The refused fact is told again under a new serial, corrected; still once in effect, for it had none."""
    fact = uow.billing_by_serial(record.about.get("ref_serial") or "")
    item = None if fact is None else next((row for row in order.newest() if row.item_id == fact.item_id), None)
    instance = None if fact is None else uow.instance(fact.instance_id)
    if fact is None or item is None or instance is None or fact.state != "refused":
        raise StateConflict("没有被拒绝的计费事实", "There is no refused charging fact", state=order.state)
    fact.account_id = changes.get("account_id", fact.account_id)
    notify(uow, order, item, instance, fact, plan=changes.get("plan"), attrs=item.attrs or None)
    uow.save(fact)


def _gap(uow: UnitOfWork, order: ServiceOrder, action: Action) -> None:
    """Retry: the missing reports are asked for again, at the next look. Skip: they are taken as implied."""
    if action.name == "skip":
        imply_missing(uow, order)
    elif action.name in AGAIN:
        order.held = [_unmarked(entry) if entry["why"] == GAP else entry for entry in order.held]


def _unmarked(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in ("asked", "told")}


def _wait_no_longer(moves: Moves, record: Fallout) -> None:
    """The order goes on without the result: the operation came to nothing, should its result still come it is only recorded."""
    for entry in moves.order.operations:
        if entry.get("overdue") == record.id:
            drop(moves, entry, "skipped")


def _count_anew(uow: UnitOfWork, order: ServiceOrder, record: Fallout) -> None:
    """The watchdog counts to the limit once more, from now."""
    fact = uow.billing_by_serial(record.about["serial"]) if record.about.get("operation") == OPERATION else None
    if fact is not None and fact.state == "sent":
        fact.sent_at, fact.reason = uow.now, None
        uow.save(fact)
    operations: list[dict[str, Any]] = []
    for entry in order.operations:
        if entry.get("overdue") == record.id:
            length = entry["limit_at"] - entry["at"]
            entry = {name: value for name, value in entry.items() if name != "overdue"}
            entry["limit_at"] = uow.now + length
        operations.append(entry)
    order.operations = operations
    given = uow.reference.result_limits.get("OrderDispatched")
    clock = order.clock
    if record.about.get("operation") == "dispatch" and clock is not None and given and ACCEPTANCE in clock["limits"]:
        calendar = uow.reference.calendar(clock["calendar"])
        limit_at = calendar.add(uow.now, given[0] * 1000) if given[1] == "working" else uow.now + given[0] * 1000
        order.clock = clocks.set_limit(clock, ACCEPTANCE, limit_at, uow.now, calendar, alert=False)


def correct(order: ServiceOrder, record: Fallout, changes: dict[str, Any]) -> None:
    """Result attributes of the record's item are set by code; of an order with one item it need not be named.

    Raises ``AttributeInvalid`` (3020) if it is not clear which item, a value is no text, or it is nothing to be set."""
    if record.error_class == BILLING:
        if not all(name in BILLING_CHANGES and isinstance(value, str) for name, value in changes.items()):
            zh, en = "计费只能修改 plan、account_id", "Of a charging fact plan and account_id may be set"
            raise AttributeInvalid(zh, en)
        return
    rows = order.newest()
    named = record.about.get("item_id") or (rows[0].item_id if len(rows) == 1 else None)
    item = next((row for row in rows if row.item_id == named), None)
    if item is None or not all(isinstance(value, str) for value in changes.values()):
        raise AttributeInvalid("不能确定要修改的订单项或属性值", "Which item, and which text values, are to be changed?")
    item.result_attrs = {**item.result_attrs, **changes}
