"""What a peer row and its layout say of packets: operators' own fields, words for people, passwords, wrong charsets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.document import DocumentRefused
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from tests.gateway.rig import CATALOGUE, CODEC, PEERS, Rig, Wires, packet_of, result_of, serial, submission

ASCII, BD = Layout(CATALOGUE.layout("ascii-145")), Layout(CATALOGUE.layout("bd-272"))
SECRET = "pw-8chars"


def rig_of(layout: str, **peer: Any) -> Rig:
    return Rig(({"id": "CH0001", "role": "channel", "listen": "s", "layout": layout} | peer,), layout=layout)


def test_answers_say_in_words_what_their_code_means_and_give_the_senders_fields_back() -> None:
    rig = rig_of("ascii-145")
    wire = rig.caller(ASCII)
    good = packet_of(submission(1), extra={"client_flag": "PF07", "server_flag": "CRM1"})
    refused = packet_of(b"<no package/>", serial=serial(2), extra={"client_flag": "PF08"})
    first, second = rig.ask(wire, good, refused)
    assert (first.result, first.text) == ("0001", CATALOGUE.result("0001").zh[:16])
    assert first.extra == {"client_flag": "PF07", "server_flag": "CRM1"}
    assert (second.result, second.extra["client_flag"]) == ("1001", "PF08")
    assert CATALOGUE.result("1001").zh.startswith(second.text)
    assert second.text


def test_our_packets_carry_the_operators_values_of_free_fields() -> None:
    peer = {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s", "layout": "ascii-145"}
    rig = Rig((peer | {"header": {"client_flag": "CRM1", "server_flag": "PF07"}},), layout="ascii-145", start=False)
    got: list[Packet] = []
    rig.network.server("mem://pf").listen(Wires(lambda wire, packet: got.append(packet), ASCII))
    rig.start()
    rig.send("SO1")
    rig.run(1)
    assert got[0].extra == {"client_flag": "CRM1", "server_flag": "PF07"}


@pytest.mark.parametrize(("said", "code"), [(SECRET, "1001"), ("wrong", "2003"), ("", "2003")])
def test_a_password_in_the_header_is_the_login_of_its_layout(tmp_path: Path, said: str, code: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    rig = rig_of("bd-272", login={"required": True, "secret_file": secret})
    wire = rig.caller(BD)
    ask = Packet(b"ORDER=SO000000000001", Kind.REQUEST, "QRY:ORDER", "CH0001", serial="42", password=said)
    (answer,) = rig.ask(wire, ask)
    assert (answer.body, answer.password) == (f"RETN=0{code}".encode(), "")
    (again,) = rig.ask(wire, replace(ask, password="stolen"))
    assert again.result == "2003"
    assert SECRET not in repr(ask)
    stored = rig.rows("SELECT raw FROM message_body")
    assert not any(SECRET.encode() in bytes(raw) for (raw,) in stored)


def mislabelled(number: int) -> Packet:
    """An order that says UTF-8 twice and is GB18030."""
    return packet_of(submission(number).decode().encode("gb18030"), charset="UTF-8")


def test_a_wrong_declaration_is_taken_and_remembered_for_the_peer() -> None:
    rig = Rig()
    answers = rig.ask(rig.caller(), mislabelled(1), mislabelled(2), packet_of(submission(3)))
    assert [one.result for one in answers if one.is_answer] == ["0001"] * 3
    assert rig.gateway.status()["wrong_charsets"] == [{"peer": "CH0001", "documents": {"UTF-8 -> GB18030": 2}}]


def test_a_row_may_forbid_wrong_declarations() -> None:
    channel, *others = PEERS
    rig = Rig((channel | {"wrong_charset": "refuse"}, *others))
    (answer,) = rig.ask(rig.caller(), mislabelled(1))
    code, (fault,) = result_of(answer)
    assert (code, fault["found"]) == ("1005", "UTF-8")
    assert rig.one("SELECT count(*) FROM customer_order") == 0
    assert rig.rows("SELECT state, result_code FROM message") == [("REJECTED", "1005")]


@pytest.mark.parametrize("layout", ["ctif-128", "len4-be"])
def test_what_cannot_be_decoded_is_kept_as_it_came_and_answered_1005(layout: str) -> None:
    rig = rig_of(layout)
    raw = submission(1).replace(b"</SubmitOrder>", b"\xff\xff</SubmitOrder>")
    (answer,) = rig.ask(rig.caller(Layout(CATALOGUE.layout(layout))), packet_of(raw))
    header = CODEC.quick_header(answer.body)
    assert header is not None
    assert header.result_code == "1005"
    assert [bytes(kept) for (kept,) in rig.rows("SELECT raw FROM message_body")] == [raw]
    with pytest.raises(DocumentRefused, match="CHARSET_UNDECODABLE"):
        CODEC.decode(raw)


@pytest.mark.parametrize("charset", ["GBK", "GB2312", "GB18030", "UTF-8"])
def test_rare_characters_reach_a_peer_whatever_its_charset(charset: str) -> None:
    channel, provisioning, *others = PEERS
    rig = Rig((channel, provisioning | {"charset": charset}, *others), start=False)
    station = rig.station("mem://pf")
    rig.start()
    name = "㐀𠮷䶮龦"
    order = submission(1).decode().replace("张示例", f"张{name}").encode()
    assert name.encode() in order
    rig.ask(rig.caller(), packet_of(order))
    (sent,) = [packet for packet in station.received if name in str(CODEC.decode(packet.body, packet.charset).body)]
    assert (b"&#134071;" in sent.body) is (charset in ("GBK", "GB2312"))
    assert b"?" not in sent.body.partition(b"?>")[2]
