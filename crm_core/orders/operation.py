"""CH03: a channel asks for an operation on an order in flight, or only what it would undo (spec 02.0).

Each operation is a use case of its own; ``OPERATIONS`` says which.  Its result comes back to the channel as CH02.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from crm_core.errors import AttributeInvalid, DomainError, StaleVersion
from crm_core.orders.amend import AmendOrder
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.defer import DeferOrder, order_of
from crm_core.orders.end_deferral import EndDeferral
from crm_core.orders.expedite import ExpediteOrder
from crm_core.orders.inquiry import inquire, soft_items, would_undo
from crm_core.orders.keys import order_keys
from crm_core.orders.lock_order import LockOrder
from crm_core.orders.model import OrderChange, ServiceOrder
from crm_core.orders.reschedule import RescheduleOrder
from crm_core.orders.unlock_order import UnlockOrder
from crm_core.ports import Outcome, UnitOfWork

OPERATIONS: dict[str, Any] = {
    "amend": AmendOrder,
    "cancel": CancelOrder,
    "defer": DeferOrder,
    "end_deferral": EndDeferral,
    "lock": LockOrder,
    "unlock": UnlockOrder,
    "expedite": ExpediteOrder,
    "reschedule": RescheduleOrder,
}
"""Operation -> its use case: fields are the operation's on the wire, and ``operator``, ``asked``, ``dry_run``."""

APPROVED = "soft_point_approved"
"""History entry: who approved an operation on items past a soft point of no return (04.3)."""


@dataclass(frozen=True, slots=True)
class OrderOperation:
    """``operation`` names the one structure that follows, under the field of its name; ``version``, if given, is the one the
    asker has seen."""

    service_order_id: str
    operation: str
    dry_run: bool
    version: int | None = None
    operator: str | None = None
    amend: dict[str, Any] | None = None
    cancel: dict[str, Any] | None = None
    defer: dict[str, Any] | None = None
    end_deferral: dict[str, Any] | None = None
    lock: dict[str, Any] | None = None
    unlock: dict[str, Any] | None = None
    expedite: dict[str, Any] | None = None
    reschedule: dict[str, Any] | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """What the operation answers; of a dry run also what would be undone, as far as provisioning has told (PQ02 is asked
        again, so that the next one knows more). Raises what the operation raises, 3015 for an old ``version``, 3020 where
        another structure follows than named, 2002 where an item is known to be past a soft point and nobody approves."""
        order = order_of(uow, self.service_order_id)
        given = getattr(self, self.operation)
        if given is None:
            zh, en = f"缺少操作 {self.operation} 的内容", f"The fields of operation {self.operation} are missing"
            raise AttributeInvalid(zh, en, state=order.state)
        if self.version is not None and self.version != order.version:
            zh, en = f"定单现行版本为 {order.version}", f"The version that counts is {order.version}"
            raise StaleVersion(zh, en, state=order.state)
        soft = [] if self.dry_run else soft_items(order, self.operation)
        if soft and self.operator is None:
            zh = f"订单项 {'、'.join(soft)} 已过软不可逆点，须有审批人"
            en = f"Items past a soft point of no return need an approver: {', '.join(soft)}"
            raise DomainError(zh, en, code="NOT_PERMITTED", state=order.state)
        outcome = self._asked(uow, order, given)
        if soft and self.operator is not None:
            serial, state, text = uow.origin.serial, order.state, ", ".join(soft)
            uow.add(OrderChange(order.id, uow.now, APPROVED, self.operator, serial, state, state, (), text))
        if not self.dry_run:
            return outcome
        inquire(uow, order, self.operation, self._proposed(given))
        return replace(outcome, details=outcome.details + would_undo(order, self.operation))

    def _asked(self, uow: UnitOfWork, order: ServiceOrder, given: dict[str, Any]) -> Outcome:
        """The operation; whatever it is refused for, the answer says where the order stands."""
        cls = OPERATIONS[self.operation]
        known = {field.name for field in fields(cls)}
        command = cls(
            service_order_id=self.service_order_id,
            operator=self.operator or uow.origin.sender,
            asked={"system": uow.origin.sender, "serial": uow.origin.serial},
            dry_run=self.dry_run,
            **{name: value for name, value in given.items() if name in known},
        )
        try:
            outcome: Outcome = command.execute(uow)
        except DomainError as error:
            error.state = error.state or order.state
            raise
        return outcome

    def _proposed(self, given: dict[str, Any]) -> dict[str, Any] | None:
        """What PQ02 is told of the operation."""
        told: dict[str, Any] = {name: given[name] for name in ("until", "reason") if name in given and self.operation != "lock"}
        if self.operation == "amend":
            told |= {name: text for name, text in given.get("dates", {}).items() if name in ("booked_at", "required_finish")}
            ids = [item["item_id"] for item in given.get("items", ())]
        else:
            ids = given.get("items", [])
        return (told | {"items": ids} if ids else told) or None
