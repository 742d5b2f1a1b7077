"""The command worker: groups, culprits, locked and full stores, answers only after the commit (architecture 4, 06.1)."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from adapters.store.store import StaleWrite
from adapters.store.unit import StoreUnit
from crm_core.errors import DomainError
from crm_core.ports import Origin
from gateway.proof.heap_clock import HeapClock
from tests.databases import file_store
from tests.gateway.rig import START, Rig, SlowCommit, packet_of, submission


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with file_store(tmp_path / "store.db") as made:
        yield made


class Put:
    """Puts a row of the message log; ``number`` None takes a fresh one."""

    origin = Origin("CRM001", "", "test")

    def __init__(self, number: int | None = None, what: Exception | None = None, told: Any = None) -> None:
        self.number = number
        self.fate = ""
        self.ran = 0
        self._what = what
        self._told = told

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        return ()

    def inbox_keys(self) -> tuple[tuple[str, str], ...]:
        return ()

    def execute(self, unit: StoreUnit) -> None:
        self.ran += 1
        if self._what is not None:
            raise self._what
        number = unit.store.next("message") if self.number is None else self.number
        unit.put("document", (number, "{}"))

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        unit.note("message", "x", "test", "", error.code)

    def committed(self) -> None:
        self.fate = "committed"
        if self._told is not None:
            raise self._told

    def failed(self, symbol: str) -> None:
        self.fate = symbol


def submit(rig: Rig, *jobs: Put, seconds: float = 1.0) -> list[str]:
    for job in jobs:
        rig.gateway.writer.submit(job)
    rig.run(seconds)
    return [job.fate for job in jobs]


def documents(rig: Rig) -> list[int]:
    return [row[0] for row in rig.rows("SELECT message_id FROM message_document ORDER BY message_id")]


# -- groups and culprits ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 31, 63])
def test_one_bad_row_among_64_fails_alone(place: int) -> None:
    rig = Rig()
    jobs = [Put(7_000_000 + n) for n in range(64)]
    jobs[place].number = 5
    submit(rig, Put(5))
    fates = submit(rig, *jobs)
    assert fates == ["INTERNAL" if n == place else "committed" for n in range(64)]
    assert len(documents(rig)) == 64
    figures = rig.gateway.writer.figures
    assert (figures.failed, figures.replays) == (1, 7)  # halves: 64, 32, ... 1


def test_several_culprits_are_found() -> None:
    rig = Rig()
    submit(rig, Put(5))
    jobs = [Put(5 if n % 5 == 0 else 7_000_000 + n) for n in range(20)]
    assert submit(rig, *jobs) == ["INTERNAL" if n % 5 == 0 else "committed" for n in range(20)]


def test_a_defect_and_a_refusal_leave_the_others_alone() -> None:
    rig = Rig()
    jobs = [Put(), Put(what=ZeroDivisionError()), Put(what=DomainError("不", "no", code="STATE_CONFLICT")), Put()]
    assert submit(rig, *jobs) == ["committed"] * 4
    assert len(documents(rig)) == 2
    assert rig.rows("SELECT state_to FROM history ORDER BY seq") == [("INTERNAL",), ("STATE_CONFLICT",)]
    assert rig.gateway.writer.figures.refused == 1


def test_a_job_that_cannot_even_record_its_refusal_fails_alone() -> None:
    class Hopeless(Put):
        def refused(self, unit: StoreUnit, error: DomainError) -> None:
            raise KeyError("a defect in the refusal")

    rig = Rig()
    assert submit(rig, Put(), Hopeless(what=ZeroDivisionError()), Put()) == ["committed", "INTERNAL", "committed"]


def test_a_stale_write_is_replayed(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    flush, times = rig.store.flush, [0]

    def stale_once() -> None:
        times[0] += 1
        if times[0] == 1:
            raise StaleWrite("order")
        flush()

    monkeypatch.setattr(rig.store, "flush", stale_once)
    jobs = [Put(), Put(), Put()]
    assert submit(rig, *jobs) == ["committed"] * 3
    assert [job.ran for job in jobs] == [2, 2, 2]
    assert len(documents(rig)) == 3


def test_no_group_is_larger_than_its_limit_and_all_are_taken() -> None:
    rig = Rig()
    assert set(submit(rig, *[Put() for _ in range(250)])) == {"committed"}
    assert rig.gateway.writer.figures.largest == 96
    assert rig.gateway.writer.figures.groups == 3


def test_a_defect_in_one_answer_leaves_nobody_unanswered() -> None:
    rig = Rig()
    jobs = [Put(), Put(told=ZeroDivisionError("in an answer")), Put()]
    with pytest.raises(ZeroDivisionError):
        submit(rig, *jobs)
    rig.run()
    assert [job.fate for job in jobs] == ["committed"] * 3
    assert submit(rig, Put()) == ["committed"]


# -- answers and commit -------------------------------------------------------------------------------------------------------


def test_no_answer_leaves_before_the_commit_has_returned() -> None:
    clock = HeapClock(START)
    rig = Rig(clock=clock, runner=SlowCommit(clock, 10.0))
    wire = rig.caller()
    wire.send(packet_of(submission(1)))
    pf = rig.station()
    rig.run(9)
    assert wire.got == []
    rig.run(5)
    assert [packet.result for packet in wire.got if packet.is_answer] == ["0001"]
    assert pf.received == []  # its attempt is not on disk yet either
    rig.run(15)
    assert [packet.code for packet in pf.received] == ["OH01"]


def test_what_a_failed_commit_lost_is_answered_9004_and_taken_when_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters.store.driver import StoreFault

    rig = Rig()
    wire = rig.caller()
    driver = rig.store.driver
    monkeypatch.setattr(driver, "commit", lambda: _raise(StoreFault("storage", "disk I/O error")))
    (answer,) = rig.ask(wire, packet_of(submission(1)))
    assert answer.result == "9004"
    monkeypatch.undo()
    got = rig.ask(wire, packet_of(submission(1)))
    assert [packet.result for packet in got if packet.is_answer] == ["0001"]
    assert rig.one("SELECT count(*) FROM customer_order") == 1


def _raise(error: Exception) -> None:
    raise error


# -- a store that cannot be written ------------------------------------------------------------------------------------------


def test_a_locked_store_is_waited_for(engine: Engine) -> None:
    rig = Rig(engine=engine)
    with _locked(rig) as lock:
        job = Put()
        assert submit(rig, job, seconds=3) == [""]
        lock.rollback()
        rig.run(1)
    assert job.fate == "committed"
    assert rig.gateway.writer.storage_fault is None


def test_a_store_locked_for_too_long_refuses_with_9004_and_keeps_nothing(engine: Engine) -> None:
    rig = Rig(engine=engine)
    wire = rig.caller()
    with _locked(rig) as lock:
        got = rig.ask(wire, packet_of(submission(1)), packet_of(submission(2)), seconds=8)
        assert [packet.result for packet in got] == ["9004", "9004"]
        assert rig.gateway.writer.storage_fault is not None
        assert rig.gateway.status()["writer"]["storage_fault"]
        lock.rollback()
    assert rig.one("SELECT count(*) FROM message") == 0
    rig.run(5)
    assert rig.gateway.writer.storage_fault is None
    got = rig.ask(wire, packet_of(submission(1)))
    assert [packet.result for packet in got if packet.is_answer] == ["0001"]


def test_a_full_disk_refuses_with_9004_loses_nothing_and_recovers(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    rig = Rig(engine=engine)
    pf = rig.station()
    rig.run(2)
    wire = rig.caller()
    rig.ask(wire, packet_of(submission(1)))
    pages = rig.store.driver.all("PRAGMA page_count")[0][0]
    rig.store.driver.all(f"PRAGMA max_page_count={pages + 2}")
    got = rig.ask(wire, *[packet_of(submission(n)) for n in range(2, 60)])
    answers = [packet.result for packet in got if packet.is_answer]
    assert answers == ["9004"] * 58
    orders = rig.one("SELECT count(*) FROM customer_order")
    assert orders == 1
    rig.store.driver.all("PRAGMA max_page_count=1000000")
    rig.run(5)
    got = rig.ask(wire, *[packet_of(submission(n)) for n in range(2, 60)], seconds=5)
    assert [packet.result for packet in got if packet.is_answer] == ["0001"] * 58
    assert rig.one("SELECT count(*) FROM customer_order") == 59
    assert len([packet for packet in pf.received if packet.code == "OH01"]) == 59


def test_a_lost_store_is_looked_for_where_groups_are_executed_and_jobs_wait_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from adapters.store.driver import StoreFault

    rig, job, held = Rig(), Put(), []
    writer = rig.gateway.writer
    writer.storage_fault = "connection lost"
    monkeypatch.setattr(writer._runner, "run", lambda *work: held.append(work))
    writer.probe()
    writer.probe()
    assert submit(rig, job) == [""]
    (look, commit, done), = held
    monkeypatch.undo()
    done(None, StoreFault("storage", "connection refused"))
    assert writer.storage_fault == "connection refused"
    rig.run(1)
    assert job.fate == "committed"
    look()
    commit()
    done(None, None)
    assert writer.storage_fault is None


def test_what_waited_for_a_lock_goes_on_behind_a_look_for_the_store(monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
    rig, job, held = Rig(engine=engine), Put(), []
    writer = rig.gateway.writer
    with _locked(rig) as lock:
        submit(rig, job, seconds=0.01)
        writer.storage_fault = "connection lost"
        monkeypatch.setattr(writer._runner, "run", lambda *work: held.append(work))
        writer.probe()
        rig.run(0.2)
        lock.rollback()
    monkeypatch.undo()
    held[0][2](None, None)
    rig.run(1)
    assert job.fate == "committed"


def test_timers_and_refills_go_on_when_the_store_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy.exc import OperationalError

    rig = Rig()
    looks = []

    def broken() -> Any:
        looks.append(rig.clock.now())
        raise OperationalError("SELECT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(rig.gateway._timers._engine, "connect", broken, raising=False)
    rig.run(150)
    assert len(looks) == 2


class _locked:
    """Another connection holds the write lock; SQLite itself does not wait for it, in real time, but the writer does."""

    def __init__(self, rig: Rig) -> None:
        self._path = rig.engine.url.database or ""
        rig.store.driver.all("PRAGMA busy_timeout=0")

    def __enter__(self) -> sqlite3.Connection:
        self._connection = sqlite3.connect(self._path, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


# -- ending -------------------------------------------------------------------------------------------------------------------


def test_idle_is_told_once_when_nothing_waits() -> None:
    rig = Rig()
    told: list[int] = []
    for _ in range(3):
        rig.gateway.writer.submit(Put())
    rig.gateway.writer.when_idle(lambda: told.append(rig.one("SELECT count(*) FROM message_document")))
    rig.run()
    assert told == [3]


def test_a_closed_worker_takes_nothing() -> None:
    rig = Rig()
    waiting, late = Put(), Put()
    rig.gateway.writer.submit(waiting)
    rig.gateway.writer.close()
    assert submit(rig, late) == [""]
    assert waiting.fate == ""
    assert documents(rig) == []
