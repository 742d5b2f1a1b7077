"""A run of the suite in virtual time against whatever listens at ``SUT``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from conformance.loader import load_suite
from conformance.model import RunResult
from conformance.pics import LISTEN, Pics
from conformance.session import Plan, Session
from gateway.clock import Entropy
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork

SUT = "mem://sut"
START_MS = 1_795_309_200_000


class Rig:
    """``network`` and ``clock`` are for the system under test."""

    def __init__(self, seed: int = 7) -> None:
        self.clock = HeapClock(START_MS)
        self.network = MemoryNetwork(self.clock, Entropy(seed))
        self.pics = Pics(listen={role: f"mem://suite-{role}" for role in LISTEN})
        self.seed = seed

    def serve(self, make: Callable[[], Protocol]) -> None:
        """Let connections to the system under test meet a protocol of this kind."""

        class Made(Factory):
            noisy = False

            def buildProtocol(self, addr: Any) -> Protocol:
                return make()

        self.network.server(SUT).listen(Made())

    def session(self, *only: str, suite: str = "transport", sut: str = "PF") -> Session:
        """A session that is not started yet."""
        plan = Plan(suite, sut, SUT, self.pics, self.seed, only, width=16)
        return Session(load_suite(), plan, self.clock, Entropy(self.seed), self.network)

    def play(self, session: Session, until: Callable[[], bool] = lambda: False) -> RunResult:
        """Run it to its end; ``until`` holds: it is called off then."""
        done: list[Any] = []
        Deferred.fromCoroutine(session.run()).addBoth(done.append)
        self.clock.run_until(lambda: bool(done) or until())
        if not done:
            session.stop()
            self.clock.run_until(lambda: bool(done))
        if not isinstance(done[0], RunResult):
            done[0].raiseException()
        outcome: RunResult = done[0]
        return outcome
