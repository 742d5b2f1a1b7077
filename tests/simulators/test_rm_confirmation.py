"""RC01 (spec 5.1): options, numbers, two ends merged, pre-occupation, refusals."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.wire.times import wire_time
from schemas.loader import load
from simulators.brain import Body
from simulators.installed import Installed
from simulators.rm.access import Access
from simulators.rm.brain import RmBrain
from simulators.rm.confirmation import worst
from simulators.rm.plant import Plant, load_table
from tests.simulators.talk import START, Talk
from tests.simulators.test_rm import CRM, OTHER, answer, small, symbol

HOME: Body = {"text": "南京市鼓楼区示例路1号", "area": "025", "bureau": "NJGL01"}
FAR: Body = {"text": "苏州市样例路8号", "area": "0512", "bureau": "SZYQ01"}


def need(product: str = "FTTH", modes: tuple[str, ...] = ("FTTH",), **more: Any) -> Body:
    body: Body = {"area": "025", "product": product, "action": "install", "quantity": 1, "access_modes": list(modes)}
    return body | {"a_end": HOME} | more


def confirm(rm: RmBrain, body: Body, now: int = START) -> Body:
    talk = Talk(rm)
    reaction = rm.on_document("RC01", talk.through_codec("RC01", "ConfirmResource", body), CRM, now)
    return talk.through_codec("RC01", "ResourceConfirmation", answer(reaction))


def test_option_tells_mode_bureau_count_distance_days_and_cost() -> None:
    (option,) = confirm(RmBrain(), need())["options"]
    assert (option["access_mode"], option["bureau"], option["free_count"]) == ("FTTH", "NJGL01", 100_000)
    assert (option["lead_days"], option["one_off_cost"]) == (7, 10_000)
    assert 100 <= option["distance_m"] < 4_000


def test_address_without_a_bureau_gets_an_option_of_every_bureau_in_reach() -> None:
    body = need(a_end={"text": "南京市示例路2号", "area": "025"})
    options = confirm(RmBrain(), body)["options"]
    assert sorted(option["bureau"] for option in options) == ["NJGL01", "NJGL02", "NJJN01", "NJJY01", "NJXW02"]


def test_only_modes_asked_for_and_fit_for_the_product_are_offered() -> None:
    answered = confirm(RmBrain(), need("POTS", ("FTTB", "RADIO")))
    assert [option["access_mode"] for option in answered["options"]] == ["FTTB"]


def test_numbers_are_shown_and_stay_free() -> None:
    rm = RmBrain()
    first = confirm(rm, need("POTS", ("FTTB",)))
    assert len(first["numbers"]) == 10
    assert confirm(rm, need("POTS", ("FTTB",)))["numbers"] == first["numbers"]
    assert rm.ledger.created == 0


def test_number_is_no_matter_where_none_is_needed() -> None:
    assert "numbers" not in confirm(RmBrain(), need("POTS", ("FTTB",), action="relocate"))


RESULTS = [(1, "1"), (3, "1"), (4, "2")]


@pytest.mark.parametrize(("quantity", "result"), RESULTS)
def test_result_says_whether_the_quantity_is_there(quantity: int, result: str) -> None:
    answered = confirm(RmBrain(small(3)), need(quantity=quantity))
    assert answered["result"] == result
    assert ("reason" in answered) == (result != "1")


def test_nothing_free_is_unavailable_with_the_reason_of_the_type() -> None:
    rm = RmBrain(small(1))
    confirm(rm, need(pre_occupy={"reservation_id": "R1", "kind": "PICK"}))
    answered = confirm(rm, need())
    assert (answered["result"], answered["reason"]["code"]) == ("0", "10W001")
    assert "options" not in answered


def test_mode_out_of_reach_is_unavailable() -> None:
    access = Access(Plant(load_table()))
    far = next(
        address
        for n in range(100)
        if access.distance(address := HOME | {"text": f"示例路{n}号"}, "NJGL01") > access.modes["COPPER"].reach_m
    )
    assert confirm(RmBrain(), need("ADSL", ("COPPER",), a_end=far))["result"] == "0"


def test_two_ends_merge_to_the_worse_result_the_longer_days_and_the_sum() -> None:
    rm = RmBrain(small(3))
    two = need("DDN", ("FIBRE",), z_end=FAR)
    (option,) = confirm(rm, two)["options"]
    assert (option["free_count"], option["lead_days"], option["one_off_cost"]) == (3, 15, 600_000)
    items = [{"item_no": 1, "res_type": "PORT", "quantity": 2}]
    rm.on_document(
        "RR01", {"area": "0512", "reservation_id": "R9", "kind": "PICK", "items": items, "all_or_nothing": True}, CRM, START
    )
    assert confirm(rm, two | {"quantity": 2})["result"] == "2"
    assert confirm(rm, two)["options"][0]["free_count"] == 1


WORST = [("1", "1", "1"), ("1", "2", "2"), ("2", "0", "0"), ("0", "1", "0")]


@pytest.mark.parametrize(("a_end", "z_end", "both"), WORST)
def test_worse_end_counts(a_end: str, z_end: str, both: str) -> None:
    assert worst([a_end, z_end]) == both


def test_pre_occupation_reserves_the_whole_way() -> None:
    rm = RmBrain()
    answered = confirm(rm, need("DDN", ("FIBRE",), z_end=FAR, pre_occupy={"reservation_id": "R1", "kind": "ADVANCE"}))
    assert sorted((ref["res_type"], ref["role"]) for ref in answered["reserved"]) == [
        ("FIBRE", "core"),
        ("FIBRE", "core"),
        ("PORT", "A"),
        ("PORT", "Z"),
    ]
    assert answered["expires_at"] == wire_time(START + 86_400_000)
    assert {rm.plant.resources[ref["res_inst_id"]].area for ref in answered["reserved"]} == {"025", "0512"}
    assert rm.ledger.entries["R1"].fence == answered["fence"]


def test_same_pre_occupation_again_holds_nothing_more_another_need_is_refused() -> None:
    rm = RmBrain(small(3))
    body = need(pre_occupy={"reservation_id": "R1", "kind": "PICK"})
    first = confirm(rm, body)
    again = rm.on_document("RC01", body, CRM, START)
    assert again.known
    assert answer(again)["reserved"] == first["reserved"]
    assert symbol(rm.on_document("RC01", body | {"quantity": 2}, CRM, START)) == "SERIAL_REUSED"
    assert symbol(rm.on_document("RC01", body, OTHER, START)) == "RESOURCE_HELD"
    assert rm.ledger.created == 3


def test_what_is_only_partly_there_is_not_pre_occupied() -> None:
    rm = RmBrain(small(1))
    answered = confirm(rm, need(quantity=2, pre_occupy={"reservation_id": "R1", "kind": "PICK"}))
    assert (answered["result"], "reserved" in answered, rm.ledger.created) == ("2", False, 0)


REFUSED = [
    ({"a_end": {"text": "北京市示例路1号", "area": "010"}}, "ADDRESS_NOT_COVERED"),
    ({"a_end": HOME | {"bureau": "SZYQ01"}}, "ADDRESS_NOT_COVERED"),
    ({"z_end": {"text": "北京市示例路1号", "area": "010"}}, "ADDRESS_NOT_COVERED"),
    ({"product": "FAX"}, "NO_PROCESS"),
    ({"action": "suspend"}, "NO_PROCESS"),
    ({"action": "modify", "product_instance_id": "PI9"}, "INSTANCE_UNKNOWN"),
]


@pytest.mark.parametrize(("more", "expected"), REFUSED)
def test_what_cannot_be_confirmed_is_refused(more: Body, expected: str) -> None:
    rm = RmBrain()
    assert (
        symbol(rm.on_document("RC01", need(pre_occupy={"reservation_id": "R1", "kind": "PICK"}) | more, CRM, START)) == expected
    )
    assert list(rm.ledger.entries) == []


def test_known_instance_is_confirmed_for_a_change() -> None:
    rm = RmBrain(installed=[Installed("PI1", "A1", "025", "P1", START, ("PORT",))])
    assert confirm(rm, need(action="modify", product_instance_id="PI1"))["result"] == "1"


def test_access_modes_need_types_the_plant_has() -> None:
    types = load().table("resource_types").rows
    assert all(set(mode.types) <= set(types) for mode in Access(Plant(load_table())).modes.values())
