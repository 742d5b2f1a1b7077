"""Core and simulators agree on what a script makes of orders: waiting, rework, returns, over the wire (spec 5.4, 5.8)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from sqlalchemy import text

from gateway.proof.world import PF, World, WorldPlan
from simulators.scripts import read_scripts

STORIES: list[tuple[dict[str, Any], str]] = [
    ({"do": "shortage", "res_type": "VLAN", "reason": "10W009", "ms": 3_000}, "COMPLETED"),
    ({"do": "return", "stage": "TEST", "reason": "10R204", "mode": "AUTOMATIC"}, "COMPLETED"),
    ({"do": "return", "stage": "DATA_CONFIG", "reason": "10R003"}, "RETURNED"),
]


@pytest.mark.parametrize(("act", "end"), STORIES, ids=[f"{act['do']} {act['reason']}" for act, _ in STORIES])
def test_both_sides_see_the_same_end(act: dict[str, Any], end: str) -> None:
    world = World(WorldPlan(seed=11, orders=8, scripts=read_scripts({"act": [act]})))
    world.start()
    for _ in range(120):
        world.clock.advance(1_000)
    theirs = {order.id: order.state for order in world.provisioning.orders.values()}
    with world.engine.connect() as connection:
        ours = {row.id: row.state for row in connection.execute(text("SELECT id, state FROM service_order"))}
    assert {order: ours[order] for order in theirs} == theirs
    assert Counter(theirs.values())[end] >= 4
    assert world.hosts[PF].ledger["complaints"] == []
