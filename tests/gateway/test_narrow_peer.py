"""A vendor with names, codes and a charset of its own, end to end through the hub: nothing lost, nothing guessed (01.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from lxml import etree

from adapters.document import Document
from adapters.envelopes.dialect import BodyMap, Dialect, FieldMap, mirrored
from adapters.envelopes.envelope import envelope
from adapters.wire.packet import Kind, Packet
from tests.gateway.rig import CODEC, Rig, echo, packet_of, result_of, sample, serial

NAME = "张示例㐀𠮷䶮"
"""Of these GB2312 has the first three."""
SYSTEMS = {"CRM001": "CRM-NJ", "RM0001": "RES-JS"}
CODES = {"OH03": "RES_ASSIGN", "OH04": "RES_ASSIGNED"}
RESULTS = {"E100": "3009", "0": "0001"}
FIELDS: dict[str, Any] = {
    "service_order_id": {"name": "orderNo"},
    "operator": {"name": "oper"},
    "items": {"name": "itemList"},
    "items/item": {"name": "resItem"},
    "items/item/action": {"name": "opType", "values": {"install": "1", "disconnect": "2"}},
}
BODIES = {"AssignResource": {"element": "ResReq", "fields": FIELDS}}
ROWS = {"systems": SYSTEMS, "codes": CODES, "results": RESULTS, "bodies": BODIES}
PEERS: tuple[dict[str, Any], ...] = (
    {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s", "charset": "UTF-8"},
    {"id": "RM0001", "role": "RM", "connect": ["mem://rm"], "listen": "s", "envelope": "root-hb", "charset": "GB2312",
     "window": 1, "dialect": ROWS},
)  # fmt: skip
THEIRS = mirrored(
    Dialect(
        own="RM0001", peer="CRM001", systems=SYSTEMS, codes=CODES, results=RESULTS,
        bodies={"AssignResource": BodyMap("ResReq", {path: FieldMap(**field) for path, field in FIELDS.items()})},
    )
)  # fmt: skip
VOICE = envelope(CODEC, "root-hb", THEIRS)


def command() -> bytes:
    """A command of PF with characters the vendor's charset has not."""
    document = CODEC.decode(sample("AssignResource", Serial=serial(1, "PF0001"), Sender="PF0001", Receiver="RM0001"))
    body = {**document.body, "operator": NAME}
    return CODEC.encode(replace(document, body=body), "UTF-8")


def vendor(got: list[Packet], flag: str) -> Any:
    """Takes what it is sent and answers in one word."""

    def answers(packet: Packet) -> Packet:
        got.append(packet)
        raw = f"<root><resultFlag>{flag}</resultFlag></root>".encode("gb2312")
        return echo(packet, raw, Kind.RECEIPT, "0001" if flag == "0" else "3009")

    return answers


@pytest.mark.parametrize(("flag", "code"), [("0", "0001"), ("E100", "3009")])
def test_a_command_leaves_under_its_names_in_its_charset_and_its_result_is_ours(flag: str, code: str) -> None:
    rig, got = Rig(PEERS), []
    rig.station("mem://rm", vendor(got, flag))
    (answer,) = rig.ask(rig.caller(), packet_of(command()), seconds=3)
    assert result_of(answer)[0] == code
    raw = got[0].body
    text = raw.decode("gb2312")  # every byte of it
    assert "张示例&#13312;&#134071;&#19886;" in text
    root = etree.fromstring(raw)
    assert [root.findtext(f"header/{name}") for name in ("interfaceCode", "sender")] == ["RES_ASSIGN", "PF0001"]
    assert {one.tag for one in root.find("body/ResReq/itemList")} == {"resItem"}
    assert {one.text for one in root.iter("opType")} == {"1"}
    assert VOICE.decode(raw, "GB2312").body == CODEC.decode(command()).body


def test_its_result_comes_back_in_ours_whatever_it_declares() -> None:
    rig, got = Rig(PEERS), []
    rig.station("mem://rm", vendor(got, "0"))
    pf = rig.station("mem://pf")
    rig.ask(rig.caller(), packet_of(command()), seconds=3)
    result = CODEC.decode(sample("ResourceAssigned", Sender="RM0001", Receiver="PF0001"))
    header = replace(result.header, serial=serial(9, "RM0001"), ref_serial=got[0].serial, code="OH04")
    said = Document(result.row, result.element, header, {**result.body, "operator": NAME})
    raw = VOICE.encode(said, "GBK").replace(b'encoding="GBK"', b'encoding="UTF-8"')
    packet = packet_of(sample("ResourceAssigned"), kind=Kind.NOTIFICATION, sender="RM0001", receiver="PF0001",
                       serial=serial(9, "RM0001"), charset="GB18030")  # fmt: skip
    packet.body = raw
    (answer,) = rig.ask(rig.caller(), packet, seconds=3)
    assert b"<resultFlag>0</resultFlag>" in answer.body
    (told,) = pf.received
    found = CODEC.decode(told.body, "UTF-8")
    assert (found.header.ref_serial, found.body["operator"]) == (serial(1, "PF0001"), NAME)
    assert NAME.encode() in told.body


def test_a_code_nobody_mapped_is_no_success() -> None:
    rig, got = Rig(PEERS), []
    rig.station("mem://rm", lambda packet: (got.append(packet), echo(
        packet, b"<root><resultFlag>E777</resultFlag></root>", Kind.RECEIPT, "0001"))[1])  # fmt: skip
    (answer,) = rig.ask(rig.caller(), packet_of(command()), seconds=3)
    assert (result_of(answer)[0], list(rig.out().values())) == ("2002", ["DEAD"])
    assert "E777" in CODEC.decode(answer.body).body["text"]
