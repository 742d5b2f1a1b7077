"""Work calendars and the clock of an order (spec 04.5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.clocks import clock as clocks
from crm_core.clocks.calendar import ALWAYS, WorkCalendar, day_number, time_of_day
from crm_core.times import from_wire, to_wire

HOUR = 3_600_000
OFFICE = WorkCalendar(
    "DEFAULT",
    (1, 2, 3, 4, 5),
    ((time_of_day("08:30"), time_of_day("12:00")), (time_of_day("13:30"), time_of_day("18:00"))),
    frozenset({day_number("2026-10-01"), day_number("2026-10-02"), day_number("2026-10-05")}),
    frozenset({day_number("2026-10-10")}),
)


@pytest.mark.parametrize(("begin", "end", "hours"), [
    ("20261123090000", "20261123110000", 2.0),
    ("20261123113000", "20261123140000", 1.0),
    ("20261123000000", "20261124000000", 8.0),
    ("20261120170000", "20261123093000", 2.0),
    ("20261121000000", "20261122235959", 0.0),
    ("20260930170000", "20261006093000", 2.0),
    ("20261009170000", "20261012083000", 9.0),
    ("20261123110000", "20261123090000", 0.0),
])  # fmt: skip
def test_working_time_between(begin: str, end: str, hours: float) -> None:
    assert OFFICE.between(from_wire(begin), from_wire(end)) == hours * HOUR


@pytest.mark.parametrize(("at", "hours", "then"), [
    ("20261123090000", 2, "20261123110000"),
    ("20261123110000", 2, "20261123143000"),
    ("20261120170000", 4, "20261123113000"),
    ("20261121120000", 8, "20261123180000"),
    ("20260930180000", 1, "20261006093000"),
])  # fmt: skip
def test_working_time_added(at: str, hours: int, then: str) -> None:
    assert to_wire(OFFICE.add(from_wire(at), hours * HOUR)) == then


@given(st.integers(1_790_000_000_000, 1_800_000_000_000), st.integers(1, 30 * 8 * HOUR))
def test_adding_and_measuring_agree(at: int, working: int) -> None:
    assert OFFICE.between(at, OFFICE.add(at, working)) == working


def test_round_the_clock_is_elapsed_time() -> None:
    assert ALWAYS.between(5, 5 + 100 * HOUR) == 100 * HOUR
    assert ALWAYS.add(5, 100 * HOUR) == 5 + 100 * HOUR


def test_a_calendar_without_work_says_so() -> None:
    with pytest.raises(ValueError, match="EMPTY"):
        WorkCalendar("EMPTY", (), ((0, HOUR),)).add(0, 1)


MON_9 = from_wire("20261123090000")


def test_an_alert_then_the_limit_each_once() -> None:
    clock = clocks.set_limit(clocks.new_clock(OFFICE), "order", OFFICE.add(MON_9, 5 * HOUR), MON_9, OFFICE)
    assert to_wire(clocks.next_due(clock) or 0) == "20261123143000"
    clock, told = clocks.passed(clock, from_wire("20261123150000"))
    assert told == [("order", "jeopardy")]
    assert clocks.passed(clock, from_wire("20261123152900"))[1] == []
    clock, told = clocks.passed(clock, from_wire("20261123153000"))
    assert told == [("order", "overtime")]
    assert clocks.next_due(clock) is None


def test_both_causes_stop_it_once_and_what_was_left_is_left() -> None:
    clock = clocks.set_limit(clocks.new_clock(OFFICE), "order", OFFICE.add(MON_9, 8 * HOUR), MON_9, OFFICE)
    clock = clocks.stop(clock, "deferral", MON_9 + HOUR, OFFICE)
    clock = clocks.stop(clock, "lock", MON_9 + 2 * HOUR, OFFICE)
    assert clocks.stop(clock, "lock", MON_9 + 3 * HOUR, OFFICE) == clock
    assert (clocks.next_due(clock), clocks.remaining(clock, "order", MON_9 + 99 * HOUR, OFFICE)) == (None, 7 * HOUR)
    clock = clocks.resume(clock, "deferral", MON_9 + 24 * HOUR, OFFICE)
    assert clock["stops"] == ["lock"]
    later = MON_9 + 48 * HOUR
    clock = clocks.resume(clock, "lock", later, OFFICE)
    assert clocks.remaining(clock, "order", later, OFFICE) == 7 * HOUR
    assert clock["limits"]["order"]["limit_at"] == OFFICE.add(later, 7 * HOUR)
    assert clocks.resume(clock, "lock", later, OFFICE) == clock


STEPS = st.tuples(st.sampled_from(["stop", "resume"]), st.sampled_from(["lock", "deferral"]), st.integers(0, 40))


@given(st.lists(STEPS, max_size=12))
def test_remaining_time_only_passes_while_nothing_stops_it(steps: list[tuple[str, str, int]]) -> None:
    now, left = MON_9, 400 * HOUR
    clock = clocks.set_limit(clocks.new_clock(OFFICE), "order", OFFICE.add(now, left), now, OFFICE)
    for name, cause, hours in steps:
        if not clock["stops"]:
            left -= OFFICE.between(now, now + hours * HOUR)
        now += hours * HOUR
        clock = (clocks.stop if name == "stop" else clocks.resume)(clock, cause, now, OFFICE)
        assert clocks.remaining(clock, "order", now, OFFICE) == left


def test_a_limit_set_on_a_stopped_clock_waits() -> None:
    clock = clocks.stop(clocks.new_clock(OFFICE), "lock", MON_9, OFFICE)
    clock = clocks.set_limit(clock, "stage", OFFICE.add(MON_9, HOUR), MON_9, OFFICE, alert=False)
    assert clocks.passed(clock, MON_9 + 9 * HOUR) == (clock, [])
    clock = clocks.resume(clock, "lock", MON_9 + HOUR, OFFICE)
    assert clocks.remaining(clock, "stage", MON_9 + HOUR, OFFICE) == HOUR
    assert clocks.drop_limit(clock, "stage")["limits"] == {}
    assert clocks.drop_limit(clock, "nothing") == clock
    assert clocks.remaining(clock, "nothing", MON_9, OFFICE) is None
