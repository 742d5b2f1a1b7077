"""改约/延期: the dates of an order change, nothing else (spec 5.4 OH11), asked by the CRM or by provisioning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid, DomainError
from crm_core.events import OperationDecided, RescheduleRequested
from crm_core.orders.content import check_date
from crm_core.orders.defer import allowed, order_of
from crm_core.orders.keys import order_keys
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operation_result import APPLIED, APPLYING, RecordOperationResult, take_dates
from crm_core.orders.operations import Entry, all_under_way, ask
from crm_core.orders.reports import Source, judged_by_itself, receive
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire

RESCHEDULE = "reschedule"
_DATES = ("effective_at", "booked_at", "required_finish", "expected_finish")
"""The end of a deferral is no date of the order: it changes by another deferral (5.10)."""


@dataclass(frozen=True, slots=True)
class RescheduleOrder:
    """``dates`` those that change (booked_at, required_finish, effective_at); ``reason`` plain (text, code?)."""

    service_order_id: str
    dates: dict[str, Any]
    reason: dict[str, Any]
    operator: str | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED, or DUPLICATE while these very dates are being asked for; an order that was never sent has its new dates at
        once, others when provisioning has agreed (OH14).

        Raises ``OrderUnknown`` (3003), 3013 and 3020 for the dates, and what the matrix says (3004, 3007, 3021)."""
        order = order_of(uow, self.service_order_id)
        examine_dates(order, self.dates)
        effects = allowed(uow, order, "dates", None)
        if any(entry["dates"] == self.dates for entry in all_under_way(order, RESCHEDULE)):
            return Outcome("DUPLICATE", state=order.state)
        if self.dry_run:
            return Outcome(state=order.state)
        moves = Moves(uow, order, RESCHEDULE)
        if all(effect.local for _, effect in effects):
            take_dates(moves, self.dates)
            moves.asked = self.asked
        else:
            event = RescheduleRequested(
                key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
                service_order_id=order.id, version=order.version, operator=self.operator, dates=self.dates,
                reason=self.reason,
            )  # fmt: skip
            ask(uow, order, RESCHEDULE, event, dates=self.dates, asked=self.asked)
        moves.settle(reason=self.reason)
        return Outcome(state=order.state)


def examine_dates(order: ServiceOrder, dates: dict[str, Any]) -> None:
    """Raises 3020 where no date of the order is named, 3013 for one that is none or lies before the capture."""
    if not any(name in dates for name in _DATES):
        raise AttributeInvalid("没有要改变的日期", "No date of the order is to change", state=order.state)
    for text in dates.values():
        check_date(order, text)


def _agreed(uow: UnitOfWork, moves: Moves, entry: Entry, result: RecordOperationResult) -> None:
    """OH14 applied: what was asked for holds, unless the result says other dates (those stand already)."""
    said = result.dates or {}
    take_dates(moves, {name: text for name, text in entry["dates"].items() if name not in said})


APPLYING[RESCHEDULE] = ("operation_answered", _agreed)


@judged_by_itself
@dataclass(frozen=True, slots=True)
class TakeReschedule:
    """OH11 of provisioning: other dates of one version, e.g. because nobody was at home. The CRM answers with OH14."""

    service_order_id: str
    version: int
    dates: dict[str, Any]
    reason: dict[str, Any]
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; what the matrix refuses is refused by OH14."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        for text in self.dates.values():
            from_wire(text)

    def input(self) -> str:
        """The item machine's input."""
        return "dates"

    def judge(self, uow: UnitOfWork, order: ServiceOrder, source: Source) -> bool:
        """Apply or refuse, and say so."""
        refused: DomainError | None = None
        try:
            if self.version != order.version:
                zh, en = f"定单现行版本为 {order.version}", f"The version that counts is {order.version}"
                raise DomainError(zh, en, code="STALE_VERSION", state=order.state)
            examine_dates(order, self.dates)
            allowed(uow, order, "dates", None)
        except DomainError as error:
            refused = error
        else:
            moves = Moves(uow, order, RESCHEDULE, source.serial, source.sender)
            take_dates(moves, self.dates)
            moves.settle(reason=self.reason)
        self._answer(uow, order, source, refused)
        return refused is None

    def _answer(self, uow: UnitOfWork, order: ServiceOrder, source: Source, refused: DomainError | None) -> None:
        uow.emit(
            OperationDecided(
                key=order.id,
                area=order.area,
                to=source.sender,
                ref_serial=source.serial,
                customer_order_id=order.customer_order_id,
                service_order_id=order.id,
                version=order.version,
                operation=RESCHEDULE,
                outcome=APPLIED if refused is None else "refused",
                state=order.state,
                code=None if refused is None else refused.code,
                reason=None if refused is None else {"text": f"{refused.zh} / {refused.en}"},
                dates=self.dates if refused is None else None,
            )
        )
