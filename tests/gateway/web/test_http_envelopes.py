"""Other envelopes over HTTP and SOAP, both ways: forms, documents as text (spec 01.2, 01.3, 05)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from lxml import etree

from adapters.document import Document, Header
from adapters.soap.reading import open_envelope, text_of
from adapters.soap.writing import Frame
from adapters.store import tables
from gateway.web.request import HttpRequest
from schemas.loader import RECEIPT
from tests.gateway.web.rig import CATALOGUE, CODEC, WEB_PEERS, Rig, ask, enveloped, request, soap, submission, web_rig
from tests.gateway.web.test_http_link import Partner

FORM = "application/x-www-form-urlencoded"


def voice(rig: Rig, peer_id: str) -> Any:
    """What the gateway speaks with a peer, heard from the other side."""
    return rig.gateway._speeches.voice_of(peer_id)


def foreign(name: str, **more: Any) -> Rig:
    known = {"binding": "http", "envelope": name, "charset": "UTF-8", "allow_addresses": ["127.0.0.1"]}
    return web_rig(({**WEB_PEERS[0], **known, **more}, *WEB_PEERS[1:]))


@pytest.mark.parametrize("name", ["uni-bss", "inter-boss"])
def test_a_form_is_answered_by_a_form(name: str) -> None:
    rig = foreign(name)
    raw = voice(rig, "CH0001").encode(CODEC.decode(submission(1)), "UTF-8")
    response = ask(rig, request("/if", raw, FORM))
    assert (response.status, response.headers["content-type"]) == (200, FORM), response.body
    assert rig.one("SELECT count(*) FROM service_order") == 1
    assert ask(rig, request("/if", raw, FORM)).body == response.body
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 1


@pytest.mark.parametrize("name", ["uni-bss", "inter-boss"])
def test_a_partners_test_is_answered_as_a_test(name: str) -> None:
    """A refusal, too: what the partner's transaction said stands in the answer (05.2)."""
    rig = foreign(name)
    raw = voice(rig, "CH0001").encode(CODEC.decode(submission(1)), "UTF-8").replace(b"TestFlag%3E0", b"TestFlag%3E1")
    for body in (raw, raw.replace(b"SubmitOrder", b"ZubmitOrder")):
        assert b"TestFlag%3E1" in ask(rig, request("/if", body, FORM)).body


@pytest.mark.parametrize("name", ["root-hb", "root-cdata"])
def test_other_documents_come_without_a_name_in_the_path(name: str) -> None:
    rig = foreign(name)
    raw = voice(rig, "CH0001").encode(CODEC.decode(submission(1)), "UTF-8")
    response = ask(rig, request("/if", raw, "text/xml"))
    assert (response.status, response.headers["content-type"]) == (200, "application/xml; charset=UTF-8"), response.body
    assert rig.one("SELECT count(*) FROM service_order") == 1


def _answer(rig: Rig, name: str, raw: bytes) -> bytes:
    """A receipt in the envelope of the request."""
    speech = voice(rig, "PF0001")
    asked = speech.decode(raw, "UTF-8", {"sender": "CRM001", "receiver": "PF0001"}).header
    head = Header(asked.code, asked.serial, "PF0001", "CRM001", asked.area, asked.send_time, "0.9", asked.mode)
    head.result_code = "0001"
    return bytes(speech.encode(Document(CATALOGUE.message(asked.code), RECEIPT, head, {"code": "0001", "text": "ok"}), "UTF-8"))


@pytest.mark.parametrize("name", ["contract-root", "root-hb"])
@pytest.mark.parametrize("binding", ["http", "soap"])
def test_our_messages_in_another_envelope(name: str, binding: str) -> None:
    http = {"operation": "exchange"} if binding == "soap" else {}
    pf = {"id": "PF0001", "role": "PF", "binding": binding, "envelope": name, "connect": ["mem://partner/in"], "listen": "s",
          "charset": "UTF-8", "http": http}  # fmt: skip
    rig = Rig((WEB_PEERS[1] | {"id": "RM0001", "role": "RM"}, pf, WEB_PEERS[2]))
    rig.run(0.1)
    seen: list[str] = []

    def take(request: HttpRequest) -> None:
        seen.append(request.uri.decode())
        raw = request.body if binding == "http" else text_of(open_envelope(etree.fromstring(request.body))).encode()
        answer = _answer(rig, name, raw)
        if binding == "soap":
            answer = Frame("1.1", CATALOGUE.version()).text_answer("exchange", "urn:x", answer.decode().partition("?>")[2])
        request.respond(200, answer, "text/xml")

    partner = Partner(rig)
    partner.site.handle = take
    rig.send("A", "B")
    rig.run(3)
    assert seen == ["/in"] * 2
    assert set(rig.out().values()) == {"DONE"}


@pytest.mark.parametrize(
    ("change", "result"),
    [((b"SVC11009", b"SVC99999"), "1003"), ((b"<SvcCont>", b"<SvcCont>&"), "1001"), ((b"ContractRoot>", b"Contract>"), "1002")],
)
def test_what_the_group_sends_and_nobody_can_read_is_refused_and_stored(change: tuple[bytes, bytes], result: str) -> None:
    rig = foreign("contract-root", dialect=GROUP)
    raw = voice(rig, "CH0001").encode(CODEC.decode(submission(1)), "UTF-8").replace(*change)
    answer = etree.fromstring(ask(rig, request("/if", raw, "text/xml")).body)
    assert answer.findtext("TcpCont/Response/RspType") in ("1", "9")
    assert rig.one("SELECT result_code FROM message WHERE direction = 'in' AND state = 'REJECTED'") == result


GROUP = {"systems": {"CH0001": "6001030041", "CRM001": "6001030001"}, "codes": {"CH01": "BUS14001/SVC11009"}}


def packages(rig: Rig, count: int) -> list[str]:
    """An order in several packages of the group's envelope."""
    whole = etree.fromstring(voice(rig, "CH0001").encode(CODEC.decode(submission(1)), "UTF-8"))
    text = whole.findtext("SvcCont")
    made = []
    for at in range(count):
        head = whole.find("TcpCont")
        for name, value in (("PackageGroup", "G1"), ("TotalPackageNum", count), ("CurrentPackage", at + 1)):
            found = head.find(name)
            (etree.SubElement(head, name) if found is None else found).text = str(value)
        head.find("TransactionID").text = f"600103004120261122{at + 1:010d}"
        whole.find("SvcCont").text = text[len(text) * at // count : len(text) * (at + 1) // count]
        made.append(etree.tostring(whole, encoding="unicode"))
    return made


def test_exchange_knows_its_peer_by_the_document_whatever_the_envelope() -> None:
    """No address and no password says who it is: the document does (05.1)."""
    rig = foreign("contract-root", binding="soap", dialect=GROUP, allow_addresses=[])
    text = voice(rig, "CH0001").encode(CODEC.decode(submission(1)), "UTF-8").decode().partition("?>")[2]
    call = Frame("1.1", CATALOGUE.version()).text_request("exchange", "urn:group", text)
    answer = etree.fromstring(soap(rig, call).text("out"))
    assert answer.findtext("TcpCont/Response/RspCode") == "0000"
    assert rig.one("SELECT count(*) FROM service_order") == 1


@pytest.mark.parametrize("way", ["http", "exchange"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_groups_documents_come_by_post_and_by_exchange(way: str, count: int) -> None:
    rig = foreign("contract-root", binding="http" if way == "http" else "soap", dialect=GROUP)
    for text in packages(rig, count) * 2:
        if way == "http":
            raw = ask(rig, request("/if", text.encode(), "text/xml")).body
        else:
            call = Frame("1.1", CATALOGUE.version()).text_request("exchange", "urn:group", text)
            raw = soap(rig, call).text("out").encode()
        answer = etree.fromstring(raw.partition(b"?>")[2] if raw.startswith(b"<?xml") else raw)
        assert [answer.findtext(f"TcpCont/Response/{name}") for name in ("RspType", "RspCode")] == ["0", "0000"]
    assert rig.one("SELECT count(*) FROM service_order") == 1
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == count


def test_a_peer_of_another_envelope_may_not_use_the_operations_of_ours() -> None:
    rig = foreign("contract-root")
    assert soap(rig, enveloped(submission(1))).code == "2002"
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 0


@pytest.mark.parametrize(
    ("name", "change", "code"),
    [
        ("contract-root", (b"</TransactionID>", b"9" * 40 + b"</TransactionID>"), "1002"),
        ("root-hb", (b"</serialNo>", b"X" * 20 + b"</serialNo>"), "1002"),
        ("root-hb", (b"</province>", b"025025</province>"), "1002"),
        ("root-hb", (b"</province>", b"025025</province><"), "1001"),
        ("root-hb", (b"CH01", b"CH01CH01CH01"), "1003"),
        ("package", (b"</Area>", b"025025</Area>"), "1002"),
        ("package", (b"</MessageCode>", b"CH01CH01</MessageCode>"), "1002"),
        ("package", (b"</Area>", b"025025</Area><"), "1001"),
        ("package", (b"</Mode>", b"</Mode><RefSerial>" + b"9" * 50 + b"</RefSerial>"), "1002"),
    ],
)
def test_what_is_wider_than_the_log_is_refused_for_it_and_kept(name: str, change: tuple[bytes, bytes], code: str) -> None:
    """PostgreSQL takes no more in a column than it has room for: an internal error of ours is none of the sender's business."""
    rig = foreign(name, dialect=GROUP if name == "contract-root" else {})
    raw = voice(rig, "CH0001").encode(CODEC.decode(submission(1)), "UTF-8").replace(*change)
    ask(rig, request("/if", raw, "text/xml; charset=a-charset-nobody-has-heard-of"))
    assert rig.rows("SELECT result_code, state FROM message") == [(code, "REJECTED")]
    assert rig.one("SELECT raw FROM message_body") == raw
    for table in (tables.message, tables.message_body, tables.inbox, tables.history):
        for column in table.columns:
            room = getattr(column.type, "length", None)
            kept = rig.rows(f"SELECT coalesce(max(length({column.name})), 0) FROM {table.name}")
            assert room is None or kept[0][0] <= room, column


@pytest.mark.parametrize(("version", "faulted", "status"), [("1.1", "faultcode", 500), ("1.2", "Value", 400)])
@pytest.mark.parametrize("name", ["contract-root", "root-hb", "uni-bss"])
@pytest.mark.parametrize("body", ["", "<exchange/>", "<exchange><a>1</a><b>2</b></exchange>", "<exchange", "\ufffe"])
def test_no_envelope_from_a_peer_of_another_envelope_is_a_fault_and_stored(
    name: str, body: str, version: Any, faulted: str, status: int
) -> None:
    """Whose it is the line proves; what it is told is a Fault with a Receipt, whatever its documents are answered in."""
    rig = foreign(name, dialect=GROUP if name == "contract-root" else {})
    call = Frame(version, CATALOGUE.version()).text_request("exchange", "urn:group", "x")
    raw = re.sub(rb"<m:exchange.*</m:exchange>", body.encode(), call)
    for _ in range(2):
        response = soap(rig, raw, version)
        assert (response.status, response.code) == (status, rig.one("SELECT result_code FROM message WHERE direction = 'in'"))
        assert response.text(faulted) in ("soap:Client", "soap:Sender")
        assert response.xml.xpath("//*[local-name()='fault']")
    assert rig.one("SELECT count(*) FROM message_body WHERE raw = :raw", raw=raw) == 2


@pytest.mark.parametrize("wrong", ["record", "refuse"])
def test_a_declaration_in_the_document_is_not_held_against_what_we_send(wrong: str) -> None:
    """The row's charset is the one answers leave in; the media type says none (01.2 rule 2)."""
    rig = foreign("package", charset="GBK", wrong_charset=wrong)
    raw = CODEC.encode(CODEC.decode(submission(1)), "UTF-8")
    assert b'encoding="UTF-8"' in raw
    response = ask(rig, request("/if/SubmitOrder", raw, "application/xml"))
    assert b"<ResultCode>0001<" in response.body
    assert rig.one("SELECT raw FROM message_body") == raw
