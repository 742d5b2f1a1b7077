"""撤单: the cancel of an order, or of items of it (spec 5.7, 04.1, 04.4).

What provisioning never saw, and what it sent back, is cancelled at once and nothing is sent; of the rest provisioning decides,
item by item.  An item takes with it what depends on it, and the other side of its relocation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import DomainError
from crm_core.events import CancelRequested
from crm_core.orders.closing import conclude
from crm_core.orders.defer import known_reason, order_of
from crm_core.orders.dispatch import DISPATCH_SERIAL
from crm_core.orders.item_states import ENDS, IS_CLOSED, Effect, Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.machine import Rulebook, refusal, rulebook
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import CANCEL, ask
from crm_core.orders.relocation import ACTION as RELOCATE
from crm_core.orders.wanted import Wanted, lock_over
from crm_core.ports import Outcome, UnitOfWork

REASON = "10C"

Targets = list[tuple[OrderItem, Effect]]


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """``reason`` a dictionary row 10C; ``items`` are item ids; absent: the whole order."""

    service_order_id: str
    reason: dict[str, Any]
    items: list[str] | None = None
    operator: str | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED with the items concerned in the details, or DUPLICATE where all are cancelled, or being, already.

        Raises ``OrderUnknown`` (3003) also for an item the order has not; 3004, 3005 with the state; 3020 for the reason."""
        order = order_of(uow, self.service_order_id)
        known_reason(uow, order, REASON, self.reason)
        book = rulebook(uow.reference.policies)
        targets = _targets(order, book, self.items, lock_over(order))
        wanted = Wanted(self.reason, self.dry_run, self.asked, self.operator)
        if not targets:
            if not wanted.dry_run:
                moves = Moves(uow, order, "cancel")
                moves.asked = wanted.asked
                moves.settle()
            return Outcome("DUPLICATE", state=order.state)
        if not wanted.dry_run:
            _cancel(uow, order, book, targets, wanted)
        return Outcome(state=order.state, details=tuple([("item_id", item.item_id) for item, _ in targets]))


def _targets(order: ServiceOrder, book: Rulebook, ids: list[str] | None, lock: str) -> Targets:
    """What moves. Items that are named must all be allowed; of the whole order, those past the point never block the others."""
    if ids is not None:
        effects = [(item, book.check(item, "cancel", lock)) for item in _with_dependents(order, ids)]
        return [(item, effect) for item, effect in effects if effect.kind is Kind.MOVED]
    moved: Targets = []
    refused: DomainError | None = None
    same = False
    for item in order.newest():
        effect = book.effect(item, "cancel", lock)
        if effect.kind is Kind.MOVED:
            moved.append((item, effect))
        elif effect.kind is Kind.SAME:
            same = True
        else:
            refused = refused or refusal(item, "cancel", effect)
    if refused is not None and not moved and not same:
        raise refused
    return moved


def _with_dependents(order: ServiceOrder, ids: list[str]) -> list[OrderItem]:
    """The items named, those that depend on them, and the other sides of relocations; in the order of the document."""
    rows = order.newest()
    known = {item.item_id: item for item in rows}
    unknown = [item_id for item_id in ids if item_id not in known]
    if unknown:
        zh, en = f"定单没有订单项 {'、'.join(unknown)}", f"The order has no item {', '.join(unknown)}"
        raise DomainError(zh, en, code="ORDER_UNKNOWN", state=order.state)
    taken = dict.fromkeys(ids)
    waiting = list(ids)
    while waiting:
        one = known[waiting.pop()]
        for other in rows:
            pair = one.action == other.action == RELOCATE and one.instance_id == other.instance_id
            if other.item_id not in taken and other.progress not in IS_CLOSED and (pair or one.item_id in other.depends_on):
                taken[other.item_id] = None
                waiting.append(other.item_id)
    return [item for item in rows if item.item_id in taken]


def _cancel(uow: UnitOfWork, order: ServiceOrder, book: Rulebook, targets: Targets, wanted: Wanted) -> None:
    if _never_left(uow, order, targets):
        targets = [(item, book.check(item, "cancel_unsent")) for item, _ in targets]
    asking = [item for item, effect in targets if effect.progress not in ENDS]
    if asking:
        _send(uow, order, asking, wanted)
    moves = Moves(uow, order, "cancel")
    for item, effect in targets:
        moves.put(item, effect)
        if effect.progress in ENDS:
            item.reason = wanted.reason
    if not asking:
        order.reason = wanted.reason
        moves.asked = wanted.asked
    conclude(moves, reason=wanted.words())


def _never_left(uow: UnitOfWork, order: ServiceOrder, targets: Targets) -> bool:
    """OH01 is still in the outbox, nothing follows it there, and all of it goes: it is taken back, provisioning never hears."""
    serial = order.details.get(DISPATCH_SERIAL)
    unsent = [item for item in order.newest() if item.progress not in ENDS]
    if not serial or order.operations or len(targets) != len(unsent) or any(item.progress != "SUBMITTED" for item in unsent):
        return False
    return uow.withdraw(serial)


def _send(uow: UnitOfWork, order: ServiceOrder, items: list[OrderItem], wanted: Wanted) -> None:
    """CN01: without a list where it is about all that is open."""
    ids = [item.item_id for item in items]
    whole = len(ids) == len([item for item in order.newest() if item.progress not in IS_CLOSED])
    event = CancelRequested(
        key=order.id,
        area=order.area,
        to=order.pf_system,
        customer_order_id=order.customer_order_id,
        service_order_id=order.id,
        version=order.version,
        operator=wanted.operator,
        reason=wanted.reason,
        items=None if whole else ids,
    )
    ask(uow, order, CANCEL, event, items=ids, reason=wanted.reason, asked=wanted.asked)
