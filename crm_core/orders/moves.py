"""What every state change of an order leaves behind, in one place (spec 04, 8.1).

A command collects the moves of an order's items in a ``Moves``; ``settle`` then derives the order's state from its items,
appends the history entry, moves instances whose item ended without completion, folds the customer order, and tells the channel.
"""

from __future__ import annotations

from typing import Any

from crm_core.events import OrderStateChanged
from crm_core.orders.fold import CLOSED_STATES, FINAL, fold
from crm_core.orders.item_states import ENDS, IS_CLOSED, STICKING, Effect
from crm_core.orders.lock import as_dict, end, from_dict
from crm_core.orders.machine import enact, state_of
from crm_core.orders.model import CustomerOrder, OrderChange, OrderItem, ServiceOrder
from crm_core.orders.operations import acquit
from crm_core.orders.timing import LOCK, end_lost_deferral, resume_clock, tend
from crm_core.ports import UnitOfWork
from crm_core.products import instance_machine
from crm_core.products.model import ProductInstance
from crm_core.times import to_wire

NOBODY = "none"
"""``CustomerOrder.notify`` of an order no channel asked for: nobody hears of it."""


class Moves:
    """The moves of one order in one command. ``cause`` and ``serial`` go into the history: which input, which message."""

    __slots__ = ("_closed", "_moved", "actor", "asked", "before", "cause", "fresh", "order", "serial", "uow")

    def __init__(
        self,
        uow: UnitOfWork,
        order: ServiceOrder,
        cause: str,
        serial: str | None = None,
        actor: str | None = None,
        fresh: CustomerOrder | None = None,
    ) -> None:
        """``fresh`` is the customer order when order and customer order are new and not yet added.

        ``asked`` (system and serial of a CH03), set by the caller, is told how its operation ended, whatever ``notify`` says.
        """
        self.uow = uow
        self.order = order
        self.cause = cause
        self.serial = uow.origin.serial if serial is None else serial
        self.actor = uow.origin.sender if actor is None else actor
        self.fresh = fresh
        self.before = order.state
        self.asked: dict[str, str] | None = None
        self._moved: list[tuple[str, str, str]] = []
        self._closed: list[OrderItem] = []

    def put(self, item: OrderItem, effect: Effect, target: str | None = None) -> bool:
        """Enact a ``MOVED`` effect; returns whether the item's state changed."""
        was = item.progress if not (item.fallout or item.cancelling or item.amending) else state_of(item)
        stood = item.fallout
        enact(item, effect, self.uow.now, target)
        if stood and (not item.fallout or self.cause in STICKING):
            acquit(self.order, item.item_id)
        state = state_of(item)
        if item.progress in IS_CLOSED and was != state:
            self._closed.append(item)
        if state == was:
            return False
        self._moved.append((item.item_id, was, state))
        return True

    def record(self, name: str, text: str | None = None) -> None:
        """An entry of the history for what moves no item."""
        order = self.order
        change = OrderChange(order.id, self.uow.now, name, self.actor, self.serial, order.state, order.state, (), text)
        self.uow.add(change)

    def settle(self, reason: dict[str, Any] | None = None, stage: dict[str, Any] | None = None) -> bool:
        """Derive and record; returns whether the order ended with it. ``reason`` (text, code?) and ``stage`` (code, name)
        travel in the notice to the channel."""
        uow, order = self.uow, self.order
        state = fold([state_of(item) for item in order.newest()])
        if self._moved:
            text = None if reason is None else reason.get("text")
            uow.add(
                OrderChange(
                    order.id, uow.now, self.cause, self.actor, self.serial, self.before, state, tuple(self._moved), text
                )
            )
        for item in self._closed:
            self._leave(item)
        ended = False
        if state != self.before:
            order.state = state
            order.since = uow.now
            ended = state in FINAL
            if ended:
                order.ended_at = uow.now
            if order.lock is not None and state in CLOSED_STATES:
                order.lock = as_dict(end(from_dict(order.lock))[0])
                resume_clock(uow, order, LOCK)
            self._tell(state, reason, stage)
        elif self.asked is not None:
            self._notice(self.asked["system"], self.asked["serial"], reason, stage)
        if order.deferral is not None:
            end_lost_deferral(uow, order)
        tend(order)
        if self.fresh is None:
            uow.save(order)
        return ended

    def _leave(self, item: OrderItem) -> None:
        """An item that ended for good leaves its instance: back to what it was if it was not completed (04.6)."""
        if item.progress not in ENDS:
            return
        instance = self.uow.instance(item.instance_id)
        if instance is None:
            return
        name = instance_machine.ON_ENDED.get(item.action)
        if item.progress != "COMPLETED" and name and instance_machine.allows(instance, name):
            instance_machine.move(instance, name, self.uow.now)
        if not self._still_on(instance):
            instance.open_orders = [order_id for order_id in instance.open_orders if order_id != self.order.id]
            instance.last_order = self.order.id
        self.uow.save(instance)

    def _still_on(self, instance: ProductInstance) -> bool:
        """RETURNED counts as in flight (5.4 rule 2)."""
        return any(item.instance_id == instance.id and item.progress not in ENDS for item in self.order.newest())

    def _tell(self, state: str, reason: dict[str, Any] | None, stage: dict[str, Any] | None) -> None:
        """Fold the customer order and, if the channel asked to hear of it, tell it (CH02)."""
        uow, order = self.uow, self.order
        customer_order = self.fresh or uow.customer_order(order.customer_order_id)
        if customer_order is None:
            return
        customer_order.states = {**customer_order.states, order.id: state}
        customer_order.state = fold(customer_order.states.values())
        if customer_order.state in FINAL and customer_order.ended_at is None:
            customer_order.ended_at = uow.now
        if self.fresh is None:
            uow.save(customer_order)
        if self.asked is not None:
            self._notice(self.asked["system"], self.asked["serial"], reason, stage)
        told = None if self.asked is None else self.asked["system"]
        if customer_order.notify == NOBODY:
            return
        if told != customer_order.channel_system and (customer_order.notify == "each" or state in CLOSED_STATES):
            self._notice(customer_order.channel_system, customer_order.details.get("serial"), reason, stage)

    def _notice(
        self, system: str, ref_serial: str | None, reason: dict[str, Any] | None, stage: dict[str, Any] | None
    ) -> None:
        order = self.order
        expected = order.expected_finish
        self.uow.emit(
            OrderStateChanged(
                key=order.id,
                area=order.area,
                to=system,
                ref_serial=ref_serial,
                customer_order_id=order.customer_order_id,
                service_order_id=order.id,
                version=order.version,
                state=order.state,
                reason=reason,
                stage=stage,
                expected_finish=None if expected is None else to_wire(expected),
            )
        )
