"""An in-memory unit of work and store: what tests of use cases run on, and the yardstick of the contract test.

Semantics are the writer's: a command works on copies; ``commit`` makes saves and adds visible, dropping the unit of work leaves
nothing.  A ``save`` of what was not loaded here, an ``add`` of what exists, or a save of a stale copy is a bug and says so.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from crm_core.billing.model import BillingRecord
from crm_core.customers.model import Account, Customer
from crm_core.cutover.model import Cutover, CutoverItem
from crm_core.events import Event
from crm_core.fallout.model import Fallout
from crm_core.history import StateChange
from crm_core.ids import own_id
from crm_core.orders.model import CustomerOrder, OrderChange, ServiceOrder, StageRecord
from crm_core.ports import Command, Entity, Origin, Outcome
from crm_core.products.model import ProductInstance
from crm_core.reference import Reference
from crm_core.resources.model import Confirmation, Reservation
from crm_core.schemes.model import Scheme, SchemeRequest
from crm_core.surveys.model import Survey

_E = TypeVar("_E")

_APPEND_ONLY = (StageRecord, OrderChange, StateChange)


def default_serials(event: Event) -> int:
    """How many messages an event becomes when no catalogue is at hand: one each."""
    return 1


@dataclass(slots=True)
class FakeStore:
    """Committed rows by kind and id; ``events`` and history in order. ``serials_for`` stands for the catalogue's rows.
    ``unsent`` are serials still in the outbox, as a test says; ``withdrawn`` those taken back."""

    rows: dict[type, dict[str, Any]] = field(default_factory=dict)
    stages: list[StageRecord] = field(default_factory=list)
    changes: list[OrderChange] = field(default_factory=list)
    moves: list[StateChange] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    unsent: dict[str, None] = field(default_factory=dict)
    withdrawn: list[str] = field(default_factory=list)
    next_id: int = 1
    next_serial: int = 1
    serials_for: Callable[[Event], int] = default_serials

    def table(self, kind: type[_E]) -> dict[str, _E]:
        """The committed rows of one kind, by id."""
        return self.rows.setdefault(kind, {})

    def snapshot(self) -> str:
        """Everything committed, to be compared: a refused command leaves it as it was."""
        return repr((self.rows, self.stages, self.changes, self.moves, self.events, self.next_id, self.next_serial))

    def run(self, command: Command, now: int, reference: Reference, origin: Origin) -> Outcome:
        """Execute one command and commit; a raised error leaves nothing behind."""
        uow = FakeUnitOfWork(self, now, reference, origin)
        outcome = command.execute(uow)
        uow.commit()
        return outcome


class FakeUnitOfWork:
    """Satisfies ``ports.UnitOfWork`` over a ``FakeStore``."""

    def __init__(self, store: FakeStore, now: int, reference: Reference, origin: Origin) -> None:
        self._store = store
        self._now = now
        self._reference = reference
        self._origin = origin
        self._copies: dict[tuple[type, str], Any] = {}
        self._added: list[Entity] = []
        self._saved: dict[tuple[type, str], Any] = {}
        self._events: list[Event] = []
        self._withdrawn: list[str] = []
        self._ids = store.next_id
        self._serials = store.next_serial

    @property
    def now(self) -> int:
        """Milliseconds since epoch, UTC."""
        return self._now

    @property
    def reference(self) -> Reference:
        """As given."""
        return self._reference

    @property
    def origin(self) -> Origin:
        """As given."""
        return self._origin

    def _get(self, kind: type[_E], key: str) -> _E | None:
        found: _E | None = self._copies.get((kind, key))
        if found is None:
            row = self._store.rows.get(kind, {}).get(key)
            if row is not None:
                found = self._copies[kind, key] = copy.deepcopy(row)
        return found

    def customer(self, customer_id: str) -> Customer | None:
        """A working copy."""
        return self._get(Customer, customer_id)

    def account(self, account_id: str) -> Account | None:
        """A working copy."""
        return self._get(Account, account_id)

    def customer_order(self, customer_order_id: str) -> CustomerOrder | None:
        """A working copy."""
        return self._get(CustomerOrder, customer_order_id)

    def order(self, service_order_id: str) -> ServiceOrder | None:
        """A working copy."""
        return self._get(ServiceOrder, service_order_id)

    def instance(self, instance_id: str) -> ProductInstance | None:
        """A working copy."""
        return self._get(ProductInstance, instance_id)

    def reservation(self, reservation_id: str) -> Reservation | None:
        """A working copy."""
        return self._get(Reservation, reservation_id)

    def fallout(self, fallout_id: str) -> Fallout | None:
        """A working copy."""
        return self._get(Fallout, fallout_id)

    def confirmation(self, serial: str) -> Confirmation | None:
        """A working copy."""
        return self._get(Confirmation, serial)

    def survey(self, survey_id: str) -> Survey | None:
        """A working copy."""
        return self._get(Survey, survey_id)

    def scheme_request(self, request_id: str) -> SchemeRequest | None:
        """A working copy."""
        return self._get(SchemeRequest, request_id)

    def scheme(self, key: str) -> Scheme | None:
        """A working copy."""
        return self._get(Scheme, key)

    def cutover(self, cutover_id: str) -> Cutover | None:
        """A working copy."""
        return self._get(Cutover, cutover_id)

    def cutover_item(self, key: str) -> CutoverItem | None:
        """A working copy."""
        return self._get(CutoverItem, key)

    def load(self, keys: Iterable[tuple[str, str]]) -> None:
        """Everything is at hand here; the keys are read all the same, as a store would."""
        for kind, key in keys:
            getattr(self, kind)(key)

    def billing_by_serial(self, serial: str) -> BillingRecord | None:
        """Scans: this is a fake. What was added here is found too."""
        for (kind, _), copied in self._copies.items():
            if kind is BillingRecord and copied.serial == serial:
                return copied  # type: ignore[no-any-return]
        for record in self._store.rows.get(BillingRecord, {}).values():
            if record.serial == serial:
                return self._get(BillingRecord, record.id)
        return None

    def add(self, entity: Entity) -> None:
        """A new row; visible to this unit of work at once."""
        if not isinstance(entity, _APPEND_ONLY):
            key = (type(entity), entity.id)
            if key in self._copies or entity.id in self._store.rows.get(type(entity), {}):
                raise KeyError(f"{key} exists")
            self._copies[key] = entity
        self._added.append(entity)

    def save(self, entity: Entity) -> None:
        """A working copy obtained or added here."""
        assert not isinstance(entity, _APPEND_ONLY), "history is only added to"
        key = (type(entity), entity.id)
        if self._copies.get(key) is not entity:
            raise KeyError(f"{key} was not obtained here")
        self._saved[key] = entity

    def emit(self, event: Event) -> tuple[str, ...]:
        """Remembered; serials count up."""
        self._events.append(event)
        count = self._store.serials_for(event)
        first = self._serials
        self._serials += count
        return tuple(f"CRM00120261122000000{n:010d}" for n in range(first, first + count))

    def withdraw(self, serial: str) -> bool:
        """What a test declared unsent."""
        if serial not in self._store.unsent:
            return False
        self._withdrawn.append(serial)
        return True

    def fingerprint(self, values: list[Any]) -> str:
        """SHA-256 over JSON."""
        return hashlib.sha256(json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()

    def new_id(self, kind: str) -> str:
        """The next number, whatever the kind."""
        self._ids += 1
        return own_id(kind, self._ids - 1)

    def commit(self) -> None:
        """Make it so."""
        store = self._store
        for entity in self._added:
            if isinstance(entity, StageRecord):
                store.stages.append(entity)
            elif isinstance(entity, OrderChange):
                store.changes.append(entity)
            elif isinstance(entity, StateChange):
                store.moves.append(entity)
            else:
                store.rows.setdefault(type(entity), {})[entity.id] = copy.deepcopy(entity)
        for (kind, key), entity in self._saved.items():
            row = copy.deepcopy(entity)
            row.row_version += 1
            store.rows.setdefault(kind, {})[key] = row
        store.events.extend(copy.deepcopy(self._events))
        store.withdrawn.extend(self._withdrawn)
        store.next_id = self._ids
        store.next_serial = self._serials
