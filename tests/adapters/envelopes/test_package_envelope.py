"""The native envelope: header fields both ways, loose reading, selection by row name."""

from __future__ import annotations

import pytest

from adapters.document import Document, Header
from adapters.envelopes.envelope import envelope
from adapters.envelopes.package import loose_header
from adapters.xml.codec import Codec
from schemas.loader import load

CODEC = Codec(load())
PLAIN = Header("LN03", "PF0001202611210930000000000001", "PF0001", "CRM001", "025", "20261121093000", mode="B")
FULL = Header(
    "LN03", "PF0001202611210930000000000001", "PF0001", "CRM001", "025", "20261121093000", "0.9", "A", 600,
    "CRM001202611210930000000000009", "0001", "已受理 <&> / accepted",
)  # fmt: skip


@pytest.mark.parametrize("header", [PLAIN, FULL])
@pytest.mark.parametrize("charset", ["UTF-8", "GB18030"])
def test_header_round_trip(header, charset):
    document = Document(CODEC.catalogue.message("LN03"), "LinkTest", header, {"text": "通"})
    raw = CODEC.encode(document, charset)
    assert CODEC.decode(raw, charset).header == header
    assert raw.startswith(f'<?xml version="1.0" encoding="{charset}"?><Package '.encode())


def test_loose_header_reads_prefixes_and_ignores_what_is_too_long():
    raw = b"<p:MessageCode> OH01 </p:MessageCode><Serial>" + b"1" * 31 + b"</Serial><Serial>7</Serial><Ttl>x</Ttl>"
    header = loose_header(raw)
    assert header is not None
    assert (header.code, header.serial, header.ttl) == ("OH01", "7", 0)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (b"<Serial>7</Serial>", "0001"),
        (b"<Serial>7</Serial><RefSerial>7</RefSerial>", "0001"),
        (b"<Serial>8</Serial><RefSerial>7</RefSerial>", None),
        (b"<RefSerial>7</RefSerial>", "0001"),
    ],
    ids=["a receipt", "that names what it echoes", "a result", "an answer without a serial"],
)
def test_an_answer_echoes_a_serial_and_a_result_has_its_own(fields, code):
    header = loose_header(b"<MessageCode>OH04</MessageCode>" + fields + b"<ResultCode>0001</ResultCode>")
    assert header is not None
    assert header.result_code == code


def test_loose_header_looks_no_further_than_it_must():
    assert loose_header(b" " * 10_000 + b"<MessageCode>OH01</MessageCode><Serial>7</Serial>") is None


def test_envelope_by_row_name():
    assert envelope(CODEC, "package") is CODEC
    with pytest.raises(LookupError, match="no-such"):
        envelope(CODEC, "no-such")
