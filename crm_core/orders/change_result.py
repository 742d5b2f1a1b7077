"""CO02: what provisioning made of a change (spec 5.6, 04.1, 04.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.fallout.settle import cause_gone
from crm_core.orders.closing import conclude
from crm_core.orders.content import put_content, take_reservations
from crm_core.orders.item_states import IS_CLOSED, Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.machine import rulebook
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import CHANGE, Entry, all_under_way, awaiting, close, keep
from crm_core.orders.reports import Source, judged_by_itself, receive
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, optional

_INPUTS = {"applied": "change_applied", "refused": "change_refused", "manual": "change_manual"}


@judged_by_itself
@dataclass(frozen=True, slots=True)
class RecordChangeResult:
    """``version`` is the one decided on; ``outcome`` applied, refused or manual: then a person decides and another follows."""

    service_order_id: str
    version: int
    outcome: str
    code: str | None = None
    state: str | None = None
    reason: dict[str, Any] | None = None
    expected_finish: str | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; of a change that is not open it is recorded without effect."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        optional(self.expected_finish)

    def input(self) -> str:
        """The item machine's input."""
        return _INPUTS[self.outcome]

    def judge(self, uow: UnitOfWork, order: ServiceOrder, source: Source) -> bool:
        """Applied: the new version counts and its content stands; refused: all is as it was, the version is burnt."""
        entry = self._entry(order, source)
        if entry is None:
            return False
        if self.outcome == "manual":
            keep(order, entry, manual=True)
            return False
        moves = Moves(uow, order, self.input(), source.serial, source.sender)
        cause_gone(moves, entry, [], self.outcome, final=True)
        close(order, entry)
        reached = [item for item in order.newest() if item.progress not in IS_CLOSED]
        if self.outcome == "applied" and reached and entry["version"] > order.version:
            order.version = entry["version"]
            before = order.reservations
            put_content(order, reached, entry["content"])
            take_reservations(uow, order, before)
            if self.expected_finish is not None:
                order.expected_finish = from_wire(self.expected_finish)
        book = rulebook(uow.reference.policies)
        for item in reached:
            effect = book.effect(item, self.input())
            if effect.kind is Kind.MOVED:
                moves.put(item, effect)
        moves.asked = entry["asked"]
        conclude(moves, reason=why_not(self.code, self.reason, self.state))
        return True

    def _entry(self, order: ServiceOrder, source: Source) -> Entry | None:
        """The change it answers: by the serial it names, or - from a peer that names none - by its version."""
        if source.ref_serial is None:
            return next((entry for entry in all_under_way(order, CHANGE) if entry["version"] == self.version), None)
        entry = awaiting(order, source.ref_serial)
        return entry if entry is not None and entry["operation"] == CHANGE else None


def why_not(code: str | None, reason: dict[str, Any] | None, state: str | None) -> dict[str, Any] | None:
    """A refusal in the words of a notice: the peer's text, or its code and the state it met."""
    if code is None:
        return reason
    text = (reason or {}).get("text") or (code if state is None else f"{code} {state}")
    return {"text": text, "code": code}
