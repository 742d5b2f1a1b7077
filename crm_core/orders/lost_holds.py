"""Reservations that were lost while their order waited: sent back (RETURNED), or not sent yet (spec 5.3, 04.7).

While an order is under way its reservations do not expire; while the CRM has it they may.  A dispatch that still named one
would be refused by resource management (3010) far from who can do something about it, so it leaves without: what the items say
of numbers and resources stands, and the order tells why.  Who wants them held again reserves anew and names that id in the
change.
"""

from __future__ import annotations

from typing import Any

from crm_core.orders.model import ServiceOrder
from crm_core.ports import UnitOfWork
from crm_core.resources.machine import HELD, end_items, is_one_of
from crm_core.resources.model import Reservation


def used_resources(order: ServiceOrder) -> list[dict[str, Any]]:
    """What completed items were given."""
    return [resource for item in order.newest() if item.progress == "COMPLETED" for resource in item.resources]


def is_lost(reservation: Reservation, used: list[dict[str, Any]]) -> bool:
    """Whether nothing but ``used`` is held under it. One that resource management has not answered yet, or whose owner is
    somebody else, may still be good."""
    if reservation.closed or not reservation.items:
        return reservation.closed
    return not any(item["state"] == HELD and not is_one_of(item["resource"], used) for item in reservation.items)


def lost_holds(uow: UnitOfWork, order: ServiceOrder) -> list[str]:
    """Those of the order's reservations that are lost."""
    used = used_resources(order)
    found = ((name, uow.reservation(name)) for name in order.reservations)
    return [name for name, reservation in found if reservation is not None and is_lost(reservation, used)]


def leave_out(uow: UnitOfWork, order: ServiceOrder) -> list[str]:
    """The order names its lost reservations no more; its reason says so. Returns them."""
    lost = lost_holds(uow, order)
    if lost:
        used = used_resources(order)
        for name in lost:
            reservation = uow.reservation(name)
            if reservation is not None and not reservation.closed:
                end_items(reservation, "consumed", used)
                uow.save(reservation)
        names = ", ".join(lost)
        zh, en = f"预留 {names} 已失效，派单不再带上", f"reservation {names} was lost, the dispatch leaves without it"
        order.reservations = [name for name in order.reservations if name not in lost]
        order.reason = {"text": f"{zh} / {en}"}
    return lost
