"""What becomes of the reservations an order names, when it ends or names them no more (spec 5.3, 04.1, 04.7).

The service orders of one customer order share what the counter reserved for it: while another of them still goes on, only what
completed items use is taken out, the rest passes to that one.
"""

from __future__ import annotations

from typing import Any

from crm_core.orders.fold import FINAL
from crm_core.orders.lost_holds import used_resources
from crm_core.orders.model import ServiceOrder
from crm_core.ports import UnitOfWork
from crm_core.resources.machine import end_items
from crm_core.resources.model import Reservation
from crm_core.resources.reserve import give_back
from crm_core.resources.whose import with_provisioning


def end_holds(uow: UnitOfWork, order: ServiceOrder) -> None:
    """Completed items consume what they were given; whatever else the order holds is free again (04.1). What the CRM itself
    reserved and nobody used it gives back (RR02): provisioning frees only what came to it."""
    for reservation_id in order.reservations:
        found = _own(uow, order, reservation_id)
        if found is None:
            continue
        reservation, sharing = found
        whole = all(one.state == "COMPLETED" for one in (order, *sharing))
        going_on = next((one for one in sharing if one.state not in FINAL), None)
        if going_on is not None:
            end_items(reservation, "consumed", used_resources(order))
            reservation.order_id = going_on.id
            uow.save(reservation)
            continue
        _free(uow, reservation, None if whole else used_resources(order), f"定单 {order.id} 已结束：{order.state}")


def let_go(uow: UnitOfWork, order: ServiceOrder, before: list[str]) -> None:
    """Of the reservations it named ``before`` the order names some no more: they are free again. Of an order under way
    provisioning frees them (5.6), or still uses what is in them; of another system's, its owner decides."""
    for reservation_id in before:
        found = None if reservation_id in order.reservations else _own(uow, order, reservation_id)
        if found is None:
            continue
        reservation, sharing = found
        going_on = next((one for one in sharing if one.state not in FINAL), None)
        if going_on is not None or (reservation.asked is None and not with_provisioning(order)):
            reservation.order_id = None if going_on is None else going_on.id
            uow.save(reservation)
            continue
        _free(uow, reservation, used_resources(order), f"定单 {order.id} 不再使用", lent=with_provisioning(order))


def _own(uow: UnitOfWork, order: ServiceOrder, reservation_id: str) -> tuple[Reservation, list[ServiceOrder]] | None:
    """The reservation, where something of it may be held, with the other orders of its customer order that name it. None also
    for one that went to somebody else's order meanwhile."""
    reservation = uow.reservation(reservation_id)
    if reservation is None or reservation.closed:
        return None
    customer_order = uow.customer_order(order.customer_order_id)
    family = [] if customer_order is None else customer_order.service_order_ids
    if reservation.order_id not in (None, order.id, *family):
        return None
    others = [uow.order(name) for name in family if name != order.id]
    return reservation, [one for one in others if one is not None and reservation_id in one.reservations]


def _free(
    uow: UnitOfWork, reservation: Reservation, used: list[dict[str, Any]] | None, why: str, *, lent: bool = False
) -> None:
    end_items(reservation, "consumed", used)
    left = not reservation.closed or not reservation.items
    end_items(reservation, "released")
    uow.save(reservation)
    if left and reservation.asked is not None and not lent:
        give_back(uow, reservation, {"text": why})
