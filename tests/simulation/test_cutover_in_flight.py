"""Orders in the way of a cutover, through the real CRM: waited for, locked over it, or left alone (spec 5.12, 04.9)."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import pytest

from adapters.store.cutover_queries import cutover
from adapters.store.queries import order
from adapters.wire.times import wire_time
from gateway.cli.demo import DemoOrder
from gateway.proof.world import CHANNEL, RM, World, WorldPlan
from simulators.pf.script import Act, Script
from simulators.rm.brain import RmBrain
from simulators.rm.cutover_plan import draft
from simulators.scripts import Scripts

pytestmark = pytest.mark.simulation

SLOW_MS = 90_000
SUSPENSION = "WAY0001"


def suspension(instance: str) -> DemoOrder:
    """An order on the instance of the first customer, slow at provisioning."""
    text = (files("gateway") / "demo" / "12-suspend-mobile.xml").read_text("utf-8")
    given = {"DEMO0000-12": SUSPENSION, "DEMO0000-05": "DEMO0000-01", "DEMO0000-P05": instance, "MOBILE": "POTS"}
    for old, new in (given | {">020<": ">025<"}).items():
        text = text.replace(old, new)
    return DemoOrder(SUSPENSION, text.encode(), "COMPLETED")


class Way:
    """A world with one customer in service, an order on his line under way, and a cutover of it."""

    def __init__(self, in_flight: str) -> None:
        slow = Act("slow", customer_order=SUSPENSION, stage="DATA_CONFIG", ms=SLOW_MS)
        self.world = World(WorldPlan(seed=1, orders=1, scripts=Scripts(pf=Script((slow,)))))
        assert self.world.run().sound
        rm = self.world.hosts[RM].brain
        assert isinstance(rm, RmBrain)
        with self.world.engine.connect() as connection:
            (self.instance,) = connection.exec_driver_sql("SELECT id FROM product_instance").scalars()
        now = self.world.clock.now()
        self.world.hosts[CHANNEL].act(lambda now: self.world.channel.submit(suspension(self.instance), now))
        self.world.clock.advance(5_000)
        items = draft(rm.plant, [self.instance], "NUMBER", "NJXW02", 1)
        window = {"begin": wire_time(now + 30_000), "end": wire_time(now + 3_600_000)}
        freeze = {"begin": wire_time(now), "end": window["end"]}
        head = {"area": "025", "cutover_id": "CT1", "type": "number", "in_flight": in_flight, "items": items}
        plan = head | {"window": window, "freeze_window": freeze}
        if in_flight == "finish":
            plan["window"] = {"begin": wire_time(now + 300_000), "end": window["end"]}
        self.world.hosts[RM].act(lambda now: rm.start_cutover(plan, now))

    def end(self) -> dict[str, Any]:
        """To quiescence; the cutover as the CRM has it. Whatever happened, the order completed."""
        outcome = self.world.finish()
        assert outcome.sound, outcome
        with self.world.engine.connect() as connection:
            found = cutover(connection, "CT1")
            assert connection.exec_driver_sql("SELECT cutover_freeze FROM product_instance").scalar_one() == 0
        assert found is not None
        assert found["ended_at"] is not None
        return found

    def suspended_at(self) -> int:
        """When the order completed (ms)."""
        with self.world.engine.connect() as connection:
            found = connection.exec_driver_sql(f"SELECT ended_at FROM customer_order WHERE id = '{SUSPENSION}'")
            return int(found.scalar_one())

    def inputs(self) -> list[str]:
        """What happened to the order."""
        with self.world.engine.connect() as connection:
            (name,) = connection.exec_driver_sql(
                f"SELECT id FROM service_order WHERE customer_order_id = '{SUSPENSION}'"
            ).scalars()
            found = order(connection, name)
        assert found is not None
        return [entry["input"] for entry in found["history"]]


def test_an_order_in_the_way_is_finished_first() -> None:
    way = Way("finish")
    found = way.end()
    assert (found["state"], found["counts"]) == ("4", {"done": 1})
    assert way.suspended_at() < found["ended_at"]


def test_an_order_in_the_way_is_locked_over_the_cutover_and_goes_on_after_it() -> None:
    way = Way("lock")
    found = way.end()
    assert (found["state"], found["counts"]) == ("4", {"done": 1})
    assert found["ended_at"] < way.suspended_at()
    assert "locked" in way.inputs()


def test_an_order_in_the_way_that_is_exempt_leaves_its_instance_out_and_where_none_is_left_there_is_no_cutover() -> None:
    way = Way("exempt")
    found = way.end()
    assert (found["state"], found["done"]) == ("98", 0)
    assert "locked" not in way.inputs()
    assert way.world.hosts[CHANNEL].ledger["customer_notices"] == []
