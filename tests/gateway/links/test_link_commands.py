"""Messages about the link itself: test, status, the fate of a message (spec 02.1)."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.wire.packet import Packet
from tests.gateway.rig import CATALOGUE, CODEC, PEERS, Rig, packet_of, serial, submission


def question(number: int, code: str, body: dict[str, Any], sender: str = "CH0001") -> Packet:
    row = CATALOGUE.message(code)
    header = Header(code, serial(number, sender), sender, "CRM001", "025", "20261122090000", "0.9", "B")
    return packet_of(CODEC.encode(Document(row, row.name, header, body), "UTF-8"))


def answer(rig: Rig, packet: Packet) -> dict[str, Any]:
    (reply,) = [one for one in rig.ask(rig.caller(), packet) if one.is_answer]
    assert reply.result == "0000"
    return CODEC.decode(reply.body, reply.charset).body


@pytest.fixture
def rig() -> Rig:
    made = Rig(PEERS[:2])
    made.run(1)
    return made


def test_the_link_test_gives_the_text_back(rig: Rig) -> None:
    assert answer(rig, question(1, "LN03", {"text": "生僻字𠮷 & <x>"}))["text"] == "生僻字𠮷 & <x>"


def test_the_service_status_names_versions_messages_and_load(rig: Rig) -> None:
    body = answer(rig, question(1, "LN04", {}))
    assert body["state"] == "normal"
    assert "CH01" in body["messages"]
    assert body["schema_versions"] == list(CATALOGUE.versions())


def asked(number: int, about: str, sender: str = "CH0001") -> Packet:
    return question(number, "RX04", {"sender": "CH0001", "serial": about}, sender)


def test_the_fate_of_a_message_is_told_with_its_answer(rig: Rig) -> None:
    taken, refused = submission(1), submission(2, Receiver="PF0001")
    wire = rig.caller()
    got = rig.ask(wire, packet_of(taken), packet_of(refused))
    told = {packet.serial: packet for packet in got if packet.is_answer}
    for number, state, code in ((1, "applied", "0001"), (2, "refused", "2002")):
        body = answer(rig, asked(10 + number, serial(number)))
        assert body["state"] == state
        assert body["stored_answer"]["result_code"] == code
        assert body["stored_answer"]["document"] == told[serial(number)].body.decode("gb18030")
    assert answer(rig, asked(20, serial(99)))["state"] == "unseen"


def test_nobody_hears_of_somebody_elses_messages(rig: Rig) -> None:
    rig.ask(rig.caller(), packet_of(submission(1)))
    assert answer(rig, asked(1, serial(1), sender="PF0001"))["state"] == "unseen"


def test_a_logout_gets_its_receipt(rig: Rig) -> None:
    row = CATALOGUE.message("LN02")
    header = Header("LN02", serial(1, "CH0001"), "CH0001", "CRM001", "025", "20261122090000")
    bye = packet_of(CODEC.encode(Document(row, row.name, header, {"reason": "下班"}), "UTF-8"))
    (reply,) = [one for one in rig.ask(rig.caller(), bye) if one.is_answer]
    assert reply.result == "0001"


def test_reports_of_an_order_nobody_knows_are_not_sent_again(rig: Rig) -> None:
    wanted = question(1, "RX03", {"service_order_id": "SO404", "from_seq": 1, "to_seq": 2})
    (reply,) = [one for one in rig.ask(rig.caller(), wanted) if one.is_answer]
    assert reply.result == "3003"
