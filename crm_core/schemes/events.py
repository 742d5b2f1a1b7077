"""What the core says about schemes (spec 5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeRequested(Event):
    """A scheme is to be designed (SD01). ``image`` holds customer, items, required date and contact."""

    scheme_request_id: str
    image: dict[str, Any]
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeChosen(Event):
    """An option of a scheme version was confirmed: its resources are to be reserved (SD05)."""

    scheme_request_id: str
    scheme_id: str
    version: int
    option_no: int
    customer_order_id: str | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeRejected(Event):
    """A scheme version was rejected, with or without a redo (SD06)."""

    scheme_request_id: str
    scheme_id: str
    version: int
    reason: dict[str, Any]
    redo: bool
    customer_order_id: str | None = None
    operator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeCancelled(Event):
    """A scheme request is no longer wanted (SD07)."""

    scheme_request_id: str
    reason: dict[str, Any]
    customer_order_id: str | None = None
    operator: str | None = None
