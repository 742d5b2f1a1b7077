"""Hostile XML, SOAP and HTTP against the listener: refused in the right form, bounded (hardening.md X, S, H, D)."""

from __future__ import annotations

import builtins
import gzip
import resource
import socket
from dataclasses import replace
from typing import Any

import pytest

from adapters.soap.names import SOAP_11, SOAP_12
from tests.gateway.web.rig import (
    LISTENS,
    WEB_PEERS,
    Browsers,
    Response,
    Rig,
    ask,
    browser,
    enveloped,
    packet_of,
    request,
    soap,
    submission,
    web_rig,
)

GOOD = enveloped(submission(1)).decode()
MIB = 1 << 20


@pytest.fixture(scope="module")
def shared() -> Rig:
    """For requests that leave nothing behind."""
    return web_rig()


@pytest.fixture
def fresh() -> Rig:
    """For documents under the same serial."""
    return web_rig()


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What a document makes the process open or connect to."""
    opened: list[str] = []
    original = builtins.open

    def note(name: Any, *arguments: Any, **named: Any) -> Any:
        opened.append(str(name))
        return original(name, *arguments, **named)

    def connect(_self: Any, address: Any) -> None:
        opened.append(str(address))
        raise OSError("no connections")

    monkeypatch.setattr(builtins, "open", note)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return opened


def inside(text: str) -> str:
    """The good envelope with something put before the document's first field."""
    return GOOD.replace("<customer_order_id>", text + "<customer_order_id>", 1)


def doctype(subset: str) -> bytes:
    return f"<!DOCTYPE e {subset}>{GOOD}".encode()


# -- X1-X12: what a document must not make us do ------------------------------------------------------------------------

X_FORMS: dict[str, tuple[bytes, set[str]]] = {
    "X1 empty DOCTYPE": (doctype(""), {"1001"}),
    "X2 internal subset": (doctype('[<!ENTITY a "b">]'), {"1001"}),
    "X3 external": (doctype('SYSTEM "http://127.0.0.1:9/x.dtd"'), {"1001"}),
    "X4 parameter entity": (doctype('[<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]'), {"1001"}),
    "X5 entity in attribute": (
        doctype('[<!ENTITY a "b">]').replace(b"<customer_order_id>", b'<customer_order_id x="&a;">'), {"1001"}),
    "X6 DOCTYPE beside CDATA": (b"<!DOCTYPE a>" + inside("<![CDATA[<!DOCTYPE b>]]>").encode(), {"1001"}),
    "X7 XInclude": (inside('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>').encode(), {"1002"}),
    "X8 stylesheet": (b'<?xml-stylesheet href="http://127.0.0.1:9/x"?>' + GOOD.encode(), {"0001", "0002", "1009"}),
    "X9 UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>' + GOOD.replace("<", "+ADw-").encode(), {"1001", "1005"}),
    "X10 UTF-16 without mark": (GOOD.encode("utf-16-le"), {"1001", "1005"}),
    "X11 undecodable": (GOOD.encode().replace(b"025", b"\xff\xff\xff"), {"1005"}),
    "X12 two byte order marks": ("\ufeff\ufeff".encode() + GOOD.encode(), {"1001"}),
}


@pytest.mark.parametrize("case", X_FORMS)
def test_a_document_makes_us_open_and_fetch_nothing(fresh: Rig, sealed: list[str], case: str) -> None:
    raw, codes = X_FORMS[case]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    response = soap(fresh, raw)
    assert response.code in codes
    assert response.status == (200 if response.code in ("0001", "0002") else 500)
    assert not [name for name in sealed if "passwd" in name or "127.0.0.1" in name or name.endswith(".dtd")]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


# -- X13-X20: too much of anything ----------------------------------------------------------------------------------------


def nested(count: int) -> str:
    return "<a>" * count + "</a>" * count


X_SIZES: dict[str, tuple[bytes, set[str], int]] = {
    "X13 depth 65": (inside(nested(65)).encode(), {"1008"}, 500),
    "X13 depth 257": (inside(nested(257)).encode(), {"1001", "1008"}, 500),
    "X14 20,001 elements": (inside("<a/>" * 20_001).encode(), {"1008"}, 500),
    "X15 65 attributes": (inside("<a " + " ".join(f'a{n}=""' for n in range(65)) + "/>").encode(), {"1008"}, 500),
    "X16 50,000 namespaces": (
        inside("<a " + " ".join(f'xmlns:a{n}="u"' for n in range(50_000)) + "/>").encode(), {"1008"}, 500),
    "X17 text near the limit": (inside("<a>" + "x" * (MIB - 4096) + "</a>").encode(), {"1002"}, 500),
    "X19 1,000 Headers": (GOOD.replace("<e:Header>", "<e:Header/>" * 1000 + "<e:Header>").encode(), {"1002"}, 500),
    "X20 two in the Body": (GOOD.replace("<e:Body>", "<e:Body><a/>").encode(), {"1002"}, 500),
}


@pytest.mark.parametrize("case", X_SIZES)
def test_too_much_of_anything_is_refused(fresh: Rig, case: str) -> None:
    raw, codes, status = X_SIZES[case]
    response = soap(fresh, raw)
    assert (response.code in codes, response.status) == (True, status), response.body
    assert response.text("faultcode") == "soap:Client"


PACKAGE = submission(1).partition(b"?>")[2].strip().decode()


def within(text: str) -> str:
    """The good Package with something put before the document's first field."""
    return PACKAGE.replace("<customer_order_id>", text + "<customer_order_id>", 1)


def prefaced(subset: str) -> bytes:
    return f"<!DOCTYPE Package {subset}>{PACKAGE}".encode()


X_DOCUMENTS: dict[str, tuple[bytes, str]] = {
    "X1 empty DOCTYPE": (prefaced(""), "1001"),
    "X2 internal subset": (prefaced('[<!ENTITY a "b">]'), "1001"),
    "X3 external": (prefaced('SYSTEM "http://127.0.0.1:9/x.dtd"'), "1001"),
    "X4 parameter entity": (prefaced('[<!ENTITY % p SYSTEM "file:///etc/passwd">%p;]'), "1001"),
    "X5 entity in attribute": (within('<a x="&a;"/>').encode(), "1001"),
    "X6 DOCTYPE beside CDATA": (b"<!DOCTYPE a>" + within("<![CDATA[<!DOCTYPE b>]]>").encode(), "1001"),
    "X7 XInclude": (within('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>').encode(), "1002"),
    "X8 stylesheet": (b'<?xml-stylesheet href="http://127.0.0.1:9/x"?>' + PACKAGE.encode(), "0001"),
    "X9 UTF-7": (b'<?xml version="1.0" encoding="UTF-7"?>' + PACKAGE.replace("<", "+ADw-").encode(), "1001"),
    "X10 UTF-16 without mark": (PACKAGE.encode("utf-16-le"), "1001"),
    "X11 undecodable": (PACKAGE.encode().replace(b"025", b"\xff\xff\xff"), "1005"),
    "X12 two byte order marks": ("\ufeff\ufeff".encode() + PACKAGE.encode(), "1001"),
    "X13 depth 65": (within(nested(65)).encode(), "1008"),
    "X13 depth 257": (within(nested(257)).encode(), "1001"),
    "X14 20,001 elements": (within("<a/>" * 20_001).encode(), "1008"),
    "X15 65 attributes": (within("<a " + " ".join(f'a{n}=""' for n in range(65)) + "/>").encode(), "1008"),
    "X16 50,000 namespaces": (within("<a " + " ".join(f'xmlns:a{n}="u"' for n in range(50_000)) + "/>").encode(), "1008"),
    "X17 text near the limit": (within("<a>" + "x" * (MIB - 4096) + "</a>").encode(), "1002"),
    "X19 1,000 Headers": (PACKAGE.replace("<Body>", "<Header/>" * 1000 + "<Body>").encode(), "1002"),
    "X20 two in the Body": (PACKAGE.replace("<Body>", "<Body><a/>").encode(), "1002"),
}


@pytest.mark.parametrize("case", X_DOCUMENTS)
def test_the_same_attacks_get_the_same_code_over_sockets_and_plain_http(sealed: list[str], case: str) -> None:
    raw, code = X_DOCUMENTS[case]
    listed = {"allow_addresses": ["127.0.0.1"]}
    web = web_rig(({**WEB_PEERS[0], "binding": "http", "charset": "UTF-8", **listed}, *WEB_PEERS[1:]))
    response = ask(web, request("/if/SubmitOrder", raw))
    assert (response.code, response.status) == (code, {"1001": 400, "1005": 400, "1008": 413}.get(code, 200)), response.body
    plain = Rig()
    wire = plain.caller()
    spoilt = replace(packet_of(PACKAGE.encode()), body=raw)
    (answer,) = [packet for packet in plain.ask(wire, spoilt) if packet.is_answer]
    assert (answer.result, wire.open) == (code, True)
    for rig in (web, plain):
        assert rig.one("SELECT count(*) FROM message_body WHERE raw = :raw", raw=raw) == 1
    assert not [name for name in sealed if "passwd" in name or name.startswith("('127.0.0.1'") or name.endswith(".dtd")]


@pytest.mark.parametrize("path", ["/soap", "/if/SubmitOrder"])
@pytest.mark.parametrize("how", ["announced", "chunked", "gzip"])
def test_x18_one_byte_more_than_the_limit_is_413_with_its_code(shared: Rig, how: str, path: str) -> None:
    body = GOOD.encode() + b" " * (MIB + 1 - len(GOOD.encode()))
    if how == "announced":
        sent = request(path, body)
    elif how == "gzip":
        sent = request(path, gzip.compress(body), extra="Content-Encoding: gzip\r\n")
    else:
        sent = request(path, b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body), extra="Transfer-Encoding: chunked\r\n")
    response = ask(shared, sent)
    assert (response.status, response.code) == (413, "1008")
    assert bool(response.xml.xpath("//*[local-name()='Fault']")) is (path == "/soap")
    assert "/" in response.text("text")


def test_a_length_of_a_trillion_is_refused_before_any_of_it_comes(shared: Rig) -> None:
    head = "POST {} HTTP/1.1\r\nHost: crm\r\nContent-Type: application/soap+xml\r\nContent-Length: 1000000000000\r\n\r\n"
    told = ask(shared, head.format("/soap").encode())
    assert (told.status, told.code, SOAP_12 in told.body.decode()) == (413, "1008", True)
    elsewhere = ask(shared, head.format("/elsewhere").encode())
    assert (elsewhere.status, elsewhere.body.decode()) == (413, "报文体超过大小上限 / the body exceeds the limit")


def test_a_gzip_bomb_costs_no_more_than_the_limit(shared: Rig) -> None:
    bomb = gzip.compress(b"\0" * (100 * MIB))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert ask(shared, request("/soap", bomb, extra="Content-Encoding: gzip\r\n")).status == 413
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024


# -- S1-S10: SOAP ---------------------------------------------------------------------------------------------------------

WSA = 'xmlns:a="http://www.w3.org/2005/08/addressing"'
ANONYMOUS = "http://www.w3.org/2005/08/addressing/anonymous"


def blocks(number: int, text: str) -> bytes:
    return enveloped(submission(number), blocks=text)


@pytest.mark.parametrize(
    ("number", "extra"),
    [(101, 'SOAPAction: "urn:bss:if:message:0.9/CancelOrder"\r\n'), (102, 'SOAPAction: ""\r\n'),
     (103, "SOAPAction: \"\"a\"\"\r\n"), (104, "")],
)  # fmt: skip
def test_s1_s3_whatever_soapaction_says_the_body_decides(shared: Rig, number: int, extra: str) -> None:
    assert soap(shared, enveloped(submission(number)), extra=extra).code == "0001"


S_REFUSED: dict[str, tuple[bytes, str]] = {
    "S4 Action of another operation": (blocks(111, f"<a:Action {WSA}>urn:x/CancelOrder</a:Action>"), "Client"),
    "S5 ReplyTo elsewhere": (
        blocks(112, f"<a:ReplyTo {WSA}><a:Address>http://evil.example/</a:Address></a:ReplyTo>"), "Client"),
    "S5 FaultTo elsewhere": (
        blocks(113, f"<a:FaultTo {WSA}><a:Address>http://evil.example/</a:Address></a:FaultTo>"), "Client"),
    "S6 unknown, must be understood": (blocks(114, '<x:T xmlns:x="urn:x" e:mustUnderstand="1"/>'), "MustUnderstand"),
    "S7 a Body of the other version": (
        GOOD.replace("<e:Body>", f'<b:Body xmlns:b="{SOAP_12}">').replace("</e:Body>", "</b:Body>").encode(), "Client"),
    "S7 an unknown version": (GOOD.replace(SOAP_11, "urn:soap:9").encode(), "VersionMismatch"),
    "no header block": (GOOD[: GOOD.index("<e:Header>")].encode() + GOOD[GOOD.index("<e:Body>") :].encode(), "Client"),
    "two header blocks": (
        GOOD.replace("</e:Header>", GOOD[GOOD.index("<s:") : GOOD.index("</e:Header>")] + "</e:Header>").encode(), "Client"),
}  # fmt: skip


@pytest.mark.parametrize("case", S_REFUSED)
def test_s4_s7_an_envelope_that_asks_for_what_we_do_not_do_is_refused(fresh: Rig, case: str) -> None:
    raw, code = S_REFUSED[case]
    response = soap(fresh, raw)
    assert (response.status, response.text("faultcode")) == (500, f"soap:{code}")
    assert response.code == "1002"
    assert "/" in response.text("text")


def of_12(text: str = "", version: str = SOAP_12) -> bytes:
    return GOOD.replace(SOAP_11, version).replace("<e:Header>", f"<e:Header>{text}").encode()


def test_what_a_fault_of_12_says_of_blocks_and_versions(fresh: Rig) -> None:
    """SOAP 1.2 part 1, 5.4.7 and 5.4.8; in 1.1 there is no such block."""
    text = '<x:T xmlns:x="urn:x&amp;y" e:mustUnderstand="true"/><U e:mustUnderstand="1"/><x:V xmlns:x="urn:x"/>'
    response = soap(fresh, of_12(text), "1.2")
    found = response.xml.findall(f"{{{SOAP_12}}}Header/{{{SOAP_12}}}NotUnderstood")
    named = [(one.get("qname").rpartition(":")[2], one.nsmap.get(one.get("qname").rpartition(":")[0])) for one in found]
    assert (response.status, response.text("Value"), response.code) == (500, "soap:MustUnderstand", "1002")
    assert named == [("T", "urn:x&y"), ("U", None)]
    old = soap(fresh, GOOD.replace("<e:Header>", '<e:Header><x:T xmlns:x="u" e:mustUnderstand="1"/>').encode())
    assert (old.text("faultcode"), b"NotUnderstood" in old.body) == ("soap:MustUnderstand", False)
    response = soap(fresh, of_12(version="urn:soap:9"), "1.2")
    offered = response.xml.findall(f"{{{SOAP_12}}}Header/{{{SOAP_12}}}Upgrade/{{{SOAP_12}}}SupportedEnvelope")
    assert (response.status, response.text("Value")) == (500, "soap:VersionMismatch")
    assert [one.nsmap[one.get("qname").partition(":")[0]] for one in offered] == [SOAP_12, SOAP_11]


def test_a_fault_repeats_few_of_a_strangers_names(fresh: Rig) -> None:
    long = "".join(f'<x:T{n} xmlns:x="urn:{"x" * 500}" e:mustUnderstand="1"/>' for n in range(3))
    many = "".join(f'<x:T{n} xmlns:x="urn:x" e:mustUnderstand="1"/>' for n in range(100))
    for text, count in ((long, 0), (many, 16)):
        response = soap(fresh, of_12(text), "1.2")
        assert len(response.xml.findall(f".//{{{SOAP_12}}}NotUnderstood")) == count
        assert len(response.body) < 8_000
        assert response.text("Value") == "soap:MustUnderstand"


@pytest.mark.parametrize("name", ["crm", "a/b", "../x", "?", "urn.9"])
def test_a_relative_namespace_is_refused_as_any_other_and_kept(fresh: Rig, name: str) -> None:
    """It has no canonical form (which stands for the content of an envelope, whose bytes differ from one time to the next)."""
    raw = GOOD.encode().replace(b"urn:bss:if:message:0.9", name.encode())
    for _ in range(2):
        response = soap(fresh, raw)
        assert (response.status, response.code) == (500, "1002")
    assert fresh.rows("SELECT state, result_code FROM message WHERE direction = 'in'") == [("REJECTED", "1002")]


def test_addresses_that_lead_back_here_are_fine(shared: Rig) -> None:
    text = f"<a:ReplyTo {WSA}><a:Address>{ANONYMOUS}</a:Address></a:ReplyTo><a:Action {WSA}>urn:x/SubmitOrder</a:Action>"
    assert soap(shared, blocks(121, text)).code == "0001"


NO_XML = ("application/json", "multipart/related; boundary=x", "text/plain", "application/x-www-form-urlencoded")


@pytest.mark.parametrize("media", NO_XML)
def test_s8_s9_what_is_no_xml_is_415(shared: Rig, media: str) -> None:
    response = ask(shared, request("/soap", GOOD.encode(), media))
    assert response.status == 415
    assert response.text("faultcode") == "soap:Client"
    assert ask(shared, request("/if/SubmitOrder", submission(1), media)).status == 415


WHOLE = gzip.compress(GOOD.encode())
CODINGS: dict[str, tuple[str, bytes, int]] = {
    "an unknown coding": ("br", GOOD.encode(), 415),
    "two codings": ("gzip, gzip", gzip.compress(WHOLE), 415),
    "no gzip at all": ("gzip", GOOD.encode(), 400),
    "gzip that breaks off": ("gzip", WHOLE[:-9], 400),
    "gzip with something behind it": ("gzip", WHOLE + b"x", 400),
}


@pytest.mark.parametrize("path", ["/soap", "/if/SubmitOrder"])
@pytest.mark.parametrize("case", CODINGS)
def test_a_body_that_cannot_be_unpacked_is_refused_in_the_form_of_its_path(shared: Rig, case: str, path: str) -> None:
    coding, body, status = CODINGS[case]
    response = ask(shared, request(path, body, extra=f"Content-Encoding: {coding}\r\n"))
    assert (response.status, response.code) == (status, "1001")
    assert bool(response.xml.xpath("//*[local-name()='Fault']")) is (path == "/soap")


def test_s10_an_operation_the_client_may_not_call_is_2002(shared: Rig) -> None:
    rig = web_rig(({**WEB_PEERS[0], "role": "BILL"}, *WEB_PEERS[1:]))
    assert soap(rig, enveloped(submission(131))).code == "2002"
    assert rig.rows("SELECT state, result_code FROM message WHERE direction = 'in'") == [("REJECTED", "2002")]


@pytest.mark.parametrize("case", ["X1 empty DOCTYPE", "X9 UTF-7", "X11 undecodable"])
def test_what_is_refused_of_a_known_sender_is_stored_as_it_came(case: str) -> None:
    rig = web_rig(({**WEB_PEERS[0], "allow_addresses": ["127.0.0.1"]}, *WEB_PEERS[1:]))
    raw, codes = X_FORMS[case]
    response = soap(rig, raw)
    assert response.code in codes
    ((state, code, stored),) = rig.rows(
        "SELECT m.state, m.result_code, b.raw FROM message m JOIN message_body b ON b.message_id = m.id"
    )
    assert (state, code, stored) == ("REJECTED", response.code, raw)


# -- H: one request, one answer, nothing smuggled -------------------------------------------------------------------------

FOLLOWER = "GET /soap?wsdl HTTP/1.1\r\nHost: crm\r\n\r\n"
HEAD = "POST /soap HTTP/1.1\r\nHost: crm\r\n"
H_CASES: dict[str, str] = {
    "two lengths": HEAD + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc",
    "the same length twice": HEAD + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": HEAD + "Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": HEAD + "Content-Length: +3\r\n\r\nabc",
    "a negative length": HEAD + "Content-Length: -3\r\n\r\nabc",
    "an underscored length": HEAD + "Content-Length: 1_0\r\n\r\nabc",
    "a hexadecimal length": HEAD + "Content-Length: 0x3\r\n\r\nabc",
    "length and chunks": HEAD + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and length": HEAD + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "xchunked": HEAD + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a vertical tab before chunked": HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a blank before the colon": HEAD + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a signed chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    "a 0x chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    "an underscored chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n1_0\r\n" + "a" * 16 + "\r\n0\r\n\r\n",
    "a negative chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n",
    "a chunk without its end": HEAD + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n",
    "a bare line feed in a chunk": HEAD + "Transfer-Encoding: chunked\r\n\r\n1\na\n0\n\n",
    "chunks in HTTP/1.0": "POST /soap HTTP/1.0\r\nHost: crm\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "NUL in a value": HEAD + "X-A: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a bare CR in a value": HEAD + "X-A: a\rContent-Length: 3\r\n\r\n",
    "a header without colon": HEAD + "Content-Length 3\r\n\r\nabc",
    "a header without name": HEAD + ": 3\r\n\r\nabc",
    "a folded header": HEAD + "X-A: a\r\n Content-Length: 3\r\n\r\nabc",
    "a folded first header": "POST /soap HTTP/1.1\r\n Host: crm\r\n\r\n",
    "no Host": "POST /soap HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
    "two Hosts": HEAD + "Host: crm\r\nContent-Length: 0\r\n\r\n",
    "a Host that is none": "POST /soap HTTP/1.1\r\nHost: a b/c\r\nContent-Length: 0\r\n\r\n",
    "an absolute URI": "POST http://other/soap HTTP/1.1\r\nHost: crm\r\nContent-Length: 0\r\n\r\n",
    "an absolute URI with a user": "POST http://a@crm/soap HTTP/1.1\r\nHost: crm\r\nContent-Length: 0\r\n\r\n",
    "an absolute URI of another scheme": "POST ftp://crm/soap HTTP/1.1\r\nHost: crm\r\nContent-Length: 0\r\n\r\n",
    "an absolute URI with two slashes": "POST http://crm//soap HTTP/1.1\r\nHost: crm\r\nContent-Length: 0\r\n\r\n",
    "a path with two slashes": "POST //other/soap HTTP/1.1\r\nHost: crm\r\nContent-Length: 0\r\n\r\n",
    "a blank in the path": "POST /soap x HTTP/1.1\r\nHost: crm\r\nContent-Length: 0\r\n\r\n",
    "an unknown version": "POST /soap HTTP/1.2\r\nHost: crm\r\nContent-Length: 0\r\n\r\n",
    "another expectation": HEAD + "Expect: teapot\r\nContent-Length: 0\r\n\r\n",
    "headers beyond 16 KiB": HEAD + "".join(f"X-{n}: {'a' * 1000}\r\n" for n in range(20)) + "Content-Length: 0\r\n\r\n",
    "600 headers": HEAD + "".join(f"X-{n}: a\r\n" for n in range(600)) + "Content-Length: 0\r\n\r\n",
    "a line without end": HEAD + "X-A: " + "a" * 20_000,
}


@pytest.mark.parametrize("case", H_CASES)
def test_h_a_request_that_two_readers_could_read_differently_is_refused_and_nothing_behind_it_is_read(
    shared: Rig, case: str
) -> None:
    client = browser(shared)
    client.write((H_CASES[case] + FOLLOWER).encode("latin-1"))
    shared.run(5)
    answers: list[Response] = client.responses()
    assert [400 <= answer.status < 500 for answer in answers] == [True], [answer.status for answer in answers]
    assert not client.open


def test_h_pipelined_requests_are_answered_in_their_order(shared: Rig) -> None:
    client = browser(shared)
    client.write(request("/nowhere") + request("/soap?wsdl", method="GET") + request("/nowhere"))
    shared.run(1)
    assert [answer.status for answer in client.responses()] == [404, 200, 404]


@pytest.mark.parametrize(
    ("target", "status"),
    [("http://crm/soap?wsdl", 200), ("HTTPS://CRM/soap?wsdl", 200), ("http://crm", 404), ("http://crm?a", 404)],
)
def test_h_an_absolute_target_that_names_its_host_is_the_path_it_holds(shared: Rig, target: str, status: int) -> None:
    """A server must take it (RFC 9112 3.2.2); one that names another host than Host stays refused."""
    assert ask(shared, request(target, method="GET")).status == status


def test_h_expect_is_answered_before_the_body_comes(shared: Rig) -> None:
    body = enveloped(submission(141))
    client = browser(shared)
    whole = request("/soap", body, extra="Expect: 100-continue\r\n")
    client.write(whole[: -len(body)])
    shared.run(0.5)
    assert [answer.status for answer in client.responses()] == [100]
    client.write(body)
    shared.run(0.5)
    assert [answer.status for answer in client.responses()] == [100, 200]


# -- D: slow ones and many ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "limit"),
    [
        (b"", 10),
        (b"POST /soap HTTP/1.1\r\nX-A: ", 10),
        (b"POST /soap HTTP/1.1\r\nHost: crm\r\nContent-Length: 1000\r\n\r\n<", 10),
        (request("/soap?wsdl", method="GET"), 60),
    ],
)
def test_d_who_dribbles_is_closed_at_the_deadline(start: bytes, limit: int) -> None:
    rig = web_rig()
    client = browser(rig)
    client.write(start)
    for _ in range(int(limit / 2) - 1):
        rig.run(1.9)
        if start and limit == 10:
            client.write(b"a")
    assert client.open
    rig.run(6)
    assert not client.open


def test_d_who_is_quick_enough_may_send_long_bodies_slowly() -> None:
    rig = web_rig()
    body = enveloped(submission(1)) + b" " * 30_000
    client = browser(rig)
    whole = request("/soap", body)
    for at in range(0, len(whole), 2048):
        client.write(whole[at : at + 2048])
        rig.run(1)
    assert client.responses()[-1].code == "0001"


def test_d_connections_beyond_what_one_address_may_have_are_not_taken() -> None:
    listens = [LISTENS[0], {**LISTENS[1], "http": {"max_per_address": 3}}]
    rig = web_rig(listens=listens)
    clients = [browser(rig) for _ in range(3)]
    failures: list[Any] = []
    rig.network.client("mem://web").connect(Browsers()).addErrback(failures.append)
    rig.run(1)
    assert len(failures) == 1
    clients[0].write(request("/soap", enveloped(submission(1))))
    rig.run(1)
    assert clients[0].responses()[-1].code == "0001"


def test_d_who_does_not_read_is_closed_at_the_write_limit_and_costs_a_bounded_buffer() -> None:
    listens = [LISTENS[0], {**LISTENS[1], "http": {"write": 5.0}}]
    rig = web_rig(listens=listens)
    client = browser(rig)
    transport: Any = client.transport
    transport.pauseProducing()
    client.write(request("/soap?wsdl", method="GET") * 200)
    rig.run(2)
    (channel,) = list(rig.gateway._https[0].site._channels)
    assert channel.full_since is not None
    rig.run(8)
    assert rig.gateway._https[0].site.connections == 0
