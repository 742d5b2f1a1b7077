"""LK05: provisioning tells what became of a lock by its clock or its rules (spec 5.11, 04.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid
from crm_core.fallout.settle import cause_gone
from crm_core.orders.closing import conclude
from crm_core.orders.keys import order_keys
from crm_core.orders.lock import Claim
from crm_core.orders.lock_order import freed, held_by
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import close, under_way
from crm_core.orders.reports import Source, judged_by_itself, receive
from crm_core.orders.timing import LOCK
from crm_core.ports import Outcome, UnitOfWork
from crm_core.times import from_wire, optional

GRANTS = ("granted", "cutover")
"""Events by which somebody holds the lock; the others end it."""
ENDED = "ended"


@judged_by_itself
@dataclass(frozen=True, slots=True)
class RecordLockReport:
    """``event`` granted (from the queue), cutover, expired, forced or ended (with the order)."""

    service_order_id: str
    version: int
    fence: int
    event: str
    locked_by: str | None = None
    lease_until: str | None = None
    cutover_id: str | None = None
    reason: dict[str, Any] | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; what waited for the lock is applied when it ends."""
        return receive(uow, self)

    def examine(self) -> None:
        """3013 for a date that is none, ``AttributeInvalid`` (3020) for a grant to nobody or without end."""
        optional(self.lease_until)
        if self.event in GRANTS and (self._owner() is None or self.lease_until is None):
            zh, en = "授予锁的通知缺少持有人或租期", "A grant names its owner and the end of its lease"
            raise AttributeInvalid(zh, en, fallout=f"{zh} / {en}")

    def _owner(self) -> str | None:
        return self.locked_by or self.cutover_id

    def input(self) -> str:
        """What the history calls it."""
        return "lock_reported"

    def judge(self, uow: UnitOfWork, order: ServiceOrder, source: Source) -> bool:
        """An older fence than the one that counts changes nothing."""
        moves = Moves(uow, order, self.input(), source.serial, source.sender)
        if self.event in GRANTS and self.lease_until is not None:
            owner = self._owner() or ""
            waiting = under_way(order, LOCK)
            if waiting is not None and waiting["claim"]["owner"] == owner:
                cause_gone(moves, waiting, [], self.event, final=True)
                close(order, waiting)
            claim = Claim(owner, (self.reason or {}).get("text", ""), from_wire(self.lease_until))
            effect = held_by(moves, claim, self.fence)
        else:
            effect = freed(moves, self.fence, self.event, whole=self.event == ENDED)
        if effect:
            conclude(moves, reason=self.reason)
        return effect
