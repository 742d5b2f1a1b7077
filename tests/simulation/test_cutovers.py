"""A cutover over the wire, from RM's plan to billing and back (spec 5.12, 6.4 invariant 9)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.store.cutover_queries import cutover, cutovers
from adapters.store.queries import Row
from adapters.wire.times import wire_time
from gateway.proof.world import RM, START_MS, World, WorldPlan
from simulators.rm.brain import RmBrain
from simulators.rm.cutover_plan import draft
from simulators.rm.script import PlannedStart, Script
from simulators.scripts import Scripts

pytestmark = pytest.mark.simulation

MINUTE = 60_000


def network(world: World) -> RmBrain:
    brain = world.hosts[RM].brain
    assert isinstance(brain, RmBrain)
    return brain


@pytest.fixture(scope="module")
def plan() -> dict[str, Any]:
    """The number of the first customer goes to another bureau, as soon as he has one."""
    before = World(WorldPlan(seed=1, orders=1))
    outcome = before.run()
    assert outcome.sound, outcome
    with before.engine.connect() as connection:
        (instance,) = connection.exec_driver_sql("SELECT id FROM product_instance").scalars()
    at = START_MS + outcome.virtual_ms + MINUTE
    window = {"begin": wire_time(at + MINUTE), "end": wire_time(at + 30 * MINUTE)}
    head = {"area": "025", "cutover_id": "CT1", "type": "number", "window": window, "freeze_window": window, "at": at}
    items = draft(network(before).plant, [instance], "NUMBER", "NJXW02", 1)
    assert len(items) == 1
    return head | {"items": items}


def play(plan: dict[str, Any], *failures: tuple[str, str, str]) -> World:
    """The same world again, with a person at RM who starts the plan."""
    given = {name: value for name, value in plan.items() if name != "at"}
    script = Script(failures=failures, cutovers=(PlannedStart(plan["at"], given, False),))
    world = World(WorldPlan(seed=1, orders=1, keep=None, scripts=Scripts(rm=script)))
    outcome = world.run()
    assert outcome.sound, outcome
    return world


def read(world: World) -> Row:
    with world.engine.connect() as connection:
        assert [row["id"] for row in cutovers(connection)] == ["CT1"]
        found = cutover(connection, "CT1")
    assert found is not None
    return found


def test_a_number_moves_everywhere_at_once(plan: dict[str, Any]) -> None:
    world = play(plan)
    found = read(world)
    (item,) = plan["items"]
    assert (found["state"], found["done"], found["counts"]) == ("4", 1, {"done": 1})
    with world.engine.connect() as connection:
        row = connection.exec_driver_sql("SELECT access_number, previous_number, cutover_freeze FROM product_instance").one()
        notices = connection.exec_driver_sql("SELECT count(*) FROM customer_notice").scalar_one()
        facts = connection.exec_driver_sql("SELECT kind, state FROM billing_record ORDER BY kind").all()
    assert tuple(row) == (item["new"]["access_number"], item["old"]["access_number"], 0)
    assert notices == 1
    assert [tuple(fact) for fact in facts] == [("change", "accepted"), ("start", "accepted")]


def test_what_failed_stays_where_it_was(plan: dict[str, Any]) -> None:
    (item,) = plan["items"]
    world = play(plan, (item["product_instance_id"], "failed", "熔接失败"))
    found = read(world)
    assert (found["state"], found["failed"], found["items"][0]["reason"]["text"]) == ("97", 1, "熔接失败")
    with world.engine.connect() as connection:
        number, freeze = connection.exec_driver_sql("SELECT access_number, cutover_freeze FROM product_instance").one()
    assert (number, freeze) == (item["old"]["access_number"], 0)
