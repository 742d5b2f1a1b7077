"""The outbox: one row under way per key, in sequence, the same row again until answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.brain import Send
from simulators.outbox import Outbox, Row


def row(serial: str, key: str = "K", created: int = 0) -> Row:
    return Row(serial, Send("OH07", {}), key, created)


def box(*rows: Row) -> Outbox:
    outbox = Outbox()
    for each in rows:
        outbox.add(each)
    return outbox


def flight(outbox: Outbox) -> list[str]:
    """Everything that may go now, taken."""
    taken = []
    while outbox.has_ready:
        taken.append(outbox.next().serial)
    return taken


def test_rows_of_a_key_go_one_after_the_other_and_keys_beside_each_other() -> None:
    outbox = box(row("a1", "a"), row("a2", "a"), row("b1", "b"))
    assert flight(outbox) == ["a1", "b1"]
    outbox.done("a1")
    assert flight(outbox) == ["a2"]


def test_row_without_answer_goes_again_before_its_followers() -> None:
    outbox = box(row("a1", "a"), row("a2", "a"))
    flight(outbox)
    outbox.again("a1")
    assert flight(outbox) == ["a1"]


def test_new_line_sends_all_again_in_their_order() -> None:
    outbox = box(row("a", "a"), row("b", "b"), row("c", "c"))
    assert flight(outbox) == ["a", "b", "c"]
    outbox.all_again()
    assert flight(outbox) == ["a", "b", "c"]


def test_late_answer_counts_while_the_row_waits_to_go_again() -> None:
    outbox = box(row("a1", "a"), row("a2", "a"))
    flight(outbox)
    outbox.again("a1")
    assert outbox.done("a1") is not None
    assert outbox.done("a1") is None
    assert flight(outbox) == ["a2"]


def test_row_that_rests_holds_its_key_only_and_rests_longer_each_time() -> None:
    resting = row("a1", "a")
    outbox = box(resting, row("a2", "a"), row("b1", "b"))
    flight(outbox)
    assert outbox.rest(resting, 0)
    assert outbox.next_wake() == 10_000
    outbox.wake(9_999)
    assert flight(outbox) == []
    outbox.wake(10_000)
    assert flight(outbox) == ["a1"]
    outbox.rest(resting, 10_000)
    assert outbox.next_wake() == 30_000


def test_row_rests_a_bounded_number_of_times() -> None:
    resting = row("a1", "a")
    outbox = box(resting)
    answers = []
    for _ in range(8):
        outbox.wake(10**9)
        flight(outbox)
        answers.append(outbox.rest(resting, 0))
    assert answers == [True] * 7 + [False]


def test_row_under_a_new_serial_keeps_its_place() -> None:
    resting = row("a1", "a")
    outbox = box(resting, row("a2", "a"))
    flight(outbox)
    outbox.rest(resting, 0)
    outbox.renumber(resting, "a9")
    outbox.wake(10_000)
    assert flight(outbox) == ["a9"]
    assert outbox.row("a1") is None


@pytest.mark.parametrize(("sent", "now", "spent"), [(None, 99, 0), (None, 100, 1), (50, 99, 1), (95, 99, 0)])
def test_budgets_of_unsent_and_unanswered_rows_differ(sent: int | None, now: int, spent: int) -> None:
    waiting = row("a1")
    waiting.first_sent = sent
    assert len(box(waiting).overdue(now, unknown_ms=10, unsent_ms=100)) == spent


@given(st.lists(st.tuples(st.sampled_from("sadrw"), st.integers(0, 5)), max_size=80))
def test_whatever_happens_every_row_is_answered_once_in_the_order_of_its_key(steps: list[tuple[str, int]]) -> None:
    outbox, added, done, flying, now = Outbox(), [], [], [], 0
    for what, n in steps:
        now += 20_000
        if what == "a":
            added.append(f"{'xyz'[n % 3]}{len(added):03d}")
            outbox.add(row(added[-1], added[-1][0]))
        elif what == "s" and outbox.has_ready:
            flying.append(outbox.next())
        elif flying and what in "dr":
            gone = flying.pop(n % len(flying))
            if what == "d":
                done += [gone.serial] if outbox.done(gone.serial) else []
            elif n % 2:
                outbox.again(gone.serial)
            elif not outbox.rest(gone, now):
                done += [gone.serial] if outbox.done(gone.serial) else []
        elif what == "w":
            outbox.wake(now)
        assert len({each.key for each in flying}) == len(flying)
    for _ in range(len(added) * 2 + 2):
        outbox.wake(now + 10**9)
        for serial in flight(outbox) + [each.serial for each in flying]:
            done += [serial] if outbox.done(serial) else []
        flying.clear()
    assert sorted(done) == sorted(added)
    for key in "xyz":
        assert [serial for serial in done if serial[0] == key] == [serial for serial in added if serial[0] == key]
    assert len(outbox) == 0
