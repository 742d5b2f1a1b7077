"""``bssgw link``: the links of a running gateway, stopped and resumed by a person."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.cli.asking import ask
from gateway.cli.output import EXIT_HELP, Exit, emit, table
from gateway.cli.settings import configured, json_option, operator_option, store_options


@click.group(epilog=EXIT_HELP)
def link() -> None:
    """链路：查看、停止、恢复。Links: look at them, stop, resume.

    \b
    例 Examples:
      bssgw link list
      bssgw link resume PF0001 --reason "口令已改"
    """


@link.command("list", epilog=EXIT_HELP)
@store_options
@json_option
def list_(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """列出链路、状态、当前地址与队列。List links with state, address in use and queue.

    \b
    例 Example:  bssgw link list
    """
    rows = ask(configured(config_path, data_dir), {"do": "status"})["links"]

    def show() -> None:
        columns = ("对端 peer", "角色 role", "状态 state", "地址 address", "停因 stopped", "排队 waiting", "在途 under way")
        names = ("peer", "role", "state", "address", "stopped", "waiting", "under_way")
        none = "配置中没有可连的 [[peer]] / the configuration has no [[peer]] to link to"
        table("", columns, [[row[name] for name in names] for row in rows], none=none)

    emit(as_json, {"links": rows}, show)


def _command(action: str, text: str) -> click.Command:
    @click.argument("peer")
    @click.option("--reason", required=True, help="原因。Why.")
    @operator_option
    @store_options
    @json_option
    @click.pass_context
    def act(
        ctx: click.Context,
        peer: str,
        reason: str,
        operator: str | None,
        config_path: Path | None,
        data_dir: Path | None,
        as_json: bool,
    ) -> None:
        request = {"do": "link", "action": action, "peer": peer, "reason": reason, "operator": operator or getpass.getuser()}
        reply = ask(configured(config_path, data_dir), request)
        emit(as_json, reply, _teller(peer, reply))
        ctx.exit(Exit.OK if reply["ok"] else Exit.FAILED)

    shown = f"{text}\n\n\b\n例 Example:  bssgw link {action} PF0001 --reason 维护"
    return click.command(action, help=shown, epilog=EXIT_HELP)(act)


def _teller(peer: str, reply: dict[str, Any]) -> Callable[[], None]:
    state = f" · {reply['state']}" if reply.get("state") else ""
    return lambda: click.echo(f"{peer}: {reply.get('code', '')} {reply['zh']} / {reply['en']}{state}")


link.add_command(_command("stop", "停止链路 PEER：报文留在发件箱。Stop link PEER: messages stay in the outbox."))
link.add_command(_command("resume", "恢复链路 PEER。Let link PEER go on."))
