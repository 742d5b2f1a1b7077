"""The survey a command names, or its refusal."""

from __future__ import annotations

from crm_core.errors import StateConflict
from crm_core.ports import UnitOfWork
from crm_core.surveys.model import Survey


def survey_of(uow: UnitOfWork, survey_id: str) -> Survey:
    """Raises ``StateConflict`` (3004) without a state: the specification has no code for an unknown survey."""
    survey = uow.survey(survey_id)
    if survey is None:
        raise StateConflict(f"勘查 {survey_id} 不存在", f"Survey {survey_id} is not known")
    return survey
