"""A whole gateway: on every database and runner, stopping and dying, timers of the core (architecture 4, 06.1)."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from gateway import timers
from gateway.proof.heap_clock import HeapClock
from gateway.runners import CommitThreadRunner, InlineRunner, ThreadRunner
from tests.adapters.store.servers import PostgresServer
from tests.databases import emptied, file_store
from tests.gateway.rig import PEERS, START, Rig, Station, Wire, packet_of, submission

ORDERS = 12


class Reactor:
    """Stands for ``callFromThread``: what threads hand over runs when the test lets it."""

    def __init__(self) -> None:
        self._calls: queue.Queue[tuple[Callable[..., object], tuple[Any, ...]]] = queue.Queue()

    def call(self, function: Callable[..., object], *args: Any) -> None:
        self._calls.put((function, args))

    def turn(self, rig: Rig) -> None:
        """Let time pass until the worker has nothing more to do."""
        for _ in range(2000):
            rig.clock.advance(20)
            writer = rig.gateway.writer
            while writer._busy:
                function, args = self._calls.get(timeout=30)
                function(*args)
            if not (writer.waiting or writer._scheduled):
                return
        raise AssertionError("the worker never rests")


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[Engine]:
    with emptied(postgres_url) as engine:
        yield engine


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Engine]:
    with file_store(tmp_path / "store.db") as engine:
        yield engine


def play(rig: Rig, turn: Callable[[float], None]) -> tuple[Wire, Station]:
    """Orders in, each twice, and their dispatches out."""
    pf = rig.station()
    turn(2)
    wire = rig.caller()
    for number in range(ORDERS):
        wire.send(packet_of(submission(number)))
    wire.send(packet_of(submission(3)))
    wire.send(packet_of(submission(ORDERS, customer_order_id="X" * 40)))
    turn(3)
    wire.send(packet_of(submission(5)))
    turn(5)
    return wire, pf


def judged(rig: Rig, wire: Wire, pf: Station) -> None:
    """What must be so whatever ran it."""
    answers = [packet for packet in wire.got if packet.is_answer]
    assert [packet.result for packet in answers].count("0001") == ORDERS + 2
    assert [packet.result for packet in answers].count("1002") == 1
    for number in (3, 5):
        assert len({packet.body for packet in answers if packet.serial.endswith(f"{number:010d}")}) == 1
    assert rig.one("SELECT count(*) FROM customer_order") == ORDERS
    assert len({packet.serial for packet in pf.received}) == len(pf.received) == ORDERS
    assert rig.rows("SELECT DISTINCT state FROM message WHERE code = 'OH01'") == [("DONE",)]
    assert rig.rows("SELECT DISTINCT input FROM history WHERE subject = 'order' AND input = 'receipt'") == [("receipt",)]


@pytest.mark.postgres
def test_orders_end_to_end_on_postgresql_inline(postgres: Engine) -> None:
    rig = Rig(engine=postgres, runner=InlineRunner())
    wire, pf = play(rig, rig.run)
    judged(rig, wire, pf)
    rig = rig.restarted()
    rig.run(2)
    (answer,) = [packet for packet in rig.ask(rig.caller(), packet_of(submission(5))) if packet.is_answer]
    assert answer.body in {packet.body for packet in wire.got}
    rig.gateway.abandon()


@pytest.mark.postgres
def test_orders_end_to_end_on_postgresql_with_the_worker_on_a_thread(postgres: Engine, reactor: Reactor) -> None:
    runner = ThreadRunner(reactor.call)
    rig = Rig(engine=postgres, runner=runner)
    wire, pf = play(rig, lambda seconds: _turns(rig, reactor, seconds))
    judged(rig, wire, pf)
    runner.stop()
    rig.gateway.abandon()


def test_orders_end_to_end_on_sqlite_with_the_commit_on_a_thread(sqlite: Engine, reactor: Reactor) -> None:
    runner = CommitThreadRunner(reactor.call)
    rig = Rig(engine=sqlite, runner=runner)
    wire, pf = play(rig, lambda seconds: _turns(rig, reactor, seconds))
    judged(rig, wire, pf)
    runner.stop()
    rig.gateway.abandon()


def _turns(rig: Rig, reactor: Reactor, seconds: float) -> None:
    until = rig.clock.now() + round(seconds * 1000)
    while rig.clock.now() < until:
        reactor.turn(rig)


@pytest.mark.postgres
def test_a_lost_database_connection_refuses_9004_and_the_next_one_takes_over(
    postgres: Engine, postgres_server: PostgresServer
) -> None:
    rig = Rig(engine=postgres)
    rig.run(2)
    wire = rig.caller()
    rig.ask(wire, packet_of(submission(1)))
    name = postgres.url.database
    postgres_server.command(
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )
    postgres.dispose()
    (answer,) = rig.ask(wire, packet_of(submission(2)))
    assert answer.result == "9004"
    rig.run(5)
    assert rig.gateway.writer.storage_fault is None
    got = rig.ask(wire, packet_of(submission(2)), packet_of(submission(3)))
    assert [packet.result for packet in got if packet.is_answer] == ["0001", "0001"]
    assert rig.one("SELECT count(*) FROM customer_order") == 3
    rig.gateway.abandon()


@pytest.mark.postgres
def test_values_too_long_for_their_column_fail_alone_on_postgresql(postgres: Engine) -> None:
    rig = Rig(engine=postgres)
    rig.run(2)
    wire = rig.caller()
    long = packet_of(submission(2).replace(b"<code>PLAN</code>", b"<code>" + b"P" * 33 + b"</code>", 1))
    got = rig.ask(wire, packet_of(submission(1)), long, packet_of(submission(3)))
    answers = [packet.result for packet in got if packet.is_answer]
    assert (answers[0], answers[2]) == ("0001", "0001")
    assert answers[1] in ("1002", "3020")
    rig.gateway.abandon()


# -- stopping ------------------------------------------------------------------------------------------------------------------


def test_stopping_answers_what_was_taken_and_records_what_was_under_way() -> None:
    clock = HeapClock(START)
    rig = Rig(clock=clock)
    pf = rig.station(script=lambda packet: None)
    rig.run(2)
    wire = rig.caller()
    rig.ask(wire, packet_of(submission(1)))
    assert len(pf.received) == 1
    wire.send(packet_of(submission(2)))
    rig.run(0)
    ended: list[Any] = []
    rig.gateway.stop().addCallback(ended.append)
    rig.run(5)
    assert ended
    assert [packet.result for packet in wire.got if packet.is_answer] == ["0001", "0001"]
    assert not wire.open
    states = {row[0] for row in rig.rows("SELECT state FROM message WHERE code = 'OH01'")}
    assert "SENDING" not in states
    attempts = rig.rows("SELECT count(*) FROM attempt WHERE reply_at IS NULL")
    assert attempts == [(0,)]
    rig.run(120)
    assert len(pf.received) <= 2  # nothing goes on


def test_nobody_connects_while_it_stops_or_after() -> None:
    rig = Rig()
    rig.run(1)
    rig.gateway.stop()
    rig.run(1)
    with pytest.raises(IndexError):
        rig.caller()


def test_the_status_names_links_queues_and_the_worker() -> None:
    rig = Rig()
    rig.station()
    rig.run(2)
    rig.send("a", "b", peer="BIL001")
    rig.run(1)
    status = rig.gateway.status()
    links = {link["peer"]: link for link in status["links"]}
    assert (links["PF0001"]["state"], links["BIL001"]["state"], links["CH0001"]["state"]) == ("up", "down", "down")
    assert links["BIL001"]["waiting"] == 2
    assert status["writer"]["jobs"] == 1


def test_an_address_that_is_taken_fails_the_start() -> None:
    rig = Rig()
    other = Rig(clock=rig.clock, network=rig.network, start=False)
    failures: list[Any] = []
    other.gateway.start().addErrback(failures.append)
    rig.run(1)
    assert "already in use" in str(failures[0].value)


def test_a_document_beside_the_links_is_judged_like_any_other() -> None:
    rig = Rig()
    rig.run(1)
    answers: list[bytes] = []
    for raw in (submission(1), submission(1), submission(2, sender="XX0001"), b"garbage"):
        rig.gateway.submit_document(raw, answers.append)
    rig.run(1)
    assert sorted(answer.count(b"<ResultCode>0001<") for answer in answers) == [0, 0, 1, 1]
    assert rig.one("SELECT count(*) FROM customer_order") == 1


# -- due work of the core ------------------------------------


@pytest.mark.parametrize("moment", [b"20261123000000", b"20261123235959"])
def test_an_order_for_a_later_day_is_dispatched_when_its_day_has_come(moment: bytes) -> None:
    """Whatever the hour: the day has come at midnight in Shanghai (5.4 rule 7)."""
    rig = Rig()
    pf = rig.station()
    rig.run(2)
    raw = submission(1).replace(
        b"<captured_at>20261121093000</captured_at>",
        b"<captured_at>20261121093000</captured_at><effective_at>" + moment + b"</effective_at>",
    )
    got = rig.ask(rig.caller(), packet_of(raw))
    assert [packet.result for packet in got if packet.is_answer] == ["0001"]
    assert pf.received == []
    rig = rig.restarted(after=14 * 3600)
    rig.run(1800)
    assert pf.received == []
    rig.run(1800)
    assert [packet.code for packet in pf.received] == ["OH01"]


def test_orders_whose_day_has_come_but_that_wait_for_others_hide_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timers, "AT_ONCE", 2)
    rig = Rig()
    pf = rig.station()
    later = b"</captured_at><effective_at>20261123000000</effective_at>"
    wire = rig.caller()
    for number in range(1, 6):
        rig.ask(wire, packet_of(submission(number).replace(b"</captured_at>", later)))
    ids = [row[0] for row in rig.rows("SELECT id FROM service_order ORDER BY id")]
    with rig.engine.begin() as connection:  # all but the last wait for an order that never ends
        connection.exec_driver_sql(
            "UPDATE service_order SET details_json = json_set(details_json, '$.awaits', json('[\"SO0\"]')) WHERE id < ?",
            (ids[-1],),
        )
    rig = rig.restarted(after=15 * 3600)
    rig.run(600)
    assert [packet.code for packet in pf.received] == ["OH01"]


def test_a_refused_due_order_stays_in_the_history_and_is_not_lost() -> None:
    rig = Rig((PEERS[0], PEERS[1]))
    rig.run(1)
    with rig.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM service_order")).scalar() == 0
    from crm_core.orders.dispatch_due import DispatchDue
    from gateway.timers import CommandJob

    rig.gateway.writer.submit(CommandJob(DispatchDue("SO404"), "CRM001", "dispatch due SO404"))
    rig.run(1)
    assert rig.rows("SELECT subject, subject_id, state_to FROM history") == [("timer", "dispatch due SO404", "refused")]
