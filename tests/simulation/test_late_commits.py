"""Whole orders where every commit takes its time, some fail, and the gateway dies in between: nothing lost, nothing doubled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from adapters.store.driver import StoreFault
from adapters.store.engine import open_engine, reading
from adapters.store.migration import upgrade_engine
from adapters.store.store import Store
from gateway.clock import Entropy
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import FaultPlan
from gateway.proof.world import World, WorldPlan
from gateway.runners import Done
from gateway.service import Gateway

pytestmark = pytest.mark.simulation

BAD = FaultPlan(latency=(0.002, 0.08), slow=0.05, slow_by=3.0, split=0.1, merge=0.1, reset=0.01, half_open=0.003, refuse=0.1)


class LateCommit:
    """A commit comes a while after what it commits was prepared, and is told of a while after that; ``fails`` of them do not
    take place, ``doubts`` of them do and are said to have failed. What died says and writes nothing more."""

    overlaps = True

    def __init__(self, clock: HeapClock, entropy: Entropy, store: Store, fails: float, doubts: float) -> None:
        self._clock = clock
        self._entropy = entropy
        self._store = store
        self._fails = fails
        self._doubts = doubts
        self.dead = False
        self.failed = 0
        self.told = 0

    def run(self, prepare: Callable[[], Any], commit: Callable[[], None], done: Done) -> None:
        try:
            result = prepare()
        except Exception as error:
            self._later(done, None, error)
        else:
            self._later(self._commit, commit, result, done)

    def _later(self, call: Callable[..., None], *args: Any) -> None:
        self._clock.callLater(self._entropy.uniform(0.001, 0.15), lambda: None if self.dead else call(*args))

    def _commit(self, commit: Callable[[], None], result: Any, done: Done) -> None:
        drawn = self._entropy.uniform(0, 1)
        if drawn >= self._fails:
            commit()
        if drawn >= self._fails + self._doubts:
            self.told += 1
            self._later(done, result, None)
            return
        self._store._commit_open = True
        self.failed += 1
        kind: Any = ("locked", "data", "storage")[self.failed % 3]
        self._later(done, None, StoreFault(kind, "as the test wants it"))


class LateWorld(World):
    """A world whose gateway keeps its store in a file, commits late, and can die."""

    def __init__(self, plan: WorldPlan, folder: Path, fails: float, doubts: float, remember: int) -> None:
        super().__init__(plan)
        self._ends = (fails, doubts)
        self._remember = remember
        self.runners: list[LateCommit] = []
        self._written = open_engine(f"sqlite:///{folder}/store.db")
        event.listen(self._written, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
        upgrade_engine(self._written)
        self.engine = reading(self._written)  # the world looks on while a group is under way
        self._born()

    def _born(self) -> None:
        self.store = Store(self._written, remember=self._remember)
        self.runners.append(LateCommit(self.clock, self._branch(), self.store, *self._ends))
        config = self.gateway.config
        self.gateway = Gateway(config, self.clock, self._branch(), self.network, self.store, self.runners[-1], group_size=8)

    def dies(self) -> None:
        """And another takes its place."""
        self.runners[-1].dead = True
        self.gateway.abandon()
        self._born()
        self.gateway.start()


def judged(world: LateWorld) -> None:
    """Everything as it must be, though the worker told jobs that they failed."""
    outcome = world.finish()
    assert outcome.quiet
    assert outcome.violations == []
    assert outcome.unmet == []
    assert [defect for defect in outcome.defects if "jobs of the worker failed" not in defect] == []
    assert sum(runner.failed for runner in world.runners) > 0
    world.engine.dispose()


@pytest.mark.parametrize(("seed", "remember"), [(22, 6000), (23, 1)])
def test_late_and_failing_commits_and_deaths_lose_and_double_nothing(tmp_path: Path, seed: int, remember: int) -> None:
    world = LateWorld(WorldPlan(seed=seed, orders=10, faults=BAD), tmp_path, 0.05, 0.0, remember)
    world.start()
    for pause in (3_000, 2_000, 2_500):
        world.clock.advance(pause)
        world.dies()
    assert sum(runner.told for runner in world.runners) > 5
    judged(world)


def test_what_a_commit_of_unknown_outcome_would_have_sent_leaves_all_the_same(tmp_path: Path) -> None:
    world = LateWorld(WorldPlan(seed=2, orders=10, faults=BAD), tmp_path, 0.0, 0.05, 6000)
    world.start()
    judged(world)
