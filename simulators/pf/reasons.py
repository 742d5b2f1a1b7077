"""The reason dictionary as provisioning reads it (spec 03): scope by area, searched upward through the tree, and by stage."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas.loader import load

_START = "0"


@dataclass(frozen=True, slots=True)
class ReasonRow:
    """A row: ``target`` is the stage the process goes on at (None: its start); ``message`` what tells the CRM."""

    type: str
    code: str
    text: str
    target: str | None
    waits: str
    automatic: bool
    message: str

    def body(self) -> dict[str, str]:
        """A ``Reason``."""
        return {"type": self.type, "code": self.code, "text": self.text}

    def plain(self) -> dict[str, str]:
        """A ``PlainReason``."""
        return {"text": self.text, "code": self.code}


def find_reason(code: str, kind: str, area: str, stages: tuple[str, ...] | None = None) -> ReasonRow | None:
    """The row of type ``kind`` that holds in ``area`` or above it, at one of ``stages`` (None: wherever it is); None: 3020."""
    row = _row(code)
    if row is None or row.type != kind or not _holds(code, area):
        return None
    wanted: Any = load().table("reasons").rows[code].extra["stages"]
    return row if not wanted or stages is None or any(stage in wanted for stage in stages) else None


def restart_mode(code: str) -> tuple[str, str]:
    """Whom a restart mode waits for, and the message that tells the CRM (empty: the process goes on by itself)."""
    extra = load().table("restart_modes").rows[code].extra
    return str(extra["waits"]), str(extra["message"])


@cache
def _row(code: str) -> ReasonRow | None:
    row = load().table("reasons").rows.get(code)
    if row is None:
        return None
    mode = load().table("restart_modes").rows[str(row.extra["restart_mode"])].extra
    if row.extra["type"] == "10W" and mode["waits"] != "operator":
        mode = load().table("restart_modes").rows["WAIT"].extra
    target = str(row.extra["target_stage"])
    return ReasonRow(
        str(row.extra["type"]),
        code,
        row.zh,
        None if target == _START else target,
        str(mode["waits"]),
        bool(mode["automatic"]),
        str(mode["message"]),
    )


@cache
def _areas(code: str) -> tuple[str, ...]:
    areas: Any = load().table("reasons").rows[code].extra["areas"]
    return tuple(areas)


@cache
def _holds(code: str, area: str) -> bool:
    wanted = _areas(code)
    areas = load().table("areas").rows
    while area:
        if area in wanted:
            return True
        area = str(areas[area].extra["parent"]) if area in areas else ""
    return False
