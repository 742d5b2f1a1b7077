"""A run of the suite put together: cases, questionnaire, conductor and sockets (spec 07.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from conformance.conductor import Conductor
from conformance.door import Door
from conformance.host import SuiteHost
from conformance.load import Load, load_case
from conformance.loader import Suite
from conformance.model import Case, CaseResult, Explanation, RunResult, Verdict
from conformance.paper import Paper
from conformance.pics import LISTEN, Pics
from conformance.ports import Clock, Endpoints, Entropy
from conformance.selection import applicable, chosen, peer_of, sanity
from conformance.soak import Soak
from conformance.waivers import Waiver, waive
from schemas.loader import load

_FIRST_SERIAL = 1_000_000
_SHORT, _LONG = 3, 4
"""Letters that tell the cases of a run apart, and of one that repeats them for hours."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. ``sut`` is the role (``PF``), ``endpoint`` where it listens, ``width`` how many cases run at once,
    ``command`` what plays the suite again where ``bssgw conformance run`` would not, ``options`` more of what it takes,
    ``soak_ms`` how long it is repeated."""

    suite: str
    sut: str
    endpoint: str
    pics: Pics = field(default_factory=Pics)
    seed: int = 0
    only: tuple[str, ...] = ()
    strict: bool = False
    pics_file: str = ""
    width: int = 8
    waivers: tuple[Waiver, ...] = ()
    product: str = "bss-gateway"
    read_only: bool = False
    command: str = ""
    options: str = ""
    soak_ms: int = 0


class Session:
    """One run. ``outcome`` is valid at any time; ``host`` says where the parties listen."""

    def __init__(self, suite: Suite, plan: Plan, clock: Clock, entropy: Entropy, endpoints: Endpoints) -> None:
        self.plan = plan
        self.outcome = RunResult(plan.suite, plan.sut, plan.endpoint, plan.seed, plan.product, plan.strict, plan.only)
        self.outcome.read_only = plan.read_only
        self.outcome.pics_file, self.outcome.pics = plan.pics_file, plan.pics.plain()
        cases = chosen(suite.cases, plan.suite, plan.sut, plan.only)
        play, self._rest = applicable(cases, plan.pics, plan.read_only)
        self._measured = [case for case in play if case.measure]
        play = [case for case in play if not case.measure]
        self._order = {case.id: n for n, case in enumerate(cases)}
        first = _FIRST_SERIAL + entropy.below(1_000_000_000)
        paper = Paper(load(), plan.pics, plan.sut, first, plan.endpoint, entropy)
        greet = sanity(suite.cases, plan.sut, plan.pics)
        digits = _LONG if plan.soak_ms else _SHORT
        self.conductor = Conductor(
            self.outcome, greet, play, paper, suite.blocks, clock, entropy, plan.width, self._repeat, digits
        )
        listen = {role: plan.pics.listen[role] for role in parties(play, plan.sut)}
        self._door = Door(paper, entropy)
        self.host = SuiteHost(self.conductor, plan.endpoint, listen, paper, clock, endpoints, self._door)
        self._soak = Soak(play, plan.soak_ms, clock, self.host.inbound)
        if plan.soak_ms:
            self.conductor.more, self.conductor.keeps = self._soak.more, self._soak.keeps
        self._paper = paper
        self._endpoints = endpoints
        self._clock = clock
        self._finished: Deferred[RunResult] = Deferred()
        self.conductor.done = self._finished.callback

    async def run(self, progress: Callable[[CaseResult, int, int], None] | None = None) -> RunResult:
        """Play it to its end. Raises CannotListenError."""
        if progress is not None:
            self.conductor.progress = progress
        try:
            await self.host.start()
            self.conductor.begin(self.host)
            outcome = await self._finished
            outcome.results += [await self._measure(case, outcome) for case in self._measured]
            outcome.ended_at = self._clock.now()
        finally:
            await self.host.stop()
        outcome.results = sorted([*outcome.results, *self._rest], key=lambda result: self._order[result.case.id])
        waive(outcome, self.plan.waivers)
        return outcome

    def stop(self) -> None:
        """Called off: ``run`` returns with what there is."""
        self.conductor.stop()

    async def _measure(self, case: Case, outcome: RunResult) -> CaseResult:
        """What is measured, and not played line by line."""
        if outcome.partial or not any(one.verdict is Verdict.PASS for one in outcome.sanity):
            reason = "运行被中断，或健全性用例未通过 / the run was interrupted, or the sanity case did not pass"
            return CaseResult(case, Verdict.NOT_EXECUTED, Explanation(reason, repeat=self._repeat(case)))
        if case.measure == "soak":
            return self._soak.judged(case, self._repeat(case))
        plan = self.plan
        load = Load(self._paper, peer_of(plan.sut), plan.endpoint, self._clock, self._endpoints, door=self._door)
        return await load_case(load, case, plan.pics.values, self._repeat(case))

    def _repeat(self, case: Case) -> str:
        """The command that plays one case again."""
        plan = self.plan
        if plan.command:
            return f"{plan.command} --only {case.id} --seed {plan.seed}"
        pics = (f" --pics {plan.pics_file}" if plan.pics_file else "") + plan.options
        command = f"bssgw conformance run --suite {plan.suite} --sut {plan.sut.lower()} --endpoint {plan.endpoint}"
        mode = " --read-only" if plan.read_only else ""
        soak = f" --soak {plan.soak_ms}ms" if case.measure == "soak" and plan.soak_ms else ""
        only = "" if soak else f" --only {case.id}"
        return f"{command}{pics}{mode}{soak}{only} --seed {plan.seed}"


def parties(cases: list[Case], sut: str) -> list[str]:
    """The roles the suite listens as: those of the cases, and those the system under test has something to tell."""
    spoken = {route.receiver for row in load().messages() for route in row.routes if route.sender == sut}
    played = {party for case in cases for party in case.parties}
    return [role for role in LISTEN if role in spoken | played and role != sut]
