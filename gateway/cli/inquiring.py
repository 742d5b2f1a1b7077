"""``bssgw order ask``: what provisioning says of an order, asked without effect (spec 5.5); the answer is kept."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Any

import click

from gateway.cli.output import EXIT_HELP, Exit, emit, table, when
from gateway.cli.settings import configured, json_option, operator_option, store_options

Row = dict[str, Any]
OPERATIONS = ("amend", "cancel", "defer", "lock")


@click.command(epilog=EXIT_HELP)
@click.argument("order_id")
@click.option(
    "--operation",
    type=click.Choice(OPERATIONS),
    help="试算此操作将回退什么；缺省：查询进度。What it would undo; default: progress.",
)
@click.option("--by", type=click.Choice(("order", "customer-order", "instance", "number")), default="order", show_default=True,
              help="ORDER_ID 是什么。What ORDER_ID is: an order, or a key under which every order is asked for.")
@click.option("--range", "span", nargs=2, metavar="BEGIN END", help="按号码：受理时间范围。For a number: when received.")
@click.option("--area", metavar="AREA", help="按号码时：其本地网，例如 025。For a number: its area, e.g. 025.")
@operator_option
@store_options
@json_option
@click.pass_context
def ask(
    ctx: click.Context,
    order_id: str,
    operation: str | None,
    by: str,
    span: tuple[str, str] | None,
    area: str | None,
    operator: str | None,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """向服务开通询问定单 ORDER_ID 的进度，或某项操作可否、将回退什么；应答到达后见 bssgw order show。

    Ask provisioning how far ORDER_ID is, or whether an operation would be allowed and what it would undo, without effect.
    The answer is shown by bssgw order show once it has come.

    \b
    例 Example:  bssgw order ask SO000000000001 --operation cancel && bssgw order show SO000000000001
    """
    from gateway.cli import asking

    if by != "order" and operation is not None:
        raise click.UsageError("--operation 只用于定单 / --operation is for an order only")
    request = {
        "do": "inquire", "id": order_id, "operation": operation, "operator": operator or getpass.getuser(), "by": by,
        "area": area, "range": {"begin": span[0], "end": span[1]} if span else None,
    }  # fmt: skip
    reply = asking.ask(configured(config_path, data_dir), request)
    emit(as_json, reply, lambda: click.echo(f"{order_id}: {reply.get('code', '')} {reply['zh']} / {reply['en']}"))
    ctx.exit(Exit.OK if reply["ok"] else Exit.FAILED)


def tell_answers(details: Row) -> None:
    """The latest answers, for people."""
    process = details.get("process")
    if process is not None:
        state, version = process["state"], process["version"]
        click.echo(f"服务开通进度 at provisioning: {state} · 版本 version {version} · {when(process['at'])}")
        table(
            "",
            ("工单 work order", "环节 stage", "状态 state", "派发 created", "完成 finished"),
            [(w["id"], w["stage"], w["state"], w["created"], w.get("finished")) for w in process.get("work_orders", ())],
        )
    rows = [
        (operation, row["item_id"], row["allowed"], row["point_of_no_return"], _stages(row), when(known["at"]))
        for operation, known in details.get("inquiries", {}).items()
        for row in known.get("answer", ())
    ]
    if rows:
        columns = ("操作 operation", "项 item", "可否 allowed", "不可逆点 no return", "将回退 would undo", "应答 at")
        table("试算 inquiries", columns, rows)


def _stages(row: Row) -> str:
    return " ".join(f"{stage['code']} {stage['name']}" for stage in row.get("would_undo", ()))
