"""The shapes of what stands in a case file: which keys a table takes, of what kind; every fault at once (spec 07.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from conformance.sources import Fault, Source

TEXT, TEXTS, TABLE, TABLES, LINES, FLAG = "text", "texts", "table", "tables", "lines", "flag"
"""Kinds of values."""
_SAID = {
    TEXT: ("带引号的文字", "a text in quotes"),
    TEXTS: ('文字的列表，如 ["PF"]', 'a list of texts, such as ["PF"]'),
    TABLE: ("表，如 { name = 1 }", "a table, such as { name = 1 }"),
    TABLES: ("表的列表", "a list of tables"),
    LINES: ("行的列表：内联表，或公共段的名称", "a list of lines: inline tables, or names of blocks"),
    FLAG: ("true 或 false", "true or false"),
}
_SHARED = {
    "suts": TEXTS, "pics": TEXTS, "covers": TEXTS, "preamble": LINES, "postamble": LINES, "vars": TABLE, "manners": TABLE,
}  # fmt: skip
CASE = {
    **_SHARED, "id": TEXT, "zh": TEXT, "en": TEXT, "level": TEXT, "lines": LINES, "alone": FLAG, "cause": TEXT, "repair": TEXT,
    "measure": TEXT,
}  # fmt: skip
SCENE = {
    **_SHARED, "message": TEXT, "by": TEXT, "send": TABLE, "results": LINES, "refuse": TABLES, "skip": TEXTS, "settle": TEXT,
    "settle_to": TEXT, "name": TEXT, "late": TABLES, "early": TABLES,
}  # fmt: skip
SENT = {
    **_SHARED, "message": TEXT, "to": TEXT, "provoke": LINES, "where": TABLE, "again": TABLE, "within": TEXT, "then": LINES,
    "answer": TABLE, "skip": TEXTS, "name": TEXT,
}  # fmt: skip
VARIANT = {
    "code": TEXT, "zh": TEXT, "en": TEXT, "preamble": LINES, "send": TABLE, "postamble": LINES, "level": TEXT, "pics": TEXTS,
    "cause": TEXT, "repair": TEXT, "state": TEXT, "name": TEXT, "when": TEXT, "receipt": TEXT, "reply": TABLE, "then": LINES,
    "manners": TABLE,
}  # fmt: skip
HEAD = {
    "clause": TEXT, "suite": TEXT, "suts": TEXTS, "case": TABLES, "scene": TABLES, "state": TABLES, "operation": TABLES,
    "cells": TABLE, "requirement": TEXT,
}  # fmt: skip
STATE = {
    "name": TEXT, "zh": TEXT, "en": TEXT, "preamble": LINES, "postamble": LINES, "vars": TABLE, "manners": TABLE, "pics": TEXTS,
    "set": TABLE, "when": TEXT,
}  # fmt: skip
OPERATION = {
    "name": TEXT, "message": TEXT, "by": TEXT, "zh": TEXT, "en": TEXT, "set": TABLE, "body": TEXT, "reply": TABLE,
    "covers": TEXTS, "ok": LINES, "anew": LINES, "same": LINES, "held": LINES,
}  # fmt: skip


def misshapen(
    source: Source,
    row: Mapping[str, Any],
    shape: Mapping[str, str],
    needed: tuple[str, ...],
    what: tuple[str, str],
    *path: str | int,
) -> list[Fault]:
    """What is wrong with the table at ``path``: keys it lacks, keys there are not, values of another kind. ``what`` it is
    called in both languages."""
    zh, en = what
    missing = [name for name in needed if name not in row]
    faults = []
    if missing:
        said = ", ".join(missing)
        faults.append(Fault(source.place(*path), f"{zh}缺少 {said}", f"{en} lacks {said}"))
    for name, value in row.items():
        place = source.place(*path, name)
        if name not in shape:
            faults.append(Fault(place, *unknown(name, list(shape), what)))
        elif not _fits(value, shape[name]):
            kind_zh, kind_en = _SAID[shape[name]]
            faults.append(Fault(place, f"{name} 须是{kind_zh}", f"{name} must be {kind_en}"))
    return faults


def unknown(name: str, known: list[str], what: tuple[str, str]) -> tuple[str, str]:
    """A key there is not, in both languages, with the one that was probably meant."""
    meant = next(iter(get_close_matches(name, known, 1)), "")
    listed = ", ".join(known)
    zh, en = (f"，是否指 {meant}？", f"; did you mean {meant}?") if meant else (f"，可用：{listed}", f"; it takes: {listed}")
    return f"{what[0]}不认识 {name}{zh}", f"{what[1]} takes no {name}{en}"


def _fits(value: Any, kind: str) -> bool:
    if kind == LINES:
        return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str | dict) for one in value))
    if kind in (TEXTS, TABLES):
        wanted: type = str if kind == TEXTS else dict
        return isinstance(value, list) and all(isinstance(one, wanted) for one in value)
    return isinstance(value, {TEXT: str, TABLE: dict, FLAG: bool}[kind])


def rows(head: Mapping[str, Any], name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The tables of a list in a file, by number; none where it is no such list, which is told elsewhere."""
    found = head.get(name, [])
    yield from enumerate(found if _fits(found, TABLES) else [])
