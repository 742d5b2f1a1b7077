"""What the load of the mixed bench asks for: the right operation at the right moment, again where it was too early."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from adapters.document import Document
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.bench.mix import MIXED, SCRIPT, MixedPackets, kind_of, sequence
from gateway.bench.operations import OperationPackets
from gateway.bench.packets import CHARSET, LAYOUT, ReceiptPackets, cutter, lifecycle_text
from gateway.bench.stories import MixedLoad
from gateway.proof.heap_clock import HeapClock
from schemas.loader import load
from simulators.scripts import read_scripts

NOW = 1_795_309_200_000
ENDS = ("CH0001", "CRM001")


class Desk:
    """Offers are taken by hand."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Callable[[dict[str, Any]], None]]] = []

    def take(self, order: str, heard: Callable[[dict[str, Any]], None]) -> None:
        self.asked.append((order, heard))


class Bench:
    """A mixed load under a virtual clock, and what it wrote."""

    def __init__(self) -> None:
        self.clock = HeapClock(NOW)
        self.packets = MixedPackets(load(), lifecycle_text(), *ENDS, wire_time(NOW))
        self.desk = Desk()
        receipts = ReceiptPackets(load(), "CH02", *ENDS, wire_time(NOW))
        operations = OperationPackets(load(), *ENDS, NOW)
        self.load = MixedLoad(self.clock, self.packets, receipts, operations, self.desk)  # type: ignore[arg-type]
        self.load.counting_until = 1e12
        self.written = bytearray()
        self.load.write = self.written.extend
        self.load.batch(100)

    def number(self, kind: str) -> int:
        return next(n for n in range(100) if self.packets.kind(n).name == kind)

    def accepted(self, kind: str) -> list[Document]:
        body = b"<details><detail><name>service_order_id</name><value>SO000000000007</value></detail></details>"
        self.load.seen([("receipt", self.packets.serial(self.number(kind)), b"0001", body)])
        return self.said()

    def answered(self, serial: str, result: bytes, body: bytes = b"") -> list[Document]:
        self.load.seen([("receipt", serial.encode(), result, body)])
        return self.said()

    def told(self, kind: str, state: str, ref: str = "R1", reason: str = "") -> list[Document]:
        order = self.packets.order(self.number(kind)).decode()
        body = f"<RefSerial>{ref}</RefSerial><customer_order_id>{order}</customer_order_id>"
        body += f"<service_order_id>SO000000000007</service_order_id><state>{state}</state>{reason}"
        self.load.seen([("notification", b"CRM001" + state.encode(), b"0000", body.encode())])
        return self.said()

    def said(self) -> list[Document]:
        cut, codec = cutter(load().layout(LAYOUT)), Codec(load())
        return [codec.decode(body, CHARSET) for *_, body in cut(self.written)]


def asked(documents: list[Document]) -> list[str]:
    return [document.body["operation"] for document in documents]


def test_a_hundred_orders_are_shared_out_and_each_kind_is_spread() -> None:
    turns = sequence(MIXED)
    assert Counter(turns) == {kind: kind.share for kind in MIXED}
    assert set(turns[:20]) == set(MIXED)


def test_an_orders_kind_stands_in_its_id_and_some_hear_of_every_state() -> None:
    packets, codec = MixedPackets(load(), lifecycle_text(), *ENDS, wire_time(NOW)), Codec(load())
    cut = cutter(load().layout(LAYOUT))
    for number in range(20):
        kind = packets.kind(number)
        ((_, serial, _, body),) = cut(bytearray(packets.make(number)))
        document = codec.decode(body, CHARSET)
        assert document.header.serial.encode() == serial == packets.serial(number)
        assert kind_of(document.body["customer_order_id"]) is kind
        assert document.body.get("notify") == ("each" if kind.each else None)


def test_the_script_is_one_simulators_can_play() -> None:
    import tomllib

    scripts = read_scripts(tomllib.loads(SCRIPT))
    assert Counter(act.do for act in scripts.pf.acts) == {"slow": 4, "shortage": 1, "return": 1}


@pytest.mark.parametrize(
    ("kind", "operation"), [("change", "amend"), ("cancel", "cancel"), ("deferral", "defer"), ("lock", "lock")]
)
def test_what_is_wanted_is_asked_for_once_the_order_is_accepted(kind: str, operation: str) -> None:
    (document,) = Bench().accepted(kind)
    assert document.body["operation"] == operation
    assert document.body["service_order_id"] == "SO000000000007"


def test_plain_orders_want_nothing() -> None:
    assert Bench().accepted("plain") == []


def test_a_lock_is_looked_up_and_opened_with_its_fence() -> None:
    bench = Bench()
    (first,) = bench.accepted("lock")
    assert bench.answered(first.header.serial, b"0001") == []
    (second,) = bench.told("lock", "IN_PROGRESS")
    fence = b"<detail><name>fence</name><value>3</value></detail>"
    (unlock,) = bench.answered(second.header.serial, b"0002", fence)
    assert unlock.body["unlock"] == {"fence": 3}


def test_a_refused_lock_is_not_asked_for_again() -> None:
    bench = Bench()
    bench.accepted("lock")
    assert bench.told("lock", "IN_PROGRESS", reason="<reason><text>3004</text></reason>") == []


@pytest.mark.parametrize(
    ("kind", "state", "operation"), [("deferral", "DEFERRED", "end_deferral"), ("return", "RETURNED", "amend")]
)
def test_what_is_told_on_the_way_leads_on(kind: str, state: str, operation: str) -> None:
    bench = Bench()
    bench.accepted(kind)
    assert asked(bench.told(kind, state)) == [operation]


def test_an_offer_is_taken_as_soon_as_there_is_one() -> None:
    bench = Bench()
    bench.accepted("pending")
    bench.told("pending", "PENDING_INSTALL")
    ((order, heard),) = bench.desk.asked
    heard({"ok": False, "code": "3010"})
    bench.clock.advance(500)
    assert [order for order, _ in bench.desk.asked] == [order, order]
    bench.desk.asked[1][1]({"ok": True})
    bench.clock.advance(1000)
    assert len(bench.desk.asked) == 2


def test_what_comes_too_late_is_let_be_what_is_too_early_is_asked_again() -> None:
    bench = Bench()
    (change,) = bench.accepted("change")
    assert bench.answered(change.header.serial, b"3021") == []
    bench.clock.advance(500)
    (again,) = bench.said()
    assert bench.answered(again.header.serial, b"3005") == []
    bench.told("change", "COMPLETED")
    report = bench.load.report()
    assert report["refused"] == {}
    assert report["kinds"]["change"]["ends"] == {"COMPLETED": 1}
    assert report["kinds"]["change"]["operations"] == {"amend 3005": 1, "amend 3021": 1}


def test_an_end_told_again_for_another_request_is_none_twice() -> None:
    bench = Bench()
    bench.accepted("cancel")
    bench.told("cancel", "COMPLETED", "R1")
    bench.told("cancel", "COMPLETED", "R2")
    assert (bench.load.duplicated, bench.load.ends) == (0, {"COMPLETED": 1})
    bench.load.seen([("notification", b"other", b"0000", b"<RefSerial>R2</RefSerial><customer_order_id>CA</customer_order_id>"
                      b"<service_order_id>SO000000000007</service_order_id><state>COMPLETED</state>")])  # fmt: skip
    assert bench.load.duplicated == 1
