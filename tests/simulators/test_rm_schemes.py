"""Scheme design at RM (spec 5.2): options of free resources, what must be built, versions, expiry, cancel."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.brain import Body, Send
from simulators.rm.brain import RmBrain
from simulators.rm.script import read_script
from tests.simulators.talk import START, Talk
from tests.simulators.test_rm import DAY, PF, small, symbol
from tests.simulators.test_rm_confirmation import FAR, HOME


def ask(version: int = 1, request: str = "SR1", **more: Any) -> Body:
    item: Body = {"product": "DDN", "a_end": HOME, "z_end": FAR, "bandwidth": "2M", "protection": "NONE", "quantity": 1}
    return {"area": "025", "scheme_request_id": request, "version": version, "items": [item | more]}


def cancel(request: str = "SR1") -> Body:
    return {"area": "025", "scheme_request_id": request, "reason": {"text": "不办了"}}


def designed(rm: RmBrain, body: Body, now: int = START) -> Body:
    assert symbol(rm.on_document("SD02", body, PF, now)) is None
    (send,) = rm.due(now + 1_000).sends
    assert (send.code, send.system, send.ref_serial) == ("SD03", "PF0001", PF.serial)
    return through(rm, send)


def through(rm: RmBrain, send: Send) -> Body:
    element = {"SD03": "SchemeDesigned", "SD08": "SchemeState"}[send.code]
    return Talk(rm).through_codec(send.code, element, send.body)


def test_design_has_an_option_for_every_mode_cheapest_first() -> None:
    body = designed(RmBrain(), ask(product="CAMERA"))
    totals = [option["costs"]["total"] for option in body["options"]]
    assert len(totals) == 2
    assert totals == sorted(totals)
    assert [option["no"] for option in body["options"]] == list(range(1, len(totals) + 1))
    fibre = next(option for option in body["options"] if option["access_mode"] == "FIBRE")
    assert [ref["role"] for ref in fibre["resources"] if ref["res_type"] == "PORT"] == ["A", "Z"]
    assert fibre["days"] == 15
    assert fibre["costs"]["total"] == sum(value for name, value in fibre["costs"].items() if name != "total")


def test_design_names_resources_without_holding_them() -> None:
    rm = RmBrain()
    first, second = designed(rm, ask()), designed(rm, ask(request="SR2"))
    assert first["options"][0]["resources"] == second["options"][0]["resources"]
    assert rm.ledger.created == 0


def test_protected_circuit_takes_everything_twice() -> None:
    single, double = designed(RmBrain(), ask()), designed(RmBrain(), ask(protection="1+1"))
    named = [ref["res_inst_id"] for ref in double["options"][0]["resources"]]
    assert len(named) == len(set(named)) == 2 * len(single["options"][0]["resources"])


def test_what_is_missing_has_to_be_built() -> None:
    (option,) = [row for row in designed(RmBrain(small(1)), ask(quantity=2))["options"] if row["access_mode"] == "FIBRE"]
    assert option["days"] == 45
    assert option["to_build"][0].startswith("布放12芯光缆")


def test_no_mode_reaching_every_end_is_a_design_without_options() -> None:
    body = ask()
    body["items"].append(body["items"][0] | {"product": "MOBILE"})
    answered = designed(RmBrain(), body)
    assert "options" not in answered
    assert "text" in answered["reason"]


def test_newer_version_is_designed_anew_and_only_the_newest_expires() -> None:
    rm = RmBrain()
    designed(rm, ask())
    assert designed(rm, ask(2), START + DAY)["version"] == 2
    told = rm.due(START + 40 * DAY).sends
    assert [through(rm, send) for send in told] == [{"area": "025", "scheme_request_id": "SR1", "version": 2, "state": "60"}]


def test_same_version_again_is_known_other_items_and_older_versions_are_refused() -> None:
    rm = RmBrain()
    designed(rm, ask(2))
    assert rm.on_document("SD02", ask(2), PF, START).known
    assert symbol(rm.on_document("SD02", ask(2, quantity=5), PF, START)) == "SERIAL_REUSED"
    assert symbol(rm.on_document("SD02", ask(1), PF, START)) == "STATE_CONFLICT"


def test_cancel_stops_the_design_and_closes_the_request() -> None:
    rm = RmBrain()
    rm.on_document("SD02", ask(), PF, START)
    (send,) = rm.on_document("SD07", cancel(), PF, START).sends
    assert (send.ref_serial, through(rm, send)["state"]) == (PF.serial, "70")
    assert rm.due(START + DAY).sends == []
    assert symbol(rm.on_document("SD02", ask(2), PF, START)) == "STATE_CONFLICT"


def test_cancel_of_an_unknown_request_succeeds() -> None:
    (send,) = RmBrain().on_document("SD07", cancel("SR9"), PF, START).sends
    assert send.body["state"] == "70"


REFUSED = [
    ({"a_end": HOME | {"area": "010"}}, "ADDRESS_NOT_COVERED"),
    ({"z_end": HOME | {"bureau": "GZTH01"}}, "ADDRESS_NOT_COVERED"),
]


@pytest.mark.parametrize(("more", "expected"), REFUSED)
def test_what_cannot_be_looked_at_is_refused_at_once(more: Body, expected: str) -> None:
    rm = RmBrain()
    assert symbol(rm.on_document("SD02", ask(**more), PF, START)) == expected
    assert rm.next_due() is None


def test_design_by_hand_takes_its_time() -> None:
    rm = RmBrain(script=read_script({"manual": [{"product": "DDN", "area": "025", "delay_ms": DAY}]}))
    rm.on_document("SD02", ask(), PF, START)
    assert rm.due(START + DAY - 1).sends == []
    assert [send.code for send in rm.due(START + DAY).sends] == ["SD03"]
