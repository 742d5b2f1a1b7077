"""``bssgw model``: the core's tables searched through (spec 04.4)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, Exit, emit, table
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from gateway.proof.model_check import Verdicts

_KINDS = {
    "wedged": "走不到终态 no final state is reached",
    "illegal_changes": "不合法输入有作用 an illegal input took effect",
    "left_over": "结束后有遗留 something is left over after the end",
}


@click.group(epilog=EXIT_HELP)
def model() -> None:
    """穷举检查状态机。Search the state machines exhaustively.

    \b
    例 Example:  bssgw model check
    """


@model.command(epilog=EXIT_HELP)
@click.option("--bound", type=click.IntRange(0, 4), default=1, show_default=True,
              help="撤单之外同时在途的命令数，越大越久。Commands open beside a cancel; more takes longer.")  # fmt: skip
@json_option
def check(bound: int, as_json: bool) -> None:
    """证明没有定单会卡死：在每个可达状态试每一种输入。

    Prove that no order can wedge: every input in every reachable state of item, lock, reservation and open commands, run by
    the core itself. Exits 1 if a state reaches no end, an illegal input changes anything or an ended order holds something;
    then the inputs that lead there are shown.

    \b
    例 Example:  bssgw model check --json
    """
    from gateway.clock import wall_ms
    from gateway.proof.model_check import Search
    from gateway.reference_data import build_reference
    from schemas.loader import load

    def progress(found: int, left: int) -> None:
        click.echo(f"\r已找到 {found} 个状态，待查 {left} / {found} states found, {left} to look at ", nl=False, err=True)

    begun = wall_ms()
    silent = as_json or not sys.stderr.isatty()
    hear: Callable[[int, int], None] = _silence if silent else progress
    found = Search(build_reference(load()), bound, on_progress=hear).run()
    seconds = round((wall_ms() - begun) / 1000, 1)
    if not silent:
        click.echo(err=True)
    figures = _figures(found, bound, seconds)
    emit(as_json, figures, lambda: _show(found, figures))
    if not found.sound:
        raise SystemExit(int(Exit.FAILED))


def _silence(found: int, left: int) -> None:
    """For programs and files."""


def _figures(found: Verdicts, bound: int, seconds: float) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "states": found.states,
        "transitions": found.transitions,
        "refused": found.refused,
        "final_states": found.final,
        "wedged": found.wedged,
        "illegal_changes": found.illegal_changes,
        "left_over": found.left_over,
        "bound": bound,
        "seconds": seconds,
    }
    if found.findings:
        figures["findings"] = {
            kind: [{"state": one.state, "path": list(one.path), "about": one.about} for one in findings]
            for kind, findings in found.findings.items()
        }
    return figures


def _show(found: Verdicts, figures: dict[str, Any]) -> None:
    rows = (
        ("状态 states", found.states),
        ("试过的输入 transitions", found.transitions),
        ("其中被拒绝 refused", found.refused),
        ("终态 final states", found.final),
        *((label, figures[kind]) for kind, label in _KINDS.items()),
        ("秒 seconds", figures["seconds"]),
    )
    table("", ("", ""), rows)
    for kind, findings in found.findings.items():
        for one in findings:
            click.echo(f"✘ {_KINDS[kind]}: {one.state}: {one.about}")
            click.echo(f"    {' → '.join(one.path) or 'DRAFT'}")
    if found.sound:
        click.echo("✔ 每个可达状态都能走到终态，不合法的输入不起作用。")
        click.echo("  Every reachable state reaches an end, and no illegal input changes anything.")
