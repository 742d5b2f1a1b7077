"""Links and connections: reconnect, fail-over, duplex, short connections, deadlines, back-pressure (spec 01.1.3 to 01.1.5)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from tests.gateway.rig import CATALOGUE, CTIF, PEERS, Rig, packet_of, receipt_for, sample, serial, submission


def with_pf(**changes: Any) -> tuple[dict[str, Any], ...]:
    return (PEERS[0], {**PEERS[1], **changes})


def test_a_link_is_made_again_with_growing_pauses_until_the_peer_is_back() -> None:
    rig = Rig(with_pf())
    tries: list[int] = []
    dial = rig.network.dial

    def counted(address: str, factory: Any) -> Any:
        if address == "mem://pf":
            tries.append(rig.clock.now())
        return dial(address, factory)

    rig.network.dial = counted  # type: ignore[method-assign]
    rig.run(600)
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert len(tries) > 8
    assert max(gaps) <= 61_000
    assert gaps[0] <= 4_000
    assert max(gaps) > 20_000
    pf = rig.station()
    rig.run(65)
    assert rig.gateway.links["PF0001"].state == "up"
    pf.wire.drop()
    rig.run(5)
    assert rig.gateway.links["PF0001"].connects == 2


def test_the_stand_by_takes_over_and_the_primary_comes_first_again() -> None:
    rig = Rig(with_pf(connect=["mem://pf", "mem://pf2"]))
    second = rig.station("mem://pf2")
    rig.run(5)
    rig.send("a")
    rig.run(1)
    assert len(second.received) == 1
    first = rig.station("mem://pf")
    second.wire.drop()
    rig.run(70)
    rig.send("b")
    rig.run(1)
    assert (len(first.received), len(second.received)) == (1, 1)


def test_a_duplex_peer_hears_over_its_own_connection_and_over_the_one_left() -> None:
    rig = Rig(with_pf())
    first, second = rig.caller(), rig.caller()
    rig.ask(first, packet_of(sample("LinkTest", Serial=serial(1), Sender="CH0001", Receiver="CRM001")))
    rig.ask(second, packet_of(sample("LinkTest", Serial=serial(2), Sender="CH0001", Receiver="CRM001")))
    rig.send("a", peer="CH0001")
    rig.run(1)
    assert [packet.code for packet in second.got if not packet.is_answer] == ["CH02"]
    second.drop()
    rig.run(1)
    rig.send("b", peer="CH0001")
    rig.run(1)
    assert [packet.code for packet in first.got if not packet.is_answer][-1:] == ["CH02"]
    first.drop()
    rig.run(1)
    assert rig.gateway.links["CH0001"].state == "down"


def test_short_connections_carry_one_exchange_each() -> None:
    rig = Rig(with_pf(long=False))
    pf = rig.station()
    rig.send("a", "b", "c")
    rig.run(3)
    assert len(pf.received) == 3
    assert len(pf.wires) == 3
    assert not any(wire.open for wire in pf.wires)
    assert set(rig.out().values()) == {"DONE"}


def test_a_short_connection_without_an_answer_is_closed_and_the_message_tried_again() -> None:
    rig = Rig(with_pf(long=False))
    pf = rig.station(script=lambda packet: None)
    rig.send("a")
    rig.run(14)
    assert len(pf.received) == 1
    pf.script = receipt_for
    rig.run(5)
    assert len(pf.received) == 2
    assert not any(wire.open for wire in pf.wires)
    assert set(rig.out().values()) == {"DONE"}


# -- what one connection does to others: nothing ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n" * 9,
        b"\0" * 200,
        b"CTIF0900000001" + b"0" * 200,
        b"CTIF0999999999" + b"0" * 200,
        b"CTIF09-0000200" + b"0" * 200,
    ],
)
def test_garbage_closes_its_connection_and_no_other(garbage: bytes) -> None:
    rig = Rig(with_pf())
    good, bad = rig.caller(), rig.caller()
    rig.ask(good, packet_of(submission(1)))
    bad.write(garbage)
    rig.run(1)
    assert not bad.open
    assert good.open
    got = rig.ask(good, packet_of(submission(2)))
    assert [packet.result for packet in got if packet.is_answer] == ["0001"]


def test_a_good_packet_before_garbage_is_still_taken() -> None:
    rig = Rig(with_pf())
    wire = rig.caller()
    wire.write(CTIF.encode(packet_of(submission(1))) + b"garbage" * 40)
    rig.run(1)
    assert rig.one("SELECT count(*) FROM customer_order") == 1
    assert not wire.open


def test_a_dribbled_packet_meets_its_deadline_whatever_comes() -> None:
    rig = Rig(with_pf())
    good, slow = rig.caller(), rig.caller()
    data = CTIF.encode(packet_of(submission(1)))
    for place in range(28):
        slow.write(data[place : place + 1])
        rig.run(1)
    assert slow.open
    rig.run(4)
    assert not slow.open
    assert good.open


def test_a_packet_in_single_bytes_is_taken_if_it_comes_in_time() -> None:
    rig = Rig(with_pf())
    wire = rig.caller()
    for byte in CTIF.encode(packet_of(submission(1))):
        wire.write(bytes([byte]))
    rig.run(2)
    assert [packet.result for packet in wire.got if packet.is_answer] == ["0001"]


def test_a_silent_connection_is_closed_at_its_idle_limit() -> None:
    rig = Rig(({**PEERS[0], "timers": {"heartbeat": 600}},))
    wire = rig.caller()
    rig.run(290)
    assert wire.open
    rig.run(20)
    assert not wire.open


def test_unanswered_heartbeats_end_the_connection_and_answered_ones_keep_it() -> None:
    rig = Rig(with_pf(timers={"heartbeat": 10}))
    pf = rig.station()
    rig.run(120)
    assert len(pf.wires) == 1
    assert pf.wire.beats >= 10
    pf.wire.deaf = True
    rig.run(60)
    assert len(pf.wires) == 2


def test_a_heartbeat_of_the_peer_is_answered_at_once_and_stored_nowhere() -> None:
    rig = Rig(with_pf())
    seen: list[Packet] = []
    wire = rig.caller()
    received = wire.dataReceived
    wire.dataReceived = lambda data: (seen.extend([Packet(data)]), received(data))[1]  # type: ignore[method-assign,assignment]
    wire.send(Packet(b"", kind=Kind.HEARTBEAT, sender="CH0001", receiver="CRM001", serial=serial(9)))
    rig.run(1)
    assert len(seen) == 1
    assert seen[0].body[14:15] == b"9"
    assert rig.one("SELECT count(*) FROM inbox") == 0


# -- back-pressure ------------------------------------------------------------------------------------------------------------


def test_when_the_worker_is_behind_reading_stops_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from gateway import dispatch

    monkeypatch.setattr(dispatch, "HIGH_WATER", 20)
    rig = Rig(with_pf())
    wire = rig.caller()
    turn, writer = rig.gateway.writer._turn, rig.gateway.writer
    monkeypatch.setattr(writer, "_turn", lambda: None)  # a commit that does not return
    packets = [packet_of(submission(n)) for n in range(60)]
    for packet in packets:
        wire.send(packet)
        rig.run(0.01)
    assert writer.waiting < 40
    monkeypatch.setattr(writer, "_turn", turn)
    turn()
    rig.run(5)
    assert [packet.result for packet in wire.got if packet.is_answer] == ["0001"] * 60


def test_stopped_links_still_take_what_the_peer_sends() -> None:
    rig = Rig(with_pf())
    pf = rig.station(script=lambda packet: receipt_for(packet, "2001"))
    rig.run(2)
    rig.send("a")
    rig.run(1)
    assert rig.gateway.links["PF0001"].state == "stopped"
    test = packet_of(sample("LinkTest", Serial=serial(3, "PF0001"), Sender="PF0001", Receiver="CRM001"))
    (answer,) = [packet for packet in rig.ask(rig.caller(), test) if packet.is_answer]
    assert (answer.kind, answer.result) == (Kind.REPLY, "0000")
    assert len(pf.received) == 1


def test_over_a_peers_own_connection_goes_what_its_row_has_for_the_free_fields() -> None:
    """Who connected is known from its first document on; before that there is no row to ask."""
    ascii_145 = Layout(CATALOGUE.layout("ascii-145"))
    header = {"client_flag": "CRM1"}
    rig = Rig(({"id": "CH0001", "role": "channel", "listen": "s", "duplex": True, "layout": "ascii-145", "header": header},),
              layout="ascii-145")  # fmt: skip
    wire = rig.caller(ascii_145)
    rig.ask(wire, packet_of(sample("LinkTest", Serial=serial(1), Sender="CH0001", Receiver="CRM001")))
    rig.send("a", peer="CH0001")
    rig.run(1)
    assert [packet.extra["client_flag"] for packet in wire.got if not packet.is_answer] == ["CRM1"]
