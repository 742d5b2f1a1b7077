"""``bssgw conformance own``: this product itself judged over real sockets, started as a newcomer would start it (spec 07.1)."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.conformance import known, suite
from gateway.cli.conformance_reach import Reach
from gateway.cli.conformance_run import Progress, leave_results, tell, writable
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from conformance.model import CaseResult, RunResult
    from conformance.pics import Pics
    from conformance.session import Plan

_ROLE = "CRM"


@click.command(epilog=EXIT_HELP)
@click.option(
    "--store",
    default="sqlite",
    show_default=True,
    metavar="sqlite|postgresql://…",
    help="存储；PostgreSQL 用一个新的 schema，之后删除。Store; in PostgreSQL a fresh schema, dropped afterwards.",
)
@click.option(
    "--binding",
    type=click.Choice(["socket", "soap", "http"]),
    default="socket",
    show_default=True,
    help="各方以此绑定与其交谈。How everybody speaks with it.",
)
@click.option(
    "--accounts",
    type=click.Choice(["none", "basic", "digest"]),
    default="none",
    show_default=True,
    help="各方以何凭证证明身份（soap、http）。What everybody proves itself with, over soap and http.",
)
@click.option("--suite", "names", multiple=True, help="只判此套件，可重复。Only this suite (repeated).")
@click.option("--only", multiple=True, metavar="CLAUSE", help="只用此条款或用例，可重复。Only this clause or case (repeated).")
@click.option("--width", type=click.IntRange(1, 64), default=12, show_default=True, help="同时的用例数。Cases side by side.")
@click.option("--patience", type=click.IntRange(1), metavar="S", help="略去等待更久的用例。Leave out cases that wait longer.")
@click.option("--seed", type=int, default=1, show_default=True, help="随机种子。Seed.")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), help="结果目录。Results, a folder a suite.")
@json_option
def own(
    store: str, binding: str, accounts: str, names: tuple[str, ...], only: tuple[str, ...], width: int,
    patience: int | None, seed: int, report: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """判定本产品的 CRM：启动真实进程，扮演其余各方，以短时限逐条核对；MUST 全部通过时退出码为 0。

    Judge this product's own CRM: start it as a process, play every other role with short times; exit code 0 only when no
    MUST failed. Every suite has a process, a configuration and a store of its own; suites run side by side.

    \b
    例 Examples:
      bssgw conformance own
      bssgw conformance own --store postgresql://bssgw@127.0.0.1/bssgw --report out
      bssgw conformance own --suite transport --only 01.2 --patience 20
      bssgw conformance own --binding soap
      bssgw conformance own --binding http --accounts basic
    """
    from sqlalchemy.exc import SQLAlchemyError
    from twisted.internet import task

    from gateway.bench.rig import BenchFailed, rig
    from gateway.clock import Entropy
    from gateway.proof.own_process import StoreUnknown, fresh_store, started

    asked = _asked(names, only, patience)
    if report is not None:
        writable(report)
    with ExitStack() as stack:
        made = stack.enter_context(rig())
        plans = []
        try:
            for name, cases in asked.items():
                pics = _pics(binding, accounts)
                database = stack.enter_context(fresh_store(store, Entropy()))
                endpoint = started(made, name, pics, database)
                plans.append(_plan(name, endpoint, pics, seed, cases, width, store))
        except StoreUnknown as fault:
            zh, _, en = str(fault).partition(" / ")
            raise CommandFailed(Exit.USAGE, zh, en) from fault
        except BenchFailed as fault:
            raise CommandFailed(Exit.FAILED, f"产品未能启动：{fault}", f"the product did not start: {fault}") from fault
        except SQLAlchemyError as fault:
            first = str(fault.__cause__ or fault).splitlines()[0]
            zh = f"{first}：检查数据库是否在运行，地址、口令与建 schema 的权限"
            raise CommandFailed(
                Exit.UNREACHABLE, zh, "check that the database runs, its address, password and the right to make a schema"
            ) from fault
        folders = {plan.suite: made.folder / plan.suite / "data" for plan in plans}
        task.react(_main, (plans, folders, report, as_json))


def _pics(binding: str, how: str) -> Pics:
    """The questionnaire; ``how`` everybody proves who it is, with secrets of this run. Raises CommandFailed: not there."""
    from conformance.accounts import Account, AccountWrong
    from gateway.cli.conformance_strength import prompts
    from gateway.clock import Entropy
    from gateway.proof.own_process import short_pics

    pics = replace(short_pics(), binding=binding, prompts=prompts(_ROLE.lower()))
    if how == "none":
        return pics
    entropy = Entropy()
    made = {role: Account(f"user-{role}", entropy.token(12).hex(), f"user-{role}", how) for role in pics.listen}
    try:
        return replace(pics, accounts={role: one.at(role, binding) for role, one in made.items() if role != _ROLE})
    except AccountWrong as fault:
        raise CommandFailed(Exit.USAGE, f"--accounts：{fault.zh}", f"--accounts: {fault.en}") from fault


def _asked(names: tuple[str, ...], only: tuple[str, ...], patience: int | None) -> dict[str, tuple[str, ...]]:
    """The suites that have cases for the CRM, and what is asked for of each (empty: all). Raises CommandFailed: none."""
    from conformance.pics import Pics
    from conformance.selection import SUITES, chosen
    from gateway.proof.own_process import short_timers, waits_ms

    unknown = next((name for name in names if name not in SUITES), None)
    if unknown is not None:
        there = " ".join(SUITES)
        raise CommandFailed(Exit.USAGE, f"没有套件 {unknown}，可用：{there}", f"there is no suite {unknown}, but: {there}")
    known([case for name in names or SUITES for case in chosen(suite().cases, name, _ROLE, only)], only)
    pics = Pics(timers=short_timers())
    found: dict[str, tuple[str, ...]] = {}
    for name in names or SUITES:
        cases = chosen(suite().cases, name, _ROLE, only)
        if patience is not None:
            brief = tuple(case.id for case in cases if waits_ms(case, pics) <= patience * 1000)
            found |= {name: brief} if brief else {}
        elif cases:
            found[name] = only
    if not found:
        raise CommandFailed(Exit.USAGE, "没有这样的用例，见 conformance list", "no such cases, see conformance list")
    return found


def _plan(name: str, endpoint: str, pics: Any, seed: int, only: tuple[str, ...], width: int, store: str) -> Plan:
    from conformance.session import Plan

    shown = store if "@" not in store else "postgresql://…"
    again = f"bssgw conformance own --store {shown} --binding {pics.binding} --suite {name}"
    again += next((f" --accounts {one.how}" for one in pics.accounts.values()), "")
    if pics.web:
        endpoint = endpoint.replace("tcp://", "http://", 1)
    return Plan(name, _ROLE, endpoint, pics, seed, only, width=width, command=again)


def _main(reactor: Any, plans: list[Plan], folders: dict[str, Path], report: Path | None, as_json: bool) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_play(reactor, plans, folders, report, as_json))


async def _play(reactor: Any, plans: list[Plan], folders: dict[str, Path], report: Path | None, as_json: bool) -> None:
    """All suites side by side; what they found, told one after the other. ``folders``: a suite's data directory."""
    from twisted.internet.defer import Deferred, gatherResults

    from conformance.session import Session
    from gateway.cli.prompting import AtTheDesk
    from gateway.cli.serving import ending
    from gateway.clock import Entropy, WallClock

    asked, closed = await ending(reactor)
    clock = WallClock(reactor)
    endpoints = Reach(reactor, clock)
    sessions = [Session(suite(), plan, clock, Entropy(plan.seed), endpoints) for plan in plans]
    for session in sessions:
        session.host.prompter = AtTheDesk(reactor, folders[session.plan.suite])

    def call_off(_: None) -> None:
        for session in sessions:
            session.stop()

    asked.addCallback(call_off)
    progress = Together(Progress(silent=as_json))
    try:
        runs = [Deferred.fromCoroutine(session.run(progress.of(session.plan.suite))) for session in sessions]
        outcomes: list[RunResult] = await gatherResults(runs, consumeErrors=True)
    finally:
        progress.close()
        closed.callback(None)
    for outcome in outcomes:
        leave_results(outcome, report / outcome.suite if report is not None else None)
    _tell(outcomes, report, as_json)
    if not all(outcome.passed for outcome in outcomes):
        raise SystemExit(int(Exit.FAILED))


class Together:
    """Several runs on one progress display."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._counts: dict[str, tuple[int, int]] = {}

    def of(self, name: str) -> Any:
        """What a run tells its progress to."""
        self._counts[name] = (0, 0)

        def update(result: CaseResult, done: int, total: int) -> None:
            self._counts[name] = (done, total)
            self._progress.update(result, sum(n for n, _ in self._counts.values()), sum(n for _, n in self._counts.values()))

        return update

    def close(self) -> None:
        """The runs are over."""
        self._progress.close()


def _tell(outcomes: list[RunResult], report: Path | None, as_json: bool) -> None:
    from conformance.results import as_json as plain

    if as_json:
        found = {"passed": all(outcome.passed for outcome in outcomes), "runs": [plain(outcome) for outcome in outcomes]}
        click.echo(json.dumps(found, ensure_ascii=False))
        return
    for outcome in outcomes:
        click.echo(f"\n== {outcome.suite} {outcome.sut}")
        tell(outcome, report / outcome.suite if report is not None else None, as_json)
