"""The fallout desk: one action of a person on one record (spec 06.2). A repair is never a database edit.

An action that ends items tells provisioning - ended by hand (OH13 unasked), returned or given up (CN01) - and does not wait
for it.  Every action stands on the record with who, when, why, who approved, before and after, and in the order's history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid, DomainError, OrderUnknown, StateConflict
from crm_core.fallout.actions import ACTIONS, Action
from crm_core.fallout.ends import complete_by_hand, tell_cancelled, tell_completed
from crm_core.fallout.model import CLAIMED, CLOSED, Fallout
from crm_core.fallout.repairs import correct, repair
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.closing import conclude
from crm_core.orders.dispatch_again import RETURNED
from crm_core.orders.holds import end_holds
from crm_core.orders.item_states import Kind
from crm_core.orders.machine import rulebook
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.reports import release
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class WorkFallout:
    """``action`` a name of ``ACTIONS``; ``operator`` who acts and ``reason`` why; ``approved_by`` the second person where the
    action forces a result; ``changes`` what ``edit`` sets (attributes of an item, by code); ``dry_run`` only says whether it
    may be."""

    fallout_id: str
    action: str
    operator: str
    reason: str = ""
    approved_by: str = ""
    changes: dict[str, Any] | None = None
    dry_run: bool = False

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The record; its order is known only then."""
        return (("fallout", self.fallout_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """OK with the record's state, DUPLICATE if this very action was its last. The detail ``message`` says what is to become
        of the record's message. Raises ``OrderUnknown`` (3003) for no record or action, 2002 for somebody else's record or
        without a second person, 3020 without a reason, 3004 where record, message or items do not allow it."""
        action = ACTIONS.get(self.action)
        record = uow.fallout(self.fallout_id)
        if record is None or action is None:
            raise OrderUnknown(f"没有异常单 {self.fallout_id}", f"There is no fallout record {self.fallout_id}")
        if self._done_before(record):
            return Outcome("DUPLICATE", state=record.state)
        order = None if record.service_order_id is None else uow.order(record.service_order_id)
        items = _stuck(record, order)
        self._check(uow, record, action, order, items)
        if self.dry_run:
            self._dry(uow, action, order, items)
            return Outcome("OK", state=record.state, details=_details(record, action))
        before = _standing(record, order)
        self._perform(uow, record, action, order, items)
        self._note(uow, record, action, before, order)
        return Outcome("OK", state=record.state, details=_details(record, action))

    def _done_before(self, record: Fallout) -> bool:
        last = record.actions[-1] if record.actions else None
        return last is not None and last["what"] == self.action and (record.state == CLOSED or last["who"] == self.operator)

    def _check(
        self, uow: UnitOfWork, record: Fallout, action: Action, order: ServiceOrder | None, items: list[OrderItem]
    ) -> None:
        if record.state == CLOSED:
            raise StateConflict(f"异常单 {record.id} 已关闭", f"Record {record.id} is closed", state=CLOSED)
        self._permitted(uow, record, action, forced=action.ends and bool(items))
        if action.closes and not self.reason:
            raise AttributeInvalid("须说明原因", "Say why", state=record.state)
        if (action.only == "message" and record.message_id is None) or (action.only == "order" and order is None):
            zh, en = f"异常单 {record.id} 不能{action.zh}", f"Record {record.id} cannot be closed by: {action.en}"
            raise StateConflict(zh, en, state=record.state)
        if action.only == "message" and items:
            zh, en = "定单仍处于异常，不能忽略", "Its order stands in FALLOUT: it cannot be ignored"
            raise StateConflict(zh, en, state=record.state)
        if action.only == "order" and action.ends and not items:
            raise StateConflict("没有处于异常的订单项", "No item stands in FALLOUT", state=record.state)

    def _permitted(self, uow: UnitOfWork, record: Fallout, action: Action, *, forced: bool) -> None:
        """2002: by the table of roles, for somebody else's record, for a forced result without a second person who may."""
        refused: tuple[str, str] | None = None
        if not self.operator or (record.owner is not None and record.owner != self.operator):
            refused = f"异常单 {record.id} 由 {record.owner} 领取", f"Record {record.id} is {record.owner}'s"
        elif not uow.reference.may(self.operator, action.name):
            refused = f"{self.operator} 无权{action.zh}异常单", f"{self.operator} may not {action.en} a record"
        elif forced and (not self.approved_by or self.approved_by == self.operator):
            refused = f"{action.zh}须由另一人审批", f"A second person approves: {action.en}"
        elif forced and not uow.reference.may(self.approved_by, "approve"):
            refused = f"{self.approved_by} 无权审批", f"{self.approved_by} may not approve"
        if refused is not None:
            raise DomainError(*refused, code="NOT_PERMITTED", state=record.state)

    def _dry(self, uow: UnitOfWork, action: Action, order: ServiceOrder | None, items: list[OrderItem]) -> None:
        book = rulebook(uow.reference.policies)
        if action.input:
            for item in items:
                book.check(item, action.input)
        elif action.name == "cancel" and order is not None:
            CancelOrder(order.id, self._cancel_reason(uow), operator=self.operator, dry_run=True).execute(uow)

    def _perform(
        self, uow: UnitOfWork, record: Fallout, action: Action, order: ServiceOrder | None, items: list[OrderItem]
    ) -> None:
        if action.name == "claim":
            record.state, record.owner = CLAIMED, self.operator
            return
        if order is not None:
            self._on_order(uow, record, action, order, items)
        record.state, record.owner, record.closed_at = CLOSED, self.operator, uow.now

    def _on_order(
        self, uow: UnitOfWork, record: Fallout, action: Action, order: ServiceOrder, items: list[OrderItem]
    ) -> None:
        if action.name == "cancel":
            CancelOrder(order.id, self._cancel_reason(uow), operator=self.operator).execute(uow)
            return
        if self.changes is not None and record.message_id is None:
            correct(order, record, self.changes)
        moves = Moves(uow, order, action.input or f"desk_{action.name}", actor=self.operator)
        book = rulebook(uow.reference.policies)
        for item in items if action.input else ():
            effect = book.check(item, action.input)
            if effect.kind is not Kind.MOVED:
                continue
            if action.name == "complete":
                complete_by_hand(moves, item, effect)
            else:
                moves.put(item, effect)
        ended = [item.item_id for item in items] if action.ends else []
        if ended and action.name == "complete":
            tell_completed(moves, ended)
        elif ended:
            tell_cancelled(moves, ended, self._cancel_reason(uow))
        repair(moves, record, action, self.changes)
        moves.record(f"desk_{action.name}", self._why())
        if action.ends and items:
            order.reason = {"text": self.reason}
        conclude(moves, reason={"text": self.reason})
        if ended and order.state == RETURNED:  # provisioning was told of a cancel: nothing comes back (docs/decisions/019)
            end_holds(uow, order)
        release(uow, order)

    def _cancel_reason(self, uow: UnitOfWork) -> dict[str, Any]:
        """A row 10C of the dictionary with the person's words."""
        codes = sorted(code for kind, code in uow.reference.reasons if kind == "10C")
        code = uow.reference.policies.get("desk_cancel_reason") or (codes[0] if codes else "DESK")
        return {"type": "10C", "code": code, "text": self.reason[:500]}

    def _why(self) -> str:
        return f"{self.reason} ({self.operator}{' + ' + self.approved_by if self.approved_by else ''})"

    def _note(
        self, uow: UnitOfWork, record: Fallout, action: Action, before: dict[str, Any], order: ServiceOrder | None
    ) -> None:
        entry = {
            "at": uow.now,
            "who": self.operator,
            "what": action.name,
            "why": self.reason,
            "approved_by": self.approved_by or None,
            "before": before,
            "after": _standing(record, order),
        }
        if self.changes is not None:
            entry["changes"] = self.changes
        record.actions = [*record.actions, entry]
        uow.save(record)


def _stuck(record: Fallout, order: ServiceOrder | None) -> list[OrderItem]:
    """The items on FALLOUT the record is about: the one it names, else all."""
    if order is None:
        return []
    named = record.about.get("item_id")
    return [item for item in order.newest() if item.fallout and named in (None, item.item_id)]


def _standing(record: Fallout, order: ServiceOrder | None) -> dict[str, Any]:
    return {"record": record.state, "order": None if order is None else order.state}


def _details(record: Fallout, action: Action) -> tuple[tuple[str, str], ...]:
    given = [("fallout_id", record.id)]
    if record.message_id is not None and action.message:
        given.append(("message", action.message))
    return tuple(given)
