"""The load: real packets, each of its own, of the promised size; and the client's look at answers."""

from __future__ import annotations

from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from gateway.proof.packets import LAYOUT, OrderPackets, answers
from schemas.loader import load

TIME = "20261122080000"


def packets() -> OrderPackets:
    return OrderPackets(load(), "CH0001", "CRM001", TIME)


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
    assert maker.size == len(maker.make(1))
    assert not body.isascii()
    assert len(document.body["items"]) == 2
    assert "customer_id" in document.body["customer"]
    assert all("product_instance_id" not in item for item in document.body["items"])


def test_answers_are_cut_however_they_come() -> None:
    layout = Layout(load().layout(LAYOUT))
    stream = layout.encode(Packet(b"<Package/>", kind=Kind.RECEIPT, code="CH01", serial="A" * 30, result="0001"))
    stream += layout.encode(Packet(b"", kind=Kind.HEARTBEAT))
    stream += layout.encode(Packet(b"<x/>", kind=Kind.RECEIPT, code="CH01", serial="B" * 30, result="3006"))
    cut, buffer, found = answers(load().layout(LAYOUT)), bytearray(), []
    for at in range(len(stream)):
        buffer += stream[at : at + 1]
        found += cut(buffer)
    assert found == [(b"A" * 30, b"0001"), (b"B" * 30, b"3006")]
    assert buffer == b""
