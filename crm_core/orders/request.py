"""A submitted order: what the document says, the faults by path, and what was found acceptable (spec 02.0)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from crm_core.customers.model import Account, Customer
from crm_core.errors import DomainError, Refusal
from crm_core.orders.model import ServiceOrder
from crm_core.products.model import ProductInstance
from crm_core.resources.model import Reservation
from crm_core.schemes.model import Scheme

ROOT = "/Package/Body/SubmitOrder"


@dataclass(frozen=True, slots=True)
class Submission:
    """What a channel submits: fields are the message's."""

    customer_order_id: str
    area: str
    customer: dict[str, Any]
    dates: dict[str, Any]
    contact: dict[str, Any]
    items: list[dict[str, Any]]
    operator: str | None = None
    channel: str | None = None
    account_id: str | None = None
    priority: int | None = None
    reservations: list[str] | None = None
    scheme: dict[str, Any] | None = None
    payment: dict[str, Any] | None = None
    attachments: list[dict[str, Any]] | None = None
    pre_accept: bool | None = None
    notify: str | None = None
    Extension: str | None = None


class Faults:
    """Collects refusals; the first decides the code of the whole."""

    __slots__ = ("found", "state")

    def __init__(self) -> None:
        self.found: list[Refusal] = []
        self.state: str | None = None

    def add(self, path: str, found: str | None, symbol: str, zh: str, en: str, state: str | None = None) -> None:
        """``path`` is relative to the message element; ``state`` the current state where one stands in the way."""
        if not self.found:
            self.state = state
        self.found.append(Refusal(ROOT + path, found or "", symbol, zh, en))

    def raise_if_any(self) -> None:
        """One ``DomainError`` with everything found."""
        if self.found:
            first = self.found[0]
            raise DomainError(first.zh, first.en, code=first.symbol, state=self.state, refusals=tuple(self.found))


@dataclass(slots=True)
class Planned:
    """An acceptable item: ``instance`` is None where it is born with the order; ``awaits`` orders that must complete first."""

    item: dict[str, Any]
    sequence: int
    attrs: list[dict[str, Any]]
    depends_on: list[str]
    instance: ProductInstance | None = None
    awaits: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Request:
    """What examination found: entities loaded, dates in ms, items in document order. ``awaited`` are orders in flight that
    items name in ``depends_on``; ``scheme`` is the CRM's copy of the one the order builds on."""

    customer: Customer | None
    account: Account | None
    dates: dict[str, int | None]
    items: list[Planned]
    reservations: list[Reservation]
    awaited: dict[str, ServiceOrder]
    scheme: Scheme | None = None
