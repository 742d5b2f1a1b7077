"""Sessions: the table is total, deadlines, matching, heartbeats, limits, the end of a connection (spec 01.1.3 to 01.1.5)."""

from dataclasses import replace

import pytest

from adapters.wire.framer import Framer
from adapters.wire.packet import Kind, Packet
from adapters.wire.session import (
    Answered,
    Arrived,
    Close,
    Event,
    HeartbeatMissed,
    LocalError,
    Lost,
    Refused,
    Session,
    SessionSettings,
    State,
    TimedOut,
    Unmatched,
)
from adapters.wire.session_table import TABLE, Action, Input
from adapters.wire.times import from_wire_time
from tests.adapters.wire.wire_samples import CTIF, LAYOUTS, answer, describe, request, serial

T = from_wire_time("20261121093000")
SETTINGS = SessionSettings(sender="CRM001", receiver="PF0001", area="025")


def session(**changes: object) -> Session:
    return Session(CTIF, replace(SETTINGS, **changes), T)  # type: ignore[arg-type]


def sent(side: Session) -> list[Packet]:
    return Framer(CTIF, 1 << 24).feed(side.to_send())


def kinds(events: list[Event]) -> list[str]:
    return [type(event).__name__ for event in events]


def closing(events: list[Event]) -> Close:
    last = events[-1]
    assert isinstance(last, Close)
    assert last.zh
    assert last.en
    return last


def test_the_table_is_total():
    assert {state: set(row) for state, row in TABLE.items()} == {state: set(Input) for state in State}


def test_nobody_comes_back():
    order = [State.OPEN, State.DRAINING, State.CLOSED]
    for state, row in TABLE.items():
        for after, action in row.values():
            assert order.index(after) >= order.index(state)
            if action is Action.ILLEGAL:
                assert after is state


# Asking and matching


def test_a_request_goes_out_and_its_receipt_is_matched():
    side = session()
    side.send(request(1), T)
    assert sent(side) == [request(1)]
    assert side.outstanding == 1
    receipt = answer(request(1))
    assert side.receive(CTIF.encode(receipt), T + 70) == [Answered(serial(1), receipt, 70)]
    assert side.outstanding == 0


def test_answers_are_matched_by_serial_not_by_order():
    side = session()
    for number in (1, 2, 3):
        side.send(request(number), T)
    data = b"".join(CTIF.encode(answer(request(number))) for number in (3, 1, 2))
    assert [event.serial for event in side.receive(data, T) if isinstance(event, Answered)] == [
        serial(3),
        serial(1),
        serial(2),
    ]


def test_an_answer_nobody_waits_for_is_unmatched():
    stray = answer(request(9))
    assert session().receive(CTIF.encode(stray), T) == [Unmatched(stray)]


def test_a_late_answer_is_unmatched():
    side = session()
    side.send(request(1), T)
    assert side.timeout(T + 14_999) == []
    assert side.timeout(T + 15_000) == [TimedOut(serial(1))]
    assert kinds(side.receive(CTIF.encode(answer(request(1))), T + 15_001)) == ["Unmatched"]


def test_each_request_has_its_own_limit():
    side = session()
    side.send(request(1), T, T + 60_000)
    side.send(request(2), T, T + 30_000)
    side.send(request(3), T)
    side.to_send()
    assert side.next_deadline() == T + 15_000
    assert side.timeout(T + 15_000) == [TimedOut(serial(3))]
    assert side.next_deadline() == T + 30_000
    assert side.timeout(T + 60_000)[:2] == [TimedOut(serial(1)), TimedOut(serial(2))]


def test_the_same_bytes_may_be_sent_again_after_the_limit():
    side = session()
    side.send(request(1), T)
    first = side.to_send()
    side.timeout(T + 15_000)
    side.send(request(1), T + 15_000)
    assert side.to_send() == first


def test_the_window_bounds_what_is_outstanding():
    side = session(window=2)
    side.send(request(1), T)
    assert side.can_send
    side.send(request(2), T)
    assert not side.can_send
    with pytest.raises(LocalError, match="window of 2"):
        side.send(request(3), T)
    side.receive(CTIF.encode(answer(request(1))), T)
    assert side.can_send


@pytest.mark.parametrize(
    ("packet", "deadline", "reason"),
    [
        (request(1), T, "already passed"),
        (answer(request(1)), None, "sent with reply"),
        (Packet(b"", Kind.HEARTBEAT), None, "sent with reply"),
        (request(7), None, "still outstanding"),
        (request(1, code="TOOLONG"), None, "message_code"),
    ],
)
def test_what_cannot_be_sent_changes_nothing(packet, deadline, reason):
    side = session()
    side.send(request(7), T)
    side.to_send()
    with pytest.raises(LocalError, match=reason):
        side.send(packet, T, deadline)
    assert (side.outstanding, side.buffered, side.state) == (1, 0, State.OPEN)


def test_a_request_is_not_a_reply():
    with pytest.raises(LocalError, match="sent with send"):
        session().reply(request(1), T)


# Being asked


def test_requests_arrive_and_are_owed_an_answer():
    side = session()
    assert side.receive(CTIF.encode(request(1)), T) == [Arrived(request(1))]
    assert side.owed == 1
    side.reply(answer(request(1)), T)
    assert sent(side) == [answer(request(1))]
    assert side.owed == 0


def test_a_serial_that_comes_again_is_delivered_again():
    """F11: whether it is a repeat or a reuse is judged where the bytes of the first are known (01.1.6)."""
    side = session()
    assert kinds(side.receive(CTIF.encode(request(1)) + CTIF.encode(request(1, b"<other/>")), T)) == ["Arrived", "Arrived"]
    assert side.owed == 1


def test_an_unknown_code_is_the_dispatchers_business():
    assert kinds(session().receive(CTIF.encode(request(1, code="ZZ99")), T)) == ["Arrived"]  # F8


def test_a_wrong_checksum_is_refused_and_the_connection_goes_on():
    side = session()
    bad = CTIF.encode(request(1))[:-1] + b"?"
    events = side.receive(CTIF.encode(request(2)) + bad + CTIF.encode(request(3)), T)
    assert kinds(events) == ["Arrived", "Refused", "Arrived"]
    refused = events[1]
    assert isinstance(refused, Refused)
    assert (refused.symbol, refused.packet.serial, refused.packet.body) == ("BAD_CHECKSUM", serial(1), b"<a/?")
    assert side.owed == 3


def test_a_flawed_answer_leaves_its_serial_outstanding():
    side = session()
    side.send(request(1), T)
    events = side.receive(CTIF.encode(answer(request(1)))[:-1] + b"?", T)
    assert kinds(events) == ["Refused"]
    assert (side.outstanding, side.owed) == (1, 0)


# Segments


def test_large_documents_travel_in_segments():
    side, peer = session(segment=100), session()
    packet = request(1, bytes(range(256)) * 4)
    side.send(packet, T)
    data = side.to_send()
    assert len(data) == 11 * 128 + 1024
    assert peer.receive(data, T) == [Arrived(packet)]
    peer.reply(answer(packet), T)
    assert kinds(side.receive(peer.to_send(), T)) == ["Answered"]


def test_a_segment_gap_is_refused_once():
    side, peer = session(segment=2), session()
    side.send(request(1, b"abcdef"), T)
    first, _, third = sent(side)
    events = peer.receive(CTIF.encode(first) + CTIF.encode(third), T)
    assert [(type(event), event.symbol) for event in events if isinstance(event, Refused)] == [(Refused, "SEGMENT_SEQUENCE")]
    assert peer.owed == 1


def test_heartbeats_may_come_between_segments():
    side, peer = session(segment=2), session()
    side.send(request(1, b"abcd"), T)
    first, second = sent(side)
    beat = Packet(b"", Kind.HEARTBEAT, sender="CRM001", receiver="PF0001", serial="HB1")
    events = peer.receive(b"".join(map(CTIF.encode, (first, beat, second))), T)
    assert events == [Arrived(request(1, b"abcd"))]
    (echo,) = sent(peer)
    assert (echo.kind, echo.serial, echo.sender, echo.receiver) == (Kind.HEARTBEAT_REPLY, "HB1", "PF0001", "CRM001")
    assert echo.send_time == "20261121093000"


def test_segments_that_do_not_end_in_time_are_refused():
    side = session(heartbeat_ms=10**9)
    side.receive(CTIF.encode(request(1, more=True)), T)
    assert side.next_deadline() == T + 120_000
    assert side.timeout(T + 119_999) == []
    assert side.owed == 0
    assert kinds(side.timeout(T + 120_000)) == ["Refused"]
    assert side.owed == 1


# Heartbeats


def test_heartbeats_follow_silence_and_three_misses_are_death():
    side = session()
    assert side.next_deadline() == T + 60_000
    assert side.timeout(T + 60_000) == []
    (beat,) = sent(side)
    assert (beat.kind, beat.code, beat.sender, beat.receiver, beat.serial) == (
        Kind.HEARTBEAT,
        "",
        "CRM001",
        "PF0001",
        "CRM001202611210931000000000001",
    )
    seen: list[Event] = []
    for minute in (2, 3, 4):
        assert side.next_deadline() == T + 60_000 * minute
        seen += side.timeout(T + 60_000 * minute)
        side.to_send()
    assert seen[:3] == [HeartbeatMissed(1), HeartbeatMissed(2), HeartbeatMissed(3)]
    assert closing(seen).reason_symbol == "HEARTBEAT"
    assert closing(seen).abort
    assert side.next_deadline() is None


def test_any_packet_answers_a_heartbeat():
    side = session()
    side.timeout(T + 60_000)
    side.to_send()
    assert kinds(side.receive(CTIF.encode(request(1)), T + 61_000)) == ["Arrived"]
    assert side.timeout(T + 120_000) == []
    assert side.timeout(T + 121_000) == []
    assert sent(side)[0].kind is Kind.HEARTBEAT


def test_heartbeats_keep_a_pair_alive_without_surfacing():
    here, there = session(), Session(CTIF, replace(SETTINGS, sender="PF0001", receiver="CRM001"), T)
    now = T
    for _ in range(40):
        now = min(deadline for deadline in (here.next_deadline(), there.next_deadline()) if deadline is not None)
        assert here.timeout(now) == []
        assert there.timeout(now) == []
        for _ in range(2):
            assert there.receive(here.to_send(), now) == []
            assert here.receive(there.to_send(), now) == []
    assert now > T + 30 * 60_000
    assert (here.state, there.state) == (State.OPEN, State.OPEN)


def test_short_connections_have_no_heartbeats():
    side = session(long=False, idle_ms=90_000)
    assert side.next_deadline() == T + 90_000


# Limits


def test_idle_closes_only_with_nothing_under_way():
    side = session(heartbeat_ms=10**9)
    side.receive(CTIF.encode(request(1)), T)
    assert side.timeout(T + 300_000) == []
    side.reply(answer(request(1)), T + 300_000)
    side.to_send()
    side.send(request(2), T + 400_000, T + 900_000)
    side.to_send()
    assert side.timeout(T + 899_999) == []
    assert side.timeout(T + 900_000) == [TimedOut(serial(2))]
    assert side.next_deadline() == T + 1_200_000
    assert side.timeout(T + 1_199_999) == []
    close = closing(side.timeout(T + 1_200_000))
    assert (close.reason_symbol, close.abort) == ("IDLE", False)


def test_a_debt_never_paid_does_not_keep_a_connection_for_ever():
    side = session(heartbeat_ms=10**9)
    side.receive(CTIF.encode(request(1)), T)
    assert side.next_deadline() == T + 600_000
    assert side.timeout(T + 600_000) == []
    assert side.owed == 0
    assert closing(side.timeout(T + 900_000)).reason_symbol == "IDLE"


def test_a_partial_packet_has_a_limit_from_its_first_byte():
    side = session()
    data = CTIF.encode(request(1))
    side.receive(data + data[:10], T + 1000)
    side.receive(data[10:20], T + 20_000)
    assert side.next_deadline() == T + 31_000
    assert side.timeout(T + 30_999) == []
    close = closing(side.timeout(T + 31_000))
    assert (close.reason_symbol, close.abort) == ("PARTIAL_PACKET", True)


def test_the_partial_limit_starts_again_with_each_packet():
    side = session()
    data = CTIF.encode(request(1))
    side.receive(data[:10], T)
    side.receive(data[10:] + data[:5], T + 29_000)
    assert side.next_deadline() == T + 59_000
    side.receive(data[5:], T + 30_000)
    assert side.timeout(T + 59_000) == []


def test_output_nobody_reads_congests_and_then_ends_the_connection():
    side = session(high_water=300)
    side.receive(b"".join(CTIF.encode(request(number)) for number in range(3)), T)
    for number in range(3):
        side.reply(answer(request(number)), T + 10)
    assert side.congested
    assert not side.can_send
    assert side.next_deadline() == T + 30_010
    close = closing(side.timeout(T + 30_010))
    assert (close.reason_symbol, close.abort) == ("WRITE_LIMIT", True)


def test_output_that_is_taken_stops_the_write_limit():
    side = session(high_water=100)
    side.send(request(1), T)
    assert side.congested
    side.to_send()
    assert not side.congested
    assert side.next_deadline() == T + 15_000
    assert side.buffered == 0


def test_a_reply_beyond_a_packet_goes_in_segments():
    side = session(max_packet=200)
    side.reply(answer(request(1), b"x" * 500), T)
    assert [len(packet.body) for packet in sent(side)] == [72] * 6 + [68]


def test_a_reply_too_large_for_its_layout_is_not_sent():
    """F13: where the layout has no segments the caller must refuse instead."""
    side = Session(LAYOUTS["len4-be"], replace(SETTINGS, max_packet=200), T, describe)
    with pytest.raises(LocalError, match="exceeds 196 a packet"):
        side.reply(answer(request(1), b"x" * 197), T)
    side.reply(answer(request(1), b"x" * 196), T)
    assert side.buffered == 200


# The end


@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n", b"CTIF08", b"CTIF0900000127"])
def test_bytes_that_are_no_packet_close_the_connection(garbage):
    side = session()
    side.send(request(5), T)
    events = side.receive(CTIF.encode(request(1)) + garbage, T)
    assert kinds(events) == ["Arrived", "Lost", "Close"]
    assert (closing(events).reason_symbol, closing(events).abort) == ("BAD_LENGTH", True)
    assert side.over
    assert side.receive(CTIF.encode(request(2)), T) == []
    assert side.closed(T) == []
    assert side.timeout(T + 10**9) == []


def test_what_is_outstanding_is_lost_with_the_connection():
    side = session()
    for number in (1, 2):
        side.send(request(number), T)
    assert side.closed(T) == [Lost(serial(1)), Lost(serial(2))]
    assert side.closed(T) == []
    for act in (side.send, side.reply):
        with pytest.raises(LocalError):
            act(request(3), T)


def test_a_connection_that_breaks_off_in_a_packet_says_so():
    side = session()
    side.send(request(1), T)
    side.receive(CTIF.encode(request(2))[:50], T)
    events = side.closed(T)
    assert kinds(events) == ["Lost", "Close"]
    assert "middle of a packet" in closing(events).en


def test_a_half_closed_peer_still_gets_its_answers():
    side = session()
    side.send(request(9), T)
    side.receive(CTIF.encode(request(1)) + CTIF.encode(request(2)), T)
    side.to_send()
    assert side.half_closed(T + 1) == [Lost(serial(9))]
    assert not side.can_send
    with pytest.raises(LocalError, match="draining"):
        side.send(request(3), T + 2)
    side.reply(answer(request(1)), T + 2)
    assert [packet.serial for packet in sent(side)] == [serial(1)]
    assert side.timeout(T + 200_000) == []
    side.reply(answer(request(2)), T + 200_000)
    assert [packet.serial for packet in sent(side)] == [serial(2)]
    assert side.next_deadline() == T + 200_000
    close = closing(side.timeout(T + 200_000))
    assert (close.reason_symbol, close.abort) == ("EOF", False)


def test_a_half_closed_peer_that_is_owed_nothing_is_closed():
    assert closing(session().half_closed(T)).reason_symbol == "EOF"


def test_a_half_close_in_a_packet_is_a_fault():
    side = session()
    side.receive(b"CTIF09", T)
    close = closing(side.half_closed(T))
    assert close.reason_symbol == "BAD_LENGTH"


def test_a_half_close_ends_unfinished_documents():
    side = session()
    side.receive(CTIF.encode(request(1, more=True)), T)
    assert kinds(side.half_closed(T)) == ["Refused"]
    side.reply(answer(request(1), result="1010"), T)
    assert [packet.result for packet in sent(side)] == ["1010"]
    assert closing(side.timeout(T)).reason_symbol == "EOF"


def test_bytes_after_the_end_are_the_shells_fault():
    side = session()
    side.receive(CTIF.encode(request(1)), T)
    side.half_closed(T)
    with pytest.raises(LocalError, match="draining"):
        side.receive(CTIF.encode(request(2)), T)


# Short connections


def test_a_short_connection_is_one_exchange():
    side = session(long=False)
    assert side.can_send
    side.send(request(1), T)
    assert not side.can_send
    events = side.receive(CTIF.encode(answer(request(1))), T + 5)
    assert kinds(events) == ["Answered", "Close"]
    assert (closing(events).reason_symbol, closing(events).abort) == ("DONE", False)


def test_a_short_exchange_without_answer_ends_too():
    side = session(long=False)
    side.send(request(1), T)
    side.to_send()
    assert kinds(side.timeout(T + 15_000)) == ["TimedOut", "Close"]


def test_a_short_connection_asked_from_the_other_side_asks_nothing():
    side = session(long=False, idle_ms=30_000)
    side.receive(CTIF.encode(request(1)), T)
    assert not side.can_send
    side.reply(answer(request(1)), T)
    side.to_send()
    assert closing(side.timeout(T + 30_000)).reason_symbol == "IDLE"
