"""``bssgw conformance self-test``: the suite against the clean simulators and against each seeded defect (spec 07.7)."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.conformance import known, suite
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

ROLES = ("pf", "rm", "bill", "crm")


@click.command("self-test", epilog=EXIT_HELP)
@click.option("--seed", type=int, default=1, show_default=True, help="随机种子。Seed.")
@click.option("--defect", "names", multiple=True, help="只检验此缺陷，可重复。Only this defect; may be repeated.")
@click.option("--clean", is_flag=True, help="只检验无缺陷的被测方。Only the clean systems.")
@click.option("--sut", "suts", type=click.Choice(ROLES), multiple=True, help="只判此角色，可重复。Only this role (repeatable).")
@click.option("--only", multiple=True, metavar="CLAUSE", help="只用此条款或用例，可重复。Only this clause or case (repeated).")
@click.option(
    "--whole", is_flag=True, help="每个缺陷跑整个套件，而非其条款。Each defect by the whole suite, not by its clause only."
)
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="并行进程数。Processes side by side.")
@json_option
def self_test(
    seed: int, names: tuple[str, ...], clean: bool, suts: tuple[str, ...], only: tuple[str, ...], whole: bool, jobs: int,
    as_json: bool,
) -> None:  # fmt: skip
    """检验本套件：无缺陷的模拟器与本产品的 CRM 须全部通过，每个缺陷须在正确的条款上判为失败。

    Measure the suite: clean simulators and our own CRM must pass, every seeded defect must fail in the right clause.

    \b
    例 Examples:
      bssgw conformance self-test --jobs 2
      bssgw conformance self-test --defect pf-completes-twice --whole
      bssgw conformance self-test --clean --sut crm --only 5.4
    """
    from gateway.cli.conformance_strength import Asked, measure, summary, tasks
    from gateway.clock import wall_ms
    from simulators.defects.seeded import DEFECTS, UnknownDefect

    unknown = next((name for name in names if name not in DEFECTS), None)
    if unknown is not None:
        zh, _, en = str(UnknownDefect(unknown)).partition(" / ")
        raise CommandFailed(Exit.USAGE, zh, en)
    known([case for case in suite().cases if not suts or any(sut.upper() in case.suts for sut in suts)], only)
    begun = wall_ms()
    todo = tasks(seed, names, clean, whole, Asked(suts, only))
    with _bar(len(todo), silent=as_json) as bar:
        outcomes = []
        for one in measure(todo, jobs):
            outcomes.append(one)
            bar.update(1)
    found = summary(seed, outcomes) | {"seconds": (wall_ms() - begun) / 1000}
    emit(as_json, found, lambda: _show(found))
    if found["false_alarms"] or found["missed"]:
        raise SystemExit(int(Exit.FAILED))


def _bar(length: int, *, silent: bool) -> Any:
    """Progress on a terminal's error stream, and nowhere else."""
    import sys

    return click.progressbar(length=length, file=sys.stderr, hidden=silent or not sys.stderr.isatty())


def _show(found: dict[str, Any]) -> None:
    rows = []
    for row in found["rows"]:
        mark = "✔" if row["right_clause"] else "✘"
        first = row["first"]["id"] if row["first"] is not None else " ".join(row["failed"][:3])
        rows.append((row["defect"], row["clause"], mark, first, str(len(row["failed"])), f"{row['zh']} {row['en']}"))
    if rows:
        table("", ("缺陷 defect", "条款 clause", "", "首个失败 first failure", "失败 failed", ""), rows)
    for alarm in found["alarms"]:
        click.echo(f"误报 false alarm: {alarm}")
    if found["unproven"] and found["cases"]:  # of a few defects it says nothing
        click.echo(f"尚无缺陷证明的要求 MUSTs no defect has proven: {' '.join(found['unproven'])}")
    counts = f"{found['cases']} 个用例 cases · {found['caught']}/{found['defects']} 缺陷 defects"
    right = f"正确条款 right clause {found['right_clause']}"
    click.echo(f"{counts} · {right} · 误报 false alarms {found['false_alarms']} · {found['seconds']:.1f} s")
