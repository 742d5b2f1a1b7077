"""What is measured: the rate of the questionnaire, and whether the same cases go on passing as quickly (spec 07.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from conformance.loader import load_suite
from conformance.model import Case, CaseResult, Entry, Explanation, RunResult, Verdict
from conformance.session import Plan, Session
from conformance.soak import Soak, answer_times
from gateway.clock import Entropy
from gateway.proof.fault_plan import FaultPlan
from gateway.proof.heap_clock import HeapClock
from simulators.fleet import FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, PeerSettings
from tests.conformance.rig import SUT, Rig

CASES = {case.id: case for case in load_suite().cases}
SOAK, LOAD = CASES["07.6/2"], CASES["07.6/1"]
ONE, TWO = CASES["01.2/30"], CASES["01.2/47"]


def played(rig: Rig, *only: str, soak_ms: int = 0) -> RunResult:
    """Cases against a clean simulator."""
    ids = rig.pics.systems
    peers = {ids[role]: PeerSettings(ids[role], role, at) for role, at in rig.pics.listen.items() if role != "PF"}
    SimulatorHost(
        brain_of("pf", FleetSettings(), Entropy(1)), HostSettings("PF0001", SUT, peers), rig.clock, Entropy(2), rig.network
    ).start()
    plan = Plan("transport", "PF", SUT, rig.pics, 7, only, width=8, soak_ms=soak_ms)
    session = Session(load_suite(), plan, rig.clock, Entropy(7), rig.network)
    done: list[Any] = []
    Deferred.fromCoroutine(session.run()).addBoth(done.append)
    rig.clock.run_until(lambda: bool(done))
    if not isinstance(done[0], RunResult):
        done[0].raiseException()
    outcome: RunResult = done[0]
    return outcome


def verdict_of(outcome: RunResult, name: str) -> CaseResult:
    (found,) = [one for one in outcome.results if one.case.id == name]
    return found


def test_a_steady_system_passes_and_every_case_stands_once() -> None:
    outcome = played(Rig(), "01.2/30", "01.2/47", "07.6/2", soak_ms=100)
    assert [one.case.id for one in outcome.results] == ["01.2/30", "01.2/47", "07.6/2"]
    soak = verdict_of(outcome, "07.6/2")
    assert soak.verdict is Verdict.PASS, soak.explanation
    assert "p99" in soak.notes[0]
    assert soak.ended_at - soak.started_at >= 100
    assert outcome.passed


def test_a_system_that_slows_down_fails() -> None:
    rig = Rig()
    rig.clock.callLater(1.2, setattr, rig.network, "plan", FaultPlan(latency=(0.2, 0.2)))
    soak = verdict_of(played(rig, "01.2/30", "07.6/2", soak_ms=1_500), "07.6/2")
    assert soak.verdict is Verdict.FAIL
    assert soak.explanation is not None
    assert [one.path for one in soak.explanation.differences] == ["p50"]
    assert "--soak 1500ms" in soak.explanation.repeat


def test_without_soak_it_does_not_apply() -> None:
    assert verdict_of(played(Rig(), "01.2/30", "07.6/2"), "07.6/2").verdict is Verdict.NOT_APPLICABLE


def test_the_rate_of_the_questionnaire_is_a_verdict() -> None:
    rig = Rig()
    values = {**rig.pics.values, "load_rate": 20, "load_seconds": 2, "load_p99_ms": 100}
    rig.pics = replace(rig.pics, features={**rig.pics.features, "load": True}, values=values)
    outcome = played(rig, "07.6/1")
    load = verdict_of(outcome, "07.6/1")
    assert load.verdict is Verdict.PASS
    assert "conformant up to 20/s" in load.notes[-1]
    rig = Rig()
    rig.pics = replace(rig.pics, features={**rig.pics.features, "load": True}, values=values)
    rig.network.plan = FaultPlan(latency=(0.1, 0.1))
    load = verdict_of(played(rig, "07.6/1"), "07.6/1")
    assert load.verdict is Verdict.FAIL
    assert load.explanation is not None
    assert "ms" in load.explanation.reason


def test_load_applies_only_where_the_questionnaire_asks_for_it() -> None:
    assert verdict_of(played(Rig(), "07.6/1"), "07.6/1").verdict is Verdict.NOT_APPLICABLE


# -- the judgement alone


def result(case: Case, verdict: Verdict = Verdict.PASS, took: int = 2, at: int = 1_000) -> CaseResult:
    log = [
        Entry(at, "sent", "CRM", "CRM", 1, packet={"serial": "S1", "kind": "request"}),
        Entry(at + took, "got", "CRM", "CRM", 2, packet={"serial": "S1", "kind": "reply"}),
    ]
    told = None if verdict is Verdict.PASS else Explanation("otherwise")
    return CaseResult(case, verdict, told, at, at + took, log)


def soaked(rounds: list[tuple[Verdict, int, int]]) -> CaseResult:
    """Rounds of one case: verdict, time of its answer, connections at the end."""
    clock, now = HeapClock(1_000), iter([at for _, _, at in rounds])
    soak = Soak([ONE, TWO], len(rounds) * 1_000 - 500, clock, lambda: next(now))
    for verdict, took, _ in rounds:
        soak.keeps(result(ONE, verdict, took))
        clock.advance(1_000)
        soak.more()
    return soak.judged(SOAK, "again")


GOOD = (Verdict.PASS, 2, 3)


@pytest.mark.parametrize(
    ("rounds", "verdict", "path"),
    [
        ([GOOD] * 6, Verdict.PASS, ""),
        ([GOOD] * 2, Verdict.INCONCLUSIVE, ""),
        ([GOOD] * 4 + [(Verdict.FAIL, 2, 3), GOOD], Verdict.FAIL, ONE.id),
        ([GOOD] * 4 + [(Verdict.INCONCLUSIVE, 2, 3), GOOD], Verdict.FAIL, ONE.id),
        ([(Verdict.FAIL, 2, 3)] * 6, Verdict.INCONCLUSIVE, ""),
        ([(Verdict.PASS, 2, n * 3) for n in range(6)], Verdict.FAIL, "connections"),
        ([(Verdict.PASS, 2, 3 + n // 3) for n in range(6)], Verdict.PASS, ""),
        ([(Verdict.PASS, 10 + 30 * n, 3) for n in range(6)], Verdict.FAIL, "p50"),
    ],
)
def test_what_wears_down_is_named(rounds: list[tuple[Verdict, int, int]], verdict: Verdict, path: str) -> None:
    judged = soaked(rounds)
    assert judged.verdict is verdict, judged.explanation
    told = judged.explanation.differences if judged.explanation is not None else ()
    assert [one.path for one in told] == ([path] if path else [])
    assert len(judged.notes) == len(rounds)


def test_answers_are_timed_by_their_serial() -> None:
    assert answer_times(result(ONE, took=7)) == [7]
    late = result(ONE, took=7)
    late.log.append(replace(late.log[1], at=2_000, packet={"serial": "S9", "kind": "reply"}))
    assert answer_times(late) == [7]
