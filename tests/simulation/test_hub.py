"""PF and RM speak different dialects and meet only through the gateway: nothing lost, nothing twice (spec 01.2, 06.1)."""

from __future__ import annotations

from collections import Counter

import pytest

from adapters.store.store import Store
from gateway.clock import Entropy
from gateway.proof.fault_plan import PERFECT, FaultPlan
from gateway.proof.world import PF, RM, World, WorldPlan
from gateway.service import Gateway

pytestmark = pytest.mark.simulation

BAD = FaultPlan(latency=(0.002, 0.08), split=0.2, merge=0.1, reset=0.02, half_open=0.002, half_open_for=(1.0, 40.0), refuse=0.1)
DIALECTS = {
    "layouts": {PF: "ascii-len-8"},
    "voices": {PF: ("root-cdata", "GBK"), RM: ("package", "UTF-8")},
}


def legs(world: World) -> tuple[Counter[tuple[str, str]], Counter[tuple[str, str]]]:
    """Messages of PF and RM to each other by code and state: as they came in, as they went on."""
    with world.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT i.code, i.state, o.code, o.state FROM relay r JOIN message i ON i.id = r.origin_id "
            "JOIN message o ON o.id = r.message_id"
        ).all()
    return Counter((code, state) for code, state, _, _ in rows), Counter((code, state) for _, _, code, state in rows)


def restart(world: World, seed: int) -> None:
    """The gateway dies without a word; another one on the same database takes its place."""
    world.gateway.abandon()
    world.store = Store(world.engine)
    world.gateway = Gateway(world.gateway.config, world.clock, Entropy(seed), world.network, world.store)
    world.gateway.start()


def test_two_dialects_meet_in_the_hub() -> None:
    world = World(WorldPlan(seed=31, orders=6, faults=PERFECT, hub=True, **DIALECTS))
    outcome = world.run()
    assert outcome.sound, outcome
    came, went = legs(world)
    assert came == went == Counter({("OH03", "DONE"): 6, ("OH04", "DONE"): 6, ("OH06", "DONE"): 6})
    assert world.hosts[RM].ledger["wire"]["repeats"] == 0


def test_nothing_is_lost_or_doubled_over_a_bad_network_and_restarts() -> None:
    world = World(WorldPlan(seed=32, orders=10, faults=BAD, hub=True, **DIALECTS))
    world.start()
    for number in range(6):
        world.clock.advance(7_000)
        restart(world, number)
    outcome = world.finish()
    assert outcome.sound, outcome
    assert outcome.faults["reset"] > 0
    came, went = legs(world)
    assert came == went
    assert {state for _, state in went} == {"DONE"}
    assert went["OH03", "DONE"] == went["OH04", "DONE"]


@pytest.mark.parametrize(
    ("layout", "envelope", "charset"),
    [("ctif-128", "uni-bss-head", "UTF-8"), ("dc-64", "root-cdata", "GB18030"), ("len4-le", "uni-bss", "GBK")],
)
def test_other_dialects(layout: str, envelope: str, charset: str) -> None:
    world = World(WorldPlan(seed=33, orders=3, hub=True, layouts={PF: layout}, voices={PF: (envelope, charset)}))
    outcome = world.run()
    assert outcome.sound, outcome
