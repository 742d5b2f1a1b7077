"""Arrears and payment over the wire: billing finds them, the core orders stop and resume, provisioning carries them out."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from gateway.proof.world import BILL, World, WorldPlan
from simulators.scripts import read_scripts

pytestmark = pytest.mark.simulation


def play(*rows: dict[str, Any], speed: float = 0.2) -> tuple[World, list[tuple[str, str]]]:
    """The first demo order, then what billing finds; the orders that follow, as (action, state)."""
    world = World(WorldPlan(seed=5, orders=1, speed=speed, scripts=read_scripts({"arrears": list(rows)})))
    outcome = world.run()
    assert (outcome.quiet, [str(one) for one in outcome.violations], outcome.defects) == (True, [], [])
    assert world.hosts[BILL].ledger["complaints"] == []
    with world.engine.connect() as connection:
        found = connection.execute(text("SELECT action, state FROM service_order WHERE action <> 'install' ORDER BY id"))
        return world, [(row.action, row.state) for row in found]


def standing(world: World) -> tuple[str, int]:
    with world.engine.connect() as connection:
        row = connection.execute(text("SELECT status, stop_mask FROM product_instance")).one()
    return row.status, row.stop_mask


def kinds(world: World) -> list[str]:
    return [fact["kind"] for fact in world.hosts[BILL].ledger["facts"]]


def test_arrears_stop_the_service_and_payment_resumes_it() -> None:
    arrears = {"event": "arrears", "after_ms": 10_000, "amount": 12_000}
    paid = {"event": "paid", "after_ms": 600_000}
    world, orders = play(arrears, paid)
    assert orders == [("suspend", "COMPLETED"), ("resume", "COMPLETED")]
    assert (standing(world), kinds(world)) == (("active", 0), ["start", "suspend", "resume"])


def test_arrears_alone_leave_it_stopped() -> None:
    world, orders = play({"event": "arrears", "after_ms": 10_000})
    assert orders == [("suspend", "COMPLETED")]
    assert (standing(world), kinds(world)) == (("suspended", 2), ["start", "suspend"])


@pytest.mark.parametrize(("gap_ms", "speed"), [(1_000, 1.0), (0, 1.0), (2_000, 0.2), (4_000, 0.2), (6_000, 0.2)])
def test_a_payment_that_crosses_the_stop_leaves_it_in_service(gap_ms: int, speed: float) -> None:
    rows = [{"event": event, "after_ms": 10_000 + late} for event, late in (("arrears", 0), ("paid", gap_ms))]
    world, orders = play(*rows, speed=speed)
    ends = dict(orders)
    assert standing(world) == ("active", 0)
    assert ends in ({}, {"suspend": "CANCELLED"}, {"suspend": "CANCELLED", "resume": "CANCELLED"},
                    {"suspend": "COMPLETED", "resume": "COMPLETED"})  # fmt: skip
    assert kinds(world) == (["start", "suspend", "resume"] if ends.get("suspend") == "COMPLETED" else ["start"])
