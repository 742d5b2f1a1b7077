"""What is kept for ever takes little room, and nobody notices (spec 5.5, 01.1.6)."""

from __future__ import annotations

import sys
from dataclasses import astuple, dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.archive import Archive
from simulators.bill.brain import BillBrain
from simulators.brain import Body, Brain, Meta
from simulators.rm.brain import RmBrain
from tests.simulators.talk import START

KEYS = st.integers(0, 150).map("K{}".format)
STEPS = st.lists(st.tuples(st.sampled_from(["set", "set", "set", "change", "delete"]), KEYS), max_size=400)
ROOM = 400
"""Bytes of a closed order."""


@dataclass(slots=True, weakref_slot=True)
class Thing:
    value: int


def archive(at_hand: int = 0, *, mutable: bool = True) -> Archive[Thing]:
    return Archive(astuple, lambda _, row: Thing(*row), mutable=mutable, at_hand=at_hand)


def archives(part: Any, seen: dict[int, None] | None = None) -> list[Archive[Any]]:
    """Every archive of a brain."""
    seen = {} if seen is None else seen
    if id(part) in seen:
        return []
    seen[id(part)] = None
    if isinstance(part, Archive):
        return [part]
    inner = list(part.values()) if isinstance(part, dict) else list(vars(part).values()) if hasattr(part, "__dict__") else []
    ours = [one for one in inner if isinstance(one, dict | Archive) or type(one).__module__.startswith("simulators.")]
    return [found for one in ours for found in archives(one, seen)]


def room(part: Any) -> int:
    """Bytes of the pages of a brain's archives and of the places of their rows."""
    found = 0
    for one in archives(part):
        drawers = [side for drawer in one._index._drawers.values() for side in drawer]
        found += sum(map(sys.getsizeof, one._pages.values())) + sum(len(side) * side.itemsize for side in drawers)
    return found


@settings(max_examples=60, deadline=None)
@given(STEPS, st.booleans(), st.sampled_from([0, 3]))
def test_it_is_a_mapping_whatever_is_packed(steps: list[tuple[str, str]], mutable: bool, at_hand: int) -> None:
    packed, plain = archive(at_hand, mutable=mutable), dict[str, int]()
    for n, (do, key) in enumerate(steps):
        if do == "set":
            packed[key], plain[key] = Thing(n), n
        elif do == "change" and mutable and key in plain:
            packed[key].value = plain[key] = -n
        elif do == "delete" and key in plain:
            del packed[key], plain[key]
        packed.settle()
        found = packed.get(key)
        assert (None if found is None else found.value) == plain.get(key)
        assert (key in packed) == (key in plain)
    assert list(packed) == list(plain)
    assert [(key, thing.value) for key, thing in packed.items()] == list(plain.items())
    assert [(key, *row) for key, row in packed.rows()] == list(plain.items())
    assert sorted(thing.value for thing in packed.scan()) == sorted(plain.values())
    assert len(packed) == len(plain)


def test_what_somebody_has_stays_one_object() -> None:
    things = archive()
    mine = things["K1"] = Thing(1)
    things.settle()
    assert things["K1"] is mine
    mine.value = 2
    del mine
    things.settle()
    assert things.unpacked("K1") is None
    assert things["K1"].value == 2


def test_what_is_not_over_is_not_packed() -> None:
    things = Archive(astuple, lambda _, row: Thing(*row), mutable=True, over=lambda one: one.value > 1, at_hand=0)
    things["K1"], things["K2"] = Thing(1), Thing(2)
    things.settle()
    assert (things.unpacked("K1"), things.unpacked("K2")) == (Thing(1), None)


def test_being_looked_up_again_and_again_costs_no_room() -> None:
    things = archive()
    for n in range(640):
        things[f"K{n}"] = Thing(n)
        things.settle()
    before = sum(map(len, things._pages.values()))
    for _ in range(20):
        for n in range(0, 640, 7):
            things[f"K{n}"].value += 1
            things.settle()
    assert sum(map(len, things._pages.values())) < 4 * before
    assert [thing.value for thing in things.values()] == [n + (0 if n % 7 else 20) for n in range(640)]


@pytest.mark.parametrize("missing", ["K2", ""])
def test_a_key_nobody_knows(missing: str) -> None:
    things = archive()
    things["K1"] = Thing(1)
    things.settle()
    for look in (things.__getitem__, things.__delitem__):
        with pytest.raises(KeyError):
            look(missing)


def keeping(brain: Brain, at_hand: int) -> None:
    """Let so many values of each kind be unpacked."""
    for one in archives(brain):
        one.at_hand = at_hand


def charged(orders: int, at_hand: int) -> BillBrain:
    """Billing after so many instances were charged and charged no more."""
    bill = BillBrain()
    keeping(bill, at_hand)
    for n in range(orders):
        names = {"customer_order_id": f"CO025{n:010d}", "customer_id": f"CU{n:012d}", "account_id": f"AC{n:012d}"}
        fact = names | {"product_instance_id": f"PI025{n:010d}", "plan": "POTS1", "version": 1, "area": "025"}
        for kind, at in (("start", "20261121090000"), ("stop", "20261122090000")):
            body = fact | {"service_order_id": f"SO025{kind}{n:010d}", "kind": kind, "effective_at": at}
            bill.on_document("BL01", body, Meta("CRM001", f"CRM00120261121090000{kind:0>10}{n}", "025"), START + n)
    return bill


def test_billing_of_an_order_that_is_over_takes_little_room() -> None:
    bill = charged(500, at_hand=10)
    assert all(len(one._hot) <= 10 for one in archives(bill))
    assert room(bill) < 500 * ROOM
    assert len(bill.entries) == 1000


def test_billing_answers_from_what_is_packed_as_before() -> None:
    fresh, old = charged(70, at_hand=1000), charged(70, at_hand=0)
    assert fresh.inspect() == old.inspect()
    head = {"pair": "CRM-BILL", "area": "025", "logical_day": "20261121"}
    fact = {"product_instance_id": "PI0250000000003", "account_id": "AC000000000003", "version": 1, "area": "025"}
    fact |= {"plan": "POTS1"}
    late = fact | {"service_order_id": "SO025start0000000003", "kind": "start", "effective_at": "20261121090000"}
    names = {"customer_order_id": "CO0250000000003", "customer_id": "CU000000000003"}
    for code, body in (
        ("RX01", head),
        ("RX02", head),
        ("BL01", late | names),
        ("BL01", late | names | {"plan": "POTS2"}),
        ("BL01", late | names | {"service_order_id": "SO9", "effective_at": "20261121230000"}),
        ("BL01", late | names | {"service_order_id": "SO8", "effective_at": "20261123090000"}),
        ("BL04", {"account_id": "AC000000000003", "query": "balance"}),
        ("BL05", {"account_id": "AC000000000003", "operation": "recharge", "amount": 5, "action_serial": "S1"}),
        ("BL05", {"account_id": "AC000000000003", "operation": "recharge", "amount": 5, "action_serial": "S1"}),
    ):
        told = [bill.on_document(code, body, Meta("CRM001", "S" * 30, "025"), START) for bill in (fresh, old)]
        assert told[0] == told[1], (code, body)
    assert fresh.inspect() == old.inspect()


CRM, PF = (Meta(system, system + "1" * 24, "025") for system in ("CRM001", "PF0001"))


def names(n: int) -> Body:
    return {"service_order_id": f"SO025{n:010d}", "version": 1, "area": "025"}


def reserving(n: int) -> Body:
    items = [{"item_no": 1, "res_type": "NUMBER", "quantity": 1}]
    head = {"reservation_id": f"RV025{n:010d}", "kind": "ADVANCE", "service_order_id": f"SO025{n:010d}", "area": "025"}
    return head | {"items": items, "all_or_nothing": True}


def served(orders: int, at_hand: int) -> RmBrain:
    """RM after so many orders with a reserved number, a port and a pair are in use."""
    rm = RmBrain()
    keeping(rm, at_hand)
    needs = [{"res_type": one, "role": one.lower(), "quantity": 1} for one in ("NUMBER", "PORT", "PAIR")]
    for n in range(orders):
        now = START + n
        rm.on_document("RR01", reserving(n), CRM, now)
        item = {"item_id": "1", "action": "install", "product": "POTS", "product_instance_id": f"PI025{n:010d}", "needs": needs}
        rm.on_document("OH03", names(n) | {"items": [item], "reservations": [f"RV025{n:010d}"]}, PF, now)
        rm.on_document("OH06", names(n) | {"items": [{"item_id": "1", "step": "use"}]}, PF, now)
    return rm


def test_resource_management_of_an_order_that_is_over_takes_little_room() -> None:
    rm = served(400, at_hand=10)
    assert len(rm.plant.resources) == 1200
    assert all(len(one._hot) <= 50 for one in archives(rm))
    assert room(rm) < 400 * ROOM
    assert not rm.ledger._takers
    assert not rm.ledger._brought


def test_looking_at_everything_unpacks_nothing() -> None:
    """The bench's auditor asks when a hundred thousand orders are over."""
    rm = served(100, at_hand=10)
    before = [len(one._hot) for one in archives(rm)]
    assert len(rm.inspect()["reservations"]) == 200
    assert [len(one._hot) for one in archives(rm)] == before


def test_resource_management_answers_from_what_is_packed_as_before() -> None:
    fresh, old = served(70, at_hand=1000), served(70, at_hand=0)
    assert fresh.inspect() == old.inspect()
    assert list(fresh.inspect()["resources"]) == list(old.inspect()["resources"])
    move = {"item_id": "1", "action": "disconnect", "product": "POTS", "product_instance_id": "PI0250000000003"}
    undone = {"reason": {"type": "10R", "code": "10R", "text": "退单"}}
    taken = fresh.plant.serving("PI0250000000004")[0].id
    asked = reserving(99) | {"items": [{"item_no": 1, "res_type": "NUMBER", "quantity": 1, "res_inst_id": taken}]}
    for meta, code, body in (
        (CRM, "RX01", {"pair": "CRM-RM", "area": "025", "logical_day": "20261121"}),
        (CRM, "RX02", {"pair": "CRM-RM", "area": "025", "logical_day": "20261121"}),
        (CRM, "RR01", reserving(3)),
        (CRM, "RR01", asked),
        (CRM, "RR02", {"area": "025", "reservation_id": "RV0250000000003", "reason": {"text": "不要了"}}),
        (PF, "OH06", names(3) | {"items": [{"item_id": "1", "step": "use"}]}),
        (PF, "OH03", names(200) | {"items": [move]}),
        (PF, "OH06", names(200) | {"items": [{"item_id": "1", "step": "release"}]}),
        (PF, "OH05", names(4) | undone),
        (PF, "LK03", names(5)),
        (PF, "OH03", names(6) | {"version": 0, "items": [move]}),
    ):
        told = [rm.on_document(code, body, meta, START + 5000) for rm in (fresh, old)]
        assert told[0] == told[1], (code, body)
    assert fresh.inspect() == old.inspect()


def test_expiries_of_what_is_over_are_forgotten() -> None:
    rm = served(50, at_hand=0)
    rm.on_document("RR01", reserving(50), CRM, START)
    before = len(rm.ledger._due)
    rm.ledger._due_bound = before - 1
    rm.ledger.settle()
    assert before > 50
    assert len(rm.ledger._due) == 1
    assert rm.next_due() == rm.ledger.entries["RV0250000000050"].expires_at
