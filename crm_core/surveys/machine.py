"""The survey's machine (spec 5.1): it may be answered several times, only the last answer closes it.

A cancel and an answer may cross: provisioning decides, so ``cancelling`` takes every answer.
"""

from __future__ import annotations

from crm_core.history import StateChange
from crm_core.ports import UnitOfWork
from crm_core.state_table import StateTable, lines, same
from crm_core.surveys.model import Survey

CLOSED = ("done", "cancelled", "refused")
_OPEN = ("requested", "surveying", "cancelling")

MACHINE = StateTable(
    "勘查",
    "Survey",
    "requested",
    CLOSED,
    (
        *lines("acknowledged", {"requested": "surveying"}),
        *same("acknowledged", "surveying", "cancelling", *CLOSED),
        *lines("not_taken", {"requested": "refused", "cancelling": "refused"}),
        *same("not_taken", "surveying", *CLOSED),
        *lines("answered", {"requested": "surveying"}),
        *same("answered", "surveying", "cancelling"),
        *lines("done", dict.fromkeys(_OPEN, "done")),
        *lines("cancelled", dict.fromkeys(_OPEN, "cancelled")),
        *lines("refused", dict.fromkeys(_OPEN, "refused")),
        *lines("cancel", {"requested": "cancelling", "surveying": "cancelling"}),
        *same("cancel", "cancelling", "cancelled"),
        *lines("cancel_refused", {"cancelling": "surveying"}),
        *same("cancel_refused", "requested", "surveying", *CLOSED),
    ),
)


def move(uow: UnitOfWork, survey: Survey, given: str, detail: str | None = None) -> bool:
    """One input; whether the state changed. Raises ``StateConflict`` (3004) with the state and changes nothing."""
    before = survey.state
    to = MACHINE.move(survey.id, before, given)
    if to == before:
        return False
    survey.state = to
    if to in CLOSED:
        survey.closed_at = uow.now
    origin = uow.origin
    uow.add(StateChange(uow.now, "survey", survey.id, given, before, to, origin.sender, origin.serial, detail))
    return True
