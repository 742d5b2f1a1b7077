"""A person reserves resources for a customer (RR01, spec 5.3): the question, its answer, its refusal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import DomainError, KeyReused
from crm_core.ports import Outcome, UnitOfWork
from crm_core.resources.events import ReservationAsked, ReservationGivenBack
from crm_core.resources.machine import HELD
from crm_core.resources.model import Reservation, system_of
from crm_core.times import optional


def reservation_of(uow: UnitOfWork, reservation_id: str) -> Reservation:
    """Raises RESERVATION_UNKNOWN (3011)."""
    reservation = uow.reservation(reservation_id)
    if reservation is None:
        raise DomainError(
            f"预留 {reservation_id} 不存在", f"Reservation {reservation_id} is not known", code="RESERVATION_UNKNOWN"
        )
    return reservation


def give_back(uow: UnitOfWork, reservation: Reservation, reason: dict[str, Any], fence: int | None = None) -> None:
    """RR02: what is still held under it is free again; of what is released or expired already success without effect. Without
    ``fence`` whoever holds it now: it has passed through other hands."""
    uow.emit(
        ReservationGivenBack(
            key=reservation.id,
            area=reservation.area,
            reservation_id=reservation.id,
            reason=reason,
            fence=fence,
        )
    )


@dataclass(frozen=True, slots=True)
class ReserveResource:
    """Fields are the message's; ``reservation_id`` is the idempotency key. The channel's rule decides ``ttl_seconds``; without
    it resource management takes its default."""

    reservation_id: str
    area: str
    kind: str
    items: list[dict[str, Any]]
    all_or_nothing: bool
    ttl_seconds: int | None = None
    scheme_id: str | None = None
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The key."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The same again: success without effect. Raises ``KeyReused`` (1009) for the same id with other items or kind."""
        known = uow.reservation(self.reservation_id)
        if known is not None:
            if (known.asked, known.kind) != (self.items, self.kind):
                raise KeyReused(f"预留号 {known.id} 已用于其他内容", f"Reservation {known.id} is known with other content")
            return Outcome("DUPLICATE")
        image = {"kind": self.kind, "items": self.items, "all_or_nothing": self.all_or_nothing}
        for name in ("ttl_seconds", "scheme_id"):
            if (value := getattr(self, name)) is not None:
                image[name] = value
        serial = uow.emit(
            ReservationAsked(
                key=self.reservation_id,
                area=self.area,
                reservation_id=self.reservation_id,
                customer_order_id=self.customer_order_id,
                operator=self.operator,
                channel=self.channel,
                image=image,
            )
        )[0]
        owner = system_of(serial)
        uow.add(Reservation(self.reservation_id, self.kind, owner, self.area, created_at=uow.now, asked=self.items))
        return Outcome("ACCEPTED", details=(("reservation_id", self.reservation_id),))


@dataclass(frozen=True, slots=True)
class RecordReservation:
    """The answer: per item held or refused, with the fence of the hold."""

    reservation_id: str
    items: list[dict[str, Any]]
    fence: int
    expires_at: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The reservation."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Told twice it is one; nothing held closes it; a grant that comes when nobody wants it any more is given back
        (01.1.6). Raises RESERVATION_UNKNOWN (3011)."""
        reservation = reservation_of(uow, self.reservation_id)
        if reservation.items:
            return Outcome("DUPLICATE")
        if reservation.closed:
            if any(row["result"] == HELD for row in self.items):
                give_back(uow, reservation, {"text": "迟到的预留，已无人需要 / granted late, unwanted"}, self.fence)
            return Outcome("DUPLICATE")
        reservation.items = [
            {"item_no": row["item_no"], "resource": resource, "state": HELD}
            for row in self.items
            if row["result"] == HELD
            for resource in row.get("resources", ())
        ]
        reservation.fence = max(self.fence, reservation.fence)
        reservation.expires_at = optional(self.expires_at)
        reservation.closed = not reservation.items
        uow.save(reservation)
        return Outcome("OK")


@dataclass(frozen=True, slots=True)
class RecordReservationReceipt:
    """A refusal of the whole: nothing is held under the id, and never will be."""

    reservation_id: str
    accepted: bool

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The reservation."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises RESERVATION_UNKNOWN (3011)."""
        reservation = reservation_of(uow, self.reservation_id)
        if not self.accepted and not reservation.items:
            reservation.closed = True
            uow.save(reservation)
        return Outcome("OK")
