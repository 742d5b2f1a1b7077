"""``bssgw request``: have the running CRM send a message a person asks for: a survey, a scheme, a reservation."""

from __future__ import annotations

import getpass
import json
import sys
from pathlib import Path
from typing import Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit
from gateway.cli.settings import configured, json_option, operator_option, store_options


@click.command(epilog=EXIT_HELP)
@click.argument("code")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True, allow_dash=True), default="-")
@operator_option
@store_options
@json_option
@click.pass_context
def request(
    ctx: click.Context,
    code: str,
    file: Path,
    operator: str | None,
    config_path: Path | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """让运行中的 CRM 发起报文 CODE（如 RC02 勘查、SD01 方案、RR01 预留），字段取自 FILE 或标准输入（JSON）。

    Have the running CRM send message CODE (RC02 survey, SD01 scheme, RR01 reservation ...), its fields in JSON from FILE or
    standard input. The answer comes after the request is durable; the same key again has no second effect.

    \b
    例 Example:  bssgw request RC02 survey.json --as OP025001
    """
    from gateway.cli.asking import ask

    body = _fields(file)
    asked = {"do": "request", "code": code, "body": body, "operator": operator or getpass.getuser()}
    reply = ask(configured(config_path, data_dir), asked)

    def show() -> None:
        details = " ".join(f"{name}={value}" for name, value in reply.get("details", ()))
        click.echo(f"{code}: {reply.get('code', '')} {reply['zh']} / {reply['en']} {details}".rstrip())
        for fault in reply.get("faults", ()):
            click.echo(f"    {fault['path']}  {fault['found']}  {fault['text']}")

    emit(as_json, reply, show)
    ctx.exit(Exit.OK if reply["ok"] else Exit.FAILED)


def _fields(file: Path) -> dict[str, Any]:
    """The message's fields. Raises CommandFailed."""
    try:
        text = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        body = json.loads(text)
    except (OSError, ValueError) as fault:
        raise CommandFailed(Exit.USAGE, f"读不了 {file}：{fault}", f"cannot read {file}: {fault}") from fault
    if not isinstance(body, dict):
        raise CommandFailed(Exit.USAGE, "字段须是一个 JSON 对象", "the fields are one JSON object")
    return body
