"""Framing: whole, in crumbs, split everywhere, with leftovers, two in one, and what is no packet (spec 01.1.3, hardening F)."""

import time
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport
from twisted.protocols.basic import Int32StringReceiver

from adapters.wire.errors import FramingFault
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from tests.adapters.wire.wire_samples import CTIF, LAYOUTS, NAMES, answer, request

LIMIT = 4096


def samples(name: str) -> list[Packet]:
    if not LAYOUTS[name].carries("kind"):
        return [Packet(b"<a/>"), Packet("<张/>".encode()), Packet(b""), Packet(b"y" * 700)]
    first = request(1, "<a>张示例𠮷</a>".encode("gb18030"))
    packets = [first, Packet(b"", Kind.HEARTBEAT, serial="HB"), answer(first, b"x" * 700), request(2, b"")]
    return packets if name == "ctif-128" else [said_by(LAYOUTS[name], packet) for packet in packets]


def said_by(layout: Layout, packet: Packet) -> Packet:
    """What the layout's header says of a packet: the rest stands in the document."""
    narrow = replace(packet, serial=packet.serial[-layout.serial_digits :].rjust(10, "0").replace("HB", "00"))
    read, _ = layout.decode_header(layout.encode(narrow))
    return replace(read, body=packet.body)


def collect(framer: Framer, pieces: list[bytes]) -> tuple[list[Packet], FramingFault | None]:
    """All packets of the pieces and the fault that ended it, as a shell that feeds until a fault sees them."""
    found: list[Packet] = []
    for piece in [*pieces, b""]:
        try:
            found += framer.feed(piece)
        except FramingFault as fault:
            return found, fault
    return found, None


def said(fault: FramingFault | None) -> tuple[str, str] | None:
    """A fault without the bytes it quotes: of a wrong magic one sees what has come."""
    return None if fault is None else (fault.symbol, fault.reason_en.partition(" is wrong: ")[0])


def cut(data: bytes, points: list[int]) -> list[bytes]:
    edges = [0, *sorted(points), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


@pytest.mark.parametrize("name", NAMES)
def test_whole_and_two_in_one(name):
    layout, packets = LAYOUTS[name], samples(name)
    framer = Framer(layout, LIMIT)
    assert framer.feed(b"".join(map(layout.encode, packets))) == packets
    assert framer.pending == 0
    framer.eof()


@pytest.mark.parametrize("name", NAMES)
def test_in_crumbs(name):
    layout, packets = LAYOUTS[name], samples(name)
    data = b"".join(map(layout.encode, packets))
    assert collect(Framer(layout, LIMIT), [bytes([byte]) for byte in data]) == (packets, None)


@pytest.mark.parametrize("name", NAMES)
def test_split_at_every_byte(name):
    layout, packets = LAYOUTS[name], samples(name)
    data = b"".join(map(layout.encode, packets))
    for point in range(len(data)):
        assert collect(Framer(layout, LIMIT), [data[:point], data[point:]]) == (packets, None)


@pytest.mark.parametrize("name", NAMES)
def test_leftovers_wait(name):
    layout, packets = LAYOUTS[name], samples(name)
    data = layout.encode(packets[0])
    framer = Framer(layout, LIMIT)
    assert framer.feed(data + data[:3]) == packets[:1]
    assert framer.pending == 3
    with pytest.raises(FramingFault, match="3 bytes left over"):
        framer.eof()
    assert framer.feed(data[3:]) == packets[:1]
    assert framer.pending == 0


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=60)
@given(data=st.data())
def test_any_split_of_any_stream_is_the_same(name, data):
    """Rule 1, also for streams that are broken somewhere: same packets, same fault, however it is cut."""
    layout = LAYOUTS[name]
    stream = bytearray(b"".join(map(layout.encode, samples(name))))
    if data.draw(st.booleans()):
        at = data.draw(st.integers(0, len(stream) - 1))
        stream[at] = data.draw(st.integers(0, 255))
    whole = bytes(stream)
    points = data.draw(st.lists(st.integers(0, len(whole)), max_size=12))
    expected, fault = collect(Framer(layout, 1000), [whole])
    found, same = collect(Framer(layout, 1000), cut(whole, points))
    assert found == expected
    assert said(same) == said(fault)


@given(st.lists(st.binary(max_size=60), max_size=6), st.lists(st.integers(0, 400), max_size=10))
def test_twisted_reads_len4_the_same(bodies, points):
    class Oracle(Int32StringReceiver):
        def __init__(self) -> None:
            self.bodies: list[bytes] = []

        def stringReceived(self, string: bytes) -> None:
            self.bodies.append(string)

    layout = LAYOUTS["len4-be"]
    data = b"".join(layout.encode(Packet(body)) for body in bodies)
    oracle, framer = Oracle(), Framer(layout, LIMIT)
    oracle.makeConnection(StringTransport())
    found: list[Packet] = []
    for piece in cut(data, [min(point, len(data)) for point in points]):
        oracle.dataReceived(piece)
        found += framer.feed(piece)
    assert [packet.body for packet in found] == oracle.bodies == bodies


GOOD = CTIF.encode(request(1, b"<a/>"))


def with_length(text: bytes) -> bytes:
    return GOOD[:6] + text + GOOD[14:]


@pytest.mark.parametrize(
    ("case", "name", "data", "symbol"),
    [
        ("F1 length 0", "ctif-128", with_length(b"00000000"), "BAD_LENGTH"),
        ("F2 length -1", "ctif-128", with_length(b"-0000001"), "BAD_LENGTH"),
        ("F2 length -1", "len4-be", b"\xff\xff\xff\xff", "TOO_LARGE"),
        ("F3 length 2^31", "ctif-128", with_length(b"99999999"), "TOO_LARGE"),
        ("F3 length 2^31", "len4-be", b"\x80\0\0\0", "TOO_LARGE"),
        ("F4 max + 1", "ctif-128", with_length(b"00004097"), "TOO_LARGE"),
        ("F4 max + 1", "len4-be", b"\0\0\x0f\xfd", "TOO_LARGE"),
        ("F4 max + 1", "newline", b"x" * 4096, "TOO_LARGE"),
        ("F10 wrong version", "ctif-128", b"CTIF08", "BAD_LENGTH"),
        ("wrong magic", "ctif-128", b"GET / HTTP/1.1\r\n", "BAD_LENGTH"),
        ("length in blanks", "ctif-128", with_length(b"     132"), "BAD_LENGTH"),
        ("length with sign", "ctif-128", with_length(b"+0000132"), "BAD_LENGTH"),
    ],
)
def test_bytes_that_are_no_packet(case, name, data, symbol):
    for pieces in ([data], [bytes([byte]) for byte in data]):
        found, fault = collect(Framer(LAYOUTS[name], LIMIT), pieces)
        assert (found, fault and fault.symbol) == ([], symbol), case
        assert fault.packet is None
        assert fault.reason_zh
        assert fault.reason_en


def test_a_wrong_magic_does_not_wait_for_the_header():
    with pytest.raises(FramingFault, match="magic"):
        Framer(CTIF, LIMIT).feed(b"G")


def test_a_wrong_length_does_not_wait_for_the_header():
    with pytest.raises(FramingFault, match="TOO_LARGE"):
        Framer(CTIF, LIMIT).feed(GOOD[:6] + b"00999999")


@pytest.mark.parametrize("name", NAMES)
def test_exactly_the_limit_passes(name):
    layout = LAYOUTS[name]
    size = LIMIT - len(layout.encode(samples(name)[-1])) + len(samples(name)[-1].body)
    packet = samples(name)[-1]
    packet.body = b"z" * size
    data = layout.encode(packet)
    assert len(data) == LIMIT
    assert Framer(layout, LIMIT).feed(data) == [packet]


def test_packets_before_a_fault_come_first_and_the_fault_stays():
    framer = Framer(CTIF, LIMIT)
    assert framer.feed(GOOD + GOOD + b"garbage") == [request(1), request(1)]
    assert framer.fault is not None
    for _ in range(2):
        with pytest.raises(FramingFault, match="magic"):
            framer.feed(GOOD)


def test_a_wrong_checksum_loses_only_its_packet():
    bad = GOOD[:-1] + b"?"
    for pieces in ([GOOD + bad + GOOD], [bytes([byte]) for byte in GOOD + bad + GOOD]):
        framer, found, faults = Framer(CTIF, LIMIT), [], []
        for piece in [*pieces, b"", b"", b""]:
            try:
                found += framer.feed(piece)
            except FramingFault as fault:
                faults.append(fault)
        assert found == [request(1), request(1)]
        assert [fault.symbol for fault in faults] == ["BAD_CHECKSUM"]
        assert faults[0].packet == request(1, b"<a/?")
        framer.eof()


def test_a_blank_checksum_needs_permission():
    blank = GOOD[:100] + b" " * 8 + GOOD[108:]
    assert Framer(CTIF, LIMIT, allow_unchecked=True).feed(blank) == [request(1)]
    with pytest.raises(FramingFault, match="the checksum is blank"):
        Framer(CTIF, LIMIT).feed(blank)


def test_a_blank_checksum_over_no_body_guards_nothing():
    empty = CTIF.encode(request(1, b""))
    assert Framer(CTIF, LIMIT).feed(empty[:100] + b" " * 8 + empty[108:]) == [request(1, b"")]


@pytest.mark.parametrize("name", NAMES)
def test_cost_is_linear_in_crumbs(name):
    """01.1.3: quadratic work on this would take minutes; the bound is generous for a busy machine."""
    layout = LAYOUTS[name]
    packet = samples(name)[-1]
    size = min(1 << 17, layout.body_max or 1 << 17)
    packet.body = b"z" * size
    count = (1 << 17) // size
    data = layout.encode(packet) * count
    framer = Framer(layout, 1 << 20)
    started = time.process_time()
    found = [packet for at in range(len(data)) for packet in framer.feed(data[at : at + 1])]
    assert time.process_time() - started < 2
    assert found == [packet] * count


def test_nothing_is_allocated_for_a_length():
    framer = Framer(CTIF, 1 << 30)
    framer.feed(with_length(b"90000000")[:128])
    assert framer.pending == 128


@pytest.mark.parametrize("name", ["ctif-128", "ascii-len-8", "len4-be"])
@pytest.mark.parametrize(
    ("first", "word"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "[listen.tls]"),
        (b"POST /order HTTP/1.1\r\nHost: crm\r\n", 'binding = "http"'),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP server"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
    ],
    ids=["TLS", "HTTP request", "HTTP answer", "SSH"],
)
def test_another_protocol_at_the_port_is_called_by_its_name(name: str, first: bytes, word: str) -> None:
    with pytest.raises(FramingFault) as caught:
        Framer(LAYOUTS[name], 1 << 20).feed(first)
    assert word in caught.value.reason_en
    assert caught.value.packet is None


def test_other_wrong_bytes_are_called_nothing() -> None:
    with pytest.raises(FramingFault) as caught:
        Framer(CTIF, 1 << 20).feed(b"CTIX09")
    assert caught.value.reason_en.endswith("header field magic is wrong: 'CTIX'")
