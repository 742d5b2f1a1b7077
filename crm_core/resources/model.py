"""The CRM's view of a reservation (spec 04.7): resource management owns it, the CRM keeps a copy with its fence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Reservation:
    """预留 ledger entry; ``items`` are dicts (resource, state held/consumed/released/expired)."""

    id: str
    kind: str
    owner: str
    area: str
    order_id: str | None = None
    items: list[dict[str, Any]] = field(default_factory=list)
    created_at: int = 0
    expires_at: int | None = None
    fence: int = 0
    closed: bool = False
    row_version: int = 0
