"""Survey, scheme and reservation from the counter to PF and RM and back, over the wire (spec 5.1-5.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.wire.times import wire_time
from crm_core.ports import Command
from crm_core.resources.give_back import ExtendReservation, ReleaseReservation
from crm_core.resources.reserve import ReserveResource
from crm_core.schemes.decide import CancelScheme, ConfirmScheme
from gateway.proof.world import START_MS, World, WorldPlan
from gateway.timers import CommandJob
from tests.crm_core.test_reservations import CONFIRM, REASON
from tests.crm_core.test_schemes import REQUEST as SCHEME
from tests.crm_core.test_surveys import REQUEST as SURVEY

pytestmark = pytest.mark.simulation

MINUTE = 60_000
DAY = 1440 * MINUTE


class Counter:
    """A world, and somebody who asks in it."""

    def __init__(self) -> None:
        self.world = World(WorldPlan(seed=1, orders=1))
        self.world.start()
        self.world.clock.advance(MINUTE)

    def ask(self, *commands: Command, wait: int = 5 * MINUTE) -> None:
        """Done, and so long waited."""
        for command in commands:
            self.world.gateway.writer.submit(CommandJob(command, "CRM001", type(command).__name__))
        self.world.clock.advance(wait)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What the store says."""
        with self.world.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def nothing_is_wrong(self) -> bool:
        """No message refused or stuck, nobody called."""
        open_ = self.rows("SELECT code, state FROM message WHERE state NOT IN ('DONE', 'ACCEPTED')")
        return (open_, self.rows("SELECT zh FROM fallout")) == ([], [])


def test_a_survey_is_answered_and_a_confirmation_too() -> None:
    counter = Counter()
    counter.ask(SURVEY, CONFIRM)
    assert counter.rows("SELECT id, state FROM survey") == [("SV1", "done")]
    assert counter.rows("SELECT state FROM confirmation") == [("answered",)]
    assert counter.nothing_is_wrong()


def test_a_reservation_is_held_prolonged_and_given_back() -> None:
    counter = Counter()
    reservation = "SELECT kind, fence, closed FROM reservation WHERE id = 'RV1'"
    counter.ask(ReserveResource("RV1", "025", "PICK", [{"item_no": 1, "res_type": "NUMBER", "quantity": 1}], True, 1800))
    ((kind, fence, closed),) = counter.rows(reservation)
    assert (kind, closed) == ("PICK", 0)
    counter.ask(ExtendReservation("RV1", 3600, "ADVANCE"))
    ((kind, grown, closed),) = counter.rows(reservation)
    assert (kind, closed, grown > fence) == ("ADVANCE", 0, True)
    counter.ask(ReleaseReservation("RV1", REASON))
    assert counter.rows("SELECT closed FROM reservation WHERE id = 'RV1'") == [(1,)]
    assert counter.nothing_is_wrong()


def test_a_scheme_is_designed_confirmed_and_cancelled() -> None:
    counter = Counter()
    customer = {"name": "张示例", "type": "1"}
    counter.ask(replace(SCHEME, customer=customer, required_date=wire_time(START_MS + 90 * DAY)))
    ((scheme_id, version, state),) = counter.rows("SELECT scheme_id, version, state FROM scheme")
    assert state == "30"
    counter.ask(ConfirmScheme("SR1", scheme_id, version, 1))
    assert counter.rows("SELECT state, option_no FROM scheme") == [("40", 1)]
    held = "SELECT r.closed FROM reservation r JOIN scheme s ON s.reservation_id = r.id"
    assert counter.rows(held) == [(0,)]
    counter.ask(CancelScheme("SR1", REASON))
    assert counter.rows("SELECT state, operations_json FROM scheme_request") == [("70", "[]")]
    assert counter.rows(held) == [(1,)]
    assert counter.nothing_is_wrong()
