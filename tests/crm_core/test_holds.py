"""Reservations that several orders of a customer share, that a change drops, or that went to somebody else (spec 5.3, 04.7)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.fakes import FakeStore
from crm_core.orders.cancel import CancelOrder
from crm_core.orders.cancel_result import RecordCancelResult
from crm_core.orders.complete import ReportCompletion
from crm_core.orders.model import ServiceOrder
from crm_core.ports import Origin
from crm_core.resources.events import ReservationGivenBack
from crm_core.resources.model import Reservation
from tests.crm_core.channel import AMEND, CANCEL, Asked
from tests.crm_core.samples import CHANNEL, NOW, REFERENCE, item, pf, store, submission
from tests.crm_core.test_reservations import NUMBER, PORT, held, states


def given_back(made: FakeStore) -> int:
    return sum(isinstance(event, ReservationGivenBack) for event in made.events)


def two_orders(made: FakeStore) -> list[str]:
    """One customer order, two service orders, one reservation named by the document."""
    made.run(submission(item(), item("2", sequence=2), reservations=["RV1"]), NOW, REFERENCE, CHANNEL)
    return list(made.table(ServiceOrder))


def cancel(made: FakeStore, order_id: str, item_id: str) -> None:
    made.run(CancelOrder(order_id, CANCEL), NOW, REFERENCE, CHANNEL)
    (entry,) = made.table(ServiceOrder)[order_id].operations
    origin = Origin("PF0001", f"S{order_id}", "CN02", entry["serial"])
    made.run(RecordCancelResult(order_id, 1, [{"item_id": item_id, "outcome": "cancelled"}]), NOW, REFERENCE, origin)
    assert made.table(ServiceOrder)[order_id].state == "CANCELLED"


def complete(made: FakeStore, order_id: str, item_id: str, *resources: dict[str, Any]) -> None:
    row = {"item_id": item_id, "resources": list(resources), "access_number": "02580000001"}
    made.run(ReportCompletion(order_id, 1, "装维员乙", "20261122090000", [row]), NOW, REFERENCE, pf(1))
    assert made.table(ServiceOrder)[order_id].state == "COMPLETED"


@pytest.mark.parametrize("first", [0, 1])
def test_what_two_orders_share_stays_held_until_the_second_one_ends(first: int) -> None:
    made = held()
    ids = two_orders(made)
    cancel(made, ids[first], str(first + 1))
    assert (states(made), given_back(made)) == (["held", "held"], 0)
    assert made.table(Reservation)["RV1"].order_id == ids[1 - first]
    cancel(made, ids[1 - first], str(2 - first))
    assert (states(made), given_back(made)) == (["released", "released"], 1)


def test_of_what_two_orders_share_each_uses_its_own() -> None:
    made = held()
    first, second = two_orders(made)
    complete(made, first, "1", NUMBER, {**PORT, "res_inst_id": "P9"})
    assert states(made) == ["consumed", "held"]
    complete(made, second, "2", {**NUMBER, "res_inst_id": "N9"}, PORT)
    assert (states(made), given_back(made)) == (["consumed", "consumed"], 0)


def test_what_one_used_and_the_other_does_not_want_any_more_is_given_back() -> None:
    made = held()
    first, second = two_orders(made)
    complete(made, first, "1", NUMBER, {**PORT, "res_inst_id": "P9"})
    cancel(made, second, "2")
    assert (states(made), given_back(made)) == (["consumed", "released"], 1)


DROPPED = {"reason": AMEND, "reservations": ["RV2"]}


def test_one_a_change_drops_is_free_once_provisioning_has_applied_it() -> None:
    """Provisioning frees what is needed no longer (5.6); nothing is left held by an order that ended."""
    made = held()
    world = Asked(made=made, reservations=["RV1"])
    world.tell(world.accept(1))
    world.ask("amend", DROPPED)
    assert states(made) == ["held", "held"]
    world.changed()
    assert (states(made), made.table(Reservation)["RV1"].closed, given_back(made)) == (["released", "released"], True, 0)


def test_one_a_refused_change_would_have_dropped_stays() -> None:
    made = held()
    world = Asked(made=made, reservations=["RV1"])
    world.tell(world.accept(1))
    world.ask("amend", DROPPED)
    world.changed("refused")
    assert (states(made), world.order.reservations) == (["held", "held"], ["RV1"])


@pytest.mark.parametrize("returned", [False, True])
def test_one_dropped_while_the_crm_has_the_order_is_given_back(returned: bool) -> None:
    made = held()
    world = Asked(made=made, reservations=["RV1"], pre_accept=not returned)
    if returned:
        world.tell(world.back(1))
    world.ask("amend", DROPPED)
    assert (states(made), given_back(made)) == (["released", "released"], 1)


def test_one_of_another_system_may_be_named_by_another_order_once_it_is_dropped() -> None:
    made = store()
    made.table(Reservation)["RV1"] = Reservation("RV1", "ORDER", "CH0001", "025")
    world = Asked(made=made, reservations=["RV1"], pre_accept=True)
    world.ask("amend", DROPPED)
    assert (made.table(Reservation)["RV1"].order_id, made.table(Reservation)["RV1"].closed) == (None, False)


def test_one_that_went_to_another_order_while_a_change_was_open_is_that_orders_to_end() -> None:
    made = held()
    world = Asked(made=made)
    world.tell(world.accept(1))
    world.ask("amend", {"reason": AMEND, "reservations": ["RV1"]})
    made.run(submission(customer_order_id="CO2", reservations=["RV1"]), NOW, REFERENCE, CHANNEL)
    taker = made.table(Reservation)["RV1"].order_id
    world.changed()
    world.cancel()
    world.cancelled(("1", "cancelled"), version=2)
    assert world.order.state == "CANCELLED"
    assert (made.table(Reservation)["RV1"].order_id, states(made), given_back(made)) == (taker, ["held", "held"], 0)
