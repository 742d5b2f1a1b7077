"""The watchdog of charging facts: a notice billing never answered (spec 06.1 promise 5, result limit of BL01)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.events import BillingDue
from crm_core.fallout.model import Fallout
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import to_wire

OPERATION = "billing"
"""How records about a missing answer call it."""
OVERDUE = "fallout_id"
"""In ``BillingRecord.reason``: the record opened for want of an answer."""


@dataclass(frozen=True, slots=True)
class WatchBilling:
    """``serial`` of the notice."""

    serial: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The record."""
        return (("billing_serial", self.serial),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Opens a fallout record, once; early, or of a notice that was answered meanwhile, success without effect."""
        fact = uow.billing_by_serial(self.serial)
        limit = uow.reference.result_limits.get(BillingDue.__name__)
        if fact is None or fact.state != "sent" or fact.reason is not None or limit is None:
            return Outcome("OK")
        if uow.now < fact.sent_at + limit[0] * 1000:
            return Outcome("OK")
        record = Fallout(
            uow.new_id("FO"),
            "overdue",
            uow.now,
            f"计费自 {to_wire(fact.sent_at)} 起未答复 {fact.kind} 通知",
            f"Billing has not answered the {fact.kind} notice since {to_wire(fact.sent_at)}",
            symbol="OUTCOME_UNKNOWN",
            service_order_id=fact.service_order_id,
            area=fact.area,
            about={"operation": OPERATION, "serial": self.serial, "item_id": fact.item_id},
        )
        uow.add(record)
        fact.reason = {"text": record.en, OVERDUE: record.id}
        uow.save(fact)
        return Outcome("OK")
