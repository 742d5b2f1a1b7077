"""锁单: leases, fences, queue, expiry, force, and what waits for the end of a lock (spec 5.11, 04.1, 04.7)."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.errors import DomainError
from crm_core.events import LockRequested, UnlockRequested
from crm_core.fallout.desk import WorkFallout
from crm_core.fallout.open_record import OpenFallout
from crm_core.orders.amend import AmendOrder
from crm_core.orders.defer import DeferOrder
from crm_core.orders.lock_order import LockOrder, RecordLockAnswer
from crm_core.orders.lock_report import RecordLockReport
from crm_core.orders.unlock_order import RecordUnlockAnswer, UnlockOrder
from crm_core.ports import Command, Origin, Outcome
from crm_core.times import DAY_MS, to_wire
from tests.crm_core.desk import World
from tests.crm_core.samples import NOW

WHY = {"text": "大客户核查"}
LEASE = to_wire(NOW + 2 * DAY_MS)
FORCE = {"reason": {"text": "持有人离职"}, "approved_by": "BOSS"}


def accepted() -> World:
    world = World()
    world.tell(world.accept(1))
    return world


def answer(world: World, command: Command, now: int = NOW) -> Outcome:
    """The answer to the one open operation."""
    return world.store.run(command, now, world.reference, Origin("PF0001", world.order.operations[0]["serial"], "LK01"))


def lock(world: World, by: str = "OP1", **fields: Any) -> LockOrder:
    return LockOrder(world.id, WHY, by, fields.pop("until", LEASE), **fields)


def held(fence: int = 5) -> World:
    world = accepted()
    world.tell(lock(world))
    answer(world, RecordLockAnswer(world.id, True, "OK", fence, LEASE))
    return world


def refused(world: World, command: Command) -> DomainError:
    before = world.store.snapshot()
    with pytest.raises(DomainError) as caught:
        world.tell(command)
    assert world.store.snapshot() == before
    return caught.value


def holder(world: World) -> str | None:
    found = world.order.lock
    return None if found is None or found["holder"] is None else str(found["holder"]["owner"])


def test_granted_it_is_held_and_the_clock_stands() -> None:
    world = accepted()
    assert world.tell(lock(world, keep_resources=False)).symbol == "ACCEPTED"
    (event,) = world.events(LockRequested)
    assert (event.locked_by, event.lease_until, event.keep_resources, event.wait) == ("OP1", LEASE, False, None)
    assert holder(world) is None
    assert world.tell(lock(world)).symbol == "DUPLICATE"
    answer(world, RecordLockAnswer(world.id, True, "OK", 5, LEASE))
    order = world.order
    assert order.lock == {
        "holder": {"owner": "OP1", "reason": "大客户核查", "until": NOW + 2 * DAY_MS}, "fence": 5, "queue": []
    }  # fmt: skip
    assert (order.operations, order.state) == ([], "ACCEPTED")
    assert order.clock is not None
    assert order.clock["stops"] == ["lock"]


def test_the_owner_extends_others_are_refused_or_wait() -> None:
    world = held()
    again = world.tell(lock(world))
    assert (again.symbol, again.details) == ("DUPLICATE", (("fence", "5"),))
    assert refused(world, lock(world, "OP2")).code == "LOCKED"
    world.tell(lock(world, until=to_wire(NOW + 3 * DAY_MS)))
    answer(world, RecordLockAnswer(world.id, True, "OK", 6, to_wire(NOW + 3 * DAY_MS)))
    assert world.order.lock is not None
    assert (world.order.lock["fence"], world.order.lock["holder"]["until"]) == (6, NOW + 3 * DAY_MS)
    world.tell(lock(world, "OP2", wait=True))
    answer(world, RecordLockAnswer(world.id, True, "ACCEPTED", queue_position=1))
    assert (holder(world), [claim["owner"] for claim in world.order.lock["queue"]]) == ("OP1", ["OP2"])


def test_while_locked_operations_are_refused_and_reports_wait() -> None:
    world = held()
    defer = DeferOrder(world.id, {"type": "10P", "code": "10P001", "text": "x"}, to_wire(NOW + DAY_MS))
    assert refused(world, defer).code == "LOCKED"
    world.tell(world.done(seq=2))
    assert (world.order.state, len(world.order.held), world.order.report_seq) == ("ACCEPTED", 1, 2)
    world.tell(UnlockOrder(world.id, "OP1", 5))
    answer(world, RecordUnlockAnswer(world.id, True, "OK"))
    assert (world.order.state, world.order.held, holder(world)) == ("COMPLETED", [], None)


def test_unlocked_the_clock_goes_on() -> None:
    world = held()
    world.tell(UnlockOrder(world.id, "OP1"))
    (event,) = world.events(UnlockRequested)
    assert (event.fence, event.force) == (5, None)
    assert world.tell(UnlockOrder(world.id, "OP1")).symbol == "DUPLICATE"
    answer(world, RecordUnlockAnswer(world.id, True, "OK"))
    assert world.order.clock is not None
    assert (world.order.clock["stops"], holder(world), world.order.operations) == ([], None, [])
    assert world.tell(UnlockOrder(world.id, "OP1")).symbol == "DUPLICATE"


@pytest.mark.parametrize(("fields", "code"), [
    ({"operator": "OP2"}, "NOT_LOCK_OWNER"),
    ({"operator": "OP1", "fence": 4}, "STALE_VERSION"),
    ({"operator": "OP2", "force": {"reason": {"text": "x"}, "approved_by": "OP2"}}, "NOT_PERMITTED"),
    ({"operator": "OP2", "force": {"reason": {"text": "x"}}}, "NOT_PERMITTED"),
    ({"operator": "OP2", "force": {"approved_by": "BOSS"}}, "ATTRIBUTE_INVALID"),
])  # fmt: skip
def test_who_may_not_unlock(fields: dict[str, Any], code: str) -> None:
    world = held()
    assert refused(world, UnlockOrder(world.id, **fields)).code == code


def test_a_forced_unlock_names_both_persons_in_the_history() -> None:
    world = held()
    world.tell(UnlockOrder(world.id, "OP2", force=FORCE))
    entry = next(change for change in world.store.changes if change.input == "unlock_forced")
    assert entry.reason == "OP2 + BOSS: 持有人离职"
    answer(world, RecordUnlockAnswer(world.id, True, "OK"))
    assert holder(world) is None


@pytest.mark.parametrize("until", [to_wire(NOW - 1000), to_wire(NOW + 31 * DAY_MS), "20261399000000"])
def test_a_lease_has_its_bounds(until: str) -> None:
    world = accepted()
    assert refused(world, lock(world, until=until)).code == "DATE_INVALID"


@pytest.mark.parametrize(("fields", "allowed"), [
    ({"progress": "COMPLETING"}, False),
    ({"cancelling": True}, False),
    ({"progress": "COMPLETED"}, False),
    ({"amending": True}, True),
    ({"fallout": True}, True),
    ({"progress": "DEFERRED"}, True),
])  # fmt: skip
def test_the_matrix_is_read_first(fields: dict[str, Any], allowed: bool) -> None:
    world = accepted()
    world.edit(**fields)
    if allowed:
        assert world.tell(lock(world)).symbol == "ACCEPTED"
    else:
        assert refused(world, lock(world)).code == "STATE_CONFLICT"


def test_provisioning_refuses_and_nothing_is_held() -> None:
    world = accepted()
    world.tell(lock(world))
    answer(world, RecordLockAnswer(world.id, False, "LOCKED"))
    assert (world.order.lock, world.order.operations, world.store.changes[-1].input) == (None, [], "lock_refused")


@pytest.mark.parametrize("event", ["expired", "forced"])
def test_the_lease_ended_and_the_next_is_granted(event: str) -> None:
    world = held()
    world.tell(lock(world, "OP2", wait=True))
    answer(world, RecordLockAnswer(world.id, True, "ACCEPTED", queue_position=1))
    world.tell(world.done(seq=2))
    world.tell(RecordLockReport(world.id, 1, 5, event, report_seq=3))
    assert world.order.state == "COMPLETED"
    other = held()
    other.tell(RecordLockReport(other.id, 1, 5, event, report_seq=2))
    assert holder(other) is None
    other.tell(RecordLockReport(other.id, 1, 6, "granted", "OP2", LEASE, report_seq=3))
    assert holder(other) == "OP2"


def test_granted_from_the_queue_before_its_answer_was_heard() -> None:
    world = accepted()
    world.tell(lock(world, "OP2", wait=True))
    world.tell(RecordLockReport(world.id, 1, 9, "granted", "OP2", LEASE, report_seq=2))
    assert (holder(world), world.order.operations) == ("OP2", [])


@pytest.mark.parametrize("event", ["forced", "expired"])
def test_a_lock_that_ended_before_its_grant_was_heard_is_not_held(event: str) -> None:
    world = accepted()
    world.tell(lock(world))
    world.tell(RecordLockReport(world.id, 1, 7, event, report_seq=2))
    answer(world, RecordLockAnswer(world.id, True, "OK", 7, LEASE))
    assert (holder(world), world.order.operations) == (None, [])
    assert world.order.clock is not None
    assert world.order.clock["stops"] == []
    world.tell(lock(world, "OP2"))
    answer(world, RecordLockAnswer(world.id, True, "OK", 8, LEASE))
    assert holder(world) == "OP2"


@pytest.mark.parametrize(("fence", "event"), [(4, "expired"), (4, "granted")])
def test_an_old_fence_changes_nothing(fence: int, event: str) -> None:
    world = held()
    world.tell(RecordLockReport(world.id, 1, fence, event, "OP9", LEASE, report_seq=2))
    assert (holder(world), world.order.report_seq) == ("OP1", 2)


def test_locked_for_a_cutover_by_provisioning() -> None:
    world = accepted()
    world.tell(RecordLockReport(world.id, 1, 1, "cutover", None, LEASE, "CT1", {"text": "割接"}, report_seq=2))
    assert holder(world) == "CT1"


def test_a_grant_to_nobody_is_refused_and_looked_at() -> None:
    world = accepted()
    error = refused(world, RecordLockReport(world.id, 1, 1, "granted", report_seq=2))
    assert (error.code, bool(error.fallout)) == ("ATTRIBUTE_INVALID", True)


def test_the_unlock_crossed_the_expiry_success_without_effect() -> None:
    world = held()
    world.tell(UnlockOrder(world.id, "OP1"))
    serial = world.order.operations[0]["serial"]
    world.tell(RecordLockReport(world.id, 1, 5, "expired", report_seq=2))
    world.tell(RecordLockReport(world.id, 1, 6, "granted", "OP2", LEASE, report_seq=3))
    world.store.run(RecordUnlockAnswer(world.id, True, "OK"), NOW, world.reference, Origin("PF0001", serial, "LK02"))
    assert (holder(world), world.order.operations) == ("OP2", [])


def test_a_lock_granted_when_nobody_waits_for_it_is_given_back() -> None:
    world = accepted()
    late = RecordLockAnswer(world.id, True, "OK", 5, LEASE)
    world.store.run(late, NOW, world.reference, Origin("PF0001", "CRM001-GIVEN-UP", "LK01"))
    (event,) = world.events(UnlockRequested)
    assert (event.fence, event.to, world.order.lock, world.order.operations) == (5, world.order.pf_system, None, [])


def test_the_grant_that_holds_told_twice_gives_nothing_back() -> None:
    world = held()
    world.store.run(RecordLockAnswer(world.id, True, "OK", 5, LEASE), NOW, world.reference, Origin("PF0001", "X", "LK01"))
    assert (world.events(UnlockRequested), holder(world)) == ([], "OP1")


def returned(world: World) -> None:
    """By a person: a return of provisioning's waits for the unlock."""
    world.tell(world.stage(2, state="exception"))
    world.tell(OpenFallout("technical", "异常", "amiss", service_order_id=world.id, stuck=True))
    work = WorkFallout(world.fallouts()[-1].id, "return", "OP1", "资料有误", approved_by="BOSS")
    world.store.run(work, NOW, world.reference, Origin("OP1", "", "fallout"))
    assert world.order.state == "RETURNED"


def test_a_lock_ends_with_an_order_that_came_back_and_bars_no_new_dispatch() -> None:
    world = held()
    returned(world)
    assert (holder(world), world.order.clock["stops"]) == (None, [])  # type: ignore[index]
    world.tell(AmendOrder(world.id, {"type": "10Q", "code": "10Q001", "text": "改正"}))
    world.tell(world.accept(None, version=2))
    world.tell(world.done(version=2))
    assert (world.order.state, world.order.held) == ("COMPLETED", [])


def test_a_grant_that_crosses_the_return_holds_nothing() -> None:
    world = accepted()
    world.tell(lock(world))
    returned(world)
    answer(world, RecordLockAnswer(world.id, True, "OK", fence=5))
    assert holder(world) is None
