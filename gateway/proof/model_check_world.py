"""One order of the real core, small enough to be searched through: what the model check copies, runs and compares.

A ``Snapshot`` is one customer order with its one service order of one item, its instance and its reservation, as the core's own
objects.  An input is a real command of the core on a copy of it.  Two snapshots count as one state when nothing the core ever
asks about tells them apart: instants, serials, history and what a watchdog has told do not; what is open, held, locked,
deferred or reserved does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any, TypeVar

from crm_core.customers.model import Account, Customer
from crm_core.errors import DomainError
from crm_core.fakes import FakeStore, FakeUnitOfWork
from crm_core.orders.fold import FINAL
from crm_core.orders.model import CustomerOrder, OrderItem, ServiceOrder
from crm_core.orders.reports import BARRED, GAP
from crm_core.orders.submit import SubmitOrder
from crm_core.ports import Command, Origin, Outcome
from crm_core.products.model import ProductInstance
from crm_core.reference import Reference
from crm_core.resources.model import Reservation
from crm_core.times import DAY_MS, to_wire

START_MS = 1_795_309_200_000
"""2026-11-22 09:00 in Shanghai."""
CHANNEL, PROVISIONING, RESOURCES, OURSELVES = "CH0001", "PF0001", "RM0001", "CRM001"
RESERVATION = "RV-MODEL"

_E = TypeVar("_E")
_KEPT = (CustomerOrder, ServiceOrder, ProductInstance, Reservation)
_MOST_DEFERRALS = 1_000_000
"""The policy under which the search runs: a limit that is never reached, or counting alone would multiply the states."""

Key = tuple[Any, ...]


class ModelUnit(FakeUnitOfWork):
    """Works on the copy itself, so that a command that refuses after it has changed something is seen; remembers what was put
    on the wire only as a count. ``unsent`` tells whether OH01 can still be taken back."""

    def __init__(self, store: FakeStore, now: int, reference: Reference, origin: Origin, *, unsent: bool = False) -> None:
        super().__init__(store, now, reference, origin)
        self._unsent = unsent

    def _get(self, kind: type[_E], key: str) -> _E | None:
        found: _E | None = self._copies.get((kind, key)) or self._store.rows.get(kind, {}).get(key)
        if found is not None:
            self._copies[kind, key] = found
        return found

    def withdraw(self, serial: str) -> bool:
        """As the input says."""
        return self._unsent

    def close(self) -> tuple[int, int]:
        """Makes new rows of the kinds that count visible; the next id and serial."""
        for entity in self._added:
            if isinstance(entity, _KEPT):
                self._store.rows.setdefault(type(entity), {})[entity.id] = entity
        return self._ids, self._serials


@dataclass(slots=True)
class Snapshot:
    """``now`` is this state's own clock (ms); ``ids`` and ``serials`` count on."""

    rows: dict[type, dict[str, Any]]
    now: int
    ids: int = 1
    serials: int = 1

    @property
    def order(self) -> ServiceOrder:
        """The one service order."""
        found: ServiceOrder = next(iter(self.rows[ServiceOrder].values()))
        return found

    @property
    def item(self) -> OrderItem:
        """The newest row of its one item."""
        return self.order.items[-1]

    @property
    def reservation(self) -> Reservation:
        """The one reservation."""
        found: Reservation = self.rows[Reservation][RESERVATION]
        return found

    @property
    def instance(self) -> ProductInstance:
        """The one instance."""
        found: ProductInstance = next(iter(self.rows[ProductInstance].values()))
        return found

    @property
    def under_way(self) -> int:
        """How much is open: commands without a result, and reports that came before their turn."""
        order = self.order
        return len(order.operations) + len([entry for entry in order.held if entry["why"] != BARRED])

    @property
    def final(self) -> bool:
        """Whether the order has ended."""
        return self.order.state in FINAL

    def copy(self) -> Snapshot:
        """One to run an input on. What fields hold is shared: the core replaces it, and never changes it in place."""
        rows = {kind: {key: _copied(row) for key, row in found.items()} for kind, found in self.rows.items()}
        return Snapshot(rows, self.now, self.ids, self.serials)


_FIELDS: dict[type, Callable[[Any], tuple[Any, ...]]] = {
    kind: attrgetter(*(one.name for one in fields(kind))) for kind in (*_KEPT, OrderItem)
}


def _copied(row: Any) -> Any:
    kind = type(row)
    made = kind(*_FIELDS[kind](row))
    if kind is ServiceOrder:
        made.items = [_copied(item) for item in made.items]
    return made


class Ground:
    """What does not change during a search: the reference data with the policies it runs under, the customer."""

    def __init__(self, reference: Reference) -> None:
        policies = {**reference.policies, "defer_most_times": _MOST_DEFERRALS}
        self.reference = replace(reference, policies=policies)
        self._fixed: dict[type, dict[str, Any]] = {
            Customer: {"C1": Customer("C1", "张示例", "1", "025")},
            Account: {"A1": Account("A1", "C1", "025", "张示例")},
        }

    def run(
        self, snapshot: Snapshot, command: Command, origin: Origin, *, unsent: bool = False, extra: tuple[Any, ...] = ()
    ) -> Outcome | DomainError:
        """``command`` on ``snapshot`` itself; ``extra`` rows are there for this command only. A refusal is returned."""
        rows = {**self._fixed, **snapshot.rows, **{type(row): {row.id: row} for row in extra}}
        store = FakeStore(rows=rows, next_id=snapshot.ids, next_serial=snapshot.serials)
        unit = ModelUnit(store, snapshot.now, self.reference, origin, unsent=unsent)
        try:
            outcome = command.execute(unit)
        except DomainError as error:
            return error
        snapshot.ids, snapshot.serials = unit.close()
        snapshot.rows = {kind: store.rows[kind] for kind in _KEPT if kind in store.rows}
        return outcome

    def begin(self) -> Snapshot:
        """A telephone ordered for tomorrow, its port reserved: DRAFT, nothing sent, in a second version so that messages of an
        older one can come. Raises ``DomainError`` where the reference data do not even allow that."""
        held = [{"resource": {"res_type": "PORT", "res_inst_id": "P1"}, "state": "held"}]
        reservation = Reservation(RESERVATION, "ORDER", OURSELVES, "025", items=held, fence=1)
        snapshot = Snapshot({Reservation: {reservation.id: reservation}}, START_MS)
        command = SubmitOrder(
            customer_order_id="CO-MODEL",
            area="025",
            customer={"customer_id": "C1"},
            account_id="A1",
            dates={"captured_at": to_wire(START_MS - DAY_MS), "effective_at": to_wire(START_MS + DAY_MS)},
            contact={"name": "张示例", "phone": "13800000000"},
            items=[{"item_id": "1", "action": "install", "product": "POTS"}],
            reservations=[RESERVATION],
        )
        outcome = self.run(snapshot, command, Origin(CHANNEL, f"{CHANNEL}{to_wire(START_MS)}0000000001", "CH01"))
        if isinstance(outcome, DomainError):
            raise outcome
        snapshot.order.version = snapshot.item.version = 2
        return snapshot


def key_of(snapshot: Snapshot) -> Key:
    """What makes a state this state and no other."""
    order, item, now = snapshot.order, snapshot.item, snapshot.now
    reservation, instance = snapshot.reservation, snapshot.instance
    version = order.version
    return (
        item.progress, item.fallout, item.cancelling, item.amending, order.state,
        tuple(sorted([_operation(entry, version) for entry in order.operations])),
        _lock(order), _deferred(order), _pending(order),
        () if order.clock is None else tuple(sorted(order.clock["stops"])),
        tuple([_held(entry, order) for entry in order.held]),
        tuple([one["state"] for one in reservation.items]), reservation.closed,
        instance.status, tuple(instance.open_orders),
        order.effective_at is not None and order.effective_at > now and order.dispatched_at is None,
    )  # fmt: skip


def _operation(entry: dict[str, Any], version: int) -> Key:
    claim = entry.get("claim")
    ahead = entry["version"] > version
    return (
        entry["operation"], ahead, "manual" in entry, bool(entry.get("accept")), bool(entry.get("forced")),
        "" if claim is None else claim["owner"], "overdue" in entry,
    )  # fmt: skip


def _lock(order: ServiceOrder) -> Key:
    lock = order.lock
    if lock is None:
        return ("", ())
    holder = lock["holder"]
    return ("" if holder is None else holder["owner"], tuple([one["owner"] for one in lock["queue"]]))


def _deferred(order: ServiceOrder) -> bool:
    return order.deferral is not None and order.deferral["ended_at"] is None


def _pending(order: ServiceOrder) -> Key | None:
    return None if order.pending is None else (order.pending["offer"] is not None,)


def _held(entry: dict[str, Any], order: ServiceOrder) -> Key:
    fields = entry["fields"]
    early = entry["seq"] - order.report_seq if entry["why"] == GAP else 0
    results = bool(fields["items"][0].get("attrs")) if entry["command"] == "ReportCompletion" else False
    about = str(fields.get("outcome", "")) + str(fields.get("state", ""))
    return (entry["command"], entry["why"], fields["version"] - order.version, early, results, about)
