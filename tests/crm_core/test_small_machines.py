"""Lock, product instance, resource and reservation machines (spec 03, 04.6, 04.7)."""

from __future__ import annotations

from itertools import product

import pytest

from crm_core.errors import AttributeInvalid, StaleVersion, StateConflict
from crm_core.orders import lock
from crm_core.orders.lock import Claim, Lock
from crm_core.products import instance_machine
from crm_core.products.instance_machine import BY_MASK, INPUTS, STATES, TABLE
from crm_core.products.model import ProductInstance
from crm_core.resources.machine import RESOURCE_MOVES, RESOURCE_STATES, end_items, resource_may_move
from crm_core.resources.model import Reservation

ALICE, BOB, CAROL = Claim("alice", "check", 100), Claim("bob", "audit", 200), Claim("carol", "audit", 300)


def test_lock_is_granted_with_a_growing_fence() -> None:
    held, outcome = lock.acquire(Lock(), ALICE)
    assert (held, outcome) == (Lock(ALICE, 1), "granted")
    freed, outcome = lock.release(held, "alice", 1, 50)
    assert (freed, outcome) == (Lock(None, 1), "released")
    assert lock.acquire(freed, BOB)[0].fence == 2


def test_locking_again_extends_the_lease() -> None:
    held, outcome = lock.acquire(Lock(ALICE, 1), Claim("alice", "longer", 500))
    assert outcome == "extended"
    assert held.holder == Claim("alice", "longer", 500)
    assert held.fence == 1


def test_another_is_refused_or_waits_once() -> None:
    with pytest.raises(StateConflict) as caught:
        lock.acquire(Lock(ALICE, 1), BOB)
    assert caught.value.code == "LOCKED"
    queued, outcome = lock.acquire(Lock(ALICE, 1), BOB, wait=True)
    assert outcome == "queued"
    assert lock.acquire(queued, BOB, wait=True)[0].queue == (BOB,)


def test_release_hands_over_to_the_next_whose_lease_stands() -> None:
    queue = (Claim("late", "x", 40), BOB, CAROL)
    freed, _ = lock.release(Lock(ALICE, 4, queue), "alice", 4, 50)
    assert freed == Lock(BOB, 5, (CAROL,))


@pytest.mark.parametrize(("owner", "fence", "code"), [("bob", 1, "NOT_LOCK_OWNER"), ("alice", 0, "STALE_VERSION")])
def test_release_needs_owner_and_fence(owner: str, fence: int, code: str) -> None:
    with pytest.raises(StateConflict) as caught:
        lock.release(Lock(ALICE, 1), owner, fence, 50)
    assert caught.value.code == code


def test_unlock_force_and_expire_of_a_free_lock_are_the_same() -> None:
    assert lock.release(Lock(None, 3), "bob", 1, 0) == (Lock(None, 3), "same")
    assert lock.force(Lock(None, 3), "bob", "", 0) == (Lock(None, 3), "same")
    assert lock.expire(Lock(None, 3), 0) == (Lock(None, 3), "same")
    assert lock.end(Lock(None, 3)) == (Lock(None, 3), "same")


@pytest.mark.parametrize("approver", ["", "bob"])
def test_force_needs_a_second_person(approver: str) -> None:
    with pytest.raises(StateConflict) as caught:
        lock.force(Lock(ALICE, 1), "bob", approver, 50)
    assert caught.value.code == "NOT_PERMITTED"
    assert lock.force(Lock(ALICE, 1, (BOB,)), "bob", "carol", 50) == (Lock(BOB, 2), "forced")


def test_expiry_and_end() -> None:
    assert lock.expire(Lock(ALICE, 1, (BOB,)), 150) == (Lock(BOB, 2), "expired")
    assert lock.end(Lock(ALICE, 1, (BOB,))) == (Lock(None, 1), "ended")


def test_lock_is_stored_and_seen() -> None:
    stored = lock.as_dict(Lock(ALICE, 2, (BOB,)))
    assert lock.from_dict(stored) == Lock(ALICE, 2, (BOB,))
    assert lock.from_dict(None) == Lock()
    assert lock.seen_by(stored, "alice") == "own"
    assert lock.seen_by(stored, "bob") == "other"
    assert lock.seen_by(lock.as_dict(Lock(None, 2)), "bob") == lock.seen_by(None, "bob") == "free"


def instance(status: str, mask: int = 0) -> ProductInstance:
    return ProductInstance("PI1", "POTS", "C1", "025", status=status, stop_mask=mask)


@pytest.mark.parametrize(("state", "name"), list(product(STATES, INPUTS)))
def test_instance_table_is_total(state: str, name: str) -> None:
    made = instance(state, 1 if state == "suspended" else 0)
    to = next((line.to for line in TABLE if (line.state, line.input) == (state, name)), None)
    assert instance_machine.allows(made, name) is (to is not None)
    if to is None:
        with pytest.raises(StateConflict) as caught:
            instance_machine.move(made, name, 5, bit=2)
        assert caught.value.state == made.status == state
        assert made.stop_mask == (1 if state == "suspended" else 0)
    else:
        instance_machine.move(made, name, 5, bit=2)
        assert made.status == to or to == BY_MASK


def test_stop_reasons_are_independent_bits() -> None:
    made = instance("active")
    instance_machine.move(made, "suspend", 1, instance_machine.stop_bit("arrears"))
    instance_machine.move(made, "suspend", 2, instance_machine.stop_bit("loss"))
    instance_machine.move(made, "resume", 3, instance_machine.stop_bit("arrears"))
    assert (made.status, made.stop_mask) == ("suspended", instance_machine.stop_bit("loss"))
    instance_machine.move(made, "resume", 4, instance_machine.stop_bit("loss"))
    assert (made.status, made.stop_mask) == ("active", 0)


def test_disconnect_that_ends_otherwise_goes_back_to_what_the_mask_says() -> None:
    made = instance("suspended", 4)
    instance_machine.move(made, "begin_disconnect", 1)
    instance_machine.move(made, "restore", 2)
    assert (made.status, made.stop_mask, made.ended_at) == ("suspended", 4, None)


def test_first_activation_and_end_are_dated() -> None:
    made = instance("pending")
    instance_machine.move(made, "activate", 7)
    instance_machine.move(made, "begin_disconnect", 8)
    instance_machine.move(made, "disconnect", 9)
    assert (made.activated_at, made.ended_at) == (7, 9)


def test_unknown_stop_reason() -> None:
    with pytest.raises(AttributeInvalid):
        instance_machine.stop_bit("whim")


LEGAL = "9>0 0>1 0>2 0>3 1>0 1>2 1>3 2>0 2>3 3>4 3>0 4>5 5>0 5>8 5>4 4>6 6>0 6>4 6>8 0>8 8>0 0>7 1>7 2>7 3>7 4>7 7>0"


@pytest.mark.parametrize(("state", "to"), list(product(RESOURCE_STATES, RESOURCE_STATES)))
def test_resource_moves(state: str, to: str) -> None:
    assert resource_may_move(state, to) is (f"{state}>{to}" in LEGAL.split())


def test_after_a_fault_back_to_the_state_before() -> None:
    assert resource_may_move("7", "4", previous="4")
    assert not resource_may_move("7", "4", previous="3")
    assert len(RESOURCE_MOVES) == len(LEGAL.split())


def reservation(*states: str) -> Reservation:
    items = [{"resource": {"res_inst_id": f"R{n}", "res_type": "PORT"}, "state": state} for n, state in enumerate(states)]
    return Reservation("RV1", "ORDER", "CRM001", "025", items=items, fence=3)


def test_items_leave_held_once() -> None:
    made = reservation("held", "released", "held")
    assert end_items(made, "consumed", [{"res_inst_id": "R0"}]) == 1
    assert [item["state"] for item in made.items] == ["consumed", "released", "held"]
    assert not made.closed
    assert end_items(made, "expired") == 1
    assert [item["state"] for item in made.items] == ["consumed", "released", "expired"]
    assert made.closed
    assert end_items(made, "released") == 0


def test_resources_without_id_match_by_type_and_code() -> None:
    made = Reservation(
        "RV1", "PICK", "CRM001", "025", items=[{"resource": {"res_type": "NUMBER", "code": "025"}, "state": "held"}]
    )
    assert end_items(made, "expired", [{"res_type": "NUMBER", "code": "0512"}]) == 0
    assert end_items(made, "expired", [{"res_type": "NUMBER", "code": "025"}]) == 1


def test_old_fence_is_refused() -> None:
    made = reservation("held")
    with pytest.raises(StaleVersion):
        end_items(made, "released", fence=2)
    assert made.items[0]["state"] == "held"
    assert end_items(made, "released", fence=3) == 1


def test_only_the_three_ends() -> None:
    with pytest.raises(ValueError, match="held"):
        end_items(reservation("held"), "held")
