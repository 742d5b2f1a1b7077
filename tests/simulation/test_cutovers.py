"""A cutover over the wire, from RM's plan to billing and back (spec 5.12, 6.4 invariant 9)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.store.cutover_queries import cutover, cutovers
from adapters.store.queries import Row
from adapters.wire.times import wire_time
from gateway.cli.simulators_desk import desk_of
from gateway.proof.fault_plan import FaultPlan
from gateway.proof.world import CHANNEL, RM, START_MS, World, WorldPlan
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
    assert len(world.hosts[CHANNEL].ledger["customer_notices"]) == 1
    assert [tuple(fact) for fact in facts] == [("change", "accepted"), ("start", "accepted")]


def test_what_failed_stays_where_it_was(plan: dict[str, Any]) -> None:
    (item,) = plan["items"]
    world = play(plan, (item["product_instance_id"], "failed", "熔接失败"))
    found = read(world)
    assert (found["state"], found["failed"], found["items"][0]["reason"]["text"]) == ("97", 1, "熔接失败")
    with world.engine.connect() as connection:
        number, freeze = connection.exec_driver_sql("SELECT access_number, cutover_freeze FROM product_instance").one()
    assert (number, freeze) == (item["old"]["access_number"], 0)


def test_a_customer_is_told_once_over_a_network_that_loses_and_repeats(plan: dict[str, Any]) -> None:
    given = {name: value for name, value in plan.items() if name != "at"}
    script = Script(cutovers=(PlannedStart(plan["at"], given, False),))
    faults = FaultPlan(reset=0.03, garble=0.03)
    world = World(WorldPlan(seed=1, orders=1, faults=faults, scripts=Scripts(rm=script)))
    world.run()
    assert world.finish().violations == []


def test_a_dry_run_changes_nothing_and_tells_what_the_crm_found(plan: dict[str, Any]) -> None:
    (item,) = plan["items"]
    wrong = {**item, "old": {**item["old"], "access_number": "02580099999"}}
    given = {name: value for name, value in plan.items() if name not in ("at", "items")} | {"items": [wrong]}
    script = Script(cutovers=(PlannedStart(plan["at"], given, True),))
    world = World(WorldPlan(seed=1, orders=1, scripts=Scripts(rm=script)))
    outcome = world.run()
    assert outcome.sound, outcome
    report = network(world).cutovers.reports["CT1"]
    assert {"product_instance_id": item["product_instance_id"], "field": "access_number", "expected": "02580099999",
            "found": item["old"]["access_number"]} in report  # fmt: skip
    assert network(world).cutovers.trying() == []
    with world.engine.connect() as connection:
        assert cutovers(connection) == []
        assert connection.exec_driver_sql("SELECT count(*) FROM customer_notice").scalar_one() == 0


def test_what_is_rolled_back_counts_as_failed_and_nobody_is_told(plan: dict[str, Any]) -> None:
    (item,) = plan["items"]
    world = play(plan, (item["product_instance_id"], "rolled_back", "光功率不足"))
    found = read(world)
    assert (found["state"], found["counts"], found["done"] + found["failed"] + found["excluded"]) == ("97", {"failed": 1}, 1)
    assert world.hosts[CHANNEL].ledger["customer_notices"] == []
    (served,) = [row for row in network(world).plant.serving(item["product_instance_id"]) if row.type == "NUMBER"]
    assert (served.code, served.state) == (item["old"]["access_number"], "4")


def test_a_plan_is_cancelled_at_the_desk_and_everything_thaws(plan: dict[str, Any]) -> None:
    world = World(WorldPlan(seed=1, orders=1))
    world.run()
    replies: list[dict[str, Any]] = []
    desk = desk_of(world.hosts[RM])
    begin, end = wire_time(world.clock.now() + 30 * MINUTE), wire_time(world.clock.now() + 60 * MINUTE)
    given = {name: value for name, value in plan.items() if name != "at"}
    given |= {"window": {"begin": begin, "end": end}, "freeze_window": {"begin": wire_time(world.clock.now()), "end": end}}
    desk["start"]({"plan": given}, replies.append)
    world.clock.advance(5_000)
    with world.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT cutover_freeze FROM product_instance").scalar_one() == 1
    desk["cancel"]({"id": "CT1", "reason": "天气"}, replies.append)
    desk["start"]({"plan": given}, replies.append)
    desk["start"]({}, replies.append)
    assert [reply["ok"] for reply in replies] == [True, True, False, False]
    assert world.finish().violations == []
    desk["report"]({}, replies.append)
    assert replies[-1]["cutovers"]["CT1"]["state"] == "98"
    assert read(world)["state"] == "98"
    with world.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT cutover_freeze FROM product_instance").scalar_one() == 0


def test_a_plan_is_drafted_at_the_desk(plan: dict[str, Any]) -> None:
    world = World(WorldPlan(seed=1, orders=1))
    world.run()
    replies: list[dict[str, Any]] = []
    desk = desk_of(world.hosts[RM])
    (item,) = plan["items"]
    wanted = {"res_type": "NUMBER", "old_bureau": item["old"]["bureau"], "new_bureau": "NJXW02", "per_wave": 10}
    desk["draft"](wanted, replies.append)
    assert replies[-1]["items"] == plan["items"]
    desk["draft"](wanted | {"old_bureau": "NJJY01"}, replies.append)
    assert replies[-1]["items"] == []
    desk["draft"]({}, replies.append)
    assert not replies[-1]["ok"]
