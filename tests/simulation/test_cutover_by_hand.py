"""A cutover through the real CRM: plan, freeze, waves, completion, billing, recovery of the old side (spec 5.12)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from adapters.wire.times import wire_time
from gateway.proof.world import RM, World, WorldPlan
from simulators.rm.brain import RmBrain
from simulators.rm.cutover_plan import draft

HOUR = 3_600_000


def _plan(world: World, rm: RmBrain) -> dict[str, Any]:
    """Every instance with a port in one bureau of Nanjing goes to another."""
    now = world.clock.now()
    home = "NJGL01"
    instances = [name for name in rm.plant.in_use if {(r.type, r.bureau) for r in rm.plant.serving(name)} & {("PORT", home)}]
    window = {"begin": wire_time(now), "end": wire_time(now + HOUR)}
    head = {"area": "025", "cutover_id": "CT02520261122000001", "type": "line", "in_flight": "finish"}
    items = draft(rm.plant, instances, "PORT", "NJXW02", 2)
    return head | {"window": window, "freeze_window": window, "items": items}


def test_lines_move_and_the_crm_knows_it() -> None:
    world = World(WorldPlan(seed=11, orders=20, direct=True))
    first = world.run()
    assert first.sound, (first.violations, first.unmet, first.defects)
    rm = world.hosts[RM].brain
    assert isinstance(rm, RmBrain)
    plan = _plan(world, rm)
    moved = [row["product_instance_id"] for row in plan["items"]]
    assert moved
    world.hosts[RM].act(lambda now: rm.start_cutover(plan, now))
    outcome = world.finish()
    assert outcome.quiet
    assert outcome.defects == []
    assert rm.inspect()["cutovers"][plan["cutover_id"]]["counts"] == {"done": len(moved)}
    assert rm.inspect()["cutovers"][plan["cutover_id"]]["state"] == "4"
    for name in moved:
        assert [(row.bureau, row.state) for row in rm.plant.serving(name) if row.type == "PORT"] == [("NJXW02", "4")]
    with world.engine.connect() as connection:
        states = connection.execute(text("SELECT state FROM cutover")).scalars().all()
        frozen = connection.execute(text("SELECT COUNT(*) FROM product_instance WHERE cutover_freeze")).scalar()
    assert (states, frozen) == (["4"], 0)
    assert outcome.violations == []
