"""``bssgw watchdog`` and ``bssgw order why|resume``: what waits, for what, since when."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table, when
from gateway.cli.settings import area_option, configured, json_option, operator_option, store_options

if TYPE_CHECKING:
    from gateway.config.model import Config

Row = dict[str, Any]


@click.command(epilog=EXIT_HELP)
@click.option("--overdue", is_flag=True, help="只列已超时限的。Only those past their limit.")
@store_options
@json_option
def watchdog(overdue: bool, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """列出已受理而尚无最终结果的命令。List accepted commands without a terminal report, the longest waiting first.

    \b
    例 Example:  bssgw watchdog --overdue
    """
    from adapters.store import desk_queries
    from gateway.cli.stores import reading
    from gateway.clock import wall_ms
    from gateway.reference_data import build_reference
    from schemas.loader import load

    with reading(configured(config_path, data_dir)) as connection:
        rows = desk_queries.unanswered(connection, build_reference(load()))
    now = wall_ms()
    for row in rows:
        row["overdue"] = row["fallout"] is not None or (row["limit_at"] is not None and row["limit_at"] <= now)
    rows = [row for row in rows if row["overdue"] or not overdue]

    def show() -> None:
        columns = ("定单 order", "操作 operation", "流水号 serial", "自 since", "时限 limit", "超时 overdue", "异常单 fallout")
        table("", columns, [_row(row) for row in rows], none="没有命令在等结果 / no such command waits for its result")

    emit(as_json, {"commands": rows}, show)


def _row(row: Row) -> tuple[object, ...]:
    late = "是 yes" if row["overdue"] else ""
    return (row["order"], row["operation"], row["serial"], when(row["at"]), when(row["limit_at"]), late, row["fallout"])


AGES = ((7, "7 天内 within 7 days"), (30, "30 天内 within 30 days"), (90, "90 天内 within 90 days"))
"""Days a pending install has waited, and what the report calls it; beyond the last there is one more line."""
OLDEST = "超过 90 天 over 90 days"
DAY_MS = 86_400_000


@click.command(epilog=EXIT_HELP)
@area_option
@store_options
@json_option
def ageing(area: str | None, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """待装账龄：待装定单按等待时间列出。Pending installs by how long they have waited.

    \b
    例 Example:  bssgw order ageing --area 025
    """
    from adapters.store import desk_queries
    from gateway.cli.stores import reading
    from gateway.clock import wall_ms

    with reading(configured(config_path, data_dir)) as connection:
        rows = desk_queries.pending(connection, area=area)
    now = wall_ms()
    counts = dict.fromkeys([*(name for _, name in AGES), OLDEST], 0)
    for row in rows:
        row["days"] = (now - row["since"]) // DAY_MS
        counts[next((name for days, name in AGES if row["days"] < days), OLDEST)] += 1

    def show() -> None:
        table("账龄 ages", ("等待 waited", "定单数 orders"), list(counts.items()))
        columns = ("定单 order", "本地网 area", "缺 missing", "局 bureau", "原因 reason", "自 since", "天 days",
                   "排位 position", "征询至 offered until")  # fmt: skip
        table("待装 pending installs", columns, [_pending_row(row) for row in rows],
              none="没有待装定单 / no order waits to be installed")  # fmt: skip

    emit(as_json, {"ages": counts, "orders": rows}, show)


def _pending_row(row: Row) -> tuple[object, ...]:
    return (row["order"], row["area"], row["missing"], row["bureau"], row["reason"], when(row["since"]), row["days"],
            row["position"], when(row["offered_until"]))  # fmt: skip


@click.command(epilog=EXIT_HELP)
@click.argument("order_id")
@store_options
@json_option
def why(order_id: str, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """说明 ORDER_ID 在等什么、从何时起。Say in plain words what ORDER_ID waits for and since when.

    \b
    例 Example:  bssgw order why SO000000000001
    """
    from adapters.store import queries
    from gateway.cli.stores import reading
    from gateway.desk.why import waits

    config = configured(config_path, data_dir)
    with reading(config) as connection:
        ids = queries.service_order_ids(connection, order_id)
        found = [row for row in (queries.order(connection, name) for name in ids) if row is not None]
    if not found:
        raise CommandFailed(
            Exit.FAILED, f"没有定单 {order_id}：用 bssgw order list 查看", f"no order {order_id}: see bssgw order list"
        )
    links = _links(config)
    told = {row["id"]: [_told(wait) for wait in waits(row, links)] for row in found}

    def show() -> None:
        for row in found:
            click.echo(f"{row['id']} · {row['state']} · 自 since {when(row['since'])}")
            for wait in told[row["id"]]:
                until = f" · 至 until {when(wait['until'])}" if wait["until"] is not None else ""
                since = f" · 自 since {when(wait['since'])}" if wait["since"] is not None else ""
                click.echo(f"  {wait['zh']} / {wait['en']}{since}{until}")

    emit(as_json, told, show)


def _links(config: Config) -> dict[str, str]:
    """State of every link by peer; nothing where no gateway runs to be asked."""
    from gateway import control

    try:
        reply = control.ask(config.data_dir, {"do": "status"}, timeout=2.0)
    except (control.ControlUnreachable, control.ControlSilent):
        return {}
    return {row["peer"]: row["state"] for row in reply["links"]}


def _told(wait: Any) -> Row:
    return {"zh": wait.zh, "en": wait.en, "since": wait.since, "until": wait.until}


@click.command(epilog=EXIT_HELP)
@click.argument("order_id")
@click.option("--accept/--decline", required=True, help="同意或谢绝开装。Take or decline the offer.")
@click.option("--new-date", help="谢绝时：此日之前不再征询（yyyyMMddHHmmss）。Declining: not offered again before.")
@click.option("--reason", help="原因。Why.")
@operator_option
@store_options
@json_option
@click.pass_context
def resume(
    ctx: click.Context,
    order_id: str,
    accept: bool,
    new_date: str | None,
    reason: str | None,
    operator: str | None,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """答复待装定单 ORDER_ID 的开装征询。Answer the offer to install pending order ORDER_ID.

    \b
    例 Example:  bssgw order resume SO000000000001 --accept
    """
    from gateway.cli.asking import ask

    request = {"do": "resume", "id": order_id, "accept": accept, "new_date": new_date, "reason": reason}
    reply = ask(configured(config_path, data_dir), {**request, "operator": operator or getpass.getuser()})
    emit(as_json, reply, lambda: click.echo(f"{order_id}: {reply.get('code', '')} {reply['zh']} / {reply['en']}"))
    ctx.exit(Exit.OK if reply["ok"] else Exit.FAILED)
