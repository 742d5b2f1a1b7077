"""RM: the plant, the state table, reservations over the interface, assignment with reservations."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.loader import load
from simulators.brain import Body, Meta, Reaction
from simulators.installed import Installed
from simulators.rm.brain import RmBrain
from simulators.rm.plant import Plant, load_table
from simulators.rm.states import IllegalMove, states
from tests.simulators.talk import START, dispatch

CRM = Meta("CRM001", "CRM001" + "1" * 24, "025")
OTHER = Meta("CRM002", "CRM002" + "1" * 24, "025")
PF = Meta("PF0001", "PF0001" + "1" * 24, "025")
DAY = 86_400_000


def small(count: int = 3) -> dict[str, Any]:
    table = load_table()
    for row in table["type"]:
        row["count"] = count
    table["area"] = [row | {"bureaus": row["bureaus"][:1]} for row in table["area"]]
    return table


def reserve(id_: str = "R1", quantity: int = 1, **more: Any) -> Body:
    item = {"item_no": 1, "res_type": "NUMBER", "quantity": quantity}
    body: Body = {"area": "025", "reservation_id": id_, "kind": "PICK", "items": [item], "all_or_nothing": True}
    return body | more


def named(res_inst_id: str, id_: str = "R1") -> Body:
    return reserve(id_, items=[{"item_no": 1, "res_type": "NUMBER", "quantity": 1, "res_inst_id": res_inst_id}])


def release(id_: str = "R1", **more: Any) -> Body:
    return {"area": "025", "reservation_id": id_, "reason": {"text": "不要了"}} | more


def extend(fence: int, id_: str = "R1", **more: Any) -> Body:
    return {"area": "025", "reservation_id": id_, "fence": fence, "ttl_seconds": 600} | more


def assign(order: str = "SO1", needs: tuple[tuple[str, str], ...] = (("NUMBER", "number"),), **more: Any) -> Body:
    item = {"item_id": "1", "action": "install", "product": "PHS", "product_instance_id": f"PI{order}"}
    item |= {"needs": [{"res_type": kind, "role": role, "quantity": 1} for kind, role in needs]}
    return {"service_order_id": order, "version": 1, "area": "025", "items": [item]} | more


def archive(step: str, order: str = "SO1") -> Body:
    return {"service_order_id": order, "version": 1, "area": "025", "items": [{"item_id": "1", "step": step}]}


def unassign(order: str = "SO1", code: str = "10C") -> Body:
    return {"service_order_id": order, "version": 1, "area": "025", "reason": {"text": "撤", "code": code}}


def answer(reaction: Reaction) -> Body:
    assert reaction.refusal is None
    assert reaction.answer is not None
    return reaction.answer


def symbol(reaction: Reaction) -> str | None:
    return None if reaction.refusal is None else reaction.refusal.symbol


def first_resource(reaction: Reaction) -> str:
    return str(answer(reaction)["items"][0]["resources"][0]["res_inst_id"])


def test_plant_has_ten_thousand_instances_and_more_in_every_area() -> None:
    plant = RmBrain().plant
    assert plant.size >= 10_000
    assert all(plant.covers(area) for area in ("025", "0512", "020", "0755"))
    assert not plant.covers("010")


def test_plant_is_the_same_for_the_same_requests() -> None:
    def run() -> list[str]:
        plant = Plant(load_table())
        return [row.code for kind in plant.types for row in plant.choose("0512", kind, 4)]

    assert run() == run()


def test_areas_and_types_stand_in_the_code_tables() -> None:
    table = load_table()
    assert {row["code"] for row in table["area"]} <= set(load().table("areas").rows)
    assert [row["code"] for row in table["type"]] == list(load().table("resource_types").rows)
    assert all(load().table("reasons").rows[row["shortage"]].extra["type"] == "10W" for row in table["type"])


def test_bureaus_take_turns_and_a_named_one_is_kept_to() -> None:
    plant = Plant(load_table())
    assert len({plant.choose("025", "PORT", 1)[0].bureau for _ in range(5)}) == 5
    assert {plant.choose("025", "PORT", 1, {"bureau": "NJXW02"})[0].bureau for _ in range(3)} == {"NJXW02"}


def test_number_pattern_chooses_what_fits() -> None:
    plant = Plant(small(50))
    assert plant.choose("025", "NUMBER", 1, {"pattern": "*25"})[0].code == "02580000025"


@pytest.mark.parametrize(("state", "move"), sorted(states().moves))
def test_every_legal_move_is_of_the_code_table(state: str, move: str) -> None:
    rows = load().table("resource_states").rows
    assert set(states().moves[state, move]) <= set(rows)


def test_illegal_move_changes_nothing() -> None:
    plant = Plant(small())
    resource = plant.choose("025", "PORT", 1)[0]
    with pytest.raises(IllegalMove):
        plant.move(resource, "archive", START)
    assert (resource.state, resource.version, plant.free_count("025", "PORT")) == ("0", 0, 3)


def test_faulty_resource_returns_to_the_state_before() -> None:
    plant = Plant(small())
    resource = plant.choose("025", "PORT", 1)[0]
    for move in ("reserve_order", "archive", "fault", "restore"):
        plant.move(resource, move, START)
    assert resource.state == "4"


def test_compare_and_set_refuses_another_version() -> None:
    plant = Plant(small())
    resource = plant.choose("025", "PORT", 1)[0]
    plant.move(resource, "pick", START, version=0)
    with pytest.raises(LookupError):
        plant.move(resource, "reserve_order", START, version=0)


def test_reservation_holds_until_its_time_and_tells_the_owner() -> None:
    rm = RmBrain()
    held = answer(rm.on_document("RR01", reserve(), CRM, START))
    assert held["items"][0]["result"] == "held"
    assert rm.next_due() == START + 1_800_000
    told = rm.due(START + 1_800_000).sends
    assert [(send.code, send.system, send.body["reservation_id"]) for send in told] == [("RR04", "CRM001", "R1")]
    assert rm.ledger.counts == {"held": 0, "consumed": 0, "released": 0, "expired": 1}
    assert rm.plant.resources[held["items"][0]["resources"][0]["res_inst_id"]].state == "0"


TTLS = [
    ({"kind": "PICK"}, 1_800),
    ({"kind": "ADVANCE", "channel": "COUNTER"}, 86_400),
    ({"kind": "ADVANCE", "channel": "ONLINE"}, 345_600),
    ({"kind": "ADVANCE", "ttl_seconds": 77}, 77),
    ({"kind": "ADVANCE", "channel": "COUNTER", "scheme_id": "S1"}, 7_776_000),
]


@pytest.mark.parametrize(("more", "seconds"), TTLS)
def test_hold_times_follow_the_policy(more: Body, seconds: int) -> None:
    rm = RmBrain()
    rm.on_document("RR01", reserve(**more), CRM, START)
    assert rm.next_due() == START + 1_000 * seconds


def test_same_reservation_again_is_known_and_other_items_are_refused() -> None:
    rm = RmBrain()
    first = answer(rm.on_document("RR01", reserve(), CRM, START))
    again = rm.on_document("RR01", reserve(), CRM, START + 5)
    assert (again.known, again.answer) == (True, first)
    assert symbol(rm.on_document("RR01", reserve(quantity=2), CRM, START)) == "SERIAL_REUSED"
    assert symbol(rm.on_document("RR01", reserve(), OTHER, START)) == "RESOURCE_HELD"
    assert rm.ledger.created == 1


def test_resource_held_by_another_or_in_use_is_refused() -> None:
    rm = RmBrain()
    taken = first_resource(rm.on_document("RR01", reserve(), CRM, START))
    assert symbol(rm.on_document("RR01", named(taken, "R2"), OTHER, START)) == "RESOURCE_HELD"
    rm.on_document("OH03", assign(reservations=["R1"]), PF, START)
    rm.on_document("OH06", archive("use"), PF, START)
    assert symbol(rm.on_document("RR01", named(taken, "R3"), OTHER, START)) == "RESOURCE_UNAVAILABLE"


def test_all_or_nothing_leaves_nothing_and_partial_takes_what_there_is() -> None:
    rm = RmBrain(small())
    items = [
        {"item_no": 1, "res_type": "PORT", "quantity": 2},
        {"item_no": 2, "res_type": "NUMBER", "quantity": 4},
    ]
    assert symbol(rm.on_document("RR01", reserve(items=items), CRM, START)) == "RESOURCE_UNAVAILABLE"
    assert rm.plant.free_count("025", "PORT") == 3
    body = answer(rm.on_document("RR01", reserve("R2", items=items, all_or_nothing=False), CRM, START))
    assert [row["result"] for row in body["items"]] == ["held", "refused"]
    assert [rm.plant.free_count("025", kind) for kind in ("PORT", "NUMBER")] == [1, 3]


def test_area_without_plant_is_not_covered() -> None:
    assert symbol(RmBrain().on_document("RR01", reserve(area="010"), CRM, START)) == "ADDRESS_NOT_COVERED"


def test_release_is_idempotent_and_closes_an_unknown_id() -> None:
    rm = RmBrain()
    rm.on_document("RR01", reserve(), CRM, START)
    for _ in range(2):
        assert answer(rm.on_document("RR02", release(), CRM, START))["items"][0]["result"] == "released"
    answer(rm.on_document("RR02", release("R9"), CRM, START))
    assert symbol(rm.on_document("RR01", reserve("R9"), CRM, START)) == "HOLD_EXPIRED"
    assert symbol(rm.on_document("RR02", release(), OTHER, START)) == "NOT_PERMITTED"


def test_part_of_a_reservation_is_released() -> None:
    rm = RmBrain()
    items = [{"item_no": n, "res_type": "PORT", "quantity": 1} for n in (1, 2)]
    rm.on_document("RR01", reserve(items=items), CRM, START)
    rm.on_document("RR02", release(items=[{"item_no": 2}]), CRM, START)
    assert rm.ledger.counts["held"] == 1


def test_extension_grows_the_fence_raises_the_kind_and_is_bounded() -> None:
    rm = RmBrain()
    fence = answer(rm.on_document("RR01", reserve(), CRM, START))["fence"]
    longer = answer(rm.on_document("RR03", extend(fence, kind="ADVANCE"), CRM, START))
    assert (longer["kind"], longer["fence"] > fence) == ("ADVANCE", True)
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START)) == "STALE_VERSION"
    assert symbol(rm.on_document("RR02", release(fence=fence), CRM, START)) == "STALE_VERSION"
    assert symbol(rm.on_document("RR03", extend(longer["fence"], kind="PICK"), CRM, START)) == "STATE_CONFLICT"
    last = answer(rm.on_document("RR03", extend(longer["fence"], kind="ORDER"), CRM, START))
    assert symbol(rm.on_document("RR03", extend(last["fence"]), CRM, START)) == "EXTENSION_LIMIT"
    assert symbol(rm.on_document("RR03", extend(1, "R9"), CRM, START)) == "RESERVATION_UNKNOWN"
    rm.due(START + DAY)
    assert symbol(rm.on_document("RR03", extend(99), CRM, START)) == "HOLD_EXPIRED"


def test_extension_that_comes_too_late_meets_the_end_by_rms_clock() -> None:
    rm = RmBrain()
    fence = answer(rm.on_document("RR01", reserve(ttl_seconds=10), CRM, START))["fence"]
    late = rm.on_document("RR03", extend(fence), CRM, START + 10_000)
    assert symbol(late) == "HOLD_EXPIRED"
    assert [send.code for send in late.sends] == ["RR04"]


def test_reservation_an_order_took_over_is_not_extended_any_more() -> None:
    rm = RmBrain()
    fence = answer(rm.on_document("RR01", reserve(), CRM, START))["fence"]
    result(rm, assign(reservations=["R1"]))
    assert symbol(rm.on_document("RR03", extend(fence), CRM, START)) == "NOT_PERMITTED"


def test_old_expiry_does_not_end_an_extended_reservation() -> None:
    rm = RmBrain()
    fence = answer(rm.on_document("RR01", reserve(ttl_seconds=10), CRM, START))["fence"]
    rm.on_document("RR03", extend(fence, ttl_seconds=100), CRM, START)
    assert rm.due(START + 10_000).sends == []
    assert len(rm.due(START + 100_000).sends) == 1


def result(rm: RmBrain, body: Body) -> Body:
    sent = rm.on_document("OH03", body, PF, START).sends
    assert [(send.code, send.system, send.ref_serial) for send in sent] == [("OH04", "PF0001", PF.serial)]
    row: Body = sent[0].body["items"][0]
    return row


def test_assignment_takes_the_reserved_resource_without_expiry() -> None:
    rm = RmBrain()
    reserved = first_resource(rm.on_document("RR01", reserve(), CRM, START))
    assert result(rm, assign(reservations=["R1"]))["resources"][0]["res_inst_id"] == reserved
    assert rm.due(START + 365 * DAY).sends == []
    assert rm.plant.resources[reserved].state == "3"


@pytest.mark.parametrize(("code", "state"), [("10R", "3"), ("10C", "0")])
def test_on_return_the_reservation_goes_back_to_the_crm_on_cancel_it_is_freed(code: str, state: str) -> None:
    rm = RmBrain()
    reserved = first_resource(rm.on_document("RR01", reserve(), CRM, START))
    result(rm, assign(reservations=["R1"]))
    rm.on_document("OH05", unassign(code=code), PF, START)
    assert rm.plant.resources[reserved].state == state
    told = rm.due(START + 2 * DAY).sends
    assert [send.body["reservation_id"] for send in told] == (["R1"] if code == "10R" else [])


@pytest.mark.parametrize(("reservations", "code"), [(["R9"], "3011"), (["R1"], "3010")])
def test_assignment_from_an_unknown_or_expired_reservation_is_refused(reservations: list[str], code: str) -> None:
    rm = RmBrain()
    rm.on_document("RR01", reserve(), CRM, START)
    rm.due(START + DAY)
    assert result(rm, assign(reservations=reservations))["code"] == code
    assert rm.ledger.counts["held"] == 0


def test_shortage_names_its_reason_and_keeps_nothing_of_the_item() -> None:
    rm = RmBrain(small(1))
    assert "resources" in result(rm, assign("SO1"))
    short = result(rm, assign("SO2", (("PORT", "port"), ("NUMBER", "number"))))
    assert short["shortage"]["code"] == "10W004"
    assert rm.plant.free_count("025", "PORT") == 1


def test_wanted_number_is_given_or_refused_never_swapped() -> None:
    rm = RmBrain()
    body = assign()
    body["items"][0]["access_number"] = "02580000042"
    assert result(rm, body)["resources"][0]["code"] == "02580000042"
    other = assign("SO2")
    other["items"][0]["access_number"] = "02580000042"
    assert result(rm, other)["code"] == "3012"


def test_repeated_assignment_returns_what_it_has() -> None:
    rm = RmBrain()
    assert result(rm, assign()) == result(rm, assign())
    assert rm.ledger.created == 1


def test_undo_of_an_order_never_seen_closes_it() -> None:
    rm = RmBrain()
    answer(rm.on_document("OH05", unassign(), PF, START))
    assert result(rm, assign())["code"] == "3010"
    assert "resources" in result(rm, assign() | {"version": 2})


def test_archive_of_what_was_not_assigned_is_refused() -> None:
    rm = RmBrain()
    assert symbol(rm.on_document("OH06", archive("use"), PF, START)) == "ORDER_UNKNOWN"
    rm.on_document("OH03", assign(), PF, START)
    rm.on_document("OH05", unassign(), PF, START)
    row = answer(rm.on_document("OH06", archive("use"), PF, START))["items"][0]
    assert (row["result"], row["code"]) == ("refused", "3009")


def test_undo_after_archive_frees_too() -> None:
    rm = RmBrain()
    taken = result(rm, assign())["resources"][0]["res_inst_id"]
    answer(rm.on_document("OH06", archive("use"), PF, START))
    answer(rm.on_document("OH05", unassign(), PF, START))
    assert rm.plant.resources[taken].state == "0"
    assert rm.plant.serving("PISO1") == []


def test_undo_of_a_disconnect_puts_resources_into_use_again() -> None:
    installed = Installed("PISO1", "A1", "025", "P1", START, ("PORT", "NUMBER"))
    rm = RmBrain(installed=[installed])
    body = assign(needs=())
    body["items"][0]["action"] = "disconnect"
    result(rm, body)
    assert {row.state for row in rm.plant.serving("PISO1")} == {"5"}
    rm.on_document("OH05", unassign(), PF, START)
    assert {row.state for row in rm.plant.serving("PISO1")} == {"4"}


@pytest.mark.parametrize("code", RmBrain().codes)
def test_messages_it_serves_are_addressed_to_it(code: str) -> None:
    assert {"RM", "*"} & {route.receiver for route in load().message(code).routes}


def test_what_it_does_not_serve_is_refused() -> None:
    assert symbol(RmBrain().on_document("OH01", dispatch(), CRM, START)) == "MESSAGE_UNKNOWN"


def test_a_device_is_found_by_its_shelf() -> None:
    plant = Plant(load_table())
    wanted = plant.pools["025", "PORT"][1].create(260)
    found = plant.choose("025", "PORT", 300, {"device": wanted.device})
    assert [row.id for row in found][10] == wanted.id
    assert (len(found), {row.device for row in found}) == (250, {wanted.device})
    assert plant.choose("025", "PORT", 1, {"device": "NOSUCH"}) == []
