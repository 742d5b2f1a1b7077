"""``bssgw status``: what a running gateway says of itself, what waits in its store, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit
from gateway.cli.settings import configured, json_option, store_options

if TYPE_CHECKING:
    from gateway.config.model import Config


@click.command(epilog=EXIT_HELP)
@store_options
@json_option
def status(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """运行中网关：要做什么、链路与队列、异常单、存储。

    The running gateway: what to do, links and queues, fallout records, storage.

    \b
    例 Examples:
      bssgw status
      bssgw status --json
    """
    from gateway.cli.status_view import tell, to_do
    from gateway.clock import wall_ms

    config = configured(config_path, data_dir)
    reply = _asked(config)
    found = {name: value for name, value in reply.items() if name != "ok"} | _stored(config)
    oldest = found.pop("oldest")
    for link in found["links"]:
        link["oldest"] = oldest.get(link["peer"])
    given = (("--config", config_path), ("--data-dir", data_dir))
    found["to_do"] = to_do(found, "".join(f" {name} {path}" for name, path in given if path is not None))
    emit(as_json, found, lambda: tell(found, wall_ms()))


def _asked(config: Config) -> dict[str, Any]:
    from gateway import control

    try:
        return control.ask(config.data_dir, {"do": "status"})
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


def _stored(config: Config) -> dict[str, Any]:
    """What the store says; where it cannot be read that is one more thing to tell, and all else is still told."""
    from adapters.store import attention_queries
    from gateway.cli.stores import reading

    try:
        with reading(config) as connection:
            classes = attention_queries.open_fallouts(connection)
            return {
                "fallouts": {"open": sum(classes.values()), "by_class": classes},
                "stranded": attention_queries.stranded(connection),
                "oldest": attention_queries.oldest_waiting(connection),
                "store_fault": None,
            }
    except CommandFailed as fault:
        return {"fallouts": None, "stranded": None, "oldest": {}, "store_fault": fault.message}
