"""返销: a completed installation is undone by a new order, and billing takes its start back (spec 5.4 rule 8, BL01 reverse)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.billing.model import BillingRecord
from crm_core.errors import DomainError
from crm_core.events import BillingDue, OrderDispatched
from crm_core.orders.complete import ReportCompletion
from crm_core.orders.model import ServiceOrder
from crm_core.products.model import ProductInstance
from gateway.reference_data import build_reference
from schemas.loader import load
from tests.crm_core.desk import World
from tests.crm_core.samples import CHANNEL, NOW, attr, item, own, pf, submission

REFERENCE = build_reference(load())


def installed() -> tuple[World, str]:
    """A completed installation and its instance."""
    world = World(reference=REFERENCE)
    world.tell(world.done(seq=1))
    assert world.order.state == "COMPLETED"
    return world, world.item().instance_id


def disconnect(world: World, instance: str, undoes: str | None, order: str = "CO2", **fields: Any) -> str:
    """Submits a disconnection; the service order's id."""
    attrs = [] if undoes is None else [attr("UNDOES", undoes)]
    given = item("1", "disconnect", product_instance_id=instance, attrs=attrs, **fields)
    outcome = world.store.run(submission(given, customer_order_id=order), NOW, REFERENCE, CHANNEL)
    return dict(outcome.details)["service_order_id"]


def complete(world: World, order: str) -> None:
    row = {"item_id": "1"}
    world.store.run(ReportCompletion(order, 1, "装维员乙", "20261122090000", [row]), NOW, REFERENCE, pf(90))
    assert world.store.table(ServiceOrder)[order].state == "COMPLETED"


def kinds(world: World) -> list[tuple[str, str]]:
    return [(event.service_order_id, event.kind) for event in world.events(BillingDue)]


def test_what_undoes_an_installation_takes_its_start_back() -> None:
    world, instance = installed()
    order = disconnect(world, instance, world.id)
    (dispatch,) = [event for event in world.events(OrderDispatched) if event.service_order_id == order]
    assert dispatch.image["relation"] == {"service_order_id": world.id, "kind": "undoes"}
    complete(world, order)
    assert kinds(world) == [(world.id, "start"), (order, "reverse")]
    assert world.store.table(BillingRecord)[f"{order}/1/reverse"].state == "sent"
    assert world.store.table(ProductInstance)[instance].status == "disconnected"
    assert "UNDOES" not in world.store.table(ProductInstance)[instance].attrs


def test_an_ordinary_disconnection_stops_charging() -> None:
    world, instance = installed()
    order = disconnect(world, instance, None)
    complete(world, order)
    assert kinds(world) == [(world.id, "start"), (order, "stop")]


def refused(world: World, instance: str, undoes: str) -> DomainError:
    before = world.store.snapshot()
    with pytest.raises(DomainError) as caught:
        disconnect(world, instance, undoes)
    assert world.store.snapshot() == before
    return caught.value


def test_an_order_nobody_knows_cannot_be_undone() -> None:
    world, instance = installed()
    assert refused(world, instance, "SO404").code == "ORDER_UNKNOWN"


def test_an_order_on_another_instance_cannot_be_undone() -> None:
    world, _ = installed()
    own(world.store, "PI9")
    assert refused(world, "PI9", world.id).code == "ORDER_UNKNOWN"


def test_what_something_came_after_cannot_be_undone() -> None:
    world, instance = installed()
    suspend = submission(item("1", "suspend", product_instance_id=instance), customer_order_id="CO3")
    outcome = world.store.run(suspend, NOW, REFERENCE, CHANNEL)
    complete(world, dict(outcome.details)["service_order_id"])
    error = refused(world, instance, world.id)
    assert (error.code, error.state) == ("STATE_CONFLICT", "COMPLETED")


def test_only_the_opposite_action_undoes() -> None:
    world, instance = installed()
    suspend = submission(item("1", "suspend", product_instance_id=instance), customer_order_id="CO3")
    done = dict(world.store.run(suspend, NOW, REFERENCE, CHANNEL).details)["service_order_id"]
    complete(world, done)
    assert refused(world, instance, done).code == "STATE_CONFLICT"


@pytest.mark.parametrize(("undoes_first", "ends"), [(True, "CANCELLED"), (False, "SUBMITTED")])
def test_one_that_waits_undoes_only_what_is_the_last_when_it_is_its_turn(undoes_first: bool, ends: str) -> None:
    """Or billing would take back a start that something was built upon."""
    world, instance = installed()
    between = submission(item("1", "suspend", product_instance_id=instance), customer_order_id="CO3")
    awaited = dict(world.store.run(between, NOW, REFERENCE, CHANNEL).details)["service_order_id"]
    waiting = disconnect(world, instance, world.id if undoes_first else None, depends_on=[awaited])
    complete(world, awaited)
    assert world.store.table(ServiceOrder)[waiting].state == ends
