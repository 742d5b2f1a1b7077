"""Clients other toolkits make of our WSDL, as it is served and unmodified (spec 01.3)."""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.soap.names import MEDIA, SoapVersion
from adapters.soap.writing import Frame
from tests.interop.conftest import CATALOGUE, CLIENTS, PYTHON, RARE, Served, given, needs, run

pytestmark = pytest.mark.interop

Call = Callable[[str, SoapVersion, str, dict[str, Any]], dict[str, Any]]
OPERATIONS = ("LinkTest", "SubmitOrder", "SubmitOrder refused", "exchange")


@pytest.fixture
def calls(tmp_path: Path, served: Served, request: pytest.FixtureRequest) -> dict[str, Call]:
    """Each toolkit's way to call."""
    url = f"{served.url}/soap"

    def script(*command: object) -> Call:
        def call(_: str, version: SoapVersion, operation: str, values: dict[str, Any]) -> dict[str, Any]:
            path = tmp_path / "given.json"
            path.write_text(json.dumps(values), encoding="utf-8")
            return run(*command, url, version, operation, path)

        return call

    def gsoap(_: str, version: SoapVersion, operation: str, values: dict[str, Any]) -> dict[str, Any]:
        client = request.getfixturevalue("gsoap_client")
        path = tmp_path / "body.xml"
        path.write_text(values["document"] if operation == "exchange" else values["xml"], encoding="utf-8")
        head = values["header"]
        fields = [head[name] for name in ("MessageCode", "Serial", "Sender", "Receiver", "Area", "SendTime", "Mode")]
        return run(client, url, version, operation, path, *fields)

    return {
        "zeep": script(PYTHON, CLIENTS / "zeep_client.py"),
        "node-soap": script("node", CLIENTS / "node_client.js"),
        "PHP SoapClient": script("php", CLIENTS / "php_client.php"),
        "gSOAP": gsoap,
    }


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
@pytest.mark.parametrize("toolkit", ["zeep", "gSOAP", "node-soap", "PHP SoapClient"])
def test_a_toolkits_client(
    calls: dict[str, Call], served: Served, table: Any, toolkit: str, version: SoapVersion, operation: str
) -> None:
    with table(f"{toolkit} {version}", operation):
        name, _, refused = operation.partition(" ")
        found = calls[toolkit](served.url, version, name, given(served, name, good=not refused))
        if refused:
            assert found["fault"]
            assert str(found["code"]) in {code.code for code in CATALOGUE.results() if code.category == "rejected"}
        elif name == "LinkTest":
            assert found["text"] == RARE
        elif name == "exchange":
            assert "<ResultCode>0001</ResultCode>" in found["out"]
        else:
            assert str(found["code"]) == "0001"


CURLS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "gzip both ways": ("--compressed", "-H", "Content-Encoding: gzip"),
    "chunked": ("-H", "Transfer-Encoding: chunked"),
    "Expect: 100-continue": ("-H", "Expect: 100-continue"),
    "HTTP/1.0": ("--http1.0",),
    "empty SOAPAction": ("-H", 'SOAPAction: ""'),
    "wrong SOAPAction": ("-H", "SOAPAction: urn:something:else"),
}


def curl(url: str, body: bytes, media: str, *options: str) -> bytes:
    data = gzip.compress(body) if "Content-Encoding: gzip" in options else body
    command = [needs("curl"), "-sS", "--max-time", "20", "-H", f"Content-Type: {media}", *options, "--data-binary", "@-", url]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("manner", CURLS)
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_curl(served: Served, table: Any, version: SoapVersion, manner: str) -> None:
    with table(f"curl {version}", manner):
        package = given(served, "SubmitOrder")["document"].encode()
        body = Frame(version, CATALOGUE.version()).around(package)
        answer = curl(f"{served.url}/soap", body, f"{MEDIA[version]}; charset=utf-8", *CURLS[manner])
        codes = etree.fromstring(answer).xpath("//*[local-name()='code']")
        assert [code.text for code in codes] == ["0001"]


@pytest.mark.parametrize("charset", ["UTF-8", "GB18030"])
def test_curl_posts_a_document(served: Served, table: Any, charset: str) -> None:
    with table("curl XML over HTTP", charset):
        text = given(served, "SubmitOrder")["document"].partition("?>")[2]
        answer = curl(f"{served.url}/if/SubmitOrder", text.encode(charset), f"application/xml; charset={charset}")
        assert b"<ResultCode>0001</ResultCode>" in answer
