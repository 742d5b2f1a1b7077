"""RC03: provisioning answers a survey, perhaps several times; only the last answer closes it (spec 5.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.ports import Outcome, UnitOfWork
from crm_core.surveys.find import survey_of
from crm_core.surveys.machine import move
from crm_core.times import optional

_FINDINGS = (
    "outcome", "code", "reason", "net_capacity", "client_capacity", "construction_possible", "pre_occupied", "satisfaction",
    "budgets", "to_build", "finish_days", "valid_until",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordSurveyResult:
    """Fields are the message's; findings are absent when the survey was cancelled or refused."""

    survey_id: str
    outcome: str
    is_last: bool
    code: str | None = None
    reason: dict[str, Any] | None = None
    net_capacity: bool | None = None
    client_capacity: bool | None = None
    construction_possible: bool | None = None
    pre_occupied: bool | None = None
    satisfaction: str | None = None
    budgets: dict[str, int] | None = None
    to_build: dict[str, bool] | None = None
    finish_days: int | None = None
    valid_until: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The survey."""
        return (("survey", self.survey_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``StateConflict`` (3004) for a survey that is closed or unknown, ``DomainError`` DATE_INVALID."""
        survey = survey_of(uow, self.survey_id)
        valid_until = optional(self.valid_until)
        given = "answered"
        if self.is_last:
            given = self.outcome
        elif self.outcome == "refused" and survey.cancel_serial is not None and uow.origin.ref_serial == survey.cancel_serial:
            given = "cancel_refused"
        move(uow, survey, given, None if self.reason is None else self.reason["text"][:400])
        if given != "answered":
            survey.cancel_serial = None
        answer = {name: value for name in _FINDINGS if (value := getattr(self, name)) is not None}
        survey.answers = [*survey.answers, {"at": uow.now, "is_last": self.is_last, **answer}]
        survey.reason = self.reason or survey.reason
        survey.valid_until = valid_until if valid_until is not None else survey.valid_until
        uow.save(survey)
        return Outcome(state=survey.state)
