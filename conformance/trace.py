"""Clause → requirement → message code → case → last verdict, and what no case covers yet (spec 07.6)."""

from __future__ import annotations

from typing import Any

from conformance.loader import Suite
from conformance.model import Requirement


def trace(suite: Suite, last: dict[str, str]) -> dict[str, Any]:
    """The table, and ``uncovered_must``: sentences with MUST that no case checks of a system that must keep them, one of its
    roles being enough to be named (``OH11.valid CRM``). ``last`` is the last verdict by case id."""
    covering: dict[str, list[str]] = {}
    judged: set[tuple[str, str]] = set()
    for case in suite.cases:
        for name in case.covers:
            covering.setdefault(name, []).append(case.id)
            judged.update((name, sut) for sut in case.suts)
    rows = [_row(one, covering.get(one.id, []), last) for one in suite.requirements.values()]
    rows.sort(key=lambda row: ([_number(part) for part in row["clause"].split(".")], row["requirement"]))
    missing = [
        f"{row['requirement']} {sut}"
        for row in rows
        if row["level"] == "MUST"
        for sut in row["suts"]
        if (row["requirement"], sut) not in judged
    ]
    return {
        "requirements": len(rows),
        "cases": len(suite.cases),
        "uncovered_must": len(missing),
        "uncovered": missing,
        "rows": rows,
    }


def _row(one: Requirement, cases: list[str], last: dict[str, str]) -> dict[str, Any]:
    return {
        "clause": one.clause,
        "requirement": one.id,
        "level": one.level,
        "suts": list(one.suts),
        "codes": list(one.codes),
        "zh": one.zh,
        "en": one.en,
        "place": str(one.place),
        "cases": [{"id": name, "last": last.get(name, "")} for name in cases],
    }


def _number(part: str) -> tuple[int, int]:
    """Pages (01) before chapters (5)."""
    return (0 if part.startswith("0") else 1, int(part) if part.isdigit() else 0)
