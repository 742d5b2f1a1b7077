"""What RM refuses about an order, a reservation or a scheme in the wrong situation (spec 5.2-5.8)."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.brain import Body, Meta
from simulators.rm.brain import RmBrain
from tests.simulators.talk import START
from tests.simulators.test_rm import CRM, PF, answer, archive, assign, extend, release, reserve, symbol, unassign
from tests.simulators.test_rm_reassign import PORT, change
from tests.simulators.test_rm_schemes import ask, cancel

DAY = 86_400_000


def item(rm: RmBrain, code: str, body: Body, meta: Meta = PF) -> Any:
    """The code the first item is refused with, in an answer or in OH04; None: it is not."""
    reaction = rm.on_document(code, body, meta, START)
    said = reaction.answer if reaction.answer is not None else reaction.sends[0].body
    return said["items"][0].get("code")


def taken(rm: RmBrain, **more: Any) -> None:
    """An order whose number is in use."""
    rm.on_document("OH03", assign(**more), PF, START)
    answer(rm.on_document("OH06", archive("use"), PF, START))


def leaving(rm: RmBrain) -> None:
    """Another order gives back what the first took into use."""
    taken(rm)
    going = {"item_id": "1", "action": "disconnect", "product": "PHS", "product_instance_id": "PISO1"}
    rm.on_document("OH03", assign("SO2", items=[going]), PF, START)


def test_action_on_an_instance_nothing_serves_is_refused() -> None:
    body = assign()
    body["items"][0] |= {"action": "modify"}
    assert item(RmBrain(), "OH03", body) == "3002"


def test_new_dispatch_of_what_is_in_use_is_refused() -> None:
    rm = RmBrain()
    taken(rm)
    assert item(rm, "OH03", assign(version=2)) == "3004"
    assert item(rm, "OH03", assign()) is None


def test_end_outside_the_plant_is_refused() -> None:
    body = assign()
    body["items"][0] |= {"a_end": {"text": "远方路1号", "area": "0999"}}
    assert item(RmBrain(), "OH03", body) == "3022"


@pytest.mark.parametrize(("code", "body"), [("OH03", assign()), ("OH05", unassign()), ("OH06", archive("use"))])
def test_older_dispatch_is_refused(code: str, body: Body) -> None:
    rm = RmBrain()
    rm.on_document("OH03", assign(version=2), PF, START)
    assert symbol(rm.on_document(code, body, PF, START)) == "STALE_VERSION"


def test_change_given_up_leaves_the_dispatch_as_it_was() -> None:
    rm = RmBrain()
    rm.on_document("OH03", assign(), PF, START)
    rm.on_document("CO03", change([PORT], version=2), PF, START)
    assert symbol(rm.on_document("OH05", unassign(), PF, START)) is None


def test_undo_of_what_a_later_order_gives_back_is_refused() -> None:
    rm = RmBrain()
    leaving(rm)
    assert item(rm, "OH05", unassign()) == "3004"


def test_undo_of_what_is_free_already_is_refused() -> None:
    rm = RmBrain()
    leaving(rm)
    answer(rm.on_document("OH06", archive("release", "SO2"), PF, START))
    assert item(rm, "OH05", unassign("SO2")) == "3009"


def test_release_of_what_an_order_has_taken_is_refused() -> None:
    rm = RmBrain()
    taken(rm)
    assert item(rm, "OH06", archive("release")) == "3004"


def test_change_that_names_resources_of_another_is_refused() -> None:
    rm = RmBrain()
    rm.on_document("OH03", assign(), PF, START)
    other = rm.on_document("OH03", assign("SO2"), PF, START).sends[0].body["items"][0]["resources"]
    assert item(rm, "CO03", change([PORT], old_resources=other)) == "3012"


@pytest.mark.parametrize(
    ("code", "body"), [("RR01", reserve()), ("RR02", release()), ("RR03", extend(99))], ids=["again", "release", "extend"]
)
def test_reservation_whose_resource_is_in_use_is_refused(code: str, body: Body) -> None:
    rm = RmBrain()
    rm.on_document("RR01", reserve(), CRM, START)
    taken(rm, reservations=["R1"])
    assert symbol(rm.on_document(code, body, CRM, START)) == "RESOURCE_UNAVAILABLE"


def test_reservation_handed_back_can_be_released() -> None:
    rm = RmBrain()
    rm.on_document("RR01", reserve(), CRM, START)
    rm.on_document("OH03", assign(reservations=["R1"]), PF, START)
    rm.on_document("OH05", unassign(code="10R"), PF, START)
    freed = answer(rm.on_document("RR02", release(), CRM, START))["items"][0]
    assert (freed["result"], len(freed["resources"])) == ("released", 1)


def test_waiting_outside_the_plant_is_refused() -> None:
    need = {"res_type": "PORT", "role": "port", "quantity": 1, "rule": {"address": {"text": "远方路1号", "area": "0999"}}}
    body = {"service_order_id": "SO1", "version": 1, "area": "025", "item_id": "1", "need": need, "priority": 5}
    assert symbol(RmBrain().on_document("PI02", body | {"since": "20261122090000"}, PF, START)) == "ADDRESS_NOT_COVERED"


def test_design_that_has_ended_is_not_cancelled() -> None:
    rm = RmBrain()
    rm.on_document("SD02", ask(product="FAX"), PF, START)
    (told,) = rm.due(START + DAY).sends
    assert "options" not in told.body
    refused = rm.on_document("SD07", cancel(), PF, START)
    assert (symbol(refused), refused.refusal.state if refused.refusal else "") == ("STATE_CONFLICT", "50")


def test_number_of_a_product_without_one_cannot_change() -> None:
    body = {"area": "025", "product": "SDH", "action": "change_number", "quantity": 1, "access_modes": ["FIBRE"]}
    body |= {"a_end": {"text": "示例路1号", "area": "025", "bureau": "NJGL01"}}
    assert symbol(RmBrain().on_document("RC01", body, PF, START)) == "NO_PROCESS"
