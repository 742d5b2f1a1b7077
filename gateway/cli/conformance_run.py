"""``bssgw conformance run`` and ``rerun``: judge a system over real sockets (spec 07.1)."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.conformance import known, own_cases, questionnaire, suite
from gateway.cli.conformance_reach import Reach, asked_of, tls_options, told_again
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from conformance.loader import Suite
    from conformance.model import CaseResult, RunResult
    from conformance.pics import Pics
    from conformance.reasons import Reason
    from conformance.session import Plan

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SEEDS = 1 << 32
_NAMED = 12
"""How many cases of one reason are named in the terminal; the report has all."""


@click.command(epilog=EXIT_HELP)
@click.option("--suite", "name", required=True, help="套件。Suite: provisioning, transport, billing, group, partner.")
@click.option("--sut", required=True, help="被测角色。The role under test: pf, rm, crm, bill.")
@click.option(
    "--endpoint",
    required=True,
    metavar="tcp://HOST:PORT",
    help="被测方监听处；亦可 http(s)://…/路径、soap+http(s)://…/路径。Where it listens; also http(s):// and soap+http(s)://.",
)
@click.option("--pics", type=_FILE, help="问卷文件。The questionnaire (see bssgw conformance pics).")
@click.option("--only", help="用例号或条款，逗号分隔。Ids or clauses, by commas: 5.4, 5.4/3, 5.7/CN01.")
@click.option("--strict", is_flag=True, help="SHOULD 未通过也算失败。A SHOULD that fails counts, too.")
@click.option("--report", type=click.Path(file_okay=False, path_type=Path), help="结果目录。Directory for the results.")
@click.option("--waivers", type=_FILE, help="豁免文件（含日期）。Waivers, with dates.")
@click.option("--read-only", is_flag=True, help="只查询，不写入，可对在用系统。Only ask, never write: safe beside live data.")
@click.option("--seed", type=int, help="随机种子：相同种子，相同取值。The same seed makes the same choices.")
@click.option("--width", type=click.IntRange(1, 64), default=8, show_default=True, help="同时进行的用例数。Cases side by side.")
@click.option("--soak", metavar="DURATION", help="如 30m、8h：重复用例，判定是否退化。Repeat the cases so long and judge wear.")
@own_cases
@tls_options
@json_option
def run(
    name: str, sut: str, endpoint: str, pics: Path | None, only: str | None, strict: bool, report: Path | None,
    waivers: Path | None, read_only: bool, seed: int | None, width: int, soak: str | None, beside: Path | None, as_json: bool,
    tls: dict[str, str],
) -> None:  # fmt: skip
    """判定一个系统：扮演其余各方，逐条用例核对；MUST 全部通过时退出码为 0。

    Judge a system: play every other role, case by case; exit code 0 only when no MUST failed.

    \b
    例 Examples:
      bssgw conformance run --suite provisioning --sut pf --endpoint tcp://127.0.0.1:7101 --report out
      bssgw conformance run --suite transport --sut rm --endpoint tcp://192.0.2.7:7102 --pics rm.toml --only 01.1/3
      bssgw conformance run --suite transport --sut pf --endpoint tcp://192.0.2.7:7101 --read-only
      bssgw conformance run --suite provisioning --sut pf --endpoint tcp://192.0.2.7:7101 --soak 8h --report out
      bssgw conformance run --suite provisioning --sut crm --endpoint soap+http://192.0.2.7:7180/soap --pics crm.toml
      bssgw conformance run --suite transport --sut pf --endpoint tls://192.0.2.7:7143 --ca-file ca.pem --server-name pf.example
    """
    from conformance.session import Plan
    from conformance.waivers import WaiversInvalid, read_waivers
    from gateway.clock import Entropy

    _check(name, sut)
    span = _span(soak)
    try:
        waived = read_waivers(waivers)
    except (WaiversInvalid, OSError) as fault:
        zh, _, en = str(fault).partition(" / ")
        raise CommandFailed(Exit.USAGE, zh, en or zh) from fault
    plan = Plan(
        name,
        sut.upper(),
        endpoint,
        asked_of(pics, endpoint, tls),
        Entropy().below(_SEEDS) if seed is None else seed,
        _only(suite(beside), name, sut, only),
        strict,
        str(pics or ""),
        width,
        waived,
        read_only=read_only,
        soak_ms=span,
        options=told_again(tls) + (f" --cases {beside}" if beside is not None else ""),
    )
    play(suite(beside), plan, report, as_json)


@click.command(epilog=EXIT_HELP)
@click.argument("report", type=click.Path(exists=True, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="重做全部用例。Every case, not only those that did not pass.")
@click.option("--endpoint", metavar="tcp://HOST:PORT", help="另一地址。Another address than last time.")
@own_cases
@tls_options
@json_option
def rerun(
    report: Path, everything: bool, endpoint: str | None, beside: Path | None, as_json: bool, tls: dict[str, str]
) -> None:
    """按上次结果 REPORT 以同样的种子重做未通过的用例；先前的结果移入 REPORT/earlier。

    Play again, with the same seed, what did not pass when it was last played; earlier results are kept in REPORT/earlier.

    \b
    例 Example:  bssgw conformance rerun report
    """
    from conformance.history import latest
    from conformance.results import ResultsInvalid, read
    from conformance.session import Plan

    try:
        last, cases = read(report), latest(report)
    except (ResultsInvalid, OSError) as fault:
        raise CommandFailed(Exit.USAGE, f"无法读取 {report}", f"cannot read {report}: {fault}") from fault
    done = ("PASS", "NOT_APPLICABLE", "XFAIL")
    only = tuple(name for name, case in cases.items() if everything or case["verdict"] not in done)
    if not only:
        click.echo("没有要重做的用例 / nothing to play again")
        return
    pics = Path(last["pics_file"]) if last["pics_file"] else None
    if pics is not None and not pics.exists():
        raise CommandFailed(Exit.USAGE, f"问卷 {pics} 已不在", f"the questionnaire {pics} is gone")
    to = endpoint or last["endpoint"]
    tls = {**_as_before(last, to, questionnaire(pics)), **tls}
    plan = Plan(
        last["suite"], last["sut"], to, asked_of(pics, to, tls), last["seed"], only, last["strict"],
        last["pics_file"], read_only=last.get("read_only", False),
        options=told_again(tls) + (f" --cases {beside}" if beside is not None else ""),
    )  # fmt: skip
    _check(plan.suite, plan.sut)
    play(suite(beside), plan, report if report.is_dir() else report.parent, as_json)


def _as_before(last: dict[str, Any], endpoint: str, pics: Pics) -> dict[str, str]:
    """What was said of TLS last time, where the same system is met again and the questionnaire does not say it."""
    said = last["pics"].get("tls", {}) if endpoint == last["endpoint"] else {}
    return {name: value for name, value in said.items() if value and not pics.tls[name]}


def play(there: Suite, plan: Plan, report: Path | None, as_json: bool) -> None:
    """Run a plan over real sockets, write its results, tell them, exit."""
    from twisted.internet import task

    from conformance.selection import chosen

    cases = chosen(there.cases, plan.suite, plan.sut, plan.only)
    if not cases:
        raise CommandFailed(Exit.USAGE, "没有这样的用例，见 conformance list", "no such cases, see conformance list")
    if report is not None:
        writable(report)
    task.react(_main, (there, plan, report, as_json))


def _only(there: Suite, suite_name: str, sut: str, text: str | None) -> tuple[str, ...]:
    """What was asked for, by commas. Raises CommandFailed for what is no case of the suite: it would pass unseen."""
    from conformance.selection import chosen, named

    names = named(text)
    known(chosen(there.cases, suite_name, sut.upper(), names), names)
    return names


def writable(report: Path) -> None:
    """Results must have a place before hours are spent on them. Raises CommandFailed."""
    fault = ""
    try:
        report.mkdir(parents=True, exist_ok=True)
    except OSError as met:
        fault = f": {met}"
    if fault or not os.access(report, os.W_OK | os.X_OK):
        raise CommandFailed(Exit.USAGE, f"目录 {report} 不可写{fault}", f"directory {report} cannot be written{fault}")


def _check(name: str, sut: str) -> None:
    """Suite and role must be known. Raises CommandFailed."""
    from conformance.selection import ROLES, SUITES

    if name not in SUITES:
        there = " ".join(SUITES)
        raise CommandFailed(Exit.USAGE, f"没有套件 {name}，可用：{there}", f"there is no suite {name}, but: {there}")
    if sut.lower() not in ROLES:
        there = " ".join(ROLES)
        raise CommandFailed(Exit.USAGE, f"没有判定 {sut} 的用例，可用：{there}", f"no cases judge {sut}; there are: {there}")


def _span(text: str | None) -> int:
    """A duration in ms; 0 where there is none. Raises CommandFailed."""
    from conformance.values import span_ms

    found = span_ms(text) if text is not None else 0
    if found is None:
        raise CommandFailed(Exit.USAGE, f"--soak {text} 不是时长，如 30m、8h", f"--soak {text} is no duration, such as 30m, 8h")
    return found


def _main(reactor: Any, there: Suite, plan: Plan, report: Path | None, as_json: bool) -> Any:
    from twisted.internet.defer import Deferred

    return Deferred.fromCoroutine(_play(reactor, there, plan, report, as_json))


async def _play(reactor: Any, there: Suite, plan: Plan, report: Path | None, as_json: bool) -> None:
    from twisted.internet.error import CannotListenError

    from conformance.session import Session
    from gateway.cli.prompting import Prompts
    from gateway.cli.serving import cannot_listen, ending
    from gateway.clock import Entropy, WallClock

    asked, closed = await ending(reactor)
    clock = WallClock(reactor)
    session = Session(there, plan, clock, Entropy(plan.seed), Reach(reactor, clock, plan.pics.tls))
    session.host.prompter = Prompts(reactor, plan.pics.prompts)
    asked.addCallback(lambda _: session.stop())
    progress = Progress(silent=as_json)
    try:
        outcome = await session.run(progress.update)
    except CannotListenError as fault:
        failed = cannot_listen(fault)
        failed.show()
        raise SystemExit(failed.exit_code) from fault
    finally:
        progress.close()
        closed.callback(None)
    before = leave_results(outcome, report)
    tell(outcome, report, as_json)
    if before is not None and not as_json:
        _tell_since(before, outcome)
    if outcome.partial:
        raise SystemExit(int(Exit.INTERRUPTED))
    if not outcome.passed:
        raise SystemExit(int(Exit.FAILED))


def leave_results(outcome: RunResult, report: Path | None) -> Path | None:
    """Results and report in a directory, if there is one, those of the run before set aside: where they are now. A directory
    that cannot be written ends the command."""
    from conformance.history import set_aside
    from conformance.results import write
    from gateway.cli.conformance_report import leave

    if report is None:
        return None
    try:
        before = set_aside(report)
        write(outcome, report)
        leave(report, None)
        return before
    except OSError as fault:
        failed = CommandFailed(Exit.FAILED, f"结果不可写：{fault}", f"the results cannot be written: {fault}")
    except CommandFailed as fault:
        failed = fault
    failed.show()
    raise SystemExit(int(Exit.FAILED))


def _tell_since(before: Path, outcome: RunResult) -> None:
    """What became of the cases that were played again."""
    from conformance.compare import KINDS
    from conformance.history import since
    from conformance.results import ResultsInvalid, as_json, read

    try:
        found = since(read(before), as_json(outcome))
    except (ResultsInvalid, OSError):
        click.echo(f"上次结果无法读取 the results before cannot be read: {before}")
        return
    for row in (*found["worse"], *found["unjudged"], *found["better"]):
        click.echo(f"  {row['id']} {row['before']} → {row['after']}")
    counts = " · ".join(f"{zh} {en} {len(found[kind])}" for kind, (zh, en) in KINDS.items())
    click.echo(f"与上次相比 since the run before: {counts} · 相同 same {found['same']} · {before}")


class Progress:
    """A bar on a terminal; where there is none, a line for each case that did not pass."""

    def __init__(self, *, silent: bool) -> None:
        self._silent = silent
        self._bar: Any = None
        if not silent and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress as Bar

            self._bar = Bar(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=None)
            self._bar.start()

    def update(self, result: CaseResult, done: int, total: int) -> None:
        """A case is over."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total, description=f"{result.case.id} {result.verdict}")
        elif not self._silent and result.verdict in ("FAIL", "ERROR", "INCONCLUSIVE"):
            click.echo(f"{done}/{total} {result.case.id} {result.verdict}", err=True)

    def close(self) -> None:
        """The run is over."""
        if self._bar is not None:
            self._bar.stop()


def tell(outcome: RunResult, report: Path | None, as_json: bool) -> None:
    """The result: JSON, or the reasons of what did not pass, each with one case explained, and the counts."""
    import json

    from conformance.reasons import reasons, trouble
    from conformance.results import as_json as plain

    data = plain(outcome)
    if as_json:
        click.echo(json.dumps(data, ensure_ascii=False))
        return
    whole = trouble(data)
    found = reasons([*data["sanity"], *data["cases"]])
    for reason in found[: 1 if whole else None]:
        _tell_reason(reason)
    _tell_counts(outcome)
    if whole is not None:
        click.echo(f"{whole.zh} / {whole.en}\n请检查 Check:")
        for zh, en in whole.checks:
            click.echo(f"  · {zh} / {en}")
    zh, en = ("通过", "passed") if outcome.passed else ("未通过", "did not pass")
    seconds = (outcome.ended_at - outcome.started_at) / 1000
    why = f" · {len(found)} 个原因 reason{'s' * (len(found) != 1)}" if found and whole is None else ""
    click.echo(f"{zh} / {en} · {len(outcome.results)} 个用例 cases{why} · {seconds:.1f} s · seed {outcome.seed}")
    if outcome.partial:
        left = outcome.counts()["NOT_EXECUTED"]
        done = len(outcome.results) - left
        click.echo(f"中断：{done} 个已有结论，{left} 个未执行 / interrupted: {done} have a verdict, {left} were not executed")
    if report is not None:
        click.echo(f"结果 results: {report} · 报告 report: {report / 'report.html'}")
        if outcome.partial:
            click.echo(f"继续 to go on: bssgw conformance rerun {report}")


def _tell_reason(reason: Reason) -> None:
    """One reason: how many cases it stands behind, the first of them explained, which others."""
    from conformance.results import printable, told

    case, others = reason.first, [one["id"] for one in reason.cases[1:]]
    click.echo(f"\n✘ {len(reason.cases)} 个用例 case{'s' * bool(others)}: {printable(reason.zh)} / {printable(reason.en)}")
    click.echo(f"  {case['verdict']} {case['id']} {case['level']}\n  {case['zh']}\n  {case['en']}")
    for line in (*told(case["explanation"]), *(f"注 note: {printable(note)}" for note in case["notes"])):
        click.echo(f"  {line}")
    if others:
        more = f" … (+{len(others) - _NAMED})" if len(others) > _NAMED else ""
        click.echo(f"  同一原因 the same reason: {' '.join(others[:_NAMED])}{more}")


def _tell_counts(outcome: RunResult) -> None:
    clauses: dict[str, list[CaseResult]] = {}
    for result in outcome.results:
        clauses.setdefault(result.case.clause, []).append(result)
    verdicts = [name for name, count in outcome.counts().items() if count]
    rows = {clause: [sum(one.verdict == name for one in results) for name in verdicts] for clause, results in clauses.items()}
    table("", ("条款 clause", *verdicts), [(clause, *counts) for clause, counts in rows.items()])
