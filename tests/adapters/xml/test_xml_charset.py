"""Charset rules of spec 01.2 rule 2 and the GB 18030-2022 table."""

from __future__ import annotations

import pytest
from lxml import etree

from adapters.xml.charset import (
    Undecodable,
    decode_gb18030,
    encode_document,
    encode_field,
    encode_gb18030,
    known,
    read,
)

HAN = "<a>张示例，路é1号</a>"
PURE = "<a>张示例，路１号（南京）</a>"

# double-byte code -> character of GB 18030-2022 where CPython yields a private-use character
TWO_BYTES = {
    "A6D9": 0xFE10, "A6DA": 0xFE12, "A6DB": 0xFE11, "A6DC": 0xFE13, "A6DD": 0xFE14, "A6DE": 0xFE15, "A6DF": 0xFE16,
    "A6EC": 0xFE17, "A6ED": 0xFE18, "A6F3": 0xFE19, "A8BC": 0x1E3F, "FE51": 0x20087, "FE52": 0x20089, "FE53": 0x200CC,
    "FE59": 0x9FB4, "FE61": 0x9FB5, "FE66": 0x9FB6, "FE67": 0x9FB7, "FE6C": 0x215D7, "FE6D": 0x9FB8, "FE76": 0x2298F,
    "FE7E": 0x9FB9, "FE90": 0x9FBA, "FE91": 0x241FE, "FEA0": 0x9FBB,
}  # fmt: skip
BEYOND = {"FE51", "FE52", "FE53", "FE6C", "FE76", "FE91"}


def declared(name: str, text: str, codec: str) -> bytes:
    return f'<?xml version="1.0" encoding="{name}"?>{text}'.encode(codec)

DOTTED = "<a>买买提·吐尔逊</a>"


@pytest.mark.parametrize(
    ("raw", "charset", "found", "rule", "wrong"),
    [
        (PURE.encode(), None, "UTF-8", "utf-8", ()),
        (PURE.encode(), "GB18030", "UTF-8", "utf-8", ("GB18030",)),
        (declared("GBK", PURE, "utf-8"), "UTF-8", "UTF-8", "utf-8", ("GBK",)),
        (PURE.encode("gb18030"), "GB18030", "GB18030", "transport", ()),
        (PURE.encode("gb18030"), "UTF-8", "GB18030", "fallback", ("UTF-8",)),
        (declared("GB2312", PURE, "gb18030"), None, "GB2312", "declaration", ()),
        (declared("UTF-8", PURE, "gbk"), None, "GB18030", "fallback", ("UTF-8",)),
        (declared("UTF-8", PURE, "gbk"), "GBK", "GBK", "transport", ("UTF-8",)),
        (HAN.encode(), "UTF-8", "UTF-8", "transport", ()),
        (declared("UTF-8", HAN, "utf-8"), None, "UTF-8", "declaration", ()),
        (DOTTED.encode(), "GB18030", "UTF-8", "utf-8", ("GB18030",)),
        (declared("GBK", DOTTED, "utf-8"), "GB18030", "UTF-8", "utf-8", ("GB18030", "GBK")),
        (DOTTED.encode("gbk"), "GBK", "GBK", "transport", ()),
        ("<a>25℃±2°×3÷2，§3</a>".encode(), None, "UTF-8", "utf-8", ()),
        ("<a>·</a>".encode(), "UTF-8", "UTF-8", "transport", ()),
        (b"\xef\xbb\xbf" + PURE.encode(), "GB18030", "UTF-8", "bom", ("GB18030",)),
        (b"\xff\xfe" + PURE.encode("utf-16-le"), None, "UTF-16LE", "bom", ()),
        (b"\xfe\xff" + declared("UTF-16", PURE, "utf-16-be"), "UTF-8", "UTF-16BE", "bom", ("UTF-8",)),
        (b"\x84\x31\x95\x33" + PURE.encode("gb18030"), None, "GB18030", "bom", ()),
        (b"<a>plain</a>", "GB18030", "GB18030", "utf-8", ()),
        (declared("utf-7", "<a>b</a>", "ascii"), None, "UTF-8", "utf-8", ("utf-7",)),
        (declared("big5", PURE, "gb18030"), None, "GB18030", "fallback", ("big5",)),
    ],
)
def test_which_rule_fires(raw, charset, found, rule, wrong):
    reading = read(raw, charset)
    assert (reading.charset, reading.rule, reading.wrong) == (found, rule, wrong)
    assert etree.fromstring(reading.data, etree.XMLParser(encoding="utf-8")).text


def test_text_is_the_same_whatever_the_charset():
    wanted = PURE.encode()
    for raw in (PURE.encode(), PURE.encode("gbk"), b"\xff\xfe" + PURE.encode("utf-16-le")):
        assert read(raw).data == wanted


@pytest.mark.parametrize("name", ["木买·买仁", "阿克哈德·买斯力努", "买买提·吐尔逊", "卓玛·次仁"])
@pytest.mark.parametrize("label", ["GB18030", "GBK", None])
def test_names_with_a_dot_are_taken_for_utf_8_whatever_the_label(name, label):
    """By their bytes some of them are good GB18030, too."""
    assert read(f"<a>{name}</a>".encode(), label).data == f"<a>{name}</a>".encode()


@pytest.mark.parametrize("word", ["联通", "路", "路路路", "虏路", "掳", "电信", "张示例", "南京市鼓楼区", "用户", "姹", "鍗"])
def test_short_gbk_words_are_not_taken_for_utf_8(word):
    assert read(f"<a>{word}</a>".encode("gbk"), "GB18030").data == f"<a>{word}</a>".encode()


@pytest.mark.parametrize("raw", [b"<a>\xff\xff</a>", b"<a>\xd5</a>", b"\xff\xfe\x00\xd8", b"\xef\xbb\xbf<a>\xd5\xc5</a>"])
def test_undecodable_is_said(raw):
    with pytest.raises(Undecodable):
        read(raw, "UTF-8")


@pytest.mark.parametrize(("code", "point"), TWO_BYTES.items())
def test_the_25_codes_both_directions(code, point):
    raw = bytes.fromhex(code)
    assert decode_gb18030(raw) == chr(point)
    if code not in BEYOND:
        assert encode_gb18030(chr(point)) == raw
    assert decode_gb18030(encode_gb18030(chr(point))) == chr(point)


def test_private_use_character_that_changed_places_with_1e3f():
    assert decode_gb18030(bytes.fromhex("8135F437")) == "\ue7c7"
    assert encode_gb18030("\ue7c7") == bytes.fromhex("8135F437")


def test_private_use_without_a_code_becomes_a_reference_in_xml_and_an_error_elsewhere():
    assert encode_document("<a>\ue78d</a>", "GB18030") == b"<a>&#xE78D;</a>"
    with pytest.raises(UnicodeEncodeError):
        encode_gb18030("\ue78d")


def test_decoding_agrees_with_libxml2_on_every_double_byte_code():
    codes = [bytes((lead, trail)) for lead in range(0x81, 0xFF) for trail in (*range(0x40, 0x7F), *range(0x80, 0xFF))]
    document = b'<?xml version="1.0" encoding="GB18030"?><a>' + b"|".join(codes) + b"</a>"
    theirs = (etree.fromstring(document).text or "").split("|")
    assert [decode_gb18030(code) for code in codes] == theirs


@pytest.mark.parametrize(
    ("charset", "raw"),
    [
        ("GBK", b"<a>&#13312;&#134071;\xd5\xc5</a>"),
        ("gb2312", b"<a>&#13312;&#134071;\xd5\xc5</a>"),
        ("GB18030", "<a>㐀𠮷张</a>".encode("gb18030")),
        ("utf8", "<a>㐀𠮷张</a>".encode()),
    ],
)
def test_outside_the_charset_is_a_reference_never_a_question_mark(charset, raw):
    assert encode_document("<a>㐀𠮷张</a>", charset) == raw


def test_fields_without_references_fail_loudly():
    assert encode_field("张", "GBK") == b"\xd5\xc5"
    with pytest.raises(UnicodeEncodeError):
        encode_field("㐀", "GBK")
    for write in (encode_field, encode_document):
        with pytest.raises(LookupError):
            write("a", "latin-1")


def test_known_names():
    assert [known(name) for name in ("utf8", "CP936", " gb2312 ", "GB18030", "utf-7", "iso-8859-1", "utf-16")] == [
        "UTF-8", "GBK", "GB2312", "GB18030", None, None, None,
    ]  # fmt: skip


ALL_TWO_BYTES = [bytes((lead, trail)) for lead in range(0x81, 0xFF) for trail in (*range(0x40, 0x7F), *range(0x80, 0xFF))]


def test_every_double_byte_code_comes_back_as_it_was():
    """All 23,940; the six whose characters lie beyond the BMP come back in the four bytes of the 2022 table."""
    changed = {code.hex().upper() for code in ALL_TWO_BYTES if encode_gb18030(decode_gb18030(code)) != code}
    assert changed == BEYOND
    assert all(len(encode_gb18030(decode_gb18030(bytes.fromhex(code)))) == 4 for code in BEYOND)
    assert len({decode_gb18030(code) for code in ALL_TWO_BYTES}) == len(ALL_TWO_BYTES)


def test_every_character_comes_back_from_gb18030():
    """The whole BMP and every ideograph beyond, samples of the rest; not the private-use characters that lost their code."""
    private = [*range(0xE78D, 0xE797), 0xE81E, 0xE826, 0xE82B, 0xE82C, 0xE832, 0xE843, 0xE854, 0xE864]
    lost = {*private, 0xE816, 0xE817, 0xE818, 0xE831, 0xE83B, 0xE855}
    points = [*range(0x80, 0xD800), *range(0xE000, 0x10000), *range(0x20000, 0x323B0), *range(0x10000, 0x110000, 307)]
    text = "".join(chr(point) for point in points if point not in lost)
    assert decode_gb18030(encode_gb18030(text)) == text


@pytest.mark.parametrize(
    ("first", "end", "step"), [(b"\x81\x30\x81\x30", 39_420, 7), (b"\x90\x30\x81\x30", 1_048_576, 211)]
)
def test_sampled_four_byte_codes_come_back_and_agree_with_libxml2(first, end, step):
    codes = [shifted(first, offset) for offset in range(0, end, step)]
    texts = [decode_gb18030(code) for code in codes]
    assert all(len(text) == 1 for text in texts)
    again = [encode_gb18030(text) for text in texts]
    assert [code for code, back in zip(codes, again, strict=True) if code != back and len(back) == 4] == []
    xml = [code for code, text in zip(codes, texts, strict=True) if is_xml(text)]
    document = b'<?xml version="1.0" encoding="GB18030"?><a>' + b"|".join(xml) + b"</a>"
    theirs = (etree.fromstring(document).text or "").split("|")
    assert [decode_gb18030(code) for code in xml] == theirs


def shifted(first: bytes, offset: int) -> bytes:
    """The four-byte code ``offset`` places behind ``first``."""
    one, two, three, four = first
    linear = ((one - 0x81) * 10 + (two - 0x30)) * 1260 + (three - 0x81) * 10 + (four - 0x30) + offset
    linear, four = divmod(linear, 10)
    linear, three = divmod(linear, 126)
    one, two = divmod(linear, 10)
    return bytes((0x81 + one, 0x30 + two, 0x81 + three, 0x30 + four))


def is_xml(text: str) -> bool:
    return ord(text) not in (0xFFFE, 0xFFFF) and not 0x7F <= ord(text) < 0xA0


@pytest.mark.parametrize("charset", ["UTF-8", "GB18030", "GBK", "GB2312"])
@pytest.mark.parametrize(
    "name", ["\u3400", "\U00020087", "\U00020bb7", "\u4dae", "\u9fa6", "\U000323af", "\u1e3f", "\ue7c7", "〇"]
)
def test_rare_characters_survive_every_charset_of_a_document(name, charset):
    raw = encode_document(f'<?xml version="1.0" encoding="{charset}"?><a>张{name}</a>', charset)
    assert b"?" not in raw.removeprefix(b"<?xml").replace(b"?>", b"", 1)
    data = read(raw, charset).data
    assert etree.fromstring(data, etree.XMLParser(encoding="utf-8")).text == f"张{name}"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_wide_characters_without_a_mark_are_no_document(encoding):
    """Nothing says what they are; whatever rule fires, what comes out is no XML, never somebody else's text."""
    try:
        data = read(PURE.encode(encoding), "UTF-8").data
    except Undecodable:
        return
    with pytest.raises(etree.XMLSyntaxError):
        etree.fromstring(data, etree.XMLParser(encoding="utf-8"))


@pytest.mark.parametrize("rest", [b"\xd5", b"\x81\x30", b"\x81\x30\x81"])
@pytest.mark.parametrize("label", ["GB18030", "GBK", "UTF-8"])
def test_a_character_cut_off_is_undecodable(rest, label):
    with pytest.raises(Undecodable):
        read("<a>张示例".encode("gb18030") + rest, label)
