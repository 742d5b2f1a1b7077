"""Layouts from rows: golden bytes both ways, every kind of field, misfits, what is no header (spec 01.1.1, 01.1.2)."""

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.errors import FramingFault, LocalError
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from schemas.model import LayoutField, LayoutRow
from tests.adapters.wire.wire_samples import CTIF, LAYOUTS, request, row

BODY = "<订单>张示例 㐀 𠮷</订单>".encode("gb18030")
GOLDEN = (
    b"CTIF09" + b"%08d" % (128 + len(BODY)) + b"0OH01  CRM001PF0001025   CRM001202611210930000000000007"
    b"20261121093000AG00001" + b"0000" + b"000000" + b"%08X" % zlib.crc32(BODY) + b" " * 20
)

CTIF_KINDS = next(field for field in row("ctif-128").fields if field.role == "kind").values
text = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=6)
packets = st.builds(
    Packet,
    body=st.binary(max_size=300),
    kind=st.sampled_from([kind for kind in Kind if kind.value in CTIF_KINDS]),
    code=text,
    sender=text,
    receiver=text,
    area=text,
    serial=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=30),
    send_time=st.from_regex(r"[0-9]{14}", fullmatch=True),
    mode=st.sampled_from("AB"),
    charset=st.sampled_from(["GB18030", "UTF-8"]),
    more=st.booleans(),
    segment=st.integers(0, 9999),
    result=st.from_regex(r"[0-9]{4}", fullmatch=True),
    ttl=st.integers(0, 999999),
)


def test_golden_bytes_are_written():
    assert CTIF.encode(request(7, BODY)) == GOLDEN + BODY


def test_golden_bytes_are_read():
    packet, total = CTIF.decode_header(GOLDEN)
    assert total == 128 + len(BODY)
    assert replace(packet, body=BODY) == request(7, BODY)
    assert packet.checksum == f"{zlib.crc32(BODY):08X}"


@given(packets)
def test_what_is_written_reads_the_same(packet):
    data = CTIF.encode(packet)
    read, total = CTIF.decode_header(memoryview(data))
    assert total == len(data)
    assert replace(read, body=packet.body) == packet
    assert CTIF.verify(replace(read, body=packet.body), allow_unchecked=False) is None


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"serial": "x" * 31}, "serial"),
        ({"code": "TOOLONG"}, "message_code"),
        ({"sender": "张示例"}, "sender"),
        ({"area": "02\n5"}, "area"),
        ({"segment": 10000}, "segment"),
        ({"ttl": -1}, "ttl"),
        ({"ttl": 1000000}, "ttl"),
        ({"charset": "UTF-16"}, "charset"),
        ({"mode": "C"}, "mode"),
        ({"kind": None}, "kind"),
        ({"result": "00000"}, "result_code"),
    ],
)
def test_what_does_not_fit_is_ours_and_named(fields, named):
    with pytest.raises(LocalError, match=f"field {named} "):
        CTIF.encode(request(1, **fields))


@pytest.mark.parametrize(
    ("offset", "wire", "named"),
    [
        (0, b"CTIE", "magic"),
        (4, b"08", "version"),
        (6, b"+0000132", "total_length"),
        (6, b"0000_132", "total_length"),
        (6, b"     132", "total_length"),
        (6, b"-0000001", "total_length"),
        (6, "１３".encode("gb18030") + b"0132", "total_length"),
        (14, b"7", "kind"),
        (15, b"\xd5\xc501  ", "message_code"),
        (83, b" ", "mode"),
        (84, b"X", "charset"),
        (85, b"2", "more"),
        (86, b"   1", "segment"),
        (94, b"+00001", "ttl"),
        (100, b"0x12345 ", "checksum"),
        (100, b"1234567 ", "checksum"),
    ],
)
def test_a_header_that_is_none_is_refused_by_field(offset, wire, named):
    head = GOLDEN[:offset] + wire + GOLDEN[offset + len(wire) :]
    assert len(head) == 128
    with pytest.raises(FramingFault, match=f"field {named} ") as refused:
        CTIF.decode_header(head)
    assert refused.value.symbol == "BAD_LENGTH"
    assert refused.value.packet is None


@pytest.mark.parametrize("length", [0, 1, 127])
def test_a_length_below_the_header_is_refused(length):
    with pytest.raises(FramingFault, match="below the header's 128") as refused:
        CTIF.decode_header(GOLDEN[:6] + b"%08d" % length + GOLDEN[14:])
    assert refused.value.symbol == "BAD_LENGTH"


def test_roles_are_known_by_name():
    assert CTIF.carries("serial")
    assert CTIF.carries("more")
    assert CTIF.width("serial") == 30
    assert CTIF.heartbeats
    assert not LAYOUTS["len4-be"].carries("serial")
    assert LAYOUTS["len4-be"].width("serial") == 0
    assert not LAYOUTS["newline"].heartbeats


def test_a_body_only_length_counts_the_body():
    assert LAYOUTS["len4-be"].encode(Packet(b"abc")) == b"\0\0\0\3abc"


def test_a_line_cannot_hold_its_delimiter():
    with pytest.raises(LocalError, match="delimiter"):
        LAYOUTS["newline"].encode(Packet(b"a\nb"))


def field(name: str, offset: int, width: int, **rest: object) -> LayoutField:
    return LayoutField(name, offset, width, **rest)  # type: ignore[arg-type]


def layout(*fields: LayoutField, **rest: object) -> Layout:
    size = sum(each.width for each in fields)
    return Layout(LayoutRow("sample", "样例", "", "header", size, fields, **rest))  # type: ignore[arg-type]


MIXED = layout(
    field("magic", 0, 4, role="magic", constant="`DC`"),
    field("last", 4, 1, role="more", values={"more": "0", "last": "1"}),
    field("type", 5, 1, role="kind", values={"heartbeat": "0", "heartbeat_reply": "0", "request": "3", "reply": "4"}),
    field("len", 6, 4, kind="binary-le", role="length"),
    field("txn", 10, 4, kind="binary-be", role="serial"),
    field("group", 14, 6, kind="decimal", pad=" ", role="segment"),
    field("life", 20, 4, kind="hex", pad="0", role="ttl"),
    field("user", 24, 8, pad="\0"),
    field("code", 32, 5, pad="*", role="code", values={"OH01": "NEW"}),
    field("check", 37, 4, kind="binary-be", role="checksum"),
    field("state", 41, 4, kind="decimal", pad="0", role="result"),
    length_counts="rest",
)


def test_every_kind_of_field_is_written_and_read():
    packet = Packet(
        b"body", Kind.REPLY, "OH01", serial="000070000", segment=12, ttl=255, result="0007", more=True, extra={"user": "张示例"}
    )
    data = MIXED.encode(packet)
    user = "张示例".encode("gb18030").ljust(8, b"\0")
    rest = len(data) - 10
    assert data == (
        b"`DC`04" + rest.to_bytes(4, "little") + (70000).to_bytes(4, "big") + b"    12" + b"00FF" + user + b"NEW**"
        + zlib.crc32(b"body").to_bytes(4, "big") + b"0007" + b"body"
    )  # fmt: skip
    read, total = MIXED.decode_header(data)
    assert total == len(data)
    assert replace(read, body=b"body") == packet
    assert MIXED.verify(replace(read, body=b"body"), allow_unchecked=False) is None


def test_a_value_outside_an_open_table_passes_through():
    data = MIXED.encode(Packet(b"", Kind.REQUEST, "XX", serial="1"))
    assert data[32:37] == b"XX***"
    assert MIXED.decode_header(data)[0].code == "XX"


@pytest.mark.parametrize("odd", [b"\xff\xff", b"abc\xc4", b"\x81\x30\xff\x01", b"\x00\x01\x02\x03\xfe\xfd\xfc\xfb"])
def test_bytes_in_a_free_field_that_are_no_text_are_given_back_as_they_came(odd):
    """Only length and magic close a connection (01.1.3 rule 2): what a field of theirs means, we do not know."""
    data = bytearray(MIXED.encode(Packet(b"", Kind.REQUEST, serial="1")))
    data[24:32] = odd.ljust(8, b"\0")
    read, _ = MIXED.decode_header(data)
    assert MIXED.encode(Packet(b"", Kind.REQUEST, serial="1", extra=read.extra)) == bytes(data)


@pytest.mark.parametrize("bad", [{"serial": "x"}, {"serial": str(1 << 32)}, {"extra": {"user": "张示例示例"}}, {"result": "x"}])
def test_a_misfit_in_other_fields_is_ours(bad):
    with pytest.raises(LocalError, match="does not fit field"):
        MIXED.encode(replace(Packet(b"", Kind.REQUEST, serial="1"), **bad))


def test_a_header_can_be_the_whole_packet():
    fixed = layout(field("magic", 0, 4, role="magic", constant="`BD`"), field("query", 4, 10))
    data = fixed.encode(Packet(b"", extra={"query": "QRY"}))
    assert data == b"`BD`QRY       "
    assert fixed.decode_header(data) == (Packet(b"", extra={"query": "QRY"}), 14)
    with pytest.raises(LocalError, match="has no body"):
        fixed.encode(Packet(b"x"))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ([field("a", 1, 2)], "should start at 0"),
        ([field("a", 0, 2), field("b", 1, 2)], "should start at 2"),
        ([field("a", 0, 2, role="serial"), field("b", 2, 2, role="serial")], "played twice"),
        ([field("a", 0, 1, role="kind")], "values table"),
        ([field("a", 0, 1, role="kind", values={"demand": "0"})], "unknown value name demand"),
        ([field("a", 0, 1, role="kind", values={"request": "00"})], "does not fit"),
        ([field("a", 0, 4, role="length")], "needs a number"),
        ([field("a", 0, 7, kind="hex", role="checksum")], "8 hex digits"),
        ([field("a", 0, 1, pad="")], "not usable"),
        ([], "the fields make 0 bytes"),
    ],
)
def test_a_row_that_is_no_layout_is_refused(fields, reason):
    with pytest.raises(LocalError, match=reason):
        layout(*fields)


def test_a_delimiter_layout_has_nothing_else():
    with pytest.raises(LocalError, match="delimiter"):
        Layout(replace(row("newline"), delimiter=""))


def test_remembered_templates_are_bounded_and_right():
    layout = Layout(row("ctif-128"))
    for ttl in range(1000):
        assert layout.encode(request(1, ttl=ttl)) == CTIF.encode(request(1, ttl=ttl))
    assert len(layout._templates) <= 256


def test_a_misfit_is_not_remembered():
    layout = Layout(row("ctif-128"))
    for _ in range(2):
        with pytest.raises(LocalError, match="message_code"):
            layout.encode(request(1, code="TOOLONG"))
    assert layout.encode(request(1)) == CTIF.encode(request(1))


def test_a_percent_sign_is_a_character_like_any_other():
    packet, _ = CTIF.decode_header(CTIF.encode(request(1, code="%s%d", area="%")))
    assert (packet.code, packet.area) == ("%s%d", "%")
