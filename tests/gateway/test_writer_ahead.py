"""What is executed while a group commits: on what that one leaves, written behind it, afresh should it fail (06.1)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from adapters.store.driver import Driver, StoreFault
from adapters.store.history import broken_links
from adapters.store.unit import StoreUnit
from crm_core.errors import DomainError
from crm_core.ports import Origin
from gateway.proof.heap_clock import HeapClock
from tests.crm_core.contract import ENTITIES
from tests.databases import file_store
from tests.gateway.rig import START, Rig, SlowCommit

COMMIT_S = 1.0


class Step:
    """Brings an instance into being, or counts one further on it; ``deed`` besides, ``refuse``s where told."""

    origin = Origin("CRM001", "", "test")

    def __init__(self, name: str, deed: Callable[[StoreUnit], None] = lambda unit: None, *, refuse: bool = False) -> None:
        self.name = name
        self.fate = ""
        self.ran = 0
        self.number = 0
        self._deed = deed
        self._refuse = refuse

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        return (("instance", self.name),)

    def inbox_keys(self) -> tuple[tuple[str, str], ...]:
        return ()

    def execute(self, unit: StoreUnit) -> None:
        self.ran += 1
        if self._refuse:
            raise DomainError("不", "no", code="STATE_CONFLICT")
        self._deed(unit)
        found = unit.instance(self.name)
        if found is None:
            unit.add(replace(ENTITIES["instance"], id=self.name, stop_mask=0))
        else:
            found.stop_mask += 1
            unit.save(found)
        self.number = unit.store.next("message")
        unit.put("document", (self.number, "{}"))
        unit.note("message", self.name, "test", "", "done")

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        unit.note("message", self.name, "test", "", error.code)

    def committed(self) -> None:
        self.fate = "committed"

    def failed(self, symbol: str) -> None:
        self.fate = symbol


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with file_store(tmp_path / "store.db") as made:
        yield made


@pytest.fixture(params=["memory", "file"])
def rig(request: pytest.FixtureRequest) -> Rig:
    clock = HeapClock(START)
    engine = request.getfixturevalue("engine") if request.param == "file" else None
    made = Rig(engine=engine, clock=clock, runner=SlowCommit(clock, COMMIT_S))
    made.run(COMMIT_S * 3)
    return made


def put(rig: Rig, *jobs: Step, seconds: float = 0.1) -> None:
    for job in jobs:
        rig.gateway.writer.submit(job)
    rig.run(seconds)


def masks(rig: Rig) -> dict[str, int]:
    return dict(rig.rows("SELECT id, stop_mask FROM product_instance ORDER BY id"))


def failing_commits(monkeypatch: pytest.MonkeyPatch, store: Any, *kinds: str) -> None:
    """The next commits end so; '' is well."""
    commit, left = store.commit, list(kinds)

    def commit_or_fail() -> None:
        kind: Any = left.pop(0) if left else ""
        if kind:
            raise StoreFault(kind, "as the test wants it")
        commit()

    monkeypatch.setattr(store, "commit", commit_or_fail)


def test_what_comes_in_during_a_commit_is_executed_and_waits_for_its_own(rig: Rig) -> None:
    first, second, third = Step("PI1"), Step("PI1"), Step("PI1")
    put(rig, first)
    put(rig, second)
    put(rig, third)
    assert [job.ran for job in (first, second, third)] == [1, 1, 1]
    assert [job.fate for job in (first, second, third)] == ["", "", ""]
    rig.run(COMMIT_S)
    assert [job.fate for job in (first, second, third)] == ["committed", "", ""]
    rig.run(COMMIT_S)
    assert [job.fate for job in (first, second, third)] == ["committed"] * 3
    assert masks(rig) == {"PI1": 2}


def test_no_more_is_executed_ahead_than_one_group(rig: Rig) -> None:
    size, writer = 96, rig.gateway.writer
    groups = writer.figures.groups
    jobs = [Step(f"PI{n}") for n in range(1 + 2 * size)]
    put(rig, jobs[0])
    put(rig, *jobs[1:])
    assert [job.ran for job in jobs] == [1] * (1 + size) + [0] * size
    assert writer.waiting == size
    rig.run(3 * COMMIT_S)
    assert {job.fate for job in jobs} == {"committed"}
    assert writer.figures.groups == groups + 3


def test_a_refusal_ahead_leaves_the_others_alone(rig: Rig) -> None:
    jobs = [Step("PI1"), Step("PI1", refuse=True), Step("PI1")]
    put(rig, jobs[0])
    put(rig, *jobs[1:], seconds=3 * COMMIT_S)
    assert [job.fate for job in jobs] == ["committed"] * 3
    assert masks(rig) == {"PI1": 1}


def test_behind_a_commit_that_fails_everything_is_executed_afresh(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_commits(monkeypatch, rig.store, "data")
    first, second = Step("PI1"), Step("PI1")
    put(rig, first)
    put(rig, second)
    rig.run(COMMIT_S)
    # alone it is the culprit; what was executed on what it had left must not stand on it
    assert (first.fate, second.fate) == ("INTERNAL", "")
    rig.run(2 * COMMIT_S)
    assert (second.fate, second.ran) == ("committed", 2)
    assert masks(rig) == {"PI1": 0}


def test_a_store_that_cannot_be_written_refuses_also_what_was_executed_ahead(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing_commits(monkeypatch, rig.store, "storage")
    first, second, later = Step("PI1"), Step("PI1"), Step("PI1")
    put(rig, first)
    put(rig, second)
    rig.run(COMMIT_S)
    assert (first.fate, second.fate) == ("STORAGE", "STORAGE")
    put(rig, later, seconds=2 * COMMIT_S)
    assert later.fate == "committed"
    assert masks(rig) == {"PI1": 0}


def test_a_lock_waited_for_keeps_the_order(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_commits(monkeypatch, rig.store, "locked", "locked")
    told: list[str] = []
    first, second = Step("PI1", lambda unit: told.append("first")), Step("PI1", lambda unit: told.append("second"))
    put(rig, first)
    put(rig, second)
    rig.run(8 * COMMIT_S)
    assert (first.fate, second.fate) == ("committed", "committed")
    assert told[-1] == "second"
    assert masks(rig) == {"PI1": 1}


def test_a_reading_that_fails_ahead_is_met_again_when_the_group_under_way_stands(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = [StoreFault("locked", "for once")]

    def deed(unit: StoreUnit) -> None:
        if faults:
            raise faults.pop()

    first, second, third = Step("PI1"), Step("PI1", deed), Step("PI1")
    put(rig, first)
    put(rig, second)
    put(rig, third)
    assert third.ran == 0
    rig.run(5 * COMMIT_S)
    assert [job.fate for job in (first, second, third)] == ["committed"] * 3
    assert masks(rig) == {"PI1": 2}


def test_what_is_needed_beside_a_commit_is_read_over_a_connection_of_its_own(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HeapClock(START)
    rig = Rig(engine=engine, clock=clock, runner=SlowCommit(clock, COMMIT_S), remember=1)
    rig.run(COMMIT_S * 3)
    put(rig, Step("PI1"), Step("PI2"), seconds=2 * COMMIT_S)
    put(rig, Step("PI3"))
    busy, real = rig.store.driver, Driver.all

    def all_of(driver: Driver, sql: str, values: Any = ()) -> Any:
        assert driver is not busy, f"waits for the commit: {sql}"
        return real(driver, sql, values)

    monkeypatch.setattr(Driver, "all", all_of)
    job = Step("PI1")
    put(rig, job)
    assert job.ran == 1
    monkeypatch.undo()
    rig.run(2 * COMMIT_S)
    assert job.fate == "committed"
    assert masks(rig) == {"PI1": 1, "PI2": 0, "PI3": 0}


def test_what_is_still_to_be_written_is_not_forgotten() -> None:
    clock = HeapClock(START)
    rig = Rig(clock=clock, runner=SlowCommit(clock, COMMIT_S), remember=1)
    rig.run(COMMIT_S * 3)
    put(rig, Step("PI1"), Step("PI2"), Step("PI3"), seconds=2 * COMMIT_S)
    put(rig, Step("PI4"))
    jobs = [Step("PI1"), Step("PI2"), Step("PI3")]
    put(rig, *jobs, seconds=3 * COMMIT_S)
    assert [(job.fate, job.ran) for job in jobs] == [("committed", 1)] * 3
    assert rig.gateway.writer.figures.replays == 0


NAMES = ("PI1", "PI2", "PI3")
STEPS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from((0.0, 0.3, 0.9, 1.7)), st.booleans()), max_size=25)
ENDS = st.lists(st.sampled_from(("", "", "", "data", "storage", "locked")), max_size=12)


@settings(max_examples=40)
@given(steps=STEPS, ends=ENDS, remember=st.sampled_from((1, 6000)))
def test_whatever_commits_do_every_job_told_so_had_its_effect_once(
    steps: list[tuple[str, float, bool]], ends: list[str], remember: int
) -> None:
    clock = HeapClock(START)
    rig = Rig(clock=clock, runner=SlowCommit(clock, COMMIT_S), remember=remember)
    rig.run(COMMIT_S * 3)
    jobs = [Step(name, refuse=refuse) for name, _, refuse in steps]
    with pytest.MonkeyPatch.context() as patch:
        failing_commits(patch, rig.store, *ends)
        for job, (_, pause, _) in zip(jobs, steps, strict=True):
            rig.gateway.writer.submit(job)
            if pause:
                clock.advance(round(pause * 1000))
        rig.run(200 * COMMIT_S)
    assert {job.fate for job in jobs} <= {"committed", "INTERNAL", "STORAGE"}
    done = [job for job, (_, _, refuse) in zip(jobs, steps, strict=True) if job.fate == "committed" and not refuse]
    assert masks(rig) == {name: count - 1 for name, count in sorted(Counter(job.name for job in done).items())}
    kept = [row[0] for row in rig.rows("SELECT message_id FROM message_document")]
    assert sorted(job.number for job in done) == sorted(kept)
    columns = "chain, seq, at, subject, subject_id, input, state_from, state_to, actor, serial, detail, hash"
    assert broken_links(rig.rows(f"SELECT {columns} FROM history ORDER BY seq")) == []
