"""What the core says about surveys (spec 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRequested(Event):
    """A manual survey is wanted (RC02). ``image`` holds what is asked and the contact."""

    survey_id: str
    image: dict[str, Any]
    customer_order_id: str | None = None
    operator: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyCancelled(Event):
    """A survey is no longer wanted (RC04)."""

    survey_id: str
    reason: dict[str, Any]
    customer_order_id: str | None = None
    operator: str | None = None
