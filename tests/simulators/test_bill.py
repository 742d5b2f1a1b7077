"""BILL: each charging fact counts once, in an order that makes sense, or is refused and changes nothing."""

from __future__ import annotations

import pytest

from simulators.bill.brain import BillBrain
from simulators.bill.intervals import KINDS
from simulators.brain import Body, Meta
from simulators.installed import Installed
from tests.simulators.talk import START, Talk

CRM = Meta("CRM001", "CRM001" + "1" * 24, "025")
DAYS = ("20261101000000", "20261102000000", "20261103000000", "20261104000000")


def notice(kind: str, order: str = "SO1", at: str = DAYS[1], **more: object) -> Body:
    fact: Body = {"service_order_id": order, "version": 1, "area": "025", "kind": kind, "product_instance_id": "PI1"}
    return fact | {"account_id": "A1", "plan": "POTS1", "effective_at": at} | more


def tell(bill: BillBrain, kind: str, order: str = "SO1", at: str = DAYS[1], **more: object) -> str:
    """The outcome: accepted, or the code of the refusal."""
    sent = bill.on_document("BL01", notice(kind, order, at, **more), CRM, START).sends
    assert [(send.code, send.system, send.ref_serial) for send in sent] == [("BL02", "CRM001", CRM.serial)]
    return str(sent[0].body.get("code", sent[0].body["outcome"]))


SEQUENCES = [
    (["start"], ["accepted"]),
    (["stop"], ["3002"]),
    (["start", "start"], ["accepted", "3004"]),
    (["start", "stop"], ["accepted", "accepted"]),
    (["start", "stop", "stop"], ["accepted", "accepted", "3004"]),
    (["start", "stop", "start"], ["accepted", "accepted", "accepted"]),
    (["start", "change", "stop"], ["accepted", "accepted", "accepted"]),
    (["change"], ["3002"]),
    (["start", "resume"], ["accepted", "3004"]),
    (["start", "suspend", "suspend", "resume"], ["accepted", "accepted", "3004", "accepted"]),
    (["start", "reverse", "start"], ["accepted", "accepted", "accepted"]),
    (["reverse"], ["3002"]),
    (["start", "reverse", "stop"], ["accepted", "accepted", "3004"]),
]


@pytest.mark.parametrize(("kinds", "outcomes"), SEQUENCES)
def test_facts_in_sequence(kinds: list[str], outcomes: list[str]) -> None:
    bill = BillBrain()
    assert [tell(bill, kind, f"SO{n}") for n, kind in enumerate(kinds)] == outcomes


def test_kinds_are_those_of_the_interface() -> None:
    bill = BillBrain()
    talk = Talk(bill)
    for kind in KINDS:
        talk.tell("BILL", "BL01", notice(kind))
    assert [code for code, _ in talk.crm] == ["BL02"] * len(KINDS)


def test_same_fact_again_counts_once_and_gets_the_first_result() -> None:
    bill = BillBrain()
    assert tell(bill, "start") == "accepted"
    again = bill.on_document("BL01", notice("start"), CRM, START + 1)
    assert (again.known, again.sends[0].body["outcome"]) == (True, "accepted")
    assert len(bill.charging["PI1"].intervals) == 1


def test_a_refused_fact_is_judged_anew_when_it_comes_again() -> None:
    bill = BillBrain()
    assert tell(bill, "stop") == "3002"
    assert tell(bill, "start", "SO0") == "accepted"
    assert tell(bill, "stop") == "accepted"


def test_same_key_with_other_content_is_refused() -> None:
    bill = BillBrain()
    tell(bill, "start")
    refused = bill.on_document("BL01", notice("start", plan="POTS2"), CRM, START).refusal
    assert refused is not None
    assert refused.symbol == "SERIAL_REUSED"


def test_change_closes_one_interval_and_opens_the_next() -> None:
    bill = BillBrain()
    tell(bill, "start", at=DAYS[0])
    tell(bill, "change", at=DAYS[2], plan="POTS2", account_id="A2")
    first, second = bill.charging["PI1"].intervals
    assert first.end == second.begin
    assert (second.account, second.plan, second.end) == ("A2", "POTS2", None)


@pytest.mark.parametrize("kind", ["stop", "change", "suspend"])
def test_fact_before_the_interval_began_is_refused_and_changes_nothing(kind: str) -> None:
    bill = BillBrain()
    tell(bill, "start", at=DAYS[2])
    before = bill.inspect()["instances"]
    assert tell(bill, kind, "SO2", DAYS[0]) == "3013"
    assert bill.inspect()["instances"] == before


def test_start_before_the_last_stop_is_refused() -> None:
    bill = BillBrain()
    tell(bill, "start", at=DAYS[0])
    tell(bill, "stop", "SO2", DAYS[2])
    assert tell(bill, "start", "SO3", DAYS[1]) == "3013"


def test_installed_instances_are_charged_already() -> None:
    rows = [Installed("PI1", "A1", "025", "POTS1", 0), Installed("PI2", "A1", "025", "POTS1", 0, suspended=True)]
    bill = BillBrain(rows)
    assert tell(bill, "stop") == "accepted"
    assert tell(bill, "resume", "SO2", product_instance_id="PI2") == "accepted"


def test_nothing_is_due_and_a_result_nobody_takes_is_kept() -> None:
    bill = BillBrain()
    assert bill.next_due() is None
    assert bill.due(START).sends == []
    assert bill.on_refusal(bill.on_document("BL01", notice("start"), CRM, START).sends[0], "3002", {}, START).sends == []
    assert bill.inspect()["complaints"][0]["code"] == "BL02"
