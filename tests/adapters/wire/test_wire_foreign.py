"""Layouts met in the field, byte for byte, and what a conversation in them needs: pairs of serials, fetched packets,
registration, echoed heartbeats, constant serials, answers without documents (spec 01.1.2)."""

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.errors import FramingFault, LocalError
from adapters.wire.layout import Layout
from adapters.wire.outlet import Outlet
from adapters.wire.packet import Kind, Packet
from adapters.wire.pairs import KEPT, Pairs
from adapters.wire.session import Answered, Arrived, Close, Ready, Refused, Session, SessionSettings, TimedOut, Unmatched
from schemas.model import LayoutField
from tests.adapters.wire.wire_samples import LAYOUTS, answer, describe, described, request, row, serial

T = 1_795_000_000_000
SETTINGS = SessionSettings(sender="CRM001", receiver="PF0001", area="025")
ASCII, DC, BD = LAYOUTS["ascii-145"], LAYOUTS["dc-64"], LAYOUTS["bd-272"]
BODY = "<a>张示例</a>".encode("gb18030")

GOLDEN = {
    "ascii-145": (
        b"0100" + b"0000000158" + b"%08X" % zlib.crc32(BODY) + b"CRM1" + b"    " + b"OH01        " + b"0"
        + b"CRM001202611210930000000000007  " + b"20261121093000" + b"0000" + b" " * 32 + b"0" + b"001" + b" " * 16
    ),
    "dc-64": b"`DC`" + b"01" + b"1" + b"3" + b"0013" + b"OH01  " + b"0000000007" + b"000001" + b"000060" + b"CRM001  "
             + b"PF0001  " + b"        ",
    "len4-le": b"\x0d\0\0\0",
    "len4-be": b"\0\0\0\x0d",
    "ascii-len-8": b"00000013",
}  # fmt: skip


def asked(name: str) -> Packet:
    number = serial(7) if name == "ascii-145" else "0000000007"
    extra = {"client_flag": "CRM1"} if name == "ascii-145" else {}
    return request(7, BODY, serial=number, ttl=60 if name == "dc-64" else 0, extra=extra)


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_headers(name):
    assert len(BODY) == 13
    data = LAYOUTS[name].encode(asked(name))
    assert data == GOLDEN[name] + BODY
    read, total = LAYOUTS[name].decode_header(data)
    assert total == len(data)
    assert read.code in ("OH01", "")


def test_a_fixed_query_frame_both_ways():
    ask = Packet(b"ORDER=SO1", Kind.REQUEST, "QRY:ORDER", "CH0001", serial="42", password="pw")
    data = BD.encode(ask)
    head = b"`BD`0" + b"QRY:ORDER      " + b"CH0001    " + b"pw        " + b"42".ljust(16) + b" " * 16
    assert data == head + b"ORDER=SO1".ljust(200)
    read, total = BD.decode_header(data)
    assert (total, read.body, read.password) == (272, b"ORDER=SO1", "pw")
    said = BD.encode(replace(ask, kind=Kind.REPLY, body=b"<whatever/>", result="3003"))
    assert said[72:].rstrip() == b"RETN=03003"
    assert BD.decode_header(said)[0].result == "3003"
    with pytest.raises(FramingFault, match="the answer's body is wrong"):
        BD.decode_header(said.replace(b"RETN=0", b"RTN = "))
    with pytest.raises(LocalError, match="does not fit field body of 200 bytes"):
        BD.encode(replace(ask, body=b"x" * 201))


def test_keep_is_a_heartbeat_whichever_way_it_goes():
    beat = ASCII.encode(Packet(b"", Kind.HEARTBEAT, serial="1", send_time="20261121093000"))
    assert (beat[30:42], beat[42:43]) == (b"keep        ", b"0")
    back = ASCII.encode(Packet(b"", Kind.HEARTBEAT_REPLY, serial="1", send_time="20261121093000"))
    assert (back[30:42], back[42:43]) == (b"keep        ", b"1")
    assert [ASCII.decode_header(data)[0].kind for data in (beat, back)] == [Kind.HEARTBEAT, Kind.HEARTBEAT_REPLY]


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=30))
def test_words_for_people_are_cut_on_characters_by_bytes(text):
    data = ASCII.encode(request(1, b"", kind=Kind.RECEIPT, text=text))
    field = data[93:125]
    shown = field.rstrip(b" ").decode("gb18030")
    assert text.startswith(shown)
    whole = text.encode("gb18030")
    assert shown.rstrip(" ") == text.rstrip(" ") if len(whole) <= 32 else len(field.rstrip(b" ")) <= 32


def test_words_a_peer_cut_within_a_character_are_read_as_far_as_they_go():
    data = ASCII.encode(request(1, b"", kind=Kind.RECEIPT, text="好" * 16))
    broken = data[:93] + b"x" + data[93:124] + data[125:]
    assert ASCII.decode_header(broken)[0].text.startswith("x" + "好" * 15)


@pytest.mark.parametrize(
    ("counts", "adds", "said"), [("packet", 0, 23), ("packet", -4, 19), ("body", 0, 13), ("rest", 0, 17), ("rest", 2, 19)]
)
def test_any_length_convention(counts, adds, said):
    fields = (
        LayoutField("before", 0, 2),
        LayoutField("length", 2, 4, kind="hex", pad="0", role="length"),
        LayoutField("after", 6, 4),
    )
    made = Layout(replace(row("len4-be"), header_size=10, fields=fields, length_counts=counts, length_adds=adds))
    data = made.encode(Packet(BODY))
    assert data[2:6] == b"%04X" % said
    assert made.decode_header(data)[1] == len(data)


# Serials in pairs


@given(st.lists(st.integers(0, 10**10 - 1), unique=True, max_size=40), st.sampled_from([2, 4, 6, 9, 10, 20]))
def test_every_document_has_a_number_of_its_own_and_keeps_it(numbers, width):
    pairs = Pairs(width)
    serials = [serial(number) for number in numbers]
    wires = [pairs.issue(one) for one in serials]
    assert len(set(wires)) == len(wires)
    assert {len(wire) for wire in wires} <= {width}
    assert [pairs.issue(one) for one in serials] == wires
    assert [pairs.ours(wire) for wire in wires] == serials


def test_the_number_is_the_end_of_the_serial_so_a_repeat_after_a_restart_has_the_same():
    assert Pairs(10).issue(serial(4711)) == Pairs(10).issue(serial(4711)) == "0000004711"


def test_old_pairs_make_room():
    pairs = Pairs(10)
    for number in range(KEPT + 5):
        pairs.issue(serial(number))
    assert pairs.ours("0000000004") is None
    assert pairs.ours("0000000005") == serial(5)


def pair(layout: Layout = DC, **changes: object) -> tuple[Session, Session]:
    """This side, which dialled, and the peer's, past registration."""
    here = Session(layout, replace(SETTINGS, dialled=True, **changes), T, describe)  # type: ignore[arg-type]
    there = Session(layout, replace(SETTINGS, sender="PF0001", receiver="CRM001", **changes), T, describe)  # type: ignore[arg-type]
    assert there.receive(here.to_send(), T) == []
    here.receive(there.to_send(), T)
    return here, there


def full(number: int, body: bytes = b"<a/>", system: str = "CRM001") -> Packet:
    packet = request(number, body, system)
    return replace(packet, body=described(packet))


def test_documents_keep_their_serials_and_packets_carry_narrow_ones():
    here, there = pair()
    here.send(full(7), T)
    wire = here.to_send()
    assert wire[18:28] == b"0000000007"
    (arrived,) = there.receive(wire, T)
    assert isinstance(arrived, Arrived)
    assert arrived.packet.serial == serial(7)
    there.reply(answer(arrived.packet), T)
    back = there.to_send()
    assert back[18:28] == b"0000000007"
    (answered,) = here.receive(back, T + 5)
    assert isinstance(answered, Answered)
    assert (answered.serial, answered.packet.serial) == (serial(7), serial(7))


def test_both_sides_may_use_one_number_at_a_time():
    here, there = pair()
    here.send(full(7), T)
    there.send(full(7, system="PF0001"), T)
    (asked_there,), (asked_here,) = there.receive(here.to_send(), T), here.receive(there.to_send(), T)
    here.reply(answer(asked_here.packet), T)
    there.reply(answer(asked_there.packet), T)
    (done_there,), (done_here,) = there.receive(here.to_send(), T), here.receive(there.to_send(), T)
    assert (done_here.serial, done_there.serial) == (serial(7), serial(7, "PF0001"))


def test_a_document_nobody_can_read_is_answered_under_the_number_it_came():
    _, there = pair()
    layout_request = request(3, b"\xff\xff garbage", serial="0000000042")
    (arrived,) = there.receive(DC.encode(layout_request), T)
    assert arrived.packet.serial == "0000000042"
    there.reply(answer(arrived.packet), T)
    assert there.to_send()[18:28] == b"0000000042"


# Packets fetched one by one


def test_a_long_document_leaves_packet_by_packet_as_it_is_fetched():
    here, there = pair()
    here.send(full(1, b"x" * 20_000), T)
    first = here.to_send()
    assert (len(first), first[6:7], first[28:34]) == (8064, b"0", b"000001")
    assert there.receive(first, T) == []
    fetch = there.to_send()
    assert (fetch[7:8], fetch[18:28], fetch[28:34]) == (b"5", b"0000000001", b"000002")
    assert here.receive(fetch, T) == []
    assert there.receive(here.to_send(), T) == []
    assert here.receive(there.to_send(), T) == []
    (arrived,) = there.receive(here.to_send(), T)
    assert arrived.packet.body.endswith(b"x" * 20_000)
    there.reply(replace(answer(arrived.packet), body=b"y" * 9_000), T)
    assert here.receive(there.to_send(), T) == []
    assert there.receive(here.to_send(), T) == []
    (answered,) = here.receive(there.to_send(), T)
    assert answered.packet.body == b"y" * 9_000
    assert here._outlet.paged == there._outlet.paged == 0


def test_packets_about_the_connection_bear_the_free_fields_of_the_row():
    """Registration, heartbeats and what fetches the next packet, as every packet of ours; an answer gives the peer's back."""
    here = Session(DC, replace(SETTINGS, dialled=True, header={"stream": "CRM-A"}), T, describe)
    there = Session(DC, replace(SETTINGS, sender="PF0001"), T, describe)
    register = here.to_send()
    there.receive(register, T)
    ready = there.to_send()
    assert (register[7:8], register[56:64], ready[7:8], ready[56:64]) == (b"1", b"CRM-A   ", b"6", b"CRM-A   ")
    here.receive(ready, T)
    there.speaks_with({"stream": "PF-B"})
    there.send(full(1, b"x" * 9_000), T)
    here.receive(there.to_send(), T)
    fetch = here.to_send()
    assert (fetch[7:8], fetch[56:64]) == (b"5", b"CRM-A   ")
    for one, stream in ((here, b"CRM-A   "), (there, b"PF-B    ")):
        one.timeout(T + 60_000)
        beat = one.to_send()
        assert (beat[7:8], beat[56:64]) == (b"0", stream)


def test_reading_on_prolongs_the_wait_for_the_answer():
    here, there = pair()
    here.send(full(1, b"x" * 20_000), T, T + 15_000)
    there.receive(here.to_send(), T)
    assert here.receive(there.to_send(), T + 14_000) == []
    assert here.timeout(T + 16_000) == []
    assert here.timeout(T + 29_000) == [TimedOut(serial(1))]
    assert here._outlet.paged == 0


def test_pages_nobody_fetches_are_dropped_in_time():
    here, there = pair(idle_ms=600_000, heartbeat_ms=600_000)
    here.send(full(1), T)
    (arrived,) = there.receive(here.to_send(), T)
    there.reply(replace(answer(arrived.packet), body=b"y" * 9_000), T)
    assert there._outlet.paged == 1_064
    there.to_send()
    assert there.next_deadline() == T + 120_000
    there.timeout(T + 120_000)
    assert there._outlet.paged == 0


def test_an_early_answer_ends_the_fetching():
    here, there = pair()
    here.send(full(1, b"x" * 20_000), T)
    there.receive(here.to_send(), T)
    there.reply(Packet(b"", Kind.RECEIPT, "OH01", "PF0001", "CRM001", serial="0000000001"), T)
    events = here.receive(there.to_send(), T)
    assert [type(event) for event in events] == [Answered]
    assert here._outlet.paged == 0


def test_a_wrong_packet_refuses_the_document_at_once():
    _, there = pair()
    head = request(1, b"x" * 100, serial="0000000001", more=True)
    assert there.receive(DC.encode(head), T) == []
    (refused,) = there.receive(DC.encode(replace(head, segment=3)), T)
    assert isinstance(refused, Refused)
    assert refused.symbol == "SEGMENT_SEQUENCE"
    assert there.owed == 1


@pytest.mark.parametrize("segment", [1, 3, 9])
def test_fetching_what_is_not_due_is_a_fault_of_the_peers(segment):
    here, there = pair()
    here.send(full(1, b"x" * 20_000), T)
    there.receive(here.to_send(), T)
    there.to_send()
    events = here.receive(DC.encode(Packet(b"", Kind.NEXT, "OH01", "PF0001", serial="0000000001", segment=segment)), T)
    assert isinstance(events[-1], Close)
    assert (events[-1].reason_symbol, events[-1].abort) == ("SEGMENT_SEQUENCE", True)


def test_two_documents_of_one_number_are_fetched_one_after_the_other():
    outlet = Outlet(DC, SETTINGS)
    ours = request(1, b"a" * 9_000, serial="0000000001")
    outlet.write(ours, T)
    outlet.write(replace(ours, kind=Kind.REPLY, body=b"b" * 9_000), T)
    assert len(outlet.take()) == 8064
    assert outlet.next_page("0000000001", 2, T)
    data = outlet.take()
    assert (data[7:8], data[6:7]) == (b"3", b"1")
    second = data[64 + 1_000 :]
    assert (second[7:8], second[6:7], second[28:34]) == (b"4", b"0", b"000001")
    assert outlet.next_page("0000000001", 2, T)
    assert not outlet.next_page("0000000001", 3, T)
    assert outlet.paged == 0


def test_pages_that_wait_take_room_from_new_documents_but_never_stop_reading():
    here, _ = pair(high_water=12_000)
    here.send(full(1, b"x" * 30_000), T)
    here.to_send()
    assert not here.can_send
    assert not here.congested


def test_what_waits_to_be_fetched_is_bounded():
    outlet = Outlet(DC, replace(SETTINGS, max_document=10_000))
    replies = [request(n, b"a" * 9_000, kind=Kind.REPLY, serial=f"{n:010d}") for n in range(1, 13)]
    for reply in replies[:-1]:
        outlet.write(reply, T)
    with pytest.raises(LocalError, match="wait to be fetched already"):
        outlet.write(replies[-1], T)
    assert outlet.paged < 20_000
    outlet.expire(T + 120_000)
    outlet.write(request(41, b"a" * 9_000, kind=Kind.REPLY, serial="0000000041"), T)


# Registration and login


def test_who_connects_registers_and_waits_for_ready():
    here = Session(DC, replace(SETTINGS, dialled=True), T, describe)
    there = Session(DC, replace(SETTINGS, sender="PF0001"), T, describe)
    register = here.to_send()
    assert (register[7:8], register[40:46]) == (b"1", b"CRM001")
    assert not here.can_send
    with pytest.raises(LocalError, match="registration or login"):
        here.send(full(1), T)
    assert there.receive(register, T) == []
    ready = there.to_send()
    assert ready[7:8] == b"6"
    assert here.receive(ready, T) == [Ready()]
    assert here.receive(ready, T) == []
    assert (here.can_send, there.can_send) == (True, True)


def test_a_document_before_registration_is_refused_and_registration_has_a_limit():
    there = Session(DC, SETTINGS, T, describe)
    (refused,) = there.receive(DC.encode(request(1, serial="0000000001")), T)
    assert (refused.symbol, there.owed) == ("NOT_AUTHENTICATED", 1)
    assert there.next_deadline() == T + 10_000
    (close,) = there.timeout(T + 10_000)
    assert (close.reason_symbol, close.abort) == ("LOGIN", True)


def test_a_login_goes_first_and_does_not_use_up_a_short_connection():
    layout = LAYOUTS["ctif-128"]
    here = Session(layout, replace(SETTINGS, dialled=True, login=True, long=False), T)
    assert not here.can_send
    here.send(request(1), T, T + 5_000, greeting=True)
    (answered,) = here.receive(layout.encode(answer(request(1), kind=Kind.REPLY)), T)
    assert (answered.serial, here.over) == (serial(1), False)
    here.admit()
    assert here.can_send
    here.send(request(2), T)
    events = here.receive(layout.encode(answer(request(2))), T)
    assert [type(event) for event in events] == [Answered, Close]


# Heartbeats without replies of their own


def test_an_echoed_heartbeat_is_not_echoed_again():
    here, there = pair()
    here.timeout(T + 60_000)
    beat = here.to_send()
    assert beat[7:8] == b"0"
    there.receive(beat, T + 60_000)
    echo = there.to_send()
    assert echo[18:28] == beat[18:28]
    here.receive(echo, T + 60_000)
    assert here.to_send() == b""
    assert here._heartbeats.unanswered == 0


@given(st.lists(st.sampled_from(["here asks", "there asks", "here reads", "there reads"]), max_size=40))
def test_crossing_heartbeats_come_to_rest(moves):
    here, there = pair()
    wires = {"here": b"", "there": b""}
    now = T
    for move in [*moves, *(["here reads", "there reads"] * 60)]:
        name, what = move.split()
        side, other = (here, "there") if name == "here" else (there, "here")
        if what == "asks":
            now += 60_000
            side.timeout(now)
        else:
            data, wires[name] = wires[name], b""
            side.receive(data, now)
        wires[other] += side.to_send()
    assert wires == {"here": b"", "there": b""}


# Serials that say nothing


CONSTANT = Layout(
    replace(
        row("len4-be"),
        header_size=9,
        fields=(
            LayoutField("length", 0, 4, kind="binary-be", role="length"),
            LayoutField("kind", 4, 1, role="kind", values={"request": "Q", "reply": "A"}),
            LayoutField("serial", 5, 4, role="serial", constant="0000"),
        ),
    )
)


def test_with_a_constant_serial_one_document_waits_at_a_time_and_the_answer_is_its():
    here = Session(CONSTANT, replace(SETTINGS, window=32), T)
    here.send(request(1), T)
    assert not here.can_send
    with pytest.raises(LocalError, match="window of 1 is full"):
        here.send(request(2), T)
    (answered,) = here.receive(CONSTANT.encode(Packet(b"<r/>", Kind.REPLY)), T)
    assert answered.serial == serial(1)
    (late,) = here.receive(CONSTANT.encode(Packet(b"<r/>", Kind.REPLY)), T)
    assert isinstance(late, Unmatched)
