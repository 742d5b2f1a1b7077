"""Whatever comes as an envelope is opened or refused with a reason, never anything else (spec 01.3, hardening S1-S10)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.document import DocumentRefused
from adapters.soap.reading import digest_of, open_envelope, text_of, to_package, version_in
from adapters.soap.writing import Frame
from adapters.xml.codec import Codec
from schemas.loader import load

CATALOGUE = load()
RELEASE = CATALOGUE.version()
CODEC = Codec(CATALOGUE)
_OK = next(path for path in CATALOGUE.samples("SubmitOrder") if path.name == "ok_pots_install.xml")
_SAMPLE = CODEC.decode(_OK.read_bytes())
_PACKAGE = CODEC.encode(_SAMPLE, "UTF-8")
ENVELOPES = [Frame(version, RELEASE).around(_PACKAGE) for version in ("1.1", "1.2")]
_TOKENS = re.compile(rb"<[^>]*>|[^<]+")
_PIECES = (
    b"", b"<", b">", b"&amp;", b"&#0;", b"&x;", b"\x00", b"\xff", b"\xef\xbb\xbf", b"<a/>", b"<!-- -->", b"<?p q?>",
    b"<![CDATA[x]]>",     b'<e:Header xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"/>', b"<!DOCTYPE a>",
    b'<b xmlns="urn:x" mustUnderstand="1"/>',
    b'<w:Action xmlns:w="http://www.w3.org/2005/08/addressing">urn:x</w:Action>', b"</soap:Body>", "中".encode(),
    b'<w:ReplyTo xmlns:w="http://www.w3.org/2005/08/addressing"><w:Address/></w:ReplyTo>', b"<OneDry><p>x</p></OneDry>",
)  # fmt: skip


def read(data: bytes, charset: str | None = "UTF-8") -> str:
    """How far it comes: everything a receiver does with an envelope."""
    version_in(data)
    root: Any = None
    try:
        text = CODEC.read(data, charset).data
        root = CODEC.parser.parse(text)
        opened = open_envelope(root)
        assert isinstance(opened.sender, str)
        if opened.is_text:
            return text_of(opened)
        package = to_package(opened, RELEASE)
        assert digest_of(None, package)
        return CODEC.decode_tree(package, text).element
    except DocumentRefused as refusal:
        return "" if refusal.symbol and all(fault.zh and fault.en for fault in refusal.faults) else pytest.fail("no reason")


@pytest.mark.parametrize("envelope", ENVELOPES, ids=["1.1", "1.2"])
def test_what_is_mutated_here_is_read_where_nothing_is(envelope: bytes) -> None:
    assert read(envelope) == "SubmitOrder"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(["UTF-8", "GB18030", "utf-16", "no-such", "", None]))
def test_any_bytes_are_read_or_refused(data: bytes, charset: str | None) -> None:
    read(data, charset)


@settings(max_examples=70, deadline=None)
@given(
    st.sampled_from(ENVELOPES),
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from(["in", "out", "for", "twice"]), st.sampled_from(_PIECES)), max_size=3
    ),
)
def test_an_envelope_with_pieces_put_in_and_taken_out_is_read_or_refused(envelope: bytes, changes: list[Any]) -> None:
    tokens = _TOKENS.findall(envelope)
    for at, how, piece in changes:
        n = at % len(tokens)
        put = {"in": [tokens[n], piece], "out": [], "for": [piece], "twice": [tokens[n], tokens[n]]}[how]
        tokens[n : n + 1] = put
        tokens = tokens or [b"x"]
    read(b"".join(tokens))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(ENVELOPES), st.lists(st.tuples(st.integers(0, 9_999), st.integers(0, 255)), min_size=1, max_size=4))
def test_an_envelope_with_other_bytes_is_read_or_refused(envelope: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(envelope)
    for at, byte in changes:
        data[at % len(data)] = byte
    read(bytes(data))
