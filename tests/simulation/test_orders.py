"""Many orders over a bad network: nothing lost, nothing doubled, and a seed that replays in another process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest

from gateway.proof.fault_plan import PERFECT, FaultPlan
from gateway.proof.world import World, WorldPlan

pytestmark = pytest.mark.simulation

ROOT = Path(__file__).parents[2]
BAD = FaultPlan(
    latency=(0.002, 0.08), slow=0.05, slow_by=3.0, split=0.1, merge=0.1, reset=0.01, half_open=0.003, refuse=0.1
)
"""Delay in every write, some by seconds; one write in a hundred breaks its connection and loses what was under way."""

REPLAY = """
import logging, structlog
structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
from gateway.proof.fault_plan import FaultPlan
from gateway.proof.world import World, WorldPlan
outcome = World(WorldPlan(seed={seed}, orders={orders}, faults={faults!r})).run()
print(outcome.sound, outcome.digest, outcome.lines)
"""


def test_fifty_orders_over_a_bad_network_lose_and_double_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    world = World(WorldPlan(seed=4, orders=50, faults=BAD))
    before = process_time()
    outcome = world.run()
    speed = 50 / (process_time() - before)
    with capsys.disabled():
        print(f" [{speed:.0f} simulated orders/s, {outcome.lines} deliveries, {outcome.faults}] ", end="")
    assert outcome.sound, outcome
    assert outcome.faults["reset"] > 0
    assert outcome.faults["slow"] > 0
    assert sum(host.inbox.repeats for host in world.hosts.values()) > 0


@pytest.mark.parametrize("seed", [11, 12])
def test_other_seeds_end_as_well(seed: int) -> None:
    outcome = World(WorldPlan(seed=seed, orders=40, faults=replace(BAD, reset=0.03, half_open=0.01))).run()
    assert outcome.sound, outcome


def test_repeated_packets_change_nothing() -> None:
    outcome = World(WorldPlan(seed=5, orders=30, faults=FaultPlan(latency=(0.001, 0.02), duplicate=0.1))).run()
    assert outcome.sound, outcome
    assert outcome.faults["duplicate"] > 0


def test_provisioning_that_goes_away_is_waited_for() -> None:
    world = World(WorldPlan(seed=6, orders=20, faults=PERFECT))
    world.start()
    world.clock.advance(1_500)
    world.network.outage("mem://PF0001", 90)
    world.clock.advance(60_000)
    assert not world.is_quiet()
    outcome = world.finish()
    assert outcome.sound, outcome


def test_a_seed_replays_in_another_process_under_any_hash_seed() -> None:
    script = REPLAY.format(seed=7, orders=50, faults=BAD)
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": str(hash_seed)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in (1, 2)
    ]
    said = [run.communicate()[0].split() for run in runs]
    assert said[0] == said[1]
    assert said[0][0] == "True"


def test_another_seed_is_another_run() -> None:
    one, other = (World(WorldPlan(seed=seed, orders=3, faults=BAD)).run() for seed in (1, 2))
    assert one.digest != other.digest
