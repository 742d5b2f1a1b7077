"""The unit of work over the real store: working copies in, collected rows out (``crm_core.ports.UnitOfWork``).

Nothing reaches the store before ``merge``; a unit that is not merged never happened, at no cost (architecture 4, step 2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import astuple
from typing import Any

import orjson

from adapters.store.mapping import BY_CLASS, STAGE
from adapters.store.rows import MessageRecord
from adapters.store.store import Store, working_copy
from crm_core.billing.model import BillingRecord
from crm_core.customers.model import Account, Customer
from crm_core.cutover.model import Cutover, CutoverItem
from crm_core.events import Event
from crm_core.fallout.model import Fallout
from crm_core.history import StateChange
from crm_core.ids import own_id
from crm_core.orders.model import CustomerOrder, OrderChange, ServiceOrder, StageRecord
from crm_core.ports import Entity, Origin
from crm_core.products.model import ProductInstance
from crm_core.reference import Reference
from crm_core.resources.model import Confirmation, Reservation
from crm_core.schemes.model import Scheme, SchemeRequest
from crm_core.surveys.model import Survey

Publisher = Callable[[Event, "StoreUnit"], tuple[str, ...]]
"""Turns an event into outbound messages put on the unit; returns their serials (``adapters.translate.Outbound``)."""


class StoreUnit:
    """One command's view of the store."""

    __slots__ = (
        "_added", "_copies", "_publish", "_saved", "marks", "now", "origin", "outgoing", "reference", "rows", "store",
        "taken_back",
    )  # fmt: skip

    def __init__(self, store: Store, now: int, reference: Reference, origin: Origin, publish: Publisher) -> None:
        self.store = store
        self.now = now
        self.reference = reference
        self.origin = origin
        self._publish = publish
        self._copies: dict[tuple[str, str], Any] = {}
        self._added: list[tuple[str, Any]] = []
        self._saved: dict[tuple[str, str], Any] = {}
        self.rows: list[tuple[str, tuple[Any, ...]]] = []
        self.marks: list[tuple[str, str, bytes, int, tuple[bytes, str], bool]] = []
        self.outgoing: list[tuple[MessageRecord, dict[str, Any]]] = []
        self.taken_back: list[int] = []

    def _copy(self, kind: str, entity_id: str) -> Any:
        key = (kind, entity_id)
        if key in self._copies:
            return self._copies[key]
        base = self.store.find(kind, entity_id)
        copy = None if base is None else working_copy(kind, base)
        self._copies[key] = copy
        return copy

    def customer(self, customer_id: str) -> Customer | None:
        """The customer, or None."""
        copy: Customer | None = self._copy("customer", customer_id)
        return copy

    def account(self, account_id: str) -> Account | None:
        """The account, or None."""
        copy: Account | None = self._copy("account", account_id)
        return copy

    def customer_order(self, customer_order_id: str) -> CustomerOrder | None:
        """The customer order, or None."""
        copy: CustomerOrder | None = self._copy("customer_order", customer_order_id)
        return copy

    def order(self, service_order_id: str) -> ServiceOrder | None:
        """The service order with all item rows, or None."""
        copy: ServiceOrder | None = self._copy("order", service_order_id)
        return copy

    def instance(self, instance_id: str) -> ProductInstance | None:
        """The product instance, or None."""
        copy: ProductInstance | None = self._copy("instance", instance_id)
        return copy

    def reservation(self, reservation_id: str) -> Reservation | None:
        """The reservation copy, or None."""
        copy: Reservation | None = self._copy("reservation", reservation_id)
        return copy

    def fallout(self, fallout_id: str) -> Fallout | None:
        """The fallout record, or None."""
        copy: Fallout | None = self._copy("fallout", fallout_id)
        return copy

    def confirmation(self, serial: str) -> Confirmation | None:
        """The question that left under ``serial``, or None."""
        copy: Confirmation | None = self._copy("confirmation", serial)
        return copy

    def survey(self, survey_id: str) -> Survey | None:
        """The survey, or None."""
        copy: Survey | None = self._copy("survey", survey_id)
        return copy

    def scheme_request(self, request_id: str) -> SchemeRequest | None:
        """The scheme request, or None."""
        copy: SchemeRequest | None = self._copy("scheme_request", request_id)
        return copy

    def scheme(self, key: str) -> Scheme | None:
        """The scheme, or None."""
        copy: Scheme | None = self._copy("scheme", key)
        return copy

    def cutover(self, cutover_id: str) -> Cutover | None:
        """The cutover, or None."""
        copy: Cutover | None = self._copy("cutover", cutover_id)
        return copy

    def cutover_item(self, key: str) -> CutoverItem | None:
        """The cutover item, or None."""
        copy: CutoverItem | None = self._copy("cutover_item", key)
        return copy

    def load(self, keys: Iterable[tuple[str, str]]) -> None:
        """Fetched by set and remembered."""
        self.store.prefetch(keys, ())

    def billing(self, record_id: str) -> BillingRecord | None:
        """The billing record under its own id, or None."""
        copy: BillingRecord | None = self._copy("billing", record_id)
        return copy

    def billing_by_serial(self, serial: str) -> BillingRecord | None:
        """The billing record whose notice went out under ``serial``, or None."""
        for (kind, _), copy in self._copies.items():
            if kind == "billing" and copy is not None and copy.serial == serial:
                return copy  # type: ignore[no-any-return]
        base = self.store.find("billing_serial", serial)
        return None if base is None else self.billing(base.id)

    def add(self, entity: Entity) -> None:
        """A new row; history and stages are rows without an id of their own."""
        if isinstance(entity, OrderChange):
            self.rows.append(("history", _history_entry(entity)))
        elif isinstance(entity, StateChange):
            self.rows.append(("history", astuple(entity)))
        elif isinstance(entity, StageRecord):
            self.rows.append(("stage", STAGE.row(entity, self.store.dialect.json)))
        else:
            kind = BY_CLASS[type(entity)].kind
            self._added.append((kind, entity))
            self._copies[kind, entity.id] = entity

    def save(self, entity: Entity) -> None:
        """A working copy was changed."""
        kind = BY_CLASS[type(entity)].kind
        self._saved[kind, entity.id] = entity  # type: ignore[union-attr]

    def emit(self, event: Event) -> tuple[str, ...]:
        """Outbound messages of the event; their serials."""
        return self._publish(event, self)

    def withdraw(self, serial: str) -> bool:
        """Take a message back that nobody has tried to send."""
        message_id = self.store.unsent(serial)
        if message_id is None:
            return False
        self.taken_back.append(message_id)
        return True

    def fingerprint(self, values: list[Any]) -> str:
        """SHA-256 over JSON, as the fakes give it."""
        return hashlib.sha256(orjson.dumps(values)).hexdigest()

    def new_id(self, kind: str) -> str:
        """The next one of its kind."""
        return own_id(kind, self.store.next(kind))

    def note(self, subject: str, subject_id: str, given: str, before: str, after: str, detail: str | None = None) -> None:
        """A history entry that is not an order's: a message, a link, a fallout."""
        origin = self.origin
        entry = (self.now, subject, subject_id, given, before, after, origin.sender, origin.serial, detail)
        self.rows.append(("history", entry))

    def put(self, name: str, row: tuple[Any, ...]) -> None:
        """A row for one of the store's lists."""
        self.rows.append((name, row))

    def inbox(
        self, sender: str, serial: str, payload_hash: bytes, message_id: int, answer: tuple[bytes, str], *, again: bool = False
    ) -> None:
        """The message's serial is taken, or was before (``again``); a repeat in the same group gets ``answer``."""
        self.marks.append((sender, serial, payload_hash, message_id, answer, again))

    def send(self, message: MessageRecord, document: dict[str, Any]) -> None:
        """An outbound message is born with the state change that causes it (transactional outbox)."""
        self.rows.append(("message", message.row()))
        self.rows.append(("document", (message.id, *self.store.dialect.json((document,)))))
        self.outgoing.append((message, document))

    def merge(self) -> None:
        """The command succeeded: what it did becomes part of the group."""
        store = self.store
        for kind, entity in self._added:
            store.put(kind, entity, added=True)
        for (kind, _), entity in self._saved.items():
            store.put(kind, entity, added=False)
        for mark in self.marks:
            store.put_inbox(*mark)
        for message_id in self.taken_back:
            store.put_row("message_state", store.withdrawn.take_back(message_id, self.now))
        for name, row in self.rows:
            if name == "history":
                row = store.chain.append(row)
            store.put_row(name, row)


def _history_entry(change: OrderChange) -> tuple[Any, ...]:
    detail = ";".join(f"{item}:{before}>{after}" for item, before, after in change.items)
    if change.reason:
        detail = f"{detail}|{change.reason}"
    return (
        change.at, "order", change.service_order_id, change.input, change.state_from, change.state_to,
        change.actor, change.serial, detail or None,
    )  # fmt: skip
