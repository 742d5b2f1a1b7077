"""The codec: what it reads, refuses and writes."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from adapters.document import Document, DocumentRefused, Header
from adapters.xml.codec import Codec
from adapters.xml.writers import Unwritable
from schemas.loader import load

CATALOGUE = load()
CODEC = Codec(CATALOGUE)
ORDER = CATALOGUE.root / "samples/SubmitOrder/ok_pots_adsl_install.xml"


def order() -> Document:
    return CODEC.decode(ORDER.read_bytes())


def receipt(text: str, **body: object) -> Document:
    header = Header("CH01", "CRM00120261121093000" + "0" * 10, "CRM001", "CH0001", "025", "20261121093000")
    return Document(CATALOGUE.message("CH01"), "Receipt", header, {"code": "0001", "text": text, **body})


def link_test(text: str) -> Document:
    row = CATALOGUE.by_element("LinkTest")
    header = Header(row.code, "PF0001" + "0" * 24, "PF0001", "CRM001", "025", "20261121093000", mode="B")
    return Document(row, "LinkTest", header, {"text": text})


def refused(raw: bytes, **options: object) -> DocumentRefused:
    with pytest.raises(DocumentRefused) as caught:
        CODEC.decode(raw, **options)  # type: ignore[arg-type]
    return caught.value


def test_leaves_have_their_types_and_lists_are_lists():
    body = order().body
    assert body["priority"] == int(body["priority"])
    assert body["payment"]["paid"] in (True, False)
    assert isinstance(body["items"], list)
    assert body["items"][0]["attrs"][0]["action"] == "A"


def test_blanks_around_tokens_carry_no_meaning():
    raw = ORDER.read_bytes()
    padded = raw.replace(b"<area>020</area>", b"<area>\n  020 </area>").replace(b"<Area>020", b"<Area> 020")
    assert CODEC.decode(padded) == CODEC.decode(raw)
    one_line = CODEC.encode(CODEC.decode(raw), "UTF-8")
    for odd in (b"<area> 020</area>", b"<area>020 </area>", b"<area>&#32;020</area>", b"<area>02<!-- x -->0</area>"):
        assert CODEC.decode(one_line.replace(b"<area>020</area>", odd, 1)) == CODEC.decode(raw), odd


def test_prefixes_and_comments_are_the_senders_affair():
    raw = (
        b'<p:Package xmlns:p="urn:bss:if:package:0.9" xmlns:m="urn:bss:if:message:0.9"><p:Header><p:MessageCode>LN03'
        b"</p:MessageCode><p:Serial>1</p:Serial><p:Sender>A</p:Sender><p:Receiver>B</p:Receiver><p:Area>025</p:Area>"
        b"<p:SendTime>20261121093000</p:SendTime><p:Version>0.9</p:Version><p:Mode>B</p:Mode></p:Header><p:Body>"
        b"<m:LinkTest><m:text>a<!-- c -->b</m:text></m:LinkTest></p:Body></p:Package>"
    )
    assert CODEC.decode(raw).body == {"text": "ab"}


def test_extension_is_kept_and_handed_on():
    document = order()
    document.body["Extension"] = '<x:note xmlns:x="urn:example:x">天眼 &lt; <x:b/></x:note><other>1</other>'
    again = CODEC.decode(CODEC.encode(document, "GB18030"))
    assert "天眼 &lt; " in again.body["Extension"]
    third = CODEC.decode(CODEC.encode(again, "UTF-8"))
    assert third.body["Extension"] == again.body["Extension"]


@pytest.mark.parametrize("broken", ["<a>", "</Extension><b/>", "a & b", "<!DOCTYPE x>"])
def test_extension_must_be_well_formed(broken):
    document = order()
    document.body["Extension"] = broken
    with pytest.raises(Unwritable):
        CODEC.encode(document, "UTF-8")


def test_packet_header_must_agree():
    document = order()
    expect = {"code": "CH01", "serial": document.header.serial, "sender": document.header.sender}
    raw = ORDER.read_bytes()
    assert CODEC.decode(raw, expect=expect).row.code == "CH01"
    refusal = refused(raw, expect={**expect, "serial": "other", "area": "999"})
    assert refusal.symbol == "HEADER_DISAGREES"
    assert [fault.path for fault in refusal.faults] == ["/Package/Header/Serial", "/Package/Header/Area"]


def test_a_receipt_belongs_to_every_code():
    assert CODEC.decode(CODEC.encode(receipt("ok"), "UTF-8")).element == "Receipt"


def test_other_package_version_is_refused():
    raw = ORDER.read_bytes().replace(b"urn:bss:if:package:0.9", b"urn:bss:if:package:8.0")
    assert refused(raw).symbol == "VERSION_UNSUPPORTED"


def test_unknown_version_and_code_come_before_other_faults():
    raw = ORDER.read_bytes().replace(b"<area>", b"<colour/><area>", 1)
    assert refused(raw.replace(b"<Version>0.9<", b"<Version>3.1<")).symbol == "VERSION_UNSUPPORTED"
    assert refused(raw.replace(b"<MessageCode>CH01<", b"<MessageCode>ZZ01<")).symbol == "MESSAGE_UNKNOWN"
    assert refused(raw.replace(b"<MessageCode>CH01<", b"<MessageCode>zz<")).symbol == "SCHEMA_FAULTS"


def test_a_package_without_a_body_is_explained():
    raw = ORDER.read_bytes()
    refusal = refused(raw[: raw.index(b"<Body>")] + b"</Package>")
    assert [(fault.path, fault.rule) for fault in refusal.faults] == [("/Package/Body", "missing")]


def test_no_package_at_all_has_a_fault():
    refusal = refused(b"<Foo/>")
    assert refusal.symbol == "SCHEMA_FAULTS"
    assert refusal.faults[0].path == "/Foo"
    assert refusal.header is None


def test_all_faults_at_once_with_paths():
    raw = (CATALOGUE.root / "samples/SubmitOrder/bad_several_faults.xml").read_bytes()
    refusal = refused(raw)
    assert {(fault.path, fault.rule, fault.found) for fault in refusal.faults} >= {
        ("/Package/Body/SubmitOrder/customer/type", "enumeration", "9"),
        ("/Package/Body/SubmitOrder/items/item[2]/product", "length", ""),
        ("/Package/Body/SubmitOrder/payment/paid", "type", "yes"),
    }
    assert all(fault.zh and fault.en for fault in refusal.faults)
    assert refusal.header is not None
    assert refusal.header.code == "CH01"


def test_a_number_too_long_to_read_is_a_fault():
    raw = ORDER.read_bytes()
    start = raw.index(b"<amount>") + len(b"<amount>")
    assert refused(raw[:start] + b"0" * 5000 + raw[start:]).symbol == "SCHEMA_FAULTS"


def test_quick_header_of_a_torso():
    raw = ORDER.read_bytes()
    header = CODEC.quick_header(raw[:700])
    assert header is not None
    assert (header.code, header.serial) == (order().header.code, order().header.serial)
    assert CODEC.quick_header(b"\xff\xfe\x00") is None
    assert CODEC.quick_header(b"<MessageCode>OH01</MessageCode>") is None


def test_undecodable_bytes_keep_their_header():
    refusal = refused(ORDER.read_bytes().replace("宽带".encode(), b"\xff\xff", 1).replace(b"<area>", b"<area>\x80", 1))
    assert refusal.symbol == "CHARSET_UNDECODABLE"
    assert refusal.header is not None


def test_unknown_and_missing_fields_are_said():
    document = order()
    document.body["colour"] = "red"
    with pytest.raises(LookupError, match="colour"):
        CODEC.encode(document, "UTF-8")
    document = order()
    del document.body["items"][0]["product"]
    with pytest.raises(LookupError, match="SubmitOrder/items/item/product"):
        CODEC.encode(document, "UTF-8")


@pytest.mark.parametrize(
    ("field", "value"), [("priority", "5"), ("priority", True), ("pre_accept", "true"), ("items", {}), ("contact", "x")]
)
def test_wrong_types_are_said(field, value):
    document = order()
    document.body[field] = value
    with pytest.raises(Unwritable, match=field):
        CODEC.encode(document, "UTF-8")


def test_fields_travel_in_the_schemas_order():
    document = order()
    shuffled = copy.deepcopy(document)
    shuffled.body = dict(reversed(document.body.items()))
    assert CODEC.encode(shuffled, "UTF-8") == CODEC.encode(document, "UTF-8")


def test_an_empty_optional_list_is_left_out():
    document = order()
    document.body["reservations"] = []
    assert "reservations" not in CODEC.decode(CODEC.encode(document, "UTF-8")).body


@pytest.mark.parametrize("sign", ["\x00", "\x0b", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_characters_xml_forbids_are_refused(sign):
    with pytest.raises(Unwritable, match=f"U\\+{ord(sign):04X}"):
        CODEC.encode(link_test(f"a{sign}b"), "UTF-8")


def test_no_line_feed_in_an_encoded_document():
    assert b"\n" not in CODEC.encode(link_test("one\ntwo\tthree\r\n"), "GB18030")


def test_other_envelopes_use_bodies():
    document = order()
    element = etree.fromstring(CODEC.body_text(document))
    assert CODEC.decode_body(element, document.header) == document
    with pytest.raises(DocumentRefused) as caught:
        CODEC.decode_body(element, Header("OH01", "1", "A", "B"))
    assert caught.value.symbol == "HEADER_DISAGREES"
    with pytest.raises(DocumentRefused) as caught:
        CODEC.decode_body(element, Header("CH01", "1", "A", "B", version="7.0"))
    assert caught.value.symbol == "VERSION_UNSUPPORTED"
    element.remove(element[0])
    with pytest.raises(DocumentRefused) as caught:
        CODEC.decode_body(element, document.header)
    assert caught.value.symbol == "SCHEMA_FAULTS"


def test_unknown_charset_or_version_to_write():
    with pytest.raises(LookupError, match="utf-7"):
        CODEC.encode(order(), "utf-7")
    document = order()
    document.header.version = "7.0"
    with pytest.raises(LookupError, match=r"7\.0"):
        CODEC.encode(document, "UTF-8")
    with pytest.raises(LookupError, match=r"7\.0"):
        CODEC.body_text(document)


LEGAL = st.characters(blacklist_categories=("Cs",), blacklist_characters=[chr(n) for n in range(32) if n not in (9, 10, 13)]
                      + ["\ufffe", "\uffff"])  # fmt: skip
RARE = st.sampled_from("㐀𠮷䶮龦〇𠂇𡗗ḿ︐龴\ue78d\ue816\ue7c7\ue5e5€ᡀ\U0001f600<>&\"']")


@settings(max_examples=150, deadline=None)
@given(text=st.text(LEGAL | RARE, max_size=200), charset=st.sampled_from(["UTF-8", "GB18030", "GBK", "GB2312"]))
def test_any_legal_text_survives_every_charset(text, charset):
    raw = CODEC.encode(link_test(text), charset)
    assert CODEC.decode(raw, charset).body == {"text": text}
