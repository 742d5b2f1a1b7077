"""PA04 待装开装结果: a pending install goes on, is back in the queue, or failed; unasked it was restarted by rule (5.9)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_core.fallout.settle import cause_gone
from crm_core.orders.closing import conclude
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.operations import awaiting, close
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.orders.resume_pending import RESUME
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, optional

RESUMED = "resumed"


@held_by_name
@dataclass(frozen=True, slots=True)
class RecordResumeResult:
    """``outcome`` resumed, queued or failed; ``code`` and ``reason`` why not; ``position`` in the queue."""

    service_order_id: str
    version: int
    outcome: str
    items: list[str] | None = None
    code: str | None = None
    reason: dict[str, Any] | None = None
    resumed_stage: str | None = None
    promised: str | None = None
    position: int | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; of what does not wait (any more) it is recorded without effect."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        optional(self.promised)

    def input(self) -> str:
        """The item machine's input."""
        return "resumed" if self.outcome == RESUMED else "resume_offered"

    def item_ids(self) -> list[str] | None:
        """The items it is about."""
        return self.items

    def narrowed(self, item_ids: list[str]) -> RecordResumeResult:
        """The same of these items."""
        return replace(self, items=item_ids)

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """Closes the answer it results from; the offer is over either way."""
        order = moves.order
        asked = awaiting(order, source.ref_serial)
        if asked is not None and asked["operation"] == RESUME:
            cause_gone(moves, asked, [], self.input(), final=True)
            close(order, asked)
            moves.asked = asked.get("asked")
        going = [item.item_id for item, effect in taken if effect.kind is Kind.MOVED and moves.put(item, effect)]
        pending = order.pending
        if pending is not None:
            left = [item_id for item_id in pending["items"] if item_id not in going]
            queued = {"position": self.position} if self.position is not None else {}
            order.pending = {**pending, "items": left, "offer": None, **queued} if left else None
        if going:
            order.reason = None
            order.stage = self.resumed_stage or order.stage
            if self.promised is not None:
                order.expected_finish = from_wire(self.promised)
        else:
            moves.record(f"resume_{self.outcome}", (self.reason or {}).get("text") or self.code)
        conclude(moves, reason=self.reason)
