"""What the core says about cutovers (spec 5.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class CutoverAnswered(Event):
    """Result of a freeze, a completion or a cancellation of a cutover (CT08); codes here and in ``instances`` are symbols."""

    cutover_id: str
    outcome: str
    code: str | None = None
    reason: dict[str, Any] | None = None
    part_no: int | None = None
    is_last: bool | None = None
    instances: list[dict[str, Any]] | None = None
    differences: list[dict[str, Any]] | None = None
