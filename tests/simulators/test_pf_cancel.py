"""Cancel at PF: by matrix and point of no return, resources first, each step undone once in reverse order (5.7, 04.3, 04.4)."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.brain import Send
from simulators.pf.steps import done_of
from tests.simulators.pf_talk import HOUR, PfTalk, reversed_stages, undone_twice
from tests.simulators.talk import START, dispatch, item


def rows(talk: PfTalk) -> dict[str, str]:
    return {row["item_id"]: row["outcome"] for row in talk.of("CN02")[-1]["items"]}


def test_cancel_frees_resources_first_and_undoes_in_reverse_order() -> None:
    talk = PfTalk()
    talk.begin([item(product="FTTH")])
    talk.until_stage("TEST")
    done = [step.stage.code for step in talk.order.steps if step.state == "done"]
    talk.cancel()
    assert talk.rm.ledger.counts["held"] == 0
    assert reversed_stages(talk.order) == []
    talk.run()
    assert rows(talk) == {"1": "cancelled"}
    assert sorted(reversed_stages(talk.order)) == sorted(done)
    order = reversed_stages(talk.order)
    process = talk.order.items["1"].process
    for stage in order:
        assert all(order.index(before) > order.index(stage) for before in process.after[stage] if before in order)
    assert talk.order.state == "CANCELLED"
    assert talk.last_ref("CN02") is not None
    assert {stage["code"] for stage in talk.of("CN02")[0]["items"][0]["undone_stages"]} == set(done)
    assert talk.of("CN02")[0]["items"][0]["released_resources"]


@pytest.mark.parametrize("product", ["ADSL", "POTS", "FTTH", "ETH"])
def test_branches_and_joins_are_undone_once_each(product: str) -> None:
    talk = PfTalk()
    talk.begin([item(product=product)])
    talk.until_stage("TEST")
    order = done_of(talk.order, {"1"})
    assert len(order) == len(set(order))
    talk.cancel()
    talk.cancel()
    talk.run()
    assert undone_twice(talk.order) == []
    assert [row["items"][0]["outcome"] for row in talk.of("CN02")] == ["cancelled", "cancelled"]


def test_cancel_before_acceptance_has_nothing_to_undo() -> None:
    talk = PfTalk()
    talk.begin()
    talk.cancel()
    talk.run()
    assert talk.codes() == ["CN02"]
    assert talk.order.state == "CANCELLED"


def test_cancel_past_the_hard_point_is_refused_with_the_state() -> None:
    talk = PfTalk()
    talk.decide = lambda report: None
    talk.begin()
    talk.until("OH08")
    talk.cancel()
    row = talk.of("CN02")[0]["items"][0]
    assert (row["outcome"], row["code"], row["state"]) == ("refused", "3005", "COMPLETING")
    assert talk.order.state == "COMPLETING"


def test_one_item_past_the_point_does_not_block_the_others() -> None:
    talk = PfTalk({"do": "slow", "stage": "FIELD", "ms": HOUR}, {"do": "separate", "times": 9})
    talk.decide = lambda report: None
    talk.begin([item("1", "FTTH"), item("2", "IPTV", instance="PI2")])
    talk.until("OH08")
    talk.cancel()
    talk.run(talk.now + 60_000)
    assert rows(talk) == {"1": "cancelled", "2": "refused"}
    assert talk.order.state == "COMPLETING"


def test_partial_cancel_leaves_the_others_to_complete() -> None:
    talk = PfTalk()
    talk.begin([item("1"), item("2", instance="PI2")], after_ms=2_000)
    talk.cancel("1")
    talk.run()
    assert rows(talk) == {"1": "cancelled"}
    assert [row["item_id"] for row in talk.of("OH08")[0]["items"]] == ["2"]
    assert {name: item.progress for name, item in talk.order.items.items()} == {"1": "CANCELLED", "2": "COMPLETED"}
    assert talk.order.state == "PARTIAL"


def test_failing_undo_is_stuck_and_goes_on_where_it_stopped() -> None:
    talk = PfTalk({"do": "undo_fails", "stage": "DATA_CONFIG", "times": 2})
    talk.begin([item(product="FTTH")])
    talk.until_stage("TEST")
    talk.cancel()
    talk.until("CN02")
    assert rows(talk) == {"1": "stuck"}
    assert talk.order.state == "FALLOUT"
    first = len(reversed_stages(talk.order))
    talk.run()
    assert [row["items"][0]["outcome"] for row in talk.of("CN02")] == ["stuck", "cancelled"]
    assert 0 < first < len(reversed_stages(talk.order))
    assert undone_twice(talk.order) == []


def test_resource_management_out_of_reach_makes_the_cancel_stuck_until_it_is_back() -> None:
    talk = PfTalk()
    talk.begin(after_ms=1_500)
    asked = talk.pf.on_document("CN01", _cn01(), _meta(), talk.now).sends
    undo = next(send for send in asked if send.code == "OH05")
    stuck = talk.pf.on_refusal(undo, "9003", {"text": "unreachable"}, talk.now).sends
    assert [(send.code, send.body["items"][0]["outcome"]) for send in stuck] == [("CN02", "stuck")]
    talk.run()
    assert talk.of("CN02")[-1]["items"][0]["outcome"] == "cancelled"


def test_item_that_depends_on_a_cancelled_one_is_cancelled_by_the_rule() -> None:
    talk = PfTalk()
    talk.begin([item("1"), item("2", "IPTV", instance="PI2", depends_on=["1"])], after_ms=1_000)
    talk.cancel("1")
    talk.run()
    asked, unasked = talk.of("CN02")
    assert [row["item_id"] for row in asked["items"]] == ["1"]
    assert [row["item_id"] for row in unasked["items"]] == ["2"]
    assert unasked["reason"]["code"] == "10C205"
    assert talk.last_ref("CN02") is None
    assert talk.order.state == "CANCELLED"


SLOW_SECOND = {"do": "slow", "service_order": "SO2", "stage": "FIELD", "ms": HOUR}
SLOW_FIRST = {"do": "slow", "service_order": "SO1", "stage": "FIELD", "ms": HOUR}


def pair(*acts: dict[str, Any]) -> PfTalk:
    """SO2 depends on SO1; both in flight."""
    talk = PfTalk(*acts)
    talk.begin()
    depends = {"service_order_id": "SO1", "kind": "depends"}
    talk.tell("PF", "OH01", dispatch("SO2", items=[item("21", instance="PI2")], relation=depends))
    return talk


def test_an_order_that_depends_on_a_cancelled_one_is_cancelled_by_the_rule() -> None:
    talk = pair(SLOW_SECOND)
    talk.run(talk.now + 2_000)
    talk.cancel()
    talk.run()
    asked, unasked = talk.of("CN02")
    assert (asked["service_order_id"], "related_order_id" in asked) == ("SO1", False)
    assert (unasked["service_order_id"], unasked["related_order_id"]) == ("SO2", "SO1")
    assert (unasked["reason"]["code"], [row["outcome"] for row in unasked["items"]]) == ("10C205", ["cancelled"])
    assert (talk.pf.orders["SO2"].state, talk.rm.ledger.counts["held"]) == ("CANCELLED", 0)


def test_an_order_that_depends_on_a_returned_one_is_cancelled_not_returned() -> None:
    talk = pair({"do": "return", "service_order": "SO1", "stage": "FIELD", "reason": "10R002"}, SLOW_SECOND)
    talk.run()
    assert [body["service_order_id"] for body in talk.of("OH09")] == ["SO1"]
    assert [body["service_order_id"] for body in talk.of("CN02")] == ["SO2"]
    assert [talk.pf.orders[name].state for name in ("SO1", "SO2")] == ["RETURNED", "CANCELLED"]


def test_of_a_pair_the_one_that_would_be_returned_second_is_cancelled() -> None:
    acts = [{"do": "return", "service_order": name, "stage": "FIELD", "reason": "10R002"} for name in ("SO1", "SO2")]
    talk = pair(*acts, SLOW_FIRST)
    talk.run()
    assert [body["service_order_id"] for body in talk.of("OH09")] == ["SO2"]
    assert [(body["service_order_id"], body["related_order_id"]) for body in talk.of("CN02")] == [("SO1", "SO2")]
    assert [talk.pf.orders[name].state for name in ("SO1", "SO2")] == ["CANCELLED", "RETURNED"]


def test_an_order_that_depends_on_one_already_closed_is_rejected() -> None:
    talk = PfTalk()
    talk.begin()
    talk.cancel()
    talk.run()
    depends = {"service_order_id": "SO1", "kind": "depends"}
    talk.tell("PF", "OH01", dispatch("SO2", items=[item("21", instance="PI2")], relation=depends))
    assert [(body["service_order_id"], body["code"]) for body in talk.of("OH12")] == [("SO2", "3024")]


def test_an_order_on_its_way_back_is_cancelled_with_notice_when_what_it_depends_on_is() -> None:
    back = {"do": "return", "service_order": "SO2", "stage": "FIELD", "reason": "10R002"}
    fails = {"do": "undo_fails", "service_order": "SO2", "stage": "DATA_CONFIG", "times": 3}
    talk = pair(back, fails, SLOW_FIRST)
    while not talk.pf.orders["SO2"].undos:
        due = talk.next_due()
        assert due is not None
        talk.run(due)
    talk.cancel()
    talk.run()
    told = [(body["service_order_id"], body["items"][0]["outcome"]) for body in talk.of("CN02")]
    assert (sorted(told), talk.codes().count("OH09")) == ([("SO1", "cancelled"), ("SO2", "cancelled")], 0)


def test_cancel_that_comes_before_its_dispatch_closes_id_and_version() -> None:
    talk = PfTalk()
    talk.cancel("1")
    assert rows(talk) == {"1": "cancelled"}
    late = talk.tell("PF", "OH01", dispatch())
    assert late.refusal is not None
    assert (late.refusal.symbol, late.refusal.state) == ("STATE_CONFLICT", "CANCELLED")
    assert len(talk.of("CN02")) == 1
    assert talk.tell("PF", "OH01", dispatch(version=2)).refusal is None


def test_cancel_of_everything_that_comes_first_is_answered_once_the_items_are_known() -> None:
    talk = PfTalk()
    talk.cancel()
    assert talk.codes() == []
    talk.tell("PF", "OH01", dispatch(items=[item("1"), item("2", instance="PI2")]))
    talk.tell("PF", "OH01", dispatch())
    assert rows(talk) == {"1": "cancelled", "2": "cancelled"}
    assert len(talk.of("CN02")) == 1
    assert talk.last_ref("CN02") is not None


def test_cancel_of_a_returned_order_is_at_once() -> None:
    talk = PfTalk({"do": "return", "stage": "FIELD", "reason": "10R002"})
    talk.begin()
    talk.until("OH09")
    talk.cancel()
    assert rows(talk) == {"1": "cancelled"}
    assert talk.order.state == "CANCELLED"


@pytest.mark.parametrize("bad", [{"code": "10C999"}, {"code": "10Q001"}])
def test_cancel_for_no_reason_of_the_dictionary_is_refused(bad: dict[str, str]) -> None:
    talk = PfTalk()
    talk.begin(after_ms=1_000)
    talk.cancel(**bad)
    assert talk.receipts[-1] == ("CN01", "3020")
    assert talk.order.state == "IN_PROGRESS"


def test_item_return_leaves_the_others() -> None:
    talk = PfTalk({"do": "return", "stage": "FIELD", "reason": "10R002", "item": "1"})
    talk.begin([item("1"), item("2", instance="PI2")])
    talk.run()
    assert [row["item_id"] for row in talk.of("OH09")[0]["items"]] == ["1"]
    assert {name: item.progress for name, item in talk.order.items.items()} == {"1": "RETURNED", "2": "COMPLETED"}
    assert undone_twice(talk.order) == []


def test_process_that_goes_back_by_itself_redoes_from_the_target_stage() -> None:
    talk = PfTalk({"do": "return", "stage": "TEST", "reason": "10R204", "mode": "AUTOMATIC"})
    talk.begin([item(product="POTS")])
    talk.run()
    assert "OH09" not in talk.codes()
    assert talk.order.state == "COMPLETED"
    forward = [work.stage for work in talk.order.work_orders if work.direction == "forward"]
    assert (forward.count("LINE_ASSIGN"), forward.count("NUMBER_ASSIGN")) == (2, 1)
    assert undone_twice(talk.order) == []


def test_ended_by_hand_stops_everything_under_way() -> None:
    talk = PfTalk({"do": "undo_fails", "stage": "DATA_CONFIG", "times": 99})
    talk.begin([item(product="FTTH")])
    talk.until_stage("TEST")
    talk.cancel()
    talk.until("CN02")
    row = {"item_id": "1", "result": "accepted"}
    talk.say("OH13", items=[row], unasked=True)
    assert talk.order.state == "COMPLETED"
    talk.run()
    assert [body["items"][0]["outcome"] for body in talk.of("CN02")] == ["stuck", "refused"]


def _cn01() -> dict[str, object]:
    reason = {"type": "10C", "code": "10C001", "text": "撤单"}
    return {"service_order_id": "SO1", "version": 1, "area": "025", "reason": reason}


def _meta() -> object:
    from simulators.brain import Meta

    return Meta("CRM001", "CRM001" + "7" * 24, "025")


def test_answers_of_another_dispatch_have_no_effect() -> None:
    talk = PfTalk()
    talk.begin(after_ms=1_000)
    old = Send("OH05", {"service_order_id": "SO1"}, note=("undone", "SO1", 9, 1))
    assert talk.pf.on_answer(old, {"service_order_id": "SO1"}, START).sends == []
    assert talk.order.state == "IN_PROGRESS"
