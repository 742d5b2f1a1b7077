"""LK02 取消锁单: by its owner, or by force with a second approver; and what provisioning answers (spec 5.11, 04.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid
from crm_core.events import UnlockRequested
from crm_core.orders import lock as locks
from crm_core.orders.closing import conclude
from crm_core.orders.defer import order_of
from crm_core.orders.keys import order_keys
from crm_core.orders.lock_order import set_free
from crm_core.orders.moves import Moves
from crm_core.orders.operation_result import refused
from crm_core.orders.operations import answered, ask, under_way
from crm_core.ports import Outcome, UnitOfWork

UNLOCK = "unlock"


@dataclass(frozen=True, slots=True)
class UnlockOrder:
    """``fence`` that of the grant (absent: the current one); ``force`` has reason (text, code?) and approved_by."""

    service_order_id: str
    operator: str
    fence: int | None = None
    force: dict[str, Any] | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED, or DUPLICATE where nothing is held or the unlock is being asked for. Raises ``OrderUnknown`` (3003), 3008
        for somebody else's lock, 3015 for an old fence, 2002 for force without a second person, 3020 without a reason."""
        order = order_of(uow, self.service_order_id)
        lock = locks.from_dict(order.lock)
        if lock.holder is None:
            return Outcome("DUPLICATE", state=order.state)
        fence = lock.fence if self.fence is None else self.fence
        if self.force is None:
            locks.release(lock, self.operator, fence, uow.now)
        else:
            if not self.force.get("reason", {}).get("text"):
                raise AttributeInvalid("强制解锁须说明原因", "A forced unlock needs a reason", state=order.state)
            locks.force(lock, self.operator, self.force.get("approved_by", ""), uow.now)
        waiting = under_way(order, UNLOCK)
        if waiting is not None and (waiting["forced"] or self.force is None):
            return Outcome("DUPLICATE", state=order.state)
        if not self.dry_run:
            event = UnlockRequested(
                key=order.id, area=order.area, to=order.pf_system, customer_order_id=order.customer_order_id,
                service_order_id=order.id, version=order.version, operator=self.operator, fence=lock.fence, force=self.force,
            )  # fmt: skip
            ask(uow, order, UNLOCK, event, fence=lock.fence, forced=self.force is not None, asked=self.asked)
            moves = Moves(uow, order, UNLOCK)
            if self.force is not None:
                moves.record("unlock_forced", f"{self.operator} + {self.force['approved_by']}: {self.force['reason']['text']}")
            moves.settle()
        return Outcome("ACCEPTED", state=order.state)


@dataclass(frozen=True, slots=True)
class RecordUnlockAnswer:
    """The answer to LK02; not ``accepted``: ``symbol`` says why, and the lock stands."""

    service_order_id: str
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Unlocked, or not locked any more: either way that fence holds nothing, and what waited for it goes on. Raises
        ``OrderUnknown`` (3003)."""
        order = order_of(uow, self.service_order_id)
        entry = answered(order, uow.origin.serial)
        if entry is None:
            return Outcome("OK", state=order.state)
        moves = Moves(uow, order, UNLOCK)
        moves.asked = entry.get("asked")
        if self.accepted:
            current = locks.from_dict(order.lock)
            set_free(uow, moves, entry["fence"] if current.fence > entry["fence"] else current.fence, "unlocked")
        else:
            refused(moves, UNLOCK, self.symbol)
            conclude(moves, reason={"text": self.symbol})
        return Outcome("OK", state=order.state)
