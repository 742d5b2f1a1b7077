"""``bssgw cutover plan|start|report|cancel``: the planner's desk at simulated resource management, where cutovers begin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway import control
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import configured, json_option, store_options

if TYPE_CHECKING:
    from gateway.config.model import Config

ROLE = "RM"
HOUR_MS = 3_600_000


def ask_planner(config: Config, request: dict[str, Any]) -> dict[str, Any]:
    """The reply of simulated resource management. Raises CommandFailed where none runs, or it refuses."""
    from gateway.cli.simulators_desk import desk_name

    try:
        reply = control.ask(config.data_dir, request, timeout=120.0, name=desk_name(ROLE))
    except control.ControlUnreachable as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"{config.data_dir} 旁没有资源系统模拟器：先运行 bssgw simulate rm 或 bssgw run --with-simulators",
            f"no simulated resource management beside {config.data_dir}: run bssgw simulate rm or bssgw run --with-simulators",
        ) from fault
    except control.ControlSilent as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            "模拟器没有应答（操作可能已执行）：先用 bssgw cutover report 查看",
            "the simulator gave no answer (it may have been done): look with bssgw cutover report first",
        ) from fault
    if not reply["ok"]:
        raise CommandFailed(Exit.FAILED, reply["zh"], reply["en"])
    return reply


@click.command(epilog=EXIT_HELP)
@click.argument("cutover_id")
@click.option("--res-type", required=True, metavar="TYPE", help="资源类型，例如 PORT。Resource type that moves.")
@click.option("--from", "old_bureau", required=True, metavar="BUREAU", help="原局向。Old bureau.")
@click.option("--to", "new_bureau", required=True, metavar="BUREAU", help="新局向。New bureau.")
@click.option("--area", required=True, metavar="AREA", help="本地网，例如 025。Area, e.g. 025.")
@click.option("--type", "kind", type=click.Choice(["number", "line", "device", "bureau", "cable"]), default="line",
              show_default=True, help="割接类型。Kind of cutover.")  # fmt: skip
@click.option("--in-flight", type=click.Choice(["finish", "lock", "exempt"]), default="finish", show_default=True,
              help="在途定单：等其完成、锁单或豁免。Orders in flight: wait, lock over, or leave out.")  # fmt: skip
@click.option("--begin", metavar="yyyyMMddHHmmss", help="窗口开始，缺省为现在。Begin of the window; default: now.")
@click.option("--hours", type=click.FloatRange(0.05, 720), default=4.0, show_default=True, help="窗口时长。Its length.")
@click.option("--per-wave", type=click.IntRange(1, 100_000), default=1000, show_default=True,
              help="每批实例数。Instances a wave.")  # fmt: skip
@click.option("--most", type=click.IntRange(1), default=None, help="最多实例数。Instances at most.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="写入此文件。File to write.")
@store_options
@json_option
def plan(
    cutover_id: str,
    res_type: str,
    old_bureau: str,
    new_bureau: str,
    area: str,
    kind: str,
    in_flight: str,
    begin: str | None,
    hours: float,
    per_wave: int,
    most: int | None,
    out: Path,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """起草割接计划：哪些实例从原局向的资源换到新局向的空闲资源，写成可改的 JSON 文件。

    Draft a plan: which instances move from resources of the old bureau to free ones of the new, as a JSON file to edit.

    \b
    例 Example:  bssgw cutover plan CT1 --res-type PORT --from SZYQ01 --to SZNS01 --area 0512 --out plan.json
    """
    config = configured(config_path, data_dir)
    wanted = {"res_type": res_type, "old_bureau": old_bureau, "new_bureau": new_bureau, "per_wave": per_wave, "most": most}
    items = ask_planner(config, {"do": "draft", **wanted})["items"]
    if not items:
        raise CommandFailed(
            Exit.FAILED,
            f"{old_bureau} 没有使用 {res_type} 的实例，或 {new_bureau} 没有空闲资源",
            f"no instance uses {res_type} of {old_bureau}, or none is free in {new_bureau}",
        )
    window = _window(begin, hours)
    head = {"area": area, "cutover_id": cutover_id, "type": kind, "old_bureau": old_bureau, "new_bureau": new_bureau}
    made = head | {"window": window, "freeze_window": window, "in_flight": in_flight, "items": items}
    out.write_text(json.dumps(made, ensure_ascii=False, indent=1), encoding="utf-8")
    waves = items[-1]["wave"]
    told = {"cutover_id": cutover_id, "items": len(items), "waves": waves, "file": str(out)}
    emit(as_json, told, lambda: click.echo(f"割接 {cutover_id}：{len(items)} 个实例，{waves} 批 → {out} · "
                                           f"{len(items)} instances in {waves} waves"))  # fmt: skip


def _window(begin: str | None, hours: float) -> dict[str, str]:
    from adapters.wire.times import from_wire_time, wire_time
    from gateway.clock import wall_ms

    try:
        first = wall_ms() if begin is None else from_wire_time(begin)
    except ValueError as fault:
        raise CommandFailed(Exit.USAGE, f"--begin {begin} 不是时刻", f"--begin {begin} is no yyyyMMddHHmmss") from fault
    return {"begin": wire_time(first), "end": wire_time(first + round(hours * HOUR_MS))}


@click.command(epilog=EXIT_HELP)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="只试行：不改变任何系统，报告差异。Change nothing anywhere, report differences.")
@store_options
@json_option
def start(file: Path, dry_run: bool, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """按计划文件 FILE 启动割接，或试行。Start the cutover of a plan file, or try it dry.

    \b
    例 Example:  bssgw cutover start plan.json --dry-run
    """
    try:
        found = json.loads(file.read_text("utf-8"))
        cutover_id = str(found["cutover_id"])
    except (ValueError, KeyError, TypeError) as fault:
        raise CommandFailed(Exit.USAGE, f"{file} 不是割接计划", f"{file} is no cutover plan: {fault!r}") from fault
    ask_planner(configured(config_path, data_dir), {"do": "start", "plan": found, "dry_run": dry_run})
    look = "report" if dry_run else "show"
    line = f"割接 {cutover_id} 已发出，用 bssgw cutover {look} {cutover_id} 查看 · sent, see bssgw cutover {look} {cutover_id}"
    emit(as_json, {"cutover_id": cutover_id, "dry_run": dry_run}, lambda: click.echo(line))


@click.command(epilog=EXIT_HELP)
@click.argument("cutover_id", required=False)
@store_options
@json_option
def report(cutover_id: str | None, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """资源系统所见的割接与试行差异。Cutovers as resource management sees them, and the differences of dry runs.

    \b
    例 Example:  bssgw cutover report CT1 --json
    """
    found = ask_planner(configured(config_path, data_dir), {"do": "report"})
    cutovers = {name: row for name, row in found["cutovers"].items() if cutover_id in (None, name)}
    dry_runs = {name: rows for name, rows in found["dry_runs"].items() if cutover_id in (None, name)}
    if cutover_id is not None and not cutovers and cutover_id not in found["dry_runs"]:
        raise CommandFailed(Exit.FAILED, f"资源系统没有割接 {cutover_id}", f"resource management has no cutover {cutover_id}")
    trying = [name for name in found["trying"] if cutover_id in (None, name)]

    def show() -> None:
        counted = [(name, row["state"], row["planned"], row["counts"]) for name, row in cutovers.items()]
        none = "bssgw cutover start FILE 启动一个 / bssgw cutover start FILE begins one"
        table("割接 cutovers", ("割接 id", "状态 state", "计划 planned", "结果 counts"), counted, none=none)
        for name, rows in dry_runs.items():
            ended = "未完 not complete" if name in trying else f"{len(rows)} 处差异 differences"
            columns = ("实例 instance", "字段 field", "应为 expected", "实为 found")
            cells = [(row["product_instance_id"], row["field"], row["expected"], row["found"]) for row in rows]
            table(f"试行 dry run {name} · {ended}", columns, cells)

    emit(as_json, {"cutovers": cutovers, "dry_runs": dry_runs, "trying": trying}, show)


@click.command(epilog=EXIT_HELP)
@click.argument("cutover_id")
@click.option("--reason", required=True, help="原因。Why.")
@click.option("--roll-back", is_flag=True, help="进行中的批次回退。Roll the running wave back.")
@store_options
@json_option
def cancel(
    cutover_id: str, reason: str, roll_back: bool, config_path: Path | None, data_dir: Path | None, as_json: bool
) -> None:
    """取消割接：未开始的批次不再做。Cancel a cutover: waves not begun are dropped.

    \b
    例 Example:  bssgw cutover cancel CT1 --reason "天气原因" --roll-back
    """
    asked = {"do": "cancel", "id": cutover_id, "reason": reason, "roll_back": roll_back}
    ask_planner(configured(config_path, data_dir), asked)
    emit(as_json, {"cutover_id": cutover_id}, lambda: click.echo(f"已请求取消 {cutover_id} · cancel asked for"))
