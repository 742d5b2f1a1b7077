"""Surveys and schemes that provisioning does not answer by their limits are told, each once (spec 06.1 promise 5)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from crm_core.fakes import FakeStore
from crm_core.fallout.model import Fallout
from crm_core.fallout.watch_planning import WatchPlanning
from crm_core.ports import Command, Origin
from crm_core.schemes.events import SchemeCancelled, SchemeRequested
from crm_core.surveys.cancel_survey import CancelSurvey
from crm_core.surveys.events import SurveyCancelled, SurveyRequested
from tests.crm_core import test_schemes, test_surveys
from tests.crm_core.samples import NOW, PF, REFERENCE, store
from tests.crm_core.test_watch import OFFICE

HOUR = 3_600_000
TIMED = replace(
    REFERENCE,
    calendars={"OFFICE": OFFICE},
    area_calendars={"025": "OFFICE"},
    result_limits={
        SurveyRequested.__name__: (4 * 3600, "working"),
        SurveyCancelled.__name__: (8 * 3600, "working"),
        SchemeRequested.__name__: (7200, "elapsed"),
        SchemeCancelled.__name__: (10800, "elapsed"),
    },
)
DUE = OFFICE.add(NOW, 4 * HOUR)


def run(made: FakeStore, command: Command, now: int = NOW) -> None:
    made.run(command, now, TIMED, Origin("CRM001", "", "watch"))


def told(made: FakeStore) -> list[str]:
    return [record.about["operation"] for record in made.table(Fallout).values()]


def test_a_survey_without_result_is_told_once_when_it_is_due() -> None:
    made = store()
    run(made, test_surveys.REQUEST)
    run(made, WatchPlanning("survey", "SV1"), DUE - 1)
    assert told(made) == []
    for later in (0, 60_000):
        run(made, WatchPlanning("survey", "SV1"), DUE + later)
    (record,) = made.table(Fallout).values()
    assert (record.error_class, record.about["survey"], record.area) == ("overdue", "SV1", "025")
    assert record.zh
    assert record.en


def test_its_cancel_is_a_question_of_its_own() -> None:
    made = store()
    run(made, test_surveys.REQUEST)
    run(made, CancelSurvey("SV1", test_surveys.REASON))
    run(made, WatchPlanning("survey", "SV1"), OFFICE.add(NOW, 8 * HOUR))
    assert sorted(told(made)) == ["cancel_survey", "survey"]


def test_a_scheme_that_is_not_designed_and_its_cancel_are_told() -> None:
    made = store()
    run(made, test_schemes.REQUEST)
    run(made, test_schemes.CANCEL)
    run(made, WatchPlanning("scheme_request", "SR1"), NOW + 2 * HOUR)
    assert told(made) == ["scheme"]
    run(made, WatchPlanning("scheme_request", "SR1"), NOW + 3 * HOUR)
    assert told(made) == ["scheme", "cancel_scheme"]


@pytest.mark.parametrize("kind", ["survey", "scheme_request"])
def test_what_is_answered_or_unknown_is_not_told(kind: str) -> None:
    made = store()
    if kind == "scheme_request":
        run(made, test_schemes.REQUEST)
        made.run(test_schemes.RESULT, NOW, TIMED, PF)
    run(made, WatchPlanning(kind, "SR1"), NOW + 999 * HOUR)
    assert told(made) == []
