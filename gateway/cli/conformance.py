"""``bssgw conformance``: judge a system against the interfaces (spec 07). Commands are imported when they are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.lazy import LazyGroup
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, Faults

if TYPE_CHECKING:
    from conformance.loader import Suite
    from conformance.model import Case
    from conformance.pics import Pics, PicsInvalid

COMMANDS = {
    "list": ("gateway.cli.conformance_cases:list_cases", "列出用例与要求。List the cases and what they require."),
    "pics": ("gateway.cli.conformance_cases:pics", "取得或检查问卷。Get the questionnaire, or check one."),
    "run": ("gateway.cli.conformance_run:run", "判定一个系统。Judge a system."),
    "rerun": ("gateway.cli.conformance_run:rerun", "重做上次未通过的用例。Play again what did not pass."),
    "report": ("gateway.cli.conformance_report:report", "生成单页报告与清单。Make the one-file report and its manifest."),
    "key": ("gateway.cli.conformance_report:key", "生成签名密钥。Make a key to sign reports with."),
    "verify": ("gateway.cli.conformance_report:verify", "核对报告未被改动。Make sure a report is untouched."),
    "compare": ("gateway.cli.conformance_report:compare", "比较两次结果。Compare two runs."),
    "practice": ("gateway.cli.conformance_practice:practice", "供练习判定的系统，可带缺陷。A system to try the suite on."),
    "record": ("gateway.cli.conformance_record:record", "旁听两个真实系统并评分。Judge two real systems' traffic."),
    "load": ("gateway.cli.conformance_load:load", "负载：合格到每秒多少。Up to which rate it answers in time."),
    "trace": ("gateway.cli.conformance_cases:trace", "条款、要求、用例、结论的对应。Clause, requirement, case, verdict."),
    "own": ("gateway.cli.conformance_own:own", "判定本产品自身。Judge this product itself."),
    "self-test": ("gateway.cli.conformance_selftest:self_test", "检验本套件自身。Measure the suite itself."),
}
"""Command -> where it stands and its line in the list of commands."""


@click.group(cls=LazyGroup, table=COMMANDS, epilog=EXIT_HELP)
def conformance() -> None:
    """一致性测试：扮演其余各方，从外部判定一个系统。

    Conformance: judge a system from outside, playing every other role.

    \b
    例 Examples:
      bssgw conformance practice pf
      bssgw conformance pics > pf.toml
      bssgw conformance run --suite provisioning --sut pf --endpoint tcp://192.0.2.7:7101 --pics pf.toml
      bssgw conformance list --suite transport
    """


def own_cases(command: Callable[..., None]) -> Callable[..., None]:
    """``--cases DIR``, handed on as ``beside``."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    about = "另加此目录中的用例文件，见 docs/write-a-case.md。Case files of one's own besides those that ship."
    return click.option("--cases", "beside", type=folder, metavar="DIR", help=about)(command)


def suite(beside: Path | None = None) -> Suite:
    """The cases, those in a folder ``beside`` them, too; the faults of their files are a line each and exit code 2."""
    from conformance.loader import load_suite
    from conformance.sources import CasesInvalid

    try:
        return load_suite(beside=beside)
    except CasesInvalid as invalid:
        rows = [{"where": str(one.place), "zh": one.zh, "en": one.en} for one in invalid.faults]
        zh, en = f"用例文件有 {len(rows)} 处错误，未运行", f"the case files have {len(rows)} faults; nothing was run"
        raise Faults(zh, en, rows) from invalid


def known(cases: list[Case], names: tuple[str, ...]) -> None:
    """Raises CommandFailed for names that ask for none of the cases: they would pass unseen."""
    from conformance.selection import unknown

    if missing := ", ".join(unknown(cases, names)):
        zh, en = f"没有这样的用例：{missing}，见 conformance list", f"no such cases: {missing}, see conformance list"
        raise CommandFailed(Exit.USAGE, zh, en)


def questionnaire(path: Path | None) -> Pics:
    """The questionnaire in a file, or the default one."""
    from conformance.pics import PicsInvalid
    from conformance.questionnaire import read_pics

    try:
        return read_pics(path)
    except PicsInvalid as invalid:
        raise misfilled(path, invalid) from invalid


def misfilled(path: Path | None, invalid: PicsInvalid) -> CommandFailed:
    """What is wrong with a questionnaire, every fault; those without a place of their own stand at the file."""
    rows = [{"where": one.where, "zh": one.zh, "en": one.en, "example": one.example} for one in invalid.faults]
    for row in rows:
        row["where"] = row["where"] if row["where"].startswith(f"{path}:") else f"{path} {row['where']}"
    zh, en = f"问卷 {path} 有 {len(rows)} 处错误", f"the questionnaire {path} has {len(rows)} faults"
    return Faults(zh, en, rows)
