"""What a partner's HTTP answer means where documents come in another envelope: the document, else the status (01.4, 06.1)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from gateway.web.request import HttpRequest
from schemas.loader import RELEASE
from tests.gateway.web.rig import WEB_PEERS, Rig
from tests.gateway.web.test_http_envelopes import _answer
from tests.gateway.web.test_http_link import Partner


def rig_of(binding: str, **http: Any) -> Rig:
    """Provisioning speaks root-cdata by POST or through a SOAP operation that carries text."""
    more = {"operation": "exchange"} if binding == "soap" else {}
    pf = {"id": "PF0001", "role": "PF", "binding": binding, "envelope": "root-cdata", "connect": ["mem://partner/in"],
          "listen": "s", "charset": "UTF-8", "http": more | http}  # fmt: skip
    rig = Rig((WEB_PEERS[1] | {"id": "RM0001", "role": "RM"}, pf, WEB_PEERS[2]))
    rig.run(0.1)
    return rig


def heard(rig: Rig, answer: Any) -> tuple[str, str | None]:
    """State of a message and class of its first attempt, after the partner answered so."""
    partner = Partner(rig)
    partner.site.handle = answer
    rig.send("A")
    rig.run(1.5)
    return rig.one("SELECT state FROM message"), rig.one("SELECT result_class FROM attempt WHERE n = 1")


@pytest.mark.parametrize("binding", ["http", "soap"])
@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (503, ("RETRY", "busy")), (429, ("RETRY", "busy")), (500, ("RETRY", "technical")), (401, ("DEAD", "authentication")),
        (400, ("DEAD", "document")), (200, ("UNKNOWN", "unknown")),
    ],
)  # fmt: skip
def test_a_status_without_a_document_counts_as_its_class(binding: str, status: int, expected: tuple[str, str]) -> None:
    def page(request: HttpRequest) -> None:
        request.respond(status, b"<html>sorry</html>", "text/html")

    assert heard(rig_of(binding), page) == expected


@pytest.mark.parametrize("status", [200, 400, 500])
def test_a_document_counts_whatever_the_status(status: int) -> None:
    rig = rig_of("http")

    def taken(request: HttpRequest) -> None:
        request.respond(status, _answer(rig, "root-cdata", request.body), "text/xml")

    assert heard(rig, taken) == ("DONE", "ok")


def test_a_message_that_cannot_be_written_waits_and_is_seen() -> None:
    """An address no request can name: nothing left, so it is tried again and its attempts say so."""
    rig = rig_of("http")
    rig.gateway.links["PF0001"]._address = urlsplit("mem://partner/服务")
    assert heard(rig, lambda request: request.respond(200, b"", "text/xml")) == ("RETRY", "not_sent")


FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>%s</faultcode>'
    b"<faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"
)


@pytest.mark.parametrize("envelope", ["package", "root-cdata"])
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (401, b"s:Client", ("DEAD", "authentication")), (503, b"s:Server", ("RETRY", "busy")),
        (500, b"s:Server", ("RETRY", "technical")),
    ],
)  # fmt: skip
def test_a_fault_in_words_counts_as_its_status(envelope: str, status: int, code: bytes, expected: tuple[str, str]) -> None:
    http = {"operation": "exchange"} if envelope != "package" else {}
    pf = {"id": "PF0001", "role": "PF", "binding": "soap", "envelope": envelope, "connect": ["mem://partner/in"],
          "listen": "s", "charset": "UTF-8", "http": http}  # fmt: skip
    rig = Rig((WEB_PEERS[1] | {"id": "RM0001", "role": "RM"}, pf, WEB_PEERS[2]))
    rig.run(0.1)
    assert heard(rig, lambda request: request.respond(status, FAULT % code, "text/xml")) == expected


def test_a_dotted_fault_code_is_the_callers() -> None:
    pf = {"id": "PF0001", "role": "PF", "binding": "soap", "connect": ["mem://partner/in"], "listen": "s", "charset": "UTF-8"}
    rig = Rig((WEB_PEERS[1] | {"id": "RM0001", "role": "RM"}, pf, WEB_PEERS[2]))
    rig.run(0.1)
    answer = FAULT % b"s:Client.Schema"
    assert heard(rig, lambda request: request.respond(500, answer, "text/xml")) == ("DEAD", "document")


def test_a_fault_whose_receipt_says_yes_is_no_yes() -> None:
    """Two levels that disagree: the worse one counts (02.2)."""
    pf = {"id": "PF0001", "role": "PF", "binding": "soap", "connect": ["mem://partner/in"], "listen": "s", "charset": "UTF-8"}
    rig = Rig((WEB_PEERS[1] | {"id": "RM0001", "role": "RM"}, pf, WEB_PEERS[2]))
    rig.run(0.1)
    space = rig.gateway.codec.catalogue.version(RELEASE).message_namespace
    detail = f'<detail><Receipt xmlns="{space}"><code>0001</code><text>fine</text></Receipt></detail></s:Fault>'.encode()
    answer = (FAULT % b"s:Client").replace(b"</s:Fault>", detail)
    assert heard(rig, lambda request: request.respond(400, answer, "text/xml")) == ("DEAD", "document")
