"""Tables as wide as there is room: headings beside or above each other, long text folded, else a row takes several lines, in as
few columns as fit; where that fits neither, a line a cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

ENDLESS = 100_000
"""Columns where nobody counts them: output that goes into a file or another program."""
TEXT = re.compile("[ \u4e00-\u9fff]")
"""What text has and names, numbers and addresses have not: these are copied, and never folded."""
STEPS = (2, 3)
"""Lines a row may take before a line a cell reads better."""
LEAST = 20
"""Columns folded text needs to be read."""
INSTANT = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)")
BETWEEN = re.compile("(?<=[\u4e00-\u9fff)）]) (?=[A-Za-z])")
"""Between the Chinese and the English of a heading."""

Rows = Sequence[Sequence[str]]


def draw(title: str, columns: Sequence[str], rows: Rows, width: int | None, out: Console) -> None:
    """Prints ``rows`` on ``out``, whose lines hold ``width`` columns; None: as many as it takes, one line a row."""
    if width is None:
        out.print(_made(title, columns, rows))
        return
    stacked = [BETWEEN.sub("\n", name, count=1) for name in columns]
    halved = [[INSTANT.sub("\\1\n\\2", cell) if INSTANT.fullmatch(cell) else cell for cell in row] for row in rows]
    for headings, cells in ((columns, rows), (stacked, rows), (stacked, halved)):
        made = _made(title, headings, cells)
        if _width(made) <= width:
            out.print(made)
            return
    folded = _made(title, stacked, halved, _text(halved, len(columns)))
    if _least(folded, stacked, halved) <= width:
        out.print(folded)
    else:
        out.print(_stepped(title, columns, rows, width) or _blocks(title, columns, rows))


def _made(title: str, columns: Sequence[str], rows: Rows, folded: Sequence[int] = ()) -> Table:
    """``folded``: numbers of the columns that give way where it gets narrow; none: all of them."""
    made = Table(
        title=escape(title) or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False, collapse_padding=True
    )
    for n, column in enumerate(columns):
        made.add_column(column, overflow="fold", no_wrap=bool(folded) and n not in folded)
    for row in rows:
        made.add_row(*map(escape, row))
    return made


def _width(made: Any) -> int:
    wide = Console(width=ENDLESS, emoji=False)
    return Measurement.get(wide, wide.options, made).maximum


def _text(rows: Rows, number: int) -> list[int]:
    """The columns that hold long text."""
    return [n for n in range(number) if any(_cells(row[n]) > LEAST and TEXT.search(row[n]) for row in rows)]


def _least(made: Table, headings: Sequence[str], rows: Rows) -> int:
    """The narrowest a table gets with its text folded."""
    texts = _text(rows, len(headings))
    widths = [max(_cells(headings[n]), *(_cells(row[n]) for row in rows)) for n in range(len(headings))]
    least = [max(LEAST, _cells(headings[n])) if n in texts else width for n, width in enumerate(widths)]
    return _width(made) - sum(widths) + sum(least)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return max(map(cell_len, text.split("\n")))


def _stepped(title: str, columns: Sequence[str], rows: Rows, width: int) -> Table | None:
    """Rows of two or three lines each under headings of as many; None where ``width`` is too little for that."""
    for steps in STEPS:
        across = -(-len(columns) // steps)
        made = Table(title=escape(title) or None, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
        for heading in _beneath(columns, across):
            made.add_column(heading, no_wrap=True)
        for row in rows:
            made.add_row(*_beneath(row, across), end_section=True)
        if _width(made) <= width:
            return made
    return None


def _beneath(cells: Sequence[str], across: int) -> list[str]:
    """``across`` cells: each with those that stand below it, which are drawn fainter."""
    padded = (*cells, *[""] * (-len(cells) % across))
    told = [escape(cell) if n < across or not cell else f"[dim]{escape(cell)}[/dim]" for n, cell in enumerate(padded)]
    return ["\n".join(told[first::across]) for first in range(across)]


def _blocks(title: str, columns: Sequence[str], rows: Rows) -> Table:
    """A line a cell, a rule between rows; what is empty is left out."""
    made = Table(title=escape(title) or None, box=box.SIMPLE, title_justify="left", pad_edge=False, show_header=False)
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for row in rows:
        for name, cell in zip(columns, row, strict=True):
            if cell:
                made.add_row(escape(name), escape(cell))
        made.add_section()
    return made
