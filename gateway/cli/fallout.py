"""``bssgw fallout``: the desk of records a person must look at; every action goes through the running gateway."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_core.fallout.actions import ACTIONS, Action
from gateway.cli.choosing import FALLOUT_STATE
from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table, when
from gateway.cli.settings import area_option, configured, json_option, limit_option, operator_option, store_options

if TYPE_CHECKING:
    from gateway.config.model import Config

Row = dict[str, Any]

BULK = 20
"""More records than this at once need ``--yes``."""


@click.group(epilog=EXIT_HELP)
def fallout() -> None:
    """异常单：查看、领取与处理。Fallout records: look, claim, act.

    \b
    例 Examples:
      bssgw fallout list
      bssgw fallout retry FO000000000001 --reason "对端已恢复"
      bssgw fallout complete FO000000000002 --reason "现场已竣工" --approved-by 李示例
      bssgw fallout retry --all --class not_sent --reason "对端已恢复" --dry-run
    """


def filters(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that choose records."""
    for option in (
        click.option("--owner", help="领取人。Who claimed it."),
        click.option("--order", help="服务定单。Service order."),
        area_option,
        click.option("--class", "error_class", help="差错类别，例如 overdue。Error class."),
    ):
        command = option(command)
    return command


@fallout.command("list", epilog=EXIT_HELP)
@click.option("--state", type=FALLOUT_STATE, help="状态；缺省为未关闭。State; default: not closed.")
@filters
@limit_option()
@store_options
@json_option
def list_(state: str | None, limit: int, config_path: Path | None, data_dir: Path | None, as_json: bool, **chosen: Any) -> None:
    """列出异常单，最早的在前。List records, oldest first.

    \b
    例 Example:  bssgw fallout list --class billing --area 025
    """
    rows = _chosen(configured(config_path, data_dir), state=state, limit=limit, **chosen)

    def show() -> None:
        columns = ("编号 id", "开立 opened", "类别 class", "代码 symbol", "定单 order", "报文 message", "状态 state",
                   "谁 owner", "原因 cause")  # fmt: skip
        table("", columns, [_list_row(row) for row in rows], none="没有等人处理的 / nothing of that kind waits for a person")

    emit(as_json, {"fallouts": rows}, show)


def _list_row(row: Row) -> tuple[object, ...]:
    return (row["id"], when(row["opened_at"]), row["error_class"], row["symbol"] or "—", row["service_order_id"],
            row["message_id"], row["state"], row["owner"], _cause(row))  # fmt: skip


def _cause(row: Row) -> str:
    """Why, in both languages; what a peer said in its own words, once."""
    return str(row["zh"]) if row["zh"] == row["en"] else f"{row['zh']} / {row['en']}"


def _chosen(config: Config, **wanted: Any) -> list[Row]:
    from adapters.store import desk_queries
    from gateway.cli.stores import reading

    with reading(config) as connection:
        return desk_queries.fallouts(connection, **wanted)


@fallout.command(epilog=EXIT_HELP)
@click.argument("fallout_id")
@store_options
@json_option
def show(fallout_id: str, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """显示异常单 FALLOUT_ID 及其处理经过。Show record FALLOUT_ID and what was done about it.

    \b
    例 Example:  bssgw fallout show FO000000000001
    """
    from adapters.store import desk_queries
    from gateway.cli.stores import reading

    with reading(configured(config_path, data_dir)) as connection:
        row = desk_queries.fallout(connection, fallout_id)
    if row is None:
        raise CommandFailed(
            Exit.FAILED,
            f"没有异常单 {fallout_id}：用 bssgw fallout list 查看",
            f"no record {fallout_id}: see bssgw fallout list",
        )

    def tell() -> None:
        click.echo(f"异常单 fallout {row['id']} · {row['error_class']} {row['symbol']} · {row['state']} {row['owner'] or ''}")
        click.echo(f"  {_cause(row)}")
        order, message = row["service_order_id"] or "—", row["message_id"] or "—"
        click.echo(f"  定单 order {order} · 报文 message {message} · {when(row['opened_at'])}")
        click.echo(f"  {json.dumps(row['about'], ensure_ascii=False)}")
        columns = ("时间 at", "谁 who", "动作 action", "原因 why", "审批 approved by", "前 before", "后 after")
        table("处理 actions", columns, [_action_row(entry) for entry in row["actions"]])

    emit(as_json, row, tell)


def _action_row(entry: Row) -> tuple[object, ...]:
    before, after = (f"{entry[name]['record']} {entry[name]['order'] or ''}" for name in ("before", "after"))
    return (when(entry["at"]), entry["who"], entry["what"], entry["why"], entry["approved_by"], before, after)


def _command(action: Action) -> click.Command:
    """One action as a command: on records named, or with ``--all`` on every open one the filters choose."""

    @filters
    @click.option("--all", "everything", is_flag=True, help="筛选出的全部。All that the filters choose.")
    @click.option("--dry-run", is_flag=True, help="只说明可否。Only say whether it may be.")
    @click.option("--yes", is_flag=True, help=f"超过 {BULK} 条也执行。Do it to more than {BULK} as well.")
    @operator_option
    @click.option("--reason", default="", help="原因。Why.")
    @click.option("--approved-by", default="", help="第二审批人。The second person.")
    @click.option("--set", "changes", multiple=True, metavar="NAME=VALUE", help="修改（edit）。What edit sets.")
    @click.argument("ids", nargs=-1)
    @store_options
    @json_option
    @click.pass_context
    def act(ctx: click.Context, /, **given: Any) -> None:
        config = configured(given["config_path"], given["data_dir"])
        ids = _ids(config, given)
        request = {
            "do": "fallout", "action": action.name, "operator": given["operator"] or getpass.getuser(),
            "reason": given["reason"], "approved_by": given["approved_by"], "dry_run": given["dry_run"],
            "changes": _pairs(given["changes"]),
        }  # fmt: skip
        results = [{"id": one, **_ask(config, {**request, "id": one})} for one in ids]
        emit(given["as_json"], results, lambda: click.echo("\n".join(_result_line(result) for result in results)))
        ctx.exit(Exit.OK if all(result["ok"] for result in results) else Exit.FAILED)

    more = ("（强制结果，须第二人审批）", "; forces a result: a second person approves") if action.ends else ("", "")
    given = (" --set NAME=VALUE" if action.message == "correct" else "") + (" --approved-by 李示例" if action.ends else "")
    text = f"{action.zh}：处理异常单 IDS{more[0]}。On the records IDS: {action.en}{more[1]}."
    shown = f"{text}\n\n\b\n例 Example:  bssgw fallout {action.name} FO000000000001 --reason 原因{given}"
    return click.command(action.name, help=shown, epilog=EXIT_HELP)(act)


def _ids(config: Config, given: Row) -> list[str]:
    chosen = {name: given[name] for name in ("error_class", "area", "order", "owner")}
    if given["everything"]:
        ids = [row["id"] for row in _chosen(config, limit=1000, **chosen)]
    else:
        ids = list(given["ids"])
    if not ids:
        raise CommandFailed(Exit.USAGE, "没有选中异常单：给出编号或 --all", "no record chosen: name some, or --all")
    if len(ids) > BULK and not given["yes"] and not given["dry_run"]:
        raise CommandFailed(
            Exit.USAGE,
            f"选中 {len(ids)} 条，超过 {BULK} 条：先 --dry-run，再加 --yes",
            f"{len(ids)} records are more than {BULK}: try --dry-run first, then add --yes",
        )
    return ids


def _pairs(texts: tuple[str, ...]) -> dict[str, str] | None:
    pairs = dict(text.partition("=")[::2] for text in texts)
    return pairs or None


def _ask(config: Config, request: Row) -> Row:
    from gateway.cli.asking import ask

    return ask(config, request)


def _result_line(result: Row) -> str:
    state = f" · {result['state']}" if result.get("state") else ""
    return f"{result['id']}: {result.get('code', '')} {result['zh']} / {result['en']}{state}"


for _action in ACTIONS.values():
    fallout.add_command(_command(_action))
