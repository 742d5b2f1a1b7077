"""Operations of a channel on an order in flight, over the wire, against simulated provisioning (spec 5.4 to 5.7)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.store import queries
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from gateway.cli.desk_requests import desk_requests
from gateway.proof.world import CHANNEL, CRM, PF, World, WorldPlan
from simulators.scripts import Scripts

pytestmark = pytest.mark.simulation

AS_USUAL = Scripts()

AMEND = {"type": "10Q", "code": "10Q001", "text": "客户改期"}
CANCEL = {"type": "10C", "code": "10C001", "text": "客户不要了"}


class Talk:
    """One order in a world, and a channel that asks for things."""

    def __init__(self, *, without: str = "", scripts: Scripts = AS_USUAL) -> None:
        self.world = World(WorldPlan(seed=3, orders=1, scripts=scripts))
        self.answers: list[dict[str, Any]] = []
        for system, host in self.world.hosts.items():
            if system != without:
                host.start()
        self.world.gateway.start()
        self.advance(1.5)
        with self.world.engine.connect() as connection:
            (self.order,) = queries.service_order_ids(connection, "DEMO0000-01")

    def advance(self, seconds: float) -> None:
        """Virtual time goes on."""
        self.world.clock.advance(int(seconds * 1000))

    def ask(self, operation: str, fields: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """CH03; its receipt."""
        head = {"service_order_id": self.order, "area": "025"}
        return self.tell("OrderOperation", head | {"operation": operation, "dry_run": dry_run, operation: fields})

    def tell(self, command: str, body: dict[str, Any]) -> dict[str, Any]:
        """A message of the channel; its receipt."""
        world, now = self.world, wire_time(self.world.clock.now())
        codec = world.gateway.codec
        row = codec.catalogue.for_command(command)[0]
        serial = f"{CHANNEL}{now}9{len(self.answers):09d}"
        header = Header(row.code, serial, CHANNEL, CRM, "025", now, "0.9", "A")
        raw = codec.encode(Document(row, row.name, header, body), "UTF-8")
        packet = Packet(
            body=raw, kind=Kind.REQUEST, code=row.code, sender=CHANNEL, receiver=CRM, area="025", serial=serial, send_time=now,
            mode="A", charset="UTF-8",
        )  # fmt: skip
        world.gateway.dispatcher.take_in(packet, lambda raw: self.answers.append(codec.decode(raw, "UTF-8").body))
        self.advance(0.5)
        return self.answers[-1]

    def seen(self) -> Any:
        """The order as stored."""
        with self.world.engine.connect() as connection:
            return queries.order(connection, self.order)

    def end(self) -> list[str]:
        """To quiescence; what the auditor found, and exceptions."""
        outcome = self.world.finish()
        return [*map(str, outcome.violations), *outcome.defects, *([] if outcome.quiet else ["not quiet"])]


def test_an_order_is_cancelled_and_nobody_holds_anything() -> None:
    talk = Talk()
    assert talk.ask("cancel", {"reason": CANCEL})["code"] == "0001"
    assert talk.end() == []
    assert talk.seen()["state"] == "CANCELLED"
    assert talk.world.hosts[PF].ledger["orders"][talk.order]["state"] == "CANCELLED"
    assert talk.world.hosts[CHANNEL].ledger["notices"][talk.order] == ["CANCELLED"]


def test_a_change_of_dates_is_applied_and_the_order_ends_in_its_new_version() -> None:
    talk = Talk()
    receipt = talk.ask("amend", {"reason": AMEND, "dates": {"captured_at": "20261122080000", "booked_at": "20261125100000"}})
    assert receipt["details"] == [{"name": "version", "value": "2"}]
    assert talk.end() == []
    order = talk.seen()
    assert (order["state"], order["version"]) == ("COMPLETED", 2)
    assert talk.world.hosts[PF].ledger["orders"][talk.order]["version"] == 2


def test_what_never_left_is_taken_back_and_provisioning_never_hears() -> None:
    talk = Talk(without=PF)
    assert talk.ask("cancel", {"reason": CANCEL})["state"] == "CANCELLED"
    talk.world.hosts[PF].start()
    assert talk.end() == []
    assert talk.world.hosts[PF].ledger["orders"] == {}


def test_new_dates_and_haste_are_agreed_and_the_order_ends() -> None:
    talk = Talk()
    talk.ask("expedite", {"reason": {"text": "客户催"}})
    talk.ask("reschedule", {"reason": {"text": "客户改约"}, "dates": {"booked_at": "20261125100000"}})
    assert talk.end() == []
    assert talk.seen()["state"] == "COMPLETED"


def test_a_dry_run_is_answered_by_what_provisioning_told_and_changes_nothing() -> None:
    talk = Talk()
    talk.ask("cancel", {"reason": CANCEL}, dry_run=True)
    second = talk.ask("cancel", {"reason": CANCEL}, dry_run=True)
    told = [(one["name"], one["value"]) for one in second["details"]]
    assert {("allowed", "1 true"), ("point_of_no_return", "1 none")} <= set(told)
    assert any(name == "would_release" for name, _ in told)
    assert talk.end() == []
    assert talk.seen()["state"] == "COMPLETED"


def test_orders_are_asked_for_by_customer_order_instance_and_number() -> None:
    talk = Talk()
    inquire = desk_requests(talk.world.gateway)["inquire"]
    (item,) = talk.seen()["items"]
    day = {"range": {"begin": "20261122000000", "end": "20261122235959"}, "area": "025"}
    asked: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("customer-order", "DEMO0000-01", {}),
        ("instance", item["instance_id"], {}),
        ("number", item["access_number"], day),
    )
    times: list[int] = []
    for by, name, more in asked:
        replies: list[dict[str, Any]] = []
        inquire({"id": name, "by": by, "operator": "OP1", **more}, replies.append)
        talk.advance(1)
        assert [reply["ok"] for reply in replies] == [True], by
        times.append(talk.seen()["details"]["process"]["at"])
    assert times == sorted(set(times))
    assert talk.seen()["details"]["process"]["service_order_id"] == talk.order
    assert talk.end() == []


@pytest.mark.parametrize(("given", "code"), [
    ({"by": "number", "id": "02580000101"}, "3020"),
    ({"by": "customer-order", "id": "CO404"}, "3003"),
    ({"by": "instance", "id": "PI404"}, "3002"),
])  # fmt: skip
def test_what_cannot_be_asked_for_is_refused_before_anything_leaves(given: dict[str, str], code: str) -> None:
    talk = Talk()
    replies: list[dict[str, Any]] = []
    desk_requests(talk.world.gateway)["inquire"]({"operator": "OP1", **given}, replies.append)
    talk.advance(0.2)
    assert [(reply["ok"], reply["code"]) for reply in replies] == [(False, code)]
    with talk.world.engine.connect() as connection:
        assert queries.messages(connection, code="PQ01") == []


def test_what_the_state_forbids_is_refused_with_the_state() -> None:
    talk = Talk()
    assert talk.end() == []
    receipt = talk.ask("cancel", {"reason": CANCEL})
    assert (receipt["code"], receipt["state"]) == ("3005", "COMPLETED")


def test_a_person_asks_how_far_an_order_is_and_what_a_cancel_would_undo() -> None:
    talk = Talk()
    replies: list[dict[str, Any]] = []
    inquire = desk_requests(talk.world.gateway)["inquire"]
    for operation in (None, "cancel"):
        inquire({"id": talk.order, "operator": "OP1", "operation": operation}, replies.append)
    inquire({"id": 7}, replies.append)
    talk.advance(1)
    assert [reply["ok"] for reply in replies] == [False, True, True]
    details = talk.seen()["details"]
    assert details["process"]["service_order_id"] == talk.order
    assert details["process"]["work_orders"]
    assert details["inquiries"]["cancel"]["answer"][0]["allowed"] is True
    assert talk.end() == []


def dependent(talk: Talk) -> str:
    """A second order of the customer that depends on the first; its id."""
    with talk.world.engine.connect() as connection:
        first = queries.order(connection, talk.order)
    assert first is not None
    receipt = talk.tell("SubmitOrder", {
        "customer_order_id": "DEMO0000-02", "area": "025", "customer": {"customer_id": first["customer_id"]},
        "dates": {"captured_at": "20261121090000"}, "contact": {"name": "张示例", "phone": "13800000000"},
        "items": [{"item_id": "1", "action": "install", "product": "MOBILE", "depends_on": [talk.order]}],
    })  # fmt: skip
    assert receipt["code"] == "0001", receipt
    with talk.world.engine.connect() as connection:
        (order_id,) = queries.service_order_ids(connection, "DEMO0000-02")
    return order_id


def test_what_depends_on_a_cancelled_order_is_cancelled_unsent_and_told() -> None:
    talk = Talk()
    second = dependent(talk)
    talk.ask("cancel", {"reason": CANCEL})
    assert talk.end() == []
    with talk.world.engine.connect() as connection:
        order = queries.order(connection, second)
    assert order is not None
    assert (talk.seen()["state"], order["state"]) == ("CANCELLED", "CANCELLED")
    assert f"Order {talk.order}, which it waited for, was not completed (CANCELLED)" in order["reason"]["text"]
    assert list(talk.world.hosts[PF].ledger["orders"]) == [talk.order]
    assert talk.world.hosts[CHANNEL].ledger["notices"][second] == ["CANCELLED"]
