"""A person asks what an address can be served with, perhaps holding it at once (RC01, spec 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.errors import DomainError
from crm_core.ports import Outcome, UnitOfWork
from crm_core.products.orderable import check_product
from crm_core.resources.events import ConfirmationAsked
from crm_core.resources.machine import HELD
from crm_core.resources.model import Confirmation, Reservation, system_of
from crm_core.times import optional

_NEED = (
    "product", "action", "quantity", "bandwidth", "access_modes", "a_end", "z_end", "product_instance_id", "required_date",
    "pre_occupy",
)  # fmt: skip
_ANSWER = ("result", "reason", "options", "numbers", "reserved", "expires_at", "fence")


@dataclass(frozen=True, slots=True)
class ConfirmResource:
    """Fields are the message's."""

    area: str
    product: str
    action: str
    quantity: int
    access_modes: list[str]
    a_end: dict[str, Any]
    z_end: dict[str, Any] | None = None
    bandwidth: str | None = None
    product_instance_id: str | None = None
    required_date: str | None = None
    pre_occupy: dict[str, Any] | None = None
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The instance if one is named."""
        return () if self.product_instance_id is None else (("instance", self.product_instance_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """The confirmation's id is in the details as ``confirmation_id``. Raises ``AttributeInvalid`` (3020), ``NoProcess``
        (3019), ``InstanceUnknown`` (3002)."""
        check_product(uow, self.product, self.action, self.product_instance_id)
        need = {name: value for name in _NEED if (value := getattr(self, name)) is not None}
        key = self.a_end.get("id") or self.area if self.pre_occupy is None else self.pre_occupy["reservation_id"]
        serial = uow.emit(
            ConfirmationAsked(
                key=key,
                area=self.area,
                customer_order_id=self.customer_order_id,
                operator=self.operator,
                channel=self.channel,
                image=need,
            )
        )[0]
        uow.add(
            Confirmation(
                serial, self.area, system_of(serial), customer_order_id=self.customer_order_id, need=need, asked_at=uow.now
            )
        )
        return Outcome("ACCEPTED", state="asked", details=(("confirmation_id", serial),))


def _asked(uow: UnitOfWork) -> Confirmation:
    """The question the origin's serial names; raises ORDER_UNKNOWN (3003) if the CRM never asked."""
    confirmation = uow.confirmation(uow.origin.serial)
    if confirmation is None:
        raise DomainError(
            f"没有流水号为 {uow.origin.serial} 的资源确认",
            f"No confirmation was asked as {uow.origin.serial}",
            code="ORDER_UNKNOWN",
        )
    return confirmation


@dataclass(frozen=True, slots=True)
class RecordConfirmation:
    """The answer; ``pre_occupy`` is what was asked, ``reserved`` what is held for it."""

    result: str
    reason: dict[str, Any] | None = None
    options: list[dict[str, Any]] | None = None
    numbers: list[str] | None = None
    reserved: list[dict[str, Any]] | None = None
    expires_at: str | None = None
    fence: int | None = None
    pre_occupy: dict[str, Any] | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The question is found by its serial, which the origin knows; and the reservation that may be born."""
        return () if self.pre_occupy is None else (("reservation", self.pre_occupy["reservation_id"]),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Told twice it is one. Raises ORDER_UNKNOWN (3003)."""
        confirmation = _asked(uow)
        if confirmation.state != "asked":
            return Outcome("DUPLICATE", state=confirmation.state)
        confirmation.state, confirmation.answered_at = "answered", uow.now
        confirmation.answer = {name: value for name in _ANSWER if (value := getattr(self, name)) is not None}
        uow.save(confirmation)
        if self.pre_occupy is not None and self.reserved:
            self._hold(uow, confirmation, self.pre_occupy, self.reserved)
        return Outcome("OK", state=confirmation.state)

    def _hold(self, uow: UnitOfWork, confirmation: Confirmation, asked: dict[str, Any], reserved: list[dict[str, Any]]) -> None:
        if uow.reservation(asked["reservation_id"]) is not None:
            return
        uow.add(
            Reservation(
                asked["reservation_id"],
                asked["kind"],
                confirmation.owner,
                confirmation.area,
                items=[{"resource": resource, "state": HELD} for resource in reserved],
                created_at=uow.now,
                expires_at=optional(self.expires_at),
                fence=self.fence or 0,
                asked=[asked],
            )
        )


@dataclass(frozen=True, slots=True)
class RecordConfirmationReceipt:
    """A refusal of the question; ``symbol`` says why."""

    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The question is found by its serial, which the origin knows."""
        return ()

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ORDER_UNKNOWN (3003)."""
        confirmation = _asked(uow)
        if not self.accepted and confirmation.state == "asked":
            confirmation.state, confirmation.symbol, confirmation.answered_at = "refused", self.symbol, uow.now
            uow.save(confirmation)
        return Outcome("OK", state=confirmation.state)
