"""What a questionnaire and an endpoint say together, and HTTP bytes read piece by piece."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.pics import Pics, PicsInvalid, bound
from conformance.report import bodies
from conformance.web import WebFault, WebReader, chunked, gzipped, written
from gateway.cli.conformance_reach import asked_of
from gateway.cli.output import CommandFailed


@pytest.mark.parametrize(
    ("endpoint", "said", "binding"),
    [
        ("tcp://192.0.2.7:7101", "socket", "socket"),
        ("tls://192.0.2.7:7101", "socket", "socket"),
        ("http://192.0.2.7:7180", "socket", "http"),
        ("http://192.0.2.7:7180/soap", "soap", "soap"),
        ("https://192.0.2.7:7180", "http", "http"),
        ("soap+http://192.0.2.7:7180/soap", "socket", "soap"),
        ("soap+https://192.0.2.7:7180/soap", "soap", "soap"),
        ("mem://sut", "http", "http"),
    ],
)
def test_an_endpoint_says_its_binding(endpoint: str, said: str, binding: str) -> None:
    assert bound(Pics(binding=said), endpoint).binding == binding


@pytest.mark.parametrize(("endpoint", "said"), [("tcp://192.0.2.7:1", "soap"), ("soap+http://192.0.2.7:1", "http")])
def test_one_that_says_otherwise_than_the_questionnaire_is_refused(endpoint: str, said: str) -> None:
    with pytest.raises(PicsInvalid, match=said):
        bound(Pics(binding=said), endpoint)


@pytest.mark.parametrize("endpoint", ["http://192.0.2.7", "http:///x", "ftp://192.0.2.7:21", "tcp://192.0.2.7", "192.0.2.7:80"])
def test_an_address_nobody_can_connect_to_is_refused(endpoint: str) -> None:
    with pytest.raises(CommandFailed):
        asked_of(None, endpoint)


def test_a_questionnaire_names_envelope_version_and_codes(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text('binding = "http"\nenvelope = "contract-root"\n[codes]\nLN03 = "BUS14001/SVC99001"\n', "utf-8")
    pics = asked_of(path, "http://192.0.2.7:80")
    assert (pics.binding, pics.envelope, pics.codes["LN03"]) == ("http", "contract-root", "BUS14001/SVC99001")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('binding = "pigeon"\n', "p.toml:1"),
        ('envelope = "brown"\n', "p.toml:1"),
        ('soap = "1.3"\n', "p.toml:1"),
        ('binding = "soap"\nenvelope = "uni-bss"\n', "p.toml:2"),
        ('[codes]\nZZ99 = "1"\n', "ZZ99"),
    ],
)
def test_a_fault_of_these_names_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(CommandFailed, match=says):
        asked_of(path, "http://192.0.2.7:80")


BODY = "<a>南京</a>".encode()
RESPONSES = [
    written("HTTP/1.1 200 OK", (("Content-Length", str(len(BODY))),), BODY),
    written("HTTP/1.1 100 Continue", ()) + written("HTTP/1.1 500 No", (("Transfer-Encoding", "chunked"),), chunked(BODY)),
    written("HTTP/1.1 200 OK", (("Content-Encoding", "gzip"), ("Content-Length", str(len(gzipped(BODY))))), gzipped(BODY)),
]


@given(st.lists(st.sampled_from(RESPONSES), min_size=1, max_size=4), st.data())
def test_any_split_of_a_stream_gives_the_same_responses(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sent)
    reader, found = WebReader(False), []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert [message.body for message in found] == [BODY] * len(sent)
    assert b"".join(message.raw for message in found) == b"".join(sent)
    assert [message.interim for message in found] == [["100"] if b"500" in raw[:80] else [] for raw in sent]


@pytest.mark.parametrize(
    "data",
    [
        b"SMTP ready\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
        b"\x00\xff" * 10,
    ],
)
def test_what_is_no_http_is_said_at_once(data: bytes) -> None:
    with pytest.raises(WebFault, match=" / "):
        WebReader(False).feed(data)


def test_a_response_without_length_ends_with_its_connection() -> None:
    reader = WebReader(False)
    assert reader.feed(b"HTTP/1.1 200 OK\r\n\r\nhel") == []
    assert [one.body for one in reader.feed(b"lo", over=True)] == [b"hello"]


def test_one_cut_off_in_its_middle_is_a_fault() -> None:
    reader = WebReader(False)
    reader.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhel")
    with pytest.raises(WebFault):
        reader.feed(b"", over=True)


def test_a_report_shows_the_document_within_a_request() -> None:
    raw = written("POST /if/X HTTP/1.1", (("Host", "a"),), BODY)
    assert bodies(None, raw) == [(len(raw) - len(BODY), len(BODY))]
    assert bodies(None, written("HTTP/1.1 204 No Content", ())) == []
