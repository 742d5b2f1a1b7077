"""Who may send over HTTP, and how each binding says no (spec 01.3, 01.4)."""

from __future__ import annotations

import base64
import gzip
from pathlib import Path
from typing import Any

import pytest

from adapters.soap.names import SOAP_11
from adapters.soap.security import username_token
from tests.gateway.web.rig import (
    LISTENS,
    WEB_PEERS,
    Rig,
    ask,
    browser,
    enveloped,
    re,
    request,
    sample,
    serial,
    soap,
    submission,
    web_rig,
)


@pytest.fixture
def secret(tmp_path: Path) -> str:
    path = tmp_path / "password"
    path.write_text("open sesame\n", encoding="utf-8")
    return str(path)


def guarded(secret: str, auth: str, **more: Any) -> Rig:
    """A channel that has to prove who it is."""
    http = {"auth": auth, "user": "counter", "password_file": secret}
    return web_rig(({**WEB_PEERS[0], "http": http, **more}, *WEB_PEERS[1:]))


def basic(user: str, password: str) -> str:
    return "Authorization: Basic " + base64.b64encode(f"{user}:{password}".encode()).decode() + "\r\n"


def inbound(rig: Rig) -> int:
    return int(rig.one("SELECT count(*) FROM message WHERE direction = 'in'"))


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        (basic("counter", "open sesame"), "0001"),
        (basic("counter", "open"), "2003"),
        (basic("somebody", "open sesame"), "2003"),
        ("Authorization: Basic !!!\r\n", "2003"),
        ("Authorization: Bearer x\r\n", "2003"),
        ("", "2003"),
    ],
)
def test_basic(secret: str, extra: str, code: str) -> None:
    rig = guarded(secret, "basic")
    for response in (
        soap(rig, enveloped(submission(1)), extra=extra),
        ask(rig, request("/if/SubmitOrder", submission(1), extra=extra)),
    ):
        assert response.code in (code, "1009")
        assert response.status == (401 if code == "2003" else response.status)
        assert ("www-authenticate" in response.headers) == (code == "2003")
    assert bool(inbound(rig)) == (code == "0001")


def token(rig: Rig, user: str = "counter", password: str = "open sesame", nonce: bytes = b"n" * 16, age: int = 0) -> str:
    return username_token(user, password, nonce, rig.clock.now() - age).decode()


@pytest.mark.parametrize(
    ("change", "code"),
    [({}, "0001"), ({"password": "other"}, "2003"), ({"user": "other"}, "2003"), ({"age": 301_000}, "2003"),
     ({"age": -301_000}, "2003"), ({"age": 299_000}, "0001")],
)  # fmt: skip
def test_username_token(secret: str, change: dict[str, Any], code: str) -> None:
    rig = guarded(secret, "digest")
    response = soap(rig, enveloped(submission(1), blocks=token(rig, **change)))
    assert response.code == code
    assert response.status == (200 if code == "0001" else 500)


def test_without_a_token_or_with_a_plain_password_nobody_gets_in(secret: str) -> None:
    rig = guarded(secret, "digest")
    plain = token(rig).replace("PasswordDigest", "PasswordText")
    assert soap(rig, enveloped(submission(1))).code == "2003"
    assert soap(rig, enveloped(submission(1), blocks=plain)).code == "2003"
    assert inbound(rig) == 0


def test_a_token_counts_once_and_the_same_document_under_a_new_one_is_the_same(secret: str) -> None:
    rig = guarded(secret, "digest")
    first = enveloped(submission(1), blocks=token(rig))
    assert soap(rig, first).code == "0001"
    assert soap(rig, enveloped(submission(2), blocks=token(rig))).code == "2003"
    assert soap(rig, first.replace(b"</e:Header>", b" </e:Header>")).code == "2003"
    assert soap(rig, enveloped(submission(1), blocks=token(rig, nonce=b"m" * 16))).code == "0001"
    assert inbound(rig) == 1


def test_the_same_bytes_again_get_the_first_answer_token_and_all(secret: str) -> None:
    """Sent again for want of an answer (01.1.5), or because it was told to: the stored answer, one effect (01.1.6)."""
    rig = guarded(secret, "digest")
    raw = enveloped(submission(1), blocks=token(rig))
    first, again = soap(rig, raw), soap(rig, gzip.compress(raw), extra="Content-Encoding: gzip\r\n")
    assert (first.code, again.body) == ("0001", first.body)
    assert inbound(rig) == 1
    rig.run(301)
    assert soap(rig, raw).code == "2003"


def test_the_same_bytes_again_as_text_get_the_first_answer(secret: str) -> None:
    rig = guarded(secret, "digest")
    document = submission(1).decode().replace("&", "&amp;").replace("<", "&lt;")
    raw = (
        f'<e:Envelope xmlns:e="{SOAP_11}"><e:Header>{token(rig)}</e:Header><e:Body><x:exchange xmlns:x="urn:x">'
        f"<a>{document}</a></x:exchange></e:Body></e:Envelope>"
    ).encode()
    first = soap(rig, raw)
    assert "<ResultCode>0001</ResultCode>" in first.text("out")
    assert (soap(rig, raw).body, inbound(rig)) == (first.body, 1)


def test_where_no_serial_finds_repeats_a_token_counts_once_whatever_is_around_it(secret: str) -> None:
    rig = guarded(secret, "digest", serials_trusted=False)
    raw = enveloped(submission(1), blocks=token(rig))
    assert [soap(rig, raw).code for _ in range(2)] == ["0001", "2003"]


def test_a_nonce_may_be_folded_over_lines(secret: str) -> None:
    rig = guarded(secret, "digest")
    folded = re.sub(r"(<wsse:Nonce[^>]*>)(.{9})([^<]*)", r"\1\n  \2\r\n\t\3 \n", token(rig))
    assert soap(rig, enveloped(submission(1), blocks=folded)).code == "0001"


@pytest.mark.parametrize(
    ("auth", "asked"), [("basic", "Basic"), ("digest", "UsernameToken"), ("certificate", "ClientCertificate")]
)
def test_a_password_is_asked_only_of_whom_one_would_prove(secret: str, auth: str, asked: str) -> None:
    """Another peer of the listener has Basic; a client that is asked for it might send its password in the clear."""
    http = {"auth": auth, "user": "counter", "password_file": secret, "certificate_sha256": "0" * 64}
    other = {**WEB_PEERS[0], "id": "CH0002", "http": {"auth": "basic", "user": "other", "password_file": secret}}
    rig = web_rig(({**WEB_PEERS[0], "http": http}, other, *WEB_PEERS[1:]))
    fault = soap(rig, enveloped(submission(1)))
    plain = ask(rig, request("/if/SubmitOrder", submission(1)))
    assert (fault.code, plain.code, plain.status) == ("2003", "2003", 401)
    assert fault.status == (401 if auth == "basic" else 500)
    assert ("www-authenticate" in fault.headers) is (auth == "basic")
    assert plain.headers["www-authenticate"].partition(" ")[0] == asked


@pytest.mark.parametrize(
    ("change", "symbol", "status"), [({"allow_addresses": ["10.0.0.0/8"]}, "2004", 403), ({"id": "CH0002"}, "2001", 403)]
)
def test_strangers_and_strange_addresses_are_turned_away(change: dict[str, Any], symbol: str, status: int) -> None:
    rig = web_rig(({**WEB_PEERS[0], **change}, *WEB_PEERS[1:]))
    assert soap(rig, enveloped(submission(1))).code == symbol
    response = ask(rig, request("/if/SubmitOrder", submission(1)))
    assert (response.code, response.status) == (symbol, status)
    assert inbound(rig) == 0


def test_a_document_that_names_another_sender_first_is_1011() -> None:
    rig = web_rig()
    trick = submission(1).replace(b"<Header>", b"<!-- <Sender>CH0001</Sender> --><Header>").replace(
        b"<Sender>CH0001</Sender> --><Header>", b"<Sender>CH0001</Sender> --><Header>"
    )  # fmt: skip
    trick = trick[: trick.index(b"-->")] + trick[trick.index(b"-->") :].replace(b"CH0001</Sender>", b"PF0001</Sender>", 1)
    response = ask(rig, request("/if/SubmitOrder", trick))
    assert response.code == "1011"


# -- statuses of plain XML (spec 01.4) --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raw", "name", "status", "code"),
    [
        (submission(1), "SubmitOrder", 200, "0001"),
        (sample("LinkTest", Sender="CH0001", Receiver="CRM001"), "LinkTest", 200, "0000"),
        (submission(1).replace(b"<area>025</area>", b"<area>999</area>"), "SubmitOrder", 200, "3020"),
        (submission(1), "LinkTest", 200, "1011"),
        (b"<Package><MessageCode>CH01</MessageCode><Serial>1</Serial><Sender>CH0001</Sender>", "SubmitOrder", 400, "1001"),
        (b"<a><Sender>CH0001</Sender><MessageCode>CH01</MessageCode><Serial>1</Serial></a>", "SubmitOrder", 400, "1002"),
        (submission(1).replace(b"025", b"\xff\xff\xff"), "SubmitOrder", 400, "1005"),
        (submission(1), "NoSuchMessage", 404, "1003"),
        (submission(1), "SubmitOrderAnswer", 404, "1003"),
        (sample("Login", Sender="CH0001", Receiver="CRM001"), "Login", 404, "1003"),
        (submission(1, Receiver="PF0001"), "SubmitOrder", 403, "2002"),
    ],
)
def test_statuses(raw: bytes, name: str, status: int, code: str) -> None:
    response = ask(web_rig(), request(f"/if/{name}", raw))
    assert (response.status, response.code) == (status, code), response.body


@pytest.mark.parametrize("version", ["0.8", "1.0", "0.9/", ""])
def test_a_schema_version_nobody_here_knows_is_1004_by_either_binding(version: str) -> None:
    """The header block's namespace says it as a Package's does (01.2 rule 7)."""
    rig = web_rig()
    block = enveloped(submission(1)).replace(b"urn:bss:if:soap:0.9", f"urn:bss:if:soap:{version}".encode())
    package = submission(2).replace(b"urn:bss:if:package:0.9", f"urn:bss:if:package:{version}".encode())
    assert [soap(rig, block).code, ask(rig, request("/if/SubmitOrder", package)).code] == ["1004", "1004"]
    assert rig.one("SELECT count(*) FROM service_order") == 0


def test_who_stops_says_so_and_answers_what_is_in_work() -> None:
    rig = web_rig()
    client = browser(rig)
    client.write(request("/if/SubmitOrder", submission(1)))
    rig.clock.advance(1)
    rig.gateway._https[0].stop_taking()
    rig.run(0.5)
    assert client.responses()[-1].code == "0001"
    late = ask(rig, request("/if/SubmitOrder", submission(2)))
    assert (late.status, late.code, late.headers["retry-after"]) == (503, "9006", "30")
    fault = soap(rig, enveloped(submission(2)))
    assert (fault.status, fault.code, fault.text("faultcode")) == (500, "9006", "soap:Server")


def test_paths_and_methods() -> None:
    rig = web_rig()
    assert ask(rig, request("/other")).status == 404
    assert ask(rig, request("/soap", method="GET")).status == 405
    assert ask(rig, request("/if/SubmitOrder", method="GET")).status == 405
    assert ask(rig, request("/soap/xsd/none.xsd", method="GET")).status == 404


def test_a_listener_of_soap_alone_has_no_plain_door() -> None:
    rig = web_rig(listens=[LISTENS[0], {**LISTENS[1], "binding": "soap"}])
    assert ask(rig, request("/if/SubmitOrder", submission(1))).status == 404
    assert soap(rig, enveloped(submission(1))).code == "0001"


def test_gzip_both_ways_and_long_answers_in_chunks() -> None:
    rig = web_rig()
    body = gzip.compress(enveloped(submission(1)))
    assert soap(rig, body, extra="Content-Encoding: gzip\r\n").code == "0001"
    plain = ask(rig, request("/soap?wsdl", method="GET"))
    packed = ask(rig, request("/soap?WSDL", method="GET", extra="Accept-Encoding: gzip\r\n"))
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.body == plain.body
    assert plain.headers.get("transfer-encoding") == ("chunked" if len(plain.body) > 65_536 else None)


@pytest.mark.parametrize("path", ["/soap?wsdl", "/soap/xsd/package.xsd", "/soap", "/elsewhere"])
def test_head_answers_as_get_without_the_body(path: str) -> None:
    rig = web_rig()
    client = browser(rig)
    client.write(request(path, method="GET"))
    rig.run(0.5)
    head, split, _ = client.data.partition(b"\r\n\r\n")
    client.data = b""
    client.write(request(path, method="HEAD"))
    rig.run(0.5)
    assert client.data == head + split


def test_the_wsdl_names_the_address_it_was_asked_at_and_its_schemas_are_there() -> None:
    rig = web_rig()
    wsdl = ask(rig, request("/soap?wsdl", method="GET"))
    addresses = wsdl.xml.xpath("//*[local-name()='address']/@location")
    assert addresses == ["http://crm/soap"] * 2
    for location in wsdl.xml.xpath("//*[local-name()='import']/@schemaLocation"):
        assert ask(rig, request(location.removeprefix("http://crm"), method="GET")).status == 200
    assert ask(rig, request("/soap/xsd/package.xsd", method="GET")).status == 200


@pytest.mark.parametrize("charset", ["UTF-8", "GB18030"])
def test_rare_characters_come_back_as_they_went(charset: str) -> None:
    rig = web_rig(({**WEB_PEERS[0], "binding": "http", "charset": charset}, *WEB_PEERS[1:]))
    text = "𠮷㐀䶮龦 张样本 <&>"
    raw = sample("LinkTest", Sender="CH0001", Receiver="CRM001", text=text.replace("&", "&amp;").replace("<", "&lt;"))
    body = raw.decode().partition("?>")[2].encode(charset)
    answer = ask(rig, request("/if/LinkTest", body, f"application/xml; charset={charset}"))
    assert answer.text("text") == text
    assert b"&#" not in answer.body


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_document_as_text_gets_its_answer_as_text(version: Any) -> None:
    rig = web_rig()
    document = submission(1).decode().replace("&", "&amp;").replace("<", "&lt;")
    space = {"1.1": "http://schemas.xmlsoap.org/soap/envelope/", "1.2": "http://www.w3.org/2003/05/soap-envelope"}[version]
    for operation in ("exchange", "OneDry_TwoDry_Message"):
        raw = f'<e:Envelope xmlns:e="{space}"><e:Body><x:{operation} xmlns:x="urn:x"><arg0>{document}</arg0></x:{operation}>' \
              "</e:Body></e:Envelope>"  # fmt: skip
        response = soap(rig, raw.encode(), version)
        assert response.status == 200
        assert "<ResultCode>0001</ResultCode>" in response.text("out")
        assert response.xml.xpath(f"//*[local-name()='{operation}Response' and namespace-uri()='urn:x']")
    assert inbound(rig) == 1


def test_in_text_what_is_refused_of_the_document_is_an_answer_and_what_is_refused_before_it_a_fault() -> None:
    def called(rig: Rig, document: bytes) -> Any:
        text = document.decode().replace("&", "&amp;").replace("<", "&lt;")
        body = f'<e:Body><x:exchange xmlns:x="urn:x"><a>{text}</a></x:exchange></e:Body>'
        return soap(rig, f'<e:Envelope xmlns:e="{SOAP_11}">{body}</e:Envelope>'.encode())

    refused = called(web_rig(), submission(1).replace(b"<area>025</area>", b"<area>999</area>"))
    assert (refused.status, "<ResultCode>3020</ResultCode>" in refused.text("out")) == (200, True)
    stranger = called(web_rig(({**WEB_PEERS[0], "id": "CH0002"}, *WEB_PEERS[1:])), submission(1))
    assert (stranger.status, stranger.code, stranger.text("faultcode")) == (500, "2001", "soap:Client")


def operations(rig: Any) -> set[str]:
    wsdl = ask(rig, request("/soap?wsdl", method="GET"))
    return set(wsdl.xml.xpath("//*[local-name()='portType']/*[local-name()='operation']/@name"))


PF_BY_SOAP = {"id": "PF0001", "role": "PF", "listen": "web", "binding": "soap"}
RM_BY_SOCKET = {"id": "RM0001", "role": "RM", "connect": ["mem://rm"]}


def test_the_wsdl_offers_what_is_handed_on_to_a_third_system() -> None:
    """Spec README: a message addressed to a third system is taken, translated and forwarded; 01.3: an operation a message."""
    rig = web_rig((PF_BY_SOAP, RM_BY_SOCKET))
    assert {"AssignResource", "ReserveResource", "OrderAccepted"} <= operations(rig)
    assert "BillingNotice" not in operations(rig)
    rm = rig.station("mem://rm")
    rig.run(5)
    given = {"Serial": serial(1, "PF0001"), "Sender": "PF0001", "Receiver": "RM0001"}
    answer = soap(rig, enveloped(sample("AssignResource", **given), "1.1"), "1.1")
    assert (answer.code, [packet.code for packet in rm.received]) == ("0001", ["OH03"])


@pytest.mark.parametrize(
    "peers",
    [
        (PF_BY_SOAP,),
        (PF_BY_SOAP, {"id": "RM0001", "role": "RM", "listen": "s"}),
        ({"id": "PF0001", "role": "PF", "listen": "s"}, RM_BY_SOCKET, {"id": "CH0001", "role": "channel", "listen": "web"}),
    ],
    ids=["nobody takes it", "nobody reaches who takes it", "who sends it comes in elsewhere"],
)
def test_what_nobody_can_have_handed_on_here_is_not_offered(peers: tuple[dict[str, Any], ...]) -> None:
    found = operations(web_rig(peers))
    assert "SubmitOrder" in found
    assert not {"AssignResource", "ReserveResource"} & found
