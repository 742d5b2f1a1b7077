"""Operations of the group's envelope through the hub: functions answered by our own records, answers under their ids (05.1)."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.wire.packet import Kind, Packet
from tests.gateway.rig import CODEC, Rig, packet_of, sample, serial
from tests.gateway.test_query_frames import got_from, in_documents

SYSTEMS = {"CRM001": "6001030001", "CS0001": "6001030031", "PF0001": "6001030011"}
SOO = envelope(CODEC, "contract-root", Dialect(own="CS0001", peer="CRM001", systems=SYSTEMS, inner="soo"))
GROUP = {"envelope": "contract-root", "dialect": {"systems": SYSTEMS, "inner": "soo"}}
BY_NUMBER = ":getProdInstIdByAccNbr(025,025,02580000001,POTS)"


def rig_of(**pf: Any) -> tuple[Rig, list[Packet]]:
    cs = {"id": "CS0001", "role": "CS", "listen": "s", **GROUP}
    rig, got = Rig((cs, {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], **pf})), []
    got_from(rig.station("mem://pf", in_documents), got)
    return rig, got


def instance(rig: Rig, name: str, ended: int | None = None) -> None:
    """A line in the store, as orders leave one."""
    values = {
        "id": name, "product": "POTS", "customer_id": "C1", "area": "025", "access_number": "02580000001", "status": "active",
        "stop_mask": 0, "cutover_freeze": False, "attrs_json": "{}", "resources_json": "[]", "open_orders_json": "[]",
        "created_at": 1, "ended_at": ended, "row_version": 1,
    }  # fmt: skip
    names = ", ".join(values)
    with rig.engine.begin() as connection:
        marks = ", ".join("?" for _ in values)
        connection.exec_driver_sql(f"INSERT INTO product_instance ({names}) VALUES ({marks})", tuple(values.values()))


def asked(param: str, kind: str = "3", name: str = "7") -> Packet:
    """A query for orders by what ``param`` stands for."""
    raw = sample("QueryProcess", Serial=serial(1, "CS0001"), Sender="CS0001", Receiver="PF0001", Mode="B")
    root = etree.fromstring(SOO.encode(CODEC.decode(raw), "GB18030"))
    (one,) = root.iter("SOO")
    one.find("QRY_TYPE").text, one.find("PARAM").text, one.find("PUB_REQ/SOO_ID").text = kind, param, name
    for spare in ("customer_order_id", "product_instance_id", "Extension"):
        for found in list(one.iter(spare)):
            found.getparent().remove(found)
    packet = packet_of(raw, serial=root.findtext("TcpCont/TransactionID"), charset="GB18030")
    packet.body = etree.tostring(root, encoding="GB18030")
    return packet


def told(packet: Packet) -> tuple[str, list[str]]:
    root = etree.fromstring(packet.body)
    return root.findtext("TcpCont/Response/RspCode"), [one.findtext("PUB_RES/SOO_ID") for one in root.iter("SOO")]


def test_a_function_is_answered_by_our_records_and_the_answer_bears_the_operations_id() -> None:
    rig, got = rig_of()
    instance(rig, "PI0250000000000001")
    instance(rig, "PI0250000000000009", ended=5)
    (answer,) = rig.ask(rig.caller(), asked(BY_NUMBER), seconds=3)
    assert told(answer) == ("0000", ["7"])
    assert answer.kind is Kind.REPLY
    assert CODEC.decode(got[0].body).body["product_instance_id"] == "PI0250000000000001"
    (again,) = rig.ask(rig.caller(), asked(BY_NUMBER), seconds=3)
    assert (again.body, len(got)) == (answer.body, 1)


@pytest.mark.parametrize("lines", [[], ["PI1", "PI2"]])
def test_one_that_finds_nothing_or_two_refuses_the_message_and_nobody_is_asked(lines: list[str]) -> None:
    rig, got = rig_of()
    for name in lines:
        instance(rig, name)
    (answer,) = rig.ask(rig.caller(), asked(BY_NUMBER), seconds=3)
    assert (told(answer), got) == (("3002", []), [])
    assert rig.rows("SELECT direction, state, result_code FROM message") == [("in", "REJECTED", "3002")]


def test_the_far_end_may_speak_operations_too() -> None:
    cs, pf = {"id": "CS0001", "role": "CS", "listen": "s"}, {"id": "PF0001", "role": "PF", "connect": ["mem://pf"]}
    rig = Rig((cs | GROUP, pf | GROUP))
    theirs = envelope(CODEC, "contract-root", Dialect(own="PF0001", peer="CRM001", systems=SYSTEMS))
    got: list[Packet] = []

    def answers(packet: Packet) -> Packet:
        got.append(packet)
        document = theirs.decode(packet.body, "GB18030")
        answer = in_documents(packet)
        told = CODEC.decode(answer.body)
        told.header.operations = document.header.operations
        answer.body = theirs.encode(told, "GB18030")
        return answer

    rig.station("mem://pf", answers)
    (answer,) = rig.ask(rig.caller(), asked("SO02520261121000001", "1", "A-1"), seconds=3)
    assert told(answer) == ("0000", ["A-1"])
    assert b"<PARAM>SO02520261121000001</PARAM>" in got[0].body
    assert b"IN_PROGRESS" in answer.body
