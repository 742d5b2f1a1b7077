"""A person releases or prolongs what the CRM reserved (RR02, RR03; spec 5.3), and what resource management answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import DomainError, StaleVersion, StateConflict
from crm_core.orders.lost_holds import used_resources
from crm_core.orders.model import ServiceOrder
from crm_core.ports import Outcome, UnitOfWork
from crm_core.resources.events import ReservationGivenBack, ReservationProlonged
from crm_core.resources.machine import HELD, end_items, is_one_of
from crm_core.resources.model import Reservation
from crm_core.resources.reserve import reservation_of
from crm_core.resources.whose import order_of, was_lent, with_provisioning
from crm_core.times import optional

KINDS = ("PICK", "ADVANCE", "ORDER")
"""From weak to strong: a reservation never goes back (5.3)."""


def _ours(order: ServiceOrder | None) -> None:
    """Raises NOT_PERMITTED (2002) while an order under way holds it: it has passed to provisioning with the order."""
    if with_provisioning(order):
        raise DomainError(
            f"预留已随在途定单 {order.id} 移交",
            f"The reservation has passed on with order {order.id}, which is under way",
            code="NOT_PERMITTED",
            state=order.state,
        )


def _fence_is_current(reservation: Reservation, fence: int | None) -> None:
    """Raises ``StaleVersion`` (3015) with the current one where who asks has seen an older one."""
    if fence is not None and fence < reservation.fence:
        raise StaleVersion(
            f"预留 {reservation.id} 的令牌 {fence} 已过时，现为 {reservation.fence}",
            f"Fence {fence} of reservation {reservation.id} is stale, it is {reservation.fence} now",
            state=str(reservation.fence),
        )


def _used_by(order: ServiceOrder | None) -> list[dict[str, Any]]:
    return [] if order is None else used_resources(order)


def _use_up(reservation: Reservation, order: ServiceOrder | None) -> None:
    """What completed items of an order that came back were given is in use: it is not ours to give back."""
    if used := _used_by(order):
        end_items(reservation, "consumed", used)


def _not_used_up(reservation: Reservation, order: ServiceOrder | None) -> None:
    """Raises RESOURCE_UNAVAILABLE (3009) where something of it is in use and nothing is held any more."""
    used = _used_by(order)
    held = [item for item in reservation.items if item["state"] == HELD and not is_one_of(item["resource"], used)]
    if not held and any(item["state"] in (HELD, "consumed") for item in reservation.items):
        raise DomainError(
            f"预留 {reservation.id} 的资源已占用",
            f"The resources of reservation {reservation.id} are in use",
            code="RESOURCE_UNAVAILABLE",
        )


@dataclass(frozen=True, slots=True)
class ReleaseReservation:
    """Fields are the message's. ``items``: dicts item_no, resources?; None for all; ``reason``: text and perhaps code;
    ``fence`` the one who asks has seen, if any."""

    reservation_id: str
    reason: dict[str, Any]
    items: list[dict[str, Any]] | None = None
    fence: int | None = None
    operator: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The reservation."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Released or expired already: success without effect. Of an order that came back it is ours again, whatever fence it
        got on its way (5.3). Raises 3011, 2002, 3015, and RESOURCE_UNAVAILABLE (3009) where something was consumed and nothing
        is held any more."""
        reservation = reservation_of(uow, self.reservation_id)
        order = order_of(uow, reservation)
        if not reservation.closed:
            _ours(order)
        _not_used_up(reservation, order)
        if reservation.closed:
            return Outcome("DUPLICATE")
        _fence_is_current(reservation, self.fence)
        uow.emit(
            ReservationGivenBack(
                key=reservation.id,
                area=reservation.area,
                reservation_id=reservation.id,
                reason=self.reason,
                fence=None if was_lent(order) else reservation.fence or None,
                items=self.items,
                operator=self.operator,
            )
        )
        return Outcome("ACCEPTED")


@dataclass(frozen=True, slots=True)
class RecordRelease:
    """The answer; without ``items`` the whole reservation is gone, or was never there."""

    reservation_id: str
    items: list[dict[str, Any]] | None = None
    fence: int | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The reservation."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """What has left ``held`` stays as it is. Raises RESERVATION_UNKNOWN (3011)."""
        reservation = reservation_of(uow, self.reservation_id)
        _use_up(reservation, order_of(uow, reservation))
        if self.items is None:
            end_items(reservation, "released")
        else:
            # rows without a result are our own question: answered as a whole, with success
            gone = [row for row in self.items if row.get("result", "released") == "released"]
            end_items(reservation, "released", [one for row in gone for one in _resources_of(reservation, row)])
        reservation.fence = max(self.fence or 0, reservation.fence)
        uow.save(reservation)
        return Outcome("OK")


def _resources_of(reservation: Reservation, row: dict[str, Any]) -> list[dict[str, Any]]:
    """What an item of the reservation holds; of it what the row names, if it names any."""
    held = [item["resource"] for item in reservation.items if item.get("item_no") == row["item_no"]]
    named = row.get("resources")
    return [one for one in held if is_one_of(one, named)] if named else held


@dataclass(frozen=True, slots=True)
class ExtendReservation:
    """``ttl_seconds`` from now; ``kind`` only forward; ``fence`` the one who asks has seen, if any."""

    reservation_id: str
    ttl_seconds: int
    kind: str | None = None
    fence: int | None = None
    operator: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The reservation."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Of an order that came back it is ours again, with a time we were not told: only RR04 ends it. Raises 3011, 2002,
        3015, 3009 as a release, HOLD_EXPIRED (3010) for one that is over, ``StateConflict`` (3004) for a weaker kind or one
        that resource management has not answered yet."""
        reservation = reservation_of(uow, self.reservation_id)
        order = order_of(uow, reservation)
        if not reservation.closed:
            _ours(order)
        _not_used_up(reservation, order)
        over = not was_lent(order) and reservation.expires_at is not None and reservation.expires_at <= uow.now
        if reservation.closed or over:
            raise DomainError(
                f"预留 {reservation.id} 已过期或已释放",
                f"Reservation {reservation.id} has expired or was released",
                code="HOLD_EXPIRED",
            )
        _fence_is_current(reservation, self.fence)
        if not reservation.items:
            raise StateConflict(f"预留 {reservation.id} 尚无结果", f"Reservation {reservation.id} has no answer yet")
        if self.kind is not None and KINDS.index(self.kind) < KINDS.index(reservation.kind):
            raise StateConflict(
                f"预留不能由 {reservation.kind} 退回 {self.kind}",
                f"A reservation never goes back from {reservation.kind} to {self.kind}",
                state=reservation.kind,
            )
        uow.emit(
            ReservationProlonged(
                key=reservation.id,
                area=reservation.area,
                reservation_id=reservation.id,
                fence=reservation.fence,
                ttl_seconds=self.ttl_seconds,
                kind=self.kind,
                operator=self.operator,
            )
        )
        return Outcome("ACCEPTED")


@dataclass(frozen=True, slots=True)
class RecordExtension:
    """The answer: until when it holds now, under which fence."""

    reservation_id: str
    fence: int
    expires_at: str | None = None
    kind: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The reservation."""
        return (("reservation", self.reservation_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """An answer behind a newer one is recorded without effect. Raises RESERVATION_UNKNOWN (3011)."""
        reservation = reservation_of(uow, self.reservation_id)
        if self.fence < reservation.fence:
            return Outcome("DUPLICATE")
        reservation.fence = self.fence
        reservation.expires_at = optional(self.expires_at)
        reservation.kind = self.kind or reservation.kind
        uow.save(reservation)
        return Outcome("OK")
