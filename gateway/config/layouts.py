"""An operator's own header layouts, judged where the configuration is: every fault of every file (spec 01.1.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.wire.errors import LocalError
from adapters.wire.layout import Layout
from schemas.layout_check import findings_of
from schemas.loader import layouts_in
from schemas.model import LayoutRow
from schemas.rows import SchemaDataError

_Found = tuple[tuple[str | int, ...], str, str, str]
_KEY: tuple[str | int, ...] = ("gateway", "layouts")


def faults_of(row: LayoutRow) -> Iterator[tuple[str, str, str]]:
    """Where, Chinese, English: what keeps ``row`` from being a layout."""
    found = list(findings_of(row))
    yield from found
    if not found:
        try:
            Layout(row)
        except LocalError as fault:
            yield row.name, fault.zh, fault.en


def own_layouts(table: Any, base: Path) -> tuple[list[LayoutRow], list[_Found]]:
    """The layouts in the folder ``[gateway]`` names, and what is wrong with it; none where it names none."""
    named = table.get("layouts") if isinstance(table, dict) else None
    if not isinstance(named, str):
        return [], []
    folder = base / named
    if not folder.is_dir():
        return [], [(_KEY, named, "没有这个文件夹", "no such folder")]
    try:
        rows = layouts_in(folder)
    except SchemaDataError as fault:
        return [], [(_KEY, fault.where, fault.zh, fault.en)]
    faults = [(_KEY, where, zh, en) for row in rows for where, zh, en in faults_of(row)]
    return list(rows), faults
