"""``bssgw config``: check a configuration file, print the example."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from gateway.cli.output import EXIT_HELP, Exit, emit
from gateway.cli.settings import json_option


@click.group(epilog=EXIT_HELP)
def config() -> None:
    """检查配置、取得示例。Check a configuration file, get the example.

    \b
    例 Example:  bssgw config example > bssgw.toml && bssgw config check bssgw.toml
    """


@config.command(epilog=EXIT_HELP)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@click.pass_context
def check(ctx: click.Context, file: Path, as_json: bool) -> None:
    """检查 FILE，一次列出全部错误。Check FILE and list every fault at once.

    \b
    例 Example:  bssgw config check bssgw.toml
    """
    from gateway.config.faults import ConfigError
    from gateway.config.file import load_file

    try:
        found = load_file(file, reach=True)
    except ConfigError as error:
        lines = error.lines()
        emit(as_json, {"ok": False, "faults": [asdict(f) for f in error.faults]}, lambda: click.echo("\n".join(lines)))
        ctx.exit(Exit.USAGE)
    peers = ", ".join(peer.id for peer in found.peer)
    emit(
        as_json,
        {"ok": True, "system_id": found.gateway.system_id, "peers": [peer.id for peer in found.peer], "faults": []},
        lambda: click.echo(f"{file}: 可以使用 / can be used · {found.gateway.system_id} · {peers}"),
    )


@config.command(epilog=EXIT_HELP)
@json_option
def example(as_json: bool) -> None:
    """打印带注释的示例。Print the commented example.

    \b
    例 Example:  bssgw config example > bssgw.toml
    """
    import tomllib

    from gateway.config.file import example_text

    text = example_text()
    emit(as_json, {"text": text, "config": tomllib.loads(text)}, lambda: click.echo(text, nl=False))
