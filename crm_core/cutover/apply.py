"""What a cutover did to one instance: old side out, new side in, billing and customer told (spec 5.12 CT06)."""

from __future__ import annotations

from typing import Any

from crm_core.billing.charge import PLAN
from crm_core.billing.model import BillingRecord
from crm_core.customers.tell import tell_customer
from crm_core.cutover.freeze import Verdict
from crm_core.cutover.model import Cutover, CutoverItem
from crm_core.events import BillingDue
from crm_core.ports import UnitOfWork
from crm_core.products.model import ProductInstance
from crm_core.resources.machine import is_one_of
from crm_core.times import to_wire

APPLIED = Verdict("applied")
_ENDED = ("disconnected", "void")
NUMBER = "ACCESS_NUMBER"
BUREAU = "BUREAU"


def judge(instance: ProductInstance | None, item: CutoverItem | None, entry: dict[str, Any]) -> Verdict:
    """Whether the instance is what the cutover says it was: part of it, in service, under the old number (or the new one)."""
    if instance is None:
        return Verdict("refused", "INSTANCE_UNKNOWN", "产品实例不存在 / The product instance is not known")
    if item is None:
        return Verdict("refused", "STATE_CONFLICT", "不在割接范围 / Not part of the cutover")
    if item.state in ("failed", "excluded"):
        return Verdict("refused", "STATE_CONFLICT", f"割接项已结束 {item.state} / The item has ended")
    if instance.status in _ENDED:
        return Verdict("refused", "STATE_CONFLICT", f"产品实例处于 {instance.status} / The instance has ended")
    old, new = entry["old"].get("access_number"), entry["new"].get("access_number")
    if old is not None and instance.access_number not in (old, new):
        return Verdict("refused", "STATE_CONFLICT", f"号码为 {instance.access_number} / The number is another")
    return APPLIED


def apply(uow: UnitOfWork, cutover: Cutover, instance: ProductInstance, entry: dict[str, Any]) -> None:
    """Old -> new on the instance; the charging fact and the customer's notice are born with it."""
    changes = _change(instance, entry["old"], entry["new"])
    instance.cutover_freeze = False
    uow.save(instance)
    _bill(uow, cutover, instance, changes)
    what = {NUMBER: ("号码", "number"), BUREAU: ("局向", "exchange")}
    zh = "；".join(f"{what[row['code']][0]}由 {row.get('old', '')} 变更为 {row['new']}" for row in changes)
    en = "; ".join(f"{what[row['code']][1]} {row.get('old', '')} is now {row['new']}" for row in changes)
    zh = f"网络割接已完成：{zh or '线路已更换，号码不变'}"
    en = f"The network was cut over: {en or 'your line was replaced, the number stays'}"
    tell_customer(uow, instance, cutover.area, cutover.id, zh, en)


def _change(instance: ProductInstance, old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Number, bureau and resources; returns what billing must know as Attr rows."""
    changes: list[dict[str, Any]] = []
    number = new.get("access_number")
    if number is not None and number != instance.access_number:
        changes.append(_attr(NUMBER, number, instance.access_number))
        instance.previous_number, instance.access_number = instance.access_number, number
    bureau = new.get("bureau")
    if bureau is not None:
        address = instance.a_end
        before = instance.attrs.get(BUREAU) if address is None else address.get("bureau")
        if bureau != before:
            changes.append(_attr(BUREAU, bureau, before or old.get("bureau")))
            if address is None:
                instance.attrs[BUREAU] = bureau
            else:
                instance.a_end = {**address, "bureau": bureau}
    if "resources" in new:
        gone = old.get("resources", [])
        kept = [row for row in instance.resources if not is_one_of(row, [*gone, *new["resources"]])]
        instance.resources = [*kept, *new["resources"]]
    return changes


def _attr(code: str, new: str, old: str | None) -> dict[str, Any]:
    row = {"code": code, "new": new, "action": "M" if old else "A"}
    return row | {"old": old} if old else row


def _bill(uow: UnitOfWork, cutover: Cutover, instance: ProductInstance, changes: list[dict[str, Any]]) -> None:
    """One ``change`` an instance and cutover; nobody is told of what nobody pays for."""
    if instance.account_id is None:
        return
    record = BillingRecord(
        f"{cutover.id}/{instance.id}/change",
        cutover.id,
        "",
        instance.id,
        instance.account_id,
        cutover.area,
        "change",
        uow.now,
        sent_at=uow.now,
    )
    serials = uow.emit(
        BillingDue(
            key=instance.id,
            area=cutover.area,
            customer_order_id=None,
            service_order_id=cutover.id,
            version=1,
            kind="change",
            product_instance_id=instance.id,
            account_id=instance.account_id,
            plan=instance.attrs.get(PLAN) or instance.product,
            effective_at=to_wire(uow.now),
            attrs=changes or None,
        )
    )
    record.serial = serials[0] if serials else ""
    uow.add(record)
