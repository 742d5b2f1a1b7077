"""CT02: may these instances be cut over? What can be is frozen in this very transaction (spec 5.12, 04.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.cutover.events import CutoverAnswered
from crm_core.cutover.machine import ENDS, move, move_item
from crm_core.cutover.model import Cutover, CutoverItem, item_key
from crm_core.cutover.thaw import keys
from crm_core.errors import DomainError
from crm_core.orders.lock import seen_by
from crm_core.ports import Outcome, UnitOfWork
from crm_core.products.model import ProductInstance
from crm_core.times import from_wire

_ENDED = ("disconnected", "void")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one instance: an outcome of CT08, the symbol of a refusal and why, orders in the way."""

    outcome: str
    symbol: str | None = None
    why: str = ""
    blocking: tuple[str, ...] = ()

    def row(self, instance_id: str) -> dict[str, Any]:
        """As CT08 tells it."""
        row: dict[str, Any] = {"product_instance_id": instance_id, "outcome": self.outcome}
        if self.symbol is not None:
            row["code"] = self.symbol
            row["reason"] = {"text": self.why}
        if self.blocking:
            row["blocking_orders"] = list(self.blocking)
        return row


FROZEN = Verdict("frozen")


def _blocking(uow: UnitOfWork, instance: ProductInstance) -> tuple[str, ...]:
    """Orders in flight on the instance; one that is locked is locked over the cutover and does not block."""
    found = []
    for order_id in instance.open_orders:
        order = uow.order(order_id)
        if order is not None and seen_by(order.lock, "") == "free":
            found.append(order_id)
    return tuple(found)


def judge(uow: UnitOfWork, instance: ProductInstance | None, item: CutoverItem | None) -> Verdict:
    """Frozen, blocked by orders, unknown 3002, or refused: ended, or frozen by another cutover 3018."""
    if instance is None:
        return Verdict("unknown", "INSTANCE_UNKNOWN", "产品实例不存在 / The product instance is not known")
    if item is not None and item.state == "frozen":
        return FROZEN
    if item is not None and item.state in ENDS:
        return Verdict("refused", "STATE_CONFLICT", f"割接项已结束 {item.state} / The item has ended")
    if instance.status in _ENDED:
        return Verdict("refused", "STATE_CONFLICT", f"产品实例处于 {instance.status} / The instance has ended")
    if instance.cutover_freeze:
        return Verdict("refused", "FROZEN_BY_CUTOVER", "已被其他割接冻结 / Frozen by another cutover")
    orders = _blocking(uow, instance)
    if orders:
        return Verdict("blocked", "ORDER_IN_FLIGHT", "有在途定单 / Orders are in flight", orders)
    return FROZEN


@dataclass(frozen=True, slots=True)
class FreezeInstances:
    """Fields are the message's; a message without part number is the only part."""

    cutover_id: str
    area: str
    freeze_window: dict[str, str]
    instances: list[dict[str, Any]]
    dry_run: bool | None = None
    part_no: int | None = None
    is_last: bool | None = None

    def _ids(self) -> list[str]:
        return list(dict.fromkeys(row["product_instance_id"] for row in self.instances))

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The cutover, and each instance with its item."""
        return (("cutover", self.cutover_id), *keys(self.cutover_id, self._ids()))

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The answer CT08 leaves with the commit. Raises ``StateConflict`` (3004) for a cutover that takes no freeze any more,
        DATE_INVALID (3013) for a window that is none or over. A dry run changes nothing and tells the differences."""
        begin, end = from_wire(self.freeze_window["begin"]), from_wire(self.freeze_window["end"])
        if end <= begin or end <= uow.now:
            raise DomainError("冻结窗口无效或已过", "The freeze window is none or over", code="DATE_INVALID")
        verdicts = self._judged(uow)
        rows = [verdict.row(instance_id) for instance_id, verdict in verdicts.items()]
        if self.dry_run:
            self._answer(uow, rows, self._differences(uow))
            return Outcome()
        known = uow.cutover(self.cutover_id)
        cutover = known or Cutover(self.cutover_id, self.area, uow.origin.sender, created_at=uow.now)
        frozen = sum(verdict is FROZEN for verdict in verdicts.values())
        last = self.is_last is True or (self.is_last is None and self.part_no is None)
        move(uow, cutover, "freeze_last" if last else "freeze_part", f"{frozen}/{len(verdicts)} frozen")
        if (cutover.freeze_begin, cutover.freeze_end) != (begin, end):
            cutover.freeze_begin, cutover.freeze_end, cutover.alarmed_at = begin, end, None
        for instance_id, verdict in verdicts.items():
            _enter(uow, cutover, instance_id, verdict)
        if known is None:
            uow.add(cutover)
        else:
            uow.save(cutover)
        self._answer(uow, rows, None)
        return Outcome(state=cutover.state)

    def _judged(self, uow: UnitOfWork) -> dict[str, Verdict]:
        instances = {instance_id: uow.instance(instance_id) for instance_id in self._ids()}
        uow.load(("order", order) for found in instances.values() if found is not None for order in found.open_orders)
        return {
            instance_id: judge(uow, instance, uow.cutover_item(item_key(self.cutover_id, instance_id)))
            for instance_id, instance in instances.items()
        }

    def _differences(self, uow: UnitOfWork) -> list[dict[str, Any]] | None:
        """Where the plan's number is not the instance's."""
        found = []
        for row in self.instances:
            instance, number = uow.instance(row["product_instance_id"]), row.get("access_number")
            if instance is not None and number is not None and number != instance.access_number:
                found.append(
                    {
                        "product_instance_id": instance.id,
                        "field": "access_number",
                        "expected": number,
                        "found": instance.access_number or "",
                    }
                )
        return found or None

    def _answer(self, uow: UnitOfWork, rows: list[dict[str, Any]], differences: list[dict[str, Any]] | None) -> None:
        uow.emit(
            CutoverAnswered(
                key=self.cutover_id,
                area=self.area,
                to=uow.origin.sender,
                ref_serial=uow.origin.serial,
                cutover_id=self.cutover_id,
                outcome="accepted",
                part_no=self.part_no,
                is_last=self.is_last,
                instances=rows,
                differences=differences,
            )
        )


def _enter(uow: UnitOfWork, cutover: Cutover, instance_id: str, verdict: Verdict) -> None:
    """The item as judged, and the flag on its instance."""
    known = uow.cutover_item(item_key(cutover.id, instance_id))
    if known is not None and known.state in ENDS:
        return
    item = known or CutoverItem(item_key(cutover.id, instance_id), cutover.id, instance_id, since=uow.now)
    item.reason = None if verdict.symbol is None else {"text": verdict.why}
    item.blocking = list(verdict.blocking)
    if verdict is FROZEN:
        if move_item(cutover, item, "freeze", uow.now):
            instance = uow.instance(instance_id)
            if instance is not None:
                instance.cutover_freeze = True
                uow.save(instance)
    else:
        move_item(cutover, item, "block", uow.now)
    if known is None:
        cutover.instances.append(instance_id)
        uow.add(item)
    else:
        uow.save(item)
