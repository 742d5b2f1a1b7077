"""Damaged and hostile bytes in every envelope: refused with a code, never an exception of another kind (spec 06.5)."""

from __future__ import annotations

import time
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.document import DocumentRefused
from adapters.envelopes.envelope import Envelope
from adapters.envelopes.inner import parse_json
from adapters.xml.parser import DEFAULT_LIMITS
from tests.adapters.envelopes.speech import CATALOGUE, FOREIGN, sample, speech

ASKED = sample("DispatchOrder", "ok_pots_adsl").header
VOICES = {name: speech(name, codes={}) for name in FOREIGN}
SAMPLES = [path.read_bytes() for path in sorted((CATALOGUE.root / "envelopes" / "samples").glob("*/*"))]
PIECES = (b"", b"<", b"]]>", b"&#0;", b"\x00", b"\xff\xfe", b"%", b"%3", b"&", b"=", b"{", b'{"a":', b"<![CDATA[", b"9" * 5000)


@settings(max_examples=200, deadline=None)
@given(
    name=st.sampled_from(FOREIGN),
    raw=st.sampled_from(SAMPLES),
    at=st.integers(0, 3000),
    gone=st.integers(0, 40),
    piece=st.one_of(st.sampled_from(PIECES), st.binary(max_size=6)),
    charset=st.sampled_from([None, "UTF-8", "GB18030", "no-such"]),
)
def test_only_refusals(name, raw, at, gone, piece, charset):
    at %= len(raw)
    hostile = raw[:at] + piece + raw[at + gone :]
    voice = VOICES[name]
    voice.quick_header(hostile, charset)
    refused = [symbol for read in (_request, _answer) if (symbol := read(voice, hostile, charset)) is not None]
    assert all(CATALOGUE.result(symbol).category in ("rejected", "fatal") for symbol in refused)


@pytest.mark.parametrize("mark", ["\ufeff", "𠮷", "\ufdf0"])
@pytest.mark.parametrize("name", FOREIGN)
def test_names_not_every_parser_takes(name, mark):
    """XML 1.0 allows them since its fifth edition: an inner document that holds one is refused for its structure."""
    voice = speech(name, codes={}, inner="package")
    raw = voice.encode(sample("DispatchOrder", "ok_pots_adsl"), "UTF-8")
    old, new = "<area>", f"<{mark}/><area>"
    hostile = raw.replace(old.encode(), new.encode(), 1).replace(quote(old).encode(), quote(new).encode(), 1)
    assert hostile != raw
    assert _request(voice, hostile, "UTF-8") == "SCHEMA_FAULTS"


def test_a_string_of_json_that_never_ends_costs_no_more_than_its_length():
    """120 kB that are looked through anew at every quote would hold everybody up for a minute, a megabyte for an hour."""
    start = time.process_time()
    with pytest.raises(DocumentRefused) as refusal:
        parse_json('{"' + '\\"' * 60_000, DEFAULT_LIMITS)
    assert refusal.value.symbol == "NOT_WELL_FORMED"
    assert time.process_time() - start < 1


@pytest.mark.parametrize("often", ["<area/>", "<items/>", "<attachments/>"])
def test_a_field_that_stands_thousands_of_times_costs_no_more_than_its_number(often):
    """In no namespace, as peers with a field map write it; the square of 18,000 would hold everybody up for seconds."""
    voice = speech("root-hb", codes={})
    raw = voice.encode(sample("DispatchOrder", "ok_pots_adsl"), "UTF-8")
    bare = raw.replace(b' xmlns="urn:bss:if:message:0.9"', b"").replace(b"<area>", often.encode() * 18_000 + b"<area>", 1)
    start = time.process_time()
    assert _request(voice, bare, "UTF-8") == "SCHEMA_FAULTS"
    assert time.process_time() - start < 0.8


def _request(voice: Envelope, raw: bytes, charset: str | None) -> str | None:
    try:
        voice.decode(raw, charset)
    except DocumentRefused as refusal:
        return refusal.symbol
    return None


def _answer(voice: Envelope, raw: bytes, charset: str | None) -> str | None:
    try:
        voice.decode_answer(raw, charset, ASKED)
    except DocumentRefused as refusal:
        return refusal.symbol
    return None
