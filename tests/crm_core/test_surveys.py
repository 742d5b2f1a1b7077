"""Surveys end to end in the core (spec 5.1): asked for, answered several times, cancelled, crossing, refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.fakes import FakeStore
from crm_core.ports import Command, Origin, Outcome
from crm_core.surveys.cancel_survey import CancelSurvey
from crm_core.surveys.events import SurveyCancelled, SurveyRequested
from crm_core.surveys.machine import MACHINE
from crm_core.surveys.model import Survey
from crm_core.surveys.record_receipts import RecordSurveyCancelReceipt, RecordSurveyReceipt
from crm_core.surveys.record_survey_result import RecordSurveyResult
from crm_core.surveys.request_survey import RequestSurvey
from tests.crm_core.samples import NOW, PF, REFERENCE, store

COUNTER = Origin("CRM001", "", "survey")
ADDRESS = {"text": "南京市鼓楼区示例路1号", "area": "025"}
CONTACT = {"name": "张示例", "phone": "13800000000"}
REASON = {"text": "用户取消申请"}
BUDGETS = {"line": 1, "equipment": 2, "implementation": 3, "wiring": 4, "exploration": 5, "total": 15}
REQUEST = RequestSurvey("SV1", "025", "FTTH", "install", 1, ["FIBRE"], ADDRESS, CONTACT, "地址不在资源库")


def run(made: FakeStore, command: Command, origin: Origin = PF) -> Outcome:
    return made.run(command, NOW, REFERENCE, origin)


def survey(made: FakeStore) -> Survey:
    found: Survey = made.table(Survey)["SV1"]
    return found


def asked(state: str = "requested") -> FakeStore:
    """A store with a survey in ``state``."""
    made = store()
    run(made, REQUEST, COUNTER)
    survey(made).state = state
    if state == "cancelling":
        survey(made).cancel_serial = "CANCEL"
    return made


def test_asking_tells_provisioning_all_of_it() -> None:
    made = store()
    outcome = run(made, replace(REQUEST, bandwidth="100M", z_end=ADDRESS), COUNTER)
    (event,) = made.events
    assert isinstance(event, SurveyRequested)
    assert (event.key, event.survey_id, event.area) == ("SV1", "SV1", "025")
    assert event.image["why_manual"] == "地址不在资源库"
    assert event.image["z_end"] == ADDRESS
    assert "required_date" not in event.image
    assert outcome.details == (("survey_id", "SV1"),)
    assert (survey(made).state, survey(made).serial) == ("requested", "CRM001202611220000000000000001")


def test_asking_again_is_success_without_effect_and_another_question_a_conflict() -> None:
    made = asked()
    before = made.snapshot()
    assert run(made, REQUEST, COUNTER).symbol == "DUPLICATE"
    with pytest.raises(DomainError) as caught:
        run(made, replace(REQUEST, quantity=2), COUNTER)
    assert caught.value.code == "SERIAL_REUSED"
    assert made.snapshot() == before


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"product": "NONE"}, "ATTRIBUTE_INVALID"),
        ({"area": "999"}, "ATTRIBUTE_INVALID"),
        ({"product": "CLIP", "action": "relocate"}, "NO_PROCESS"),
        ({"product_instance_id": "PI9"}, "INSTANCE_UNKNOWN"),
    ],
)
def test_what_cannot_be_surveyed_is_refused(change: dict[str, Any], code: str) -> None:
    made = store()
    with pytest.raises(DomainError) as caught:
        run(made, replace(REQUEST, **change), COUNTER)
    assert caught.value.code == code
    assert made.events == []


def test_only_the_last_answer_closes() -> None:
    made = asked()
    run(made, RecordSurveyReceipt("SV1", True, "OK"))
    assert survey(made).state == "surveying"
    run(made, RecordSurveyResult("SV1", "done", False, net_capacity=True, satisfaction="2"))
    assert (survey(made).state, survey(made).closed_at) == ("surveying", None)
    run(made, RecordSurveyResult("SV1", "done", True, satisfaction="1", budgets=BUDGETS, valid_until="20261201000000"))
    found = survey(made)
    assert (found.state, found.closed_at) == ("done", NOW)
    assert [answer["is_last"] for answer in found.answers] == [False, True]
    assert found.answers[-1]["budgets"] == BUDGETS
    assert found.valid_until is not None
    assert [(entry.subject, entry.input, entry.state_to) for entry in made.moves] == [
        ("survey", "acknowledged", "surveying"),
        ("survey", "done", "done"),
    ]


def test_a_refused_request_is_over() -> None:
    made = asked()
    run(made, RecordSurveyReceipt("SV1", False, "ADDRESS_NOT_COVERED"))
    assert (survey(made).state, survey(made).reason) == ("refused", {"text": "ADDRESS_NOT_COVERED"})


def test_a_cancel_is_told_once_and_ends_with_the_answer() -> None:
    made = asked("surveying")
    run(made, CancelSurvey("SV1", REASON), COUNTER)
    assert run(made, CancelSurvey("SV1", REASON), COUNTER).symbol == "DUPLICATE"
    assert sum(isinstance(event, SurveyCancelled) for event in made.events) == 1
    run(made, RecordSurveyCancelReceipt("SV1", True, "OK"))
    assert survey(made).state == "cancelling"
    run(made, RecordSurveyResult("SV1", "cancelled", True, reason=REASON))
    assert (survey(made).state, survey(made).cancel_serial) == ("cancelled", None)


def test_a_cancel_that_crosses_the_last_answer_finds_it_done() -> None:
    made = asked("surveying")
    run(made, CancelSurvey("SV1", REASON), COUNTER)
    run(made, RecordSurveyResult("SV1", "done", True, satisfaction="1"))
    run(made, RecordSurveyCancelReceipt("SV1", False, "STATE_CONFLICT"))
    assert survey(made).state == "done"


@pytest.mark.parametrize("by", ["receipt", "answer"])
def test_after_a_refused_cancel_the_survey_goes_on(by: str) -> None:
    made = asked("cancelling")
    if by == "receipt":
        run(made, RecordSurveyCancelReceipt("SV1", False, "STATE_CONFLICT"))
    else:
        run(made, RecordSurveyResult("SV1", "refused", False, code="3004"), replace(PF, ref_serial="CANCEL"))
    assert (survey(made).state, survey(made).cancel_serial) == ("surveying", None)


def commands() -> dict[str, Command]:
    return {
        "answered": RecordSurveyResult("SV1", "done", False),
        "done": RecordSurveyResult("SV1", "done", True),
        "cancelled": RecordSurveyResult("SV1", "cancelled", True),
        "refused": RecordSurveyResult("SV1", "refused", True),
        "cancel": CancelSurvey("SV1", REASON),
        "acknowledged": RecordSurveyReceipt("SV1", True, "OK"),
        "not_taken": RecordSurveyReceipt("SV1", False, "BUSY"),
        "cancel_refused": RecordSurveyCancelReceipt("SV1", False, "STATE_CONFLICT"),
    }


@pytest.mark.parametrize("given", MACHINE.inputs)
@pytest.mark.parametrize("state", MACHINE.states)
def test_every_input_in_every_state(state: str, given: str) -> None:
    made = asked(state)
    before = made.snapshot()
    to = MACHINE.to(state, given)
    if to is None:
        with pytest.raises(DomainError) as caught:
            run(made, commands()[given])
        assert (caught.value.code, caught.value.state) == ("STATE_CONFLICT", state)
        assert made.snapshot() == before
    else:
        run(made, commands()[given])
        assert survey(made).state == to


@pytest.mark.parametrize("given", MACHINE.inputs)
def test_an_unknown_survey_is_refused(given: str) -> None:
    made = store()
    with pytest.raises(DomainError) as caught:
        run(made, commands()[given])
    assert (caught.value.code, caught.value.state) == ("STATE_CONFLICT", None)
