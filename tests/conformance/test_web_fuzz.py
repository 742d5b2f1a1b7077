"""Whatever the system under test writes over HTTP is read, or is a reason against it: never an exception, never an endless read
(spec 01.3, 01.4)."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.wire.packet import Kind, Packet
from conformance.accounts import Account
from conformance.identity import Checker
from conformance.loader import load_suite
from conformance.model import Line, Place
from conformance.paper import Paper, Written
from conformance.pics import Pics
from conformance.stream import header_fields
from conformance.values import Scope
from conformance.web import WebFault, WebReader, chunked, gzipped, written
from conformance.web_carriage import facts_of
from gateway.clock import Entropy
from schemas.loader import load

NOW = 1_795_309_200_000
BINDINGS = ("soap", "http")
_LINE = Line("send", Place("x.toml", 1), "CRM", "LN03", "test")
_PIECES = (
    b"", b"\r\n", b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", b"Content-Length: 5\r\n", b"-6\r\n",
    b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Encoding: gzip\r\n", b"0\r\n\r\n", b"\xff\x00",
    b"POST /if/LinkTest HTTP/1.1\r\n", b"Content-Type: text/xml; charset=no-such\r\n", b"<a>&#x0;</a>", b"<Fault/>", b"</Body>",
    b"Authorization: Basic !!!\r\n", b"<!DOCTYPE a>", b"1e9\r\n", b"Content-Length: " + b"9" * 5000 + b"\r\n",
)  # fmt: skip


@cache
def paper(binding: str) -> Paper:
    accounts = {"CRM": Account("CRM001", "example", "PF0001", "basic" if binding == "http" else "digest")}
    pics = replace(Pics(), binding=binding, accounts=accounts)
    return Paper(load(), pics, "PF", 1, "http://127.0.0.1:1", Entropy(1))


@cache
def request(binding: str) -> Written:
    return paper(binding).message(_LINE, load_suite().blocks.bodies["LN03"], Scope({}, "T", NOW), None)


def said(binding: str, packet: Packet) -> None:
    """What is done with every packet that was read."""
    sheet = paper(binding)
    reading = sheet.read(packet)
    header_fields(packet)
    facts_of(packet)
    sheet.recorded(packet.body)
    assert sheet.web is not None
    sheet.web.disagreements(packet, str(reading.body.get("code", "1002"))[:4] if reading.body.get("code") else "1002")
    Checker(sheet.pics.accounts, "PF0001").why_not("CRM", packet, NOW)


def heard(binding: str, inbound: bool, data: bytes, cuts: list[int]) -> None:
    """The bytes arrive in pieces on a connection, then it ends."""
    stream = paper(binding).flow(inbound)
    stream.sent(request(binding).packet)
    at = 0
    for cut in [*sorted(cut % (len(data) + 1) for cut in cuts), len(data)]:
        arrivals = [stream.feed(data[at:cut], NOW)]
        at = cut
        arrivals += [stream.ended(NOW)] if at == len(data) else []
        for arrival in arrivals:
            assert arrival.fault == "" or " / " in arrival.fault
            for packet, raw in arrival.packets:
                assert raw
                said(binding, packet)


def response(binding: str) -> bytes:
    """An answer as a good system would write it."""
    sheet = paper(binding)
    asked = sheet.read(request(binding).packet)
    reply = sheet.reply(replace(_LINE, what="answer", label=""), {"text": "x"}, asked, Scope({}, "T", NOW))
    return reply.raw


MUTATIONS = st.lists(st.tuples(st.integers(0, 9_999), st.integers(0, 12), st.sampled_from(_PIECES)), max_size=3)
CUTS = st.lists(st.integers(0, 9_999), max_size=3)


def mutated(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for where, gone, piece in changes:
        at = where % (len(data) + 1)
        data = data[:at] + piece + data[at + gone :]
    return data


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(BINDINGS), st.booleans(), st.binary(max_size=300), CUTS)
def test_any_bytes_are_read_or_told(binding: str, inbound: bool, data: bytes, cuts: list[int]) -> None:
    heard(binding, inbound, data, cuts)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BINDINGS), MUTATIONS, CUTS)
def test_a_mutated_request_is_read_or_told(binding: str, changes: list[tuple[int, int, bytes]], cuts: list[int]) -> None:
    heard(binding, True, mutated(request(binding).raw, changes), cuts)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(BINDINGS), MUTATIONS, CUTS)
def test_a_mutated_response_is_read_or_told(binding: str, changes: list[tuple[int, int, bytes]], cuts: list[int]) -> None:
    heard(binding, False, mutated(response(binding), changes), cuts)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from([chunked, gzipped]), st.binary(max_size=200), MUTATIONS)
def test_a_mutated_body_is_unpacked_or_told(packed: object, body: bytes, changes: list[tuple[int, int, bytes]]) -> None:
    name = ("Transfer-Encoding", "chunked") if packed is chunked else ("Content-Encoding", "gzip")
    data = mutated((chunked if packed is chunked else gzipped)(body), changes)
    for headers in ([name], [name, ("Content-Length", str(len(data)))]):
        heard("http", False, written("HTTP/1.1 200 OK", headers, data), [])


@pytest.mark.parametrize("size", [b"-6", b"-4", b"+5", b"0x5", b"1_0", b"", b" ", b"5 5", b"f" * 40])
def test_a_chunk_size_is_hexadecimal_digits_and_no_more_than_can_be(size: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with pytest.raises(WebFault):
        WebReader(requests=False).feed(head + size + b"\r\nhello\r\n0\r\n\r\n")


@pytest.mark.parametrize("length", ["9" * 5000, "33554433", "-1", "5, 5", "+5"])
def test_a_length_nobody_can_mean_is_told(length: str) -> None:
    with pytest.raises(WebFault):
        WebReader(requests=False).feed(f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode())


@pytest.mark.parametrize("binding", BINDINGS)
def test_what_is_mutated_here_is_read_where_nothing_is(binding: str) -> None:
    arrival = paper(binding).flow(True).feed(request(binding).raw, NOW)
    ((packet, _),) = arrival.packets
    assert paper(binding).read(packet).element == "LinkTest"
    assert packet.kind is Kind.REQUEST
    stream = paper(binding).flow(False)
    stream.sent(request(binding).packet)
    ((answer, _),) = stream.feed(response(binding), NOW).packets
    assert paper(binding).read(answer).element == "LinkTestAnswer"
