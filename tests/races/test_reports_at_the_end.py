"""Reports that waited when their order ended, or come after it behind a gap: judged at once, none is swallowed (04.1)."""

from __future__ import annotations

from crm_core.fallout.model import Fallout
from crm_core.orders.receipt import RecordReceipt
from tests.crm_core.channel import Asked
from tests.crm_core.desk import World


def unread(world: World) -> list[str]:
    return [entry["command"] for entry in world.order.held]


def symbols(world: World) -> list[str]:
    return [record.symbol for record in world.store.table(Fallout).values()]


def test_an_early_report_of_an_order_that_is_rejected_goes_to_fallout() -> None:
    world = World()
    world.tell(world.done(seq=2))
    assert unread(world) == ["ReportCompletion"]
    world.tell(RecordReceipt(world.id, 1, False, "ADDRESS_NOT_COVERED"))
    assert (world.order.state, unread(world), symbols(world)) == ("REJECTED", [], ["STATE_CONFLICT"])


def test_a_completion_held_by_a_cancel_goes_to_fallout_when_the_dispatch_is_refused() -> None:
    world = Asked()
    world.cancel()
    world.tell(world.done(seq=1))
    assert unread(world) == ["ReportCompletion"]
    world.tell(RecordReceipt(world.id, 1, False, "ADDRESS_NOT_COVERED"))
    assert (world.order.state, unread(world), symbols(world)) == ("CANCELLED", [], ["STATE_CONFLICT"])


def test_a_report_with_a_gap_before_it_is_not_kept_for_an_order_that_has_ended() -> None:
    world = World()
    world.tell(world.done(seq=1))
    assert world.order.state == "COMPLETED"
    world.tell(world.stage(5))
    assert (unread(world), world.order.report_seq, world.order.watch_at) == ([], 5, None)


def test_a_completion_of_a_change_that_died_with_its_order_goes_to_fallout() -> None:
    world = Asked()
    world.tell(world.accept(1))
    world.amend()
    world.tell(world.done(seq=2, version=2))
    assert unread(world) == ["ReportCompletion"]
    world.cancel()
    world.cancelled(("1", "cancelled"), report_seq=3)
    assert (world.order.state, unread(world), symbols(world)) == ("CANCELLED", [], ["STALE_VERSION"])
