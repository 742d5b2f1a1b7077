"""BL06: arrears stop an account's instances, payment ends that stop and no other; what crosses in flight (spec 05.3, 04.9)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.billing.arrears import TakeArrearsNotice
from crm_core.errors import DomainError
from crm_core.events import CancelRequested, OrderDispatched, OrderStateChanged
from crm_core.fakes import FakeStore
from crm_core.orders.cancel_result import RecordCancelResult
from crm_core.orders.complete import ReportCompletion
from crm_core.orders.model import ServiceOrder
from crm_core.ports import Origin, Outcome
from crm_core.products.model import ProductInstance
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE, attr, item, own, pf, store, submission

ACCOUNT = "A0000000000000001"
AT = "20261122090000"


class Billed:
    """An account with instances, billing's notices about it, and provisioning's answers."""

    def __init__(self, *instances: ProductInstance, made: FakeStore | None = None) -> None:
        self.store = made or store()
        self.serial = 0
        if not instances:
            own(self.store)

    def notice(self, event: str, as_of: int = 1, *instances: str, account: str = ACCOUNT, part: int | None = None) -> Outcome:
        self.serial += 1
        origin = Origin("BIL001", f"BIL001202611220900{self.serial:014d}", "BL06")
        named = [{"product_instance_id": one} for one in instances or ("PI1",)]
        command = TakeArrearsNotice(account, event, f"2026112208{as_of:02d}00", "025", named, part)
        return self.store.run(command, NOW, REFERENCE, origin)

    def refused(self, *given: Any, **named: Any) -> str:
        before = self.store.snapshot()
        with pytest.raises(DomainError) as met:
            self.notice(*given, **named)
        assert self.store.snapshot() == before
        return met.value.code

    @property
    def orders(self) -> list[ServiceOrder]:
        return sorted(self.store.table(ServiceOrder).values(), key=lambda order: order.id)

    def seen(self) -> list[tuple[str, str]]:
        return [(order.action, order.state) for order in self.orders]

    @property
    def instance(self) -> ProductInstance:
        return self.store.table(ProductInstance)["PI1"]

    def done(self, order: ServiceOrder) -> None:
        self.serial += 1
        rows = [{"item_id": item.item_id} for item in order.newest()]
        self.store.run(ReportCompletion(order.id, 1, "装维员乙", AT, rows), NOW, REFERENCE, pf(self.serial))

    def cancelled(self, order: ServiceOrder, outcome: str) -> None:
        self.serial += 1
        ref = next(entry["serial"] for entry in order.operations if entry["operation"] == "cancel")
        rows = [{"item_id": "1", "outcome": outcome, **({} if outcome == "cancelled" else {"code": "3005"})}]
        origin = Origin("PF0001", f"PF0001202611220900{self.serial:014d}", "CN02", ref)
        self.store.run(RecordCancelResult(order.id, 1, rows), NOW, REFERENCE, origin)


def test_arrears_stop_and_payment_lets_go_on() -> None:
    world = Billed()
    assert world.notice("arrears").symbol == "ACCEPTED"
    assert world.seen() == [("suspend", "SUBMITTED")]
    world.done(world.orders[0])
    assert (world.instance.status, world.instance.stop_mask) == ("suspended", 2)
    world.notice("paid", 2)
    world.done(world.orders[1])
    assert (world.instance.status, world.instance.stop_mask) == ("active", 0)
    assert world.seen() == [("suspend", "COMPLETED"), ("resume", "COMPLETED")]


def test_no_channel_hears_of_it() -> None:
    world = Billed()
    world.notice("arrears")
    world.done(world.orders[0])
    assert [event for event in world.store.events if isinstance(event, OrderStateChanged)] == []


def test_paying_lifts_no_other_stop() -> None:
    made = store()
    own(made, status="suspended", stop_mask=4)
    world = Billed(made.table(ProductInstance)["PI1"], made=made)
    world.notice("paid")
    assert world.orders == []
    world.notice("arrears", 2)
    world.done(world.orders[0])
    assert world.instance.stop_mask == 6
    world.notice("paid", 3)
    world.done(world.orders[1])
    assert (world.instance.status, world.instance.stop_mask) == ("suspended", 4)


def test_a_notice_has_one_effect() -> None:
    world = Billed()
    world.notice("arrears")
    assert world.notice("arrears").symbol == "DUPLICATE"
    world.notice("arrears", 2)
    assert len(world.orders) == 1


def test_the_older_of_two_notices_has_none() -> None:
    world = Billed()
    world.notice("paid", 5)
    world.notice("arrears", 4)
    assert world.orders == []
    world.notice("arrears", 6)
    assert world.seen() == [("suspend", "SUBMITTED")]


def test_every_part_of_a_notice_counts_and_every_instance_has_its_order() -> None:
    made = store()
    for n in (1, 2, 3):
        own(made, f"PI{n}", access_number=f"0258000010{n}")
    own(made, "PI4", "CLIP")
    own(made, "PI5", status="disconnected")
    world = Billed(made.table(ProductInstance)["PI1"], made=made)
    world.notice("arrears", 1, "PI1", "PI2", "PI4", "PI5", part=1)
    world.notice("arrears", 1, "PI3", part=2)
    assert [order.newest()[0].instance_id for order in world.orders] == ["PI1", "PI2", "PI3"]


@pytest.mark.parametrize("outcome", ["cancelled", "refused"])
def test_a_payment_that_crosses_the_stop_cancels_it_or_ends_it_after(outcome: str) -> None:
    world = Billed()
    world.notice("arrears")
    world.notice("paid", 2)
    stop = world.orders[0]
    assert world.seen() == [("suspend", "CANCELLING"), ("resume", "DRAFT")]
    assert [event.service_order_id for event in world.store.events if isinstance(event, CancelRequested)] == [stop.id]
    world.cancelled(stop, outcome)
    if outcome == "cancelled":
        assert world.seen() == [("suspend", "CANCELLED"), ("resume", "CANCELLED")]
        assert len([event for event in world.store.events if isinstance(event, OrderDispatched)]) == 1
    else:
        world.done(world.orders[0])
        assert world.seen() == [("suspend", "COMPLETED"), ("resume", "SUBMITTED")]
        world.done(world.orders[1])
    assert (world.instance.status, world.instance.stop_mask, world.instance.open_orders) == ("active", 0, [])


def test_a_stop_that_never_left_is_taken_back_and_nothing_is_to_be_ended() -> None:
    world = Billed()
    world.notice("arrears")
    world.store.unsent[world.orders[0].details["dispatch_serial"]] = None
    world.notice("paid", 2)
    assert world.seen() == [("suspend", "CANCELLED")]


def test_arrears_again_after_the_payment_stop_it_in_the_end() -> None:
    world = Billed()
    for n, event in enumerate(("arrears", "paid", "arrears"), 1):
        world.notice(event, n)
    world.cancelled(world.orders[0], "cancelled")
    assert world.seen() == [("suspend", "CANCELLED"), ("resume", "CANCELLED"), ("suspend", "SUBMITTED")]


@pytest.mark.parametrize("ended", ["COMPLETED", "CANCELLED"])
def test_behind_another_order_in_flight_the_stop_waits_for_its_end_whatever_it_is(ended: str) -> None:
    world = Billed()
    changed = item(action="modify", product_instance_id="PI1", attrs=[attr("PLAN", "POTS50", "M")])
    world.store.run(submission(changed), NOW, REFERENCE, CHANNEL)
    world.notice("arrears")
    assert world.seen() == [("modify", "SUBMITTED"), ("suspend", "DRAFT")]
    if ended == "COMPLETED":
        world.done(world.orders[0])
    else:
        rows = [{"item_id": "1", "outcome": "cancelled"}]
        world.store.run(RecordCancelResult(world.orders[0].id, 1, rows), NOW, REFERENCE, pf(99))
    assert world.seen() == [("modify", ended), ("suspend", "SUBMITTED")]


@pytest.mark.parametrize(("given", "named", "code"), [
    (("arrears",), {"account": "A9"}, "ACCOUNT_OR_CREDIT"),
    (("arrears", 1, "PI1", "PI9"), {}, "INSTANCE_UNKNOWN"),
])  # fmt: skip
def test_what_is_refused_changes_nothing(given: tuple[Any, ...], named: dict[str, Any], code: str) -> None:
    assert Billed().refused(*given, **named) == code


def test_a_frozen_instance_is_tried_again_later() -> None:
    made = store()
    own(made, cutover_freeze=True)
    assert Billed(made.table(ProductInstance)["PI1"], made=made).refused("arrears") == "FROZEN_BY_CUTOVER"
