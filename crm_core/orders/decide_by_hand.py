"""A person accepts or refuses a completion, for products of ``decide_by_hand`` (spec 04.1 COMPLETING, 5.4 OH13)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import AttributeInvalid, OrderUnknown, StateConflict
from crm_core.orders.closing import conclude
from crm_core.orders.decide import accept, answer, fault_of, refuse, reported
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.reports import Source
from crm_core.ports import Outcome, UnitOfWork


@dataclass(frozen=True, slots=True)
class DecideCompletion:
    """``items``: the item ids decided on; None: all that are COMPLETING. ``reason`` is told to provisioning on refusal."""

    service_order_id: str
    accepted: bool
    reason: str = ""
    items: list[str] | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The order."""
        return (("order", self.service_order_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``OrderUnknown`` (3003), ``StateConflict`` (3004) if an item is not COMPLETING, ``AttributeInvalid`` (3020) if
        what an item must bring is missing: that can only be refused."""
        order = uow.order(self.service_order_id)
        if order is None:
            raise OrderUnknown(f"定单 {self.service_order_id} 不存在", f"Order {self.service_order_id} is not known")
        moves = Moves(uow, order, "completion_accepted" if self.accepted else "completion_refused")
        completion = order.details["completion"]
        answers: dict[Source, list[dict[str, Any]]] = {}
        for item_id in self._item_ids(order):
            sender, serial = reported(order).get(item_id, (completion["sender"], completion["serial"]))
            answers.setdefault(Source(sender, serial), []).append(self._decide(uow, moves, item_id))
        for source, rows in answers.items():
            answer(uow, order, rows, source)
        conclude(moves)
        return Outcome("OK", state=order.state)

    def _item_ids(self, order: ServiceOrder) -> list[str]:
        waiting = [item.item_id for item in order.newest() if item.progress == "COMPLETING"]
        wanted = waiting if self.items is None else list(dict.fromkeys(self.items))
        wrong = [item_id for item_id in wanted if item_id not in waiting]
        if wrong or not wanted:
            raise StateConflict(
                f"没有待确认竣工的订单项 {'、'.join(wrong)}",
                f"No completion to decide on {', '.join(wrong)}",
                state=order.state,
            )
        return wanted

    def _decide(self, uow: UnitOfWork, moves: Moves, item_id: str) -> dict[str, Any]:
        item = next(item for item in moves.order.newest() if item.item_id == item_id)
        if not self.accepted:
            return refuse(uow, moves, item, ("STATE_CONFLICT", self.reason))
        instance = uow.instance(item.instance_id)
        fault = fault_of(uow, item, instance)
        if fault is not None or instance is None:
            symbol, text = fault or ("INSTANCE_UNKNOWN", "产品实例不存在 / no instance")
            raise AttributeInvalid(text, text, code=symbol, state=moves.order.state)
        return accept(uow, moves, item, instance)
