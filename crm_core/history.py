"""One entry of the history of anything that has states and is no order: who, when, why, from, to, which message (spec 04)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StateChange:
    """``at`` is ms; ``subject`` names the kind (at most 8 letters): survey, scheme, cutover; ``detail`` at most 400 characters.
    The fields stand in the order of the stored history."""

    at: int
    subject: str
    subject_id: str
    input: str
    state_from: str
    state_to: str
    actor: str
    serial: str
    detail: str | None = None
