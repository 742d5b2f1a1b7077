"""A fallout record whose cause has gone by itself: closed where nobody works on it, else the one who does is told (06.2)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.errors import OrderUnknown
from crm_core.fallout.model import CLOSED, Fallout
from crm_core.orders.item_states import Kind
from crm_core.orders.machine import rulebook
from crm_core.orders.moves import Moves
from crm_core.orders.operations import Entry, fallen
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class SettleFallout:
    """``what`` happened, in one word, and ``why`` it settles the record."""

    fallout_id: str
    what: str
    why: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The record."""
        return (("fallout", self.fallout_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """A closed record stays as it is. Raises ``OrderUnknown`` (3003) for no record."""
        record = uow.fallout(self.fallout_id)
        if record is None:
            raise OrderUnknown(f"没有异常单 {self.fallout_id}", f"There is no fallout record {self.fallout_id}")
        if record.state == CLOSED:
            return Outcome("DUPLICATE", state=CLOSED)
        _settle(uow, record, self.what, self.why)
        return Outcome("OK", state=record.state)


def cause_gone(moves: Moves, entry: Entry, item_ids: list[str], what: str, *, final: bool) -> None:
    """Provisioning has answered the operation ``entry``: of these items its undo is no longer stuck, and, where it was the
    ``final`` answer, the operation is no longer overdue, and nothing stands in FALLOUT for it alone (as after a retry)."""
    uow = moves.uow
    stuck: dict[str, str] = entry.get("stuck", {})
    names = [stuck[item_id] for item_id in item_ids if item_id in stuck]
    if final and "overdue" in entry:
        names.append(entry["overdue"])
    for name in names:
        if answered(uow, name, f"{entry['operation']}: {what}") and name == entry.get("overdue"):
            _stand_no_longer(moves, entry)


def answered(uow: UnitOfWork, fallout_id: str, why: str) -> bool:
    """What the record was opened for came after all; whether that closed it: somebody may work on it, or have closed it."""
    record = uow.fallout(fallout_id)
    if record is None or record.state == CLOSED:
        return False
    _settle(uow, record, "answered", why)
    return record.state == CLOSED


def _stand_no_longer(moves: Moves, entry: Entry) -> None:
    order = moves.order
    if any("overdue" in other for other in order.operations if other is not entry):
        return
    book = rulebook(moves.uow.reference.policies)
    for item in order.newest():
        effect = book.effect(item, "desk_retry")
        if item.item_id in fallen(order) and effect.kind is Kind.MOVED:
            moves.put(item, effect)


def _settle(uow: UnitOfWork, record: Fallout, what: str, why: str) -> None:
    before = {"record": record.state, "order": None}
    if record.owner is None:
        record.state, record.closed_at = CLOSED, uow.now
    entry = {
        "at": uow.now, "who": uow.origin.sender, "what": what, "why": why, "approved_by": None,
        "before": before, "after": {"record": record.state, "order": None},
    }  # fmt: skip
    record.actions = [*record.actions, entry]
    uow.save(record)
