"""The suite in every layout and every envelope: what the wire carries is judged, the rest says why not (spec 07.3)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from adapters.envelopes.dialect import Dialect
from conformance.fitness import lacking, wire_of
from conformance.loader import load_suite
from conformance.model import RunResult
from conformance.pics import LISTEN, Pics, envelope_of
from conformance.selection import bind
from conformance.session import Plan, Session
from gateway.clock import Entropy
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from schemas.loader import load
from simulators.fleet import SYSTEMS, FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, PeerSettings

SUT = "mem://sut"
START_MS = 1_795_309_200_000
LAYOUTS = [row.name for row in load().layouts()]
ENVELOPES = [row.name for row in load().envelopes() if not row.lines]
CODES = {row.code: f"BUS99001/SVC{n:05d}" for n, row in enumerate(load().messages())}
PAIRS = [*((layout, "package") for layout in LAYOUTS), *(("ctif-128", name) for name in ENVELOPES if name != "package"),
         *(("newline", name) for name in ENVELOPES if name not in ("package", "root-hb")), ("dc-64", "root-hb")]  # fmt: skip
"""Every layout, and every envelope in a layout that says all, and in one that says nothing."""


def pics_of(layout: str, envelope: str) -> Pics:
    codes = CODES if envelope == "contract-root" else {}
    listen = {role: f"mem://suite-{role}" for role in LISTEN}
    return Pics(listen=listen, layout=layout, envelope=envelope, codes=codes)


def play(pics: Pics, suite: str, *only: str) -> RunResult:
    """Cases against a clean simulator that speaks as the questionnaire says."""
    clock = HeapClock(START_MS)
    network = MemoryNetwork(clock, Entropy(3))
    session = Session(load_suite(), Plan(suite, "PF", SUT, pics, 3, only, width=32), clock, Entropy(3), network)
    peers = {
        pics.systems[role]: PeerSettings(
            pics.systems[role], role, address, pics.layout, pics.charset, envelope=envelope_of(pics, load()),
            dialect=Dialect(codes=dict(pics.codes)),
        )
        for role, address in pics.listen.items()
        if pics.systems[role] != SYSTEMS["pf"]
    }  # fmt: skip
    brain = brain_of("pf", FleetSettings(), Entropy(4))
    SimulatorHost(brain, HostSettings(SYSTEMS["pf"], SUT, peers, layout=pics.layout), clock, Entropy(5), network).start()
    done: list[Any] = []
    Deferred.fromCoroutine(session.run()).addBoth(done.append)
    clock.run_until(lambda: bool(done), START_MS + 86_400_000)
    if not isinstance(done[0], RunResult):
        done[0].raiseException()
    outcome: RunResult = done[0]
    return outcome


def verdicts(outcome: RunResult) -> dict[str, str]:
    return {one.case.id: one.verdict.value for one in outcome.results}


@pytest.mark.parametrize(("layout", "envelope"), PAIRS)
def test_what_a_wire_carries_is_judged_on_it(layout: str, envelope: str) -> None:
    suite, *cases = ("provisioning", "5.4/1", "5.4/8", "5.7/1", "5.7/CN01.duplicate")
    if layout == "bd-272":  # it carries queries
        suite, *cases = ("transport", "01.1/1", "01.1/2", "01.1/52")
    outcome = play(pics_of(layout, envelope), suite, *cases)
    assert [one.verdict.value for one in outcome.sanity] == ["PASS", "PASS"]
    assert verdicts(outcome) == dict.fromkeys(cases, "PASS"), [one.explanation for one in outcome.results]


@pytest.mark.parametrize(
    ("layout", "envelope", "case", "says"),
    [
        ("dc-64", "package", "01.1/41", ""),
        ("newline", "package", "01.1/41", "heartbeat"),
        ("len4-be", "package", "01.1/31", "segments"),
        ("ascii-145", "package", "01.1/24", ""),
        ("ascii-145", "package", "01.2/41", "layout=ctif-128"),
        ("ctif-128", "uni-bss", "01.2/20", "native envelope"),
        ("ctif-128", "contract-root", "01.1/1", "no code"),
        ("newline", "root-hb", "01.1/1", "what an answer is about"),
        ("bd-272", "package", "5.4/1", "does not carry OH01"),
    ],
)
def test_a_case_that_needs_more_says_what_is_missing(layout: str, envelope: str, case: str, says: str) -> None:
    (found,) = [bind(one, "PF") for one in load_suite().cases if one.id == case]
    pics = pics_of(layout, envelope) if envelope != "contract-root" else Pics(envelope=envelope)
    missing = pics.lacks(found.pics) or lacking(found, wire_of(pics, load()))
    assert says in missing
    assert bool(says) == bool(missing)


def test_a_value_that_does_not_fit_makes_its_case_not_applicable() -> None:
    outcome = play(pics_of("bd-272", "package"), "transport", "01.2/15")
    assert verdicts(outcome) == {"01.2/15": "NOT_APPLICABLE"}
    explanation = outcome.results[0].explanation
    assert explanation is not None
    assert "no room" in explanation.reason


def test_a_rare_character_survives_where_no_header_names_a_charset() -> None:
    assert verdicts(play(pics_of("ascii-145", "package"), "transport", "01.1/2")) == {"01.1/2": "PASS"}


def test_unreadable_documents_do_not_go_round_where_headers_say_nothing() -> None:
    outcome = play(pics_of("newline", "package"), "transport", "01.2/21", "01.2/22")
    assert set(verdicts(outcome).values()) == {"PASS"}
    assert all(len(one.log) < 6 for one in outcome.results)
