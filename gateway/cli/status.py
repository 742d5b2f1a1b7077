"""``bssgw status``: what a running gateway says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, table
from gateway.cli.settings import configured, json_option, store_options


@click.command(epilog=EXIT_HELP)
@store_options
@json_option
def status(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """运行中网关的链路与队列。Links and queues of the running gateway.

    \b
    例 Example:  bssgw status --json
    """
    from gateway import control

    config = configured(config_path, data_dir)
    try:
        reply = control.ask(config.data_dir, {"do": "status"})
    except control.ControlUnreachable as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"{config.data_dir} 没有运行中的网关：用 bssgw run 启动，或用 --data-dir 指明它的目录",
            f"no gateway runs on {config.data_dir}: start one with bssgw run, or name its directory with --data-dir",
        ) from fault
    except control.ControlSilent as fault:
        raise CommandFailed(
            Exit.UNREACHABLE,
            f"{config.data_dir} 的网关没有应答：查看 {config.log_dir} 的日志",
            f"the gateway of {config.data_dir} gave no answer: see its log in {config.log_dir}",
        ) from fault
    found = {name: value for name, value in reply.items() if name != "ok"}
    emit(as_json, found, lambda: _tell(found))


def _tell(found: dict[str, Any]) -> None:
    for name, value in found.items():
        rows = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
        if rows:
            columns = list(dict.fromkeys(key for row in rows for key in row))
            table(name, columns, [[row.get(column) for column in columns] for row in rows])
        elif not isinstance(value, list | dict):
            click.echo(f"{name}: {value}")
