"""Opening a fallout record for something that was refused or given up (spec 06.2, 04.1 last line).

A refused command changes nothing, so the record is a command of its own, executed right after the refusal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm_core.fallout.model import Fallout
from crm_core.orders.item_states import Kind
from crm_core.orders.machine import rulebook
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.reports import release
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class OpenFallout:
    """``report_seq``: number of the refused report, counted as seen so that those behind it go on. ``stuck``: the order cannot
    go on by itself, its open items stand in FALLOUT (04.1, budget spent). ``id``: where it follows from what it is about."""

    error_class: str
    zh: str
    en: str
    symbol: str = ""
    service_order_id: str | None = None
    area: str = ""
    message_id: int | None = None
    about: dict[str, Any] = field(default_factory=dict)
    report_seq: int | None = None
    stuck: bool = False
    id: str = ""

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order, if it is about one."""
        return () if self.service_order_id is None else (("order", self.service_order_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The record's id is in the details as ``fallout_id``."""
        record = Fallout(
            self.id or uow.new_id("FO"),
            self.error_class,
            uow.now,
            self.zh,
            self.en,
            symbol=self.symbol,
            service_order_id=self.service_order_id,
            message_id=self.message_id,
            area=self.area,
            about=dict(self.about),
        )
        uow.add(record)
        order = None if self.service_order_id is None else uow.order(self.service_order_id)
        if order is not None and self.report_seq == order.report_seq + 1:
            order.report_seq += 1
            uow.save(order)
            release(uow, order)
        if order is not None and self.stuck:
            _stand(uow, order)
        return Outcome("OK", details=(("fallout_id", record.id),))


def _stand(uow: UnitOfWork, order: ServiceOrder) -> None:
    moves = Moves(uow, order, "budget_spent")
    book = rulebook(uow.reference.policies)
    for item in order.newest():
        effect = book.effect(item, moves.cause)
        if effect.kind is Kind.MOVED:
            moves.put(item, effect)
    moves.settle()
