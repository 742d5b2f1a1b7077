"""What the core asks of the world: a unit of work and where a command came from.

A use case sees working copies only.  It changes them, says so with ``save`` or ``add``, emits events, and returns an
``Outcome``; or it raises ``DomainError`` and everything it touched is dropped.  Who commits, and when, is not its business
(architecture: the command worker).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from crm_core.billing.model import BillingRecord
from crm_core.customers.model import Account, Customer
from crm_core.customers.notice import CustomerNotice
from crm_core.cutover.model import Cutover, CutoverItem
from crm_core.events import Event
from crm_core.fallout.model import Fallout
from crm_core.history import StateChange
from crm_core.orders.model import CustomerOrder, OrderChange, ServiceOrder, StageRecord
from crm_core.products.model import ProductInstance
from crm_core.reference import Reference
from crm_core.resources.model import Confirmation, Reservation
from crm_core.schemes.model import Scheme, SchemeRequest
from crm_core.surveys.model import Survey

Entity = (
    Customer
    | Account
    | CustomerOrder
    | ServiceOrder
    | ProductInstance
    | Reservation
    | BillingRecord
    | Fallout
    | StageRecord
    | OrderChange
    | StateChange
    | Confirmation
    | Survey
    | SchemeRequest
    | Scheme
    | Cutover
    | CutoverItem
    | CustomerNotice
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asks: sending system or person, the message's serial and code, and the serial it answers (``ref_serial``)."""

    sender: str
    serial: str
    code: str
    ref_serial: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a use case answers: a symbol of the result-code table, the state reached, details for the receipt, a body for Q."""

    symbol: str = "ACCEPTED"
    state: str | None = None
    details: tuple[tuple[str, str], ...] = ()
    body: dict[str, Any] | None = None


class UnitOfWork(Protocol):
    """Working copies of what one command needs; ``None`` where nothing stands under the id."""

    @property
    def now(self) -> int:
        """Milliseconds since epoch, UTC."""

    @property
    def reference(self) -> Reference:
        """Products, processes, areas, reasons: data the core reads but does not own."""

    @property
    def origin(self) -> Origin:
        """Where the command came from."""

    def customer(self, customer_id: str) -> Customer | None: ...

    def account(self, account_id: str) -> Account | None: ...

    def customer_order(self, customer_order_id: str) -> CustomerOrder | None: ...

    def order(self, service_order_id: str) -> ServiceOrder | None:
        """The service order with all its item rows, oldest version first."""

    def instance(self, instance_id: str) -> ProductInstance | None: ...

    def reservation(self, reservation_id: str) -> Reservation | None: ...

    def fallout(self, fallout_id: str) -> Fallout | None: ...

    def confirmation(self, serial: str) -> Confirmation | None:
        """The question that left under ``serial``."""

    def survey(self, survey_id: str) -> Survey | None: ...

    def scheme_request(self, request_id: str) -> SchemeRequest | None: ...

    def scheme(self, key: str) -> Scheme | None:
        """A designed version by ``scheme_key``."""

    def cutover(self, cutover_id: str) -> Cutover | None: ...

    def cutover_item(self, key: str) -> CutoverItem | None:
        """One instance of a cutover by ``item_key``."""

    def load(self, keys: Iterable[tuple[str, str]]) -> None:
        """A hint as ``Command.prefetch``, for what a command knows only after a look: loaded by set, not one by one."""

    def billing_by_serial(self, serial: str) -> BillingRecord | None:
        """The billing record whose notice BL01 went out under ``serial``."""

    def add(self, entity: Entity) -> None:
        """A new row."""

    def save(self, entity: Entity) -> None:
        """A working copy obtained here was changed."""

    def emit(self, event: Event) -> tuple[str, ...]:
        """Tell the world; returns the serials of the messages that will leave (none if nobody is told)."""

    def withdraw(self, serial: str) -> bool:
        """Take back the message emitted under ``serial``, if no byte of it was tried to be sent; False: it may have left."""

    def fingerprint(self, values: list[Any]) -> str:
        """64 hexadecimal digits that are equal for equal wire values (strings, numbers, lists, dicts in the same order)."""

    def new_id(self, kind: str) -> str:
        """A fresh id: ``kind`` (1-4 letters, e.g. ``SO``) and a number (``crm_core.ids``)."""


class Command(Protocol):
    """A frozen use case: arguments as fields, ``execute`` as the deed."""

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """What it will ask for, as (entity kind, id) so that a group is loaded by set; kinds: customer, account,
        customer_order, order, instance, reservation, billing_serial, confirmation, survey, scheme_request, scheme, cutover,
        cutover_item. A hint: what is missing is fetched on demand."""

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Do it, or raise ``DomainError`` and change nothing."""
