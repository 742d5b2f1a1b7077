"""The load: real packets, each of its own, of the promised size; and the client's look at answers."""

from __future__ import annotations

from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from gateway.bench.packets import LAYOUT, OrderPackets, ReceiptPackets, cutter, intake_text, lifecycle_text
from schemas.loader import load

TIME = "20261122080000"


def packets() -> OrderPackets:
    return OrderPackets(load(), intake_text(load()), "CH0001", "CRM001", TIME)


def test_packets_are_framed_valid_and_distinct() -> None:
    maker, layout, codec = packets(), Layout(load().layout(LAYOUT)), Codec(load())
    taken = Framer(layout, layout.default_max).feed(b"".join(maker.make(number) for number in (0, 7, 123_456)))
    documents = [codec.decode(packet.body, packet.charset, {"serial": packet.serial}) for packet in taken]
    assert [packet.serial for packet in taken] == [f"CH0001{TIME}{number:010d}" for number in (0, 7, 123_456)]
    assert len({document.body["customer_order_id"] for document in documents}) == 3
    assert {document.row.command for document in documents} == {"SubmitOrder"}


def test_a_packet_is_what_the_intake_figure_is_promised_for() -> None:
    maker, codec = packets(), Codec(load())
    body = maker.make(1)[load().layout(LAYOUT).header_size :]
    document = codec.decode(body, "GB18030")
    assert 1_500 <= len(body) <= 2_000
    assert not body.isascii()
    assert len(document.body["items"]) == 2
    assert "customer_id" in document.body["customer"]
    assert all("product_instance_id" not in item for item in document.body["items"])


def test_the_lifecycles_order_is_valid_and_leaves_the_instance_to_the_crm() -> None:
    maker, codec = OrderPackets(load(), lifecycle_text(), "CH0001", "CRM001", TIME), Codec(load())
    document = codec.decode(maker.make(5)[load().layout(LAYOUT).header_size :], "GB18030")
    assert document.body["customer_order_id"] == maker.order(5).decode()
    assert [("product_instance_id" in item, item["action"]) for item in document.body["items"]] == [(False, "install")]


def test_receipts_of_notices_are_valid_and_echo_the_serial() -> None:
    notice = load().for_event("OrderStateChanged")[0]
    maker, layout = ReceiptPackets(load(), notice.code, "CH0001", "CRM001", TIME), Layout(load().layout(LAYOUT))
    (packet,) = Framer(layout, layout.default_max).feed(maker.make(b"CRM001" + b"7" * 24))
    document = Codec(load()).decode(packet.body, packet.charset, {"serial": packet.serial, "code": notice.code})
    assert packet.is_answer
    assert (packet.result, document.body["code"]) == ("0001", "0001")
    assert document.header.ref_serial == "CRM001" + "7" * 24


def test_packets_are_cut_however_they_come() -> None:
    layout = Layout(load().layout(LAYOUT))
    stream = layout.encode(Packet(b"<Package/>", kind=Kind.RECEIPT, code="CH01", serial="A" * 30, result="0001"))
    stream += layout.encode(Packet(b"", kind=Kind.HEARTBEAT))
    stream += layout.encode(Packet(b"<x/>", kind=Kind.NOTIFICATION, code="CH02", serial="B" * 30))
    cut, buffer, found = cutter(load().layout(LAYOUT)), bytearray(), []
    for at in range(len(stream)):
        buffer += stream[at : at + 1]
        found += cut(buffer)
    assert found[0] == ("receipt", b"A" * 30, b"0001", b"<Package/>")
    assert [(kind, body) for kind, _, _, body in found[1:]] == [("heartbeat", b""), ("notification", b"<x/>")]
    assert buffer == b""
