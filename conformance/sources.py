"""Data files of the suite: their values, where each stands, and what is wrong with them, with file and line."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from conformance.lines import LineFault, read_lines
from conformance.model import Line, Place
from schemas.toml_lines import KeyPath, key_lines, line_of


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong in a data file, said in both languages."""

    place: Place
    zh: str
    en: str

    @property
    def text(self) -> str:
        """One line: where, and what."""
        return f"{self.place}: {self.zh} / {self.en}"


class CasesInvalid(Exception):
    """The data files have faults; nothing runs."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(fault.text for fault in faults))
        self.faults = faults


@dataclass(slots=True)
class Blocks:
    """Lines, bodies and manners shared by name."""

    lines: dict[str, list[Line]] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    manners: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Source:
    """A data file: its values and where they stand."""

    name: str
    data: dict[str, Any]
    keys: dict[KeyPath, int]
    text: list[str]

    def place(self, *path: str | int) -> Place:
        """Where a key or table stands."""
        return Place(self.name, line_of(self.keys, path))

    def entry(self, n: int, *path: str | int) -> Place:
        """Where the ``n``-th (from 0) inline table of a list at ``path`` begins: one a line of text."""
        first = line_of(self.keys, path)
        at = first
        for number in range(first, len(self.text) + 1):
            line = self.text[number - 1].strip()
            if line.startswith(("{", '"')) or (number == first and ("{" in line or line.endswith(('"]', '",')))):
                if n == 0:
                    return Place(self.name, number)
                n -= 1
            if number > first and line.startswith("]"):
                break
            at = number
        return Place(self.name, at)


def open_source(path: Path, called: str = "") -> Source:
    """Read a data file; faults say it is ``called`` so (empty: its name). Raises CasesInvalid: unreadable, or no TOML."""
    try:
        text = path.read_text("utf-8")
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as fault:
        found = re.search(r"at line (\d+)", str(fault))
        place = Place(called or path.name, int(found[1]) if found else len(text.splitlines()) or 1)
        raise CasesInvalid([Fault(place, f"不是 TOML：{fault}", f"no TOML: {fault}")]) from fault
    except (OSError, UnicodeDecodeError) as fault:
        raise CasesInvalid([Fault(Place(called or path.name, 1), f"无法读取：{fault}", f"cannot be read: {fault}")]) from fault
    return Source(called or path.name, data, key_lines(text), text.splitlines())


def read_all(source: Source, entries: Any, blocks: Blocks, faults: list[Fault], *path: str | int) -> tuple[Line, ...]:
    """The lines of a list; a text in it names a block."""
    lines: list[Line] = []
    if isinstance(entries, str):
        entries = [entries]
    if not isinstance(entries, list):
        faults.append(Fault(source.place(*path), "须是行的列表", "must be a list of lines"))
        return ()
    for n, entry in enumerate(entries):
        place = source.entry(n, *path)
        if isinstance(entry, str):
            if entry not in blocks.lines:
                near = " ".join(get_close_matches(entry, blocks.lines, 3))
                zh, en = (f"，相近的有 {near}", f"; near it: {near}") if near else ("", "")
                faults.append(Fault(place, f"没有名为 {entry} 的公共段{zh}", f"no block is called {entry}{en}"))
            lines += blocks.lines.get(entry, [])
            continue
        try:
            lines += read_lines(entry, place)
        except LineFault as fault:
            faults += [Fault(place, zh, en) for zh, en in fault.found]
    return tuple(lines)
