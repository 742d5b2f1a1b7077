"""What billing was told about an instance, and what it answered (spec 5.4 BL01, BL02)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class BillingRecord:
    """One charging fact: ``id`` is order/item/kind, so that a fact is told once; ``serial`` of the BL01 that carried it.

    ``state``: sent, accepted, refused.
    """

    id: str
    service_order_id: str
    item_id: str
    instance_id: str
    account_id: str | None
    area: str
    kind: str
    effective_at: int
    serial: str = ""
    state: str = "sent"
    reason: dict[str, Any] | None = None
    sent_at: int = 0
    answered_at: int | None = None
    row_version: int = 0
