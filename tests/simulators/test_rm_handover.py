"""RM: a reservation passes to provisioning with the order that brings it, and comes back with it (spec 5.3)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.times import wire_time
from simulators.brain import Body
from simulators.rm.brain import RmBrain
from tests.simulators.talk import START
from tests.simulators.test_rm import CRM, DAY, PF, answer, archive, assign, extend, release, reserve, result, symbol, unassign

TWO = {"items": [{"item_no": 1, "res_type": "NUMBER", "quantity": 1}, {"item_no": 2, "res_type": "NUMBER", "quantity": 1}]}
RETURN, CANCEL = "10R002", "10C001"
HOUR = DAY // 24


def reserved(rm: RmBrain, **more: Any) -> tuple[int, list[str]]:
    """Two numbers under R1: the fence, and which."""
    got = answer(rm.on_document("RR01", reserve(**TWO | more), CRM, START))
    return got["fence"], [row["resources"][0]["res_inst_id"] for row in got["items"]]


def brought(**more: Any) -> tuple[RmBrain, int, list[str]]:
    """An order has brought R1 and uses the first of its numbers."""
    rm = RmBrain()
    fence, numbers = reserved(rm, **more)
    assert result(rm, assign(reservations=["R1"]))["resources"][0]["res_inst_id"] == numbers[0]
    return rm, fence, numbers


def states_of(rm: RmBrain, numbers: list[str]) -> list[str]:
    return [rm.plant.resources[number].state for number in numbers]


def expiries(rm: RmBrain, at: int) -> list[str]:
    return [send.body["reservation_id"] for send in rm.due(at).sends if send.code == "RR04"]


def items_of(body: Body) -> list[tuple[int, str, str | None]]:
    return [(row["item_no"], row["result"], row.get("code")) for row in body["items"]]


def test_what_an_order_brought_does_not_expire_while_it_is_open_used_or_not() -> None:
    rm, _, numbers = brought(ttl_seconds=600)
    assert expiries(rm, START + 365 * DAY) == []
    assert states_of(rm, numbers) == ["3", "1"]


def test_while_it_is_open_its_reserver_can_neither_prolong_nor_release_nor_reserve_it_again() -> None:
    rm, fence, numbers = brought()
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START)) == "NOT_PERMITTED"
    freed = answer(rm.on_document("RR02", release(fence=fence), CRM, START))
    assert items_of(freed) == [(2, "refused", "2002"), (1, "refused", "2002")]
    assert states_of(rm, numbers) == ["3", "1"]
    rm.on_document("OH03", assign("SO2", (("NUMBER", "number"), ("NUMBER", "number")), reservations=["R1"]), PF, START)
    rm.on_document("OH06", archive("use"), PF, START)
    assert states_of(rm, numbers) == ["4", "3"]


def test_all_of_it_with_an_order_is_another_s() -> None:
    rm = RmBrain()
    rm.on_document("RR01", reserve(), CRM, START)
    rm.on_document("OH03", assign(reservations=["R1"]), PF, START)
    assert symbol(rm.on_document("RR01", reserve(), CRM, START)) == "RESOURCE_HELD"


@pytest.mark.parametrize("used", [False, True])
@pytest.mark.parametrize(("channel", "lasts"), [("COUNTER", DAY), ("ONLINE", 4 * DAY)])
def test_with_a_return_it_comes_back_whole_for_a_fresh_time(channel: str, lasts: int, used: bool) -> None:
    rm, fence, numbers = brought(ttl_seconds=600, channel=channel)
    if used:
        rm.on_document("OH06", archive("use"), PF, START)
        assert states_of(rm, numbers)[0] == "4"
    back = START + 8 * 60_000
    rm.on_document("OH05", unassign(code=RETURN), PF, back)
    assert states_of(rm, numbers)[0] == "3"
    assert expiries(rm, back + lasts - 1) == []
    assert expiries(rm, back + lasts) == ["R1"]
    assert states_of(rm, numbers) == ["0", "0"]
    counts = rm.ledger.counts
    assert (counts["held"], sum(counts.values())) == (0, rm.ledger.created)
    assert symbol(rm.on_document("RR03", extend(fence), CRM, back + lasts)) == "HOLD_EXPIRED"


def test_come_back_it_is_its_reserver_s_under_the_fence_it_knows() -> None:
    rm, fence, numbers = brought()
    rm.on_document("OH05", unassign(code=RETURN), PF, START)
    longer = answer(rm.on_document("RR03", extend(fence, ttl_seconds=3600), CRM, START))
    assert longer["expires_at"] == wire_time(START + HOUR)
    freed = answer(rm.on_document("RR02", release(fence=longer["fence"]), CRM, START))
    assert sorted(items_of(freed)) == [(1, "released", None), (2, "released", None)]
    assert states_of(rm, numbers) == ["0", "0"]
    late = assign(version=2, reservations=["R1"])
    assert result(rm, late)["code"] == "3010"


def test_it_passes_on_again_with_the_next_dispatch() -> None:
    rm, fence, numbers = brought()
    rm.on_document("OH05", unassign(code=RETURN), PF, START)
    again = result(rm, assign(version=2, reservations=["R1"]))
    assert again["resources"][0]["res_inst_id"] in numbers
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START)) == "NOT_PERMITTED"
    assert expiries(rm, START + 365 * DAY) == []


@pytest.mark.parametrize("assigned", [False, True])
def test_any_other_end_frees_it_with_what_nobody_used_of_it(assigned: bool) -> None:
    rm = RmBrain(scale=0.01)
    fence, numbers = reserved(rm)
    needs = (("NUMBER", "number"),) if assigned else (("NUMBER", "number"), ("ACCOUNT", "account"))
    body = assign("SO1", needs, reservations=["R1"])
    if not assigned:
        body["items"][0]["needs"][1]["rule"] = {"pattern": "NONE"}
    assert ("shortage" in result(rm, body)) is not assigned
    rm.on_document("OH05", unassign(code=CANCEL), PF, START)
    assert states_of(rm, numbers) == ["0", "0"]
    assert answer(rm.on_document("RR02", release(fence=fence), CRM, START))["reservation_id"] == "R1"
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START)) == "HOLD_EXPIRED"


def test_when_all_the_order_needs_is_in_use_what_it_left_runs_on() -> None:
    rm, fence, numbers = brought(ttl_seconds=600)
    rm.on_document("OH06", archive("use"), PF, START + HOUR)
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START + HOUR)) is None
    assert expiries(rm, START + HOUR + 600_000) == ["R1"]
    assert states_of(rm, numbers) == ["4", "0"]


def test_what_two_orders_brought_stays_with_the_one_still_open() -> None:
    rm, fence, numbers = brought()
    result(rm, assign("SO2", reservations=["R1"]))
    rm.on_document("OH05", unassign("SO1", RETURN), PF, START)
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START)) == "NOT_PERMITTED"
    assert expiries(rm, START + 365 * DAY) == []
    rm.on_document("OH05", unassign("SO2", CANCEL), PF, START)
    assert states_of(rm, numbers) == ["0", "0"]


def test_what_has_expired_is_released_with_the_fence_it_was_given() -> None:
    rm = RmBrain()
    fence, numbers = reserved(rm, ttl_seconds=600)
    assert expiries(rm, START + DAY) == ["R1"]
    assert answer(rm.on_document("RR02", release(fence=fence), CRM, START + DAY))["reservation_id"] == "R1"
    assert states_of(rm, numbers) == ["0", "0"]


def test_items_that_come_back_one_by_one_leave_the_rest_with_the_order() -> None:
    rm = RmBrain()
    fence, numbers = reserved(rm)
    body = assign(reservations=["R1"])
    body["items"].append(body["items"][0] | {"item_id": "2", "product_instance_id": "PI2"})
    rm.on_document("OH03", body, PF, START)
    rm.on_document("OH05", unassign(code=RETURN) | {"items": ["1"]}, PF, START)
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START)) == "NOT_PERMITTED"
    assert expiries(rm, START + 365 * DAY) == []
    rm.on_document("OH05", unassign(code=RETURN) | {"items": ["2"]}, PF, START + 365 * DAY)
    assert states_of(rm, numbers) == ["3", "3"]
    assert expiries(rm, START + 366 * DAY) == ["R1"]
