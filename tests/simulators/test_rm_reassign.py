"""CO03 (spec 5.6): the old needs become the new ones, all or nothing, and nothing is lost on the way."""

from __future__ import annotations

from typing import Any

from simulators.brain import Body
from simulators.installed import Installed
from simulators.rm.brain import RmBrain
from simulators.rm.plant import load_table
from simulators.rm.script import read_script
from tests.simulators.talk import START
from tests.simulators.test_rm import PF, answer, archive, assign, small, symbol, unassign

PORT = {"res_type": "PORT", "role": "port", "quantity": 1}
NUMBER = {"res_type": "NUMBER", "role": "number", "quantity": 1}


def change(new: list[Body], version: int = 2, order: str = "SO1", **more: Any) -> Body:
    item: Body = {"item_id": "1", "product": "PHS", "product_instance_id": f"PI{order}"} | more
    if new:
        item["new_needs"] = new
    return {"service_order_id": order, "version": version, "area": "025", "items": [item]}


def assigned(rm: RmBrain, needs: tuple[tuple[str, str], ...] = (("NUMBER", "number"), ("PORT", "port"))) -> list[str]:
    row = rm.on_document("OH03", assign(needs=needs), PF, START).sends[0].body["items"][0]
    return [ref["res_inst_id"] for ref in row["resources"]]


def changed(rm: RmBrain, body: Body) -> Body:
    (send,) = rm.on_document("CO03", body, PF, START).sends
    assert (send.code, send.system, send.ref_serial, send.body["version"]) == ("OH04", "PF0001", PF.serial, body["version"])
    row: Body = send.body["items"][0]
    return row


def ids(row: Body) -> list[str]:
    return [ref["res_inst_id"] for ref in row.get("resources", [])]


def test_what_fits_stays_and_what_is_missing_is_added() -> None:
    rm = RmBrain()
    before = assigned(rm, (("NUMBER", "number"),))
    after = ids(changed(rm, change([NUMBER, PORT])))
    assert after[:1] == before
    assert rm.plant.resources[after[1]].type == "PORT"


def test_what_is_no_longer_needed_is_released() -> None:
    rm = RmBrain()
    number, port = assigned(rm)
    assert ids(changed(rm, change([NUMBER]))) == [number]
    assert rm.plant.resources[port].state == "0"


def test_only_types_the_change_is_about_are_touched() -> None:
    rm = RmBrain()
    number, port = assigned(rm)
    row = changed(rm, change([PORT | {"rule": {"bureau": "NJJY01"}}], old_needs=[PORT]))
    assert number in ids(row)
    assert port not in ids(row)
    assert rm.plant.resources[ids(row)[1]].bureau == "NJJY01"


def test_shortage_leaves_the_item_with_what_it_had() -> None:
    rm = RmBrain(small(1))
    before = assigned(rm)
    row = changed(rm, change([NUMBER, PORT | {"quantity": 2}]))
    assert row["shortage"]["code"] == "10W001"
    assert [rm.plant.resources[name].state for name in before] == ["3", "3"]
    assert [resource.id for resource in rm.assignments.held_by("SO1", "1")] == before


def test_what_is_in_use_waits_pre_released_until_completion() -> None:
    rm = RmBrain()
    number, port = assigned(rm)
    rm.on_document("OH06", archive("use"), PF, START)
    assert ids(changed(rm, change([NUMBER]))) == [number]
    assert rm.plant.resources[port].state == "5"
    answer(rm.on_document("OH06", archive("release"), PF, START))
    assert rm.plant.resources[port].state == "0"


def test_undo_after_a_change_frees_what_was_pre_released_too() -> None:
    rm = RmBrain()
    taken = assigned(rm)
    rm.on_document("OH06", archive("use"), PF, START)
    changed(rm, change([NUMBER]))
    answer(rm.on_document("OH05", unassign() | {"version": 2}, PF, START))
    assert {rm.plant.resources[name].state for name in taken} == {"0"}


def test_instance_keeps_using_what_is_not_replaced_any_more() -> None:
    rm = RmBrain(installed=[Installed("PISO1", "A1", "025", "P1", START, ("PORT", "NUMBER"))])
    body = assign(needs=(("PORT", "port"),))
    body["items"][0]["action"] = "modify"
    rm.on_document("OH03", body, PF, START)
    changed(rm, change([NUMBER]))
    states = {row.type: row.state for row in rm.plant.serving("PISO1") if row.order is None}
    assert states == {"PORT": "4", "NUMBER": "5"}


def test_item_nothing_was_assigned_to_gets_the_new_needs() -> None:
    rm = RmBrain()
    assigned(rm)
    assert len(ids(changed(rm, change([NUMBER], item_id="2")))) == 1


def test_change_of_an_order_never_seen_is_refused() -> None:
    assert symbol(RmBrain().on_document("CO03", change([NUMBER]), PF, START)) == "ORDER_UNKNOWN"


def test_stale_version_is_refused_and_a_cancelled_order_is_closed() -> None:
    rm = RmBrain()
    assigned(rm)
    changed(rm, change([NUMBER], version=3))
    assert symbol(rm.on_document("CO03", change([NUMBER], version=2), PF, START)) == "STALE_VERSION"
    rm.on_document("OH05", unassign() | {"version": 3}, PF, START)
    assert changed(rm, change([NUMBER], version=3))["code"] == "3010"


def by_hand(delay: int = 5_000) -> RmBrain:
    row = {"product": "PHS", "area": "*", "delay_ms": delay}
    return RmBrain(load_table(), script=read_script({"manual": [row]}))


def test_assignment_by_hand_takes_its_time() -> None:
    rm = by_hand()
    assert rm.on_document("OH03", assign(), PF, START).sends == []
    assert rm.next_due() == START + 5_000
    (send,) = rm.due(START + 5_000).sends
    assert (send.code, send.ref_serial, "resources" in send.body["items"][0]) == ("OH04", PF.serial, True)


def test_assignment_by_hand_is_withdrawn_by_its_undo() -> None:
    rm = by_hand()
    rm.on_document("OH03", assign(), PF, START)
    (row,) = answer(rm.on_document("OH05", unassign(), PF, START))["items"]
    assert row == {"item_id": "1", "result": "unassigned"}
    assert rm.due(START + 5_000).sends == []
    assert rm.ledger.created == 0
