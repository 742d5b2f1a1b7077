"""gzip of bodies and who takes it; when a peer is to be asked again (RFC 9110 8.4, 10.2.3, 12.5.3)."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.web.gzip_coding import MOST_MEMBERS, NotGzip, UnpacksTooLong, packed, takes_gzip, unpacked
from gateway.web.status import MOST_PAUSE_S, retry_after
from tests.gateway.web.rig import ask, enveloped, request, soap, submission, web_rig


@given(st.lists(st.binary(max_size=40_000), min_size=1, max_size=4))
def test_members_one_after_another_are_one_body(members: list[bytes]) -> None:
    whole = b"".join(members)
    coded = b"".join(gzip.compress(member, mtime=0) for member in members)
    assert unpacked(coded, len(whole)) == whole
    if whole:
        with pytest.raises(UnpacksTooLong):
            unpacked(coded, len(whole) - 1)
    for spoilt in (coded[:-1], coded + b"\0", coded + coded[:9]):
        with pytest.raises(NotGzip):
            unpacked(spoilt, len(whole))


def test_members_without_end_are_refused() -> None:
    empty = gzip.compress(b"", mtime=0)
    assert unpacked(empty * MOST_MEMBERS, 10) == b""
    with pytest.raises(NotGzip, match="1024"):
        unpacked(empty * (MOST_MEMBERS + 1), 10)
    assert zlib.decompress(packed(b"x" * 5000), 31) == b"x" * 5000


def test_a_document_in_two_members_is_taken() -> None:
    raw = enveloped(submission(1))
    body = gzip.compress(raw[:700]) + gzip.compress(raw[700:])
    assert soap(web_rig(), body, extra="Content-Encoding: gzip\r\n").code == "0001"


@pytest.mark.parametrize(
    ("lines", "code"), [(("gzip", "identity"), "0001"), (("identity", "gzip"), "0001"), (("gzip", "gzip"), "1001")]
)
def test_codings_may_stand_in_several_lines(lines: tuple[str, str], code: str) -> None:
    """RFC 9110 5.3: lines of one name are one list."""
    extra = "".join(f"Content-Encoding: {line}\r\n" for line in lines)
    assert soap(web_rig(), gzip.compress(enveloped(submission(1))), extra=extra).code == code


@pytest.mark.parametrize(
    ("value", "takes"),
    [
        (b"gzip", True), (b"GZIP, deflate", True), (b"x-gzip", True), (b"gzip;q=0.001", True), (b"*", True),
        (b"br, *;q=0.5", True), (b"gzip ; q = 1.000", True), (b"", False), (b"identity", False), (b"gzip;q=0", False),
        (b"gzip; q=0.000", False), (b"gzip;q=0, *", False), (b"*;q=0", False), (b"br", False), (b"notgzip", False),
    ],
)  # fmt: skip
def test_gzip_goes_only_to_who_takes_it(value: bytes, takes: bool) -> None:
    assert takes_gzip(value) is takes


@pytest.mark.parametrize(
    ("lines", "zipped"),
    [("Accept-Encoding: gzip;q=0\r\n", False), ("Accept-Encoding: gzip\r\nAccept-Encoding: br\r\n", True)],
)
def test_the_wsdl_comes_zipped_only_to_who_takes_it(lines: str, zipped: bool) -> None:
    answer = ask(web_rig(), request("/soap?wsdl", method="GET", extra=lines))
    assert ("content-encoding" in answer.headers) is zipped


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"40", 40), (b" 0", 0), (b"7200", MOST_PAUSE_S), (b"9" * 5000, MOST_PAUSE_S), (b"-1", 0), (b"", 0), (b"soon", 0),
        (b"Sun, 22 Nov 2026 21:27:40 GMT", 40), (b"Sunday, 22-Nov-26 21:27:40 GMT", 40), (b"Sun Nov 22 21:27:40 2026", 40),
        (b"Sun, 22 Nov 2026 21:26:00 GMT", 0), (b"Sun, 22 Nov 2099 21:27:40 GMT", MOST_PAUSE_S),
        (b"Sun, 22 Nov 2026 21:27:40 +9999", 0),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date_and_bounded(value: bytes, seconds: int) -> None:
    assert retry_after(value, 1_795_382_820_000) == seconds * 1000
