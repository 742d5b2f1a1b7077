"""The load profile in virtual time: a good system holds every rate, a slow, silent or lying one none."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol

from conformance.load import Load, Step, profile
from conformance.paper import Paper
from gateway.cli.conformance import conformance
from gateway.clock import Entropy
from gateway.proof.fault_plan import FaultPlan
from schemas.loader import load
from simulators.fleet import FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, PeerSettings
from tests.conformance.rig import SUT, Rig


class _Silent(Protocol):
    pass


class _Closes(Protocol):
    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.loseConnection()


class _Echoes(Protocol):
    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.write(data[:-9] + b"xxxxxxxxx")


def _measured(rig: Rig, rates: list[int], limit_ms: int = 1_000) -> list[Step]:
    paper = Paper(load(), rig.pics, "PF", 1_000)
    done: list[Any] = []
    running = Load(paper, "CRM", SUT, rig.clock, rig.network, 2, limit_ms)
    Deferred.fromCoroutine(running.run(rates, 1)).addBoth(done.append)
    rig.clock.run_until(lambda: bool(done))
    if not isinstance(done[0], list):
        done[0].raiseException()
    found: list[Step] = done[0]
    return found


def _simulated(rig: Rig, *known: str) -> None:
    """A PF that knows these systems."""
    brain = brain_of("pf", FleetSettings(), Entropy(1))
    peers = {name: PeerSettings(name, "CRM") for name in known or ("CRM001",)}
    SimulatorHost(brain, HostSettings("PF0001", SUT, peers), rig.clock, Entropy(2), rig.network).start()


def test_a_good_system_holds_every_rate() -> None:
    rig = Rig()
    _simulated(rig)
    found = profile(_measured(rig, [10, 50]))
    assert found["up_to"] == 50
    assert found["p99_ms"] < 100
    assert [step["sent"] for step in found["steps"]] == [step["answered"] for step in found["steps"]]
    assert all(step["sent"] >= step["rate"] for step in found["steps"])


def test_a_slow_system_does_not_hold_its_rate() -> None:
    rig = Rig()
    _simulated(rig)
    rig.network.plan = FaultPlan(latency=(0.4, 0.4))
    found = profile(_measured(rig, [10, 50], limit_ms=500))
    assert found["up_to"] == 0
    assert "ms" in found["steps"][0]["fault"]
    assert len(found["steps"]) == 1


def test_who_refuses_everything_at_once_is_not_fast() -> None:
    rig = Rig()
    _simulated(rig, "CRM999")
    found = profile(_measured(rig, [10]))
    assert found["up_to"] == 0
    assert "refusals" in found["steps"][0]["fault"]


def test_the_greatest_rate_counts_in_whatever_order_they_are_tried() -> None:
    assert profile([Step(50, times=[1]), Step(10, times=[1])])["up_to"] == 50


@pytest.mark.parametrize("kind", [_Silent, _Closes, _Echoes])
def test_a_broken_system_holds_none(kind: type[Protocol]) -> None:
    rig = Rig()
    rig.serve(kind)
    found = profile(_measured(rig, [10]))
    assert found["up_to"] == 0
    assert " / " in found["steps"][0]["fault"]


@pytest.mark.parametrize(
    "words", [["--sut", "xx"], ["--sut", "pf", "--rates", "1,x"], ["--sut", "pf", "--endpoint", "http://x"]]
)
def test_what_cannot_be_measured_is_said(words: list[str]) -> None:
    known = [] if "--endpoint" in words else ["--endpoint", "tcp://127.0.0.1:1"]
    assert CliRunner().invoke(conformance, ["load", *words, *known]).exit_code == 2
