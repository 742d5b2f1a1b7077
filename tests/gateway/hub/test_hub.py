"""Messages between peers: both legs durable, the far end's answer back to the asker, data deciding where (spec 01.2, 06.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from tests.gateway.desk.test_desk_jobs import ask
from tests.gateway.rig import CATALOGUE, CODEC, Rig, echo, packet_of, receipt_for, result_of, sample, serial

PEERS: tuple[dict[str, Any], ...] = (
    {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s"},
    {"id": "RM0001", "role": "RM", "connect": ["mem://rm"], "listen": "s"},
    {"id": "RM0002", "role": "RM", "connect": ["mem://rm2"], "listen": "s"},
    {"id": "BIL001", "role": "BILL", "connect": ["mem://bill"], "listen": "s"},
)
ROUTES = [{"name": "suzhou", "sender": ["PF0001"], "message": ["OH03"], "area": ["0512"], "to": "RM0002"}]


def asked(number: int = 1, name: str = "AssignResource", **given: str) -> bytes:
    """A message of PF to RM."""
    fields = {"Serial": serial(number, "PF0001"), "Sender": "PF0001", "Receiver": "RM0001"}
    return sample(name, **(fields | given))


def hub(peers: tuple[dict[str, Any], ...] = PEERS, routes: list[dict[str, Any]] | None = None) -> Rig:
    return Rig(peers, routes=routes or [])


def test_a_command_is_handed_on_and_answered_by_the_far_end():
    rig = hub()
    rm = rig.station("mem://rm")
    pf = rig.caller()
    (answer,) = rig.ask(pf, packet_of(asked()), seconds=2)
    assert (result_of(answer)[0], answer.serial, answer.kind) == ("0001", serial(1, "PF0001"), Kind.RECEIPT)
    (gone,) = rm.received
    assert (gone.sender, gone.receiver, gone.code) == ("PF0001", "RM0001", "OH03")
    assert gone.serial == serial(1, "PF0001"), "sender and serial stay the origin's (README)"
    assert CODEC.decode(gone.body).body == CODEC.decode(asked()).body
    assert rig.rows("SELECT direction, peer, state, result_code FROM message ORDER BY id") == [
        ("in", "PF0001", "DONE", "0001"), ("out", "RM0001", "DONE", "0001"),
    ]  # fmt: skip


def test_each_leg_has_the_binding_it_goes_by():
    rig = hub((PEERS[0], {**PEERS[1], "binding": "soap", "charset": "UTF-8", "connect": ["mem://rm"]}))
    rig.ask(rig.caller(), packet_of(asked()), seconds=2)
    assert rig.rows("SELECT direction, binding FROM message ORDER BY id") == [("in", "socket"), ("out", "soap")]


def test_a_refusal_of_the_far_end_is_the_askers():
    rig = hub()
    rig.station("mem://rm", lambda packet: receipt_for(packet, "ORDER_UNKNOWN"))
    (answer,) = rig.ask(rig.caller(), packet_of(asked()), seconds=2)
    assert result_of(answer)[0] == "3003"
    assert rig.one("SELECT count(*) FROM fallout") == 0
    (again,) = rig.ask(rig.caller(), packet_of(asked()), seconds=1)
    assert result_of(again)[0] == "3003"


def test_an_asker_that_cannot_wait_is_told_accepted_and_a_later_refusal_goes_to_the_desk():
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    pf = rig.caller()
    assert rig.ask(pf, packet_of(asked()), seconds=8) == []
    (answer,) = rig.ask(pf, seconds=4)
    assert result_of(answer)[0] == "0001"
    rm.wire.send(receipt_for(rm.received[0], "ORDER_UNKNOWN"))
    rig.run(1)
    assert rig.rows("SELECT state, result_code FROM message ORDER BY id") == [("REJECTED", "3003"), ("REJECTED", "3003")]
    assert rig.one("SELECT count(*) FROM fallout") == 1


def reserve(packet: Packet) -> Packet:
    """RM answers RR01 with the good sample's answer."""
    row = CATALOGUE.message(packet.code)
    path = next(p for p in CATALOGUE.samples(row.name) if p.name.startswith("ok_") and b"Answer " in p.read_bytes())
    body = CODEC.decode(path.read_bytes()).body
    header = Header(packet.code, packet.serial, "RM0001", "PF0001", packet.area, packet.send_time, mode="B", result_code="0000")
    return echo(packet, CODEC.encode(Document(row, row.answer or "", header, body), "GB18030"), Kind.REPLY, "0000")


def test_a_question_gets_the_far_ends_answer():
    rig = hub()
    rig.station("mem://rm", reserve)
    (answer,) = rig.ask(rig.caller(), packet_of(asked(2, "ReserveResource", Mode="B")), seconds=2)
    document = CODEC.decode(answer.body)
    assert (answer.kind, document.element, document.header.serial) == (Kind.REPLY, "ReserveResourceAnswer", serial(2, "PF0001"))


def test_a_question_unanswered_is_unknown_and_its_late_answer_is_kept_for_the_next_asking():
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    pf = rig.caller()
    packet = packet_of(asked(2, "ReserveResource", Mode="B"))
    (answer,) = rig.ask(pf, packet, seconds=45)
    assert result_of(answer)[0] == "9002"
    rm.wire.send(reserve(rm.received[0]))
    rig.run(1)
    (again,) = rig.ask(pf, packet, seconds=1)
    assert CODEC.decode(again.body).element == "ReserveResourceAnswer"
    assert len({one.serial for one in rm.received if one.code == "RR01"}) == 1


def test_a_repeat_while_it_is_under_way_waits_with_the_first():
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    pf = rig.caller()
    rig.ask(pf, packet_of(asked()), packet_of(asked()), seconds=2)
    assert len(rm.received) == 1
    rm.wire.send(receipt_for(rm.received[0], "DUPLICATE"))
    rig.run(1)
    assert [result_of(one)[0] for one in pf.got] == ["0002", "0002"]


def test_a_result_finds_its_way_back_under_the_askers_serial():
    rig = hub()
    rm, pf_station = rig.station("mem://rm"), rig.station("mem://pf")
    rig.ask(rig.caller(), packet_of(asked()), seconds=3)
    result = sample("ResourceAssigned", Serial=serial(9, "RM0001"), Sender="RM0001", Receiver="PF0001",
                    RefSerial=rm.received[0].serial)  # fmt: skip
    rig.ask(rig.caller(), packet_of(result, kind=Kind.NOTIFICATION), seconds=3)
    (got,) = pf_station.received
    header = CODEC.decode(got.body).header
    assert (header.code, header.sender, header.receiver, header.ref_serial) == ("OH04", "RM0001", "PF0001", serial(1, "PF0001"))


@pytest.mark.parametrize("down", [False, True], ids=["at once", "after a restart"])
def test_a_result_goes_on_with_the_code_and_text_of_its_header(down: bool):
    rig = hub()
    rm, station = rig.station("mem://rm"), None if down else rig.station("mem://pf")
    rig.ask(rig.caller(), packet_of(asked()), seconds=3)
    result = sample("ResourceAssigned", Serial=serial(9, "RM0001"), Sender="RM0001", Receiver="PF0001",
                    RefSerial=rm.received[0].serial)  # fmt: skip
    told = "</ResultCode><ResultText>端口 3</ResultText>".encode()
    rig.ask(rig.caller(), packet_of(result.replace(b"</ResultCode>", told), kind=Kind.NOTIFICATION), seconds=3)
    if station is None:
        rig = rig.restarted()
        station = rig.station("mem://pf")
        rig.run(60)
    (got,) = station.received
    header = CODEC.decode(got.body).header
    assert (header.result_code, header.result_text) == ("0000", "端口 3")


def test_words_about_a_reply_are_handed_back_with_it():
    rig = hub()

    def told(packet: Packet) -> Packet:
        answer = reserve(packet)
        body = answer.body.replace(b"</ResultCode>", b"</ResultCode><ResultText>kept until noon</ResultText>")
        return replace(answer, body=body)

    rig.station("mem://rm", told)
    (answer,) = rig.ask(rig.caller(), packet_of(asked(2, "ReserveResource", Mode="B")), seconds=2)
    assert CODEC.decode(answer.body).header.result_text == "kept until noon"


@pytest.mark.parametrize(("name", "receiver"), [("AssignResource", "XX0009"), ("AssignResource", "BIL001")])
def test_what_may_not_go_there_is_refused(name, receiver):
    rig = hub()
    (answer,) = rig.ask(rig.caller(), packet_of(asked(1, name, Receiver=receiver)), seconds=1)
    code, faults = result_of(answer)
    assert (code, faults[0]["path"]) == ("2002", "/Package/Header/Receiver")
    assert rig.one("SELECT count(*) FROM relay") == 0


def test_what_is_addressed_to_its_own_sender_is_refused_at_once():
    rig = hub()
    pf = rig.station("mem://pf")
    (answer,) = rig.ask(rig.caller(), packet_of(asked(name="LinkTest", Receiver="PF0001", Mode="B")))
    code, faults = result_of(answer)
    assert (code, faults[0]["path"], pf.received) == ("2002", "/Package/Header/Receiver", [])


def test_a_route_sends_it_elsewhere():
    rig = hub(routes=ROUTES)
    one, two = rig.station("mem://rm"), rig.station("mem://rm2")
    pf = rig.caller()
    rig.ask(pf, packet_of(asked(1, Area="0512")), packet_of(asked(2, Area="025")), seconds=2)
    assert ([p.area for p in one.received], [p.area for p in two.received]) == (["025"], ["0512"])
    assert CODEC.decode(two.received[0].body).header.receiver == "RM0002"


def test_what_was_taken_survives_a_restart():
    rig = hub()
    pf = rig.caller()
    (answer,) = rig.ask(pf, packet_of(asked()), seconds=12)
    assert result_of(answer)[0] == "0001"
    rig = rig.restarted()
    rm = rig.station("mem://rm")
    rig.run(120)
    assert [(one.sender, one.code) for one in rm.received] == [("PF0001", "OH03")]
    assert CODEC.decode(rm.received[0].body).header.sender == "PF0001"
    assert rig.out() == {rm.received[0].serial: "DONE"}


def test_what_has_expired_goes_nowhere():
    rig = hub()
    raw = asked().replace(b"<Mode>A</Mode>", b"<Mode>A</Mode><Ttl>400</Ttl>")
    document = CODEC.decode(raw)
    raw = CODEC.encode(replace_time(document, "20261122090000"), "UTF-8")
    rig.ask(rig.caller(), packet_of(raw), seconds=1)
    rig.run(900)
    rm = rig.station("mem://rm")
    rig.run(120)
    assert rm.received == []
    assert rig.rows("SELECT state FROM message WHERE direction = 'out'") == [("PARKED",)]
    assert rig.rows("SELECT symbol FROM fallout") == [("TTL_EXPIRED",)]


def test_what_could_not_leave_while_it_was_of_use_does_not_leave_later():
    """It was tried in time, and in vain: not one byte left."""
    rig = hub()
    rig.run(1)
    raw = asked().replace(b"<Mode>A</Mode>", b"<Mode>A</Mode><Ttl>60</Ttl>")
    raw = CODEC.encode(replace_time(CODEC.decode(raw), wire_time(rig.clock.now())), "UTF-8")
    link = rig.gateway.links["RM0001"]
    rm = rig.station("mem://rm")
    rig.run(2)
    link.send = lambda packet, due: False  # type: ignore[method-assign]
    rig.ask(rig.caller(), packet_of(raw), seconds=5)
    assert rig.rows("SELECT state FROM message WHERE direction = 'out'") == [("RETRY",)]
    rig.clock.advance(120_000)
    del link.send
    rig.run(600)
    assert rm.received == []
    assert rig.rows("SELECT state FROM message WHERE direction = 'out'") == [("PARKED",)]


@pytest.mark.parametrize(("why", "code"), [("unwritable", "9003"), ("expired", "1012")])
def test_who_asks_what_never_goes_on_hears_that_nothing_was_sent_on(why, code):
    """And hears the same when it asks again: 9002 would say that nobody knows (README)."""
    far = {"connect": ["mem://rm"], "envelope": "contract-root"} if why == "unwritable" else {"connect": ["mem://rm"]}
    rig = hub((PEERS[0], {**PEERS[1], **far}))
    rm = rig.station("mem://rm") if why == "unwritable" else None
    rig.run(2)
    raw = asked(2, "ReserveResource", Mode="B")
    if why == "expired":
        raw = CODEC.decode(raw.replace(b"<Mode>B</Mode>", b"<Mode>B</Mode><Ttl>5</Ttl>"))
        raw = CODEC.encode(replace_time(raw, wire_time(rig.clock.now())), "UTF-8")
    pf = rig.caller()
    got = rig.ask(pf, packet_of(raw), seconds=8)
    if why == "expired":
        assert got == []
        rig.station("mem://rm", reserve)
        got = rig.ask(pf, seconds=11)
    assert [result_of(one)[0] for one in got] == [code]
    (again,) = rig.ask(pf, packet_of(raw), seconds=1)
    assert result_of(again)[0] == code
    assert rm is None or rm.received == []
    assert rig.rows("SELECT state FROM message WHERE direction = 'out'") == [("PARKED",)]


def test_packet_and_document_of_what_is_handed_on_name_the_same_time_to_live():
    rig = hub()
    rm = rig.station("mem://rm")
    raw = asked().replace(b"<Mode>A</Mode>", b"<Mode>A</Mode><Ttl>400</Ttl>")
    raw = CODEC.encode(replace_time(CODEC.decode(raw), wire_time(rig.clock.now())), "UTF-8")
    rig.ask(rig.caller(), packet_of(raw, ttl=400), seconds=2)
    (gone,) = rm.received
    assert gone.ttl == CODEC.decode(gone.body).header.ttl
    assert 390 < gone.ttl <= 400


def replace_time(document: Document, when: str) -> Document:
    return replace(document, header=replace(document.header, send_time=when))


def test_an_envelope_that_names_no_receiver_goes_to_the_role_the_message_is_for():
    peers = ({**PEERS[0], "envelope": "root-hb"}, *PEERS[1:])
    rig = hub(peers)
    rm = rig.station("mem://rm")
    voice = envelope(CODEC, "root-hb", Dialect(own="PF0001", peer="CRM001"))
    raw = voice.encode(CODEC.decode(asked()), "GB18030")
    header = CODEC.decode(asked()).header
    packet = packet_of(asked(), receiver="", charset="GB18030")
    packet.body = raw
    (answer,) = rig.ask(rig.caller(), packet, seconds=2)
    assert answer.result == "0001"
    assert b"<root><resultFlag>0</resultFlag>" in answer.body
    assert CODEC.decode(rm.received[0].body).body == CODEC.decode(asked()).body
    assert rm.received[0].area == header.area


def test_what_a_person_has_sent_again_leaves_in_the_askers_name():
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: receipt_for(packet, "SCHEMA_FAULTS"))
    pf = rig.caller()
    (answer,) = rig.ask(pf, packet_of(asked()), seconds=2)
    assert (result_of(answer)[0], list(rig.out().values())) == ("1002", ["DEAD"])
    rm.script = receipt_for
    ask(rig, id=rig.one("SELECT id FROM fallout"), action="retry", operator="OP1", reason="对端恢复")
    rig.run(10)
    assert [one.sender for one in rm.received] == ["PF0001", "PF0001"]
    assert len({one.serial for one in rm.received}) == 2, "to the serial it refused RM would say the same again"
    assert sorted(rig.out().values()) == ["DEAD", "DONE"]
    (again,) = rig.ask(pf, packet_of(asked()), seconds=1)
    assert result_of(again)[0] == "0001"


def test_a_serial_the_envelope_has_less_room_for_is_known_again():
    systems = {"CRM001": "6001030001", "PF0001": "6001030011", "RM0001": "6001030012"}
    codes = {"OH03": "BUS35011/SVC80003", "OH04": "BUS35011/SVC80004"}
    rm_row = {**PEERS[1], "envelope": "contract-root", "dialect": {"systems": systems, "codes": codes}}
    rig = hub((PEERS[0], rm_row, *PEERS[2:]))
    voice = envelope(CODEC, "contract-root", Dialect(own="RM0001", peer="CRM001", systems=systems, codes=codes))
    seen: list[str] = []

    def answer(packet: Packet) -> Packet:
        document = voice.decode(packet.body, "GB18030")
        seen.append(document.header.serial)
        header = replace(document.header, sender="RM0001", receiver="PF0001", result_code="0001")
        body = {"code": "0001", "text": "已受理"}
        return echo(packet, voice.encode(Document(document.row, "Receipt", header, body), "GB18030"), Kind.RECEIPT, "0001")

    rig.station("mem://rm", answer)
    pf = rig.station("mem://pf")
    (receipt,) = rig.ask(rig.caller(), packet_of(asked()), seconds=3)
    assert (result_of(receipt)[0], len(seen[0])) == ("0001", 28)
    result = CODEC.decode(sample("ResourceAssigned"))
    header = replace(result.header, sender="RM0001", receiver="PF0001", serial=serial(9, "RM0001"), ref_serial=seen[0])
    packet = packet_of(CODEC.encode(replace(result, header=header), "UTF-8"), kind=Kind.NOTIFICATION, charset="GB18030")
    packet.body = voice.encode(replace(result, header=header), "GB18030")
    rig.ask(rig.caller(), packet, seconds=3)
    assert CODEC.decode(pf.received[0].body).header.ref_serial == serial(1, "PF0001")


def test_what_a_person_corrected_leaves_in_the_askers_name():
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: receipt_for(packet, "SCHEMA_FAULTS"))
    rig.ask(rig.caller(), packet_of(asked()), seconds=2)
    rm.script = receipt_for
    ask(rig, id=rig.one("SELECT id FROM fallout"), action="edit", operator="OP1", reason="改正", changes={"version": 2})
    rig.run(10)
    first, second = rm.received
    assert (second.sender, second.serial != first.serial) == ("PF0001", True)
    assert CODEC.decode(second.body).body["version"] == 2
    (again,) = rig.ask(rig.caller(), packet_of(asked()), seconds=1)
    assert result_of(again)[0] == "0001"
