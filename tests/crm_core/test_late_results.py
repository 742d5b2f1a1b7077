"""A result that comes after its limit: what it alone kept in FALLOUT goes on, what has another cause stays (04.1, 06.2)."""

from __future__ import annotations

from dataclasses import replace

from crm_core.events import CancelRequested, ChangeRequested, ExpediteRequested
from crm_core.fallout.desk import WorkFallout
from crm_core.fallout.open_record import OpenFallout
from crm_core.orders.watch import WatchOrder
from crm_core.ports import Origin
from tests.crm_core.channel import PLAIN, Asked
from tests.crm_core.samples import NOW, REFERENCE, attr, item

LIMIT_S = 1800
LATE = NOW + (LIMIT_S + 1) * 1000
ASKED = (CancelRequested, ChangeRequested, ExpediteRequested)
LIMITED = replace(REFERENCE, result_limits={kind.__name__: (LIMIT_S, "elapsed") for kind in ASKED})
WATCH = Origin("CRM001", "", "watch")


def world() -> Asked:
    """Two items under way."""
    made = Asked(item(attrs=[attr("PLAN", "POTS20")]), item("2"), reference=LIMITED)
    made.tell(made.accept(1))
    made.tell(made.stage(2))
    return made


def watch(made: Asked) -> None:
    made.store.run(WatchOrder(made.id), LATE, LIMITED, WATCH)
    assert made.order.state == "FALLOUT"


def open_records(made: Asked) -> int:
    return sum(record.closed_at is None for record in made.fallouts())


def test_the_order_goes_on_with_the_result() -> None:
    made = world()
    made.amend()
    watch(made)
    made.changed()
    assert (made.order.state, open_records(made), made.order.version) == ("IN_PROGRESS", 0, 2)
    assert made.amend("POTS20").symbol == "ACCEPTED"


def test_an_order_hurried_in_vain_goes_on_when_that_is_answered() -> None:
    made = world()
    made.ask("expedite", {"reason": PLAIN})
    watch(made)
    made.operated("expedite")
    assert (made.order.state, open_records(made)) == ("IN_PROGRESS", 0)


def test_a_cancel_of_one_item_leaves_the_other_where_it_was() -> None:
    made = world()
    made.cancel("1")
    watch(made)
    made.cancelled(("1", "cancelled"))
    assert (made.order.state, made.item("1").progress, made.item("2").fallout) == ("IN_PROGRESS", "CANCELLED", False)


def test_with_two_results_missing_it_stands_until_the_second() -> None:
    made = world()
    made.ask("expedite", {"reason": PLAIN})
    made.ask("expedite", {"reason": {"text": "再催"}})
    watch(made)
    made.operated("expedite")
    assert (made.order.state, open_records(made)) == ("FALLOUT", 1)
    made.operated("expedite")
    assert (made.order.state, open_records(made)) == ("IN_PROGRESS", 0)


def test_what_stands_still_for_another_reason_stays() -> None:
    made = world()
    made.ask("expedite", {"reason": PLAIN})
    made.tell(made.stage(3, state="exception", items=["2"]))
    watch(made)
    made.operated("expedite")
    assert (made.item("1").fallout, made.item("2").fallout, made.order.state) == (False, True, "FALLOUT")


def test_another_reason_that_came_later_counts_too() -> None:
    made = world()
    made.ask("expedite", {"reason": PLAIN})
    watch(made)
    made.store.run(OpenFallout("technical", "放弃", "given up", service_order_id=made.id, stuck=True), LATE, LIMITED, WATCH)
    made.operated("expedite")
    assert (made.order.state, open_records(made)) == ("FALLOUT", 1)


def test_a_stage_between_takes_it_off_and_a_later_exception_is_its_own() -> None:
    made = world()
    made.ask("expedite", {"reason": PLAIN})
    watch(made)
    made.tell(made.stage(3))
    assert made.order.state == "IN_PROGRESS"
    made.tell(made.stage(4, state="exception"))
    made.operated("expedite")
    assert made.order.state == "FALLOUT"


def test_whoever_has_taken_the_record_decides() -> None:
    made = world()
    made.ask("expedite", {"reason": PLAIN})
    watch(made)
    (record,) = made.fallouts()
    made.store.run(WorkFallout(record.id, "claim", "OP1"), LATE, LIMITED, Origin("OP1", "", "fallout"))
    made.operated("expedite")
    assert (made.order.state, open_records(made)) == ("FALLOUT", 1)
    made.store.run(WorkFallout(record.id, "retry", "OP1", "已答复"), LATE, LIMITED, Origin("OP1", "", "fallout"))
    assert (made.order.state, open_records(made)) == ("IN_PROGRESS", 0)
