"""Whatever is asked of RM in whatever order: no resource has two owners, and nothing held is ever unaccounted (06.4)."""

from __future__ import annotations

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from simulators.brain import Meta
from simulators.rm.brain import RmBrain
from tests.simulators.talk import START
from tests.simulators.test_rm import archive, assign, extend, release, reserve, small, unassign
from tests.simulators.test_rm_lock import recover
from tests.simulators.test_rm_reassign import NUMBER, PORT, change
from tests.simulators.test_rm_waiting import leave, wait

IDS = st.sampled_from(["R1", "R2", "R3"])
ORDERS = st.sampled_from(["SO1", "SO2", "SO3"])
OWNERS = st.sampled_from([Meta("CRM001", "C" * 30), Meta("PF0001", "P" * 30)])
PF = Meta("PF0001", "P" * 30)
FREE, HELD = "0", ("1", "2", "3")


class AnyRequests(RuleBasedStateMachine):
    """A plant of two of each, so that everything is soon scarce."""

    def __init__(self) -> None:
        super().__init__()
        self.rm = RmBrain(small(2))
        self.now = START

    @rule(name=IDS, owner=OWNERS, quantity=st.integers(1, 3), kind=st.sampled_from(["PICK", "ADVANCE", "ORDER"]))
    def reserve(self, name: str, owner: Meta, quantity: int, kind: str) -> None:
        self.rm.on_document("RR01", reserve(name, quantity, kind=kind), owner, self.now)

    @rule(name=IDS, owner=OWNERS)
    def release(self, name: str, owner: Meta) -> None:
        self.rm.on_document("RR02", release(name), owner, self.now)

    @rule(name=IDS, owner=OWNERS, fence=st.integers(1, 40), kind=st.sampled_from(["PICK", "ADVANCE", "ORDER"]))
    def extend(self, name: str, owner: Meta, fence: int, kind: str) -> None:
        self.rm.on_document("RR03", extend(fence, name, kind=kind), owner, self.now)

    @rule(order=ORDERS, names=st.lists(IDS, max_size=2, unique=True), version=st.integers(1, 4))
    def assign(self, order: str, names: list[str], version: int) -> None:
        body = assign(order, (("NUMBER", "number"), ("PORT", "port"))) | {"version": version}
        self.rm.on_document("OH03", body | {"reservations": names} if names else body, PF, self.now)

    @rule(order=ORDERS)
    def disconnect(self, order: str) -> None:
        body = assign(f"{order}X", needs=())
        body["items"][0] |= {"action": "disconnect", "product_instance_id": f"PI{order}"}
        self.rm.on_document("OH03", body, PF, self.now)

    @rule(order=ORDERS, code=st.sampled_from(["10R", "10C"]), version=st.integers(1, 4))
    def unassign(self, order: str, code: str, version: int) -> None:
        self.rm.on_document("OH05", unassign(order, code) | {"version": version}, PF, self.now)

    @rule(order=ORDERS, step=st.sampled_from(["use", "release"]), again=st.sampled_from(["", "X"]))
    def archive(self, order: str, step: str, again: str) -> None:
        self.rm.on_document("OH06", archive(step, order + again), PF, self.now)

    @rule(order=ORDERS, needs=st.sampled_from([[], [PORT], [NUMBER, PORT]]), version=st.integers(1, 4))
    def reassign(self, order: str, needs: list[dict[str, object]], version: int) -> None:
        self.rm.on_document("CO03", change(needs, version, order), PF, self.now)

    @rule(order=ORDERS, priority=st.integers(4, 6), quantity=st.integers(1, 2), version=st.integers(1, 4))
    def wait(self, order: str, priority: int, quantity: int, version: int) -> None:
        self.rm.on_document("PI02", wait(order, priority, version=version, quantity=quantity), PF, self.now)

    @rule(n=st.integers(1, 4))
    def leave(self, n: int) -> None:
        self.rm.on_document("PI03", leave(f"WT025{n:010d}"), PF, self.now)

    @rule(order=ORDERS, mode=st.sampled_from(["hold", "resume", "recover"]), version=st.integers(1, 4))
    def lock(self, order: str, mode: str, version: int) -> None:
        body = recover(mode, version) | {"service_order_id": order}
        self.rm.on_document("LK03" if mode == "hold" else "LK04", body, PF, self.now)

    @rule(seconds=st.sampled_from([1, 600, 1_800, 86_400, 7_776_000]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds * 1_000
        self.rm.due(self.now)

    @invariant()
    def no_resource_has_two_owners(self) -> None:
        held = [hold.resource.id for entry in self.rm.ledger.entries.values() for hold in entry.held()]
        assert len(held) == len(set(held))

    @invariant()
    def held_resources_know_their_holder_and_free_ones_have_none(self) -> None:
        holders = {hold.resource.id: entry.id for entry in self.rm.ledger.entries.values() for hold in entry.held()}
        for resource in self.rm.plant.resources.values():
            assert (resource.state in HELD) == (resource.id in holders)
            assert resource.reservation == holders.get(resource.id)
            if resource.state == FREE:
                assert (resource.instance, resource.order) == (None, None)

    @invariant()
    def nobody_waits_for_what_is_free(self) -> None:
        for waiter in self.rm.waiting.waiters.values():
            if waiter.state == "waiting":
                assert self.rm.plant.free_count("025", waiter.need["res_type"]) == 0

    @invariant()
    def offers_hold_all_that_was_needed(self) -> None:
        for waiter in self.rm.waiting.waiters.values():
            if waiter.state == "offered" and waiter.in_force() and waiter.reservation is not None:
                assert len(waiter.reservation.held()) <= waiter.need["quantity"]

    @invariant()
    def counts_add_up(self) -> None:
        ledger = self.rm.ledger
        assert sum(ledger.counts.values()) == ledger.created
        found = Counter(hold.state for entry in ledger.entries.values() for hold in entry.holds)
        assert {state: n for state, n in ledger.counts.items() if n} == dict(found)

    @invariant()
    def free_counts_are_true(self) -> None:
        for (area, kind), pools in self.rm.plant.pools.items():
            taken = [r for r in self.rm.plant.resources.values() if (r.area, r.type) == (area, kind) and r.state != FREE]
            assert self.rm.plant.free_count(area, kind) == sum(pool.row.count for pool in pools) - len(taken)


AnyRequests.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestAnyRequests = AnyRequests.TestCase
