"""工单: what somebody of a stage's organisation is asked to do, and how it went (spec 03)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class WorkOrder:
    """``items`` are item ids; instants in ms; ``direction`` forward, or reverse of the one it ``undoes``."""

    id: str
    stage: str
    org: str
    staff: str
    items: tuple[str, ...]
    created: int
    limit: int
    state: str = "in_progress"
    direction: str = "forward"
    accepted: int | None = None
    finished: int | None = None
    reason: dict[str, str] | None = None
    undoes: str | None = None
