"""What PF refuses of a dispatch that another order, RM, a scheme or a cutover stands against (spec 5.3, 5.4, 5.6)."""

from __future__ import annotations

import pytest

from simulators.brain import Body
from simulators.codes import number
from tests.simulators.pf_talk import DAY, PfTalk
from tests.simulators.talk import START, dispatch, item
from tests.simulators.test_cutover import Crm, begin, network, plan
from tests.simulators.test_pf_planning import WholePf
from tests.simulators.test_pf_scheme import cancel as cancel_scheme
from tests.simulators.test_pf_scheme import designed

REASON = {"type": "10C", "code": "10C001", "text": "用户撤单"}
FREE = {"area": "025", "reservation_id": "RV1", "resources": [{"res_type": "PORT", "role": "port"}]}


def other(**more: object) -> Body:
    """An order of another customer order about another instance."""
    row = item(item_id="9", product="CLIP", product_instance_id="PI9")
    return dispatch(**{"service_order_id": "SO9", "customer_order_id": "CO9", "items": [row]} | more)


def refused(talk: PfTalk, body: Body) -> str:
    """Code of the OH12 that follows the dispatch, or of its receipt; empty: it is taken."""
    talk.heard.clear()
    reaction = talk.tell("PF", "OH01", body)
    if reaction.refusal is not None:
        return number(reaction.refusal.symbol)
    return next((str(send.body["code"]) for send in talk.heard if send.code == "OH12"), "")


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"customer": {"grade": "ordinary"}}, "3001"),
        ({"relation": {"service_order_id": "SO404", "kind": "undoes"}}, "3003"),
        ({"relation": {"service_order_id": "SO404", "kind": "depends"}}, ""),
        ({"dates": {"captured_at": "20260102000000", "required_finish": "20260101000000"}}, "3013"),
        ({"dates": {"captured_at": "20260102000000", "booked_at": "20260101000000"}}, "3013"),
        ({"dates": {"captured_at": "20260102000000", "required_finish": "20260103000000"}}, ""),
        ({"items": [item(item_id="9", product="CLIP"), item(item_id="9", product="CLIP")]}, "3020"),
        ({"items": [item(product="CLIP", a_end={"text": "某地", "area": "0900"})]}, "3022"),
        ({"items": [item(product="CLIP", a_end={"text": "南京", "area": "025"})]}, ""),
        ({"reservations": ["RV404"]}, ""),
    ],
)
def test_an_impossible_image_is_refused(more: Body, code: str) -> None:
    assert refused(PfTalk(), other(**more)) == code


def test_an_instance_it_has_disconnected_is_gone_until_it_is_installed_again() -> None:
    talk = PfTalk()
    for n, action in enumerate(("install", "disconnect"), 1):
        row = item(item_id=str(n), product="CLIP", action=action)
        assert refused(talk, dispatch(service_order_id=f"SO{n}", action=action, items=[row])) == ""
        talk.run()
    change = dispatch(service_order_id="SO3", action="modify", items=[item(item_id="3", product="CLIP", action="modify")])
    assert refused(talk, change) == "3002"
    assert refused(talk, dispatch(service_order_id="SO4", items=[item(item_id="4", product="CLIP")])) == ""
    talk.run()
    change["service_order_id"], change["items"][0]["item_id"] = "SO5", "5"
    assert refused(talk, change) == ""


def test_a_reservation_of_an_order_in_flight_is_held_and_of_a_cancelled_one_over() -> None:
    talk = PfTalk()
    assert refused(talk, dispatch(customer_order_id="CO1", items=[item(product="CLIP")], reservations=["RV1"])) == ""
    sibling = item(item_id="2", product="CLIP", product_instance_id="PI2")
    shared = dispatch(service_order_id="SO2", customer_order_id="CO1", items=[sibling], reservations=["RV1"])
    assert refused(talk, shared) == ""
    assert refused(talk, other(reservations=["RV1"])) == "3012"
    for name in ("SO1", "SO2"):
        talk.tell("PF", "CN01", {"service_order_id": name, "version": 1, "area": "025", "reason": REASON})
        talk.run(talk.now + 1_000)
    assert refused(talk, other(service_order_id="SO8", reservations=["RV1"])) == "3010"


def test_a_reservation_rm_has_ended_is_over_and_one_it_never_had_unknown() -> None:
    talk = PfTalk()
    reaction = talk.tell("PF", "RR04", FREE)
    assert reaction.refusal is not None
    assert reaction.refusal.symbol == "RESERVATION_UNKNOWN"
    assert refused(talk, dispatch(customer_order_id="CO1", items=[item(product="CLIP")], reservations=["RV1"])) == ""
    assert talk.tell("PF", "RR04", FREE).refusal is None
    assert refused(talk, other(reservations=["RV1"])) == "3010"


def test_a_scheme_that_has_expired_carries_no_order() -> None:
    talk = WholePf()
    result = designed(talk)
    scheme = {name: result[name] for name in ("scheme_id", "version")}
    head = {name: result[name] for name in ("area", "scheme_request_id", "scheme_id", "version")}
    talk.tell("PF", "SD08", head | {"state": "60"})
    talk.ask("OH01", other(scheme=scheme))
    assert [body["code"] for body in talk.bodies("OH12")] == ["3016"]
    assert talk.ask("SD07", cancel_scheme()) == "STATE_CONFLICT"


def test_a_new_order_for_a_frozen_instance_is_to_come_again() -> None:
    talk = WholePf(network())
    talk.crm_says = Crm()
    begin(talk, plan(talk.rm, begins=DAY))
    change = other(action="modify", items=[item(item_id="9", product="CLIP", action="modify", product_instance_id="PI0")])
    assert talk.ask("OH01", change) == "FROZEN_BY_CUTOVER"
    talk.run(START + 3 * DAY)
    assert talk.ask("OH01", change) is None


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"dates": {"captured_at": "20260102000000", "required_finish": "20260101000000"}}, "3013"),
        ({"items": [item(a_end={"text": "某地", "area": "0900"})]}, "3022"),
        ({"items": [item(), item()]}, "3020"),
    ],
)
def test_an_impossible_image_is_no_change(more: Body, code: str) -> None:
    talk = PfTalk()
    talk.begin(after_ms=1_000)
    image = {name: value for name, value in dispatch().items() if name != "version"}
    reason = {"type": "10Q", "code": "10Q001", "text": "用户更改"}
    change = {"attr": {"code": "PLAN", "new": "POTS35", "action": "M"}}
    body = image | {"base_version": 1, "new_version": 2, "reason": reason, "changes": [change]} | more
    talk.tell("PF", "CO01", body)
    assert [one["code"] for one in talk.of("CO02")] == [code]


@pytest.mark.parametrize(("cancelled", "version", "code"), [(True, 1, "3004"), (False, 7, "3015"), (False, 1, None)])
def test_an_assignment_nobody_waits_for(cancelled: bool, version: int, code: str | None) -> None:
    talk = PfTalk()
    talk.begin()
    if cancelled:
        talk.tell("PF", "CN01", {"service_order_id": "SO1", "version": 1, "area": "025", "reason": REASON})
    talk.run(talk.now + 60_000)
    rows = [{"item_id": "1", "resources": [{"res_type": "PORT", "role": "port"}]}]
    reaction = talk.tell("PF", "OH04", {"service_order_id": "SO1", "version": version, "area": "025", "items": rows})
    assert (number(reaction.refusal.symbol) if reaction.refusal else None) == code
    assert reaction.known == (code is None)
