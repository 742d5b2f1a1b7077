"""A document of the right code that says something else is not what was waited for (spec 01.2, 02)."""

from __future__ import annotations

from typing import Any

from adapters.document import Document, Header
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from conformance.exchange import Got
from conformance.model import Verdict
from schemas.loader import load
from tests.conformance.test_runner import NOW, Played, _lines

CODEC = Codec(load())


def packet(code: str, element: str, body: dict[str, Any], kind: Kind, **header: Any) -> Packet:
    row = load().message(code)
    serial = header.pop("serial", "PF0001" + "2026112209000000000000001"[:24])
    head = Header(code, serial, "PF0001", "CRM001", "025", "20261122090000", "0.9", "B", **header)
    raw = CODEC.encode(Document(row, element, head, body), "UTF-8")
    return Packet(raw, kind=kind, code=code, sender="PF0001", receiver="CRM001", area="025", serial=serial,
                  send_time="20261122090000", mode="B", charset="UTF-8", result=header.get("result_code", "0000"))  # fmt: skip


RECEIPT = {"code": "0000", "text": "x"}


def test_a_receipt_under_the_code_of_a_report_is_no_report() -> None:
    played = Played(_lines({"expect": "OH02", "to": "CRM"}))
    one = packet("OH02", "Receipt", RECEIPT, Kind.REQUEST, result_code="0000")
    played.run.arrived(Got("CRM", played.paper.read(one), None, one.body, NOW), "CRM", NOW)
    assert played.verdict is Verdict.FAIL


def test_a_receipt_is_no_answer() -> None:
    ask = {"send": "PQ01", "by": "CRM", "as": "q", "body": {"service_order_id": "SO1", "area": "025", "detail_level": "order"}}
    played = Played(_lines(ask, {"expect": "answer", "to": "CRM", "of": "q"}))
    asked = played.run.asked["q"].written.packet
    one = packet("PQ01", "Receipt", RECEIPT, Kind.REPLY, serial=asked.serial, result_code="0000")
    played.run.answered(one, one.body, "CRM", NOW)
    assert played.verdict is Verdict.FAIL
