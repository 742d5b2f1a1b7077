"""Help that keeps to the terminal's columns: a Chinese character takes two of them, which click counts as one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from unicodedata import east_asian_width

import click

MAY_END = "\ue001"
"""Stands with a blank behind a mark where a line may end; both go again."""
_MAY_END = re.compile(f"{MAY_END} ?")
FILLER = "\ue000"
"""Stands behind a character of two columns while lines are laid out; no text of ours holds it."""
_MARKS = re.compile(f"[。，；：、）]{FILLER}(?![。，；：、）])")


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
        super().write_text(breakable(spaced(text)))

    def write_dl(self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2) -> None:
        """Options or commands, each with what it is for."""
        super().write_dl([(spaced(name), breakable(spaced(about))) for name, about in rows], col_max, col_spacing)

    def getvalue(self) -> str:
        """The help."""
        return _MAY_END.sub("", super().getvalue().replace(FILLER, ""))


def spaced(text: str) -> str:
    """``text`` as long as it is wide."""
    return "".join(f"{sign}{FILLER}" if east_asian_width(sign) in "WF" else sign for sign in text)


def breakable(text: str) -> str:
    """``text`` with a place to end a line behind each Chinese punctuation mark: there is no blank in such text, and click would
    end its lines anywhere."""
    return _MARKS.sub(f"\\g<0>{MAY_END} ", text)


def short_help(command: click.Command, limit: int = 0) -> str:
    """A command's line in the list of its group: how its help begins in both languages, each to a natural end and never cut."""
    paragraphs = [" ".join(one.split()) for one in (command.help or "").split("\b")[0].split("\n\n")]
    first = paragraphs[0]
    seam = _SEAM.search(first)
    zh, en = (first[: seam.start()], first[seam.end() :]) if seam is not None else (first, "".join(paragraphs[1:2]))
    return f"{_beginning(zh, _ENDS_ZH)}。{_beginning(en, _ENDS_EN)}."


_SEAM = re.compile("。(?=[A-Z])")
"""Where the Chinese of a paragraph ends and its English begins."""
_ENDS_ZH = re.compile("[。；]|：")
_ENDS_EN = re.compile(r"[.;](?=\s|$)|:(?=\s)")
_LEAST = {"：": 8, ":": 20}
"""What stands before a colon is a beginning of its own only when it says as much, in characters."""


def _beginning(text: str, ends: re.Pattern[str]) -> str:
    """``text`` up to its first end that stands in no brackets."""
    for found in ends.finditer(text):
        head = text[: found.start()]
        closed = head.count("（") + head.count("(") == head.count("）") + head.count(")")
        if closed and len(head) >= _LEAST.get(found[0], 0):
            return head
    return text.rstrip("。.")


def install() -> None:
    """Every command's help is laid out so."""
    click.Context.formatter_class = CellFormatter
    click.Command.get_short_help_str = short_help  # type: ignore[method-assign,assignment]
