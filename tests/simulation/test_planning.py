"""Survey and scheme through the real CRM, PF and RM: asked by a person, answered over the wire (spec 5.1, 5.2)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from crm_core.schemes.decide import CancelScheme, ConfirmScheme, RejectScheme
from crm_core.schemes.request_scheme import RequestScheme
from crm_core.surveys.cancel_survey import CancelSurvey
from crm_core.surveys.request_survey import RequestSurvey
from gateway.proof.world import CRM, RM, World, WorldPlan
from gateway.timers import CommandJob

pytestmark = pytest.mark.simulation

HOME = {"text": "南京市鼓楼区示例路1号", "area": "025", "bureau": "NJGL01"}
FAR = {"text": "苏州市样例路8号", "area": "0512", "bureau": "SZYQ01"}
CONTACT = {"name": "张示例", "phone": "13800000000"}


@pytest.fixture
def world() -> World:
    """A world whose first order is done."""
    world = World(WorldPlan(seed=3, orders=1, direct=True))
    assert world.run().sound
    return world


def say(world: World, command: Any) -> None:
    """A person at the CRM says something; then everything that follows."""
    world.gateway.writer.submit(CommandJob(command, CRM, type(command).__name__))
    outcome = world.finish()
    assert outcome.quiet
    assert (outcome.defects, outcome.violations) == ([], [])


def value(world: World, query: str) -> Any:
    with world.engine.connect() as connection:
        return connection.execute(text(query)).scalar()


def survey(**more: Any) -> RequestSurvey:
    return RequestSurvey("SV1", "025", "FTTH", "install", 1, ["FTTH"], HOME, CONTACT, "新建小区", **more)


def scheme() -> RequestScheme:
    item = {"product": "CAMERA", "a_end": HOME, "z_end": FAR, "bandwidth": "10M", "protection": "NONE", "quantity": 1}
    return RequestScheme("SR1", "025", {"name": "示例公司", "type": "2"}, [item], "20270101000000", CONTACT)


def test_survey_is_answered_and_closed(world: World) -> None:
    say(world, survey())
    assert value(world, "SELECT state FROM survey") == "done"


def test_survey_is_cancelled(world: World) -> None:
    world.gateway.writer.submit(CommandJob(survey(), CRM, "survey"))
    say(world, CancelSurvey("SV1", {"text": "用户取消"}))
    assert value(world, "SELECT state FROM survey") == "cancelled"


def test_scheme_is_designed_redone_confirmed_and_cancelled(world: World) -> None:
    say(world, scheme())
    assert value(world, "SELECT state FROM scheme_request") == "30"
    scheme_id = value(world, "SELECT scheme_id FROM scheme_request")
    say(world, RejectScheme("SR1", scheme_id, 1, {"text": "太贵"}, True))
    assert (value(world, "SELECT state FROM scheme_request"), value(world, "SELECT version FROM scheme_request")) == ("30", 2)
    say(world, ConfirmScheme("SR1", scheme_id, 2, 1))
    assert value(world, "SELECT state FROM scheme_request") == "40"
    ledger = world.hosts[RM].ledger
    held = ledger["counts"]["held"]
    assert held > 0
    say(world, CancelScheme("SR1", {"text": "不办了"}))
    assert value(world, "SELECT state FROM scheme_request") == "70"
    assert world.hosts[RM].ledger["counts"]["held"] == 0
