"""New dates asked for in the field, and a lock that keeps no resources, against the real CRM core (spec 5.4 OH11, 5.11)."""

from __future__ import annotations

import pytest

from gateway.proof.world import PF, RM
from simulators.pf.script import Act, Script
from simulators.scripts import Scripts
from tests.simulation.test_operations import Talk
from tests.simulation.test_waiting_orders import at

pytestmark = pytest.mark.simulation


def test_field_staff_ask_for_another_date_the_crm_agrees_and_both_know_it() -> None:
    talk = Talk(scripts=Scripts(pf=Script((Act("reschedule", stage="FIELD", ms=86_400_000),))))
    assert talk.end() == []
    order = talk.seen()
    assert (order["state"], order["fallouts"]) == ("COMPLETED", [])
    (asked,) = [message for message in order["messages"] if message["code"] == "OH11"]
    (answer,) = [message for message in order["messages"] if message["code"] == "OH14"]
    assert (asked["direction"], asked["state"], answer["direction"], answer["state"]) == ("in", "DONE", "out", "DONE")
    assert answer["ref_serial"] == asked["serial"]
    assert order["booked_at"] is not None


def holds(talk: Talk) -> int:
    """Resources held at RM for the order."""
    entries = talk.world.hosts[RM].ledger["reservations"].values()
    return sum(state == "held" for entry in entries if entry["order"] == talk.order for _, state in entry["holds"])


def test_a_lock_that_keeps_no_resources_frees_them_and_the_order_still_ends() -> None:
    talk = Talk(scripts=Scripts(pf=Script((Act("slow", stage="FIELD", ms=600_000),))))
    talk.advance(10)
    assert holds(talk) > 0
    lease = {"reason": {"text": "核查"}, "locked_by": "OP1", "lease_until": at(talk, 3600), "keep_resources": False}
    assert talk.ask("lock", lease)["code"] == "0001"
    talk.advance(30)
    assert (holds(talk), talk.seen()["ended_at"]) == (0, None)
    assert talk.end() == []
    assert (talk.seen()["state"], talk.world.hosts[PF].ledger["orders"][talk.order]["state"]) == ("COMPLETED", "COMPLETED")
