"""The CRM's view of a reservation (spec 04.7): resource management owns it, the CRM keeps a copy with its fence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_SYSTEM_CHARS = 6


def system_of(serial: str) -> str:
    """The system that issued a serial: its first characters (01.1.1). Who sends the question owns what is held (5.3)."""
    return serial[:_SYSTEM_CHARS]


@dataclass(slots=True)
class Reservation:
    """预留 ledger entry; ``items`` are dicts (resource, state held/consumed/released/expired, item_no where the CRM asked);
    ``asked`` what the CRM asked for, None where another system reserved."""

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
    asked: list[dict[str, Any]] | None = None
    row_version: int = 0


@dataclass(slots=True)
class Confirmation:
    """资源确认: a question to resource management and its answer; ``id`` is the serial of the question, ``owner`` the system
    that asked. ``state``: asked, answered, refused; ``answer`` holds the answer's fields by wire name. Times in ms."""

    id: str
    area: str
    owner: str
    state: str = "asked"
    customer_order_id: str | None = None
    need: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] | None = None
    symbol: str = ""
    asked_at: int = 0
    answered_at: int | None = None
    row_version: int = 0
