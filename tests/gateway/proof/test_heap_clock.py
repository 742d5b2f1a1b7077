"""The simulation's clock: order, cancelling, re-arming, Twisted's contract."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.error import AlreadyCalled, AlreadyCancelled
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import Clock, LoopingCall
from zope.interface.verify import verifyObject

from gateway.proof.heap_clock import HeapClock

START = 1_795_656_600_000


def test_it_provides_what_twisted_asks_of_a_clock() -> None:
    clock = HeapClock(START)
    verifyObject(IReactorTime, clock)
    verifyObject(IDelayedCall, clock.callLater(1, int))


def test_calls_due_at_one_instant_run_in_the_order_asked_for() -> None:
    clock = HeapClock(START)
    ran: list[int] = []
    for number in range(50):
        clock.callLater(1, ran.append, number)
    clock.advance(1000)
    assert ran == list(range(50))


def test_time_moves_to_each_call_and_ends_at_the_goal() -> None:
    clock = HeapClock(START)
    seen: list[int] = []
    clock.callLater(0.25, lambda: seen.append(clock.now() - START))
    clock.callLater(2, lambda: seen.append(clock.now() - START))
    clock.run_until(START + 1000)
    assert seen == [250]
    assert clock.now() == START + 1000


def test_a_cancelled_call_does_not_run_and_cannot_be_cancelled_again() -> None:
    clock = HeapClock(START)
    timer = clock.callLater(1, pytest.fail, "ran")
    timer.cancel()
    assert not timer.active()
    assert clock.getDelayedCalls() == []
    assert clock.run() == 0
    with pytest.raises(AlreadyCancelled):
        timer.cancel()


def test_a_call_that_ran_cannot_be_cancelled() -> None:
    clock = HeapClock(START)
    timer = clock.callLater(0, int)
    clock.run()
    with pytest.raises(AlreadyCalled):
        timer.reset(1)


def test_reset_and_delay_move_a_call_either_way() -> None:
    clock = HeapClock(START)
    seen: list[tuple[str, int]] = []
    later = clock.callLater(1, lambda: seen.append(("later", clock.now() - START)))
    sooner = clock.callLater(9, lambda: seen.append(("sooner", clock.now() - START)))
    later.delay(4)
    sooner.reset(2)
    assert sooner.getTime() == START / 1000 + 2
    clock.run()
    assert seen == [("sooner", 2000), ("later", 5000)]


def test_a_predicate_stops_the_run_and_a_limit_gives_up() -> None:
    clock = HeapClock(START)
    ticks: list[int] = []

    def tick() -> None:
        ticks.append(clock.now())
        clock.callLater(1, tick)

    tick()
    assert clock.run_until(lambda: len(ticks) == 4)
    assert not clock.run_until(lambda: len(ticks) == 100, limit_ms=START + 10_000)
    assert len(ticks) == 11


def test_a_negative_delay_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        HeapClock(START).callLater(-1, int)


def test_an_exception_in_a_call_ends_the_run_there() -> None:
    clock = HeapClock(START)
    clock.callLater(1, int, "no number")
    clock.callLater(2, pytest.fail, "ran on")
    with pytest.raises(ValueError):
        clock.run()
    assert clock.now() == START + 1000


def test_twisted_looping_call_runs_on_it() -> None:
    clock = HeapClock(START)
    ticks: list[int] = []
    loop = LoopingCall(lambda: ticks.append(clock.now() - START))
    loop.clock = clock
    loop.start(10)
    clock.advance(35_000)
    loop.stop()
    assert ticks == [0, 10_000, 20_000, 30_000]


def test_deadlines_re_armed_many_times_do_not_pile_up() -> None:
    clock = HeapClock(START)
    deadlines = [clock.callLater(60, int) for _ in range(100)]
    for _ in range(200):
        for number in range(100):
            deadlines[number].cancel()
            deadlines[number] = clock.callLater(60, int)
    assert len(clock._heap) < 3_000
    assert len(clock.getDelayedCalls()) == 100
    assert clock.run() == 100


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(-1, 30)), max_size=60))
def test_it_runs_what_task_clock_runs(plan: list[tuple[int, int]]) -> None:
    """Twisted's own clock is the oracle: each entry is a call and the later call that it makes (or none)."""

    def play(clock: Clock | HeapClock, advance: object) -> list[tuple[int, float]]:
        ran: list[tuple[int, float]] = []
        origin = clock.seconds()

        def call(number: int, follow: int) -> None:
            ran.append((number, round(clock.seconds() - origin, 6)))
            if follow >= 0:
                clock.callLater(follow, call, number + 1000, -1)

        for number, (delay, follow) in enumerate(plan):
            clock.callLater(delay, call, number, follow)
        advance()  # type: ignore[operator]
        return ran

    pumps = [0.0] + [1.0] * 60
    twisted, ours = Clock(), HeapClock(START)
    assert sorted(play(twisted, lambda: twisted.pump(pumps))) == sorted(play(ours, lambda: ours.advance(60_000)))
