"""Our messages to peers over SOAP and HTTP: the promises of sockets, whatever the other side does (spec 01.3, 01.4, 06.1)."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import pytest
from lxml import etree
from structlog.testing import capture_logs

from adapters.document import Document, Header
from adapters.soap.names import SECURITY, SOAP_11, SOAP_12
from adapters.soap.reading import open_envelope, text_of, to_package
from adapters.soap.security import Nonces, verify
from adapters.soap.writing import Frame
from adapters.wire.times import wire_time
from gateway.config.http import HttpLimits
from gateway.web.auth import basic_of
from gateway.web.request import HttpRequest
from gateway.web.site import HttpSite
from schemas.loader import RECEIPT
from tests.gateway.rig import CATALOGUE, CODEC, PEERS, Rig

RELEASE = CATALOGUE.version()
Answer = Callable[["Partner", HttpRequest], None]


def receipt(header: Header, symbol: str) -> bytes:
    """The Package of a partner's receipt."""
    row, result = CATALOGUE.message(header.code), CATALOGUE.result(symbol)
    head = Header(header.code, header.serial, header.receiver, header.sender, header.area, header.send_time, "0.9",
                  header.mode, result_code=result.code)  # fmt: skip
    return CODEC.encode(Document(row, RECEIPT, head, {"code": result.code, "text": result.zh}), "UTF-8")


class Partner:
    """A peer's HTTP server in memory; answers as told, in turn (the last answer repeats)."""

    def __init__(self, rig: Rig, *answers: Answer, address: str = "mem://partner") -> None:
        self.requests: list[HttpRequest] = []
        self.documents: list[Document] = []
        self._answers = list(answers) or [accept()]
        self.site = HttpSite(HttpLimits(), rig.clock, self._take)
        rig.network.server(address).listen(self.site)

    def _take(self, request: HttpRequest) -> None:
        self.requests.append(request)
        self.documents.append(read(request))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        answer(self, request)

    @property
    def serials(self) -> list[str]:
        return [document.header.serial for document in self.documents]


def read(request: HttpRequest) -> Document:
    """The document in a request of ours, whatever its binding."""
    body = zlib.decompress(request.body, 31) if request.header(b"content-encoding") == b"gzip" else request.body
    if request.uri.startswith(b"/if/"):
        return CODEC.decode(body)
    opened = open_envelope(etree.fromstring(body))
    if opened.is_text:
        return CODEC.decode(text_of(opened).encode())
    return CODEC.decode_tree(to_package(opened, RELEASE), body)


def accept(symbol: str = "ACCEPTED", *, zipped: bool = False) -> Answer:
    """A proper answer in the manner of the request."""

    def answer(partner: Partner, request: HttpRequest) -> None:
        document = partner.documents[-1]
        package = receipt(document.header, symbol)
        result = CATALOGUE.result(symbol)
        if request.uri.startswith(b"/if/"):
            request.respond(200, package, "application/xml")
            return
        version = "1.2" if SOAP_12.encode() in request.body else "1.1"
        frame = Frame(version, RELEASE)
        fine = result.category in ("ok", "accepted", "duplicate")
        body = frame.around(package) if fine else frame.fault(package, result)
        if b"in0" in request.body:
            body = frame.text_answer("exchange", "urn:x", package.decode())
        headers: tuple[tuple[str, str], ...] = ()
        if zipped:
            packer = zlib.compressobj(6, zlib.DEFLATED, 31)
            body, headers = packer.compress(body) + packer.flush(), (("Content-Encoding", "gzip"),)
        request.respond(200 if fine else 500, body, "text/xml", headers)

    return answer


def status(code: int, body: bytes = b"", **headers: str) -> Answer:
    """A bare HTTP answer."""

    def answer(partner: Partner, request: HttpRequest) -> None:
        request.respond(code, body, "text/html", tuple((name.replace("_", "-"), value) for name, value in headers.items()))

    return answer


def silence(partner: Partner, request: HttpRequest) -> None:
    """Nothing."""


def breaking(partner: Partner, request: HttpRequest) -> None:
    """The connection breaks before an answer."""
    request.channel.abort()


def web_peer(**more: Any) -> Rig:
    """A gateway whose PF is reached over HTTP."""
    pf = {"id": "PF0001", "role": "PF", "binding": "soap", "connect": ["mem://partner/soap"], "listen": "s", **more}
    rig = Rig((PEERS[0], pf, PEERS[2]))
    rig.run(0.1)
    return rig


MANNERS: dict[str, dict[str, Any]] = {
    "soap 1.1": {},
    "soap 1.2": {"http": {"soap": "1.2"}},
    "text": {"http": {"operation": "exchange"}},
    "text, the other operation": {"http": {"operation": "OneDry_TwoDry_Message"}},
    "zipped": {"http": {"gzip": True}},
    "http": {"binding": "http", "connect": ["mem://partner"]},
}


@pytest.mark.parametrize("manner", MANNERS)
def test_messages_leave_in_order_and_their_receipts_close_them(manner: str) -> None:
    rig = web_peer(**MANNERS[manner])
    partner = Partner(rig, accept(zipped=manner == "zipped"))
    job = rig.send("A", "A", "B", "A")
    rig.run(5)
    assert sorted(partner.serials) == sorted(job.serials)
    of_a = [job.serials[0], job.serials[1], job.serials[3]]
    assert [one for one in partner.serials if one in of_a] == of_a
    assert set(rig.out().values()) == {"DONE"}


@pytest.mark.parametrize("manner", MANNERS)
def test_a_refusal_is_told_with_its_code(manner: str) -> None:
    rig = web_peer(**MANNERS[manner])
    Partner(rig, accept("ORDER_UNKNOWN"))
    rig.send("A")
    rig.run(5)
    assert rig.rows("SELECT state, result_code FROM message WHERE direction = 'out'") == [("REJECTED", "3003")]


@pytest.mark.parametrize("manner", ["soap 1.1", "http"])
@pytest.mark.parametrize("trouble", [silence, breaking, status(200, b"<html>hello</html>")])
def test_without_an_answer_the_same_document_is_sent_again(manner: str, trouble: Answer) -> None:
    rig = web_peer(**MANNERS[manner])
    partner = Partner(rig, trouble, accept())
    job = rig.send("A")
    rig.run(60)
    assert partner.serials == job.serials * 2
    assert partner.requests[0].body == partner.requests[1].body
    assert set(rig.out().values()) == {"DONE"}


def test_nobody_there_means_not_sent_and_it_goes_when_somebody_is() -> None:
    rig = web_peer()
    job = rig.send("A")
    rig.run(3)
    assert rig.rows("SELECT state FROM message WHERE direction = 'out'") == [("RETRY",)]
    partner = Partner(rig)
    rig.run(400)
    assert partner.serials == job.serials
    assert set(rig.out().values()) == {"DONE"}


@pytest.mark.parametrize(
    ("code", "state", "result"),
    [(503, "RETRY", "9001"), (500, "RETRY", None), (401, "DEAD", "2003"), (413, "DEAD", "1008"), (404, "DEAD", None)],
)
def test_a_bare_status_counts_as_its_error_class(code: int, state: str, result: str | None) -> None:
    rig = web_peer()
    Partner(rig, status(code, b"<html>no</html>"))
    rig.send("A")
    rig.run(0.5)
    ((found, number),) = rig.rows("SELECT state, result_code FROM message WHERE direction = 'out'")
    assert found == state
    assert number == result or result is None


@pytest.mark.parametrize("manner", ["soap 1.1", "http"])
@pytest.mark.parametrize(
    ("code", "result", "said"),
    [
        (302, "1003", "HTTP 302 Found → http://b/new without a readable answer from mem://partner"),
        (404, "1003", "HTTP 404 Not Found without a readable answer from mem://partner"),
        (405, "1003", "takes no POST"), (418, "2002", "ask them"), (500, "9005", "HTTP 500 Internal Server Error"),
        (502, "9002", "HTTP 502 Bad Gateway"), (429, "2006", "later again"), (400, "1001", "HTTP 400 Bad Request"),
    ],
)  # fmt: skip
def test_a_bare_status_is_told_with_its_name_and_where_it_came_from(manner: str, code: int, result: str, said: str) -> None:
    rig = web_peer(**MANNERS[manner])
    Partner(rig, status(code, b"<html>no</html>", Location="http://b/new"))
    rig.send("A")
    with capture_logs() as logged:
        rig.run(0.5)
    assert rig.rows("SELECT result_code FROM message WHERE direction = 'out'") == [(result,)]
    (told,) = [entry["why"] for entry in logged if entry["event"] == "answer.by_status"]
    assert said in told
    records = rig.rows("SELECT zh, en FROM fallout")
    assert [said in en and "报文不是格式良好" not in zh for zh, en in records] == [True] * (code < 500 and code != 429)


@pytest.mark.parametrize("code", [502, 504])
@pytest.mark.parametrize(("finds", "second"), [(True, "CH02"), (False, "RX04")])
def test_what_a_proxy_lost_may_have_arrived(code: int, finds: bool, second: str) -> None:
    """No refusal: the same bytes again where the peer finds duplicates, else it is asked first (06.1 UNKNOWN)."""
    rig = web_peer(finds_duplicates=finds)
    partner = Partner(rig, status(code, b"<html>proxy</html>"), accept())
    rig.send("A")
    rig.run(1)
    assert rig.rows("SELECT state, result_code FROM message WHERE direction = 'out'") == [("UNKNOWN", "9002")]
    rig.run(20)
    assert [b"<MessageCode>" + second.encode() in request.body for request in partner.requests[1:2]] == [True]


@pytest.mark.parametrize("dated", [False, True])
def test_a_peer_that_says_when_to_come_back_is_left_alone_until_then(dated: bool) -> None:
    rig = web_peer()
    until = formatdate(rig.clock.now() / 1000 + 41, usegmt=True) if dated else "40"
    partner = Partner(rig, status(503, Retry_After=until), accept())
    rig.send("A")
    rig.run(35)
    assert len(partner.requests) == 1
    rig.run(30)
    assert len(partner.requests) == 2
    assert set(rig.out().values()) == {"DONE"}


def fault(code: str, text: str, version: str = SOAP_11) -> Answer:
    """A Fault of some toolkit, without header and without detail."""
    body = (
        f'<e:Envelope xmlns:e="{version}"><e:Body><e:Fault><faultcode>e:{code}</faultcode><faultstring>{text}</faultstring>'
        "</e:Fault></e:Body></e:Envelope>"
    )
    return status(500, body.encode())


@pytest.mark.parametrize(("code", "state"), [("Client", "DEAD"), ("Server", "RETRY")])
def test_a_strangers_fault_is_its_class_and_what_it_said_is_kept(code: str, state: str) -> None:
    rig = web_peer()
    Partner(rig, fault(code, "no such thing"))
    rig.send("A")
    rig.run(0.5)
    assert rig.rows("SELECT state FROM message WHERE direction = 'out'") == [(state,)]
    assert b"no such thing" in rig.one("SELECT reply FROM attempt")


def test_an_answer_longer_than_the_limit_is_no_answer() -> None:
    rig = web_peer(limits={"max_document": 4096})
    partner = Partner(rig, status(200, b"<a>" + b"x" * 10_000 + b"</a>"), accept())
    rig.send("A")
    rig.run(60)
    assert len(partner.requests) == 2
    assert set(rig.out().values()) == {"DONE"}


def test_the_window_bounds_what_is_under_way() -> None:
    rig = web_peer(window=3)
    partner = Partner(rig, silence)
    rig.send(*(f"K{n}" for n in range(10)))
    rig.run(5)
    assert len(partner.requests) == 3


def test_connections_are_used_again() -> None:
    rig = web_peer(window=2)
    partner = Partner(rig)
    rig.send(*(f"K{n}" for n in range(20)))
    rig.run(5)
    assert len(partner.requests) == 20
    assert partner.site.connections <= 2


@pytest.mark.parametrize(("manner", "path"), [("soap 1.1", b"/in?key=7&b=%20"), ("http", b"/in/if/OrderNotice?key=7&b=%20")])
def test_the_query_of_an_address_goes_with_every_request(manner: str, path: bytes) -> None:
    rig = web_peer(**MANNERS[manner] | {"connect": ["mem://partner/in?key=7&b=%20"]})
    heard: list[bytes] = []
    site = HttpSite(HttpLimits(), rig.clock, lambda request: heard.append(request.uri))
    rig.network.server("mem://partner").listen(site)
    rig.send("A")
    rig.run(1)
    assert heard == [path]


def test_basic_credentials_and_the_action_go_with_it(tmp_path: Any) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    rig = web_peer(http={"auth": "basic", "user": "crm", "password_file": str(secret)})
    partner = Partner(rig)
    rig.send("A")
    rig.run(2)
    assert basic_of(partner.requests[0]) == (b"crm", b"open sesame")
    assert partner.requests[0].header(b"soapaction") == b'"urn:bss:if:message:0.9/OrderNotice"'


def test_a_username_token_proves_us_and_is_new_each_time(tmp_path: Any) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame")
    rig = web_peer(http={"auth": "digest", "user": "crm", "password_file": str(secret)})
    partner = Partner(rig, silence, accept())
    rig.send("A")
    rig.run(60)
    nonces = Nonces()
    for request in partner.requests:
        token = etree.fromstring(request.body).find(f".//{{{SECURITY}}}Security")
        sent = rig.clock.now() - 60_000
        assert verify(token, "crm", "open sesame", sent, nonces) is None
    assert len(partner.requests) == 2


def test_what_is_under_way_at_a_crash_is_unknown_and_goes_again() -> None:
    rig = web_peer()
    partner = Partner(rig, silence, accept())
    job = rig.send("A")
    rig.run(1)
    after = rig.restarted()
    after.run(120)
    assert partner.serials == job.serials * 2
    assert set(after.out().values()) == {"DONE"}
    assert wire_time(after.clock.now())
