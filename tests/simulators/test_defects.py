"""Seeded defects: what each kind of flaw changes, and that nothing else is touched (spec 07.7)."""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

import pytest

from adapters.wire.packet import Kind, Packet
from adapters.wire.settings import SessionSettings
from simulators.brain import Meta, Reaction, Send
from simulators.defects import decisions, documents, stream
from simulators.defects.flaw import Flaw
from simulators.defects.seeded import DEFECTS, Defects, FlawedBrain
from simulators.settings import PeerSettings

META = Meta("CRM001", "CRM001202601010000000000000001")
BODY = b'<?xml version="1.0" encoding="UTF-8"?><Package><Serial>S1</Serial><text>a|b</text></Package>'


class _Echo:
    """A brain that reports what it heard."""

    role = "PF"
    codes = ("OH01",)

    def on_document(self, code: str, body: dict, meta: Meta, now: int) -> Reaction:
        return Reaction(sends=[Send("OH02", body), Send("OH07", body)])


def _framed(body: bytes, kind: bytes = b"0", serial: bytes = b"S" * 30, segment: bytes = b"0001", more: bytes = b"0") -> bytes:
    head = b"CTIF09%08d" % (128 + len(body)) + kind + b"LN03  CRM001PF0001025   " + serial + b"20260101000000A" + b"U"
    return head + more + segment + b"0000" + b"000000" + b"%08X" % crc32(body) + b" " * 20 + body


def _sent(flaw: Flaw, code: str = "OH01", body: dict | None = None) -> list[str]:
    brain = FlawedBrain(_Echo(), [flaw])
    return [send.code for send in brain.on_document(code, body or {"service_order_id": "1"}, META, 0).sends]


def test_there_are_enough_of_them_each_with_its_words() -> None:
    assert len(DEFECTS) >= 60
    for row in DEFECTS.values():
        assert row.zh
        assert row.en
        assert isinstance(row.make(), Flaw)


def test_a_host_without_defects_changes_nothing() -> None:
    none, packet, brain = Defects(), Packet(BODY, serial="S1"), _Echo()
    assert none.brain(brain) is brain
    assert none.heard(packet) is packet
    assert none.answered(packet, packet) is packet
    assert none.sent(packet) is packet
    assert none.limits(limits := SessionSettings()) is limits
    assert none.arriving(data := _framed(BODY)) is data
    assert none.wire(data) is data
    assert none.peer(peer := PeerSettings("CRM001", "CRM")) is peer
    assert none.late_ms == 0


@pytest.mark.parametrize(
    ("flaw", "codes"),
    [
        (decisions.Twice("OH02"), ["OH02", "OH02", "OH07"]),
        (decisions.Forgets("OH02"), ["OH07"]),
        (decisions.Forgets("OH02", lambda body: "other" in body), ["OH02", "OH07"]),
        (decisions.Swallows("OH01"), []),
        (decisions.Swallows("OH01", then=lambda body, meta: Send("OH14", body)), ["OH14"]),
        (decisions.Refuses("OH01", "LOCKED", "service_order_id"), []),
        (decisions.Refuses("OH01", "LOCKED", "service_order_id", 2), ["OH02", "OH07"]),
        (decisions.Also("OH01", lambda body, meta: Send("CN02", body)), ["OH02", "OH07", "CN02"]),
        (decisions.After("OH02", decisions.always, lambda send: Send("OH08", send.body)), ["OH02", "OH07", "OH08"]),
    ],
)
def test_what_a_flawed_brain_says(flaw: Flaw, codes: list[str]) -> None:
    assert _sent(flaw) == codes


def test_other_messages_are_left_alone() -> None:
    for flaw in (decisions.Twice("OH08"), decisions.Swallows("CN01"), decisions.Hears("CN01", decisions.without("version"))):
        assert _sent(flaw) == ["OH02", "OH07"]


def test_a_delay_a_reference_and_a_change_of_one_message() -> None:
    send = [Send("OH02", {"version": 1}, ref_serial="R")]
    assert decisions.Delays("OH02", 500).sends(send)[0].after_ms == 500
    assert decisions.Refers("OH02", None).sends(send)[0].ref_serial is None
    assert decisions.Alters("OH02", decisions.fields(version=2)).sends(send)[0].body == {"version": 2}
    assert send[0].body == {"version": 1}


def test_a_refusal_becomes_another_or_none() -> None:
    def refused() -> Reaction:
        return Reaction.refuse("LOCKED", "IN_PROGRESS")

    other = decisions.Says("OH10", "LOCKED", "DATE_INVALID").reaction("OH10", {}, META, refused())
    assert other.refusal is not None
    assert (other.refusal.symbol, other.refusal.state) == ("DATE_INVALID", "IN_PROGRESS")
    assert decisions.Says("OH10", "LOCKED").reaction("OH10", {}, META, refused()).refusal is None
    assert decisions.Says("OH11", "LOCKED").reaction("OH10", {}, META, refused()).refusal is not None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (stream.drop("receipt"), [b"1"]),
        (stream.longer, [b"3", b"1"]),
        (stream.other_checksum, [b"3", b"1"]),
    ],
)
def test_packets_are_changed_one_by_one_and_what_is_left_stays(change: Callable[[bytes], bytes], expected: list[bytes]) -> None:
    data = _framed(b"<a/>", b"3") + _framed(b"<b/>", b"1") + b"CTIF09"
    changed = stream.Packets(change).wire(data)
    assert changed.endswith(b"CTIF09")
    assert [part[8:9] for part in changed.split(b"CTIF09")[1:-1]] == expected


def test_a_wrong_checksum_and_one_put_right() -> None:
    wrong = stream.Packets(stream.other_checksum).wire(_framed(b"<a/>"))
    assert wrong != _framed(b"<a/>")
    assert stream.Packets(coming=stream.right_checksum).arriving(wrong) == _framed(b"<a/>")


def test_one_packet_a_read() -> None:
    assert stream.OneARead().arriving(_framed(b"<a/>") + _framed(b"<b/>")) == _framed(b"<a/>")
    assert stream.OneARead().arriving(b"CTIF") == b"CTIF"


def test_segments_are_numbered_as_they_come() -> None:
    first, third = _framed(b"<a", segment=b"0001", more=b"1"), _framed(b"/>", segment=b"0003")
    assert stream.Renumbers().arriving(first + third) == first + _framed(b"/>", segment=b"0002")


def test_a_message_leaves_once_and_answers_always() -> None:
    once, message, answer = stream.Once(), _framed(b"<a/>", b"2"), _framed(b"<a/>", b"1")
    assert [once.wire(data) for data in (message, message, answer, answer)] == [message, b"", answer, answer]


def test_serials_that_are_forgotten_are_still_echoed() -> None:
    flaw, packet = documents.Rereads(), Packet(BODY, serial="S1")
    heard = [flaw.heard(packet) for _ in range(2)]
    assert heard[0].serial != heard[1].serial
    answered = flaw.answered(heard[0], Packet(heard[0].body, serial=heard[0].serial))
    assert (answered.serial, answered.body) == ("S1", BODY)


def test_codes_are_changed_in_packet_and_document() -> None:
    answer = Packet(b"<ResultCode>1003</ResultCode><code>1003</code>", Kind.RECEIPT, result="1003")
    changed = documents.recoded("1003", "2002")(answer, answer)
    assert (changed.result, changed.body) == ("2002", b"<ResultCode>2002</ResultCode><code>2002</code>")
    assert documents.recoded("1002", "2002")(answer, answer) is answer


def test_entities_are_expanded_once() -> None:
    packet = Packet(b'<!DOCTYPE P [<!ENTITY e "x">]><P>&e;</P>')
    assert documents.expands(packet).body == b"<P>x</P>"
    assert documents.no_entities(packet) is packet
    assert documents.no_entities(Packet(b"<!DOCTYPE P><P/>")).body == b"<P/>"


def test_an_element_is_left_out_of_one_message() -> None:
    packet = Packet(b"<OH02><a>1</a><b>2</b></OH02>", code="OH02")
    assert documents.Omits("OH02", "a").sent(packet).body == b"<OH02><b>2</b></OH02>"
    assert documents.Omits("OH03", "a").sent(packet) is packet
