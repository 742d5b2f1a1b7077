"""Cutovers in the core (spec 5.12, 04.9): freeze, blocking orders, window, completion, cancellation."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from crm_core.billing.model import BillingRecord
from crm_core.customers.notice import CustomerNotice
from crm_core.customers.tell import CustomerNoticeIssued
from crm_core.cutover.cancel import CancelCutover
from crm_core.cutover.complete import CompleteCutover
from crm_core.cutover.events import CutoverAnswered
from crm_core.cutover.freeze import FreezeInstances
from crm_core.cutover.machine import MACHINE
from crm_core.cutover.model import Cutover, CutoverItem, item_key
from crm_core.cutover.unfreeze import UnfreezeInstances
from crm_core.cutover.window_end import EndFreezeWindow
from crm_core.errors import DomainError
from crm_core.events import BillingDue
from crm_core.fakes import FakeStore
from crm_core.fallout.model import Fallout
from crm_core.orders.model import ServiceOrder
from crm_core.ports import Command, Outcome
from crm_core.products.model import ProductInstance
from tests.crm_core.samples import CHANNEL, NOW, PF, REFERENCE, item, own, store, submission

HOUR = 3_600_000
WINDOW = {"begin": "20261122080000", "end": "20261122200000"}
AFTER = NOW + 12 * HOUR
REASON = {"text": "设备故障"}
OLD_PORT = {"res_inst_id": "P1", "res_type": "PORT", "role": "port", "code": "OLD-1"}
NEW_PORT = {"res_inst_id": "P2", "res_type": "PORT", "role": "port", "code": "NEW-1"}
PAIR = {"res_inst_id": "W1", "res_type": "PAIR", "role": "pair", "code": "W-1"}


def rows(*ids: str) -> list[dict[str, Any]]:
    return [{"product_instance_id": one} for one in ids]


def side(number: str | None = None, bureau: str | None = None, *resources: dict[str, Any]) -> dict[str, Any]:
    given = {"access_number": number, "bureau": bureau, "resources": list(resources) or None}
    return {name: value for name, value in given.items() if value is not None}


def moved(instance_id: str, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"product_instance_id": instance_id, "old": old or {}, "new": new or {}}


def without(*ids: str) -> list[dict[str, Any]]:
    return [{"product_instance_id": one, "reason": REASON} for one in ids]


def freeze(*ids: str, **fields: Any) -> FreezeInstances:
    return FreezeInstances("CT1", "025", WINDOW, rows(*ids), **fields)


def complete(**fields: Any) -> CompleteCutover:
    return CompleteCutover("CT1", "025", **fields)


CANCEL = CancelCutover("CT1", "025", REASON)


def run(made: FakeStore, command: Command, now: int = NOW) -> Outcome:
    return made.run(command, now, REFERENCE, PF)


def refused(made: FakeStore, command: Command, code: str, state: str | None, now: int = NOW) -> DomainError:
    """Refused with code and state, and nothing changed."""
    before = made.snapshot()
    with pytest.raises(DomainError) as caught:
        run(made, command, now)
    assert (caught.value.code, caught.value.state) == (code, state)
    assert made.snapshot() == before
    return caught.value


def world(*ids: str) -> FakeStore:
    """Active instances, nothing frozen."""
    made = store()
    for n, one in enumerate(ids):
        own(made, one, access_number=f"0258000010{n}", resources=[OLD_PORT, PAIR])
    return made


def frozen(*ids: str) -> FakeStore:
    made = world(*ids)
    run(made, freeze(*ids))
    return made


def cutover(made: FakeStore) -> Cutover:
    found: Cutover = made.table(Cutover)["CT1"]
    return found


def state_of(made: FakeStore, instance_id: str) -> tuple[str, bool]:
    found: CutoverItem = made.table(CutoverItem)[item_key("CT1", instance_id)]
    return found.state, made.table(ProductInstance)[instance_id].cutover_freeze


def told(made: FakeStore) -> dict[str, dict[str, Any]]:
    """The last CT08 by instance."""
    event = next(event for event in reversed(made.events) if isinstance(event, CutoverAnswered))
    assert (event.to, event.ref_serial, event.cutover_id) == ("PF0001", PF.serial, "CT1")
    return {row["product_instance_id"]: row for row in event.instances or ()}


def test_what_can_be_frozen_is_frozen_and_refuses_new_orders() -> None:
    made = frozen("PI1", "PI2")
    assert (cutover(made).state, cutover(made).instances) == ("2", ["PI1", "PI2"])
    assert state_of(made, "PI1") == ("frozen", True)
    assert {row["outcome"] for row in told(made).values()} == {"frozen"}
    with pytest.raises(DomainError) as caught:
        made.run(submission(item(action="suspend", product_instance_id="PI1")), NOW, REFERENCE, CHANNEL)
    assert [found.symbol for found in caught.value.refusals if "product_instance_id" in found.path] == ["FROZEN_BY_CUTOVER"]


def test_orders_in_flight_block_unless_they_are_locked_over_the_cutover() -> None:
    made = world("PI1")
    order = submission(
        item(action="suspend", product_instance_id="PI1", attrs=[{"code": "STOP_REASON", "new": "customer", "action": "A"}])
    )
    made.run(order, NOW, REFERENCE, CHANNEL)
    (order_id,) = made.table(ServiceOrder)
    run(made, freeze("PI1"))
    assert told(made)["PI1"]["blocking_orders"] == [order_id]
    assert told(made)["PI1"]["outcome"] == "blocked"
    assert state_of(made, "PI1") == ("planned", False)
    made.table(ServiceOrder)[order_id].lock = {
        "holder": {"owner": "PF0001", "reason": "CT1", "until": AFTER}, "fence": 1, "queue": [],
    }  # fmt: skip
    run(made, freeze("PI1"))
    assert told(made)["PI1"] == {"product_instance_id": "PI1", "outcome": "frozen"}
    assert state_of(made, "PI1") == ("frozen", True)


@pytest.mark.parametrize(
    ("fields", "outcome", "code"),
    [
        ({"status": "disconnected"}, "refused", "STATE_CONFLICT"),
        ({"cutover_freeze": True}, "refused", "FROZEN_BY_CUTOVER"),
        (None, "unknown", "INSTANCE_UNKNOWN"),
    ],
)
def test_what_cannot_be_frozen_is_told_one_by_one(fields: dict[str, Any] | None, outcome: str, code: str) -> None:
    made = world("PI1")
    if fields is not None:
        own(made, "PI2", **fields)
    run(made, freeze("PI1", "PI2"))
    assert told(made)["PI1"]["outcome"] == "frozen"
    assert (told(made)["PI2"]["outcome"], told(made)["PI2"]["code"]) == (outcome, code)


def test_a_dry_run_changes_nothing_and_tells_the_differences() -> None:
    made = world("PI1")
    before = repr(made.rows)
    asked = [{"product_instance_id": "PI1", "access_number": "02589999999"}, {"product_instance_id": "PI9"}]
    run(made, replace(freeze(dry_run=True), instances=asked))
    assert repr(made.rows) == before
    event = made.events[-1]
    assert isinstance(event, CutoverAnswered)
    assert event.differences == [
        {"product_instance_id": "PI1", "field": "access_number", "expected": "02589999999", "found": "02580000100"}
    ]
    assert {row["outcome"] for row in event.instances or ()} == {"frozen", "unknown"}


@pytest.mark.parametrize("window", [("20261122080000", "20261122070000"), ("20261121080000", "20261122080000")])
def test_a_window_that_is_none_or_over(window: tuple[str, str]) -> None:
    given = {"begin": window[0], "end": window[1]}
    refused(world("PI1"), replace(freeze("PI1"), freeze_window=given), "DATE_INVALID", None)


def test_parts_are_one_freeze() -> None:
    made = world("PI1", "PI2")
    run(made, freeze("PI1", part_no=1, is_last=False))
    assert cutover(made).state == "1"
    run(made, freeze("PI2", part_no=2, is_last=True))
    assert (cutover(made).state, cutover(made).instances) == ("2", ["PI1", "PI2"])


def test_unfreeze_thaws_what_it_names() -> None:
    made = frozen("PI1", "PI2")
    run(made, UnfreezeInstances("CT1", rows("PI1", "PI9")))
    assert (state_of(made, "PI1"), state_of(made, "PI2")) == (("planned", False), ("frozen", True))
    run(made, UnfreezeInstances("CT1", rows("PI1")))
    assert state_of(made, "PI1") == ("planned", False)
    refused(made, UnfreezeInstances("CT1", rows("PI9")), "INSTANCE_UNKNOWN", None)
    refused(made, UnfreezeInstances("CT9", rows("PI1")), "INSTANCE_UNKNOWN", None)


def test_completion_is_applied_and_told_to_billing_and_customer() -> None:
    made = frozen("PI1")
    old = side("02580000100", "NJ01", OLD_PORT)
    run(made, complete(done=[moved("PI1", old, side("02580000900", "NJ02", NEW_PORT))]))
    instance = made.table(ProductInstance)["PI1"]
    assert (instance.access_number, instance.previous_number) == ("02580000900", "02580000100")
    assert instance.resources == [PAIR, NEW_PORT]
    assert instance.attrs["BUREAU"] == "NJ02"
    assert state_of(made, "PI1") == ("done", False)
    assert (cutover(made).state, cutover(made).ended_at) == ("4", NOW)
    (event,) = [event for event in made.events if isinstance(event, BillingDue)]
    assert (event.kind, event.product_instance_id, event.service_order_id) == ("change", "PI1", "CT1")
    assert [(row["code"], row["old"], row["new"]) for row in event.attrs or ()] == [
        ("ACCESS_NUMBER", "02580000100", "02580000900"),
        ("BUREAU", "NJ01", "NJ02"),
    ]
    (record,) = made.table(BillingRecord).values()
    assert (record.id, record.serial[:6]) == ("CT1/PI1/change", "CRM001")
    (notice,) = made.table(CustomerNotice).values()
    assert "02580000900" in notice.zh
    assert "02580000900" in notice.en
    (issued,) = [event for event in made.events if isinstance(event, CustomerNoticeIssued)]
    assert (issued.notice_id, issued.text, issued.text_en) == (notice.id, notice.zh, notice.en)
    assert (issued.customer_id, issued.about, issued.access_number) == (notice.customer_id, "CT1", "02580000900")


def test_the_bureau_of_an_address_moves_with_it() -> None:
    made = frozen("PI1")
    made.table(ProductInstance)["PI1"].a_end = {"text": "示例路1号", "area": "025", "bureau": "NJ01"}
    run(made, complete(done=[moved("PI1", {}, side(bureau="NJ02"))]))
    assert made.table(ProductInstance)["PI1"].a_end == {"text": "示例路1号", "area": "025", "bureau": "NJ02"}


def test_nobody_is_billed_who_has_no_account() -> None:
    made = frozen("PI1")
    made.table(ProductInstance)["PI1"].account_id = None
    run(made, complete(done=[moved("PI1")]))
    assert made.table(BillingRecord) == {}
    assert state_of(made, "PI1") == ("done", False)


def test_done_failed_and_excluded_are_planned() -> None:
    made = frozen("PI1", "PI2", "PI3")
    own(made, "PI4")
    run(made, complete(done=[moved("PI1")], part_no=1, is_last=False))
    assert cutover(made).state == "3"
    error = refused(made, complete(failed=without("PI2"), part_no=2, is_last=True), "STATE_CONFLICT", "3")
    assert error.fallout is not None
    run(made, complete(failed=without("PI2"), excluded=without("PI3", "PI4"), part_no=2, is_last=True))
    found = cutover(made)
    assert (found.state, found.done, found.failed, found.excluded, len(found.instances)) == ("4", 1, 1, 2, 4)
    assert [state_of(made, one) for one in ("PI2", "PI3", "PI4")] == [
        ("failed", False),
        ("excluded", False),
        ("excluded", False),
    ]


def test_nothing_done_is_rolled_back() -> None:
    made = frozen("PI1")
    run(made, complete(failed=without("PI1")))
    assert (cutover(made).state, state_of(made, "PI1")) == ("97", ("failed", False))


def test_the_same_part_again_changes_nothing_more() -> None:
    made = frozen("PI1", "PI2")
    part = complete(done=[moved("PI1", side("02580000100"), side("02580000900"))], part_no=1, is_last=False)
    run(made, part)
    run(made, part)
    assert cutover(made).done == 1
    assert len(made.table(BillingRecord)) == 1
    assert told(made)["PI1"]["outcome"] == "applied"


def test_the_completion_of_an_ended_cutover_said_again_gets_its_first_result() -> None:
    """The same content under a new serial (01.1.6): a duplicate, nothing moves or is told to billing twice."""
    made = frozen("PI1", "PI2", "PI3")
    said = complete(done=[moved("PI1")], failed=without("PI2"), excluded=without("PI3"))
    run(made, said)
    first, facts = told(made), len(made.table(BillingRecord))
    again = run(made, said)
    assert (again.symbol, again.state, told(made)) == ("DUPLICATE", "4", first)
    assert len(made.table(BillingRecord)) == facts
    refused(made, complete(done=[moved("PI1"), moved("PI2")], excluded=without("PI3")), "STATE_CONFLICT", "4")
    refused(made, complete(done=[moved("PI1")], failed=without("PI3")), "STATE_CONFLICT", "excluded")


def test_what_cannot_be_applied_counts_as_failed_and_a_person_looks() -> None:
    made = frozen("PI1", "PI2")
    run(made, complete(done=[moved("PI1", side("02588888888"), side("02580000900")), moved("PI2"), moved("PI9")]))
    assert (told(made)["PI1"]["outcome"], told(made)["PI1"]["code"]) == ("refused", "STATE_CONFLICT")
    assert (told(made)["PI9"]["outcome"], told(made)["PI9"]["code"]) == ("refused", "INSTANCE_UNKNOWN")
    assert told(made)["PI2"]["outcome"] == "applied"
    assert (cutover(made).done, cutover(made).failed) == (1, 1)
    assert state_of(made, "PI1") == ("failed", False)
    assert made.table(ProductInstance)["PI1"].access_number == "02580000100"
    (record,) = made.table(Fallout).values()
    assert record.about["instances"] == ["PI1", "PI9"]


def test_at_the_end_of_its_window_a_freeze_thaws_with_an_alarm_once() -> None:
    made = frozen("PI1", "PI2")
    run(made, EndFreezeWindow("CT1"))
    assert state_of(made, "PI1") == ("frozen", True)
    run(made, EndFreezeWindow("CT1"), AFTER)
    run(made, EndFreezeWindow("CT1"), AFTER)
    assert [state_of(made, one) for one in ("PI1", "PI2")] == [("planned", False)] * 2
    assert len(made.table(Fallout)) == 1
    assert cutover(made).alarmed_at == AFTER
    run(made, complete(done=[moved("PI1"), moved("PI2")]), AFTER)
    assert cutover(made).state == "4"


def test_items_in_execution_do_not_thaw() -> None:
    made = frozen("PI1", "PI2")
    run(made, complete(done=[moved("PI1")], part_no=1, is_last=False))
    run(made, EndFreezeWindow("CT1"), AFTER)
    assert state_of(made, "PI2") == ("frozen", True)
    assert len(made.table(Fallout)) == 1


def test_a_new_window_may_alarm_again() -> None:
    made = frozen("PI1")
    run(made, EndFreezeWindow("CT1"), AFTER)
    window = {"begin": "20261123080000", "end": "20261123200000"}
    run(made, replace(freeze("PI1"), freeze_window=window), AFTER)
    assert (state_of(made, "PI1"), cutover(made).alarmed_at) == (("frozen", True), None)


def test_an_order_that_came_behind_the_window_does_not_stop_the_completion() -> None:
    made = frozen("PI1")
    run(made, EndFreezeWindow("CT1"), AFTER)
    run(made, EndFreezeWindow("CT9"), AFTER)
    run(made, complete(done=[moved("PI1", side("02580000100"), side("02580000900"))]), AFTER)
    assert made.table(ProductInstance)["PI1"].access_number == "02580000900"


def test_cancel_thaws_everything_and_closes_the_id() -> None:
    made = frozen("PI1", "PI2")
    run(made, CANCEL)
    assert (cutover(made).state, state_of(made, "PI1"), state_of(made, "PI2")) == (
        "98", ("planned", False), ("planned", False),
    )  # fmt: skip
    assert told(made) == {}
    run(made, CANCEL)
    refused(made, freeze("PI1"), "STATE_CONFLICT", "98")


def test_a_cancel_before_its_freeze_closes_the_id() -> None:
    made = world("PI1")
    run(made, CANCEL)
    refused(made, freeze("PI1"), "STATE_CONFLICT", "98")


def test_a_completion_nobody_froze_for() -> None:
    refused(world("PI1"), complete(done=[moved("PI1")]), "STATE_CONFLICT", None)


INPUTS: dict[str, Command] = {
    "freeze_part": freeze("PI1", part_no=1, is_last=False),
    "freeze_last": freeze("PI1", part_no=2, is_last=True),
    "unfreeze": UnfreezeInstances("CT1", rows("PI1")),
    "complete_part": complete(done=[moved("PI1")], part_no=1, is_last=False),
    "complete_last": complete(done=[moved("PI1")], excluded=without("PI2")),
    "complete_none": complete(failed=without("PI1"), excluded=without("PI2")),
    "cancel": CANCEL,
    "window_end": EndFreezeWindow("CT1"),
}


@pytest.mark.parametrize("given", MACHINE.inputs)
@pytest.mark.parametrize("state", MACHINE.states)
def test_every_input_in_every_state(state: str, given: str) -> None:
    made = frozen("PI1", "PI2")
    cutover(made).state = state
    to = MACHINE.to(state, given)
    if to is None:
        refused(made, INPUTS[given], "STATE_CONFLICT", state)
    else:
        run(made, INPUTS[given], AFTER if given == "window_end" else NOW)
        assert cutover(made).state == to
