"""BILL: copies of customers, accounts and instances (BL03), money of accounts (BL04, BL05; spec 05.3)."""

from __future__ import annotations

from typing import Any

import pytest

from simulators.bill.brain import BillBrain
from simulators.bill.script import read_script
from simulators.brain import Body
from tests.simulators.talk import START, Talk
from tests.simulators.test_bill import CRM, notice, tell

CUSTOMER: Body = {"name": "张示例", "type": "1", "area": "025", "status": "active"}
ACCOUNT: Body = {"name": "张示例", "kind": "postpaid", "pay_method": "CASH", "status": "active"}
INSTANCE: Body = {"product": "POTS", "account_id": "A1", "status": "active"}
IDS = {"customer": "C1", "account": "A1", "product_instance": "PI1"}


def image(kind: str, content: Body, version: int = 1, **more: Any) -> Body:
    body: Body = {"area": "025", "customer_id": "C1", "entity_kind": kind, "entity_id": IDS[kind]}
    return body | {"entity_version": version, "image": {kind: content}} | more


def sync(bill: BillBrain, kind: str, content: Body, version: int = 1, **more: Any) -> str:
    """The outcome told in BL02: accepted, or the code of the refusal."""
    (sent,) = bill.on_document("BL03", image(kind, content, version, **more), CRM, START).sends
    assert (sent.code, sent.ref_serial, sent.body["customer_id"]) == ("BL02", CRM.serial, "C1")
    return str(sent.body.get("code", sent.body["outcome"]))


def known(script: dict[str, Any] | None = None) -> BillBrain:
    bill = BillBrain((), read_script(script or {}))
    assert [sync(bill, "customer", CUSTOMER), sync(bill, "account", ACCOUNT)] == ["accepted", "accepted"]
    return bill


def action(operation: str, amount: int, serial: str = "S1", **more: Any) -> Body:
    body: Body = {"area": "025", "action_serial": serial, "operation": operation, "account_id": "A1", "amount": amount}
    return body | more


def act(bill: BillBrain, operation: str, amount: int, serial: str = "S1", **more: Any) -> int | str:
    """The balance after it, or why not."""
    reaction = bill.on_document("BL05", action(operation, amount, serial, **more), CRM, START)
    if reaction.refusal is not None:
        return reaction.refusal.symbol
    assert reaction.answer is not None
    return int(reaction.answer["balance"])


def ask(bill: BillBrain, query: str, **more: Any) -> Any:
    body: Body = {"area": "025", "query": query, "account_id": "A1"}
    reaction = bill.on_document("BL04", body | more, CRM, START)
    return reaction.refusal.symbol if reaction.refusal is not None else reaction.answer


def test_images_and_answers_are_those_of_the_interface() -> None:
    bill = known()
    talk = Talk(bill)
    for kind, content in (("customer", CUSTOMER), ("account", ACCOUNT), ("product_instance", INSTANCE)):
        talk.tell("BILL", "BL03", image(kind, content, 2))
    assert [body["outcome"] for _, body in talk.crm] == ["accepted"] * 3
    assert talk.tell("BILL", "BL05", action("recharge", 500)).refusal is None
    for query in ("balance", "bill", "bill_items", "usage", "arrears", "payments"):
        asked = {"area": "025", "query": query, "account_id": "A1"}
        assert talk.tell("BILL", "BL04", asked).refusal is None


def test_the_newest_version_counts() -> None:
    bill = known()
    assert sync(bill, "customer", CUSTOMER, 3) == "accepted"
    assert bill.on_document("BL03", image("customer", CUSTOMER, 3), CRM, START).known
    assert sync(bill, "customer", CUSTOMER, 2) == "3015"
    other = bill.on_document("BL03", image("customer", CUSTOMER | {"name": "李示例"}, 3), CRM, START)
    assert other.refusal is not None
    assert other.refusal.symbol == "SERIAL_REUSED"


def test_what_an_image_names_must_be_known() -> None:
    bill = BillBrain()
    assert sync(bill, "account", ACCOUNT) == "3001"
    sync(bill, "customer", CUSTOMER)
    assert sync(bill, "product_instance", INSTANCE) == "3023"
    sync(bill, "account", ACCOUNT)
    assert sync(bill, "product_instance", INSTANCE | {"status": "disconnected"}) == "3002"
    assert sync(bill, "product_instance", INSTANCE) == "accepted"
    assert sync(bill, "account", ACCOUNT, image={"customer": CUSTOMER}, entity_version=2) == "1002"


GONE = [("customer", CUSTOMER | {"status": "left"}, "3001"), ("account", ACCOUNT | {"status": "closed"}, "3023")]


@pytest.mark.parametrize(("kind", "content", "code"), GONE)
def test_nothing_is_charged_to_who_has_left(kind: str, content: Body, code: str) -> None:
    bill = known()
    assert tell(bill, "start") == "accepted"
    sync(bill, kind, content, 2)
    assert tell(bill, "start", "SO2", product_instance_id="PI2") == code
    assert tell(bill, "stop", "SO3", "20261103000000") == "accepted"


def test_plan_nobody_knows_is_refused() -> None:
    assert tell(BillBrain(), "start", plan="NOSUCH") == "3020"


def test_action_counts_once_by_its_serial() -> None:
    bill = known()
    assert [act(bill, "recharge", 500), act(bill, "recharge", 500), act(bill, "recharge", 500, "S2")] == [500, 500, 1000]
    assert act(bill, "recharge", 700) == "SERIAL_REUSED"
    assert ask(bill, "balance")["balance"] == 1000


def test_payment_is_given_back_once_and_the_balance_never_falls_below_nothing() -> None:
    bill = known()
    act(bill, "recharge", 500)
    assert act(bill, "refund", 500, "S2", original_serial="S9") == "STATE_CONFLICT"
    assert act(bill, "refund", 600, "S3") == "ACCOUNT_OR_CREDIT"
    assert act(bill, "refund", 500, "S4", original_serial="S1") == 0
    assert act(bill, "refund", 500, "S5", original_serial="S1") == "STATE_CONFLICT"


def test_account_and_instance_asked_about_must_be_known() -> None:
    assert ask(BillBrain(), "balance") == "ACCOUNT_OR_CREDIT"
    assert act(BillBrain(), "recharge", 1) == "ACCOUNT_OR_CREDIT"
    assert ask(known(), "usage", product_instance_id="PI9") == "INSTANCE_UNKNOWN"


def test_what_is_owed_is_told_and_written_off() -> None:
    bill = known({"arrears": [{"event": "arrears", "after_ms": 1_000, "amount": 1200}]})
    bill.on_document("BL01", notice("start"), CRM, START)
    bill.due(START + 1_000)
    assert ask(bill, "arrears", product_instance_id="PI1")["arrears"][0]["amount"] == 1200
    assert "arrears" not in ask(bill, "arrears", cycle="190001")
    assert ask(bill, "bill_items")["bill_items"][0]["product_instance_id"] == "PI1"
    assert act(bill, "write_off", 2000) == "STATE_CONFLICT"
    act(bill, "write_off", 1200, "S2")
    assert (ask(bill, "balance")["arrears_total"], ask(bill, "bill")["bills"][0]["paid"]) == (0, 1200)


def test_lists_come_in_pages() -> None:
    bill = known()
    for n in range(3):
        act(bill, "recharge", 100 + n, f"S{n}")
    answer = ask(bill, "payments", page_no=2, page_size=2)
    assert [row["amount"] for row in answer["payments"]] == [102]
    assert answer["page"] == {"page_no": 2, "page_size": 2, "total_count": 3}
