"""What a broken system under test gets: a verdict with its reason, never a pass, never an error of the suite (spec 07.4)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.protocol import Protocol

from conformance.model import RunResult, Verdict
from tests.conformance.rig import SUT, Rig

CASES = ("01.1/1", "01.1/6", "01.1/52", "01.2/30")
_GARBAGE = bytes(range(256)) * 4


class Silent(Protocol):
    """Accepts and never says a word."""


class Closes(Protocol):
    """Closes as soon as something comes."""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.loseConnection()


class Garbage(Protocol):
    """Answers what is no packet."""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.write(_GARBAGE)


class Floods(Protocol):
    """Answers with packets without end."""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        for _ in range(20):
            wire.write(data * (1 << 14))


class Echoes(Protocol):
    """Sends back what it gets."""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.write(data)


def _judged(outcome: RunResult) -> list[Verdict]:
    return [result.verdict for result in outcome.results]


def test_unreachable_is_inconclusive_and_nothing_is_played() -> None:
    rig = Rig()
    outcome = rig.play(rig.session(*CASES))
    assert [one.verdict for one in outcome.sanity] == [Verdict.INCONCLUSIVE]
    assert set(_judged(outcome)) == {Verdict.NOT_EXECUTED}
    assert not outcome.passed
    assert outcome.sanity[0].explanation is not None
    assert "reached" in outcome.sanity[0].explanation.reason


@pytest.mark.parametrize("kind", [Silent, Closes, Garbage, Echoes])
def test_a_broken_system_never_passes_and_never_breaks_the_suite(kind: type[Protocol]) -> None:
    rig = Rig()
    rig.serve(kind)
    outcome = rig.play(rig.session("01.1/1", "01.1/52", "01.2/30", "01.2/1"))
    assert set(_judged(outcome)) == {Verdict.FAIL}
    assert not outcome.passed
    assert all(one.explanation is not None and one.explanation.reason for one in outcome.results)


def test_a_flood_is_cut_off() -> None:
    rig = Rig()
    rig.serve(Floods)
    outcome = rig.play(rig.session("01.1/1"))
    assert _judged(outcome) == [Verdict.FAIL]
    assert len(outcome.results[0].log) < 10_000


def test_calling_off_leaves_a_valid_partial_result() -> None:
    rig = Rig()
    rig.serve(Silent)
    session = rig.session("01.1")
    outcome = rig.play(session, until=lambda: len(session.outcome.results) >= 3)
    assert outcome.partial
    assert not outcome.passed
    assert Verdict.NOT_EXECUTED in _judged(outcome)
    assert Verdict.FAIL in _judged(outcome)
    assert len(outcome.results) == len({one.case.id for one in outcome.results})


def test_a_system_that_stops_listening_between_is_inconclusive() -> None:
    rig = Rig()
    rig.serve(Silent)
    session = rig.session("01.1/1", "01.1/2")
    rig.clock.callLater(1.0, rig.network.outage, SUT, 3_600.0)
    outcome = rig.play(session)
    assert set(_judged(outcome)) <= {Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.NOT_EXECUTED}
    assert not outcome.passed
