"""What a lock does to resources (spec 5.11): LK03 stops expiry, LK04 lets it run on or takes back."""

from __future__ import annotations

import pytest

from adapters.wire.times import wire_time
from simulators.brain import Body
from simulators.installed import Installed
from simulators.rm.brain import RmBrain
from tests.simulators.talk import START
from tests.simulators.test_rm import CRM, DAY, PF, answer, archive, assign, extend, reserve, symbol

HOUR = 3_600_000


def hold(version: int = 1) -> Body:
    return {"service_order_id": "SO1", "version": version, "area": "025"}


def recover(mode: str, version: int = 1) -> Body:
    return hold(version) | {"mode": mode}


def reserved() -> RmBrain:
    """SO1 has a reservation of an hour."""
    rm = RmBrain()
    rm.on_document("RR01", reserve(service_order_id="SO1", ttl_seconds=3600), CRM, START)
    return rm


def test_hold_lists_what_the_order_holds_and_stops_its_time() -> None:
    rm = reserved()
    (held,) = answer(rm.on_document("LK03", hold(), PF, START + HOUR // 2))["held"]
    assert (held["reservation_id"], held["res_state"], held["remaining_seconds"]) == ("R1", "1", 1800)
    assert rm.due(START + DAY).sends == []
    assert rm.ledger.counts["held"] == 1


def test_hold_again_keeps_the_same_remaining_time() -> None:
    rm = reserved()
    first = answer(rm.on_document("LK03", hold(), PF, START + HOUR // 2))
    assert answer(rm.on_document("LK03", hold(), PF, START + HOUR * 3)) == first


def test_resume_lets_the_remaining_time_run() -> None:
    rm = reserved()
    rm.on_document("LK03", hold(), PF, START + HOUR // 2)
    (entry,) = answer(rm.on_document("LK04", recover("resume"), PF, START + DAY))["resources"]
    assert entry["expires_at"] == wire_time(START + DAY + HOUR // 2)
    assert rm.due(START + DAY + HOUR // 2 - 1).sends == []
    assert [send.code for send in rm.due(START + DAY + HOUR // 2).sends] == ["RR04"]


def test_assignment_has_no_time_to_stop() -> None:
    rm = RmBrain()
    rm.on_document("OH03", assign(), PF, START)
    (held,) = answer(rm.on_document("LK03", hold(), PF, START))["held"]
    assert "remaining_seconds" not in held
    assert held["res_state"] == "3"


def test_order_without_resources_holds_nothing() -> None:
    assert answer(RmBrain().on_document("LK03", hold(), PF, START)) == {"service_order_id": "SO1"}
    assert answer(RmBrain().on_document("LK04", recover("resume"), PF, START)) == {"service_order_id": "SO1"}


def test_recover_releases_all_and_a_later_assignment_starts_anew() -> None:
    rm = reserved()
    rm.on_document("OH03", assign(needs=(("PORT", "port"),)), PF, START)
    entries = answer(rm.on_document("LK04", recover("recover"), PF, START))["resources"]
    assert {entry["res_state"] for entry in entries} == {"0"}
    assert rm.ledger.counts["held"] == 0
    assert "resources" in rm.on_document("OH03", assign(), PF, START).sends[0].body["items"][0]


def test_recover_puts_what_the_order_would_give_back_into_use() -> None:
    rm = RmBrain(installed=[Installed("PISO1", "A1", "025", "P1", START, ("PORT",))])
    body = assign(needs=())
    body["items"][0]["action"] = "disconnect"
    rm.on_document("OH03", body, PF, START)
    rm.on_document("LK04", recover("recover"), PF, START)
    assert [row.state for row in rm.plant.serving("PISO1")] == ["4"]


def test_what_is_in_use_cannot_be_recovered() -> None:
    rm = RmBrain()
    rm.on_document("OH03", assign(), PF, START)
    rm.on_document("OH06", archive("use"), PF, START)
    assert symbol(rm.on_document("LK04", recover("recover"), PF, START)) == "RESOURCE_UNAVAILABLE"


def test_hold_comes_too_late_for_what_has_expired() -> None:
    rm = reserved()
    refused = rm.on_document("LK03", hold(), PF, START + HOUR)
    assert symbol(refused) == "HOLD_EXPIRED"
    assert [send.code for send in refused.sends] == ["RR04"]


@pytest.mark.parametrize(("code", "body"), [("LK03", hold(1)), ("LK04", recover("resume", 1))])
def test_older_version_is_refused(code: str, body: Body) -> None:
    rm = reserved()
    rm.on_document("LK03", hold(2), PF, START)
    assert symbol(rm.on_document(code, body, PF, START)) == "STALE_VERSION"


def test_extension_under_a_lock_adds_to_the_time_left() -> None:
    rm = reserved()
    rm.on_document("LK03", hold(), PF, START)
    longer = answer(rm.on_document("RR03", extend(1, ttl_seconds=7200), CRM, START))
    assert "expires_at" not in longer
    (held,) = answer(rm.on_document("LK03", hold(), PF, START + DAY))["held"]
    assert held["remaining_seconds"] == 7200
