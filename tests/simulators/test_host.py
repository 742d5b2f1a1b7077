"""Hosts over in-memory connections: whole orders, repeats, lost links, bad packets, link messages, restart."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.document import Document
from gateway.clock import Entropy
from gateway.proof.fault_plan import PERFECT, FaultPlan
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from simulators.brain import Body, Send
from simulators.fleet import Fleet, FleetSettings, UnknownRole, start_fleet
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, PeerSettings
from tests.simulators.crm import CrmScript
from tests.simulators.talk import START, dispatch, item

BAD = FaultPlan(reset=0.03, split=0.2, merge=0.1, slow=0.05, duplicate=0.0)


class World:
    """A fleet and a scripted CRM on one virtual clock."""

    def __init__(self, plan: FaultPlan = PERFECT, seed: int = 1, layout: str = "ctif-128", **settings: Any) -> None:
        self.clock = HeapClock(START)
        entropy = Entropy(seed)
        self.network = MemoryNetwork(self.clock, entropy, plan)
        self.crm = CrmScript()
        names = {"PF0001": ("PF", "pf"), "RM0001": ("RM", "rm"), "BIL001": ("BILL", "bill")}
        peers = {system: PeerSettings(system, role, f"mem://{name}", layout) for system, (role, name) in names.items()}
        self.host = SimulatorHost(
            self.crm, HostSettings("CRM001", "mem://crm", peers, layout), self.clock, entropy, self.network
        )
        started: list[Fleet] = []
        asked = FleetSettings(listen="mem://{name}", crm="mem://crm", layout=layout, **{"speed": 0, **settings})
        start_fleet(("pf", "rm", "bill"), asked, self.clock, entropy, self.network).addCallback(started.append)
        self.host.start()
        self.clock.advance(50)
        self.fleet = started[0]

    def dispatch(self, count: int) -> None:
        products = ("FTTH", "POTS", "LAN", "IPTV")
        for n in range(count):
            body = dispatch(f"SO{n:04d}", items=[item(product=products[n % 4], instance=f"PI{n}")])
            self.crm.send("OH01", body, "PF")
        self.host.settled()

    def until_closed(self, count: int, seconds: int = 600) -> None:
        for _ in range(seconds):
            if len(self.crm.closed) >= count and self.fleet.idle and self.host.idle:
                return
            self.clock.advance(1_000)
        raise AssertionError(f"{len(self.crm.closed)} of {count} closed")


def sequences(world: World) -> dict[str, list[int]]:
    return {order: [body["report_seq"] for code, body in said if code != "BL02"] for order, said in world.crm.said.items()}


@pytest.mark.parametrize("direct", [False, True])
def test_orders_go_end_to_end_in_sequence(direct: bool) -> None:
    world = World(direct=direct)
    world.dispatch(8)
    world.until_closed(8)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in sequences(world).values())
    ledgers = world.fleet.ledgers
    assert {order["state"] for order in ledgers["pf"]["orders"].values()} == {"COMPLETED"}
    assert ledgers["rm"]["counts"]["held"] == 0
    assert len(ledgers["bill"]["facts"]) == 8
    assert all(not ledger["wire"]["undelivered"] for ledger in ledgers.values())


@pytest.mark.parametrize("layout", ["len4-be", "newline"])
def test_layouts_that_say_nothing_in_their_header_work_too(layout: str) -> None:
    world = World(layout=layout)
    world.dispatch(3)
    world.until_closed(3)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_lost_or_doubled_over_bad_links(seed: int) -> None:
    world = World(BAD, seed)
    world.dispatch(20)
    world.until_closed(20)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in sequences(world).values())
    ledgers = world.fleet.ledgers
    assert ledgers["rm"]["counts"] == {"held": 0, "consumed": 65, "released": 0, "expired": 0}
    assert [fact["refused"] for fact in ledgers["bill"]["facts"]] == [None] * 20
    assert sum(ledger["wire"]["retransmitted"] for ledger in ledgers.values()) > 0


def test_same_seed_same_run() -> None:
    def run() -> Any:
        world = World(BAD, 5)
        world.dispatch(10)
        world.until_closed(10)
        return world.fleet.ledgers, world.clock.now()

    assert run() == run()


def test_stages_take_their_time_at_speed_one() -> None:
    world = World(speed=1)
    world.dispatch(1)
    world.clock.advance(600)
    assert [code for code, _ in world.crm.said["SO0000"]] == ["OH02"]
    world.until_closed(1)


def test_delayed_message_goes_when_its_time_has_come() -> None:
    world = World()
    world.host._say([Send("LN03", {"text": "later"}, role="PF", after_ms=5_000)], world.clock.now())
    world.host.settled()
    world.clock.advance(4_900)
    assert world.crm.answers == []
    world.clock.advance(200)
    assert world.crm.answers == [("LN03", {"text": "later"})]


class Wire:
    """What a peer would send by hand, and what comes back."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.reception = world.fleet.hosts["pf"]._reception
        self.paper = world.host._paper
        self.pf = world.host.settings.peers["PF0001"]

    def packet(self, code: str, body: Body, serial: str) -> Any:
        row = self.paper.catalogue.message(code)
        return self.paper.message(row, body, self.pf, serial, None, self.world.clock.now())

    def ask(self, packet: Any) -> Any:
        return self.reception.packet(packet, self.world.clock.now())[0]


def serial(n: int) -> str:
    return f"CRM001{n:024d}"


def test_same_bytes_get_the_same_answer_and_no_second_effect() -> None:
    wire = Wire(World())
    packet = wire.packet("OH01", dispatch(), serial(1))
    first = wire.ask(packet)
    wire.world.clock.advance(5_000)
    assert wire.ask(packet) == first
    assert wire.world.fleet.hosts["pf"].ledger["wire"]["repeats"] == 1


def test_same_serial_with_other_bytes_is_refused_and_the_first_stands() -> None:
    wire = Wire(World())
    first = wire.packet("OH01", dispatch(), serial(1))
    answer = wire.ask(first)
    assert wire.ask(wire.packet("OH01", dispatch("SO2"), serial(1))).result == "1009"
    assert wire.ask(first) == answer


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"body": b"<Package"}, "1001"),
        ({"sender": "XX0001"}, "1011"),
        ({"serial": serial(9)}, "1011"),
        ({"ttl": 1, "send_time": "20200101000000"}, "1012"),
    ],
)
def test_bad_packets_are_refused_with_their_code(change: dict[str, Any], result: str) -> None:
    wire = Wire(World())
    packet = wire.packet("OH01", dispatch(), serial(1))
    for name, value in change.items():
        setattr(packet, name, value)
    assert wire.ask(packet).result == result


def test_message_for_another_role_is_not_permitted() -> None:
    wire = Wire(World())
    body = {"service_order_id": "SO1", "version": 1, "area": "025", "reason": {"text": "x"}}
    assert wire.ask(wire.packet("OH05", body, serial(1))).result == "2002"


def test_unknown_message_code_is_refused() -> None:
    wire = Wire(World())
    packet = wire.packet("OH01", dispatch(), serial(1))
    packet.body = packet.body.replace(b">OH01<", b">ZZ99<")
    packet.code = "ZZ99"
    assert wire.ask(packet).result == "1003"


@pytest.mark.parametrize("element", ["Receipt", "OrderAccepted", "DeferInstall"])
def test_what_is_no_request_is_no_request(element: str) -> None:
    """A receipt, or a command's result, under the command's code: never taken for the command."""
    wire = Wire(World())
    packet = wire.packet("OH01", dispatch(), serial(1))
    codec = wire.paper.codec
    asked = codec.decode(packet.body, packet.charset)
    body = {"code": "0000", "text": "ok"} if element == "Receipt" else {
        "service_order_id": "SO1", "version": 1, "area": "025", "accepted_by": "甲", "phone": "025-1",
        "accepted_at": "20261122090000", "expected_finish": "20261123090000",
    } if element == "OrderAccepted" else {
        "service_order_id": "SO1", "version": 1, "area": "025", "until": "20261201000000",
        "reason": {"type": "10P", "code": "10P001", "text": "x"},
    }  # fmt: skip
    packet.body = codec.encode(Document(asked.row, element, asked.header, body), packet.charset)
    assert wire.ask(packet).result == "1011"


def test_a_document_may_say_alone_how_long_it_is_of_use() -> None:
    wire = Wire(World())
    packet = wire.packet("OH01", dispatch(), serial(1))
    packet.body = packet.body.replace(b"</Mode>", b"</Mode><Ttl>60</Ttl>")
    wire.world.clock.advance(500_000)
    assert wire.ask(packet).result == "1012"


def document(wire: Wire, packet: Any) -> Any:
    return wire.paper.codec.decode(packet.body, packet.charset)


def test_link_messages_are_answered_by_the_host() -> None:
    wire = Wire(World())
    assert document(wire, wire.ask(wire.packet("LN03", {"text": "喂"}, serial(1)))).body == {"text": "喂"}
    status = document(wire, wire.ask(wire.packet("LN04", {}, serial(2)))).body
    assert {"OH01", "PQ01", "RX04"} <= set(status["messages"])


def test_rx04_tells_what_became_of_a_serial_with_the_stored_answer() -> None:
    wire = Wire(World())
    query = {"sender": "CRM001", "serial": serial(1)}
    assert document(wire, wire.ask(wire.packet("RX04", query, serial(2)))).body["state"] == "unseen"
    answer = wire.ask(wire.packet("OH01", dispatch(), serial(1)))
    found = document(wire, wire.ask(wire.packet("RX04", query, serial(3)))).body
    assert (found["state"], found["stored_answer"]["result_code"]) == ("applied", answer.result)
    assert "Receipt" in found["stored_answer"]["document"]


def test_rx03_sends_reports_again_under_the_same_serial() -> None:
    world = World()
    world.dispatch(1)
    world.until_closed(1)
    before = world.host.ledger["wire"]["repeats"]
    wire = Wire(world)
    asked = {"service_order_id": "SO0000", "from_seq": 2, "to_seq": 9}
    answer = document(wire, wire.ask(wire.packet("RX03", asked, serial(1)))).body
    assert [row["report_seq"] for row in answer["redelivered"]] == [2, 3, 4, 5, 6]
    assert answer["unknown_seqs"] == [7, 8, 9]
    world.fleet.hosts["pf"].settled()
    world.clock.advance(1_000)
    assert world.host.ledger["wire"]["repeats"] == before + 5
    assert world.fleet.idle


def test_crm_that_is_away_gets_everything_when_it_is_back() -> None:
    world = World(speed=1)
    world.dispatch(3)
    world.clock.advance(500)
    world.host.stop()
    world.clock.advance(60_000)
    assert not world.crm.closed
    world.host.start()
    world.until_closed(3)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in sequences(world).values())


def test_what_nobody_takes_is_given_up_and_told() -> None:
    world = World()
    world.dispatch(1)
    world.until_closed(1)
    world.host.stop()
    for other in ("pf", "rm"):  # they would try for a day, too
        world.fleet.hosts[other].stop()
    world.clock.advance(1_000)
    bill = world.fleet.hosts["bill"]
    facts = {"service_order_id": "SO9", "version": 1, "area": "025", "product_instance_id": "PI9", "account_id": "A"}
    packet = Wire(world).packet("BL01", facts | {"kind": "start", "plan": "P", "effective_at": "20261121090000"}, serial(1))
    bill._say(bill._reception.packet(packet, world.clock.now())[1], world.clock.now())
    bill.settled()
    world.clock.advance(25 * 3_600_000)
    assert [row["code"] for row in bill.ledger["wire"]["undelivered"]] == ["BL02"]
    assert bill.ledger["complaints"][0]["result"] == "9003"
    assert bill.idle


def test_fleet_names_what_it_does_not_know() -> None:
    clock = HeapClock(START)
    with pytest.raises(UnknownRole, match="pf rm bill"):
        start_fleet(("pf", "xx"), FleetSettings(), clock, Entropy(1), MemoryNetwork(clock, Entropy(1)))


def test_fleet_that_cannot_listen_stops_what_it_started() -> None:
    clock, entropy = HeapClock(START), Entropy(1)
    network = MemoryNetwork(clock, entropy)
    failures: list[Any] = []
    asked = FleetSettings(listen="mem://same")
    start_fleet(("pf", "rm"), asked, clock, entropy, network).addErrback(failures.append)
    clock.advance(1_000)
    assert len(failures) == 1
    again: list[Any] = []
    start_fleet(("pf",), asked, clock, entropy, network).addCallback(again.append)
    assert len(again) == 1
