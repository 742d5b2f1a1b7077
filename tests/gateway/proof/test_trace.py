"""The trace: its digest tells runs apart and is independent of what is kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.proof.heap_clock import HeapClock
from gateway.proof.trace import Line, Trace

START = 1_795_656_600_000


def played(change: Callable[[HeapClock, Trace], None] = lambda clock, trace: None, keep: int | None = None) -> Trace:
    clock = HeapClock(START)
    trace = Trace(clock, keep)
    trace.wire("client#1", "mem://PF0001#1", b"packet")
    clock.advance(5)
    trace.note("state", "SO1 SUBMITTED > ACKNOWLEDGED")
    change(clock, trace)
    return trace


def test_equal_runs_have_equal_digests_whatever_is_kept() -> None:
    assert played().digest() == played(keep=1).digest()
    assert list(played(keep=1).lines) == [Line(START + 5, "state", "SO1 SUBMITTED > ACKNOWLEDGED")]


@pytest.mark.parametrize(
    "change",
    [
        lambda clock, trace: trace.note("state", "x"),
        lambda clock, trace: trace.wire("client#1", "mem://PF0001#1", b""),
    ],
)
def test_one_more_line_changes_the_digest(change: Callable[[HeapClock, Trace], None]) -> None:
    assert played(change).digest() != played().digest()


def test_time_and_bytes_count() -> None:
    clock = HeapClock(START)
    digests = []
    for at, data in ((0, b"a"), (0, b"b"), (7, b"a")):
        trace = Trace(clock)
        clock.advance(at)
        trace.wire("a", "b", data)
        digests.append(trace.digest())
    assert len(set(digests)) == 3
