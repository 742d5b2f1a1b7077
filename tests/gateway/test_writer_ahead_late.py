"""What goes wrong while the next group is executed: no wait behind the disk, no group more than needed, nothing seen half."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from adapters.store.driver import Driver, StoreFault
from adapters.store.unit import StoreUnit
from crm_core.billing.model import BillingRecord
from gateway.proof.heap_clock import HeapClock
from gateway.runners import CommitThreadRunner, Done
from tests.databases import file_store
from tests.gateway.rig import START, Rig, SlowCommit
from tests.gateway.test_writer_ahead import COMMIT_S, Step, failing_commits, masks, put

HANGS_S = 5


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with file_store(tmp_path / "store.db") as made:
        yield made


def slow(engine: Engine | None = None, **changes: Any) -> Rig:
    """A gateway whose commits take their time."""
    clock = HeapClock(START)
    rig = Rig(engine=engine, clock=clock, runner=changes.pop("runner", SlowCommit)(clock, COMMIT_S), **changes)
    rig.run(COMMIT_S * 3)
    return rig


class Follows(Step):
    """Has another job follow when it is committed, as a message that leaves has its attempt opened."""

    def __init__(self, name: str, rig: Rig, following: Step) -> None:
        super().__init__(name)
        self._rig = rig
        self._following = following

    def committed(self) -> None:
        super().committed()
        self._rig.gateway.writer.submit(self._following)


def test_what_a_commit_brings_about_is_in_the_group_written_next() -> None:
    rig = slow()
    following, meanwhile = Step("PI3"), Step("PI2")
    put(rig, Follows("PI1", rig, following))
    put(rig, meanwhile)
    rig.run(2 * COMMIT_S)
    assert (meanwhile.fate, following.fate) == ("committed", "committed")


def test_no_group_written_is_larger_than_its_limit_whatever_a_commit_brings_about() -> None:
    rig = slow()
    meanwhile = [Step(f"PI{n}") for n in range(95)]
    following = [Step(f"PX{n}") for n in range(3)]
    put(rig, *(Follows(f"PF{n}", rig, step) for n, step in enumerate(following)))
    put(rig, *meanwhile, seconds=2 * COMMIT_S)
    assert [job.fate for job in meanwhile] == ["committed"] * 95
    assert [job.fate for job in following] == ["committed", "", ""]
    rig.run(COMMIT_S)
    assert [job.fate for job in following] == ["committed"] * 3
    assert rig.gateway.writer.figures.largest == 96


def asks(unit: StoreUnit) -> None:
    """Reads what is not remembered."""
    assert unit.store.fate("CH0001", "nobody's") is None


class Disk:
    """Stands before a connection: its next commit ends when ``goes_on`` is set."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.entered = threading.Event()
        self.goes_on = threading.Event()
        self.waited = True

    def commit(self) -> None:
        self.entered.set()
        self.waited = self.goes_on.wait(HANGS_S)
        self._connection.commit()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def test_the_reactor_never_waits_for_the_disk(engine: Engine) -> None:
    calls: Queue[Callable[[], None]] = Queue()
    runner = CommitThreadRunner(lambda function, *args: calls.put(lambda: function(*args)))
    rig = Rig(engine=engine, runner=runner)

    def settled(*jobs: Step) -> None:
        while not all(job.fate for job in jobs):
            rig.run(0)
            try:
                calls.get(timeout=HANGS_S)()
            except Empty:
                pytest.fail("nothing comes back")
            rig.run(0)

    start = Step("PI0")
    rig.gateway.writer.submit(start)
    settled(start)
    disk = rig.store.driver._connection = Disk(rig.store.driver._connection)
    looks = Step("PI1", asks)
    first, before, behind = Step("PI1"), Step("PI2"), Step("PI1")
    put(rig, first, seconds=0)
    assert disk.entered.wait(HANGS_S)
    put(rig, before, seconds=0)
    put(rig, looks, seconds=0)
    put(rig, behind, seconds=0)
    assert (before.ran, behind.ran) == (1, 0)
    disk.goes_on.set()
    settled(first, before, looks, behind)
    assert disk.waited
    assert {job.fate for job in (first, before, looks, behind)} == {"committed"}
    assert masks(rig) == {"PI0": 0, "PI1": 2, "PI2": 0}
    assert rig.gateway.writer.figures.replays == 0
    runner.stop()
    rig.gateway.abandon()


class SlowReport(SlowCommit):
    """A runner that also takes its time to say that a group could not be prepared."""

    def run(self, prepare: Callable[[], Any], commit: Callable[[], None], done: Done) -> None:
        try:
            result = prepare()
        except Exception as error:
            self.clock.callLater(self.seconds, done, None, error)
            return
        self.clock.callLater(self.seconds, self._commit, commit, result, done)


@pytest.mark.parametrize("step", ["begin", "flush"])
def test_nothing_is_executed_on_what_could_not_be_written(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    rig = slow(runner=SlowReport)
    real, faults = getattr(rig.store, step), [StoreFault("locked", "for once")]

    def once() -> None:
        if faults:
            raise faults.pop()
        real()

    monkeypatch.setattr(rig.store, step, once)
    first, second = Step("PI1"), Step("PI1")
    put(rig, first)
    put(rig, second)
    assert second.ran == 0
    rig.run(4 * COMMIT_S)
    assert (first.fate, second.fate, second.ran) == ("committed", "committed", 1)
    assert masks(rig) == {"PI1": 1}


def test_a_second_connection_that_cannot_be_read_costs_nobody_anything(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = slow(engine, remember=1)
    put(rig, Step("PI1"), Step("PI2"), seconds=2 * COMMIT_S)
    writing, real = rig.store.driver, Driver.all

    def all_of(driver: Driver, sql: str, values: Any = ()) -> Any:
        if driver is not writing:
            raise StoreFault("storage", "too many open files")
        return real(driver, sql, values)

    monkeypatch.setattr(Driver, "all", all_of)
    first, second, third = Step("PI3"), Step("PI1"), Step("PI1")
    put(rig, first)
    put(rig, second)
    put(rig, third)
    rig.run(5 * COMMIT_S)
    assert [job.fate for job in (first, second, third)] == ["committed"] * 3
    assert rig.gateway.writer.storage_fault is None
    assert masks(rig) == {"PI1": 2, "PI2": 0, "PI3": 0}


def answered(unit: StoreUnit) -> None:
    """The billing fact is answered once more, under its serial."""
    record = unit.billing_by_serial("S1")
    assert record is not None, "not found under its serial"
    record.sent_at += 1
    unit.save(record)


@pytest.mark.parametrize("born_ahead", [True, False])
def test_a_fact_found_under_its_serial_is_as_the_group_under_way_left_it(engine: Engine, born_ahead: bool) -> None:
    rig = slow(engine, remember=1)
    fact = BillingRecord("SO1/1/open", "SO1", "1", "PI9", None, "025", "open", START, serial="S1")
    born = Step("PI1", lambda unit: unit.add(fact))
    if born_ahead:
        put(rig, Step("PI0"))
        put(rig, born, Step("PI2"), seconds=COMMIT_S)
    else:
        put(rig, born, seconds=3 * COMMIT_S)
        put(rig, Step("PI0"))
        put(rig, Step("PI2", answered), seconds=COMMIT_S)
    last = Step("PI3", answered)
    put(rig, last)
    rig.run(3 * COMMIT_S)
    assert (last.fate, last.ran) == ("committed", 1)
    assert rig.gateway.writer.figures.replays == 0
    assert rig.rows("SELECT sent_at FROM billing_record") == [(1 if born_ahead else 2,)]


def test_who_hands_on_what_leaves_failing_leaves_nobody_unanswered() -> None:
    rig = slow()

    def fails(messages: Any) -> None:
        raise ZeroDivisionError

    rig.gateway.writer.on_outgoing = fails
    job, later = rig.send("a"), Step("PI1")
    with pytest.raises(ZeroDivisionError):
        put(rig, seconds=2 * COMMIT_S)
    assert job.fate == "committed"
    put(rig, later, seconds=2 * COMMIT_S)
    assert later.fate == "committed"


def test_a_culprit_that_was_the_last_makes_room_too(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = slow()
    rooms: list[str] = []
    job = Step("PI1")
    rig.gateway.writer.on_room = lambda: rooms.append(job.fate)
    failing_commits(monkeypatch, rig.store, "data")
    put(rig, job, seconds=2 * COMMIT_S)
    assert rooms == ["INTERNAL"]
