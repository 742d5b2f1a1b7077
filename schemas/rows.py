"""TOML files -> frozen rows, strictly: an unknown key, a missing key or a wrong type names its file and row.

Only ``schemas.loader`` reads these; everybody else asks the catalogue.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from functools import cache
from pathlib import Path
from typing import Any, Literal, TypeVar

from schemas.model import (
    CodeRow,
    CodeTable,
    EnvelopeField,
    EnvelopeFunction,
    EnvelopeLine,
    EnvelopeOperation,
    EnvelopeRow,
    EnvelopeVersion,
    LayoutField,
    LayoutRow,
    MessageRow,
    ResultCode,
    Route,
)

Row = TypeVar("Row")


class SchemaDataError(Exception):
    """A data file of ``schemas/`` is wrong: says file, row and what to do, in both languages."""

    def __init__(self, where: str, zh: str, en: str) -> None:
        super().__init__(f"{where}: {zh} / {en}")
        self.where = where
        self.zh = zh
        self.en = en


def read_toml(path: Path) -> dict[str, Any]:
    """One TOML file as a dict. Raises SchemaDataError when it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise SchemaDataError(path.name, f"不是合法的 TOML 文件：{fault}", f"not a TOML file: {fault}") from fault


@cache
def _columns(cls: type) -> dict[str, tuple[Any, bool]]:
    hints = typing.get_type_hints(cls)
    return {
        column.name: (
            hints[column.name],
            column.default is dataclasses.MISSING and column.default_factory is dataclasses.MISSING,
        )
        for column in dataclasses.fields(cls)
    }


def _fits(value: Any, hint: Any) -> bool:
    origin = typing.get_origin(hint)
    if origin is Literal:
        return value in typing.get_args(hint)
    if origin is types.UnionType:
        return any(_fits(value, choice) for choice in typing.get_args(hint))
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(part, typing.get_args(hint)[0]) for part in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(part, typing.get_args(hint)[1]) for part in value.values())
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return hint is object or isinstance(value, hint)


def _choices(hint: Any) -> tuple[str, str]:
    """What a column of few values takes, in words that go behind a fault's."""
    listed = ", ".join(map(str, typing.get_args(hint))) if typing.get_origin(hint) is typing.Literal else ""
    return (f"，可用：{listed}", f"; one of {listed}") if listed else ("", "")


def build(cls: type[Row], table: dict[str, Any], where: str) -> Row:
    """``table`` as one frozen row of ``cls``; lists become tuples. Raises SchemaDataError naming ``where``."""
    columns = _columns(cls)  # type: ignore[arg-type]  # a class is hashable
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    for name, value in values.items():
        if name not in columns:
            known = ", ".join(columns)
            raise SchemaDataError(where, f"未知字段 {name}，可用字段：{known}", f"unknown key {name}; known keys: {known}")
        if not _fits(value, columns[name][0]):
            zh, en = _choices(columns[name][0])
            raise SchemaDataError(where, f"字段 {name} 的值不合法：{value!r}{zh}", f"bad value for {name}: {value!r}{en}")
    missing = [name for name, (_, needed) in columns.items() if needed and name not in values]
    if missing:
        listed = ", ".join(missing)
        raise SchemaDataError(where, f"缺少字段 {listed}", f"missing keys {listed}")
    return cls(**values)


def _only(table: dict[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            raise SchemaDataError(where, f"未知字段 {name}", f"unknown key {name}; known keys: {', '.join(known)}")


def read_messages(path: Path) -> list[MessageRow]:
    """The ``[[message]]`` rows of one catalogue file; ``clause`` of the file is the rows' default."""
    data = read_toml(path)
    _only(data, ("area", "clause", "message"), path.name)
    rows = []
    for table in data.get("message", []):
        where = f"{path.name} [{table.get('code', '?')}]"
        table.setdefault("clause", data.get("clause", ""))
        pairs = table.get("routes", [])
        if not pairs or any(not isinstance(pair, list) or len(pair) != 2 for pair in pairs):
            raise SchemaDataError(where, "routes 须为 [发送方, 接收方] 的列表", "routes must be a list of [sender, receiver]")
        table["routes"] = [build(Route, {"sender": pair[0], "receiver": pair[1]}, where) for pair in pairs]
        rows.append(build(MessageRow, table, where))
    return rows


def read_results(path: Path) -> list[ResultCode]:
    """The result codes of spec 02.2."""
    return [build(ResultCode, row, f"{path.name} [{row.get('code', '?')}]") for row in read_toml(path).get("code", [])]


def read_table(path: Path) -> CodeTable:
    """One code table (spec 03): ``name zh version`` and ``[[code]]`` rows; further columns land in ``extra``."""
    data = read_toml(path)
    _only(data, ("name", "zh", "en", "version", "about", "code"), path.name)
    rows: dict[str, CodeRow] = {}
    for table in data.get("code", []):
        where = f"{path.name} [{table.get('code', '?')}]"
        plain = {name: table[name] for name in ("code", "zh", "en") if name in table}
        extra = {name: value for name, value in table.items() if name not in plain}
        row = build(CodeRow, {**plain, "extra": extra}, where)
        if row.code in rows:
            raise SchemaDataError(where, "代码重复", "this code stands twice")
        rows[row.code] = row
    head: dict[str, Any] = {name: data[name] for name in ("name", "zh", "en", "version") if name in data}
    return build(CodeTable, {**head, "rows": rows}, path.name)


def read_layout(path: Path) -> LayoutRow:
    """One packet header layout (spec 01.1.2) with its ``[[field]]`` rows."""
    data = read_toml(path)
    fields = data.pop("field", [])
    data["fields"] = [build(LayoutField, row, f"{path.name} [{row.get('name', '?')}]") for row in fields]
    return build(LayoutRow, data, path.name)


def read_envelope(path: Path) -> EnvelopeRow:
    """One envelope (spec 01.2, 05) with the rows of its tables."""
    data = read_toml(path)
    for table, name, cls, known in _PARTS:
        rows = data.pop(table, [])
        data[name] = [build(cls, row, f"{path.name} [{row.get(known, '?')}]") for row in rows]
    return build(EnvelopeRow, data, path.name)


_PARTS: tuple[tuple[str, str, type, str], ...] = (
    ("version", "versions", EnvelopeVersion, "version"),
    ("field", "fields", EnvelopeField, "path"),
    ("line", "lines", EnvelopeLine, "element"),
    ("operation", "operations", EnvelopeOperation, "type"),
    ("function", "functions", EnvelopeFunction, "name"),
)
"""Tables of an envelope's file: the row's field, the class of its rows, and what tells one from another."""
