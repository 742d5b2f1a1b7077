"""In whose hands a reservation is (spec 5.3): the CRM's, or provisioning's while the order that brought it is under way there.

A reservation that OH01 lists passes to provisioning. It comes back when the order does (RETURNED); an order that was never
sent has not taken it anywhere, and one that has ended has used or freed it.
"""

from __future__ import annotations

from typing import TypeGuard

from crm_core.orders.fold import CLOSED_STATES
from crm_core.orders.model import ServiceOrder
from crm_core.ports import UnitOfWork
from crm_core.resources.model import Reservation


def order_of(uow: UnitOfWork, reservation: Reservation) -> ServiceOrder | None:
    """The order the reservation is for, if it is for one."""
    return None if reservation.order_id is None else uow.order(reservation.order_id)


def was_lent(order: ServiceOrder | None) -> bool:
    """Whether what the order brought has been in provisioning's hands: fence and time may be others since."""
    return order is not None and order.dispatched_at is not None


def with_provisioning(order: ServiceOrder | None) -> TypeGuard[ServiceOrder]:
    """Whether what the order brought is in provisioning's hands now: sent, and neither ended nor sent back. An order of which
    only some items came back is still there."""
    return order is not None and order.dispatched_at is not None and order.state not in CLOSED_STATES
