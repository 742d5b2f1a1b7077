"""Every message over every binding: the same code, the same effect, the same record (spec 01)."""

from __future__ import annotations

from html import escape

import pytest

from adapters.soap.names import ENVELOPES
from adapters.wire.packet import Packet
from tests.gateway.rig import result_of
from tests.gateway.web.rig import (
    CATALOGUE,
    WEB_PEERS,
    Rig,
    ask,
    browser,
    enveloped,
    packet_of,
    request,
    sample,
    serial,
    soap,
    submission,
    web_rig,
)

BINDINGS = ("socket", "soap 1.1", "soap 1.2", "http")
ROLE_IDS = {"channel": "CH0001", "PF": "PF0001", "RM": "RM0001", "BILL": "BIL001", "CRM": "CRM001", "*": "CH0001"}


def peers(binding: str) -> tuple[dict[str, object], ...]:
    """Everybody who may send, on the listener of the binding."""
    kind = binding.split(" ")[0]
    listen = "s" if kind == "socket" else "web"
    ids = {name: role for role, name in ROLE_IDS.items() if role not in ("CRM", "*")}
    return tuple({"id": name, "role": role, "listen": listen, "binding": kind} for name, role in ids.items())


def send(rig: Rig, binding: str, raw: bytes, name: str) -> str:
    """The result code a document gets over a binding."""
    if binding == "socket":
        (answer,) = [packet for packet in rig.ask(rig.caller(), packet_of(raw)) if packet.is_answer]
        return answer.result
    if binding == "http":
        return ask(rig, request(f"/if/{name}", raw)).code
    version = "1.1" if binding.endswith("1") else "1.2"
    return soap(rig, enveloped(raw, version), version).code


def record(rig: Rig) -> list[tuple[object, ...]]:
    """What the store knows of it, but the bytes."""
    return rig.rows("SELECT direction, peer, code, element, serial, state, result_code FROM message ORDER BY id")


@pytest.fixture(scope="module")
def judged() -> dict[str, tuple[str, list[tuple[object, ...]]]]:
    """What every message got over the socket."""
    return {}


def messages() -> list[str]:
    return [row.name for row in CATALOGUE.messages() if set(row.bindings) >= {"socket", "soap", "http"}]


@pytest.fixture(scope="module")
def rigs() -> dict[str, Rig]:
    return {binding: web_rig(peers(binding)) for binding in BINDINGS}


@pytest.mark.parametrize("name", messages())
def test_a_message_gets_the_same_code_and_has_the_same_effect_over_every_binding(rigs: dict[str, Rig], name: str) -> None:
    row = CATALOGUE.by_element(name)
    sender = next((ROLE_IDS[route.sender] for route in row.routes if route.receiver in ("CRM", "*")), "PF0001")
    raw = sample(name, Sender=sender, Receiver="CRM001", Serial=f"{sender}202611220900000000000001"[:30])
    found = {}
    for binding in BINDINGS:
        code = send(rigs[binding], binding, raw, name)
        found[binding] = (code, record(rigs[binding])[-3:])
    assert len({str(outcome) for outcome in found.values()}) == 1, found
    assert found["socket"][0]


@pytest.mark.parametrize("binding", BINDINGS[1:])
def test_the_same_document_again_gets_the_same_answer_and_has_one_effect(binding: str) -> None:
    rig = web_rig(({**WEB_PEERS[0], "binding": binding.split(" ")[0]}, *WEB_PEERS[1:]))
    codes = [send(rig, binding, submission(1), "SubmitOrder") for _ in range(3)]
    assert codes == ["0001"] * 3
    assert rig.one("SELECT count(*) FROM service_order") == 1
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 1


def test_what_stands_around_the_document_makes_no_other_document_of_it() -> None:
    rig = web_rig()
    first, second = soap(rig, enveloped(submission(1), "1.1"), "1.1"), soap(rig, enveloped(submission(1), "1.2"), "1.2")
    assert (first.code, second.code) == ("0001", "0001")
    assert first.text("value") == second.text("value")
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 1


@pytest.mark.parametrize("binding", BINDINGS[1:])
def test_the_same_serial_with_other_content_is_1009(binding: str) -> None:
    rig = web_rig(({**WEB_PEERS[0], "binding": binding.split(" ")[0]}, *WEB_PEERS[1:]))
    assert send(rig, binding, submission(1), "SubmitOrder") == "0001"
    assert send(rig, binding, submission(1, order="CO025000000000999"), "SubmitOrder") == "1009"
    assert rig.one("SELECT count(*) FROM service_order") == 1


def test_what_was_answered_over_a_socket_is_answered_by_plain_http_with_the_same_bytes() -> None:
    rig = web_rig()
    (first,) = [p for p in rig.ask(rig.caller(), packet_of(submission(1))) if p.is_answer]
    assert ask(rig, request("/if/SubmitOrder", submission(1))).body == first.body


def test_a_refusal_has_the_same_faults_over_every_binding() -> None:
    bad = (CATALOGUE.samples("SubmitOrder")[0].parent / "bad_several_faults.xml").read_bytes()
    rig = web_rig()
    (answer,) = [p for p in rig.ask(rig.caller(), packet_of(bad)) if isinstance(p, Packet) and p.is_answer]
    code, faults = result_of(answer)
    assert len(faults) >= 3
    for version in ("1.1", "1.2"):
        response = soap(web_rig(), enveloped(bad, version), version)
        told = response.xml.xpath("//*[local-name()='fault']")
        assert response.code == code
        assert [[child.text or "" for child in fault] for fault in told] == [list(fault.values()) for fault in faults]
        assert response.status == (500 if version == "1.1" else 400)


def test_answers_keep_the_order_of_requests_on_one_connection() -> None:
    rig = web_rig()
    client = browser(rig)
    client.write(b"".join(request("/soap", enveloped(submission(n))) for n in range(1, 6)))
    rig.run(1)
    serials = [response.text("Serial") for response in client.responses()]
    assert [serial[-2:] for serial in serials] == ["01", "02", "03", "04", "05"]


@pytest.mark.parametrize("binding", BINDINGS)
def test_the_store_says_by_which_binding_a_message_came(binding: str) -> None:
    """Not by which its sender's row says we send to it: a peer may come in by another."""
    rig = web_rig(({**WEB_PEERS[0], "binding": "http", "listen": "s" if binding == "socket" else "web"}, *WEB_PEERS[1:]))
    assert send(rig, binding, submission(1), "SubmitOrder") == "0001"
    assert rig.rows("SELECT binding FROM message WHERE direction = 'in'") == [(binding.split(" ")[0],)]
    assert set(rig.rows("SELECT peer, binding FROM message WHERE direction = 'out'")) == {
        ("PF0001", "socket"), ("CH0001", "http"),
    }  # fmt: skip


def test_a_document_that_came_as_text_came_by_soap() -> None:
    rig = web_rig()
    text = sample("LinkTest", Sender="CH0001", Receiver="CRM001", Serial=serial(1)).decode()
    operation = f"<exchange xmlns='urn:bss:if:service:0.9'><in0>{escape(text)}</in0></exchange>"
    body = f"<e:Envelope xmlns:e='{ENVELOPES['1.1']}'><e:Body>{operation}</e:Body></e:Envelope>"
    assert "ResultCode" in soap(rig, body.encode(), "1.1").text("out")
    assert rig.rows("SELECT binding FROM message") == [("soap",)]
