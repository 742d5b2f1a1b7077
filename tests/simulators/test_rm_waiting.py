"""The waiting list (spec 5.8, 5.9, 04.7): priority then age, held for the head, expired offers pass on, nobody twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wire.times import wire_time
from simulators.brain import Body, Send
from simulators.rm.brain import RmBrain
from simulators.rm.script import read_script
from tests.simulators.talk import START, Talk
from tests.simulators.test_rm import DAY, OTHER, PF, answer, assign, reserve, small, symbol, unassign

HOUR = 3_600_000


def wait(order: str, priority: int = 5, since: int = START, version: int = 1, **need: Any) -> Body:
    wanted = {"res_type": "PORT", "role": "port", "quantity": 1} | need
    body: Body = {"service_order_id": order, "version": version, "area": "025", "item_id": "1", "need": wanted}
    return body | {"priority": priority, "since": wire_time(since)}


def leave(no: str) -> Body:
    return {"area": "025", "waiting_no": no, "reason": {"text": "撤单"}}


def scarce(count: int = 1, building: int = 0) -> RmBrain:
    """A plant whose ports are all assigned to SO0."""
    table = small(count)
    for row in table["type"]:
        row["building"] = building
    rm = RmBrain(table)
    body = assign("SO0", (("PORT", "port"),))
    body["items"][0]["needs"][0]["quantity"] = count
    assert "resources" in rm.on_document("OH03", body, PF, START).sends[0].body["items"][0]
    return rm


def register(rm: RmBrain, body: Body, now: int = START) -> Body:
    return answer(rm.on_document("PI02", body, PF, now))


def free(rm: RmBrain, order: str = "SO0", now: int = START) -> list[Send]:
    """The order gives back what it holds; what RM says because of it."""
    return rm.on_document("OH05", unassign(order), PF, now).sends


def offered(sends: list[Send]) -> list[str]:
    return [send.body["service_order_id"] for send in sends if send.code == "PA01"]


def test_registered_entry_gets_a_number_and_its_place() -> None:
    rm = scarce()
    assert [register(rm, wait(f"SO{n}", since=START + 1000 * n))["position"] for n in (1, 2, 3)] == [1, 2, 3]
    assert register(rm, wait("SO4", priority=9))["position"] == 1
    assert register(rm, wait("SO5", since=START - HOUR))["position"] == 2


def test_priority_counts_first_then_age_then_the_order_of_arrival() -> None:
    rm = scarce(4)
    for body in (wait("LATE", since=START + HOUR), wait("OLD"), wait("SAME"), wait("URGENT", priority=9, since=START + DAY)):
        register(rm, body)
    assert offered(free(rm)) == ["URGENT", "OLD", "SAME", "LATE"]


def test_what_became_free_is_held_for_the_head_and_offered() -> None:
    rm = scarce()
    number = register(rm, wait("SO1"))["waiting_no"]
    (offer,) = free(rm)
    assert (offer.code, offer.system, offer.body["waiting_no"]) == ("PA01", "PF0001", number)
    assert offer.body["expires_at"] == wire_time(START + DAY)
    assert rm.plant.resources[offer.body["resources"][0]["res_inst_id"]].state == "3"
    assert symbol(rm.on_document("RR01", reserve(items=[{"item_no": 1, "res_type": "PORT", "quantity": 1}]), OTHER, START))


def test_offer_is_used_by_the_assignment_that_names_it() -> None:
    rm = scarce()
    number = register(rm, wait("SO1"))["waiting_no"]
    offer = free(rm)[0].body
    body = assign("SO1", (("PORT", "port"),), reservations=[offer["reservation_id"]])
    row = rm.on_document("OH03", body, PF, START).sends[0].body["items"][0]
    assert row["resources"] == offer["resources"]
    assert rm.due(START + 30 * DAY).sends == []
    assert answer(rm.on_document("PI03", leave(number), PF, START)) == {"waiting_no": number, "outcome": "not_waiting"}


def test_expired_offer_passes_to_the_next_and_its_owner_hears_of_it() -> None:
    rm = scarce()
    register(rm, wait("SO1"))
    register(rm, wait("SO2"))
    first = free(rm)[0].body
    told = rm.due(START + DAY).sends
    assert [(send.code, send.body["service_order_id"]) for send in told] == [("RR04", "SO1"), ("PA01", "SO2")]
    body = assign("SO1", (("PORT", "port"),), reservations=[first["reservation_id"]])
    assert rm.on_document("OH03", body, PF, START + DAY).sends[0].body["items"][0]["code"] == "3010"


def test_who_let_an_offer_expire_may_register_again_with_its_age() -> None:
    rm = scarce()
    numbers = [register(rm, wait(order))["waiting_no"] for order in ("SO1", "SO2")]
    free(rm)
    rm.due(START + DAY)
    again = register(rm, wait("SO1"), START + DAY)
    assert again["waiting_no"] not in numbers
    assert offered(rm.due(START + 2 * DAY).sends) == ["SO1"]


def test_leaving_gives_a_held_offer_to_the_next_and_is_idempotent() -> None:
    rm = scarce()
    first, second = (register(rm, wait(order))["waiting_no"] for order in ("SO1", "SO2"))
    resources = free(rm)[0].body["resources"]
    reaction = rm.on_document("PI03", leave(first), PF, START)
    assert answer(reaction) == {"waiting_no": first, "outcome": "left", "returned_resources": resources}
    assert offered(reaction.sends) == ["SO2"]
    assert answer(rm.on_document("PI03", leave(first), PF, START))["outcome"] == "not_waiting"
    assert symbol(rm.on_document("PI03", leave(second), OTHER, START)) == "NOT_PERMITTED"


def test_one_that_left_the_queue_is_passed_over() -> None:
    rm = scarce()
    number = register(rm, wait("SO1"))["waiting_no"]
    register(rm, wait("SO2"))
    assert answer(rm.on_document("PI03", leave(number), PF, START)) == {"waiting_no": number, "outcome": "left"}
    assert offered(free(rm)) == ["SO2"]
    assert answer(rm.on_document("PI03", leave("WT0259999999999"), PF, START))["outcome"] == "not_waiting"


def test_registering_again_is_known_another_need_is_refused_an_older_version_too() -> None:
    rm = scarce()
    first = register(rm, wait("SO1", version=2))
    again = rm.on_document("PI02", wait("SO1", version=2), PF, START)
    assert (again.known, again.answer) == (True, first)
    assert symbol(rm.on_document("PI02", wait("SO1", version=2, quantity=2), PF, START)) == "SERIAL_REUSED"
    assert symbol(rm.on_document("PI02", wait("SO1"), PF, START)) == "STALE_VERSION"
    assert len(rm.waiting) == 1


REFUSED = [
    ({"area": "010"}, "ADDRESS_NOT_COVERED"),
    ({"need": {"res_type": "SATELLITE", "role": "port", "quantity": 1}}, "ADDRESS_NOT_COVERED"),
    ({"since": "20269999999999"}, "DATE_INVALID"),
]


@pytest.mark.parametrize(("more", "expected"), REFUSED)
def test_entry_that_makes_no_sense_is_refused(more: Body, expected: str) -> None:
    rm = scarce()
    assert symbol(rm.on_document("PI02", wait("SO1") | more, PF, START)) == expected
    assert len(rm.waiting) == 0


def test_registration_finds_what_became_free_meanwhile() -> None:
    rm = scarce()
    free(rm)
    reaction = rm.on_document("PI02", wait("SO1"), PF, START)
    assert offered(reaction.sends) == ["SO1"]


def test_capacity_taken_into_service_feeds_the_queue() -> None:
    rm = scarce(building=2)
    for order in ("SO1", "SO2", "SO3"):
        register(rm, wait(order))
    assert offered(rm.bring_into_service("025", "PORT", 5, START).sends) == ["SO1", "SO2"]
    assert rm.plant.free_count("025", "PORT") == 0


def test_script_takes_capacity_into_service_at_its_instant() -> None:
    event = {"at": wire_time(START + HOUR), "area": "025", "res_type": "PORT", "quantity": 1}
    table = small(1)
    table["type"][1]["building"] = 1
    rm = RmBrain(table, script=read_script({"event": [event]}))
    rm.on_document("OH03", assign("SO0", (("PORT", "port"),)), PF, START)
    register(rm, wait("SO1"))
    assert rm.next_due() == START + HOUR
    assert offered(rm.due(START + HOUR).sends) == ["SO1"]


def test_under_construction_is_not_given_to_anybody() -> None:
    rm = scarce(building=1)
    assert rm.plant.choose("025", "PORT", 1) == []
    named = [{"item_no": 1, "res_type": "PORT", "res_inst_id": "PORTNJGL010000001", "quantity": 1}]
    assert symbol(rm.on_document("RR01", reserve(items=named), OTHER, START)) == "RESOURCE_UNAVAILABLE"


def test_bureau_of_the_need_is_kept_to() -> None:
    table = small(1)
    table["area"][0]["bureaus"] = ["NJGL01", "NJXW02"]
    rm = RmBrain(table)
    for n in (1, 2):
        rm.on_document("OH03", assign(f"SO{n}", (("PORT", "port"),)), PF, START)
    register(rm, wait("NJXW", rule={"address": {"text": "示例路1号", "area": "025", "bureau": "NJXW02"}}))
    register(rm, wait("ANY", since=START + HOUR))
    assert offered(free(rm, "SO1")) == ["ANY"]
    assert offered(free(rm, "SO2")) == ["NJXW"]


def test_need_of_two_collects_until_both_are_there_and_yields_to_the_more_urgent() -> None:
    rm = scarce(1, building=1)
    register(rm, wait("PAIR", quantity=2))
    assert offered(free(rm)) == []
    assert offered(rm.on_document("PI02", wait("SO2", priority=9), PF, START).sends) == []
    register(rm, wait("SO3", priority=9, since=START - HOUR, quantity=2))
    assert offered(rm.bring_into_service("025", "PORT", 1, START).sends) == ["SO3"]


def test_return_frees_an_offer_that_was_used() -> None:
    rm = scarce()
    register(rm, wait("SO1"))
    offer = free(rm)[0].body
    rm.on_document("OH03", assign("SO1", (("PORT", "port"),), reservations=[offer["reservation_id"]]), PF, START)
    free(rm, "SO1")
    rm.on_document("OH05", unassign("SO1", "10R"), PF, START)
    assert rm.plant.free_count("025", "PORT") == 1


def test_offer_travels_as_its_schema_says() -> None:
    rm = scarce()
    talk = Talk(rm)
    register(rm, wait("SO1"))
    body = talk.through_codec("PA01", "ResourceAvailable", free(rm)[0].body)
    assert body["resources"][0]["res_type"] == "PORT"


@settings(max_examples=60, deadline=None)
@given(
    entries=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=12),
    quitting=st.sets(st.integers(0, 11)),
    capacity=st.integers(1, 4),
)
def test_everybody_is_served_once_in_order(entries: list[tuple[int, int]], quitting: set[int], capacity: int) -> None:
    rm = scarce(capacity)
    numbers: list[str] = []
    for n, (priority, age) in enumerate(entries):
        numbers.append(register(rm, wait(f"W{n:02d}", priority, START - age * HOUR))["waiting_no"])
    for n in sorted(quitting & set(range(len(entries)))):
        rm.on_document("PI03", leave(numbers[n]), PF, START)
    staying = [n for n in range(len(entries)) if n not in quitting]
    expected = [f"W{n:02d}" for n in sorted(staying, key=lambda n: (-entries[n][0], -entries[n][1], n))]
    served: list[str] = []
    sends, now = free(rm), START
    while offered(sends):
        held = [ref["res_inst_id"] for send in sends if send.code == "PA01" for ref in send.body["resources"]]
        assert len(held) == len(set(held)) <= capacity
        served += offered(sends)
        now += DAY
        sends = rm.due(now).sends
    assert served == expected
    assert sum(rm.ledger.counts.values()) == rm.ledger.created
