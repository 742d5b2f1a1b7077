"""A survey the CRM asked for (spec 5.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Survey:
    """勘查. ``need`` holds what was asked, by the wire's field names; ``answers`` every answer in order of arrival, the last
    one standing for the whole; ``cancel_serial`` is that of an RC04 without result. Times in ms."""

    id: str
    area: str
    state: str = "requested"
    customer_order_id: str | None = None
    need: dict[str, Any] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    reason: dict[str, Any] | None = None
    serial: str = ""
    cancel_serial: str | None = None
    requested_at: int = 0
    valid_until: int | None = None
    closed_at: int | None = None
    row_version: int = 0
