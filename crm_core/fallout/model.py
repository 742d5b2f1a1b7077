"""异常单: what a person must look at (spec 06.2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

NEW, AUTO_RETRY, CLAIMED, CLOSED = "new", "auto-retry", "claimed", "closed"
"""States of a record. AUTO_RETRY: what it is about is tried again without anybody's doing; it may close by itself."""


@dataclass(slots=True)
class Fallout:
    """``error_class`` is a row of the error classes (06.1) or ``report`` for a report that met ✖; ``about`` holds what is
    needed to act: message serial, code, peer, fault texts. ``actions`` append who, why, before, after."""

    id: str
    error_class: str
    opened_at: int
    zh: str
    en: str
    symbol: str = ""
    service_order_id: str | None = None
    message_id: int | None = None
    area: str = ""
    state: str = NEW
    owner: str | None = None
    about: dict[str, Any] = field(default_factory=dict)
    actions: list[dict[str, Any]] = field(default_factory=list)
    closed_at: int | None = None
    row_version: int = 0
