"""Groups of commands that know their commands by name and import one only when it is called: help stays quick."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

Commands = dict[str, tuple[str, str]]
"""Command -> where it stands (``module:attribute``) and its line in the list of commands."""


class LazyGroup(click.Group):
    """A group over a table of commands: ``@click.group(cls=LazyGroup, table=COMMANDS)``."""

    def __init__(self, *args: Any, table: Commands, **options: Any) -> None:
        super().__init__(*args, **options)
        self._table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table."""
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now."""
        if cmd_name not in self._table:
            return None
        module, _, attribute = self._table[cmd_name][0].partition(":")
        found: Any = getattr(import_module(module), attribute)
        return found if isinstance(found, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands from the table, without importing any."""
        with formatter.section("Commands 命令"):
            formatter.write_dl([(name, line) for name, (_, line) in self._table.items()])
