"""The suite over SOAP and HTTP: our own CRM passes, in both directions, and distorted servers fail (spec 01.3, 01.4, 07.1)."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from adapters.soap.names import ENVELOPES
from conformance.web import Message
from tests.conformance.own_web import Change, OwnWeb, again, as_it_is

FINE = {"PASS", "NOT_APPLICABLE"}


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def soap() -> Iterator[OwnWeb]:
    rig = OwnWeb(binding="soap")
    yield rig
    rig.crm.drop()


@pytest.fixture(scope="module")
def http() -> Iterator[OwnWeb]:
    rig = OwnWeb(binding="http")
    yield rig
    rig.crm.drop()


def odd(outcome: Any) -> list[tuple[str, str, str]]:
    """What did not pass."""
    every = (*outcome.sanity, *outcome.results)
    return [
        (one.case.id, one.verdict.value, one.explanation.reason if one.explanation else "")
        for one in every
        if one.verdict.value not in FINE
    ]


def played(outcome: Any) -> int:
    return sum(one.verdict.value == "PASS" for one in outcome.results)


def test_our_own_crm_passes_every_soap_case(soap: OwnWeb) -> None:
    outcome = soap.play("transport", "01.3")
    assert odd(outcome) == []
    assert played(outcome) >= 34


def test_our_own_crm_passes_every_http_case(http: OwnWeb) -> None:
    outcome = http.play("transport", "01.4")
    assert odd(outcome) == []
    assert played(outcome) >= 15


@pytest.mark.parametrize("binding", ["soap", "http"])
def test_cases_written_for_sockets_run_unchanged_in_both_directions(binding: str, request: pytest.FixtureRequest) -> None:
    rig: OwnWeb = request.getfixturevalue(binding)
    outcome = rig.play("provisioning", "5.4/81", "5.4/82", "5.4/84", "5.7/81")
    assert odd(outcome) == []
    assert played(outcome) == 4
    (dispatch,) = [one for one in outcome.results if one.case.id == "5.4/81"]
    (order,) = [entry for entry in dispatch.log if entry.way == "got" and entry.packet.get("code") == "OH01"]
    assert order.raw.startswith(b"POST /")


def test_cases_about_bytes_of_a_connection_do_not_apply(http: OwnWeb) -> None:
    outcome = http.play("transport", "01.1/1", "01.1/6", "01.1/40", "01.2/41")
    assert {one.verdict.value for one in outcome.results} == {"NOT_APPLICABLE"}
    assert all(one.explanation is not None and " / " in one.explanation.reason for one in outcome.results)


def test_documents_travel_as_text_where_the_questionnaire_says_so() -> None:
    rig = OwnWeb(binding="soap", operation="exchange")
    outcome = rig.play("provisioning", "5.4/81", "5.4/82")
    rig.crm.drop()
    assert odd(outcome) == []
    assert played(outcome) == 2


# -- strength: servers that are wrong in one way


def _in(pattern: str, new: str) -> Change:
    """Text of every body replaced."""

    def change(message: Message) -> bytes:
        return again(message, re.sub(pattern, new, message.body.decode(), flags=re.DOTALL).encode())

    return change


def _by_action(message: Message) -> bytes:
    """A server that dispatches by SOAPAction: another's makes it answer what it does not know."""
    act = message.header("soapaction")
    return again(message, b"<nothing/>") if act and "LinkTest" not in act else message.raw


def _wsdl_without_1_2(message: Message) -> bytes:
    return again(message, message.body.replace(b"http://schemas.xmlsoap.org/wsdl/soap12/", b"urn:none"))


def _references(message: Message) -> bytes:
    text = message.body.decode()
    return again(message, "".join(sign if ord(sign) < 0x10000 else f"&#{ord(sign)};" for sign in text).encode())


SOAP_FLAWS: list[tuple[str, Change, Change, str]] = [
    ("answers every request in 1.1", as_it_is, _in(ENVELOPES["1.2"], ENVELOPES["1.1"]), "01.3/2"),
    ("dispatches by SOAPAction", _by_action, as_it_is, "01.3/10"),
    ("does not look at mustUnderstand", _in(' soap:mustUnderstand="[^"]*"', ""), as_it_is, "01.3/30"),
    ("takes every block for one it must understand", _in('mustUnderstand="0"', 'mustUnderstand="1"'), as_it_is, "01.3/32"),
    ("takes the first of two bodies", _in("</soap:Body><soap:Body/>", "</soap:Body>"), as_it_is, "01.3/20"),
    ("processes one of two elements", _in("<m:LinkTest .*</m:LinkTest>", ""), as_it_is, "01.3/21"),
    ("refuses with status 200", as_it_is, lambda m: again(m, status="200" if m.first[1] == "500" else ""), "01.3/40"),
    ("gives Sender 500 in 1.2", as_it_is, lambda m: again(m, status="500" if m.first[1] == "400" else ""), "01.3/41"),
    ("forgets the Receipt in its Faults", as_it_is, _in("<detail>.*</detail>", "<detail/>"), "01.3/40"),
    ("blames itself", as_it_is, _in("soap:Client", "soap:Server"), "01.3/42"),
    ("says its refusals in Chinese only", as_it_is, _in(" / [A-Za-z][^<]*</text>", "</text>"), "01.3/40"),
    ("leaves out the header block", as_it_is, _in("<soap:Header>.*</soap:Header>", ""), "01.3/24"),
    ("answers with another's serial", as_it_is, _in("(<Serial>.{20})[0-9]{10}", r"\g<1>0000000000"), "01.3/24"),
    ("writes references", as_it_is, _references, "01.3/60"),
    ("closes after each answer", as_it_is, lambda m: again(m, connection="close"), "01.3/73"),
    ("offers 1.1 only in its WSDL", as_it_is, _wsdl_without_1_2, "01.3/80"),
    ("takes JSON for XML", lambda m: again(m, content_type="text/xml"), as_it_is, "01.3/45"),
]  # fmt: skip

HTTP_FLAWS: list[tuple[str, Change, Change, str]] = [
    ("answers a refusal with 422", as_it_is, lambda m: again(m, status="422" if b"<code>1002" in m.body else ""), "01.4/2"),
    ("answers what is no document with 200", as_it_is, lambda m: again(m, status="200"), "01.4/3"),
    ("lets strangers in with 200", as_it_is, lambda m: again(m, status="200"), "01.4/8"),
    ("says its answer is text", as_it_is, lambda m: again(m, content_type="text/plain"), "01.4/1"),
    ("does not look at the path", as_it_is, lambda m: again(m, m.body.replace(b"1011", b"0001")), "01.4/10"),
    ("answers with half a document", as_it_is, lambda m: again(m, m.body[: len(m.body) // 2]), "01.4/1"),
    ("answers garbage", as_it_is, lambda m: b"\x00\xff" * 100, "01.4/1"),
    ("answers with nothing", as_it_is, lambda m: again(m, b""), "01.4/1"),
]


@pytest.mark.parametrize(("before", "after", "case"), [row[1:] for row in SOAP_FLAWS], ids=[row[0] for row in SOAP_FLAWS])
def test_a_distorted_soap_server_fails(soap: OwnWeb, before: Change, after: Change, case: str) -> None:
    outcome = soap.play("transport", case, before=before, after=after)
    assert [(one.case.id, one.verdict.value) for one in outcome.results] == [(case, "FAIL")]
    assert outcome.results[0].explanation is not None
    assert outcome.results[0].explanation.reason


@pytest.mark.parametrize(("before", "after", "case"), [row[1:] for row in HTTP_FLAWS], ids=[row[0] for row in HTTP_FLAWS])
def test_a_distorted_http_server_fails(http: OwnWeb, before: Change, after: Change, case: str) -> None:
    outcome = http.play("transport", case, before=before, after=after)
    assert [(one.case.id, one.verdict.value) for one in outcome.results] == [(case, "FAIL")]


def test_an_honest_go_between_changes_nothing(soap: OwnWeb) -> None:
    outcome = soap.play("transport", "01.3/1", "01.3/40", "01.3/60", after=again)
    assert odd(outcome) == []
