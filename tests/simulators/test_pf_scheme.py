"""Schemes between CRM, PF and RM (spec 5.2): design, confirm, reject with redo, cancel, expiry, crossings."""

from __future__ import annotations

import pytest

from simulators.brain import Body
from tests.simulators.planning_talk import PlanningTalk
from tests.simulators.test_rm import CRM, DAY, reserve
from tests.simulators.test_rm_schemes import ask as design


def request(**more: object) -> Body:
    body = design(**more)
    del body["version"]
    people = {"customer": {"customer_id": "C0000000000000001"}, "contact": {"name": "张示例", "phone": "13800000000"}}
    return body | people | {"required_date": "20261231000000"}


def designed(talk: PlanningTalk, **more: object) -> Body:
    assert talk.ask("SD01", request(**more)) is None
    talk.run(talk.now + 10_000)
    return talk.bodies("SD04")[-1]


def about(result: Body, version: int | None = None) -> Body:
    head = {name: result[name] for name in ("area", "scheme_request_id", "scheme_id", "version")}
    return head | ({"version": version} if version else {})


def confirm(result: Body, option: int = 1) -> Body:
    return about(result) | {"option_no": option}


def reject(result: Body, redo: bool) -> Body:
    return about(result) | {"reason": {"text": "太贵"}, "redo": redo}


def cancel() -> Body:
    return {"area": "025", "scheme_request_id": "SR1", "reason": {"text": "不办了"}}


def told(talk: PlanningTalk) -> list[tuple[int, str | None]]:
    """Version and state or code of every SD08."""
    return [(body["version"], body.get("state") or body.get("code")) for body in talk.bodies("SD08")]


def test_design_reaches_the_crm_with_its_validity() -> None:
    talk = PlanningTalk()
    result = designed(talk, product="CAMERA")
    assert (result["version"], len(result["options"])) == (1, 2)
    assert {"designer", "auditor", "valid_until", "scheme_id"} <= result.keys()


def test_confirmed_option_is_reserved_until_the_scheme_ends() -> None:
    talk = PlanningTalk()
    result = designed(talk)
    assert talk.ask("SD05", confirm(result)) is None
    (state,) = talk.bodies("SD08")
    assert state["state"] == "40"
    assert [ref["res_inst_id"] for ref in state["resources"]] == [
        ref["res_inst_id"] for ref in result["options"][0]["resources"]
    ]
    assert state["expires_at"] <= result["valid_until"]
    assert talk.rm.ledger.entries[state["reservation_id"]].owner == "PF0001"


def test_confirmed_scheme_no_order_uses_expires_and_frees() -> None:
    talk = PlanningTalk()
    talk.ask("SD05", confirm(designed(talk)))
    talk.run(talk.now + 31 * DAY)
    assert told(talk) == [(1, "40"), (1, "60")]
    assert talk.rm.ledger.counts["held"] == 0


def test_confirmed_scheme_an_order_uses_stays() -> None:
    talk = PlanningTalk()
    result = designed(talk)
    talk.ask("SD05", confirm(result))
    talk.orders.used.append(result["scheme_id"])
    talk.run(talk.now + 31 * DAY)
    assert told(talk) == [(1, "40")]
    assert talk.ask("SD07", cancel()) == "STATE_CONFLICT"


def test_version_nobody_decides_expires_and_is_refused_then() -> None:
    talk = PlanningTalk()
    result = designed(talk)
    talk.run(talk.now + 40 * DAY)
    assert told(talk) == [(1, "60")]
    assert talk.ask("SD05", confirm(result)) == "SCHEME_EXPIRED"
    assert talk.ask("SD06", reject(result, True)) == "SCHEME_EXPIRED"


def test_expiry_counts_by_pfs_clock_before_its_notice() -> None:
    talk = PlanningTalk()
    result = designed(talk)
    talk.now += 30 * DAY
    assert talk.ask("SD05", confirm(result)) == "SCHEME_EXPIRED"


def test_rejected_with_redo_the_next_version_follows_and_the_old_is_superseded() -> None:
    talk = PlanningTalk()
    first = designed(talk)
    assert talk.ask("SD06", reject(first, redo=True)) is None
    talk.run(talk.now + 10_000)
    second = talk.bodies("SD04")[-1]
    assert (second["scheme_id"], second["version"]) == (first["scheme_id"], 2)
    assert talk.ask("SD05", confirm(first)) == "SCHEME_SUPERSEDED"
    assert talk.ask("SD05", confirm(second)) is None
    assert told(talk) == [(1, "50"), (2, "40")]


def test_rejected_for_good_is_closed() -> None:
    talk = PlanningTalk()
    result = designed(talk)
    talk.ask("SD06", reject(result, redo=False))
    assert told(talk) == [(1, "50")]
    assert talk.ask("SD05", confirm(result)) == "STATE_CONFLICT"
    assert talk.ask("SD07", cancel()) == "STATE_CONFLICT"


def test_resources_taken_meanwhile_are_refused_and_a_new_version_follows() -> None:
    talk = PlanningTalk()
    result = designed(talk)
    taken = result["options"][0]["resources"][0]
    items = [{"item_no": 1, "res_type": taken["res_type"], "res_inst_id": taken["res_inst_id"], "quantity": 1}]
    talk.rm.on_document("RR01", reserve(items=items), CRM, talk.now)
    talk.ask("SD05", confirm(result))
    talk.run(talk.now + 10_000)
    second = talk.bodies("SD04")[-1]
    assert told(talk) == [(1, "3012")]
    assert second["version"] == 2
    assert taken["res_inst_id"] not in [ref["res_inst_id"] for ref in second["options"][0]["resources"]]
    assert talk.rm.ledger.counts["held"] == 1


@pytest.mark.parametrize("step", ["requested", "designed", "confirmed"])
def test_cancel_frees_what_was_reserved(step: str) -> None:
    talk = PlanningTalk()
    if step == "requested":
        talk.ask("SD01", request())
    else:
        result = designed(talk)
        if step == "confirmed":
            talk.ask("SD05", confirm(result))
    assert talk.ask("SD07", cancel()) is None
    talk.run(talk.now + 40 * DAY)
    assert told(talk)[-1] == (1, "70")
    assert talk.rm.ledger.counts["held"] == 0
    assert talk.tell("PF", "SD07", cancel()).known


def test_result_of_a_cancel_names_its_command() -> None:
    talk = PlanningTalk()
    designed(talk)
    talk.ask("SD07", cancel())
    (ref,) = [ref for code, ref, _ in talk.heard if code == "SD08"]
    assert ref is not None
    assert ref.startswith("CRM001")


def test_what_cannot_be_designed_ends_without_options() -> None:
    talk = PlanningTalk()
    result = designed(talk, product="MOBILE")
    assert "options" in result
    other = PlanningTalk()
    refused = designed(other, a_end={"text": "北京市示例路", "area": "010"})
    assert ("options" in refused, refused["reason"]["code"]) == (False, "3022")
    assert other.ask("SD05", confirm(refused)) == "STATE_CONFLICT"


REFUSED = [
    ({"scheme_request_id": "SR9"}, "STATE_CONFLICT"),
    ({"scheme_id": "SC9"}, "STATE_CONFLICT"),
    ({"version": 2}, "STATE_CONFLICT"),
    ({"option_no": 9}, "ATTRIBUTE_INVALID"),
]


@pytest.mark.parametrize(("more", "expected"), REFUSED)
def test_decision_about_what_is_not_there_is_refused(more: Body, expected: str) -> None:
    talk = PlanningTalk()
    result = designed(talk)
    assert talk.ask("SD05", confirm(result) | more) == expected
    assert talk.rm.ledger.created == 0


def test_request_without_a_customer_is_refused_and_the_same_again_is_known() -> None:
    talk = PlanningTalk()
    assert talk.ask("SD01", request() | {"customer": {"grade": "gold"}}) == "CUSTOMER_UNKNOWN"
    talk.ask("SD01", request())
    assert talk.tell("PF", "SD01", request()).known
    assert talk.ask("SD01", request(quantity=7)) == "SERIAL_REUSED"
