"""改单: a change of an order in flight (spec 5.6, 04.1): local while it was never sent, a new version of it after, a new
dispatch once it came back.

What a change says waits in the open operation until provisioning has answered: a refused one leaves everything as it was, but
its version is burnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import CustomerUnknown, DomainError
from crm_core.events import ChangeRequested
from crm_core.orders.closing import conclude
from crm_core.orders.content import Content, examine_content, nothing_changes, preview, put_content, take_reservations
from crm_core.orders.defer import known_reason, order_of
from crm_core.orders.dispatch_again import RETURNED, dispatch_again
from crm_core.orders.image import order_image
from crm_core.orders.item_states import IS_CLOSED, Effect, Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.machine import refusal, rulebook
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import CHANGE, SENT_VERSION, ask, highest_sent, under_way
from crm_core.orders.wanted import Wanted, lock_over
from crm_core.ports import Outcome, UnitOfWork

REASON = "10Q"
_GONE = IS_CLOSED - {"COMPLETED"}
"""Items that are no part of the image any more; a completed one is, as it was."""


@dataclass(frozen=True, slots=True)
class AmendOrder:
    """``reason`` a dictionary row 10Q; ``items`` name order items with what becomes other of them (attributes are laid over
    those that stand: A and M set, D takes away); ``dates``, ``contact``, ``reservations`` replace."""

    service_order_id: str
    reason: dict[str, Any]
    items: list[dict[str, Any]] | None = None
    dates: dict[str, Any] | None = None
    contact: dict[str, Any] | None = None
    reservations: list[str] | None = None
    operator: str | None = None
    asked: dict[str, str] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return order_keys(self.service_order_id, None)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """ACCEPTED, or DUPLICATE while the same change is open, the version asked for in the details.

        Raises ``OrderUnknown`` (3003); 3004, 3005, 3007 with the state; 3021 while another change is open; 3001, 3010, 3012,
        3013, 3020, 3023 for what it says; 3018 for a new dispatch onto a frozen instance."""
        order = order_of(uow, self.service_order_id)
        known_reason(uow, order, REASON, self.reason)
        wanted = Wanted(self.reason, self.dry_run, self.asked, self.operator)
        given = {name: getattr(self, name) for name in ("items", "dates", "contact", "reservations")}
        content, changes = examine_content(uow, order, {name: value for name, value in given.items() if value is not None})
        if order.state == RETURNED:
            return dispatch_again(uow, order, content, wanted)
        return _amend(uow, order, content, changes, wanted)


def _amend(
    uow: UnitOfWork, order: ServiceOrder, content: Content, changes: list[dict[str, Any]], wanted: Wanted
) -> Outcome:
    under = under_way(order, CHANGE)
    if under is not None and under["content"] == content:
        return Outcome("DUPLICATE", state=order.state, details=(("version", str(under["version"])),))
    targets = _targets(uow, order, content, lock_over(order))
    if not changes:
        raise nothing_changes()
    if under is not None:
        zh, en = "另一改单尚未答复", "Another change is still open"
        raise DomainError(zh, en, code="CHANGE_IN_PROGRESS", state=order.state)
    local = all(effect.local for _, effect in targets)
    version = order.version if local else highest_sent(order) + 1
    if not wanted.dry_run:
        if local:
            _change_draft(uow, order, content, wanted)
        else:
            _send(uow, order, content, changes, version, targets, wanted)
    return Outcome(state=order.state, details=(("version", str(version)),))


def _targets(uow: UnitOfWork, order: ServiceOrder, content: Content, lock: str) -> list[tuple[OrderItem, Effect]]:
    """The items a change concerns, with its effect: those it names, and every other that is open and may be changed where it is
    about the whole order - one past the point never blocks the others (04.3)."""
    book = rulebook(uow.reference.policies)
    named = content.get("items", {})
    whole = any(name != "items" for name in content) or not named
    rows = order.newest()
    found = []
    refused: DomainError | None = None
    for item in rows:
        if item.item_id in named:
            found.append((item, book.check(item, "change", lock)))
        elif whole and item.progress not in IS_CLOSED:
            effect = book.effect(item, "change", lock)
            if effect.kind is Kind.MOVED:
                found.append((item, effect))
            else:
                refused = refused or refusal(item, "change", effect)
    if not found:
        raise refused or refusal(rows[0], "change", book.effect(rows[0], "change", lock))
    return found


def _change_draft(uow: UnitOfWork, order: ServiceOrder, content: Content, wanted: Wanted) -> None:
    """It was never sent: the change is done, and whoever asked hears so at once."""
    before = order.reservations
    put_content(order, order.newest(), content)
    take_reservations(uow, order, before)
    moves = Moves(uow, order, "change")
    moves.asked = wanted.asked
    moves.settle(reason=wanted.words())


def _send(
    uow: UnitOfWork,
    order: ServiceOrder,
    content: Content,
    changes: list[dict[str, Any]],
    version: int,
    targets: list[tuple[OrderItem, Effect]],
    wanted: Wanted,
) -> None:
    customer = uow.customer(order.customer_id)
    if customer is None:
        raise CustomerUnknown(f"客户 {order.customer_id} 不存在", f"Customer {order.customer_id} is not known")
    after = preview(order, content)
    event = ChangeRequested(
        key=order.id,
        area=order.area,
        to=order.pf_system,
        customer_order_id=order.customer_order_id,
        service_order_id=order.id,
        version=version,
        base_version=order.version,
        new_version=version,
        operator=wanted.operator,
        reason=wanted.reason,
        changes=changes,
        image=order_image(after, customer, [item for item in after.newest() if item.progress not in _GONE]),
    )
    ids = [item.item_id for item, _ in targets]
    ask(uow, order, CHANGE, event, version=version, items=ids, content=content, asked=wanted.asked)
    order.details = {**order.details, SENT_VERSION: version}
    moves = Moves(uow, order, "change")
    for item, effect in targets:
        moves.put(item, effect)
    conclude(moves, reason=wanted.words())

