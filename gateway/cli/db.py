"""``bssgw db``: the schema of the store."""

from __future__ import annotations

from pathlib import Path

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit
from gateway.cli.settings import configured, json_option, store_options


@click.group(epilog=EXIT_HELP)
def db() -> None:
    """数据库结构。The schema of the store.

    \b
    例 Example:  bssgw db status
    """


@db.command(epilog=EXIT_HELP)
@store_options
@json_option
def upgrade(config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """升级到本程序所需的结构；网关须已停止。Bring the schema up to date; the gateway must not be running.

    \b
    例 Example:  bssgw db upgrade --config bssgw.toml
    """
    from adapters.store.migration import upgrade as bring_up
    from gateway.cli.stores import database_errors
    from gateway.data_directory import held

    config = configured(config_path, data_dir)
    with database_errors(config), held(config.data_dir):
        before = bring_up(config.database_url)
    done = "已是最新 / already up to date" if before.is_current else f"{before.stored or '—'} → {before.needed}"
    value = {"before": before.stored, "now": before.needed, "changed": not before.is_current}
    emit(as_json, value, lambda: click.echo(f"数据库结构 schema: {done}"))


@db.command(epilog=EXIT_HELP)
@store_options
@json_option
@click.pass_context
def status(ctx: click.Context, config_path: Path | None, data_dir: Path | None, as_json: bool) -> None:
    """现有结构与所需结构；不一致时退出码为 1。Stored and needed revision; exit code 1 when they differ.

    \b
    例 Example:  bssgw db status --json
    """
    from adapters.store.migration import revisions
    from gateway.cli.stores import database_errors, store_file

    config = configured(config_path, data_dir)
    file = store_file(config)
    if file is not None and not file.exists():
        raise CommandFailed(
            Exit.FAILED,
            f"还没有数据库 {file}：先运行 bssgw run 或 bssgw db upgrade",
            f"there is no database {file} yet: run bssgw run or bssgw db upgrade first",
        )
    with database_errors(config):
        found = revisions(config.database_url)
    value = {"stored": found.stored, "needed": found.needed, "current": found.is_current}
    text = f"现有 stored {found.stored or '—'} · 需要 needed {found.needed}"
    emit(as_json, value, lambda: click.echo(text))
    ctx.exit(Exit.OK if found.is_current else Exit.FAILED)
