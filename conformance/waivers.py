"""Known failures with a date: XFAIL while it lasts, XPASS when it is no longer needed (spec 07.4).

    [[waiver]]
    case = "5.7/3"
    until = 2027-03-31
    reason = "vendor ticket 4711"
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from adapters.wire.times import wire_time
from conformance.model import RunResult, Verdict


@dataclass(frozen=True, slots=True)
class Waiver:
    """One case that may fail until the end of a day (Asia/Shanghai)."""

    case: str
    until: str
    reason: str


class WaiversInvalid(Exception):
    """The waiver file cannot be used; both languages."""


def read_waivers(path: Path | None) -> tuple[Waiver, ...]:
    """The waivers of a file; none without one. Raises WaiversInvalid, OSError."""
    if path is None:
        return ()
    try:
        rows = tomllib.loads(path.read_text("utf-8")).get("waiver", [])
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
        raise WaiversInvalid(f"{path}: 不是 TOML：{fault} / no TOML: {fault}") from fault
    found = []
    for n, row in enumerate(rows if isinstance(rows, list) else [rows], 1):
        if not _is_complete(row):
            zh = f"{path}: 第 {n} 条豁免须有 case、until（日期）、reason"
            raise WaiversInvalid(f"{zh} / waiver {n} has case, until (a date) and reason")
        found.append(Waiver(row["case"], row["until"].strftime("%Y%m%d"), row["reason"]))
    return tuple(found)


def _is_complete(row: Any) -> bool:
    texts = isinstance(row, dict) and all(isinstance(row.get(name), str) for name in ("case", "reason"))
    return texts and isinstance(row.get("until"), date)


def waive(outcome: RunResult, waivers: tuple[Waiver, ...]) -> None:
    """Put waivers that still hold on the results; one past its day changes nothing."""
    today = wire_time(outcome.started_at)[:8]
    for result in outcome.results:
        waiver = next((one for one in waivers if one.case == result.case.id and today <= one.until), None)
        if waiver is None:
            continue
        changed = {Verdict.FAIL: Verdict.XFAIL, Verdict.PASS: Verdict.XPASS}
        result.verdict = changed.get(result.verdict, result.verdict)
        result.waiver = f"{waiver.reason} ({waiver.until})"
