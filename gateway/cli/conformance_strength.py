"""How strong the suite is: runs of it against simulators, clean and with a seeded defect each (spec 07.7).

Everything runs in memory: the suite's own shell, the simulators and a network under virtual time, so waiting costs nothing and
a seed replays.  A defect is judged by the cases of its clause, or by the whole suite where that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from gateway.cli.conformance import suite

if TYPE_CHECKING:
    from conformance.loader import Suite
    from conformance.model import CaseResult, RunResult
    from conformance.pics import Pics
    from conformance.prompting import Prompter
    from gateway.proof.heap_clock import HeapClock
    from gateway.proof.network import MemoryNetwork
    from gateway.proof.own_crm import OwnCrm
    from simulators.host import SimulatorHost
    from simulators.rm.brain import RmBrain

_START_MS = 1_795_309_200_000
_SUT = "mem://sut"
_LIMIT_MS = 7 * 86_400_000
OWN = "crm"
"""What is no simulator: our own gateway."""
PLAYED = {"transport": ("pf", "rm", "bill", OWN), "provisioning": ("pf", "rm", OWN), "billing": ("bill", OWN)}
"""What is judged: suite -> simulators, and our own CRM."""
SPOKEN = {"http basic": "01.4", "soap basic": "01.3", "soap digest": "01.3"}
"""What our own CRM is judged in besides the socket: binding and accounts -> the clause about them."""
_SIMULATORS = tuple(role for role in PLAYED["transport"] if role != OWN)
_FINE = ("PASS", "NOT_APPLICABLE")


@dataclass(frozen=True, slots=True)
class Task:
    """One run: a suite against a simulator, clean (``defect`` empty) or not. ``only``: the clauses played, empty: all;
    ``spoken``: binding and accounts, empty: the socket."""

    suite: str
    role: str
    seed: int
    defect: str = ""
    only: tuple[str, ...] = ()
    spoken: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a self-test is narrowed to: ``suts`` the roles judged, ``only`` the cases (ids, clauses); empty: all."""

    suts: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def judges(self, role: str) -> bool:
        """Whether this role is asked for."""
        return not self.suts or role in self.suts


EVERYTHING = Asked()


@dataclass(frozen=True, slots=True)
class Found:
    """What a run showed, as plain values: verdict counts, what did not pass by case id with its clause and explanation, the
    requirements of what failed, and verdicts that are the harness's fault."""

    task: Task
    cases: int
    counts: dict[str, int]
    odd: tuple[str, ...]
    failed: tuple[dict[str, str], ...] = ()
    covers: tuple[str, ...] = ()
    errors: tuple[str, ...] = field(default=())


def tasks(seed: int, names: tuple[str, ...], clean: bool, whole: bool, asked: Asked = EVERYTHING) -> list[Task]:
    """The runs of a self-test: the clean ones first, then a run a defect (``names``: these only, no clean ones)."""
    from simulators.defects.seeded import DEFECTS

    clean_runs = [Task(name, role, seed, "", asked.only) for name, roles in PLAYED.items() for role in roles]
    clean_runs += [
        Task("transport", OWN, seed, "", only, spoken)
        for spoken, clause in SPOKEN.items()
        if (only := tuple(name for name in asked.only or (clause,) if name.partition("/")[0] == clause))
    ]
    runs = [] if names else [one for one in clean_runs if asked.judges(one.role) and _has_cases(one)]
    if clean:
        return runs
    for name in names or tuple(DEFECTS):
        defect = DEFECTS[name]
        only = asked.only or (() if whole and not defect.spoken else (defect.clause,))
        task = Task(defect.suite, system_of(name), seed, name, only, defect.spoken)
        if asked.judges(task.role) and (not asked.only or _has_cases(task)):
            runs.append(task)
    return runs


def _has_cases(task: Task) -> bool:
    from conformance.selection import chosen

    return bool(chosen(_cases().cases, task.suite, task.role.upper(), task.only))


def system_of(name: str) -> str:
    """The simulator that is given a defect: its own; one of every role is given to each in turn."""
    from simulators.defects.flaw import EVERYBODY
    from simulators.defects.seeded import DEFECTS

    defect, roles = DEFECTS[name], _SIMULATORS
    return roles[list(DEFECTS).index(name) % len(roles)] if defect.system == EVERYBODY else defect.system


def measure(todo: list[Task], jobs: int) -> Iterator[Found]:
    """Every run's outcome, in order; ``jobs`` processes side by side. Raises CommandFailed: the cases cannot be read."""
    _cases()
    if jobs <= 1:
        yield from map(examine, todo)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(examine, todo)


def examine(task: Task) -> Found:
    """Play a task."""
    defects = (task.defect,) if task.defect else ()
    run, faults = played(task.suite, task.role, defects, task.seed, task.only, task.spoken)
    failed = [one for one in run.results if one.verdict == "FAIL"]
    return Found(
        task,
        len(run.results),
        run.counts(),
        (*alarms_of(run), *faults),
        tuple(_plain(one) for one in failed),
        tuple(dict.fromkeys(name for one in failed for name in one.case.covers)),
        (*(f"{one.case.id} ERROR" for one in (*run.sanity, *run.results) if one.verdict == "ERROR"), *faults),
    )


def _plain(one: CaseResult) -> dict[str, str]:
    told = one.explanation
    return {
        "id": one.case.id,
        "clause": one.case.clause,
        "reason": told.reason if told is not None else "",
        "cause": told.cause if told is not None else "",
    }


@cache
def _cases() -> Suite:
    return suite()


def play(name: str, role: str, defects: tuple[str, ...], seed: int, only: tuple[str, ...] = ()) -> RunResult:
    """A suite against one simulator, or our own CRM, with these defects, in virtual time."""
    return played(name, role, defects, seed, only)[0]


def played(
    name: str, role: str, defects: tuple[str, ...], seed: int, only: tuple[str, ...], spoken: str = ""
) -> tuple[RunResult, tuple[str, ...]]:
    """The same, and what is wrong with our own CRM that nobody sees from outside."""
    from twisted.internet.defer import Deferred

    from conformance.session import Plan, Session
    from gateway.clock import Entropy
    from gateway.proof.heap_clock import HeapClock
    from gateway.proof.network import MemoryNetwork

    clock = HeapClock(_START_MS)
    network = MemoryNetwork(clock, Entropy(seed))
    pics = _pics(role, spoken)
    plan = Plan(name, role.upper(), _SUT, pics, seed, only, width=32, command=_command(role, defects))
    session = Session(_cases(), plan, clock, Entropy(seed), network)
    done: list[Any] = []
    faults: list[str] = []
    with ExitStack() as judged:
        if role == OWN:
            session.host.prompter = judged.enter_context(_own(defects, pics, seed, clock, network, faults)).ask
        else:
            session.host.prompter = _simulated(role, defects, pics, seed, clock, network)
        Deferred.fromCoroutine(session.run()).addBoth(done.append)
        if not clock.run_until(lambda: bool(done), _START_MS + _LIMIT_MS):
            session.stop()
            clock.advance(1_000)
    if not hasattr(done[0], "results"):
        done[0].raiseException()
    outcome: RunResult = done[0]
    return outcome, tuple(f"{name} CRM: {fault}" for fault in faults)


def _pics(role: str, spoken: str) -> Pics:
    """The questionnaire; ``spoken``: with an account for everybody, known to the flaws that stand in front of the CRM."""
    from conformance.accounts import Account
    from conformance.pics import LISTEN, Pics
    from simulators.defects.web import secret_of

    listen = {party: f"mem://suite-{party}" for party in LISTEN}
    pics = Pics(listen=listen, prompts=prompts(role), features={**Pics().features, "login": True})
    if not spoken:
        return pics
    binding, how = spoken.split()
    systems = {party: system for party, system in pics.systems.items() if party.lower() != role}
    accounts = {party: Account(system, secret_of(system), system, how) for party, system in systems.items()}
    return replace(pics, binding=binding, accounts=accounts)


def prompts(role: str) -> dict[str, str]:
    """What a person can make it send: our own CRM by a use case each, resource management by hand."""
    from schemas.loader import load
    from simulators.rm.brain import PROMPTS, RmBrain

    if role == RmBrain.role.lower():
        return dict.fromkeys(PROMPTS, RmBrain.role)
    return {row.code: row.asked for row in load().messages() if row.asked is not None and role == OWN}


def _command(role: str, defects: tuple[str, ...]) -> str:
    """What plays it again."""
    what = " ".join(f"--defect {name}" for name in defects) or f"--clean --sut {role}"
    return f"bssgw conformance self-test {what}"


@contextmanager
def _own(
    defects: tuple[str, ...], pics: Pics, seed: int, clock: HeapClock, network: MemoryNetwork, faults: list[str]
) -> Iterator[OwnCrm]:
    """Our own CRM runs meanwhile, defects on the wire in front of it; ``faults`` takes what its store and its log say at the
    end."""
    from gateway.clock import Entropy
    from gateway.proof.aloud import quietly, unhandled
    from gateway.proof.distorted import Distorted
    from gateway.proof.distorted_web import DistortedWeb
    from gateway.proof.own_crm import OwnCrm
    from simulators.defects.seeded import Defects

    if defects:
        (DistortedWeb if pics.web else Distorted)(network, _SUT, Defects(defects))
    with quietly(), unhandled() as broken:
        crm = OwnCrm(_SUT, pics, clock, Entropy(seed + 1), network)
        crm.start()
        try:
            yield crm
            faults += [*broken, *crm.faults()]
        finally:
            crm.drop()


def _simulated(
    role: str, defects: tuple[str, ...], pics: Pics, seed: int, clock: HeapClock, network: MemoryNetwork
) -> Prompter:
    """A simulator runs from now on; who has it send what only a person does."""
    from conformance.prompting import nobody
    from gateway.cli.conformance_practice import host_settings
    from gateway.clock import Entropy
    from simulators.fleet import FleetSettings, brain_of
    from simulators.host import SimulatorHost
    from simulators.rm.brain import RmBrain

    brain = brain_of(role, FleetSettings(), Entropy(seed + 1))
    host = SimulatorHost(brain, host_settings(role, pics, _SUT, defects), clock, Entropy(seed + 2), network)
    host.start()
    return _operator(host, brain) if isinstance(brain, RmBrain) else nobody


def _operator(host: SimulatorHost, brain: RmBrain) -> Prompter:
    """A person at resource management."""
    from simulators.rm.brain import PROMPTS

    def ask(code: str, body: dict[str, Any], failed: Callable[[str], None]) -> None:
        try:
            host.act(lambda now: PROMPTS[code](brain, body, now))
        except (ValueError, KeyError) as fault:
            failed(f"{code}: {fault}")

    return ask


def alarms_of(run: RunResult) -> list[str]:
    """What a clean system did not pass: each is a false alarm."""
    odd = (one for one in (*run.sanity, *run.results) if one.verdict not in _FINE)
    return [f"{run.suite} {run.sut} {one.case.id} {one.verdict}" for one in odd]


def summary(seed: int, found: list[Found]) -> dict[str, Any]:
    """The measure: cases, defects, caught, right_clause, false_alarms, and what no defect has proven yet."""
    clean = [one for one in found if not one.task.defect]
    judged = [one for one in found if one.task.defect]
    rows = [_row(one) for one in judged]
    alarms = [alarm for one in clean for alarm in one.odd]
    alarms += [f"{one.task.defect}: {error}" for one in judged for error in one.errors]
    return {
        "seed": seed,
        "cases": sum(one.cases for one in clean),
        "counts": [{"suite": one.task.suite, "sut": one.task.role.upper(), **one.counts} for one in clean],
        "defects": len(rows),
        "caught": sum(row["caught"] for row in rows),
        "right_clause": sum(row["right_clause"] for row in rows),
        "false_alarms": len(alarms),
        "alarms": alarms,
        "missed": [row["defect"] for row in rows if not row["right_clause"]],
        "unproven": unproven(judged) if judged else [],
        "rows": rows,
    }


def _row(found: Found) -> dict[str, Any]:
    """One defect: is it caught, in its clause, and by which case first?"""
    from simulators.defects.seeded import DEFECTS

    defect = DEFECTS[found.task.defect]
    first = next((one for one in found.failed if one["clause"] == defect.clause), None)
    return {
        "defect": defect.name,
        "system": found.task.role,
        "zh": defect.zh,
        "en": defect.en,
        "clause": defect.clause,
        "caught": bool(found.failed),
        "right_clause": first is not None,
        "first": first,
        "clauses": list(dict.fromkeys(one["clause"] for one in found.failed)),
        "failed": [one["id"] for one in found.failed],
    }


def unproven(judged: list[Found]) -> list[str]:
    """Sentences with MUST that have cases, of which no defect has made one fail yet."""
    proven = dict.fromkeys(name for one in judged for name in one.covers)
    played = {(name, role.upper()): None for name, roles in PLAYED.items() for role in roles}
    asked: dict[str, None] = {}
    for case in _cases().cases:
        if any((case.suite, role) in played for role in case.suts):
            asked |= dict.fromkeys(case.covers)
    known = _cases().requirements
    return [
        name for name in asked if name not in proven and name in known and not known[name].codes and known[name].level == "MUST"
    ]
