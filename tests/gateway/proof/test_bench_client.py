"""What the load client counts: rates inside the window only, refusals, ends told once, orders left over."""

from __future__ import annotations

import pytest

from gateway.bench.load import Load, percentile
from gateway.bench.packets import OrderPackets, ReceiptPackets, intake_text
from gateway.proof.heap_clock import HeapClock
from schemas.loader import load

TIME = "20261122080000"


class Bench:
    """A load under a virtual clock; it counts from second 1 to second 3."""

    def __init__(self, *, follow: bool = False, most: int | None = None) -> None:
        self.clock = HeapClock(0)
        self.packets = OrderPackets(load(), intake_text(load()), "CH0001", "CRM001", TIME)
        receipts = ReceiptPackets(load(), "CH02", "CH0001", "CRM001", TIME)
        self.load = Load(self.clock, self.packets, receipts, follow=follow, most=most)
        self.load.counting_since, self.load.counting_until = 1.0, 3.0

    def receipt(self, number: int, result: bytes = b"0001") -> bytes:
        return self.load.seen([("receipt", self.packets.serial(number), result, b"")])

    def notice(self, number: int, serial: bytes, state: bytes = b"COMPLETED") -> bytes:
        order = b"<customer_order_id>%b</customer_order_id>" % self.packets.order(number)
        body = order + b"<service_order_id>SO%d</service_order_id><state>%b</state>" % (number, state)
        return self.load.seen([("notification", serial, b"0000", body)])


def test_what_is_answered_is_sent_again_and_counted_inside_the_window() -> None:
    bench = Bench()
    assert bench.load.batch(2) == bench.packets.make(0) + bench.packets.make(1)
    assert bench.receipt(0) == bench.packets.make(2)
    bench.clock.advance(1500)
    bench.receipt(1)
    bench.clock.advance(2000)
    bench.receipt(2)
    report = bench.load.report()
    assert (report["sent"], report["counted"], report["left"]) == (5, 1, 2)
    assert (report["p50_ms"], report["orders_per_second"]) == (1500.0, 0.5)


def test_refusals_and_unasked_answers_are_told() -> None:
    bench = Bench()
    bench.load.batch(1)
    bench.receipt(0, b"3001")
    bench.receipt(77)
    assert bench.load.report()["refused"] == {"3001": 1, "unasked": 1}


def test_followed_orders_are_done_with_their_end_which_is_answered() -> None:
    bench = Bench(follow=True)
    bench.load.batch(1)
    bench.clock.advance(1200)
    assert bench.receipt(0) == b""
    serial = b"CRM001" + b"1" * 24
    written = bench.notice(0, serial)
    assert serial in written
    assert written.endswith(bench.packets.make(1))
    report = bench.load.report()
    assert (report["counted"], report["ends"], report["left"], report["duplicated"]) == (1, {"COMPLETED": 1}, 1, 0)


@pytest.mark.parametrize(("serial", "duplicated"), [(b"CRM001" + b"1" * 24, 0), (b"CRM001" + b"2" * 24, 1)])
def test_a_repeated_notice_is_no_second_end_but_a_second_notice_is(serial: bytes, duplicated: int) -> None:
    bench = Bench(follow=True)
    bench.load.batch(1)
    bench.notice(0, b"CRM001" + b"1" * 24)
    bench.notice(0, serial)
    report = bench.load.report()
    assert (sum(report["ends"].values()), report["duplicated"]) == (1, duplicated)


def test_no_more_orders_than_asked_for() -> None:
    bench = Bench(follow=True, most=3)
    bench.load.batch(2)
    bench.notice(0, b"a" * 30)
    bench.notice(1, b"b" * 30)
    assert not bench.load.spent
    bench.notice(2, b"c" * 30)
    assert bench.load.spent
    assert bench.load.report()["sent"] == 3


def test_percentiles_are_milliseconds() -> None:
    ordered = [number / 1000 for number in range(1, 101)]
    assert (percentile(ordered, 0.5), percentile(ordered, 0.99), percentile([], 0.5)) == (51.0, 100.0, None)
