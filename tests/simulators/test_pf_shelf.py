"""Orders that closed long ago take little room and are still all they were (spec 5.5, 01.1.6)."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from simulators.pf.order import Order
from simulators.pf.shelf import Shelf
from tests.simulators.pf_talk import PfTalk
from tests.simulators.talk import dispatch, item

DETAIL = {"service_order_id": "SO1", "area": "025", "detail_level": "work_order"}
CANCEL = {"service_order_id": "SO1", "version": 1, "area": "025", "reason": {"type": "10C", "code": "10C001", "text": "撤单"}}


def weight(value: Any) -> int:
    """Bytes of an order and all it alone keeps."""
    size, inner = sys.getsizeof(value), []
    if isinstance(value, dict):
        inner = [*value.keys(), *value.values()]
    elif isinstance(value, list | tuple):
        inner = list(value)
    elif type(value).__module__ == "simulators.pf.order":
        inner = [getattr(value, name) for name in value.__slots__]
    return size + sum(map(weight, inner))


def completed(at_hand: int) -> PfTalk:
    talk = PfTalk(speed=0)
    talk.pf._floor.shelf = Shelf(at_hand)
    talk.begin()
    talk.run()
    assert talk.order.state == "COMPLETED"
    return talk


def cancelled(at_hand: int) -> PfTalk:
    talk = PfTalk()
    talk.pf._floor.shelf = Shelf(at_hand)
    talk.begin(after_ms=1000)
    talk.until_stage("DATA_CONFIG")
    talk.cancel()
    talk.until("CN02")
    assert talk.order.state == "CANCELLED"
    return talk


@pytest.mark.parametrize("ending", [completed, cancelled])
def test_whatever_is_asked_of_a_packed_order_is_answered_as_before(ending: Any) -> None:
    fresh, old = ending(1), ending(0)
    assert fresh.pf.inspect() == old.pf.inspect()
    assert weight(old.order) < min(5000, weight(fresh.order) / 2)
    for question in (
        ("PQ01", DETAIL),
        ("PQ01", {"customer_order_id": "CO1", "area": "025", "detail_level": "order"}),
        ("RX02", {"pair": "CRM-PF", "area": "025", "logical_day": "20261121"}),
        ("OH01", dispatch()),
        ("OH01", dispatch(items=[item("9")])),
        ("PQ02", {"service_order_id": "SO1", "version": 1, "area": "025", "operation": "cancel"}),
        ("CN01", CANCEL),
    ):
        answers = [talk.tell("PF", *question) for talk in (fresh, old)]
        assert answers[0] == answers[1], question
    assert fresh.crm == old.crm


def test_only_the_oldest_are_packed() -> None:
    shelf, orders = Shelf(2), [Order(f"SO{n}", 1, "CRM001", "S", {"area": "025"}, 0, 0, 1, 1) for n in range(4)]
    for order in orders:
        shelf.add(order)
    assert [isinstance(order._image, bytes) for order in orders] == [True, True, False, False]
    assert [order.image for order in orders] == [{"area": "025"}] * 4
