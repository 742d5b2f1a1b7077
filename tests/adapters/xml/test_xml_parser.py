"""Attacks on the parser (hardening.md X1-X20): refused, at once, without touching anything outside the bytes."""

from __future__ import annotations

import contextlib
import time

import pytest

from adapters.document import DocumentRefused
from adapters.xml.codec import Codec
from adapters.xml.parser import Limits, SafeParser
from schemas.loader import load

CATALOGUE = load()
CODEC = Codec(CATALOGUE)
GOOD = (CATALOGUE.root / "samples/SubmitOrder/ok_pots_install.xml").read_bytes()
BODY = GOOD[GOOD.index(b"<Package") :]
AREA = b"<area>025</area>"
SECRET = b"file:///etc/hostname"


def swap(new: bytes, old: bytes = AREA) -> bytes:
    assert old in BODY
    return BODY.replace(old, new, 1)


def fill(count: int, piece: bytes) -> bytes:
    return swap(AREA + piece * count)


ATTACKS = {
    "x01 doctype empty": (b"<!DOCTYPE Package>" + BODY, "NOT_WELL_FORMED"),
    "x02 internal subset": (b'<!DOCTYPE Package [<!ENTITY a "025">]>' + swap(b"<area>&a;</area>"), "NOT_WELL_FORMED"),
    "x03 external": (b'<!DOCTYPE Package SYSTEM "' + SECRET + b'">' + BODY, "NOT_WELL_FORMED"),
    "x03 external entity": (
        b'<!DOCTYPE Package [<!ENTITY a SYSTEM "' + SECRET + b'">]>' + swap(b"<area>&a;</area>"),
        "NOT_WELL_FORMED",
    ),
    "x04 parameter entity": (b'<!DOCTYPE Package [<!ENTITY % p SYSTEM "' + SECRET + b'">%p;]>' + BODY, "NOT_WELL_FORMED"),
    "x05 behind comment and pi": (b"<!-- a --> <?x y?><!DOCTYPE Package>" + BODY, "NOT_WELL_FORMED"),
    "x05 entity in attribute": (swap(b'<area a="&b;">025</area>'), "NOT_WELL_FORMED"),
    "x06 entity beside cdata": (swap(b"<area><![CDATA[0]]>&b;</area>"), "NOT_WELL_FORMED"),
    "x07 xinclude": (
        swap(b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="' + SECRET + b'" parse="text"/>'),
        "SCHEMA_FAULTS",
    ),
    "x09 utf-7": (b'<?xml version="1.0" encoding="utf-7"?>+ADw-Package/+AD4-', "NOT_WELL_FORMED"),
    "x10 utf-16 without bom": (BODY.decode().encode("utf-16-le"), "NOT_WELL_FORMED"),
    "x12 double bom": (b"\xef\xbb\xbf\xef\xbb\xbf" + BODY, "NOT_WELL_FORMED"),
    "billion laughs": (
        b"<!DOCTYPE Package ["
        + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10 if n else b"ha") for n in range(12))
        + b"]>"
        + swap(b"<area>&l11;</area>"),
        "NOT_WELL_FORMED",
    ),
    "x13 depth 300": (swap(b"<a>" * 300 + b"</a>" * 300), "NOT_WELL_FORMED"),
    "x13 depth 100": (swap(b"<a>" * 100 + b"</a>" * 100), "TOO_LARGE"),
    "x14 20,001 elements": (fill(20_001, b"<b/>"), "TOO_LARGE"),
    "x15 65 attributes": (swap(b"<area " + b" ".join(b'a%d=""' % n for n in range(65)) + b">025</area>"), "TOO_LARGE"),
    "x16 50k namespaces": (
        swap(b"<area " + b" ".join(b'xmlns:a%d="u"' % n for n in range(50_000)) + b">025</area>"),
        "TOO_LARGE",
    ),
    "x17 11 MB text": (swap(b"<area>" + b"0" * 11_000_000 + b"</area>"), "NOT_WELL_FORMED"),
    "x18 over the size limit": (swap(b"<area>" + b"0" * 17_000_000 + b"</area>"), "TOO_LARGE"),
    "x19 1,000 headers": (BODY.replace(b"<Body>", b"<Header></Header>" * 1000 + b"<Body>"), "SCHEMA_FAULTS"),
    "x20 two body children": (
        BODY.replace(b"</Body>", b'<LinkTest xmlns="urn:bss:if:message:0.9"><text>a</text></LinkTest></Body>'),
        "SCHEMA_FAULTS",
    ),
    "attribute": (swap(b'<area class="x">025</area>'), "SCHEMA_FAULTS"),
    "xsi:type of another": (
        swap(b'<area xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="Reason">025</area>'),
        "SCHEMA_FAULTS",
    ),
    "control character": (swap(b"<area>02\x0b5</area>"), "NOT_WELL_FORMED"),
    "forbidden reference": (swap(b"<area>&#0;</area>"), "NOT_WELL_FORMED"),
    "nothing": (b"", "NOT_WELL_FORMED"),
    "trailing element": (BODY + b"<a/>", "NOT_WELL_FORMED"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack_is_refused(name):
    raw, symbol = ATTACKS[name]
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(raw)
    assert refused.value.symbol == symbol


@pytest.mark.parametrize("name", [name for name in ATTACKS if ATTACKS[name][1] != "SCHEMA_FAULTS"])
def test_attack_is_refused_quickly(name):
    start = time.process_time()
    with pytest.raises(DocumentRefused):
        CODEC.decode(ATTACKS[name][0])
    assert time.process_time() - start < 0.5


def test_processing_instructions_and_schema_hints_have_no_effect():
    hint = b'<area xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:schemaLocation="urn:bss:if:message:0.9 http://192.0.2.1/a">'
    raw = b'<?xml-stylesheet href="http://192.0.2.1/a"?>' + swap(hint + b"025</area>")
    assert CODEC.decode(raw) == CODEC.decode(BODY)


def test_depth_counts_inside_an_extension():
    def nested(depth: int) -> bytes:
        inner = b'<e xmlns="">' + b"<a>" * depth + b"</a>" * depth + b"</e>"
        return BODY.replace(b"</SubmitOrder>", b"<Extension>" + inner + b"</Extension></SubmitOrder>")

    assert "<a>" in CODEC.decode(nested(20)).body["Extension"]
    with pytest.raises(DocumentRefused) as refused:
        CODEC.decode(nested(80))
    assert refused.value.symbol == "TOO_LARGE"


def test_an_unsafe_libxml2_is_refused(monkeypatch):
    monkeypatch.setattr("adapters.xml.parser.OLDEST_LIBXML", (99, 0, 0))
    with pytest.raises(RuntimeError, match=r"99\.0\.0"):
        SafeParser()


def test_doctype_as_data_is_data():
    assert SafeParser().parse(b"<a><![CDATA[<!DOCTYPE b>]]></a>").text == "<!DOCTYPE b>"


def test_limits_are_the_callers():
    strict = SafeParser(Limits(size=100, elements=3, depth=2))
    assert strict.parse(b"<a><b/></a>").tag == "a"
    for raw in (b"<a><b/><b/><b/></a>", b"<a><b><c></c></b></a>", b"<a>" + b"x" * 100 + b"</a>"):
        with pytest.raises(DocumentRefused) as refused:
            strict.parse(raw)
        assert refused.value.symbol == "TOO_LARGE"


def test_parser_is_fit_for_use_after_an_attack():
    for raw, _ in ATTACKS.values():
        with contextlib.suppress(DocumentRefused):
            CODEC.parser.parse(raw)
    assert CODEC.decode(BODY).element == "SubmitOrder"
