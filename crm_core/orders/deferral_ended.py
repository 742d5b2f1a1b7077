"""DF03 缓装结束: provisioning ended a deferral, by its date or on request, and says where the order goes on (spec 5.10)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.errors import AttributeInvalid
from crm_core.fallout.settle import cause_gone
from crm_core.orders.closing import conclude
from crm_core.orders.end_deferral import END_DEFERRAL
from crm_core.orders.item_states import RESUMABLE, Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.moves import Moves
from crm_core.orders.operations import awaiting, close
from crm_core.orders.reports import Source, Taken, held_by_name, receive
from crm_core.orders.timing import DEFERRAL, resume_clock
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, optional


@held_by_name
@dataclass(frozen=True, slots=True)
class RecordDeferralEnded:
    """``ended_by`` date or request; ``state`` the progress the order goes on from; ``stage`` a stage code."""

    service_order_id: str
    version: int
    ended_by: str
    state: str
    stage: str | None = None
    expected_finish: str | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; of an order that is not deferred (any more) it is recorded without effect."""
        return receive(uow, self)

    def examine(self) -> None:
        """3013 for a date that is none, ``AttributeInvalid`` (3020) for a state no item can resume at."""
        optional(self.expected_finish)
        if self.state not in RESUMABLE:
            zh, en = f"不能恢复到 {self.state}", f"An order cannot resume at {self.state}"
            raise AttributeInvalid(zh, en, fallout=f"{zh} / {en}")

    def input(self) -> str:
        """The item machine's input."""
        return "deferral_ended"

    def item_ids(self) -> list[str] | None:
        """Deferral is of the whole order."""
        return None

    def narrowed(self, item_ids: list[str]) -> RecordDeferralEnded:
        """Never split: nothing holds it."""
        return self

    def perform(self, uow: UnitOfWork, moves: Moves, taken: Taken, source: Source) -> None:
        """The clock goes on with what was left; a request that crossed the date is answered by it too."""
        order = moves.order
        asked = awaiting(order, source.ref_serial)
        if asked is not None and asked["operation"] == END_DEFERRAL:
            cause_gone(moves, asked, [], self.input(), final=True)
            close(order, asked)
            moves.asked = asked.get("asked")
        moved = False
        for item, effect in taken:
            if effect.kind is Kind.MOVED:
                moved = True
                moves.put(item, effect, self.state)
        if moved:
            if order.deferral is not None:
                order.deferral = {**order.deferral, "ended_at": uow.now, "ended_by": self.ended_by}
            resume_clock(uow, order, DEFERRAL)
            order.reason = None
            order.stage = self.stage or order.stage
            if self.expected_finish is not None:
                order.expected_finish = from_wire(self.expected_finish)
        conclude(moves)
