"""A person cancels a survey (RC04, spec 5.1); provisioning answers RC03 cancelled, or with what it had found before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.ports import Outcome, UnitOfWork
from crm_core.surveys.events import SurveyCancelled
from crm_core.surveys.find import survey_of
from crm_core.surveys.machine import move


@dataclass(frozen=True, slots=True)
class CancelSurvey:
    """``reason``: text and perhaps code."""

    survey_id: str
    reason: dict[str, Any]
    operator: str | None = None

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """The survey."""
        return (("survey", self.survey_id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Again: success without effect. Raises ``StateConflict`` (3004) for one that is answered or unknown."""
        survey = survey_of(uow, self.survey_id)
        if not move(uow, survey, "cancel", self.reason["text"][:400]):
            return Outcome("DUPLICATE", state=survey.state)
        serials = uow.emit(
            SurveyCancelled(
                key=survey.id,
                area=survey.area,
                survey_id=survey.id,
                customer_order_id=survey.customer_order_id,
                operator=self.operator,
                reason=self.reason,
            )
        )
        survey.cancel_serial = serials[0] if serials else None
        uow.save(survey)
        return Outcome("ACCEPTED", state=survey.state)
