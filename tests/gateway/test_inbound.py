"""What comes in: one effect however often it comes, every refusal with its code, all stored and visible (01.1.6, 06.1)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from crm_core.orders.submit import SubmitOrder
from gateway.proof.heap_clock import HeapClock
from tests.gateway.rig import CATALOGUE, CTIF, PEERS, START, Rig, SlowCommit, packet_of, result_of, sample, serial, submission


@pytest.fixture
def rig() -> Rig:
    made = Rig()
    made.run(2)
    return made


def receipts(packets: list[Packet]) -> list[Packet]:
    return [packet for packet in packets if packet.is_answer]


def effects(rig: Rig) -> tuple[int, int, int]:
    """Customer orders, service orders, dispatches."""
    tables = ("customer_order", "service_order", "message WHERE code = 'OH01' AND direction = 'out'")
    return tuple(rig.one(f"SELECT count(*) FROM {table}") for table in tables)  # type: ignore[return-value]


# -- duplicates -----------------------------------------------------------------------------------------------------------


def test_the_same_bytes_in_one_group_get_the_same_answer_and_have_one_effect(rig: Rig) -> None:
    packet = packet_of(submission(1))
    got = receipts(rig.ask(rig.caller(), packet, packet, packet))
    assert rig.gateway.writer.figures.largest == 3
    assert [answer.body for answer in got] == [got[0].body] * 3
    assert got[0].result == "0001"
    assert effects(rig) == (1, 1, 1)
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 1


@pytest.mark.parametrize("gap", [0.1, 60.0])
def test_the_same_bytes_later_get_the_same_answer_and_have_one_effect(rig: Rig, gap: float) -> None:
    wire = rig.caller()
    got = [answer for _ in range(3) for answer in receipts(rig.ask(wire, packet_of(submission(1)), seconds=gap))]
    assert got == [got[0]] * 3, "header and body"
    assert effects(rig) == (1, 1, 1)


def test_a_repeat_while_the_first_is_being_committed_gets_its_answer() -> None:
    clock = HeapClock(START)
    rig = Rig(clock=clock, runner=SlowCommit(clock, 2.0))
    rig.run(3)
    wire = rig.caller()
    packet = packet_of(submission(1))
    wire.send(packet)
    rig.run(1)
    wire.send(packet)
    rig.run(0.5)
    assert receipts(wire.got) == []
    rig.run(10)
    first, second = receipts(wire.got)
    assert first.body == second.body
    assert effects(rig) == (1, 1, 1)


def test_the_same_bytes_from_another_connection_get_the_stored_answer(rig: Rig) -> None:
    packet = packet_of(submission(1))
    (first,) = receipts(rig.ask(rig.caller(), packet))
    (second,) = receipts(rig.ask(rig.caller(), packet))
    assert first.body == second.body


def test_a_refused_message_again_gets_the_stored_refusal(rig: Rig) -> None:
    packet = packet_of(submission(1, customer_id="C9999999999999999"))
    wire = rig.caller()
    bad = Packet(**{**_fields(packet), "body": packet.body.replace(b"<area>025</area>", b"<area>999</area>", 1)})
    (first,) = receipts(rig.ask(wire, bad))
    (second,) = receipts(rig.ask(wire, bad))
    assert first.body == second.body
    assert first.result != "0001"


@pytest.mark.parametrize("together", [True, False])
def test_the_same_serial_with_other_bytes_is_refused(rig: Rig, together: bool) -> None:
    wire = rig.caller()
    one, other = packet_of(submission(1)), packet_of(submission(1, order="CO025000000000999"))
    got = receipts(rig.ask(wire, one, other)) if together else receipts(rig.ask(wire, one)) + receipts(rig.ask(wire, other))
    assert [packet.result for packet in got] == ["0001", "1009"]
    assert effects(rig) == (1, 1, 1)
    assert rig.rows("SELECT state, result_code FROM message WHERE direction = 'in' ORDER BY id") == [
        ("DONE", "0001"),
        ("REJECTED", "1009"),
    ]
    (again,) = receipts(rig.ask(wire, one))
    assert again.body == got[0].body  # the first stands


def order(number: int, name: str, **replace: str) -> Packet:
    """The same content whatever the serial."""
    given = {"access_number": "02580000001", "reservation_id": "RV1", **replace}
    return packet_of(submission(number, order=name, **given))


def test_a_new_serial_with_the_same_order_is_a_duplicate_with_other_content_1009(rig: Rig) -> None:
    packets = order(1, "CO1"), order(2, "CO1"), order(3, "CO1", phone="025-80000999")
    got = receipts(rig.ask(rig.caller(), *packets))
    assert [packet.result for packet in got] == ["0001", "0002", "1009"]
    assert effects(rig) == (1, 1, 1)


def test_where_serials_cannot_be_trusted_only_the_business_key_finds_duplicates() -> None:
    rig = Rig(({**PEERS[0], "serials_trusted": False}, *PEERS[1:]))
    first, other = order(1, "CO1"), packet_of(submission(1, order="CO2"))
    got = receipts(rig.ask(rig.caller(), first, other, first))
    assert [packet.result for packet in got] == ["0001", "0001", "0002"]


# -- documents that are none ------------------------------------------------------------------------------------------------


def bad(name: str) -> bytes:
    return (CATALOGUE.samples("SubmitOrder")[0].parent / f"{name}.xml").read_bytes()


@pytest.mark.parametrize(
    ("raw", "code", "faults"),
    [
        (bad("bad_not_well_formed"), "1001", 0),
        (b"this is no XML at all", "1001", 0),
        (b"", "1001", 0),
        (b'<?xml version="1.0"?><!DOCTYPE a><a/>', "1001", 0),
        (bad("bad_several_faults"), "1002", 3),
        (bad("bad_missing_contact_phone"), "1002", 1),
        (bad("bad_unknown_message_code"), "1003", 1),
        (bad("bad_version_not_spoken"), "1004", 1),
        (submission(1, Receiver="PF0001"), "2002", 1),
        (b"\xff\xfe\xff" * 9, "1005", 0),
    ],
)
def test_what_is_no_acceptable_document_is_refused_stored_and_visible(rig: Rig, raw: bytes, code: str, faults: int) -> None:
    wire = rig.caller()
    (answer,) = receipts(rig.ask(wire, packet_of(raw)))
    assert answer.result == code
    assert answer.body.count(b"<fault>") >= faults
    assert answer.body.count(b"<fault>") == answer.body.count(b"</text></fault>")
    ((state, stored, body, told),) = rig.rows(
        "SELECT state, result_code, raw, answer FROM message JOIN message_body ON message_id = id WHERE direction = 'in'"
    )
    assert (state, stored, body, told) == ("REJECTED", code, raw, answer.body)
    assert effects(rig) == (0, 0, 0)
    assert rig.one("SELECT count(*) FROM history WHERE subject = 'message'") == 1


def test_a_message_a_role_may_not_send_is_refused(rig: Rig) -> None:
    raw = submission(1, sender="PF0001")
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(raw)))
    assert answer.result == "2002"


def test_a_message_this_system_does_not_take_is_refused(rig: Rig) -> None:
    (row,) = [row for row in CATALOGUE.messages() if row.name == "RegisterWaiting"]
    assert row.command is None
    raw = sample(row.name, Sender="PF0001", Receiver="CRM001", Serial=serial(5, "PF0001"))
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(raw)))
    assert answer.result in ("1003", "2002")


@pytest.mark.parametrize(
    "fields",
    [
        {"serial": serial(2)},
        {"code": "OH01"},
        {"receiver": "CRM002"},
        {"area": "020"},
        {"send_time": "20261121104539"},
        {"mode": "B"},
    ],
)
def test_where_packet_and_document_disagree_it_is_1011(rig: Rig, fields: dict[str, Any]) -> None:
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(submission(1), **fields)))
    result, faults = result_of(answer)
    assert result == "1011"
    assert len(faults) == 1
    assert effects(rig) == (0, 0, 0)


@pytest.mark.parametrize(("said", "code"), [(60, "0001"), (0, "0001"), (61, "1011")])
def test_a_time_to_live_in_packet_and_document_is_the_same(rig: Rig, said: int, code: str) -> None:
    raw = submission(1, SendTime=wire_time(rig.clock.now())).replace(b"</Mode>", b"</Mode><Ttl>60</Ttl>")
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(raw, ttl=said)))
    assert answer.result == code


@pytest.mark.parametrize(("late", "code"), [(299, "0001"), (301 + 60, "1012")])
def test_a_message_past_its_time_to_live_is_refused_with_the_clocks_tolerance(rig: Rig, late: int, code: str) -> None:
    sent = wire_time(rig.clock.now() - late * 1000)
    raw = submission(1, SendTime=sent)
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(raw, ttl=60)))
    assert answer.result == code
    raw = submission(2, SendTime=sent, order="CO2").replace(b"</Mode>", b"</Mode><Ttl>60</Ttl>")
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(raw)))
    assert answer.result == code


def test_a_time_to_live_needs_a_time_to_count_from(rig: Rig) -> None:
    raw = submission(1, SendTime="20261399999999").replace(b"</Mode>", b"</Mode><Ttl>60</Ttl>")
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(raw)))
    result, faults = result_of(answer)
    assert (result, len(faults)) == ("1002", 1)
    assert effects(rig) == (0, 0, 0)


# -- who speaks -----------------------------------------------------------------------------------------------------------


def test_an_unknown_sender_is_turned_away_and_not_stored(rig: Rig) -> None:
    for raw in (submission(1, sender="XX0001"), submission(1, sender="XX0001", Version="9.9")):
        (answer,) = receipts(rig.ask(rig.caller(), packet_of(raw)))
        assert answer.result == "2001"
    assert rig.one("SELECT count(*) FROM message") == 0


@pytest.mark.parametrize(("listed", "code"), [("10.0.0.0/8", "2004"), ("127.0.0.0/8", "0001"), ("127.0.0.1", "0001")])
def test_the_address_must_be_on_the_peers_list(listed: str, code: str) -> None:
    rig = Rig(({**PEERS[0], "allow_addresses": [listed]}, *PEERS[1:]))
    (answer,) = receipts(rig.ask(rig.caller(), packet_of(submission(1))))
    assert answer.result == code


# -- damage on the way ------------------------------------------------------------------------------------------------------


def test_a_damaged_packet_is_refused_and_its_serial_stays_free(rig: Rig) -> None:
    wire = rig.caller()
    packet = packet_of(submission(1))
    data = bytearray(CTIF.encode(packet))
    data[-30] ^= 1
    wire.write(bytes(data))
    rig.run()
    (answer,) = receipts(wire.got)
    assert answer.result == "1007"
    assert rig.rows("SELECT state, result_code FROM message") == [("REJECTED", "1007")]
    (good,) = receipts(rig.ask(wire, packet))
    assert good.result == "0001"
    wire.write(bytes(data))
    rig.run()
    assert receipts(wire.got)[-1].result == "1007"
    assert effects(rig) == (1, 1, 1)


# -- defects of ours ------------------------------------------------------------------------------------------------------


def test_a_defect_in_reading_is_9005_parked_and_the_link_goes_on(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    wire = rig.caller()

    def broken(*_: Any) -> Any:
        raise ValueError("bytes nobody thought of")

    monkeypatch.setattr(rig.gateway.dispatcher._speeches, "read", broken)
    assert [answer.result for answer in receipts(rig.ask(wire, packet_of(submission(1))))] == ["9005"]
    assert rig.rows("SELECT state, serial FROM message WHERE direction = 'in'") == [("PARKED", serial(1))]
    assert rig.one("SELECT count(*) FROM fallout WHERE error_class = 'internal'") == 1
    monkeypatch.undo()
    assert [answer.result for answer in receipts(rig.ask(wire, packet_of(submission(1))))] == ["0001"]


def test_a_defect_in_a_use_case_is_9005_parked_and_takes_nobody_with_it(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    execute = SubmitOrder.execute

    def broken(self: SubmitOrder, uow: Any) -> Any:
        outcome = execute(self, uow)
        if self.customer_order_id == "CO2":
            raise ZeroDivisionError("a defect")
        return outcome

    monkeypatch.setattr(SubmitOrder, "execute", broken)
    wire = rig.caller()
    got = receipts(rig.ask(wire, *[packet_of(submission(n, order=f"CO{n}")) for n in (1, 2, 3)]))
    assert [packet.result for packet in got] == ["0001", "9005", "0001"]
    assert rig.rows("SELECT id FROM customer_order ORDER BY id") == [("CO1",), ("CO3",)]
    assert rig.rows("SELECT state, result_code FROM message WHERE direction = 'in' ORDER BY id") == [
        ("DONE", "0001"),
        ("PARKED", "9005"),
        ("DONE", "0001"),
    ]
    ((error_class, symbol, about),) = rig.rows("SELECT error_class, symbol, about_json FROM fallout")
    assert (error_class, symbol) == ("internal", "INTERNAL")
    assert serial(2) in about
    monkeypatch.undo()
    (again,) = receipts(rig.ask(wire, packet_of(submission(2, order="CO2"))))
    assert again.result == "0001"  # mended: the peer's repetition is taken


def test_what_the_database_will_not_take_is_parked_alone_and_the_next_one_goes_on(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is swallowed (06.1 promise 5): also what cannot be written stands in the log, with a record for a person."""
    execute = SubmitOrder.execute

    def twice(self: SubmitOrder, uow: Any) -> Any:
        outcome = execute(self, uow)
        if self.customer_order_id == "CO2":
            uow.rows.append(uow.rows[-2])
        return outcome

    monkeypatch.setattr(SubmitOrder, "execute", twice)
    wire = rig.caller()
    got = receipts(rig.ask(wire, *[packet_of(submission(n, order=f"CO{n}")) for n in (1, 2, 3)]))
    assert sorted(packet.result for packet in got) == ["0001", "0001", "9005"]
    assert rig.rows("SELECT id FROM customer_order ORDER BY id") == [("CO1",), ("CO3",)]
    found = "SELECT state, result_code FROM message WHERE direction = 'in' AND serial = '{}'"
    assert rig.rows(found.format(serial(2))) == [("PARKED", "9005")]
    ((error_class, about),) = rig.rows("SELECT error_class, about_json FROM fallout")
    assert (error_class, serial(2) in about) == ("internal", True)
    monkeypatch.undo()
    (again,) = receipts(rig.ask(wire, packet_of(submission(2, order="CO2"))))
    assert again.result == "0001"


def test_an_instance_id_of_our_own_form_is_nobodys_to_choose(rig: Rig) -> None:
    """It would be given to the next instance one day, and no order could be captured any more."""
    wire = rig.caller()
    body = submission(1).replace(b"<product>", b"<product_instance_id>PI000000000002</product_instance_id><product>", 1)
    body = re.sub(rb"(<product_instance_id>.*?</product_instance_id>)(<product>.*?</product>)", rb"\2\1", body)
    got = receipts(rig.ask(wire, packet_of(body), *[packet_of(submission(n)) for n in (2, 3, 4)]))
    assert [packet.result for packet in got] == ["3002", "0001", "0001", "0001"]


# -- body-only layouts ------------------------------------------------------------------------------------------------------


def test_over_a_layout_without_header_fields_the_document_says_it_all() -> None:
    layout = Layout(CATALOGUE.layout("len4-be"))
    rig = Rig(({**PEERS[0], "layout": "len4-be"}, *PEERS[1:]), layout="len4-be")
    wire = rig.caller(layout)
    good = Packet(submission(1))
    got = rig.ask(wire, good, good, Packet(b"garbage"), Packet(b"other garbage"), Packet(submission(1, order="CO9")))
    results = [re.findall(rb"<ResultCode>(....)<", packet.body)[0] for packet in got if b"<Receipt" in packet.body]
    assert results == [b"0001", b"0001", b"1001", b"1001", b"1009"]
    assert got[0].body == got[1].body
    assert rig.rows("SELECT peer, serial FROM message WHERE direction = 'in' AND result_code = '1001'") == [("CH0001", "")] * 2


ROLE_IDS = {"PF": "PF0001", "BILL": "BIL001"}
RESULTS = {
    row.name: ROLE_IDS[route.sender]
    for row in CATALOGUE.messages()
    for route in row.routes
    if row.pattern == "N" and route.receiver == "CRM" and route.sender in ROLE_IDS
    if b"<ResultCode>" in sample(row.name)
}
"""Results for us whose samples say their code, and who sends them."""


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_that_says_its_code_is_no_answer_even_where_only_the_document_tells(name: str) -> None:
    """Answers echo a serial, a result has one of its own (01.1.1): taken for an answer it would never get its receipt."""
    sender = RESULTS[name]
    result = sample(name, Sender=sender, Receiver="CRM001", Serial=serial(7, sender))
    told = []
    for layout, packet in (("ctif-128", packet_of(result, kind=Kind.NOTIFICATION)), ("len4-be", Packet(result))):
        rig = Rig(tuple({**peer, "layout": layout} for peer in PEERS), layout=layout)
        got = rig.ask(rig.caller(Layout(CATALOGUE.layout(layout))), packet)
        told.append([re.findall(rb"<ResultCode>(....)<", answer.body) for answer in got if b"<Receipt" in answer.body])
    assert told[0] == told[1]
    assert len(told[0]) == 1


def test_answers_are_in_the_peers_charset_and_echo_code_and_serial(rig: Rig) -> None:
    packet = packet_of(submission(1))
    (answer,) = receipts(rig.ask(rig.caller(), packet))
    assert (answer.kind, answer.code, answer.serial, answer.sender, answer.receiver) == (
        Kind.RECEIPT, "CH01", packet.serial, "CRM001", "CH0001"
    )  # fmt: skip
    assert answer.charset == "GB18030"
    assert answer.body.startswith(b'<?xml version="1.0" encoding="GB18030"?>')
    assert rig.clock.now() > START


def _fields(packet: Packet) -> dict[str, Any]:
    names = ("kind", "code", "sender", "receiver", "area", "serial", "send_time", "mode")
    return {name: getattr(packet, name) for name in names}
