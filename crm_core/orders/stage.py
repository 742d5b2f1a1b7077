"""OH07: a stage (环节) of an order was reached; its resources, its clock, or that it is stuck (spec 5.4, 04.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from crm_core.fallout.model import Fallout
from crm_core.orders.assign import assign, keep_ordered
from crm_core.orders.closing import conclude
from crm_core.orders.item_states import IS_CLOSED, Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.model import StageRecord
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.orders.timing import stage_limit
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, optional

EXCEPTION = "exception"
"""The work-order state that reports 异常."""
DONE = "done"
"""The work-order state in which a stage's limit is met."""


@held_by_name
@dataclass(frozen=True, slots=True)
class ReportStage:
    """``stage`` has code and name; ``items`` are the item ids it works on (absent: all); ``resources`` what was assigned."""

    service_order_id: str
    version: int
    stage: dict[str, Any]
    work_order_id: str
    state: str
    time: str
    items: list[str] | None = None
    org: str | None = None
    staff: str | None = None
    limit: str | None = None
    resources: list[dict[str, Any]] | None = None
    reason: dict[str, Any] | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; after the end it is recorded without effect."""
        return receive(uow, self)

    def examine(self) -> None:
        """DATE_INVALID (3013) for a date that is none."""
        from_wire(self.time)
        optional(self.limit)

    def input(self) -> str:
        """The item machine's input."""
        return "stage_exception" if self.state == EXCEPTION else "stage"

    def item_ids(self) -> list[str] | None:
        """The items it works on."""
        return self.items

    def narrowed(self, item_ids: list[str]) -> ReportStage:
        """The same stage of these items."""
        return replace(self, items=item_ids)

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """Record the stage; move what it moves; take over the resources."""
        order = moves.order
        uow.add(
            StageRecord(
                order.id,
                self.version,
                self.report_seq or 0,
                self.stage["code"],
                self.stage["name"],
                self.state,
                from_wire(self.time),
                self.work_order_id,
                self.org,
                self.staff,
                optional(self.limit),
            )
        )
        for item, effect in taken:
            if effect.kind is Kind.MOVED:
                moves.put(item, effect)
        worked_on = [item for item, _ in taken if item.progress not in IS_CLOSED]
        if worked_on:
            order.stage = self.stage["code"]
            stage_limit(uow, order, None if self.state == DONE else optional(self.limit))
            if self.resources:
                keep_ordered(order, worked_on)
                assign(worked_on, self.resources, uow.reference)
            if self.state == EXCEPTION:
                uow.add(self._fallout(uow, order.area, source))
        conclude(moves, reason=self.reason, stage=self.stage)

    def _fallout(self, uow: UnitOfWork, area: str, source: Source) -> Fallout:
        text = "" if self.reason is None else self.reason["text"]
        return Fallout(
            uow.new_id("FO"),
            "stage",
            uow.now,
            f"环节 {self.stage['name']} 异常：{text}",
            f"Stage {self.stage['code']} reports an exception: {text}",
            service_order_id=self.service_order_id,
            area=area,
            about={"serial": source.serial, "sender": source.sender, "work_order_id": self.work_order_id},
        )
