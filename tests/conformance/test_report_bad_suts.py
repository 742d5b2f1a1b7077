"""Broken systems under test over real sockets: a verdict with its reason, never a pass, never an error, always a report."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Protocol

from conformance.loader import load_suite
from conformance.manifest import verify, write_manifest
from conformance.model import RunResult, Verdict
from conformance.pics import LISTEN, Pics
from conformance.report import REPORT_FILE, page
from conformance.results import as_json, read, write
from conformance.session import Plan, Session
from gateway.clock import Entropy, WallClock
from gateway.links.endpoints import TcpEndpoints
from simulators.fleet import FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings
from tests.conformance.sockets import Sockets

_CASES = ("01.1/1", "01.1/52", "01.2/30")
_SHORT = {"connect": 1_000, "receipt": 300, "answer": 300, "settle": 50, "close": 300, "result": 300}


class Silent(Protocol):
    """Takes everything, says nothing."""

    @property
    def wire(self) -> Any:
        return self.transport


class Closes(Silent):
    """Closes when something comes."""

    def dataReceived(self, data: bytes) -> None:
        self.wire.loseConnection()


class Resets(Silent):
    """Resets as soon as somebody connects."""

    def connectionMade(self) -> None:
        self.wire.abortConnection()


class Garbage(Silent):
    """Answers what is no packet."""

    def dataReceived(self, data: bytes) -> None:
        self.wire.write(bytes(range(256)) * 4)


class Floods(Silent):
    """Writes garbage without being asked and without end."""

    def connectionMade(self) -> None:
        self.wire.registerProducer(self, False)

    def resumeProducing(self) -> None:
        self.wire.write(b"\x00" * 65_536)

    def stopProducing(self) -> None:
        self.wire.unregisterProducer()


class Echoes(Silent):
    """Sends back what it gets."""

    def dataReceived(self, data: bytes) -> None:
        self.wire.write(data)


class HalfAnswers(Silent):
    """Begins an answer and hangs."""

    def dataReceived(self, data: bytes) -> None:
        self.wire.write(data[:100])


_KINDS: tuple[type[Silent], ...] = (Silent, Closes, Resets, Garbage, Floods, Echoes, HalfAnswers)


def _pics(**changes: Any) -> Pics:
    plain = Pics(listen=dict.fromkeys(LISTEN, "tcp://127.0.0.1:0"))
    return replace(plain, timers={**plain.timers, **_SHORT}, **changes)


def _session(sockets: Sockets, address: str, pics: Pics) -> Session:
    plan = Plan("transport", "PF", address, pics, 3, _CASES)
    return Session(load_suite(), plan, WallClock(sockets.reactor), Entropy(3), TcpEndpoints(sockets.reactor))


@pytest.fixture(scope="module")
def outcomes() -> dict[str, RunResult]:
    """Every broken system, judged side by side on one reactor."""
    sockets = Sockets()

    async def main() -> dict[str, RunResult]:
        reactor = sockets.reactor
        places, ports = {}, []
        for kind in _KINDS:
            places[kind.__name__], port = await sockets.serve(kind)
            ports.append(port)
        places["Unreachable"], gone = await sockets.serve(Silent)
        await gone.stopListening()
        brain = brain_of("pf", FleetSettings(), Entropy(1))
        settings = HostSettings("PF0001", "tcp://127.0.0.1:0")
        host = SimulatorHost(brain, settings, WallClock(reactor), Entropy(2), TcpEndpoints(reactor))
        good = await host.start()
        sessions = {name: _session(sockets, address, _pics()) for name, address in places.items()}
        sessions["WrongLayout"] = _session(sockets, good, _pics(layout="dc-64"))
        sessions["WrongIds"] = _session(sockets, good, _pics(systems={**_pics().systems, "PF": "XX0009"}))
        running = [Deferred.fromCoroutine(one.run()) for one in sessions.values()]
        found = await gatherResults(running, consumeErrors=True)
        await host.stop()
        for port in ports:
            await port.stopListening()
        return dict(zip(sessions, found, strict=True))

    made: dict[str, RunResult] = sockets.run(main)
    return made


@pytest.mark.parametrize("name", [*(kind.__name__ for kind in _KINDS), "Unreachable", "WrongLayout", "WrongIds"])
def test_no_pass_no_error_and_a_reason(outcomes: dict[str, RunResult], name: str) -> None:
    outcome = outcomes[name]
    assert not outcome.passed
    assert len(outcome.results) == len(_CASES)
    assert {one.verdict for one in outcome.results} <= {Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.NOT_EXECUTED}
    assert all(one.explanation is not None and " / " in one.explanation.reason for one in outcome.results)
    assert Verdict.ERROR not in [one.verdict for one in outcome.sanity]


@pytest.mark.parametrize("name", [*(kind.__name__ for kind in _KINDS), "Unreachable"])
def test_whatever_happened_leaves_a_whole_report(outcomes: dict[str, RunResult], name: str, tmp_path: Path) -> None:
    write(outcomes[name], tmp_path)
    (tmp_path / REPORT_FILE).write_text(page(as_json(outcomes[name])), "utf-8")
    write_manifest(tmp_path)
    assert verify(tmp_path).findings == ()
    assert (tmp_path / REPORT_FILE).stat().st_size < 4_000_000


def test_ctrl_c_leaves_a_valid_partial_report(tmp_path: Path) -> None:
    sockets = Sockets()
    questionnaire = tmp_path / "pics.toml"
    listen = "\n".join(f'{role} = "tcp://127.0.0.1:0"' for role in LISTEN)
    questionnaire.write_text(f"[listen]\n{listen}\n", "utf-8")
    asked: list[bytes] = []

    class Asked(Silent):
        def dataReceived(self, data: bytes) -> None:
            asked.append(data)

    async def main() -> int:
        address, port = await sockets.serve(Asked)
        command = f"conformance run --suite transport --sut pf --endpoint {address} --only 01.1 --seed 1"
        files = ["--report", str(tmp_path / "out"), "--pics", str(questionnaire)]
        words = [sys.executable, "-m", "gateway", *command.split(), *files]
        running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            await sockets.until(lambda: bool(asked))
            running.send_signal(signal.SIGINT)
            await sockets.until(lambda: running.poll() is not None)
        finally:
            if running.poll() is None:
                running.kill()
                running.wait()
        await port.stopListening()
        return running.returncode

    assert sockets.run(main) != 0
    data = read(tmp_path / "out")
    assert data["partial"]
    assert not data["passed"]
    assert data["counts"]["PASS"] == data["counts"]["ERROR"] == 0
    assert data["counts"]["NOT_EXECUTED"] > 0
    assert verify(tmp_path / "out").findings == ()
    assert "interrupted" in (tmp_path / "out" / REPORT_FILE).read_text("utf-8")
