"""What ``bssgw peer test`` says of HTTP answers that are none, or others than asked for (spec 01.3, 01.4, 02.1)."""

from __future__ import annotations

import re
import socket
from pathlib import Path
from typing import Any

import pytest

from adapters.document import Document, Header
from gateway.config.file import load_file
from gateway.onboarding.exchange import run_test
from schemas.loader import RECEIPT
from tests.gateway.rig import CATALOGUE, CODEC

OURS = '[gateway]\nsystem_id = "CH0001"\nareas = ["025"]\n\n[[peer]]\nid = "CRM001"\nrole = "GCRM"\ncharset = "UTF-8"\n'
ROW = 'binding = "{binding}"\nconnect = ["http://127.0.0.1:{port}/in?tenant=7"]\n[peer.limits]\nmax_document = 4096\n'
FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Client</faultcode>'
    b"<faultstring>no</faultstring></s:Fault></s:Body></s:Envelope>"
)
PAGE = b"<html>sorry</html>"


def answer(status: str, body: bytes = PAGE, *headers: str, length: int | None = None) -> bytes:
    """An answer as it stands on the wire; ``length`` where it is not what it says."""
    told = len(body) if length is None else length
    lines = [f"HTTP/1.1 {status}", "Content-Type: text/xml", f"Content-Length: {told}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def tried(folder: Path, reply: Any, binding: str = "http") -> tuple[dict[str, Any], bytes]:
    """The test's result against somebody who says ``reply`` (bytes, or made from the request) and hangs up; the request."""
    heard: list[bytes] = []
    wires: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as there:

        def told(step: dict[str, Any]) -> None:
            if step["what"] == "connect":
                wires.append(there.accept()[0])
            elif step["what"] == "→":
                heard.append(wires[0].recv(65_536))
                while b"</soap:Envelope>" not in heard[0] and b"</Package>" not in heard[0]:
                    heard[0] += wires[0].recv(65_536)
                wires[0].sendall(reply(heard[0]) if callable(reply) else reply)
                wires[0].close()

        path = folder / "bssgw.toml"
        row = ROW.replace("{binding}", binding).replace("{port}", str(there.getsockname()[1]))
        path.write_text(OURS + row, encoding="utf-8")
        config = load_file(path)
        return run_test(config, config.peer[0], "文字", 5.0, told), heard[0]


@pytest.mark.parametrize("binding", ["http", "soap"])
@pytest.mark.parametrize("body", [PAGE, FAULT, b""])
@pytest.mark.parametrize(
    ("status", "headers", "said"),
    [
        ("401 No", (), "HTTP 401 Unauthorized without a readable answer from http://127.0.0.1:PORT/in: it wants credentials"),
        ("403 No", (), "HTTP 403 Forbidden without a readable answer from http://127.0.0.1:PORT/in: it forbids this"),
        ("429 No", ("Retry-After: 7",), "faster than it allows: later again (try again in 7 s)"),
        ("503 No", (), "it is busy or under maintenance: later again"),
        ("302 No", ("Location: /new",), "HTTP 302 Found → /new without a readable answer"),
        ("404 No", (), "check the path in connect"),
        ("418 No", (), "it refuses and does not say why"),
        ("502 No", (), "the proxy before it cannot reach it"),
    ],
)
def test_a_status_is_told_by_its_own_name_with_what_to_do(
    tmp_path: Path, binding: str, status: str, headers: tuple[str, ...], body: bytes, said: str
) -> None:
    found, request = tried(tmp_path, answer(status, body, *headers), binding)
    shown = re.sub(r"(127\.0\.0\.1:)\d+/in(/if/LinkTest)?", r"\1PORT/in", found["en"])
    assert (found["ok"], found["unreachable"]) == (False, False)
    assert said in shown, shown
    assert "tenant" not in shown
    path = b"/in/if/LinkTest?tenant=7" if binding == "http" else b"/in?tenant=7"
    assert request.startswith(b"POST " + path + b" HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (answer("200 OK", b"<Pack", length=500), "the answer broke off (5/500 B)"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n<Pack", "the answer broke off"),
        (b"", "it closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH_9\r\n", "what answered there speaks no HTTP"),
        (answer("200 OK", b"x" * 5000), "the answer is longer than [peer.limits] max_document = 4096"),
        (answer("200 OK", b"no gzip", "Content-Encoding: gzip"), "the answer: not valid gzip"),
        (answer("200 OK", b""), "HTTP 200 without a readable answer"),
        (answer("200 OK"), "element html is not allowed here: expected Package"),
    ],
)
def test_an_answer_that_is_none_is_told_as_what_it_is(tmp_path: Path, reply: bytes, said: str) -> None:
    found, _ = tried(tmp_path, reply)
    assert said in found["en"], found["en"]
    assert not found["ok"]


def test_a_receipt_is_no_fault_of_the_charset(tmp_path: Path) -> None:
    def receipt(request: bytes) -> bytes:
        asked = CODEC.decode(request.partition(b"\r\n\r\n")[2]).header
        head = Header(asked.code, asked.serial, "CRM001", "CH0001", asked.area, asked.send_time, "0.9", "B", result_code="0001")
        body = {"code": "0001", "text": "已受理"}
        return answer("200 OK", CODEC.encode(Document(CATALOGUE.message(asked.code), RECEIPT, head, body), "UTF-8"))

    found, _ = tried(tmp_path, receipt)
    assert "it took the message and answered Receipt 0001" in found["en"], found["en"]
    assert "check the charset" not in found["en"]
