"""``bssgw conformance list``, ``pics`` and ``trace``: what is asked, of whom, and what covers it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.conformance import known, own_cases, questionnaire, suite
from gateway.cli.conformance_reach import usable
from gateway.cli.output import CommandFailed, Exit, emit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from conformance.model import Case
    from conformance.sources import Blocks

_FILE = click.Path(exists=True, path_type=Path)
_NAMED = 6
"""How many cases of a requirement its row shows; the JSON has all."""


@click.command("list")
@click.option("--suite", "name", help="只列一个套件。One suite only: transport, provisioning, billing ...")
@click.option("--sut", help="只列判定此角色的用例。Cases that judge this role only.")
@click.option("--only", help="用例号或条款，逗号分隔。Ids or clauses, by commas.")
@click.option("--steps", is_flag=True, help="连同步骤。With their lines.")
@click.option("--blocks", is_flag=True, help="列出公共段、报文体与做法的名称。Names of shared lines, bodies and manners.")
@own_cases
@json_option
def list_cases(
    name: str | None, sut: str | None, only: str | None, steps: bool, blocks: bool, beside: Path | None, as_json: bool
) -> None:
    """列出用例：编号、级别、角色与要求；并指出用例文件的每处错误。

    List the cases: id, level, role and requirement; names every fault of the case files.

    \b
    例 Examples:
      bssgw conformance list --suite provisioning --sut pf
      bssgw conformance list --only 5.4/1 --steps
      bssgw conformance list --cases my-cases --only 5.4/900
      bssgw conformance list --blocks
    """
    from conformance.selection import named, wanted

    if blocks:
        _list_blocks(suite(beside).blocks, as_json)
        return
    names = named(only)
    cases = [
        case
        for case in suite(beside).cases
        if (name is None or case.suite == name)
        and (sut is None or sut.upper() in case.suts)
        and (not names or any(wanted(case, one) for one in names))
    ]

    known(cases, names)

    def show() -> None:
        if steps:
            for case in cases:
                _show_steps(case)
            return
        rows = [(case.id, case.level, " ".join(case.suts), f"{case.zh}\n{case.en}") for case in cases]
        table(f"{len(rows)} 个用例 cases", ("用例 case", "级别 level", "被测 judges", "要求 requirement"), rows)

    emit(as_json, [_plain(case) for case in cases], show)


def _list_blocks(blocks: Blocks, as_json: bool) -> None:
    """What cases may name."""
    lines = {name: [line.text for line in block] for name, block in blocks.lines.items()}
    manners = [f"{row['code']} = {row['name']}" for row in blocks.manners if row.get("name")]
    found = {"lines": lines, "bodies": blocks.bodies, "manners": manners}

    def show() -> None:
        rows = [(name, "\n".join(texts)) for name, texts in lines.items()]
        table("公共段 blocks of lines", ("名称 name", "行 lines"), rows)
        bodies = [(name, ", ".join(body)) for name, body in blocks.bodies.items()]
        table("报文体 bodies", ("名称 name", "字段 fields"), bodies)
        click.echo(f"做法 manners: {' · '.join(manners)}")

    emit(as_json, found, show)


@click.command()
@click.option("--check", "path", type=_FILE, help="检查一份已填问卷。Check a filled questionnaire.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="写入文件。Write to a file.")
@json_option
def pics(path: Path | None, output: Path | None, as_json: bool) -> None:
    """写出带注释的问卷（PICS/PIXIT）模板，或检查一份。Write the commented questionnaire, or check one.

    \b
    例 Examples:
      bssgw conformance pics -o pf.toml
      bssgw conformance pics --check pf.toml
    """
    import tomllib

    from conformance.pics import template

    if path is not None:
        found = questionnaire(path)
        if any(found.tls.values()):
            usable(found.tls)
        emit(as_json, {"ok": True, "file": str(path)}, lambda: click.echo(f"{path}: 可用 / fit for use"))
    elif output is None:
        text = template()
        emit(as_json, {"text": text, "questionnaire": tomllib.loads(text)}, lambda: click.echo(text, nl=False))
    else:
        try:
            output.write_text(template(), "utf-8")
        except OSError as fault:
            raise CommandFailed(Exit.USAGE, f"{output} 不可写：{fault.strerror}", f"cannot write {output}: {fault}") from fault
        emit(as_json, {"ok": True, "written": str(output)}, lambda: click.echo(f"{output}"))


@click.command()
@click.option("--report", type=_FILE, help="上次结果所在目录。Directory of the last results.")
@click.option("--uncovered", is_flag=True, help="只列尚无用例的要求。Only what no case covers.")
@json_option
def trace(report: Path | None, uncovered: bool, as_json: bool) -> None:
    """条款 → 要求 → 用例 → 上次结论；有未覆盖的 MUST 时退出码为 1。

    Clause → requirement → case → last verdict; exit code 1 while a MUST is not covered.

    \b
    例 Example:  bssgw conformance trace --json
    """
    from conformance.trace import trace as traced

    found = traced(suite(), _last(report))

    def show() -> None:
        missing = {name.partition(" ")[0] for name in found["uncovered"]}
        rows = [row for row in found["rows"] if not uncovered or row["requirement"] in missing]
        cells = [(row["clause"], row["requirement"], row["level"], _cases(row), f"{row['zh']}\n{row['en']}") for row in rows]
        table("", ("条款 clause", "要求 requirement", "级别 level", "用例 cases", ""), cells)
        counts = f"{found['requirements']} 项要求 requirements · {found['cases']} 个用例 cases"
        click.echo(f"{counts} · 未覆盖 uncovered MUST {found['uncovered_must']}")

    emit(as_json, found, show)
    if found["uncovered_must"]:
        raise SystemExit(int(Exit.FAILED))


def _last(report: Path | None) -> dict[str, str]:
    """The last verdict of each case in a report directory."""
    from conformance.history import latest
    from conformance.results import ResultsInvalid

    if report is None:
        return {}
    try:
        return {name: case["verdict"] for name, case in latest(report).items()}
    except (ResultsInvalid, OSError) as fault:
        raise CommandFailed(Exit.USAGE, f"无法读取 {report}", f"cannot read {report}: {fault}") from fault


def _cases(row: dict[str, Any]) -> str:
    shown = " ".join(f"{case['id']} {case['last']}".strip() for case in row["cases"][:_NAMED])
    return shown + (f" … (+{len(row['cases']) - _NAMED})" if len(row["cases"]) > _NAMED else "")


def _show_steps(case: Case) -> None:
    click.echo(f"{case.id}  {case.level}  {' '.join(case.suts)}  {case.place}\n  {case.zh}\n  {case.en}")
    for phase in ("preamble", "lines", "postamble"):
        for line in getattr(case, phase):
            click.echo(f"    {phase:<9} {line.text}")


def _plain(case: Case) -> dict[str, Any]:
    names = ("id", "clause", "suite", "suts", "level", "zh", "en", "covers", "pics", "alone", "parties")
    parts = [(phase, line) for phase in ("preamble", "lines", "postamble") for line in getattr(case, phase)]
    lines = [{"phase": phase, "text": line.text} for phase, line in parts]
    return {**{name: getattr(case, name) for name in names}, "place": str(case.place), "lines": lines}
