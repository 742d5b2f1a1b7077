"""Hostile bytes on every layout: documented ends, nothing lost or doubled, bounded, however they are cut (spec 01.1.3)."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wire.errors import BAD_CHECKSUM, BAD_LENGTH, NOT_AUTHENTICATED, SEGMENT_SEQUENCE, TOO_LARGE, FramingFault
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.session import Arrived, Close, Event, Refused, Session, SessionSettings, Unmatched
from schemas.model import LayoutField
from tests.adapters.wire.wire_samples import answer, describe, request, row

ROWS = {
    path.name.removesuffix(".toml"): row(path.name.removesuffix(".toml"))
    for path in sorted(resources.files("schemas").joinpath("layouts").iterdir(), key=lambda one: one.name)
}
"""Every layout there is, so that a new one is tried, too."""
EVERY = {name: Layout(one) for name, one in ROWS.items()}
SEGMENTED = tuple(name for name, layout in EVERY.items() if layout.carries("more"))
MEASURED = tuple(name for name, layout in EVERY.items() if layout.carries("length"))
T = 1_795_000_000_000
LIMIT = 700
LIMITS = SessionSettings(max_packet=LIMIT, max_document=2_000, sender="PF0001", receiver="CRM001")
ONE_PACKET = {BAD_CHECKSUM, SEGMENT_SEQUENCE, TOO_LARGE, NOT_AUTHENTICATED}
WHOLE_STREAM = {BAD_LENGTH, TOO_LARGE, SEGMENT_SEQUENCE}
steady = settings(max_examples=20, derandomize=True, deadline=None)


def said_inside(body: bytes) -> Packet:
    """What a document says of itself; nothing where it cannot be read."""
    try:
        return describe(body)
    except ValueError:
        return Packet(body)


def encoded(layout: Layout, packet: Packet) -> bytes:
    """A packet under a serial its header can hold."""
    width = layout.width("serial")
    return layout.encode(replace(packet, serial=packet.serial[-width:]) if width else packet)


def document(layout: Layout, number: int) -> bytes:
    """A good packet unlike any other."""
    return encoded(layout, request(number, b"<a>%d</a>" % number))


def greeting(layout: Layout) -> bytes:
    """What must come first where who connects registers."""
    return encoded(layout, Packet(b"", Kind.REGISTER, serial="0")) if layout.registers else b""


def heard(layout: Layout, pieces: Iterable[bytes]) -> tuple[list[Event], bytes]:
    """Everything a session says of a stream, and everything it answers."""
    session, events, output = Session(layout, LIMITS, T, said_inside), [], b""
    for piece in pieces:
        events += session.receive(piece, T)
        output += session.to_send()
    return events, output


def cut(data: bytes, points: Iterable[int]) -> list[bytes]:
    edges = [0, *sorted(min(point, len(data)) for point in points), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


def told(events: list[Event]) -> list[Any]:
    """Events without the bytes a reason quotes: of a wrong magic one sees what has come."""
    return [(one.reason_symbol, one.en.partition(" is wrong: ")[0]) if isinstance(one, Close) else one for one in events]


def spoiled(field: LayoutField, size: int) -> st.SearchStrategy[bytes]:
    """What may stand in a field of a wrong header: other digits, signs, blanks, no text at all, a length off by one."""
    width = field.width
    fixed = [b"0", b"9", b"-", b"+", b" ", b"\0", b"\xff", b"\x80", b"_"]
    wrong = [one * width for one in fixed] + [(one + b"1" * width)[:width] for one in fixed]
    if field.role == "length":
        lengths = [size + off for off in (-1, 1, -size, LIMIT, LIMIT * 100)]
        wrong += [_length(field, max(0, length)) for length in lengths]
    return st.one_of(st.sampled_from(wrong), st.binary(min_size=width, max_size=width))


def _length(field: LayoutField, value: int) -> bytes:
    """A length as the field writes it; as much of it as there is room for."""
    if field.kind == "binary-be":
        return value.to_bytes(8, "big")[-field.width :]
    if field.kind == "binary-le":
        return value.to_bytes(8, "little")[: field.width]
    return b"%0*d" % (field.width, min(value, 10**field.width - 1))


def with_field(data: bytes, field: LayoutField, content: bytes) -> bytes:
    return data[: field.offset] + content + data[field.offset + field.width :]


def said_length(name: str, data: bytes) -> int:
    field = next(field for field in ROWS[name].fields if field.role == "length")
    part = data[field.offset : field.offset + field.width]
    return int.from_bytes(part, "big" if field.kind == "binary-be" else "little") if field.kind[0] == "b" else int(part)


@st.composite
def hostile(draw: st.DrawFn, name: str) -> bytes:
    """A stream of good packets, spoiled ones, pieces of some and noise."""
    layout, parts = EVERY[name], []
    kinds = [Kind.REQUEST, Kind.REPLY, Kind.RECEIPT, *([Kind.HEARTBEAT] if layout.heartbeats else [])]
    if layout.registers:
        kinds += [Kind.REGISTER, Kind.READY, Kind.NEXT, Kind.HEARTBEAT_REPLY]
    for _ in range(draw(st.integers(1, 5))):
        body = draw(st.sampled_from([b"", b"<a/>", b"x" * 90]))
        made = request(draw(st.integers(1, 3)), body, kind=draw(st.sampled_from(kinds)))
        if layout.carries("more"):
            made = replace(made, more=draw(st.booleans()), segment=draw(st.integers(0, 3)))
        good = encoded(layout, made)
        what = draw(st.sampled_from(["good", "field", "bit", "short", "long", "noise"]))
        if what == "field" and ROWS[name].fields:
            field = draw(st.sampled_from(ROWS[name].fields))
            size = said_length(name, good) if field.role == "length" else 0
            good = with_field(good, field, draw(spoiled(field, size)))
        elif what == "bit":
            at = draw(st.integers(0, len(good) * 8 - 1))
            good = good[: at // 8] + bytes([good[at // 8] ^ 1 << at % 8]) + good[at // 8 + 1 :]
        elif what == "short":
            good = good[: draw(st.integers(0, len(good)))]
        elif what == "long":
            good += good[: draw(st.integers(0, len(good)))]
        elif what == "noise":
            good = draw(st.binary(max_size=60)) * draw(st.sampled_from([1, 1, 15]))
        parts.append(good)
    return b"".join(parts)


@pytest.mark.parametrize("name", EVERY)
@steady
@given(data=st.data())
def test_hostile_streams_end_in_documented_ways_and_the_same_however_cut(name, data):
    layout = EVERY[name]
    stream = greeting(layout) * data.draw(st.booleans()) + data.draw(hostile(name))
    whole, output = heard(layout, [stream])
    points = data.draw(st.lists(st.integers(0, len(stream)), max_size=9))
    for pieces in (cut(stream, points), [stream[at : at + 1] for at in range(len(stream))]):
        events, answers = heard(layout, pieces)
        assert (told(events), answers) == (told(whole), output)
    assert all(isinstance(event, Arrived | Refused | Unmatched | Close) for event in whole if type(event).__name__ != "Ready")
    assert all(event.symbol in ONE_PACKET and event.zh and event.en for event in whole if isinstance(event, Refused))
    closes = [event for event in whole if isinstance(event, Close)]
    assert closes in ([], whole[-1:])
    assert all(one.reason_symbol in WHOLE_STREAM and one.zh and one.en and one.abort for one in closes)


@pytest.mark.parametrize("name", EVERY)
@steady
@given(data=st.data())
def test_what_came_before_the_bad_bytes_is_neither_lost_nor_doubled(name, data):
    layout, count = EVERY[name], data.draw(st.integers(1, 4))
    good = greeting(layout) + b"".join(document(layout, 100 + number) for number in range(count))
    stream = good + data.draw(hostile(name))
    events, _ = heard(layout, cut(stream, data.draw(st.lists(st.integers(0, len(stream)), max_size=6))))
    arrived, _ = heard(layout, [good])
    assert [type(event) for event in arrived] == [Arrived] * count
    assert events[:count] == arrived
    assert not any(event in arrived for event in events[count:])


@pytest.mark.parametrize("name", EVERY)
def test_bad_bytes_behind_a_good_packet_split_at_every_byte(name):
    layout = EVERY[name]
    good = greeting(layout) + document(layout, 1)
    bad = b"x" * (LIMIT + 1) if layout.delimiter else b"\xff" * max(8, layout.header_size)
    expected, _ = heard(layout, [good + bad])
    assert [type(event) for event in expected] == [Arrived, Close]
    for point in range(len(good) + 12):
        events, _ = heard(layout, [(good + bad)[:point], (good + bad)[point:]])
        assert told(events) == told(expected)


@pytest.mark.parametrize("name", [name for name in EVERY if ROWS[name].fields])
def test_each_bit_of_each_header_field(name):
    """The packet before arrives, and a connection that is closed is told which field was wrong."""
    layout = EVERY[name]
    before, packet, behind = greeting(layout) + document(layout, 1), document(layout, 2), document(layout, 3)
    for field in ROWS[name].fields:
        for at in range(field.offset * 8, (field.offset + field.width) * 8):
            flipped = packet[: at // 8] + bytes([packet[at // 8] ^ 1 << at % 8]) + packet[at // 8 + 1 :]
            events, _ = heard(layout, [before + flipped + behind])
            assert isinstance(events[0], Arrived)
            assert b"<a>1</a>" in events[0].packet.body
            close = events[-1]
            if isinstance(close, Close) and close.reason_symbol == BAD_LENGTH and field.role != "length":
                assert f"header field {field.name} " in close.en or "the answer's body is wrong" in close.en
            elif isinstance(close, Close):
                assert field.role in ("length", "kind"), close


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("content", [b"-", b"+", b" ", b"_", b"x"])
def test_a_length_is_digits_and_nothing_else(name, content):
    field = next(field for field in ROWS[name].fields if field.role == "length")
    if field.kind.startswith("binary"):
        content, wanted = b"\xff" * field.width, TOO_LARGE
    else:
        content, wanted = content + b"1" * (field.width - 1), BAD_LENGTH
    layout = EVERY[name]
    events, _ = heard(layout, [greeting(layout) + document(layout, 1) + with_field(document(layout, 2), field, content)])
    arrived, close = events
    assert isinstance(arrived, Arrived)
    assert isinstance(close, Close)
    assert close.reason_symbol == wanted
    assert (f"header field {field.name} is wrong" if wanted == BAD_LENGTH else f"the limit of {LIMIT}") in close.en


@pytest.mark.parametrize("name", EVERY)
@steady
@given(data=st.data())
def test_what_is_held_and_done_is_bounded_by_the_limit_and_the_bytes(name, data):
    """However a stream is cut: no more than one packet waits, and a byte costs a bounded number of calls."""
    framer, calls = Framer(EVERY[name], LIMIT), 0
    stream = data.draw(hostile(name))
    pieces = data.draw(st.sampled_from([[stream], [stream[at : at + 1] for at in range(len(stream))]]))

    def counted(frame: object, event: str, arg: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        for piece in [*pieces, b""]:
            try:
                framer.feed(piece)
            except FramingFault as fault:
                if fault.packet is None:
                    assert framer.pending == 0
                    break
            assert framer.pending <= LIMIT or len(pieces) == 1
    finally:
        sys.setprofile(None)
    assert calls <= 200 + 60 * len(stream)


Segment = tuple[int, int, bool, bytes]
"""Document, number, whether more follow, body."""


def put_together(segments: list[Segment], fetched: bool) -> list[tuple[int, bytes | None]]:
    """Documents as they should arrive; None for what is refused. ``fetched``: a refusal need not wait for the last."""
    open_: dict[int, list[bytes] | None] = {}
    found: list[tuple[int, bytes | None]] = []
    for which, number, more, body in segments:
        bodies = open_.setdefault(which, [])
        if bodies is not None:
            open_[which] = bodies = [*bodies, body] if number == len(bodies) + 1 else None
        if not more or (fetched and bodies is None):
            del open_[which]
            found.append((which, None if bodies is None else b"".join(bodies)))
    return found


@pytest.mark.parametrize("name", SEGMENTED)
@steady
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.booleans(), st.binary(max_size=20)), max_size=12),
    st.lists(st.integers(0, 2_000), max_size=6),
)
def test_interleaved_segments_and_wrong_numbers(name, segments, points):
    layout = EVERY[name]
    stream = greeting(layout) + b"".join(
        encoded(layout, request(which, body, more=more, segment=number)) for which, number, more, body in segments
    )
    events, _ = heard(layout, cut(stream, points))
    seen = [(int(one.packet.serial[-2:]), one.packet.body if isinstance(one, Arrived) else None) for one in events]
    assert seen == put_together(segments, layout.pages)
    assert all(one.symbol == SEGMENT_SEQUENCE and "segment " in one.en for one in events if isinstance(one, Refused))


def test_what_stands_behind_a_fault_in_the_same_bytes_is_not_answered():
    """A wrong "get next" ends the connection: segments behind it fetch nothing more, as if they had come later."""
    layout = EVERY["dc-64"]
    wrong = encoded(layout, Packet(b"", Kind.NEXT, serial="7", segment=2))
    pieces = [greeting(layout), wrong, encoded(layout, request(1, b"<a", more=True))]
    whole, together = heard(layout, [b"".join(pieces)])
    apart, later = heard(layout, pieces)
    assert whole == apart
    assert [event.reason_symbol for event in whole if isinstance(event, Close)] == [SEGMENT_SEQUENCE]
    assert together == later


def test_answers_nobody_asked_for_are_told_and_change_nothing():
    for name in ("ctif-128", "ascii-145"):
        layout = EVERY[name]
        events, output = heard(layout, [encoded(layout, answer(request(9)))] * 3)
        assert [type(event) for event in events] == [Unmatched] * 3
        assert output == b""
