"""Change of an order in flight at PF: versions, points of no return, what is redone, resources, crossings (5.6, 04.9)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulators.pf_talk import HOUR, PfTalk, reversed_stages, undone_twice
from tests.simulators.talk import item

SLOW = {"do": "slow", "stage": "FIELD", "ms": HOUR}


def rated(value: str, **more: Any) -> dict[str, Any]:
    return item(attrs=[{"code": "BANDWIDTH", "new": value, "action": "M"}], **more)


def outcome(talk: PfTalk) -> tuple[str, str | None]:
    body = talk.of("CO02")[-1]
    return body["outcome"], body.get("code")


def test_change_redoes_what_it_invalidates_and_completes_under_the_new_version() -> None:
    talk = PfTalk()
    talk.begin()
    talk.until_stage("FIELD")
    talk.change([rated("200M")])
    talk.run()
    result = talk.of("CO02")[0]
    assert (result["outcome"], result["version"]) == ("applied", 2)
    assert talk.last_ref("CO02") is not None
    assert {stage["code"] for stage in result["redone_stages"]} == set(reversed_stages(talk.order))
    assert talk.of("OH08")[0]["version"] == 2
    assert talk.order.state == "COMPLETED"
    assert undone_twice(talk.order) == []
    assert [body["report_seq"] for _, body in talk.crm] == list(range(1, len(talk.crm) + 1))


def test_only_stages_from_the_reasons_target_on_are_redone() -> None:
    talk = PfTalk(SLOW)
    talk.begin([rated("100M", product="ADSL")])
    talk.until_stage("FIELD")
    talk.run(talk.now + 2_000)
    talk.change([rated("200M", product="ADSL")], code="10Q005")
    talk.run()
    assert set(reversed_stages(talk.order)) == {"DATA_CONFIG"}
    assert talk.order.state == "COMPLETED"


@pytest.mark.parametrize("more", [{"dates": {"captured_at": "20261121090000", "booked_at": "20261201090000"}}, {"priority": 9}])
def test_without_a_difference_in_items_nothing_is_redone_and_the_version_counts(more: dict[str, Any]) -> None:
    talk = PfTalk()
    talk.begin(after_ms=1_500)
    talk.change([item()], code="10Q004", **more)
    assert outcome(talk) == ("applied", None)
    assert "redone_stages" not in talk.of("CO02")[0]
    assert reversed_stages(talk.order) == []
    assert talk.order.version == 2
    talk.run()
    assert talk.of("OH08")[0]["version"] == 2


def test_change_before_acceptance_just_counts() -> None:
    talk = PfTalk()
    talk.begin()
    talk.change([item(product="IPTV")], code="10Q002")
    talk.run()
    assert talk.of("OH02")[0]["version"] == 2
    assert talk.order.state == "COMPLETED"
    assert {row["product"] for row in talk.order.image["items"]} == {"IPTV"}


def test_another_product_begins_anew_with_other_resources() -> None:
    talk = PfTalk(SLOW)
    talk.begin([item(product="ADSL")])
    talk.until_stage("FIELD")
    talk.change([item(product="LAN")], code="10Q001")
    talk.run()
    assert ("CO03", "0001") in talk.receipts
    assert outcome(talk) == ("applied", None)
    assert {row.type for row in talk.rm.plant.serving("PI1") if row.state == "4"} == {"PORT", "ACCOUNT", "VLAN"}
    assert talk.order.state == "COMPLETED"
    assert undone_twice(talk.order) == []


def test_resources_that_cannot_be_had_refuse_the_change_and_change_nothing() -> None:
    talk = PfTalk(SLOW)
    talk.rm.plant.pools["025", "ONU"].clear()
    talk.begin([item(product="ADSL")])
    talk.until_stage("FIELD")
    held = sorted(resource["res_inst_id"] for resource in talk.order.items["1"].resources)
    talk.change([item(product="FTTH")], code="10Q001")
    assert outcome(talk) == ("refused", "3009")
    assert reversed_stages(talk.order) == []
    assert sorted(resource["res_inst_id"] for resource in talk.order.items["1"].resources) == held
    talk.run()
    assert (talk.order.state, talk.order.version) == ("COMPLETED", 1)


def test_items_may_be_added_and_left_out() -> None:
    talk = PfTalk(SLOW)
    talk.begin([item("1"), item("2", instance="PI2")])
    talk.until_stage("FIELD")
    talk.change([item("1"), item("3", "IPTV", instance="PI3")])
    talk.run()
    assert outcome(talk) == ("applied", None)
    progress = {name: row.progress for name, row in talk.order.items.items()}
    assert progress == {"1": "COMPLETED", "2": "CANCELLED", "3": "COMPLETED"}
    assert {row["item_id"] for row in talk.of("OH08")[-1]["items"]} <= {"1", "3"}
    assert talk.rm.plant.serving("PI2") == []
    assert "CN02" not in talk.codes()


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("base version is not the current one", {"base": 3, "new": 4}, "3015"),
    ("new version is not new", {"base": 1, "new": 1}, "3015"),
    ("reason is no 10Q", {"code": "10C001"}, "3020"),
    ("no process", {"product": "NOSUCH"}, "3019"),
    ("nothing is left", {"item": "9", "product": "NOSUCH"}, "3019"),
]


@pytest.mark.parametrize(("name", "wrong", "code"), REFUSALS, ids=[row[0] for row in REFUSALS])
def test_change_that_cannot_be_is_refused_with_code_and_state(name: str, wrong: dict[str, Any], code: str) -> None:
    talk = PfTalk(SLOW)
    talk.begin(after_ms=1_500)
    given = dict(wrong)
    changed = item(given.pop("item", "1"), given.pop("product", "FTTH"), attrs=rated("1")["attrs"])
    talk.change([changed], **given)
    assert outcome(talk) == ("refused", code)
    assert talk.of("CO02")[0]["state"] == "IN_PROGRESS"
    assert talk.order.version == 1


def test_refused_version_is_burnt() -> None:
    talk = PfTalk(SLOW)
    talk.begin(after_ms=1_500)
    talk.change([rated("1")], code="10C001")
    talk.change([rated("1")])
    assert outcome(talk) == ("refused", "3015")
    talk.change([rated("1")], new=3)
    talk.until("CO02")
    assert outcome(talk) == ("applied", None)


def test_past_the_hard_point_a_change_is_refused() -> None:
    talk = PfTalk()
    talk.decide = lambda report: None
    talk.begin()
    talk.until("OH08")
    talk.change([rated("1")])
    assert outcome(talk) == ("refused", "3005")
    assert talk.order.state == "COMPLETING"


def test_change_that_crosses_the_completion_may_be_taken_and_is_reported_again() -> None:
    talk = PfTalk({"do": "late_change"})
    talk.decide = lambda report: None
    talk.begin()
    talk.until("OH08")
    talk.change([rated("1")])
    assert outcome(talk) == ("applied", None)
    assert [body["version"] for body in talk.of("OH08")] == [1, 2]
    assert talk.order.state == "COMPLETING"


def test_one_change_at_a_time_and_a_person_may_decide() -> None:
    talk = PfTalk(SLOW, {"do": "manual_change", "ms": 5_000})
    talk.begin(after_ms=1_500)
    talk.change([rated("1")])
    assert (outcome(talk), talk.order.state) == (("manual", None), "AMENDING")
    again = talk.change([rated("2")], new=3)
    assert again.refusal is not None
    assert (again.refusal.symbol, again.refusal.state) == ("CHANGE_IN_PROGRESS", "AMENDING")
    talk.until("CO02")
    assert outcome(talk) == ("applied", None)
    assert talk.order.version == 2


def test_person_may_refuse() -> None:
    talk = PfTalk(SLOW, {"do": "manual_change", "ms": 5_000, "outcome": "refused", "code": "RESOURCE_UNAVAILABLE"})
    talk.begin(after_ms=1_500)
    talk.change([rated("1")])
    talk.until("CO02")
    assert outcome(talk) == ("refused", "3009")
    talk.run()
    assert (talk.order.state, talk.order.version) == ("COMPLETED", 1)


def test_return_beats_the_change() -> None:
    talk = PfTalk({"do": "manual_change", "ms": HOUR}, {"do": "return", "stage": "FIELD", "reason": "10R002"})
    talk.begin()
    talk.until_stage("FIELD")
    talk.change([rated("1")])
    talk.run()
    assert "OH09" in talk.codes()
    assert outcome(talk) == ("refused", "3004")
    assert talk.of("CO02")[-1]["state"] == "RETURNED"


def test_cancel_passes_a_change_and_undoes_nothing_twice() -> None:
    talk = PfTalk(SLOW)
    talk.begin([item(product="ADSL")])
    talk.until_stage("FIELD")
    talk.run(talk.now + 1_000)
    talk.change([item(product="LAN")])
    talk.run(talk.now + 150)
    talk.cancel()
    talk.run()
    assert outcome(talk) == ("refused", "3004")
    assert talk.of("CN02")[0]["items"][0]["outcome"] == "cancelled"
    assert undone_twice(talk.order) == []
    assert talk.rm.ledger.counts["held"] == 0


def test_inquiry_tells_the_plan_without_effect() -> None:
    talk = PfTalk()
    talk.begin()
    talk.until_stage("TEST")
    before = talk.pf.inspect()
    answer = talk.say("PQ02", operation="cancel").answer
    assert answer is not None
    row = answer["items"][0]
    assert (row["allowed"], row["point_of_no_return"]) == (True, "soft")
    assert row["charge_hint"]["amount"] > 0
    assert row["would_undo"][0]["code"] in ("FIELD", "PON")
    assert row["would_release"]
    amend = talk.say(
        "PQ02", operation="amend", proposed_change={"reason": {"type": "10Q", "code": "10Q005", "text": "x"}}
    ).answer
    assert amend is not None
    assert {stage["code"] for stage in amend["items"][0]["would_undo"]} == {"DATA_CONFIG", "PON"}
    assert talk.pf.inspect() == before
    talk.cancel()
    talk.run()
    assert reversed_stages(talk.order) == [stage["code"] for stage in row["would_undo"]]


@pytest.mark.parametrize(("operation", "code"), [("amend", "3005"), ("cancel", "3005"), ("defer", "3004"), ("lock", "3004")])
def test_inquiry_tells_what_is_refused(operation: str, code: str) -> None:
    talk = PfTalk()
    talk.decide = lambda report: None
    talk.begin()
    talk.until("OH08")
    answer = talk.say("PQ02", operation=operation).answer
    assert answer is not None
    row = answer["items"][0]
    assert (row["allowed"], row["code"], row["state"], row["point_of_no_return"]) == (False, code, "COMPLETING", "hard")
