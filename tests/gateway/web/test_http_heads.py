"""A head that was judged before is judged the same without being read again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from gateway.config.http import HttpLimits
from gateway.proof.heap_clock import HeapClock
from gateway.web import heads as http_heads
from gateway.web.request import HttpRequest
from gateway.web.site import HardenedChannel, HttpSite

HEAD = "POST /soap HTTP/1.1\r\nHost: crm\r\nContent-Type: text/xml\r\nContent-Length: {}\r\nX-Client: one\r\n\r\n"
SHOWN = (b"host", b"content-type", b"x-client", b"connection")


class Page:
    """A site, one connection to it, and what whoever serves the site was handed."""

    def __init__(self, *, knows: bool, at_once: bool = True) -> None:
        self.seen: list[tuple[bytes, ...]] = []
        self.open: list[HttpRequest] = []
        self._at_once = at_once
        self.site = HttpSite(HttpLimits(max_body=5000), HeapClock(1_790_000_000_000), self._handle)
        if not knows:
            self.site.heads.recognise = lambda data: None  # type: ignore[method-assign]
        self.channel: HardenedChannel
        self.transport: StringTransport
        self.connect()

    def connect(self) -> None:
        channel = self.site.buildProtocol(None)
        assert channel is not None
        self.channel, self.transport = channel, StringTransport()
        channel.makeConnection(self.transport)  # type: ignore[no-untyped-call]

    def _handle(self, request: HttpRequest) -> None:
        self.seen.append((request.method, request.uri, request.body, *(request.header(name) for name in SHOWN)))
        self.open.append(request)
        if self._at_once:
            self.answer()

    def answer(self) -> None:
        self.open.pop(0).respond(200, b"%d" % len(self.seen), "text/plain")

    def write(self, data: bytes) -> None:
        self.channel.dataReceived(data)

    @property
    def outcome(self) -> tuple[object, ...]:
        return self.seen, self.transport.value(), self.channel.phase, self.channel.refused, self.transport.disconnecting


def post(body: bytes) -> bytes:
    return HEAD.format(len(body)).encode() + body


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The lines of heads that the parser reads."""
    lines: list[bytes] = []
    parse: Callable[[HardenedChannel, bytes], None] = HardenedChannel.lineReceived

    def note(channel: HardenedChannel, line: bytes) -> None:
        lines.append(line)
        parse(channel, line)

    monkeypatch.setattr(HardenedChannel, "lineReceived", note)
    return lines


def test_the_same_head_around_another_length_is_not_read_again(read: list[bytes]) -> None:
    page = Page(knows=True)
    page.write(post(b"first"))
    once = len(read)
    page.write(post(b"the second"))
    page.connect()
    page.write(post(b""))
    assert [seen[2] for seen in page.seen] == [b"first", b"the second", b""]
    assert (once, len(read)) == (6, 6)


def test_what_stands_behind_the_body_waits_for_the_answer() -> None:
    page = Page(knows=True, at_once=False)
    page.write(post(b"first"))
    page.answer()
    page.write(post(b"second")[:-2])
    page.write(b"nd" + post(b"third"))
    assert [seen[2] for seen in page.seen] == [b"first", b"second"]
    page.answer()
    assert [seen[2] for seen in page.seen] == [b"first", b"second", b"third"]


def test_a_body_that_comes_in_pieces_keeps_its_deadline() -> None:
    page = Page(knows=True)
    page.write(post(b"first"))
    page.write(post(b"second")[:-1])
    assert (page.channel.phase, page.channel.overdue(page.channel.since + page.site.limits.body + 1)) == ("body", "body")


@pytest.mark.parametrize(
    "head",
    [
        HEAD.replace("X-Client: one", "Connection: close"),
        HEAD.replace("HTTP/1.1", "HTTP/1.0"),
        HEAD.replace("X-Client: one", "Expect: 100-continue"),
        HEAD.replace("X-Client: one", "Transfer-Encoding: identity"),
        HEAD.replace("one", "x" * http_heads.LONGEST),
        HEAD.replace("Host: crm", "Host: a b"),
        HEAD.replace("X-Client: one", "Content-Length: 5"),
    ],
)
def test_a_head_that_says_more_than_where_and_what_is_read_each_time(head: str) -> None:
    page = Page(knows=True)
    page.write(head.format(5).encode() + b"first")
    assert len(page.site.heads) == 0


def test_a_length_beyond_the_limit_is_refused_however_well_the_head_is_known() -> None:
    page = Page(knows=True)
    page.write(post(b"first"))
    page.write(HEAD.format(5001).encode())
    assert page.transport.value().splitlines()[-1].startswith("报文体".encode())
    assert page.channel.refused


def test_the_oldest_head_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_heads, "MOST", 2)
    page = Page(knows=True)
    for client in ("one", "two", "three"):
        page.write(post(b"").replace(b"one", client.encode()))
    first, last = post(b""), post(b"").replace(b"one", b"three")
    assert (len(page.site.heads), page.site.heads.recognise(first)) == (2, None)
    assert page.site.heads.recognise(last) is not None


LINES = ("Host: crm", "Host: crm", "X-Client: one", "X-Client: two", "Content-Type: text/xml", "Connection: close", " folded",
         "Content-Length: {}", "content-length:{}", "Content-Length: 0{}", "Content-Length:  {}", "Transfer-Encoding: chunked",
         "Expect: 100-continue", "no colon")  # fmt: skip
odd_requests = st.builds(
    lambda start, lines, body, shift: (
        f"{start}\r\n" + "".join(f"{line}\r\n" for line in lines).format(*[max(0, len(body) + shift)] * 9) + "\r\n" + body
    ).encode(),
    st.sampled_from(("POST /soap HTTP/1.1", "POST /if/A?x HTTP/1.1", "POST /soap HTTP/1.0", "\r\nPOST /soap HTTP/1.1", "GET")),
    st.lists(st.sampled_from(LINES), max_size=5),
    st.text("a\r\n", max_size=12),
    st.sampled_from((0, 0, 0, -2, 3)),
)
plain_requests = st.builds(lambda size: post(b"b" * size), st.integers(0, 5002))


@given(st.lists(st.lists(st.one_of(plain_requests, odd_requests), max_size=4), max_size=3), st.data())
def test_whether_heads_are_known_makes_no_difference_to_anybody(connections: list[list[bytes]], data: st.DataObject) -> None:
    at_once = data.draw(st.booleans())
    pages = Page(knows=True, at_once=at_once), Page(knows=False, at_once=at_once)
    for requests in connections:
        stream = b"".join(requests)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=4)))
        whole = data.draw(st.booleans())
        pieces = requests if whole else [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        for page in pages:
            page.connect()
            for piece in pieces:
                page.write(piece)
            while page.open and not at_once:
                page.answer()
        assert pages[0].outcome == pages[1].outcome
