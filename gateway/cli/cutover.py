"""``bssgw cutover``: what cutovers did to the product instances (spec 5.12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.choosing import CUTOVER_STATE
from gateway.cli.cutover_planning import cancel, plan, report, start
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table, when
from gateway.cli.settings import area_option, configured, json_option, limit_option, store_options

Row = dict[str, Any]

NONE = "bssgw cutover plan 起草一个 / bssgw cutover plan drafts one"
"""What would bring cutovers."""


@click.group(epilog=EXIT_HELP)
def cutover() -> None:
    """查看割接；在资源系统的模拟台上计划、试行、启动、取消割接。

    Look at cutovers; plan, try, start and cancel them at the desk of simulated resource management, where they begin (5.12).

    \b
    例 Examples:
      bssgw cutover plan CT1 --res-type PORT --from SZYQ01 --to SZNS01 --area 0512 --out plan.json
      bssgw cutover start plan.json --dry-run && bssgw cutover report CT1
      bssgw cutover start plan.json && bssgw cutover show CT1
    """


def _names() -> dict[str, str]:
    """State code -> both texts, from the code table."""
    from schemas.loader import load

    return {row.code: f"{row.code} {row.zh} {row.en}" for row in load().table("cutover_states").rows.values()}


@cutover.command("list", epilog=EXIT_HELP)
@click.option("--state", type=CUTOVER_STATE, help="状态编码，例如 2。Code of a state.")
@area_option
@limit_option()
@store_options
@json_option
def list_(
    state: str | None, area: str | None, limit: int, config_path: Path | None, data_dir: Path | None, as_json: bool
) -> None:
    """列出割接，新的在前。List cutovers, newest first.

    \b
    例 Example:  bssgw cutover list --state 2
    """
    from adapters.store.cutover_queries import cutovers
    from gateway.cli.stores import reading

    with reading(configured(config_path, data_dir)) as connection:
        rows = cutovers(connection, state=state, area=area, limit=limit)

    def show() -> None:
        names = _names()
        columns = ("割接 id", "区域 area", "状态 state", "计划 planned", "完成 done", "失败 failed", "排除 excluded",
                   "冻结至 frozen until", "告警 alarm")  # fmt: skip
        table("", columns, [_list_row(row, names) for row in rows], none=NONE)

    emit(as_json, {"cutovers": rows}, show)


def _list_row(row: Row, names: dict[str, str]) -> tuple[object, ...]:
    return (row["id"], row["area"], names.get(row["state"], row["state"]), row["planned"], row["done"], row["failed"],
            row["excluded"], when(row["freeze_end"]), when(row["alarmed_at"]))  # fmt: skip


@cutover.command(epilog=EXIT_HELP)
@click.argument("cutover_id")
@click.option("--item-state", help="只列此状态的实例，例如 failed。Only instances in this state.")
@limit_option(100, 10_000)
@store_options
@json_option
def show(
    cutover_id: str, item_state: str | None, limit: int, config_path: Path | None, data_dir: Path | None, as_json: bool
) -> None:
    """显示割接 CUTOVER_ID：冻结、受阻定单、每个实例的结果、历史。

    Show one cutover: freeze, blocking orders, each instance's result, history.

    \b
    例 Example:  bssgw cutover show CT02520261201000001 --item-state failed
    """
    from adapters.store.cutover_queries import cutover as find
    from gateway.cli.stores import reading

    with reading(configured(config_path, data_dir)) as connection:
        found = find(connection, cutover_id, item_state=item_state, limit=limit)
    if found is None:
        raise CommandFailed(
            Exit.FAILED,
            f"没有割接 {cutover_id}：用 bssgw cutover list 查看",
            f"no cutover {cutover_id}: see bssgw cutover list",
        )
    emit(as_json, found, lambda: _tell(found))


def _tell(found: Row) -> None:
    names = _names()
    click.echo(f"割接 cutover {found['id']} · {found['area']} · {names.get(found['state'], found['state'])}")
    click.echo(f"  冻结窗口 freeze window {when(found['freeze_begin'])} – {when(found['freeze_end'])}")
    counts = " · ".join(f"{state} {number}" for state, number in found["counts"].items())
    click.echo(f"  计划 planned {found['planned']} · {counts}")
    table(
        "实例 instances",
        ("实例 instance", "状态 state", "受阻定单 blocking orders", "原因 reason"),
        [
            (item["instance_id"], item["state"], " ".join(item["blocking"]), (item["reason"] or {}).get("text"))
            for item in found["items"]
        ],
    )
    table(
        "历史 history",
        ("时间 at", "输入 input", "从 from", "到 to", "谁 actor", "说明 detail"),
        [(when(h["at"]), h["input"], h["state_from"], h["state_to"], h["actor"], h["detail"]) for h in found["history"]],
    )


for _command in (plan, start, report, cancel):
    cutover.add_command(_command)
