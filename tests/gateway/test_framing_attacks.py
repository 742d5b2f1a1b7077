"""Framing attacks F1 to F16 against a listening gateway, in every layout with a header of its own (hardening, spec 01.1.3).

Each ends as specified: the connection closes with a logged reason, or the one packet is refused with its code; nothing is left
behind, nothing appears in the log as an error, and the next connection is served.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from twisted.python import log as twisted_log

from adapters.login import credentials
from adapters.wire.fields import SERIAL_DIGITS
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.pairs import Pairs
from tests.gateway.rig import CATALOGUE, CODEC, START, Rig, Wire, packet_of, receipt_for, serial, submission

HEADED = ("ctif-128", "ascii-145", "dc-64")
PREFIXED = ("len4-be", "len4-le", "ascii-len-8")
LAYOUTS = {name: Layout(CATALOGUE.layout(name)) for name in (*HEADED, *PREFIXED, "newline")}
MAX = 1 << 20
SECRET = "一个共享的密钥"


@pytest.fixture(autouse=True)
def log_without_errors() -> Iterator[None]:
    """Whatever is thrown at it, the gateway logs no error and no exception is left to nobody."""
    unhandled: list[Any] = []

    def note(event: dict[str, Any]) -> None:
        if event.get("isError"):
            unhandled.append(event.get("failure") or event.get("message"))

    twisted_log.addObserver(note)
    with structlog.testing.capture_logs() as lines:
        yield
    twisted_log.removeObserver(note)
    assert unhandled == []
    assert [line for line in lines if line["log_level"] in ("error", "critical")] == []


def rig_of(layout: str, **peer: Any) -> Rig:
    channel = {"id": "CH0001", "role": "channel", "listen": "s", "layout": layout} | peer
    return Rig((channel, {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s"}), layout=layout)


def calling(rig: Rig, layout: str) -> Wire:
    """A connection, registered where the layout wants that."""
    wire = rig.caller(LAYOUTS[layout])
    if LAYOUTS[layout].registers:
        wire.send(Packet(b"", Kind.REGISTER, sender="CH0001", receiver="CRM001"))
        rig.run(0.1)
        assert wire.got.pop().kind is Kind.READY
    return wire


def packed(layout: str, raw: bytes, **fields: Any) -> Packet:
    """The packet around a document as the layout can hold it: on one line, under a serial of its width."""
    made = LAYOUTS[layout]
    packet = packet_of(raw.replace(b"\n", b"") if made.delimiter else raw, **fields)
    return Pairs(made.serial_digits).dress(packet) if 0 < made.serial_digits < SERIAL_DIGITS else packet


def framed(layout: str, raw: bytes, **fields: Any) -> bytes:
    return LAYOUTS[layout].encode(packed(layout, raw, **fields))


def code_of(answer: Packet) -> str | None:
    """The result code of an answer; not every header has it, the document does."""
    header = CODEC.quick_header(answer.body)
    return None if header is None else header.result_code


def with_length(layout: str, number: int) -> bytes:
    """A good packet whose length field says something else, or the most it can say."""
    row = CATALOGUE.layout(layout)
    field = next(one for one in row.fields if one.role == "length")
    good = framed(layout, submission(1))
    wide = 256**field.width
    match field.kind:
        case "binary-be":
            text = (number % wide).to_bytes(field.width, "big")
        case "binary-le":
            text = (number % wide).to_bytes(field.width, "little")
        case _:
            text = f"{min(number, 10**field.width - 1):0{field.width}d}".encode()
    return good[: field.offset] + text + good[field.offset + field.width :]


def served(rig: Rig, layout: str, number: int = 900) -> bool:
    """Whether a fresh connection of the peer gets its order taken."""
    (answer,) = rig.ask(calling(rig, layout), packed(layout, submission(number)))
    return code_of(answer) == "0001"


@dataclass(frozen=True)
class Attack:
    """``write`` is what comes; ``code`` the answer, None where the connection closes without one."""

    write: Callable[[str], bytes]
    code: str | None = None
    layouts: tuple[str, ...] = HEADED


def version_wrong(layout: str) -> bytes:
    row = CATALOGUE.layout(layout)
    field = next(one for one in row.fields if one.role == "version")
    good = framed(layout, submission(1))
    return good[: field.offset] + b"9" * field.width + good[field.offset + field.width :]


def unknown_code(layout: str) -> bytes:
    raw = submission(1).replace(b"<MessageCode>CH01<", b"<MessageCode>ZZ99<")
    return framed(layout, raw, code="ZZ99")


def half_a_character(layout: str) -> bytes:
    raw = submission(1).decode().replace('encoding="UTF-8"', 'encoding="GB18030"').encode("gb18030")
    return framed(layout, raw + b"\xd5", charset="GB18030")


def bad_checksum(layout: str) -> bytes:
    good = framed(layout, submission(1))
    return good[:-2] + bytes([good[-2] ^ 1]) + good[-1:]


ATTACKS = {
    "F1 length 0": Attack(lambda name: with_length(name, 0), layouts=("ctif-128", "ascii-145")),
    "F1 length 0, the body alone": Attack(lambda name: framed(name, b""), "1001", ("dc-64",)),
    "F2 length -1": Attack(lambda name: with_length(name, -1), layouts=(*HEADED, *PREFIXED)),
    "F3 length 2^31": Attack(lambda name: with_length(name, 1 << 31), layouts=(*HEADED, *PREFIXED)),
    "F4 the limit and one": Attack(
        lambda name: with_length(name, 8001 if name == "dc-64" else MAX + 1), layouts=(*HEADED, *PREFIXED)
    ),
    "F4 a line beyond the limit": Attack(lambda name: b"x" * (MAX + 1), layouts=("newline",)),
    "F8 an unknown message": Attack(unknown_code, "1003"),
    "F10 a wrong version": Attack(version_wrong),
    "F14 half a character": Attack(half_a_character, "1005", (*HEADED, *PREFIXED, "newline")),
    "F15 no packet at all": Attack(lambda name: b"GET / HTTP/1.1\r\nHost: crm\r\n\r\n" * 8, layouts=(*HEADED, "len4-be")),
    "F16 a wrong checksum": Attack(bad_checksum, "1007", ("ctif-128", "ascii-145")),
}


@pytest.mark.parametrize("whole", [True, False], ids=["at once", "in crumbs"])
@pytest.mark.parametrize(("name", "layout"), [(name, layout) for name, one in ATTACKS.items() for layout in one.layouts])
def test_a_bad_packet_is_refused_or_ends_its_connection_and_no_other(name: str, layout: str, whole: bool) -> None:
    attack, rig = ATTACKS[name], rig_of(layout)
    wire, other = calling(rig, layout), calling(rig, layout)
    data = attack.write(layout)
    if whole or len(data) > 10_000:
        wire.write(data)
    else:
        for at in range(len(data)):
            wire.write(data[at : at + 1])
            rig.run(-0.049)
    rig.run(1)
    if attack.code is None:
        assert (wire.open, wire.got) == (False, [])
    else:
        (answer,) = wire.got
        assert code_of(answer) == attack.code
        assert wire.open
    assert other.open
    assert rig.one("SELECT count(*) FROM customer_order") == 0
    assert served(rig, layout)


@pytest.mark.parametrize("layout", HEADED)
def test_f5_less_than_was_declared(layout: str) -> None:
    rig = rig_of(layout)
    wire = calling(rig, layout)
    wire.write(framed(layout, submission(1))[:-7])
    rig.run(29)
    assert wire.open
    rig.run(2)
    assert (wire.open, wire.got) == (False, [])
    cut = calling(rig, layout)
    cut.write(framed(layout, submission(1))[:-7])
    cut.shut()
    rig.run(1)
    assert not cut.open
    assert rig.one("SELECT count(*) FROM message") == 0
    assert served(rig, layout)


@pytest.mark.parametrize("layout", [*HEADED, *PREFIXED, "newline"])
def test_f6_split_at_any_byte_and_f7_two_in_one(layout: str) -> None:
    rig = rig_of(layout)
    wire = calling(rig, layout)
    first, second, third = (framed(layout, submission(number)) for number in (1, 2, 3))
    for at in range(1, len(first), 211):
        wire.write(first[:at])
        rig.run(0)
        wire.write(first[at:])
        rig.run(0.1)
    answers = len(wire.got)
    assert answers == len(range(1, len(first), 211))
    assert len({one.body for one in wire.got}) == 1
    wire.write(second + third)
    rig.run(1)
    assert len(wire.got) == answers + 2
    assert rig.one("SELECT count(*) FROM customer_order") == 3


@pytest.mark.parametrize("layout", HEADED)
def test_f9_before_login_everything_is_2003(layout: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    rig = rig_of(layout, login={"required": True, "secret_file": secret})
    wire = calling(rig, layout)
    (refused,) = rig.ask(wire, packed(layout, submission(1)))
    assert code_of(refused) == "2003"
    assert rig.one("SELECT count(*) FROM message") == 0
    row = CATALOGUE.by_element("Login")
    body = credentials("CH0001", SECRET, START, b"0123456789abcdef")
    login = document(row.code, "Login", body, 77)
    (welcome,) = rig.ask(wire, packed(layout, login))
    assert (code_of(welcome), b"LoginAnswer" in welcome.body) == ("0000", True)
    (taken,) = rig.ask(wire, packed(layout, submission(1)))
    assert code_of(taken) == "0001"


def document(code: str, element: str, body: dict[str, str], number: int) -> bytes:
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in body.items())
    head = submission(number).partition(b"<Body>")[0].replace(b"<MessageCode>CH01<", f"<MessageCode>{code}<".encode())
    head = head.replace(b"<Mode>A<", b"<Mode>B<")
    return head + f'<Body><{element} xmlns="urn:bss:if:message:0.9">{fields}</{element}></Body></Package>'.encode()


@pytest.mark.parametrize("layout", HEADED)
def test_f11_a_serial_used_again_with_other_bytes(layout: str) -> None:
    rig = rig_of(layout)
    wire = calling(rig, layout)
    again = submission(2, Serial=serial(1))
    first, second = rig.ask(wire, packed(layout, submission(1)), packed(layout, again))
    assert [code_of(first), code_of(second)] == ["0001", "1009"]
    assert rig.one("SELECT count(*) FROM customer_order") == 1


@pytest.mark.parametrize("layout", HEADED)
def test_f12_an_answer_nobody_asked_for_changes_nothing(layout: str) -> None:
    rig = rig_of(layout)
    wire = calling(rig, layout)
    stray = receipt_for(packet_of(submission(5)))
    before = rig.rows("SELECT count(*) FROM history")
    narrow = packed(layout, submission(5)).serial
    assert rig.ask(wire, replace(stray, sender="CH0001", receiver="CRM001", serial=narrow)) == []
    assert wire.open
    assert rig.rows("SELECT count(*) FROM history") == before
    (taken,) = rig.ask(wire, packed(layout, submission(6)))
    assert code_of(taken) == "0001"


def test_f13_an_oversize_reply_ends_its_connection_and_the_message_is_not_lost() -> None:
    rig = rig_of("ctif-128")
    huge = rig.station("mem://pf", lambda packet: with_length("ctif-128", MAX + 1))
    rig.send("SO0250000000001")
    rig.run(2)
    assert len(huge.received) == 1
    assert not huge.wires[0].open
    huge.script = receipt_for
    rig.run(600)
    assert set(rig.out().values()) == {"DONE"}


@pytest.mark.parametrize("layout", HEADED)
def test_f15_garbage_behind_a_good_packet(layout: str) -> None:
    rig = rig_of(layout)
    wire = calling(rig, layout)
    wire.write(framed(layout, submission(1)) + b"\0\xff garbage" * 30)
    rig.run(1)
    assert not wire.open
    assert rig.one("SELECT count(*) FROM customer_order") == 1


def test_a_fixed_query_frame_gets_its_own_kind_of_answer() -> None:
    """bd-272 holds no documents: who asks in it without its envelope in the peer row is refused in its own words."""
    rig = rig_of("bd-272")
    layout = Layout(CATALOGUE.layout("bd-272"))
    wire = rig.caller(layout)
    ask = Packet(b"ORDER=SO000000000001", Kind.REQUEST, "QRY:ORDER", "CH0001", serial="42")
    (answer,) = rig.ask(wire, ask)
    assert (answer.serial, answer.code, answer.body, answer.result) == ("42", "PQ01", b"RETN=01001", "1001")
    assert wire.open


def test_a_fetch_of_a_packet_that_is_not_there_ends_the_connection() -> None:
    rig = rig_of("dc-64")
    wire = calling(rig, "dc-64")
    wire.send(Packet(b"", Kind.NEXT, "CH01", "CH0001", "CRM001", serial="0000000009", segment=2))
    rig.run(1)
    assert not wire.open
    assert served(rig, "dc-64")


def test_a_document_before_registration_is_refused() -> None:
    rig = rig_of("dc-64")
    wire = rig.caller(LAYOUTS["dc-64"])
    (answer,) = rig.ask(wire, packed("dc-64", submission(1)))
    assert code_of(answer) == "2003"
    assert rig.one("SELECT count(*) FROM customer_order") == 0
    rig.run(10)
    assert not wire.open


def test_a_part_of_a_document_nobody_continues_is_refused_after_its_time() -> None:
    rig = rig_of("dc-64", timers={"idle": 600, "heartbeat": 600})
    wire = calling(rig, "dc-64")
    first = replace(packed("dc-64", submission(1)), more=True)
    (asked,) = rig.ask(wire, first)
    assert (asked.kind, asked.segment, asked.serial) == (Kind.NEXT, 2, first.serial)
    rig.run(118)
    assert len(wire.got) == 1
    rig.run(3)
    assert code_of(wire.got[-1]) == "1010"
