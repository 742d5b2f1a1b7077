"""One order walks through everything (architecture 5); the wire shows it line by line."""

from __future__ import annotations

import pytest

from adapters.store import queries
from adapters.wire.layout import Layout
from gateway.proof.conversation import Said, conversation
from gateway.proof.world import BILL, CHANNEL, CRM, PF, RM, World, WorldPlan
from schemas.loader import load

pytestmark = pytest.mark.simulation

WALK = [
    "CH0001 > CRM001 CH01 request",
    "CRM001 > CH0001 CH01 receipt",
    "CRM001 > PF0001 OH01 request",
    "PF0001 > CRM001 OH01 receipt",
    "PF0001 > CRM001 OH02 notification",
    "PF0001 > RM0001 OH03 request",
    "RM0001 > PF0001 OH03 receipt",
    "RM0001 > PF0001 OH04 notification",
    "CRM001 > PF0001 OH02 receipt",
    "PF0001 > RM0001 OH04 receipt",
    "PF0001 > CRM001 OH07 notification",
    "CRM001 > PF0001 OH07 receipt",
    "PF0001 > CRM001 OH07 notification",
    "CRM001 > PF0001 OH07 receipt",
    "PF0001 > CRM001 OH07 notification",
    "CRM001 > PF0001 OH07 receipt",
    "PF0001 > CRM001 OH07 notification",
    "CRM001 > PF0001 OH07 receipt",
    "PF0001 > RM0001 OH06 request",
    "RM0001 > PF0001 OH06 reply",
    "PF0001 > CRM001 OH08 request",
    "CRM001 > PF0001 OH08 receipt",
    "CRM001 > BIL001 BL01 request",
    "CRM001 > PF0001 OH13 notification",
    "CRM001 > CH0001 CH02 notification",
    "BIL001 > CRM001 BL01 receipt",
    "BIL001 > CRM001 BL02 notification",
    "PF0001 > CRM001 OH13 receipt",
    "CH0001 > CRM001 CH02 receipt",
    "CRM001 > BIL001 BL02 receipt",
]


@pytest.fixture(scope="module")
def world() -> World:
    world = World(WorldPlan(seed=1, orders=1, keep=None))
    outcome = world.run()
    assert outcome.sound, outcome
    return world


@pytest.fixture(scope="module")
def said(world: World) -> list[Said]:
    return list(conversation(world.trace.lines, Layout(load().layout("ctif-128"))))


def test_the_wire_shows_the_walk_line_by_line(said: list[Said]) -> None:
    assert [str(line) for line in said] == WALK


def test_every_answer_carries_the_serial_it_answers_and_nothing_was_refused(said: list[Said]) -> None:
    asked = {line.serial for line in said if line.kind in ("request", "notification")}
    answers = [line for line in said if line.kind in ("receipt", "reply")]
    assert len(asked) == len(answers) == 15
    assert {line.serial for line in answers} == asked
    assert {line.result for line in answers} == {"0000", "0001"}


def test_reports_are_numbered_without_a_gap(said: list[Said], world: World) -> None:
    reports = [line for line in said if line.sender == PF and line.receiver == CRM and line.kind != "receipt"]
    numbers = [world.gateway.codec.decode(line.body).body["report_seq"] for line in reports]
    assert numbers == list(range(1, len(reports) + 1))


def test_the_walk_leaves_order_instance_and_billing_as_they_must_be(world: World) -> None:
    with world.engine.connect() as connection:
        (order_id,) = queries.service_order_ids(connection, "DEMO0000-01")
        order = queries.order(connection, order_id)
        instance = connection.exec_driver_sql("SELECT status, resources_json <> '[]' FROM product_instance").one()
    assert order is not None
    assert [item["progress"] for item in order["items"]] == ["COMPLETED"]
    assert [entry["state_to"] for entry in order["history"]] == [
        "SUBMITTED", "ACKNOWLEDGED", "ACCEPTED", "IN_PROGRESS", "COMPLETED",
    ]  # fmt: skip
    assert [stage["stage"] for stage in order["stages"]] == ["NUMBER_ASSIGN", "LINE_ASSIGN", "DATA_CONFIG", "FIELD"]
    assert [(fact["kind"], fact["state"]) for fact in order["billing"]] == [("start", "accepted")]
    assert order["fallouts"] == []
    assert tuple(instance) == ("active", 1)


def test_everybody_remembers_the_same(world: World) -> None:
    ledgers = {system: host.ledger for system, host in world.hosts.items()}
    (order_id,) = ledgers[CHANNEL]["accepted"]["DEMO0000-01"]
    assert ledgers[CHANNEL]["notices"] == {order_id: ["COMPLETED"]}
    assert ledgers[PF]["orders"][order_id]["state"] == "COMPLETED"
    assert ledgers[RM]["counts"] == {"held": 0, "consumed": 3, "released": 0, "expired": 0}
    assert [fact["refused"] for fact in ledgers[BILL]["facts"]] == [None]
