"""Where each key of a TOML text stands, so that an error about a value can name its line.

``tomllib`` gives values without positions.  This reader follows only what positions need: table headers, arrays of
tables, (dotted) keys, and strings and brackets so that multi-line values do not look like keys.  The text is known to
be valid TOML when it is asked.
"""

from __future__ import annotations

import re

KeyPath = tuple[str | int, ...]

_HEADER = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(#.*)?$")
_KEY_PART = re.compile(r"""\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*([.=]?)""")


def _parts(text: str) -> tuple[tuple[str, ...], int]:
    """A dotted key at the start of ``text``: its parts and where the rest begins (behind ``=``)."""
    parts: list[str] = []
    position = 0
    while match := _KEY_PART.match(text, position):
        parts.append(next(group for group in match.groups()[:3] if group is not None))
        position = match.end()
        if match.group(4) != ".":
            break
    return tuple(parts), position


class _Value:
    """Follows a value over lines: open brackets and open multi-line strings keep it going."""

    def __init__(self) -> None:
        self.depth = 0
        self.quote = ""

    def feed(self, line: str) -> bool:
        """Take a line; True when the value goes on in the next one."""
        position = 0
        while position < len(line):
            if self.quote:
                position = self._in_string(line, position)
                continue
            char = line[position]
            if char == "#":
                break
            if char in "\"'":
                self.quote = char * 3 if line.startswith(char * 3, position) else char
                position += len(self.quote)
                continue
            self.depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(char, 0)
            position += 1
        if len(self.quote) == 1:
            self.quote = ""
        return bool(self.quote) or self.depth > 0

    def _in_string(self, line: str, position: int) -> int:
        if self.quote.startswith('"') and line[position] == "\\":
            return position + 2
        if line.startswith(self.quote, position):
            position += len(self.quote)
            self.quote = ""
            return position
        return position + 1


def key_lines(text: str) -> dict[KeyPath, int]:
    """Line (from 1) of every table and key by its path; tables of an array are numbered from 0."""
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    value: _Value | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if value is not None:
            value = value if value.feed(line) else None
            continue
        header = _HEADER.match(line)
        if header is not None:
            table = _enter(_parts(header.group(2))[0], header.group(1) == "[[", counts)
            lines.setdefault(table, number)
            continue
        parts, rest = _parts(line)
        if not parts:
            continue
        for size in range(1, len(parts) + 1):
            lines.setdefault(table + parts[:size], number)
        value = _Value()
        value = value if value.feed(line[rest:]) else None
    return lines


def _enter(parts: tuple[str, ...], is_array: bool, counts: dict[KeyPath, int]) -> KeyPath:
    """The path a header opens: an array of tables gets its next number, a table inside one belongs to its newest."""
    path: KeyPath = ()
    for part in parts[:-1]:
        path += (part,)
        if path in counts:
            path += (counts[path] - 1,)
    path += (parts[-1],)
    if is_array:
        counts[path] = counts.get(path, 0) + 1
        return (*path, counts[path] - 1)
    if path in counts:
        return (*path, counts[path] - 1)
    return path


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int:
    """The line of a key, or of the nearest table around it that stands in the text; 1 where nothing does."""
    for size in range(len(path), 0, -1):
        if path[:size] in lines:
            return lines[path[:size]]
    return 1
