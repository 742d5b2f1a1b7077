"""``bssgw conformance self-test``: the suite against the clean simulators and against each seeded defect (spec 07.7).

Everything runs in this process: the suite's own shell, the simulators and an in-memory network under virtual time, so waiting
costs nothing and a seed replays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gateway.cli.conformance import suite
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from conformance.model import RunResult
    from simulators.defects import Defect

_START_MS = 1_795_309_200_000
_SUT = "mem://sut"
_LIMIT_MS = 7 * 86_400_000
_PLAYED = {"transport": ("pf", "rm", "bill"), "provisioning": ("pf", "rm"), "billing": ("bill",)}
"""What is judged: suite -> simulators."""


@click.command("self-test", epilog=EXIT_HELP)
@click.option("--seed", type=int, default=1, show_default=True, help="随机种子。Seed.")
@click.option("--defect", "names", multiple=True, help="只检验此缺陷，可重复。Only this defect; may be repeated.")
@click.option("--clean", is_flag=True, help="只检验无缺陷的模拟器。Only the clean simulators.")
@json_option
def self_test(seed: int, names: tuple[str, ...], clean: bool, as_json: bool) -> None:
    """检验本套件：无缺陷者须全部通过，每个缺陷须在正确的条款上判为失败。

    Measure the suite: clean simulators must pass, every seeded defect must fail in the right clause.
    """
    from gateway.clock import wall_ms
    from simulators.defects import DEFECTS, UnknownDefect

    unknown = next((name for name in names if name not in DEFECTS), None)
    if unknown is not None:
        zh, _, en = str(UnknownDefect(unknown)).partition(" / ")
        raise CommandFailed(Exit.USAGE, zh, en)
    begun = wall_ms()
    runs = [] if names else [play(name, role, (), seed) for name, roles in _PLAYED.items() for role in roles]
    rows = [] if clean else [_judge(DEFECTS[name], seed) for name in (names or DEFECTS)]
    found = {
        "seed": seed,
        "cases": sum(len(run.results) for run in runs),
        "counts": [{"suite": run.suite, "sut": run.sut, **run.counts()} for run in runs],
        "defects": len(rows),
        "caught": sum(row["caught"] for row in rows),
        "right_clause": sum(row["right_clause"] for row in rows),
        "false_alarms": sum(_alarms(run) for run in runs),
        "alarms": [alarm for run in runs for alarm in alarms_of(run)],
        "missed": [row["defect"] for row in rows if not row["right_clause"]],
        "rows": rows,
        "seconds": (wall_ms() - begun) / 1000,
    }
    emit(as_json, found, lambda: _show(found))
    if found["false_alarms"] or found["missed"]:
        raise SystemExit(int(Exit.FAILED))


def play(name: str, role: str, defects: tuple[str, ...], seed: int, only: tuple[str, ...] = ()) -> RunResult:
    """A suite against one simulator with these defects, in virtual time."""
    from twisted.internet.defer import Deferred

    from conformance.pics import LISTEN, Pics
    from conformance.session import Plan, Session
    from gateway.clock import Entropy
    from gateway.proof.heap_clock import HeapClock
    from gateway.proof.network import MemoryNetwork
    from simulators.fleet import SYSTEMS, FleetSettings, brain_of
    from simulators.host import SimulatorHost
    from simulators.settings import HostSettings, PeerSettings

    clock = HeapClock(_START_MS)
    network = MemoryNetwork(clock, Entropy(seed))
    listen = {party: f"mem://suite-{party}" for party in LISTEN}
    pics = Pics(listen=listen)
    system = SYSTEMS[role]
    peers = {
        pics.systems[party]: PeerSettings(pics.systems[party], party, address)
        for party, address in listen.items()
        if pics.systems[party] != system
    }
    brain = brain_of(role, FleetSettings(), Entropy(seed + 1))
    host = SimulatorHost(brain, HostSettings(system, _SUT, peers, defects=defects), clock, Entropy(seed + 2), network)
    host.start()
    plan = Plan(name, role.upper(), _SUT, pics, seed, only, width=32)
    session = Session(suite(), plan, clock, Entropy(seed), network)
    done: list[Any] = []
    Deferred.fromCoroutine(session.run()).addBoth(done.append)
    if not clock.run_until(lambda: bool(done), _START_MS + _LIMIT_MS):
        session.stop()
        clock.advance(1_000)
    if not hasattr(done[0], "results"):
        done[0].raiseException()
    outcome: RunResult = done[0]
    return outcome


def alarms_of(run: RunResult) -> list[str]:
    """What a clean system did not pass: each is a false alarm."""
    fine = ("PASS", "NOT_APPLICABLE")
    return [f"{run.suite} {run.sut} {one.case.id} {one.verdict}" for one in run.results if one.verdict not in fine]


def _alarms(run: RunResult) -> int:
    return len(alarms_of(run))


def _judge(defect: Defect, seed: int) -> dict[str, Any]:
    """One defect: is it caught, and in its clause?"""
    role = "pf" if defect.system == "*" else defect.system
    run = play(defect.suite, role, (defect.name,), seed)
    failed = [one.case for one in run.results if one.verdict == "FAIL"]
    clauses = list(dict.fromkeys(case.clause for case in failed))
    return {
        "defect": defect.name,
        "zh": defect.zh,
        "en": defect.en,
        "clause": defect.clause,
        "caught": bool(failed),
        "right_clause": defect.clause in clauses,
        "clauses": clauses,
        "failed": [case.id for case in failed],
    }


def _show(found: dict[str, Any]) -> None:
    rows = []
    for row in found["rows"]:
        mark = "✔" if row["right_clause"] else "✘"
        rows.append((row["defect"], row["clause"], mark, " ".join(row["failed"][:4]), f"{row['zh']} {row['en']}"))
    if rows:
        table("", ("缺陷 defect", "条款 clause", "", "判失败的用例 failed cases", ""), rows)
    for alarm in found["alarms"]:
        click.echo(f"误报 false alarm: {alarm}")
    counts = f"{found['cases']} 个用例 cases · {found['caught']}/{found['defects']} 缺陷 defects"
    right = f"正确条款 right clause {found['right_clause']}"
    click.echo(f"{counts} · {right} · 误报 false alarms {found['false_alarms']} · {found['seconds']:.1f} s")
