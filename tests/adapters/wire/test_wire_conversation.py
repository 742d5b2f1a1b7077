"""Two sessions in conversation over a stream that is cut anywhere: both sides see everything exactly once."""

import random
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wire.packet import Kind, Packet
from adapters.wire.session import Answered, Arrived, Event, Ready, Session, SessionSettings
from tests.adapters.wire.wire_samples import LAYOUTS, NAMES, answer, describe, described, request

T = 1_795_000_000_000
SETTINGS = SessionSettings(sender="CRM001", receiver="PF0001", segment=0)


@dataclass
class Side:
    session: Session
    inbox: bytearray = field(default_factory=bytearray)
    arrived: list[Packet] = field(default_factory=list)
    answered: list[tuple[str, bytes]] = field(default_factory=list)

    def take(self, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Arrived):
                self.arrived.append(event.packet)
            elif isinstance(event, Answered):
                self.answered.append((event.serial, event.packet.body))
            elif not isinstance(event, Ready):
                raise AssertionError(event)


def dressed(name: str, packet: Packet) -> Packet:
    """Where the header does not say everything the body says it."""
    return packet if name == "ctif-128" else replace(packet, body=described(packet))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=40)
@given(st.integers(0, 1 << 32))
def test_a_pair_converses(name, seed):
    draw = random.Random(seed)
    layout, now = LAYOUTS[name], T
    limits = replace(SETTINGS, segment=50 if layout.carries("more") else 0)
    here, there = (Side(Session(layout, replace(limits, dialled=dialled), now, describe)) for dialled in (True, False))
    there.inbox += here.session.to_send()
    asked = {here.session: 0, there.session: 0}
    count = draw.randint(1, 6)
    pairs = [(here, there), (there, here)]
    while True:
        moves = []
        for side, other in pairs:
            if asked[side.session] < count and side.session.can_send:
                moves.append(("ask", side, other))
            if side.arrived and side.session.owed:
                moves.append(("answer", side, other))
            if side.inbox:
                moves.append(("read", side, other))
        if not moves:
            break
        move, side, other = draw.choice(moves)
        now += draw.randint(0, 10)
        if move == "ask":
            number = asked[side.session]
            asked[side.session] += 1
            system = "CRM001" if side is here else "PF0001"
            body = draw.randbytes(draw.randint(0, 120)).replace(b"\n", b" ")
            kind = draw.choice([Kind.REQUEST, Kind.NOTIFICATION])
            side.session.send(dressed(name, request(number, body, system, kind=kind)), now)
        elif move == "answer":
            owed = [packet for packet in side.arrived if packet.result != "answered"]
            packet = draw.choice(owed)
            packet.result = "answered"
            side.session.reply(dressed(name, answer(packet, b"ok", kind=Kind.REPLY)), now)
        else:
            size = draw.randint(1, len(side.inbox))
            piece = bytes(side.inbox[:size])
            del side.inbox[:size]
            side.take(side.session.receive(piece, now))
        other.inbox += side.session.to_send()
    for side, other in pairs:
        assert len(side.arrived) == count
        assert sorted(serial for serial, _ in other.answered) == sorted(packet.serial for packet in side.arrived)
        assert (side.session.outstanding, side.session.owed) == (0, 0)


def test_a_document_nobody_can_describe_still_arrives():
    session = Session(LAYOUTS["len4-be"], SETTINGS, T, describe)
    (event,) = session.receive(LAYOUTS["len4-be"].encode(Packet(b"not a package")), T)
    assert event == Arrived(Packet(b"not a package"))


def test_body_only_layouts_have_no_heartbeats():
    session = Session(LAYOUTS["newline"], SETTINGS, T, describe)
    assert session.next_deadline() == T + 300_000
