"""Random commands in any order: what must hold of the core whatever comes (spec 06.4, the parts that concern it)."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from crm_core.billing.model import BillingRecord
from crm_core.customers.model import Customer
from crm_core.errors import DomainError
from crm_core.events import ChangeRequested, CompletionDecided, OrderDispatched
from crm_core.fallout.open_record import OpenFallout
from crm_core.orders.accept import AcceptOrder
from crm_core.orders.amend import AmendOrder
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.cancel_result import RecordCancelResult
from crm_core.orders.change_result import RecordChangeResult
from crm_core.orders.closing import conclude
from crm_core.orders.complete import ReportCompletion
from crm_core.orders.dispatch_due import DispatchDue
from crm_core.orders.fold import FINAL, fold
from crm_core.orders.item_states import ENDS, INPUTS, RESUMABLE, Kind
from crm_core.orders.machine import DEFAULT, state_of
from crm_core.orders.model import CustomerOrder, ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.receipt import RecordReceipt
from crm_core.orders.reject import RejectOrder
from crm_core.orders.reports import GAP, newest_open, release
from crm_core.orders.send_back import SendBackOrder
from crm_core.orders.stage import ReportStage
from crm_core.ports import Command, Outcome, UnitOfWork
from crm_core.products.model import ProductInstance
from crm_core.resources.model import Reservation
from crm_core.times import DAY_MS
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE, attr, item, own, pf, store, submission

AT = "20261122090000"
FEW = 3
"""Open orders at most: so that most steps are about one under way, not one more submission."""


def has_orders(machine: Commands) -> bool:
    """Something was submitted."""
    return bool(machine.store.rows.get(ServiceOrder))


def has_room(machine: Commands) -> bool:
    """Few orders are open."""
    return sum(order.state not in FINAL for order in machine.store.rows.get(ServiceOrder, {}).values()) < FEW


STAGE = {"code": "FIELD", "name": "外线施工"}
REASON = {"type": "10R", "code": "10R201", "text": "无资源"}
RESULTS = [attr("NUMBER", "02580000001"), attr("PORT", "NJ-01"), attr("ONU", "O1")]
ON_LINE = st.sampled_from(("modify", "suspend", "resume", "disconnect", "survey", "backfill", "change_number"))
# what messages of later chapters, the desk and the clocks put in, that no use case here does
LATER = sorted(
    set(INPUTS)
    - {"dispatch", "receipt", "receipt_refused", "accept", "reject", "stage", "stage_exception", "completion", "return"}
    - {"completion_accepted", "completion_refused", "desk_complete"}
)


@dataclass(frozen=True)
class Put:
    """An input of a later chapter on an order's open items, through the same moves every use case uses."""

    service_order_id: str
    name: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        return (("order", self.service_order_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        order = uow.order(self.service_order_id)
        assert order is not None
        moves = Moves(uow, order, self.name)
        effects = [(one, DEFAULT.check(one, self.name)) for one in newest_open(order)]
        for one, effect in effects:
            if effect.kind is Kind.MOVED and not effect.new_row:
                moves.put(one, effect, RESUMABLE[-1])
        conclude(moves)
        release(uow, order)
        return Outcome()


class Commands(RuleBasedStateMachine):
    """Orders of one customer on two lines of his and on new ones."""

    def __init__(self) -> None:
        super().__init__()
        self.store = store()
        own(self.store, "PI1")
        own(self.store, "PI2", "ADSL", status="suspended", stop_mask=1)
        self.serial = 0
        self.ref: str | None = None
        self.count = 0
        self.seen: dict[tuple[str, str, int], str] = {}
        self.versions: dict[str, tuple[int, int, int]] = {}

    def run_command(self, command: Command, now: int = NOW) -> bool:
        """True if it was taken; a refusal leaves everything as it was."""
        self.serial += 1
        before = self.store.snapshot()
        try:
            self.store.run(command, now, REFERENCE, dataclasses.replace(pf(self.serial), ref_serial=self.ref))
        except DomainError:
            assert self.store.snapshot() == before
            return False
        return True

    def some_order(self, data: Any) -> ServiceOrder:
        """Any order there is, rather one that is open."""
        orders = self.store.table(ServiceOrder)
        opened = [order_id for order_id in orders if orders[order_id].state not in FINAL]
        return orders[data.draw(st.sampled_from(opened or sorted(orders)) | st.sampled_from(sorted(orders)))]

    def seq(self, order: ServiceOrder, data: Any) -> int | None:
        """Mostly the next number, sometimes early, passed or none."""
        step = data.draw(st.sampled_from((1, 1, 1, 2, 3, 0, None)))
        return None if step is None else max(order.report_seq + step, 1)

    def report(self, order: ServiceOrder, command: Command) -> None:
        """A refused report is counted by the record its refusal opens."""
        seq = getattr(command, "report_seq", None)
        if not self.run_command(command):
            assert self.run_command(OpenFallout("report", "拒绝", "refused", service_order_id=order.id, report_seq=seq))

    @precondition(has_room)
    @rule(later=st.booleans(), pair=st.booleans(), notify=st.sampled_from(("end", "each")))
    def install(self, later: bool, pair: bool, notify: str) -> None:
        """New lines, now or for a later day."""
        self.count += 1
        dates = {"captured_at": "20261122080000"} | ({"effective_at": "20261201000000"} if later else {})
        items = [item("1"), *([item("2", depends_on=["1"])] if pair else [])]
        command = submission(*items, customer_order_id=f"CO{self.count}", dates=dates, notify=notify)
        self.store.run(command, NOW, REFERENCE, CHANNEL)

    @precondition(has_room)
    @rule(action=ON_LINE, line=st.sampled_from((("PI1", "POTS"), ("PI2", "ADSL"))), waits=st.booleans())
    def act(self, action: str, line: tuple[str, str], waits: bool) -> None:
        """An action on a line; refused while another is in flight, unless it names it and waits."""
        self.count += 1
        instance = self.store.table(ProductInstance)[line[0]]
        extra: dict[str, Any] = {"access_number": f"0258000{self.count:04d}"} if action == "change_number" else {}
        if waits and instance.open_orders:
            extra["depends_on"] = list(instance.open_orders)
        one = item("1", action, line[1], product_instance_id=line[0], **extra)
        held = [{"resource": {"res_type": "PORT", "res_inst_id": f"P{n}"}, "state": "held"} for n in (1, 2)]
        reservation = f"RV{self.count}"
        self.store.table(Reservation)[reservation] = Reservation(reservation, "ORDER", "CRM001", "025", items=held)
        command = submission(one, customer_order_id=f"CO{self.count}", reservations=[reservation])
        if not self.run_command(command):
            del self.store.table(Reservation)[reservation]

    @precondition(has_room)
    @rule(line=st.sampled_from((("PI1", "POTS"), ("PI2", "ADSL"))), sides=st.permutations(("in", "out")))
    def relocate(self, line: tuple[str, str], sides: list[str]) -> None:
        """Two items on one instance."""
        self.count += 1
        pair = [
            item(str(n), "relocate", line[1], product_instance_id=line[0], attrs=[attr("SIDE", side)])
            for n, side in enumerate(sides)
        ]
        self.run_command(submission(*pair, customer_order_id=f"CO{self.count}"))

    @precondition(has_orders)
    @rule(data=st.data(), accepted=st.booleans())
    def receipt(self, data: Any, accepted: bool) -> None:
        """The receipt of OH01."""
        order = self.some_order(data)
        assert self.run_command(RecordReceipt(order.id, order.version, accepted, "ACCEPTED" if accepted else "NO_PROCESS"))

    @precondition(has_orders)
    @rule(data=st.data(), kind=st.sampled_from(("accept", "stage", "exception", "reject", "back")))
    def reported(self, data: Any, kind: str) -> None:
        """A report that moves, or tries to."""
        order = self.some_order(data)
        seq, key = self.seq(order, data), (order.id, order.version)
        command: Command
        if kind == "accept":
            command = AcceptOrder(*key, "调度员甲", AT, AT, report_seq=seq)
        elif kind == "reject":
            command = RejectOrder(*key, "3022", report_seq=seq)
        elif kind == "back":
            command = SendBackOrder(*key, REASON, STAGE, "审核员乙", report_seq=seq)
        else:
            state = "exception" if kind == "exception" else "done"
            command = ReportStage(*key, STAGE, "WO1", state, AT, report_seq=seq)
        self.report(order, command)

    @precondition(has_orders)
    @rule(data=st.data(), results=st.booleans())
    def completed(self, data: Any, results: bool) -> None:
        """A completion of some items, with or without what it must bring."""
        order = self.some_order(data)
        ids = data.draw(st.lists(st.sampled_from([one.item_id for one in order.newest()]), min_size=1, unique=True))
        rows = [{"item_id": one, "attrs": RESULTS if results else []} for one in ids]
        seq = self.seq(order, data)
        self.report(order, ReportCompletion(order.id, order.version, "装维员乙", AT, rows, report_seq=seq))

    @precondition(has_orders)
    @rule(data=st.data(), name=st.sampled_from(LATER))
    def later_chapter(self, data: Any, name: str) -> None:
        """Change, cancel, pending, deferral, desk."""
        self.run_command(Put(self.some_order(data).id, name))

    @precondition(has_orders)
    @rule(data=st.data(), days=st.integers(1, 9))
    def amend(self, data: Any, days: int) -> None:
        """A change of dates, which every order understands; of a returned one a new dispatch."""
        order = self.some_order(data)
        reason = {"type": "10Q", "code": "10Q001", "text": "改期"}
        self.run_command(AmendOrder(order.id, reason, dates={"booked_at": f"2026120{days}090000"}))

    @precondition(has_orders)
    @rule(data=st.data(), whole=st.booleans(), unsent=st.booleans())
    def cancel(self, data: Any, whole: bool, unsent: bool) -> None:
        """Of an order or its first item, perhaps before it left."""
        order = self.some_order(data)
        reason = {"type": "10C", "code": "10C001", "text": "不要了"}
        if unsent and order.state == "SUBMITTED":
            self.store.unsent[str(order.details.get("dispatch_serial"))] = None
        self.run_command(CancelOrder(order.id, reason, None if whole else [order.items[0].item_id]))
        self.store.unsent.clear()

    @precondition(has_orders)
    @rule(data=st.data(), outcome=st.sampled_from(("applied", "refused", "manual", "cancelled", "stuck")), named=st.booleans())
    def answered(self, data: Any, outcome: str, named: bool) -> None:
        """CO02 and CN02, to what is open or to nothing."""
        order = self.some_order(data)
        seq = self.seq(order, data)
        wanted = "change" if outcome in ("applied", "refused", "manual") else "cancel"
        entry = next((one for one in order.operations if one["operation"] == wanted), None)
        version = order.version if entry is None else entry["version"]
        command: Command = RecordChangeResult(order.id, version, outcome, report_seq=seq)
        if wanted == "cancel":
            rows = [{"item_id": one.item_id, "outcome": outcome} for one in order.newest()]
            command = RecordCancelResult(order.id, order.version, rows, report_seq=seq)
        self.ref = None if entry is None or not named else entry["serial"]
        self.report(order, command)
        self.ref = None

    @precondition(has_orders)
    @rule(data=st.data(), days=st.sampled_from((0, 9)))
    def due(self, data: Any, days: int) -> None:
        """The timer of future orders."""
        assert self.run_command(DispatchDue(self.some_order(data).id), NOW + days * DAY_MS)

    @invariant()
    def states_are_folds(self) -> None:
        """04.2, for orders and customer orders."""
        for order in self.store.table(ServiceOrder).values():
            assert order.state == fold([state_of(one) for one in order.newest()])
            assert (order.ended_at is not None) is (order.state in FINAL)
            customer_order = self.store.table(CustomerOrder)[order.customer_order_id]
            assert customer_order.states[order.id] == order.state
            assert customer_order.state == fold(customer_order.states.values())

    @invariant()
    def nothing_closed_reopens(self) -> None:
        """Invariants 3 and 6."""
        for order in self.store.table(ServiceOrder).values():
            before = self.versions.get(order.id, (0, 0, 0))
            now = (order.version, order.row_version, order.report_seq)
            assert all(new >= old for new, old in zip(now, before, strict=True))
            self.versions[order.id] = now
            for row in order.items:
                was = self.seen.get((order.id, row.item_id, row.version), "DRAFT")
                assert was == row.progress or was not in ENDS
                assert not (was == "RETURNED" and row.progress not in ("RETURNED", "CANCELLED"))
                self.seen[order.id, row.item_id, row.version] = row.progress

    @invariant()
    def instances_know_who_is_on_them(self) -> None:
        """Invariant 2, and 04.6: installed if and only if completed."""
        on: dict[str, list[str]] = {}
        for order in self.store.table(ServiceOrder).values():
            for row in order.newest():
                if row.progress not in ENDS:
                    on.setdefault(row.instance_id, []).append(order.id)
                elif row.action == "install":
                    status = self.store.table(ProductInstance)[row.instance_id].status
                    assert (status == "void") is (row.progress != "COMPLETED")
        for instance in self.store.table(ProductInstance).values():
            assert sorted(set(on.get(instance.id, []))) == sorted(instance.open_orders)
            assert (instance.status == "suspended") <= bool(instance.stop_mask)

    @invariant()
    def billing_was_told_once(self) -> None:
        """Invariant 12: a fact for each completed charging item, none for any other."""
        facts = Counter((one.service_order_id, one.item_id) for one in self.store.table(BillingRecord).values())
        for order in self.store.table(ServiceOrder).values():
            rows = order.newest()
            for row in rows:
                told = row.progress == "COMPLETED" and row.action in REFERENCE.billing_kinds
                if row.action != "relocate":
                    assert facts[order.id, row.item_id] == (1 if told else 0)
            if order.action == "relocate":
                both = all(row.progress == "COMPLETED" for row in rows)
                assert sum(facts[order.id, row.item_id] for row in rows) == (1 if both else 0)

    @invariant()
    def an_order_is_dispatched_once_a_version(self) -> None:
        """No version is sent twice, as a dispatch or as a change, and nothing of a draft is sent."""
        versions = [one for one in self.store.events if isinstance(one, OrderDispatched | ChangeRequested)]
        sent = Counter((one.service_order_id, one.version) for one in versions)
        assert not sent or max(sent.values()) == 1
        for order in self.store.table(ServiceOrder).values():
            assert sent[order.id, order.version] == (0 if order.dispatched_at is None else 1)
            needed = [self.store.table(ServiceOrder).get(one) for row in order.items for one in row.depends_on]
            assert order.dispatched_at is None or all(one is None or one.state == "COMPLETED" for one in needed)
        assert all(one.items for one in self.store.events if isinstance(one, CompletionDecided))

    @invariant()
    def ended_orders_hold_nothing(self) -> None:
        """Invariant 4, in the CRM's view."""
        for reservation in self.store.table(Reservation).values():
            order = self.store.table(ServiceOrder)[str(reservation.order_id)]
            states = Counter(one["state"] for one in reservation.items)
            assert states["held"] == (0 if order.state in FINAL else 2)
            assert states["consumed"] == 0 or order.state in ("COMPLETED", "PARTIAL")

    @invariant()
    def what_waits_for_a_number_is_ahead_of_it(self) -> None:
        """Nothing whose turn has come stays held."""
        for order in self.store.table(ServiceOrder).values():
            assert all(entry["seq"] > order.report_seq + 1 for entry in order.held if entry["why"] == GAP)
        assert len(self.store.table(Customer)) == 1


Commands.TestCase.settings = settings(
    max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
TestRandomCommands = Commands.TestCase
