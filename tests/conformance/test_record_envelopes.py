"""The recorder reads every envelope on sockets: whole talks are clean, what is wrong in them is found (spec 07.9, 01.2)."""

from __future__ import annotations

import json

import pytest

from adapters.document import Document, Header
from adapters.envelopes.dialect import Dialect
from adapters.envelopes.envelope import envelope
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from conformance.record import Recording, Watch
from conformance.record_case import as_json, from_json
from schemas.loader import load

T0 = 1_795_309_200_000
CATALOGUE = load()
CODEC = Codec(CATALOGUE)
ENVELOPES = [row.name for row in CATALOGUE.envelopes() if not row.lines]
CODES = {"LN03": "BUS99001/SVC99001"}
SERIAL = "CRM001202611220900000000000001"


def codes_of(name: str) -> dict[str, str]:
    return CODES if name == "contract-root" else {}


def said(name: str, layout: str, kind: Kind, code: str = "0000") -> bytes:
    """LN03 from CRM to PF, its answer, or the receipt that refuses it, in an envelope and a layout."""
    row = CATALOGUE.message("LN03")
    asks = kind is Kind.REQUEST
    ends = ("CRM001", "PF0001") if asks else ("PF0001", "CRM001")
    header = Header("LN03", SERIAL, *ends, "025", "20261122090000", mode="B")
    if not asks:
        header.ref_serial, header.result_code = SERIAL, code
    element = row.name if asks else row.answer if kind is Kind.REPLY else "Receipt"
    body = {"text": "链路测试"} if kind is not Kind.RECEIPT else {"code": code, "text": "不合规 / wrong"}
    voice = envelope(CODEC, name, Dialect(peer="PF0001", codes=codes_of(name)))
    raw = voice.encode(Document(row, str(element), header, body), "UTF-8")
    packet = Packet(raw, kind, "LN03", *ends, "025", SERIAL, "20261122090000", "B", "UTF-8", result=code)
    return Layout(CATALOGUE.layout(layout)).encode(packet)


def watched(name: str, layout: str, *talk: tuple[str, bytes]) -> Recording:
    recording = Recording(layout, "tcp://127.0.0.1:1", "tcp://127.0.0.1:2", T0, envelope=name, codes=codes_of(name))
    watch = Watch(recording, CATALOGUE, Layout(CATALOGUE.layout(layout)), CODEC)
    watch.opened("#1", T0)
    for n, (who, data) in enumerate(talk):
        watch.said("#1", who, data, T0 + n)
    watch.ended("#1", "done", T0 + 1_000)
    return watch.close(T0 + 1_000)


@pytest.mark.parametrize("layout", ["ctif-128", "newline"])
@pytest.mark.parametrize("name", ENVELOPES)
def test_a_talk_in_any_envelope_is_clean(name: str, layout: str) -> None:
    if (name, layout) == ("root-hb", "newline"):
        layout = "ascii-145"  # its answers say nothing of what they answer: some header must
    answer = said(name, layout, Kind.REPLY)
    recording = watched(name, layout, ("caller", said(name, layout, Kind.REQUEST)), ("target", answer))
    assert [(one.clause, one.en) for one in recording.findings] == []
    assert [entry.document.get("element") for entry in recording.entries if entry.document] == ["LinkTest", "LinkTestAnswer"]
    assert recording.answer_ms == [1]
    assert recording.score == 100.0


@pytest.mark.parametrize("name", ENVELOPES)
def test_a_refusal_answers_too(name: str) -> None:
    refusal = said(name, "ctif-128", Kind.RECEIPT, "1002")
    recording = watched(name, "ctif-128", ("caller", said(name, "ctif-128", Kind.REQUEST)), ("target", refusal))
    assert recording.findings == []
    assert recording.entries[-2].document["body"]["code"] == "1002"


@pytest.mark.parametrize("name", ENVELOPES)
def test_what_is_wrong_in_it_is_found(name: str) -> None:
    request = said(name, "newline", Kind.REQUEST).replace(b"LinkTest", b"LinkToast")
    recording = watched(name, "newline", ("caller", request))
    assert recording.findings
    assert recording.findings[0].clause == "01.2"
    assert recording.score < 100


def test_a_recording_keeps_its_envelope() -> None:
    recording = watched("contract-root", "ctif-128", ("caller", said("contract-root", "ctif-128", Kind.REQUEST)))
    again = from_json(json.dumps(as_json(recording)))
    assert (again.envelope, again.codes) == ("contract-root", CODES)
    assert again == recording
