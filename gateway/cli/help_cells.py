"""Help that keeps to the terminal's columns: a Chinese character takes two of them, which click counts as one."""

from __future__ import annotations

from collections.abc import Iterable
from unicodedata import east_asian_width

import click

FILLER = "\ue000"
"""Stands behind a character of two columns while lines are laid out; no text of ours holds it."""


class CellFormatter(click.HelpFormatter):
    """click's formatter, measured in columns."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        super().__init__(indent_increment, width, max_width)
        self.width -= 1  # a long word may be cut between a character and its filler

    def write_usage(self, prog: str, args: str = "", prefix: str | None = None) -> None:
        """The line that says how a command is called."""
        super().write_usage(prog, spaced(args), prefix)

    def write_text(self, text: str) -> None:
        """A paragraph."""
        super().write_text(spaced(text))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Options or commands, each with what it is for."""
        super().write_dl([(spaced(name), spaced(about)) for name, about in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        """The help."""
        return super().getvalue().replace(FILLER, "")


def spaced(text: str) -> str:
    """``text`` as long as it is wide."""
    return "".join(f"{sign}{FILLER}" if east_asian_width(sign) in "WF" else sign for sign in text)


def install() -> None:
    """Every command's help is laid out so."""
    click.Context.formatter_class = CellFormatter
