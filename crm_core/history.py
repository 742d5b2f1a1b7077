"""One entry of the history of anything that has states and is no order: who, when, why, from, to, which message (spec 04)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StateChange:
    """``subject`` names the kind (at most 8 letters): survey, scheme, cutover, hold; ``at`` is ms; ``detail`` at most 400
    characters."""

    subject: str
    subject_id: str
    at: int
    input: str
    actor: str
    serial: str
    state_from: str
    state_to: str
    detail: str | None = None
