"""The watchdog of surveys and schemes: a question provisioning has not answered by its limit (spec 06.1 promise 5, 5.1, 5.2).

Each is told once: the record's id follows from what was asked, so looking again finds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from crm_core.fallout.model import Fallout
from crm_core.ports import Outcome, UnitOfWork
from crm_core.schemes.events import SchemeCancelled, SchemeChosen, SchemeRejected, SchemeRequested
from crm_core.schemes.model import SchemeRequest
from crm_core.surveys.events import SurveyCancelled, SurveyRequested
from crm_core.surveys.model import Survey
from crm_core.times import to_wire

DECISIONS = {
    "confirm": SchemeChosen.__name__,
    "reject": SchemeRejected.__name__,
    "cancel": SchemeCancelled.__name__,
}
"""Operation on a scheme -> its event."""
UNDESIGNED = ("10", "20")
"""States of a scheme request whose version is still to be designed."""


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked of provisioning: as the watch list calls it, the event, serial, and when (ms)."""

    operation: str
    event: str
    serial: str
    at: int


def survey_questions(survey: Survey) -> Iterator[Question]:
    """Those without a result."""
    if survey.closed_at is not None:
        return
    yield Question("survey", SurveyRequested.__name__, survey.serial, survey.requested_at)
    if survey.cancel_serial is not None:
        yield Question("cancel_survey", SurveyCancelled.__name__, survey.cancel_serial, survey.requested_at)


def scheme_questions(request: SchemeRequest) -> Iterator[Question]:
    """Those without a result."""
    if request.closed_at is not None:
        return
    if request.state in UNDESIGNED:
        yield Question("scheme", SchemeRequested.__name__, "", request.requested_at)
    for row in request.operations:
        yield Question(f"{row['operation']}_scheme", DECISIONS[row["operation"]], row["serial"], row["at"])


@dataclass(frozen=True, slots=True)
class WatchPlanning:
    """``kind`` survey or scheme_request; the timer's command."""

    kind: str
    id: str

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        """What is looked at."""
        return ((self.kind, self.id),)

    def execute(self, uow: UnitOfWork) -> Outcome:
        """Opens a record for each question that is overdue and has none; early or again: success without effect."""
        if self.kind == "survey":
            survey = uow.survey(self.id)
            area, asked = ("", iter(())) if survey is None else (survey.area, survey_questions(survey))
        else:
            request = uow.scheme_request(self.id)
            area, asked = ("", iter(())) if request is None else (request.area, scheme_questions(request))
        for question in asked:
            self._look(uow, area, question)
        return Outcome("OK")

    def _look(self, uow: UnitOfWork, area: str, question: Question) -> None:
        given = uow.reference.result_limits.get(question.event)
        if given is None:
            return
        seconds, clock = given
        length = seconds * 1000
        due = uow.reference.calendar_of(area).add(question.at, length) if clock == "working" else question.at + length
        name = f"FO{uow.fingerprint([self.kind, self.id, question.operation, question.serial])[:20].upper()}"
        if uow.now < due or uow.fallout(name) is not None:
            return
        since = to_wire(question.at)
        record = Fallout(
            name,
            "overdue",
            uow.now,
            f"{self.id} 的 {question.operation} 自 {since} 起没有结果",
            f"No result of {question.operation} of {self.id} since {since}",
            symbol="OUTCOME_UNKNOWN",
            area=area,
            about={"operation": question.operation, "serial": question.serial, self.kind: self.id},
        )
        uow.add(record)
