"""BL02: billing accepted or refused a charging fact (spec 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.billing.watch_result import OPERATION, OVERDUE
from crm_core.errors import InstanceUnknown
from crm_core.fallout.model import Fallout
from crm_core.fallout.settle import answered
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class RecordBillingResult:
    """Answers the notice named by the header's RefSerial (``origin.ref_serial``)."""

    outcome: str
    product_instance_id: str | None = None
    code: str | None = None
    reason: dict[str, Any] | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The billing record is found by the serial of its notice, which the origin knows."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """A second result is success without effect; a refusal opens a fallout record, a late result settles the one about its
        absence. Raises ``InstanceUnknown`` (3002) for a notice the CRM never sent."""
        ref_serial = uow.origin.ref_serial
        record = None if ref_serial is None else uow.billing_by_serial(ref_serial)
        if record is None:
            raise InstanceUnknown(f"没有流水号为 {ref_serial} 的计费通知", f"No billing notice went out as {ref_serial}")
        if record.state != "sent":
            return Outcome(state=record.state)
        overdue = None if record.reason is None else record.reason.get(OVERDUE)
        if overdue is not None:
            answered(uow, overdue, f"{OPERATION}: {self.outcome}")
        record.state = self.outcome
        record.reason = self.reason
        record.answered_at = uow.now
        uow.save(record)
        if self.outcome == "refused":
            uow.add(self._fallout(uow, record.service_order_id, record.area))
        return Outcome(state=record.state)

    def _fallout(self, uow: UnitOfWork, service_order_id: str, area: str) -> Fallout:
        text = "" if self.reason is None else self.reason["text"]
        return Fallout(
            uow.new_id("FO"),
            "billing",
            uow.now,
            f"计费拒绝：{self.code or ''} {text}",
            f"Billing refused: {self.code or ''} {text}",
            symbol=uow.reference.symbol(self.code),
            service_order_id=service_order_id,
            area=area,
            about={"serial": uow.origin.serial, "ref_serial": uow.origin.ref_serial, "sender": uow.origin.sender},
        )
