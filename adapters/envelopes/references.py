"""Temporary ids and functions in a list of operations, resolved before anybody applies anything (spec 05.1).

``$-1001$`` stands for what an earlier operation of the same message made; ``:getCustIdByExtId(lan,,ext,$-1$)`` for what the
receiver finds, once and exactly once, and binds a temporary id nothing else has to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.document import Fault
from schemas.model import EnvelopeFunction

Find = Callable[[str, str, dict[str, str]], list[str]]
"""Table, column and what its rows must have by column -> the different values there are, two at most."""

TEMPORARY = re.compile(r"\$-([0-9]{1,12})\$")
MOST_CALLS = 200
"""Functions of one message that are asked for; each is a look into somebody's records."""
_NARROWING = frozenset(("area", "product"))
"""Columns that name nobody: the only line of a product in an area is not whom somebody meant."""
_FUNCTION = re.compile(r":(\w{1,64})\((.{0,400})\)", re.DOTALL)


def nothing(table: str, column: str, by: dict[str, str]) -> list[str]:
    """Where nobody keeps records, nothing is found."""
    return []


class References:
    """The references of one message. ``faults`` are all that was wrong, ``symbols`` what results they call for."""

    def __init__(self, functions: tuple[EnvelopeFunction, ...], find: Find, area_in: Callable[[str], str]) -> None:
        self._functions = {row.name: row for row in functions}
        self._find = find
        self._area_in = area_in
        self._bound: dict[str, str] = {}
        self._calls = 0
        self.faults: list[Fault] = []
        self.symbols: list[str] = []

    def bind(self, number: str, value: str, path: str) -> None:
        """An operation made ``value``, and calls it so."""
        if number in self._bound:
            self._fault(path, "unique", f"$-{number}$", "临时标识重复定义", "this temporary id is given twice")
        self._bound.setdefault(number, value)

    def value(self, text: str, path: str, *, own: bool = False) -> str:
        """What a value stands for; itself where it is no reference, or (``own``) the temporary id about to be given."""
        found = TEMPORARY.fullmatch(text)
        if found is not None and not own:
            return self._temporary(found.group(1), path)
        called = _FUNCTION.fullmatch(text)
        return text if called is None else self._call(called.group(1), called.group(2).split(","), text, path)

    def _temporary(self, number: str, path: str) -> str:
        if number not in self._bound:
            self._fault(path, "bound", f"$-{number}$", "此前没有操作定义该临时标识", "no earlier operation gives this id")
        return self._bound.get(number, "")

    def _call(self, name: str, arguments: list[str], text: str, path: str) -> str:
        self._calls += 1
        if self._calls > MOST_CALLS:
            if self._calls == MOST_CALLS + 1:
                zh, en = f"函数多于 {MOST_CALLS} 个", f"more than {MOST_CALLS} functions"
                self._fault(path, "functions", str(self._calls), zh, en)
            return ""
        row = self._functions.get(name)
        if row is None:
            known = ", ".join(self._functions)
            self._fault(path, "function", name, f"未知函数，可用：{known}", f"unknown function; known: {known}")
            return ""
        given = [one.strip() for one in arguments]
        names = TEMPORARY.fullmatch(given[-1])
        target = None
        if names is not None and (len(given) > len(row.by) or names.group(1) not in self._bound):
            target = names.group(1)
            del given[-1]
        if len(given) > len(row.by):
            self._fault(path, "arguments", text[:200], f"{name} 参数过多", f"{name} takes fewer arguments")
            return ""
        values = [self.value(one, path) if one.startswith("$") else one for one in given]
        by: dict[str, str] = {}
        for column, value in zip(row.by, values, strict=False):
            if column and value:
                by[column] = self._area_in(value) if column == "area" else value
        found = self._find(row.table, row.column, by) if by.keys() - _NARROWING else []
        if len(found) == 1:
            if target is not None and self._bound.get(target) != found[0]:
                self.bind(target, found[0], path)
            return found[0]
        self.symbols.append(row.unknown)
        zh, en = ("查到不止一个", "it finds more than one") if found else ("查无结果", "it finds nothing")
        self.faults.append(Fault(path, "finds", text[:200], f"{name} {zh}：{text[:200]}", f"{name}: {en}: {text[:200]}"))
        return ""

    def _fault(self, path: str, rule: str, found: str, zh: str, en: str) -> None:
        self.symbols.append("SCHEMA_FAULTS")
        self.faults.append(Fault(path, rule, found, f"{path} {zh}：{found}", f"{path}: {en}: {found}"))
