"""Segments: cutting, putting together, everything that refuses a document (spec 01.1.3 rule 3)."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wire.errors import FramingFault, LocalError
from adapters.wire.packet import Kind, Packet
from adapters.wire.segments import MAX_OPEN, SEGMENT_COST, Reassembler, split
from tests.adapters.wire.wire_samples import request

NOW = 1_000_000


def segments(number: int, *bodies: bytes) -> list[Packet]:
    last = len(bodies)
    return [request(number, body, segment=n, more=n < last) for n, body in enumerate(bodies, 1)]


def refusal(reassembler: Reassembler, packet: Packet, now: int = NOW) -> FramingFault:
    with pytest.raises(FramingFault) as refused:
        reassembler.add(packet, now)
    return refused.value


@given(st.binary(max_size=200), st.integers(1, 70))
def test_cut_and_joined_is_the_same(body, size):
    packet, reassembler = request(1, body), Reassembler(1000)
    pieces = split(packet, size)
    assert all(len(piece.body) <= size for piece in pieces)
    assert [piece.segment for piece in pieces] == list(range(1, len(pieces) + 1))
    assert [piece.more for piece in pieces] == [True] * (len(pieces) - 1) + [False]
    *before, whole = [reassembler.add(piece, NOW) for piece in pieces]
    assert before == [None] * len(before)
    assert whole == packet
    assert reassembler.held == 0


@settings(max_examples=50)
@given(st.data())
def test_other_serials_may_come_between(data):
    queues = [segments(n, *[bytes([65 + n])] * data.draw(st.integers(1, 4))) for n in range(3)]
    expected = {queue[0].serial: b"".join(piece.body for piece in queue) for queue in queues}
    reassembler, found = Reassembler(1000), {}
    while any(queues):
        queue = data.draw(st.sampled_from([queue for queue in queues if queue]))
        whole = reassembler.add(queue.pop(0), NOW)
        if whole is not None:
            found[whole.serial] = whole.body
    assert found == expected


def test_a_character_may_be_cut_in_half():
    body = "<a>张示例𠮷</a>".encode("gb18030")
    reassembler = Reassembler(1000)
    whole = [reassembler.add(piece, NOW) for piece in split(request(1, body), 1)][-1]
    assert whole is not None
    assert whole.body.decode("gb18030") == "<a>张示例𠮷</a>"


@pytest.mark.parametrize(
    ("case", "numbers"),
    [("gap", [1, 3, 4]), ("repeat", [1, 1, 2, 3]), ("not from one", [2, 3]), ("backwards", [1, 3, 2]), ("zero", [0])],
)
def test_wrong_numbers_refuse_the_whole_document_once_at_its_end(case, numbers):
    reassembler = Reassembler(1000)
    *first, last = [request(1, b"x", segment=n, more=i < len(numbers) - 1) for i, n in enumerate(numbers)]
    assert [reassembler.add(piece, NOW) for piece in first] == [None] * len(first)
    fault = refusal(reassembler, last)
    assert (fault.symbol, fault.packet and fault.packet.serial) == ("SEGMENT_SEQUENCE", last.serial), case
    assert reassembler.held == 0
    assert reassembler.next_deadline() is None


@pytest.mark.parametrize("change", [{"code": "OH02"}, {"kind": Kind.NOTIFICATION}, {"sender": "EN9999"}])
def test_a_change_of_message_refuses(change):
    reassembler = Reassembler(1000)
    first, second = segments(1, b"a", b"b")
    reassembler.add(first, NOW)
    assert refusal(reassembler, replace(second, **change)).symbol == "SEGMENT_SEQUENCE"


def test_a_refused_serial_may_begin_again():
    reassembler = Reassembler(1000)
    refusal(reassembler, request(1, segment=2))
    assert [reassembler.add(piece, NOW) for piece in segments(1, b"a", b"b")][-1] == request(1, b"ab")


def test_an_answer_and_a_request_may_share_a_serial():
    reassembler = Reassembler(1000)
    ask, more = segments(1, b"a", b"b")
    reply = [replace(piece, kind=Kind.REPLY) for piece in segments(1, b"c", b"d")]
    found = [reassembler.add(piece, NOW) for piece in (ask, reply[0], more, reply[1])]
    assert [whole and whole.body for whole in found] == [None, None, b"ab", b"cd"]


@pytest.mark.parametrize("bodies", [[b"x" * 11], [b"x" * 6, b"x" * 5], [b"x" * 6, b"x" * 5, b"x"]])
def test_a_document_beyond_its_limit_is_refused_at_its_end(bodies):
    reassembler = Reassembler(10)
    *first, last = segments(1, *bodies)
    assert [reassembler.add(piece, NOW) for piece in first] == [None] * len(first)
    assert refusal(reassembler, last).symbol == "TOO_LARGE"
    assert reassembler.held == 0


def test_what_is_held_for_the_connection_is_bounded():
    reassembler = Reassembler(1000, max_held=3000)
    for number in range(20):
        reassembler.add(request(number, b"x" * 900, more=True), NOW)
    held_bodies = reassembler.held - 20 * SEGMENT_COST
    assert held_bodies < 3000
    assert refusal(reassembler, request(19, b"", segment=2)).symbol == "TOO_LARGE"
    assert reassembler.add(request(0, b"", segment=2), NOW) == request(0, b"x" * 900)


def test_too_many_open_documents_lose_the_connection():
    reassembler = Reassembler(1000)
    for number in range(MAX_OPEN):
        reassembler.add(request(number, b"", more=True), NOW)
    fault = refusal(reassembler, request(MAX_OPEN, b"", more=True))
    assert (fault.symbol, fault.packet) == ("TOO_LARGE", None)


def test_what_is_not_complete_in_time_is_refused():
    reassembler = Reassembler(1000)
    for number in (1, 2):
        reassembler.add(request(number, more=True), NOW + number)
    assert reassembler.next_deadline() == NOW + 1 + 120_000
    assert reassembler.expired(NOW + 120_000) == []
    late = reassembler.expired(NOW + 120_001)
    assert [(fault.symbol, fault.packet and fault.packet.serial) for fault in late] == [("SEGMENT_SEQUENCE", request(1).serial)]
    assert reassembler.next_deadline() == NOW + 2 + 120_000


def test_at_the_end_of_input_all_are_refused_for_that_and_not_for_time():
    reassembler = Reassembler(1000)
    for number in (1, 2):
        reassembler.add(request(number, more=True), NOW)
    faults = reassembler.cut_off()
    assert [fault.packet and fault.packet.serial for fault in faults] == [request(1).serial, request(2).serial]
    assert {fault.symbol for fault in faults} == {"SEGMENT_SEQUENCE"}
    assert all("end of input" in fault.reason_en and "120" not in fault.reason_en for fault in faults)
    assert (reassembler.held, reassembler.cut_off()) == (0, [])


def test_a_flawed_segment_refuses_its_document_with_that_flaw():
    reassembler = Reassembler(1000)
    first, second, third = segments(1, b"a", b"b", b"c")
    reassembler.add(first, NOW)
    assert reassembler.add(second, NOW, FramingFault("BAD_CHECKSUM", "坏", "bad", second)) is None
    assert refusal(reassembler, third).symbol == "BAD_CHECKSUM"


def test_a_segment_must_hold_something():
    with pytest.raises(LocalError, match="at least one byte"):
        split(request(1), 0)
