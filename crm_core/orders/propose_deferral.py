"""DF04 建议缓装: field staff propose a deferral; the CRM asks for it, or refuses (spec 5.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import DomainError, StaleVersion
from crm_core.events import OperationDecided
from crm_core.orders.closing import conclude
from crm_core.orders.defer import defer
from crm_core.orders.keys import order_keys
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source, judged_by_itself, receive
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire


@judged_by_itself
@dataclass(frozen=True, slots=True)
class ProposeDeferral:
    """``reason`` a dictionary row 10P; ``until`` a wire time; ``proposed_by`` who stood at the door."""

    service_order_id: str
    version: int
    reason: dict[str, Any]
    until: str
    proposed_by: str | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; the result follows as OH14."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        from_wire(self.until)

    def input(self) -> str:
        """The item machine's input."""
        return "deferral_proposed"

    def judge(self, uow: UnitOfWork, order: ServiceOrder, source: Source) -> bool:
        """Applied: the CRM's DF01 follows; refused with the code DF01 would have got, or 3015 of another version."""
        moves = Moves(uow, order, self.input(), source.serial, source.sender)
        outcome, code, reason = "applied", None, None
        try:
            if self.version != order.version:
                zh, en = f"定单现行版本为 {order.version}", f"The version that counts is {order.version}"
                raise StaleVersion(zh, en, state=order.state)
            defer(uow, order, self.reason, self.until, self.proposed_by, None, dry_run=True, proposed=True)
        except DomainError as error:
            outcome, code, reason = "refused", error.code, {"text": f"{error.zh} / {error.en}"[:500]}
        event = OperationDecided(
            key=order.id, area=order.area, to=source.sender, ref_serial=source.serial,
            customer_order_id=order.customer_order_id, service_order_id=order.id, version=order.version,
            operation="propose_deferral", outcome=outcome, code=code, reason=reason, state=order.state,
        )  # fmt: skip
        uow.emit(event)
        if outcome == "applied":
            defer(uow, order, self.reason, self.until, self.proposed_by, None, proposed=True)
        conclude(moves)
        return outcome == "applied"
