"""Every accepted command without a terminal report is listed with its limit, row by row of the catalogue (spec 06.1)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from adapters.store import desk_queries
from adapters.store.mapping import BY_CLASS
from adapters.store.store import Store
from crm_core.fakes import FakeStore
from crm_core.orders.amend import AmendOrder
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.defer import DeferOrder
from crm_core.orders.end_deferral import EndDeferral
from crm_core.orders.expedite import ExpediteOrder
from crm_core.orders.model import ServiceOrder
from crm_core.orders.propose_deferral import ProposeDeferral
from crm_core.orders.reschedule import RescheduleOrder, TakeReschedule
from crm_core.orders.resume_pending import ResumePending
from crm_core.surveys.cancel_survey import CancelSurvey
from crm_core.times import DAY_MS, to_wire
from gateway.proof.memory_store import memory_store
from gateway.reference_data import build_reference
from schemas.loader import load
from tests.crm_core import test_deferral as deferral
from tests.crm_core import test_pending as pending
from tests.crm_core import test_schemes as schemes
from tests.crm_core import test_surveys as surveys
from tests.crm_core.desk import World
from tests.crm_core.samples import NOW

CATALOGUE = load()
REFERENCE = build_reference(CATALOGUE)
AGREED = {"type": "10Q", "code": "10Q001", "text": "客户改期"}
CANCEL = {"type": "10C", "code": "10C001", "text": "客户不要了"}
LATER = to_wire(NOW + 2 * DAY_MS)
DATES = {"captured_at": "20261122080000", "booked_at": LATER}


@pytest.fixture(autouse=True)
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds know the shipped tables, which hold the limits."""
    monkeypatch.setitem(World.__init__.__kwdefaults__ or {}, "reference", REFERENCE)


def told(command: Callable[[World], Any], world: Callable[[], World] = deferral.accepted) -> Callable[[], FakeStore]:
    """An order after one command on it."""

    def make() -> FakeStore:
        made = world()
        made.tell(command(made))
        return made.store

    return make


def by_hand() -> FakeStore:
    """A completion a person is to decide on."""
    world = World(reference=dataclasses.replace(REFERENCE, policies={"decide_by_hand": ("POTS",)}))
    world.tell(world.done(seq=1))
    assert world.order.state == "COMPLETING"
    return world.store


def decided(command: Any, state: str = "30") -> Callable[[], FakeStore]:
    """A designed scheme after one decision on it."""

    def make() -> FakeStore:
        made = schemes.world(state)
        schemes.run(made, command)
        return made

    return make


def cancelled_survey() -> FakeStore:
    made = surveys.asked("surveying")
    surveys.run(made, CancelSurvey("SV1", {"text": "客户不要了"}))
    return made


def dispatched() -> FakeStore:
    return World().store


def completed() -> FakeStore:
    world = World()
    world.tell(world.done(seq=1))
    return world.store


OPEN: dict[str, tuple[Callable[[], FakeStore], str]] = {
    "OH01": (dispatched, "dispatch"),
    "OH08": (by_hand, "completion"),
    "OH10": (told(lambda w: ExpediteOrder(w.id, {"text": "客户催"})), "expedite"),
    "OH11": (told(lambda w: RescheduleOrder(w.id, {"booked_at": LATER}, {"text": "改约"})), "reschedule"),
    "CO01": (told(lambda w: AmendOrder(w.id, AGREED, dates=DATES)), "change"),
    "CN01": (told(lambda w: CancelOrder(w.id, CANCEL)), "cancel"),
    "PA03": (told(lambda w: ResumePending(w.id, True, None, None, "OP1"), pending.offered), "resume_pending"),
    "DF01": (told(lambda w: DeferOrder(w.id, deferral.REASON, LATER, "OP1")), "defer"),
    "DF02": (told(lambda w: EndDeferral(w.id, LATER, operator="OP1"), deferral.deferred), "end_deferral"),
    "BL01": (completed, "billing"),
    "RC02": (surveys.asked, "survey"),
    "RC04": (cancelled_survey, "cancel_survey"),
    "SD01": (lambda: schemes.world("10"), "scheme"),
    "SD05": (decided(schemes.CONFIRM), "confirm_scheme"),
    "SD06": (decided(schemes.REJECT), "reject_scheme"),
    "SD07": (decided(schemes.CANCEL), "cancel_scheme"),
}
"""Command row -> what stands in the store while its result is out, and what the list calls it."""

AT_ONCE = {
    "DF04": "answered in the transaction that takes it, unless it waits for an earlier report",
    "CT02": "answered in the transaction that takes it",
    "CT06": "answered in the transaction that takes it",
    "CT07": "answered in the transaction that takes it",
}
ITS_ORDER = {"CH01": "the order itself, by its own clock", "CH03": "the operation it became"}
"""Rows without a limit of their own."""


def stored(made: FakeStore) -> list[dict[str, Any]]:
    """What the watchdog lists once ``made`` stands in a database."""
    with written(made).engine.connect() as connection:
        return desk_queries.unanswered(connection, REFERENCE)


def written(made: FakeStore) -> Store:
    """``made`` in a database."""
    store = Store(memory_store())
    store.begin()
    for cls, rows in made.rows.items():
        if cls in BY_CLASS:
            for entity in rows.values():
                store.put(BY_CLASS[cls].kind, entity, added=True)
    store.flush()
    store.commit()
    return store


def test_what_is_merely_under_way_does_not_crowd_out_what_is_waited_for() -> None:
    made = FakeStore()
    for n, ask in enumerate((False, False, True)):
        world = World(customer_order_id=f"CO{n}", made=made if n else None)
        made = world.store
        world.id = list(made.table(ServiceOrder))[-1]
        world.tell(world.accept(1))
        world.tell(world.stage(2))
        if ask:
            world.tell(ExpediteOrder(world.id, {"text": "客户催"}))
    store = written(made)
    with store.engine.connect() as connection:
        assert [row["operation"] for row in desk_queries.unanswered(connection, REFERENCE, limit=1)] == ["expedite"]


def test_every_command_row_that_touches_the_crm_is_accounted_for() -> None:
    rows = [row for row in CATALOGUE.messages() if row.pattern == "C" and row.result]
    touching = {row.code for row in rows if any("CRM" in (route.sender, route.receiver) for route in row.routes)}
    told_by_others = {code for code in touching if not CATALOGUE.message(code).on and CATALOGUE.message(code).command is None}
    assert touching - told_by_others == {*OPEN, *AT_ONCE, *ITS_ORDER}


@pytest.mark.parametrize("code", list(OPEN))
def test_a_command_without_result_is_listed_with_its_limit(code: str) -> None:
    make, name = OPEN[code]
    (entry,) = [row for row in stored(make()) if row["operation"] == name]
    row = CATALOGUE.message(code)
    given = row.result_limit or 0
    assert entry["limit_at"] is not None
    assert entry["limit_at"] - entry["at"] >= given * 1000
    if row.result_clock == "elapsed" and code not in ("OH01",):
        assert entry["limit_at"] - entry["at"] == given * 1000


@pytest.mark.parametrize(("command", "name"), [
    (lambda w: w.done(seq=5), "completion"),
    (lambda w: TakeReschedule(w.id, 1, {"booked_at": LATER}, {"text": "无人在家"}, report_seq=5), "reschedule"),
    (lambda w: ProposeDeferral(w.id, 1, deferral.REASON, LATER, "装维员乙", report_seq=5), "propose_deferral"),
], ids=["OH08", "OH11", "DF04"])  # fmt: skip
def test_a_command_of_provisioning_that_waits_for_an_earlier_report_is_listed(
    command: Callable[[World], Any], name: str
) -> None:
    (entry,) = [row for row in stored(told(command)()) if row["operation"] == name]
    assert entry["limit_at"] > entry["at"]


def test_what_was_answered_is_not_listed() -> None:
    world = deferral.deferred()
    assert stored(world.store) == []
