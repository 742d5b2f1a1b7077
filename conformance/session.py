"""A run of the suite put together: cases, questionnaire, conductor and sockets (spec 07.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

from conformance.conductor import Conductor
from conformance.host import SuiteHost
from conformance.loader import Suite
from conformance.model import Case, CaseResult, RunResult
from conformance.paper import Paper
from conformance.pics import LISTEN, Pics
from conformance.ports import Clock, Endpoints, Entropy
from conformance.selection import applicable, chosen, sanity
from conformance.waivers import Waiver, waive
from schemas.loader import load

_FIRST_SERIAL = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked for. ``sut`` is the role (``PF``), ``endpoint`` where it listens, ``width`` how many cases run at once,
    ``command`` what plays the suite again where ``bssgw conformance run`` would not."""

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


class Session:
    """One run. ``outcome`` is valid at any time; ``host`` says where the parties listen."""

    def __init__(self, suite: Suite, plan: Plan, clock: Clock, entropy: Entropy, endpoints: Endpoints) -> None:
        self.plan = plan
        self.outcome = RunResult(plan.suite, plan.sut, plan.endpoint, plan.seed, plan.product, plan.strict, plan.only)
        self.outcome.read_only = plan.read_only
        self.outcome.pics_file, self.outcome.pics = plan.pics_file, plan.pics.plain()
        cases = chosen(suite.cases, plan.suite, plan.sut, plan.only)
        play, self._rest = applicable(cases, plan.pics, plan.read_only)
        self._order = {case.id: n for n, case in enumerate(cases)}
        paper = Paper(load(), plan.pics, plan.sut, _FIRST_SERIAL + entropy.below(1_000_000_000), plan.endpoint)
        first = sanity(suite.cases, plan.sut, plan.pics)
        self.conductor = Conductor(self.outcome, first, play, paper, suite.blocks, clock, entropy, plan.width, self._repeat)
        listen = {role: plan.pics.listen[role] for role in parties(play, plan.sut)}
        self.host = SuiteHost(self.conductor, plan.endpoint, listen, paper, clock, endpoints)
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
        finally:
            await self.host.stop()
        outcome.results = sorted([*outcome.results, *self._rest], key=lambda result: self._order[result.case.id])
        waive(outcome, self.plan.waivers)
        return outcome

    def stop(self) -> None:
        """Called off: ``run`` returns with what there is."""
        self.conductor.stop()

    def _repeat(self, case: Case) -> str:
        """The command that plays one case again."""
        plan = self.plan
        if plan.command:
            return f"{plan.command} --only {case.id} --seed {plan.seed}"
        pics = f" --pics {plan.pics_file}" if plan.pics_file else ""
        command = f"bssgw conformance run --suite {plan.suite} --sut {plan.sut.lower()} --endpoint {plan.endpoint}"
        mode = " --read-only" if plan.read_only else ""
        return f"{command}{pics}{mode} --only {case.id} --seed {plan.seed}"


def parties(cases: list[Case], sut: str) -> list[str]:
    """The roles the suite listens as: those of the cases, and those the system under test has something to tell."""
    spoken = {route.receiver for row in load().messages() for route in row.routes if route.sender == sut}
    played = {party for case in cases for party in case.parties}
    return [role for role in LISTEN if role in spoken | played and role != sut]
