"""What the core asks of resource management (spec 5.1 RC01, 5.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationAsked(Event):
    """What an address can be served with is asked, perhaps with a pre-occupation (RC01). ``image`` holds the need."""

    image: dict[str, Any]
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationAsked(Event):
    """Resources are to be held under an id of ours (RR01). ``image`` holds kind, items and how."""

    reservation_id: str
    image: dict[str, Any]
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationGivenBack(Event):
    """A reservation, or items of it, is no longer needed (RR02)."""

    reservation_id: str
    reason: dict[str, Any]
    fence: int | None = None
    items: list[dict[str, Any]] | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReservationProlonged(Event):
    """A reservation is to hold longer, perhaps as a stronger kind (RR03)."""

    reservation_id: str
    fence: int
    ttl_seconds: int
    kind: str | None = None
    operator: str | None = None
