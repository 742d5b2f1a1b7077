"""``bssgw order``: submit orders, list them, show everything about one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.choosing import ORDER_STATE
from gateway.cli.inquiring import ask
from gateway.cli.order_example import example
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, masked, span, table, when
from gateway.cli.settings import area_option, configured, json_option, limit_option, store_options
from gateway.cli.waiting import ageing, resume, why

if TYPE_CHECKING:
    from gateway.config.model import Config

Row = dict[str, Any]

NONE = "放宽条件，或 bssgw order submit FILE 提交 / widen the filter, or bssgw order submit FILE"
"""What would bring orders."""


@click.group(epilog=EXIT_HELP)
def order() -> None:
    """提交与查看定单。Submit orders and look at them.

    \b
    例 Examples:
      bssgw order example > order.xml && bssgw order submit order.xml
      bssgw order show SO000000000001
    """


@order.command(epilog=EXIT_HELP)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False, exists=True))
@store_options
@json_option
@click.pass_context
def submit(ctx: click.Context, files: tuple[Path, ...], config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """把 FILES（SubmitOrder 或完整 Package）交给运行中的网关，逐个打印回执。

    Hand FILES (a SubmitOrder element or a whole Package) to the running gateway and print each receipt.  The receipt comes
    after the order is durable; the same file again is answered as a duplicate, never a second order.

    \b
    例 Example:  bssgw order submit order.xml && bssgw order list
    """
    config = configured(config_path, data_dir)
    results = [_submit_one(config, path) for path in files]

    def show() -> None:
        for result in results:
            click.echo(_receipt_line(result))
            for fault in result.get("faults", ()):
                click.echo(f"    {fault['path']}  {fault['found']}  {fault['text']}")

    emit(as_json, results, show)
    ctx.exit(Exit.OK if all(result["ok"] for result in results) else Exit.FAILED)


def _submit_one(config: Config, path: Path) -> Row:
    from gateway import control

    try:
        reply = control.submit(config.data_dir, path.read_bytes())
    except control.ControlUnreachable as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"{config.data_dir} 没有运行中的网关：在另一个终端运行 bssgw run --with-simulators 后重试",
            f"no gateway runs on {config.data_dir}: start one in another terminal with bssgw run --with-simulators, try again",
        ) from fault
    except control.ControlSilent as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"网关没有应答（{path} 可能已受理）：用 bssgw status 查看，稍后提交同一文件，不会重复受理",
            f"the gateway gave no answer ({path} may have been accepted): see bssgw status, submit the same file again later;"
            " it is never accepted twice",
        ) from fault
    except OSError as fault:
        raise CommandFailed(Exit.USAGE, f"读不了 {path}：{fault.strerror}", f"cannot read {path}: {fault.strerror}") from fault
    return {"file": str(path), **reply}


def _receipt_line(result: Row) -> str:
    if "code" not in result:
        return f"{result['file']}: {result['zh']} / {result['en']}"
    details = " ".join(f"{name}={value}" for name, value in result["details"])
    return f"{result['file']}: {result['code']} {result['text']} {details}".rstrip()


@order.command("list", epilog=EXIT_HELP)
@click.option("--state", type=ORDER_STATE, help="状态，例如 IN_PROGRESS。State.")
@area_option
@click.option("--customer", help="客户标识。Customer id.")
@limit_option()
@click.option("--after", help="从此定单之后继续（翻页）。Go on behind this order id.")
@store_options
@json_option
def list_(
    state: str | None,
    area: str | None,
    customer: str | None,
    limit: int,
    after: str | None,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """列出定单，新的在前。List orders, newest first.

    \b
    例 Example:  bssgw order list --state IN_PROGRESS --area 025 --limit 20
    """
    from adapters.store import queries
    from gateway.cli.stores import reading

    with reading(configured(config_path, data_dir)) as connection:
        rows = queries.orders(connection, state=state, area=area, customer=customer, after=after, limit=limit)

    def show() -> None:
        columns = ("定单 order", "客户定单 customer order", "客户 customer", "本地网 area", "产品 product", "动作 action",
                   "状态 state", "环节 stage", "受理 captured")  # fmt: skip
        table("", columns, [_list_row(row) for row in rows], none=NONE)
        if len(rows) == limit:
            click.echo(f"更多 more: bssgw order list --after {rows[-1]['id']}")

    emit(as_json, {"orders": rows, "next": rows[-1]["id"] if len(rows) == limit else None}, show)


def _list_row(row: Row) -> tuple[object, ...]:
    return (row["id"], row["customer_order_id"], row["customer_id"], row["area"], ", ".join(row["products"]), row["action"],
            row["state"], row["stage"], when(row["captured_at"]))  # fmt: skip


@order.command(epilog=EXIT_HELP)
@click.argument("order_id")
@click.option("--mermaid", is_flag=True, help="只打印 Mermaid 时序图。Print the sequence as Mermaid only.")
@store_options
@json_option
def show(order_id: str, mermaid: bool, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """显示 ORDER_ID（服务定单或客户定单）的一切。Show everything about ORDER_ID, a service or a customer order.

    Head, items, stages, clocks, history, messages and the message sequence.

    \b
    例 Example:  bssgw order show SO000000000001 --mermaid
    """
    from adapters.store import queries
    from gateway.cli.sequence import draw_mermaid, steps
    from gateway.cli.stores import reading

    config = configured(config_path, data_dir)
    us = config.gateway.system_id
    with reading(config) as connection:
        ids = queries.service_order_ids(connection, order_id)
        found = [row for row in (queries.order(connection, name) for name in ids) if row is not None]
    if not found:
        raise CommandFailed(
            Exit.FAILED, f"没有定单 {order_id}：用 bssgw order list 查看", f"no order {order_id}: see bssgw order list"
        )
    for row in found:
        if row["customer"] is not None:
            row["customer"]["name"] = masked(row["customer"]["name"])
        row["mermaid"] = draw_mermaid(us, steps(us, row["messages"]))
    if mermaid and not as_json:
        click.echo("\n".join(row["mermaid"] for row in found))
        return

    def tell() -> None:
        from gateway.cli.order_view import tell_order

        for row in found:
            tell_order(us, row)

    emit(as_json, found if len(found) > 1 else found[0], tell)


def duration(row: Row) -> str:
    """From capture to end, or nothing while the order is open."""
    return "" if row["ended_at"] is None else span(row["ended_at"] - row["captured_at"])


order.add_command(why)
order.add_command(ageing)
order.add_command(resume)
order.add_command(ask)
order.add_command(example)
