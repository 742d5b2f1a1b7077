"""How commands speak: one value as a table for people or as JSON for programs, errors as one line, exit codes with meaning."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from typing import Any

import click


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    INTERRUPTED = 130
    UNREAD = 141


EXIT_HELP = (
    "退出码 Exit codes: 0 成功 ok · 1 未成功 failed · 2 用法或配置 usage or configuration · 3 连不上 unreachable"
    " · 130 被中断 interrupted"
)
JSON_ASKED = "bssgw.json"
"""Under this name a context's ``meta`` says whether the command line asks for JSON."""
LABELS = {"try": "试试 try:", "example": "例 example:", "help": "帮助 help:"}
"""What a call behind an error is, for people."""


class CommandFailed(click.ClickException):
    """A command cannot do its work: one line in both languages that says what to do, and an exit code.

    ``then`` holds calls that help, by a name in ``LABELS``; where JSON was asked for all of it is one JSON object in one line.
    """

    def __init__(
        self, code: Exit, zh: str, en: str, *, then: dict[str, str] | None = None, as_json: bool | None = None
    ) -> None:
        super().__init__(f"{zh} / {en}")
        self.exit_code = int(code)  # type: ignore[misc]
        self._said: dict[str, Any] = {"ok": False, "exit_code": int(code), "zh": zh, "en": en}
        self._then = then or {}
        ctx = click.get_current_context(silent=True)  # gone by the time this is shown
        self._as_json = bool(ctx is not None and ctx.meta.get(JSON_ASKED)) if as_json is None else as_json

    def show(self, file: Any = None) -> None:
        """On standard error."""
        out = file or sys.stderr
        if self._as_json:
            click.echo(json.dumps({**self._said, **self._then}, ensure_ascii=False), file=out)
            return
        click.echo(f"bssgw: {self.message}", file=out)
        for name, call in self._then.items():
            click.echo(f"  {LABELS[name]} {call}", file=out)


class Faults(CommandFailed):
    """A file or values with faults: one in the line itself; of several, a line that says so and one each with its place.  As
    JSON both languages list all of them, and ``faults`` has them one by one. A row: ``where``, ``zh``, ``en``, ``example``."""

    def __init__(self, zh: str, en: str, rows: list[dict[str, str]]) -> None:
        alone = rows[0] if len(rows) == 1 else None
        said = (f"{alone['where']}: {alone['zh']}", f"{alone['where']}: {alone['en']}") if alone else (zh, en)
        super().__init__(Exit.USAGE, *said)
        if alone is None:
            for key in ("zh", "en"):
                self._said[key] = "\n".join([self._said[key], *(f"  {row['where']}: {row[key]}" for row in rows)])
        self._said["faults"] = rows
        self._rows = rows

    def show(self, file: Any = None) -> None:
        """On standard error."""
        super().show(file)
        for row in () if self._as_json else self._rows:
            if len(self._rows) > 1:
                click.echo(f"  {row['where']}: {row['zh']} / {row['en']}", file=file or sys.stderr)
            if row.get("example"):
                click.echo(f"      例 example: {row['example']}", file=file or sys.stderr)


def unread() -> int:
    """Nobody reads standard output any more (``| head -1``): nothing more is written to it. Returns the exit code for that."""
    void = os.open(os.devnull, os.O_WRONLY)
    os.dup2(void, 1)
    os.close(void)
    return int(Exit.UNREAD)


class Interrupted(CommandFailed):
    """Ctrl-C before the command was done."""

    def __init__(self, *, as_json: bool = False) -> None:
        super().__init__(
            Exit.INTERRUPTED,
            "已中断，未做完；可以重新运行",
            "interrupted before it was done; it can be run again",
            as_json=as_json,
        )


def cut_short(failure: Any, as_json: bool) -> Any:
    """Errback of a command that runs under a reactor: Ctrl-C while it starts, and output nobody reads, end it with their exit
    codes. Raises SystemExit."""
    if failure.check(BrokenPipeError):
        raise SystemExit(unread())
    if failure.check(KeyboardInterrupt):
        interrupted = Interrupted(as_json=as_json)
        interrupted.show()
        raise SystemExit(interrupted.exit_code)
    return failure


def emit(as_json: bool, value: object, show: Callable[[], None]) -> None:
    """``value`` as JSON on standard output, or whatever ``show`` prints."""
    if as_json:
        click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=readable))
    else:
        show()


def listed(lines: Sequence[str], most: int = 20) -> None:
    """Findings, a line each, at most so many: a list nobody reads hides what is behind it. The JSON has all."""
    for line in lines[:most]:
        click.echo(line)
    if len(lines) > most:
        more = len(lines) - most
        click.echo(f"… 另有 {more} 处，--json 列出全部 / {more} more, --json lists all")


def readable(value: object) -> str:
    """What JSON has no form for: bytes as hex, anything else as text."""
    return bytes(value).hex() if isinstance(value, bytes | memoryview) else str(value)


def table(title: str, columns: Iterable[str], rows: Iterable[Iterable[object]], *, none: str = "") -> None:
    """A table on standard output: as wide as the terminal, one line a row elsewhere. Where there are no rows it says so, and
    ``none`` what would bring some."""
    shown = [["" if cell is None else str(cell) for cell in row] for row in rows]
    if not shown:
        say(" · ".join(filter(None, (title, "无 / none", none))))
        return
    from rich.console import Console

    from gateway.cli.tables import ENDLESS, draw

    on_terminal = sys.stdout.isatty()
    console = Console(width=None if on_terminal else ENDLESS, emoji=False)
    if on_terminal:
        draw(title, list(columns), shown, console.width, console)
        return
    with console.capture() as text:
        draw(title, list(columns), shown, None, console)
    click.echo("\n".join(line.rstrip() for line in text.get().splitlines()))


def columns() -> int | None:
    """Columns of the terminal; None where standard output is none."""
    if not sys.stdout.isatty():
        return None
    from shutil import get_terminal_size

    return get_terminal_size().columns


def say(text: str, indent: int = 0) -> None:
    """A line on standard output, folded between words where the terminal ends, under its own beginning."""
    if not sys.stdout.isatty():
        click.echo(" " * indent + text)
        return
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    Console(highlight=False).print(Padding(Text(text, overflow="fold"), (0, 0, 0, indent), expand=False))


def masked(name: str | None) -> str:
    """A person's name as lists show it: the first character, then asterisks."""
    return "" if not name else name[0] + "*" * (len(name) - 1)


def when(ms: int | None) -> str:
    """An instant for people: Asia/Shanghai, to the second."""
    from adapters.wire.times import wire_time

    if ms is None:
        return ""
    text = wire_time(ms)
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:]}"


def span(ms: int | None) -> str:
    """A duration for people."""
    if ms is None:
        return ""
    seconds = ms / 1000
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86_400)
    if hours >= 48:
        return f"{days}d{hours % 24:02d}h"
    if minutes >= 120:
        return f"{hours}h{minutes % 60:02d}m"
    return f"{seconds:.1f}s" if seconds < 120 else f"{minutes}m{int(seconds % 60):02d}s"
