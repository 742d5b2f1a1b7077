"""What comes of a message handed on after its asker was told something: results, late answers (spec 01.1.4, 01.1.6)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from adapters.document import Document
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.store.engine import open_engine
from adapters.store.migration import upgrade
from adapters.wire.packet import Kind, Packet
from tests.gateway.conftest import bssgw
from tests.gateway.hub.test_hub import PEERS, asked, hub, reserve
from tests.gateway.rig import CATALOGUE, CODEC, Rig, echo, packet_of, receipt_for, result_of, sample, serial

HOURS = 3 * 3600
"""Longer than an unknown outcome is asked after (06.1)."""


def manners(asker: str, answerer: str) -> Rig:
    """A hub between a PF and an RM with these modes."""
    return hub(({**PEERS[0], "mode": asker}, {**PEERS[1], "mode": answerer}))


def result_as_answer(packet: Packet) -> Packet:
    """A blocking RM that answers OH03 with the result itself."""
    row = CATALOGUE.message(packet.code)
    result = CODEC.decode(sample("ResourceAssigned", Sender="RM0001", Receiver="PF0001"))
    header = replace(result.header, code=packet.code, serial=packet.serial, ref_serial=None, mode="B", result_code="0000")
    return echo(packet, CODEC.encode(Document(row, result.element, header, result.body), "GB18030"), Kind.REPLY, "0000")


def test_who_waits_for_the_result_has_it_as_its_answer() -> None:
    rig = manners("B", "B")
    rig.station("mem://rm", result_as_answer)
    pf = rig.station("mem://pf")
    (answer,) = rig.ask(rig.caller(), packet_of(asked(Mode="B")), seconds=3)
    assert (answer.kind, CODEC.decode(answer.body).element, pf.received) == (Kind.REPLY, "ResourceAssigned", [])


@pytest.mark.parametrize(("mode", "wait"), [("A", 3), ("B", 50)], ids=["it asked for a receipt", "it could not wait so long"])
def test_a_result_that_came_as_an_answer_follows_where_it_is_not_waited_for(mode: str, wait: int) -> None:
    rig = manners(mode, "B")
    rm = rig.station("mem://rm", result_as_answer if mode == "A" else lambda packet: None)
    pf = rig.station("mem://pf")
    (answer,) = rig.ask(rig.caller(), packet_of(asked(Mode=mode)), seconds=wait)
    assert result_of(answer)[0] == "0001"
    if mode == "B":
        rm.wire.send(result_as_answer(rm.received[0]))
    rig.run(3)
    (told,) = pf.received
    document = CODEC.decode(told.body)
    header = document.header
    assert (header.code, header.sender, header.receiver, header.ref_serial, header.result_code) == (
        "OH04", "RM0001", "PF0001", serial(1, "PF0001"), "0000"
    )  # fmt: skip
    assert document.body == CODEC.decode(sample("ResourceAssigned")).body
    assert rig.rows("SELECT direction, peer, code, state, result_code FROM message ORDER BY id") == [
        ("in", "PF0001", "OH03", "DONE", "0001"), ("out", "RM0001", "OH03", "DONE", "0000"),
        ("in", "RM0001", "OH04", "DONE", "0001"), ("out", "PF0001", "OH04", "DONE", "0001"),
    ]  # fmt: skip


def test_who_waits_for_the_result_waits_as_long_as_for_one() -> None:
    rig = manners("B", "B")
    rm = rig.station("mem://rm", lambda packet: None)
    pf = rig.caller()
    assert rig.ask(pf, packet_of(asked(Mode="B")), seconds=30) == []
    rm.wire.send(result_as_answer(rm.received[0]))
    (answer,) = rig.ask(pf, seconds=1)
    assert CODEC.decode(answer.body).element == "ResourceAssigned"


def given_up(number: int, **fields: str) -> tuple[Rig, Packet, Packet]:
    """A message handed on that nobody answered until it was given up: what was asked, and what RM got."""
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    packet = packet_of(asked(number, **fields))
    rig.ask(rig.caller(), packet, seconds=HOURS)
    assert list(rig.out().values()) == ["DEAD"]
    return rig, packet, next(one for one in rm.received if one.code == packet.code)


def late(rig: Rig, packet: Packet) -> None:
    """RM answers after all, on a connection of its own; time enough for the link to PF to come up."""
    rig.caller().send(packet)
    rig.run(400)


def test_a_refusal_that_comes_late_behind_a_receipt_is_a_persons_business() -> None:
    rig, packet, got = given_up(1)
    late(rig, receipt_for(got, "ORDER_UNKNOWN"))
    assert rig.rows("SELECT state, result_code FROM message ORDER BY id") == [("REJECTED", "3003"), ("REJECTED", "3003")]
    order = CODEC.decode(packet.body).body["service_order_id"]
    assert rig.rows("SELECT symbol, area, service_order_id FROM fallout WHERE closed_at IS NULL") == [
        ("ORDER_UNKNOWN", "020", order)
    ]
    (again,) = rig.ask(rig.caller(), packet, seconds=1)
    assert result_of(again)[0] == "3003"


def test_an_answer_that_comes_late_is_there_when_the_asker_asks_again() -> None:
    """It is the asker's, and nothing to our own core."""
    rig, packet, got = given_up(2, name="ReserveResource", Mode="B")
    late(rig, reserve(got))
    assert rig.one("SELECT count(*) FROM fallout WHERE closed_at IS NULL") == 0
    (again,) = rig.ask(rig.caller(), packet, seconds=1)
    assert CODEC.decode(again.body).element == "ReserveResourceAnswer"


def test_a_result_that_comes_late_as_an_answer_follows() -> None:
    rig, _, got = given_up(1)
    pf = rig.station("mem://pf")
    late(rig, result_as_answer(got))
    assert [(one.code, one.sender) for one in pf.received] == [("OH04", "RM0001")]
    assert rig.one("SELECT count(*) FROM fallout WHERE closed_at IS NULL") == 0


def test_who_was_told_that_nobody_knows_hears_a_refusal_when_it_asks_again() -> None:
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    packet = packet_of(asked(2, "ReserveResource", Mode="B"))
    (answer,) = rig.ask(rig.caller(), packet, seconds=25)
    assert result_of(answer)[0] == "9002"
    rm.wire.send(receipt_for(rm.received[0], "ORDER_UNKNOWN"))
    rig.run(1)
    (again,) = rig.ask(rig.caller(), packet, seconds=1)
    assert result_of(again)[0] == "3003"
    assert rig.one("SELECT count(*) FROM fallout") == 0


def fate(rig: Rig, number: int, about: int) -> str:
    """What PF is told when it asks after its message (RX04)."""
    question = CODEC.decode(sample("QueryMessage", Sender="PF0001", Receiver="CRM001", Serial=serial(number, "PF0001")))
    body = {**question.body, "sender": "PF0001", "serial": serial(about, "PF0001")}
    (answer,) = rig.ask(rig.caller(), packet_of(CODEC.encode(replace(question, body=body), "UTF-8")), seconds=1)
    return str(CODEC.decode(answer.body).body["state"])


@pytest.mark.parametrize(("name", "mode"), [("AssignResource", "A"), ("ReserveResource", "B")])
def test_what_the_far_end_has_not_answered_is_stored_and_not_applied(name: str, mode: str) -> None:
    rig = hub()
    rm = rig.station("mem://rm", lambda packet: None)
    rig.ask(rig.caller(), packet_of(asked(1, name, Mode=mode)), seconds=22)
    assert fate(rig, 5, about=1) == "stored"
    rm.wire.send(reserve(rm.received[0]) if mode == "B" else receipt_for(rm.received[0]))
    rig.run(1)
    assert fate(rig, 6, about=1) == "applied"


def test_each_leg_names_the_other_and_what_the_far_end_said(tmp_path: Path) -> None:
    """The serial both legs share names the one that came in: whoever is asked about one finds the other."""
    url = f"sqlite:///{tmp_path}/gateway.db"
    upgrade(url)
    rig = Rig(PEERS, engine=open_engine(url))
    rig.station("mem://rm", lambda packet: receipt_for(packet, "ORDER_UNKNOWN"))
    rig.ask(rig.caller(), packet_of(asked()), seconds=2)
    rig.engine.dispose()
    came = bssgw("message", "show", serial(1, "PF0001"), "--data-dir", tmp_path).out
    assert f"转发为 handed on as message 2 → RM0001 · 流水号 serial {serial(1, 'PF0001')} · 状态 state REJECTED" in came
    left = bssgw("message", "show", 2, "--data-dir", tmp_path).out
    assert f"转发自 handed on for message 1 ← PF0001 · 流水号 serial {serial(1, 'PF0001')}" in left
    assert "<Receiver>PF0001</Receiver>" in left.partition("应答 answer\n")[2]


@pytest.mark.parametrize("second", [False, True], ids=["one command", "two commands"])
def test_a_result_that_cannot_say_what_it_answers_goes_to_whom_it_is_about(second: bool) -> None:
    """An envelope without receiver and reference, and two PF in one area: the order says whose result it is."""
    other = {**PEERS[0], "id": "PF0002", "connect": ["mem://pf2"]}
    rig = hub((PEERS[0], other, {**PEERS[1], "envelope": "root-hb", "window": 1}))
    rig.station("mem://rm", lambda packet: echo(packet, b"<root><resultFlag>0</resultFlag></root>", Kind.RECEIPT, "0001"))
    first, theirs = rig.station("mem://pf"), rig.station("mem://pf2")
    for number in (1, 2) if second else (1,):
        command = asked(number, Sender="PF0002", Serial=serial(number, "PF0002"))
        rig.ask(rig.caller(), packet_of(command), seconds=3)
    order = CODEC.decode(command).body["service_order_id"]
    result = CODEC.decode(sample("ResourceAssigned", Sender="RM0001", Receiver="PF0002"))
    header = replace(result.header, serial=serial(9, "RM0001"), ref_serial=None)
    voice = envelope(CODEC, "root-hb", Dialect(own="RM0001", peer="CRM001"))
    raw = voice.encode(Document(result.row, result.element, header, {**result.body, "service_order_id": order}), "UTF-8")
    fields = {"kind": Kind.NOTIFICATION, "sender": "RM0001", "receiver": "", "serial": serial(9, "RM0001")}
    rig.ask(rig.caller(), replace(packet_of(sample("ResourceAssigned"), **fields), body=raw), seconds=3)
    assert first.received == []
    (told,) = theirs.received
    assert CODEC.decode(told.body).header.ref_serial == (None if second else serial(1, "PF0002"))


def test_a_message_for_somebody_else_is_refused_with_whose_it_is() -> None:
    (answer,) = (rig := hub()).ask(rig.caller(), packet_of(asked(Receiver="CRM001")), seconds=1)
    code, faults = result_of(answer)
    assert (code, "RM does: name that system as the receiver" in faults[0]["text"]) == ("1003", True)
