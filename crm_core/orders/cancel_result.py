"""CN02: what became of a cancel, item by item, asked for or not (spec 5.7, 04.4, 04.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import OrderUnknown
from crm_core.fallout.model import AUTO_RETRY, Fallout
from crm_core.fallout.settle import cause_gone
from crm_core.orders.change_result import why_not
from crm_core.orders.closing import conclude
from crm_core.orders.item_states import Kind
from crm_core.orders.keys import order_keys
from crm_core.orders.machine import rulebook
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.operations import CANCEL, Entry, all_under_way, awaiting, close, keep
from crm_core.orders.reports import Source, judged_by_itself, receive
from crm_core.ports import Outcome, UnitOfWork

CANCELLED, REFUSED, STUCK = "cancelled", "refused", "stuck"
_INPUTS = {CANCELLED: "cancel_done", REFUSED: "cancel_refused", STUCK: "cancel_stuck"}


@judged_by_itself
@dataclass(frozen=True, slots=True)
class RecordCancelResult:
    """``items`` are dicts: item_id, outcome cancelled / refused / stuck, code?, state?, reason?, undone_stages?,
    released_resources?.  ``reason`` and ``related_order_id`` where a rule of provisioning cancelled unasked."""

    service_order_id: str
    version: int
    items: list[dict[str, Any]]
    reason: dict[str, Any] | None = None
    related_order_id: str | None = None
    report_seq: int | None = None
    customer_order_id: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order and, where named, its customer order."""
        return order_keys(self.service_order_id, self.customer_order_id)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """As ``reports.receive``; in answer to a cancel that is not open it is recorded without effect."""
        return receive(uow, self)

    def examine(self) -> None:
        """Nothing beyond its schema."""

    def input(self) -> str:
        """What the history calls it."""
        outcomes = [item["outcome"] for item in self.items]
        return _INPUTS[next(outcome for outcome in (CANCELLED, STUCK, REFUSED) if outcome in outcomes)]

    def judge(self, uow: UnitOfWork, order: ServiceOrder, source: Source) -> bool:
        """``stuck`` keeps the cancel open, and a person is called; the last final answer closes it, and with it the records
        nobody took."""
        rows = {item.item_id: item for item in order.newest()}
        unknown = [row["item_id"] for row in self.items if row["item_id"] not in rows]
        if unknown:
            zh, en = f"定单没有订单项 {'、'.join(unknown)}", f"The order has no item {', '.join(unknown)}"
            raise OrderUnknown(zh, en, state=order.state, fallout=f"{zh} / {en}")
        entry = self._entry(order, source)
        if entry is None and (source.ref_serial is not None or self.version < order.version):
            return False
        moves = Moves(uow, order, self.input(), source.serial, source.sender)
        records: dict[str, str] = {}
        for row in self.items:
            record = self._settle_item(uow, moves, rows[row["item_id"]], row, source, entry)
            if record is not None:
                records[row["item_id"]] = record
        if entry is not None:
            self._settle_entry(moves, entry, records)
        conclude(moves, reason=self._reason())
        return True

    def _settle_item(
        self, uow: UnitOfWork, moves: Moves, item: OrderItem, row: dict[str, Any], source: Source, entry: Entry | None
    ) -> str | None:
        """The id of the record that was opened."""
        effect = rulebook(uow.reference.policies).effect(item, _INPUTS[row["outcome"]])
        if effect.kind is not Kind.MOVED:
            return None
        moves.put(item, effect)
        reason = why_not(row.get("code"), row.get("reason"), row.get("state"))
        if row["outcome"] == CANCELLED:
            item.reason = moves.order.reason = self.reason if entry is None else entry["reason"]
        if row["outcome"] == STUCK:
            stuck = _stuck(uow, moves.order, item, reason, row.get("code"), source)
            uow.add(stuck)
            return stuck.id
        return None

    def _settle_entry(self, moves: Moves, entry: Entry, records: dict[str, str]) -> None:
        final = [row["item_id"] for row in self.items if row["outcome"] != STUCK]
        left = [item_id for item_id in entry["items"] if item_id not in final]
        cause_gone(moves, entry, final, self.input(), final=not left)
        if left:
            stuck = {**entry.get("stuck", {}), **records}
            keep(moves.order, entry, items=left, **({"stuck": stuck} if stuck else {}))
            return
        close(moves.order, entry)
        moves.asked = entry["asked"]

    def _entry(self, order: ServiceOrder, source: Source) -> Entry | None:
        """The cancel it answers: by the serial it names, or - from a peer that names none - the one open on these items."""
        if source.ref_serial is not None:
            entry = awaiting(order, source.ref_serial)
            return entry if entry is not None and entry["operation"] == CANCEL else None
        named = [row["item_id"] for row in self.items]
        return next((entry for entry in all_under_way(order, CANCEL) if any(one in entry["items"] for one in named)), None)

    def _reason(self) -> dict[str, Any] | None:
        """Why, for the channel: the rule that cancelled, or the first refusal."""
        if self.reason is not None:
            return self.reason
        for row in self.items:
            if row["outcome"] != CANCELLED:
                return why_not(row.get("code"), row.get("reason"), row.get("state"))
        return None


def _stuck(
    uow: UnitOfWork, order: ServiceOrder, item: OrderItem, reason: dict[str, Any] | None, code: str | None, source: Source
) -> Fallout:
    text = (reason or {}).get("text", "")
    return Fallout(
        uow.new_id("FO"),
        "cancel",
        uow.now,
        f"订单项 {item.item_id} 撤单回退失败：{text}",
        f"The cancel of item {item.item_id} is stuck, an undo failed: {text}",
        symbol=uow.reference.symbol(code),
        service_order_id=order.id,
        area=order.area,
        state=AUTO_RETRY,  # provisioning tries the undo again from where it stopped (04.4)
        about={"serial": source.serial, "sender": source.sender, "item_id": item.item_id},
    )
