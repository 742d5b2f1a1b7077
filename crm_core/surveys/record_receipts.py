"""Receipts of a survey's request and of its cancel (RC02, RC04; spec 5.1)."""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.ports import Outcome, UnitOfWork
from crm_core.surveys.find import survey_of
from crm_core.surveys.machine import move


@dataclass(frozen=True, slots=True)
class RecordSurveyReceipt:
    """Of RC02. ``accepted`` False: refused for good, ``symbol`` says why."""

    survey_id: str
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The survey."""
        return (("survey", self.survey_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Behind an answer it is recorded without effect. Raises ``StateConflict`` for an unknown survey."""
        survey = survey_of(uow, self.survey_id)
        if move(uow, survey, "acknowledged" if self.accepted else "not_taken", self.symbol):
            if not self.accepted:
                survey.reason = {"text": self.symbol}
            uow.save(survey)
        return Outcome("OK", state=survey.state)


@dataclass(frozen=True, slots=True)
class RecordSurveyCancelReceipt:
    """Of RC04. Only a refusal changes something: the survey goes on; the cancel's result is RC03."""

    survey_id: str
    accepted: bool
    symbol: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The survey."""
        return (("survey", self.survey_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Raises ``StateConflict`` for an unknown survey."""
        survey = survey_of(uow, self.survey_id)
        if not self.accepted and move(uow, survey, "cancel_refused", self.symbol):
            survey.cancel_serial = None
            uow.save(survey)
        return Outcome("OK", state=survey.state)
