"""RR04: resource management tells the owner that a reservation has expired (spec 5.3, 04.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.fallout.model import Fallout
from crm_core.ports import Outcome, UnitOfWork
from crm_core.resources.machine import end_items
from crm_core.resources.reserve import reservation_of
from crm_core.resources.whose import order_of, with_provisioning


@dataclass(frozen=True, slots=True)
class RecordReservationExpired:
    """``resources`` are ResourceRef dicts; what was consumed or released before stays so."""

    reservation_id: str
    resources: list[dict[str, Any]]

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The reservation."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """A reservation an order under way relies on must not expire (5.3): that opens a fallout record. Of an order that came
        back it may: the next dispatch leaves without it. Raises RESERVATION_UNKNOWN (3011)."""
        reservation = reservation_of(uow, self.reservation_id)
        expired = end_items(reservation, "expired", self.resources)
        if not reservation.items:
            reservation.closed = True
        uow.save(reservation)
        order = order_of(uow, reservation)
        if with_provisioning(order):
            uow.add(
                Fallout(
                    uow.new_id("FO"),
                    "reservation",
                    uow.now,
                    f"在途定单 {order.id} 的预留 {reservation.id} 已过期",
                    f"Reservation {reservation.id} of order {order.id} expired while the order is under way",
                    symbol="HOLD_EXPIRED",
                    service_order_id=order.id,
                    area=order.area,
                    about={"serial": uow.origin.serial, "sender": uow.origin.sender, "expired": expired},
                )
            )
        return Outcome()
