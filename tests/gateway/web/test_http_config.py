"""Rows of HTTP listeners and peers: what they may say, every fault at once with what to do (spec 01.3, 01.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.faults import ConfigError
from gateway.config.file import parse
from gateway.onboarding.check import PeerCheck
from schemas.loader import load
from schemas.wsdl import Contract, offered

CATALOGUE = load()

HEAD = """[gateway]
system_id = "CRM001"
areas = ["025"]
[[listen]]
name = "web"
address = "tcp://127.0.0.1:7180"
binding = "http"
"""
PEER = """[[peer]]
id = "PF0001"
role = "PF"
binding = "soap"
connect = ["https://pf.example:8443/crm"]
"""


def faults(text: str, base: Path) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse(text, "x.toml", base)
    return [f"{fault.key}: {fault.en}" for fault in caught.value.faults]


def test_a_soap_peer_speaks_utf_8_and_its_files_lie_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("open sesame\n", encoding="utf-8")
    text = HEAD + PEER + '[peer.http]\nauth = "basic"\nuser = "crm"\npassword_file = "secret"\n'
    config = parse(text, "x.toml", tmp_path)
    (peer,) = config.peer
    assert (peer.charset, peer.http.password()) == ("UTF-8", "open sesame")
    assert config.listen[0].http.max_body == 1 << 20


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD.replace('binding = "http"\n', ""), ["listen[1]: layout is missing (the packet header's form)"]),
        (HEAD.replace("tcp://", "http://"), ["listen[1].address: write tcp://; [listen.tls] makes it TLS"]),
        (HEAD + PEER + 'charset = "GB18030"\n', ["peer[1].charset: SOAP is UTF-8: remove this key"]),
        (HEAD + PEER.replace("https://", "tcp://").replace("/crm", ""), ["peer[1].connect[1]: starts with http:// | https://"]),
        (HEAD + PEER.replace('binding = "soap"\n', ""), ["peer[1].connect[1]: starts with tcp:// | tls://"]),
        (HEAD + PEER.replace('/crm"]', '/crm", "https://pf2.example/other"]'),
         ["peer[1].connect: all addresses must have the same path"]),
        (HEAD + PEER.replace('/crm"]', '/crm?a=1", "https://pf2.example/crm?a=2"]'),
         ["peer[1].connect: all addresses must have the same query"]),
        (HEAD + PEER.replace("https://", "https://crm:open@"), ["peer[1].connect[1]: no user or password in an address: write "
                                                                'auth = "basic", user and password_file under [peer.http]']),
        (HEAD + PEER.replace("/crm", "/crm#a"), ["peer[1].connect[1]: what follows # is never sent: remove it, or write %23"]),
        (HEAD + PEER.replace("pf.example:8443/crm", "服务.example:8443/业务?名=甲&b=%20"),
         ["peer[1].connect[1]: an address is ASCII: write https://xn--zfr188b.example:8443/%E4%B8%9A%E5%8A%A1?%E5%90%8D=%E7%94%B2&b=%20"]),
        (HEAD + PEER.replace(":8443", ":port"),
         ["peer[1].connect[1]: host or port is wrong: write https://host:port/path, a port up to 65535"]),
        (HEAD + PEER + '[peer.http]\nauth = "digest"\nuser = "a"\n',
         ["peer[1].http: basic and digest need user and password_file"]),
        (HEAD + PEER + '[peer.http]\nauth = "certificate"\n', ["peer[1].http: certificate needs certificate_sha256"]),
        (HEAD + PEER + '[peer.http]\npassword_file = "none"\n', ["peer[1].http.password_file: no such file"]),
        (HEAD + PEER + '[peer.tls]\nca_file = "none"\n', ["peer[1].tls.ca_file: no such file"]),
        (HEAD + PEER + '[peer.http]\ncertificate_sha256 = "abc"\n',
         ["peer[1].http.certificate_sha256: must be 64 lower-case hex digits (SHA-256 of the public key)"]),
        (HEAD + PEER + "[peer.rate]\nburst = 5\n", ["peer[1].rate.burst: needs messages beside it"]),
        (HEAD + PEER + "[peer.rate]\nmessages = 0\n", ["peer[1].rate.messages: must be greater than 0.0"]),
        (HEAD + PEER + 'envelope = "root-hb"\n', ["peer[1].envelope: other envelopes travel as text: write operation = "
                                                  '"exchange" under [peer.http]']),
    ],
)  # fmt: skip
def test_faults(tmp_path: Path, text: str, said: list[str]) -> None:
    assert faults(text, tmp_path) == said


@pytest.mark.parametrize("content", ["", "\n", " \r\n"])
def test_an_empty_password_file_would_let_everybody_in(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_text(content, encoding="utf-8")
    text = HEAD + PEER + '[peer.http]\nauth = "basic"\nuser = "crm"\npassword_file = "secret"\n'
    with pytest.raises(ConfigError, match="the file is empty"):
        parse(text, "x.toml", tmp_path)


@pytest.mark.parametrize("password", ["open", "open#s", "open/s", "open?s", "open:s", "开门open"])
def test_a_password_in_an_address_is_not_shown(tmp_path: Path, password: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(HEAD + PEER.replace("https://", f"https://crm:{password}@").replace("8443/crm", "8443/服务#"), "x.toml", tmp_path)
    assert "open" not in str(caught.value)


def test_an_address_may_have_a_query(tmp_path: Path) -> None:
    text = HEAD + PEER.replace("/crm", "/%E4%B8%9A?tenant=7&b=%20")
    assert parse(text, "x.toml", tmp_path).peer[0].connect == ("https://pf.example:8443/%E4%B8%9A?tenant=7&b=%20",)


@pytest.fixture
def wsdl(tmp_path: Path) -> Path:
    """Our contract for provisioning with its schemas, as a partner would hand it over."""
    made = Contract(CATALOGUE, offered(CATALOGUE, "PF"), "PF")
    (tmp_path / "xsd").mkdir()
    for name, data in made.schemas.items():
        (tmp_path / "xsd" / name).write_bytes(data)
    path = tmp_path / "pf.wsdl"
    path.write_bytes(made.wsdl("http://pf.example/soap", "xsd/"))
    return path


WSDL = '[peer.http]\nwsdl_file = "pf.wsdl"\n'


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        ("not even XML", "", "cannot read the WSDL pf.wsdl"),
        ("<html><body/></html>", "", "pf.wsdl"),
        ('<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/"/>', "", "has no SOAP service: is it a WSDL?"),
        (None, "", ""),
        (None, 'operation = "exchange"\n', ""),
        ("without exchange", 'operation = "exchange"\n', "has no operation exchange"),
        ("without messages", "", "has no operation for any message we send"),
    ],
)
def test_a_wsdl_that_cannot_be_used_is_a_fault_of_the_file(
    tmp_path: Path, wsdl: Path, content: str | None, more: str, said: str
) -> None:
    text = wsdl.read_text(encoding="utf-8")
    if content == "without exchange":
        wsdl.write_text(text.replace('operation name="exchange"', 'operation name="other"'), encoding="utf-8")
    elif content == "without messages":
        wsdl.write_bytes(Contract(CATALOGUE, (), "PF").wsdl("http://pf.example/soap", "xsd/"))
    elif content is not None:
        wsdl.write_text(content, encoding="utf-8")
    if not said:
        assert parse(HEAD + PEER + WSDL + more, "x.toml", tmp_path).peer[0].http.wsdl_file == wsdl
        return
    (found,) = faults(HEAD + PEER + WSDL + more, tmp_path)
    assert found.startswith("peer[1].http.wsdl_file: ")
    assert said in found


def test_peer_check_tells_every_message_the_partners_wsdl_lacks(
    tmp_path: Path, wsdl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PeerCheck, "_there_and_back", lambda *_: "")
    rows = [row for row in offered(CATALOGUE, "PF") if row.name != "DispatchOrder"]
    wsdl.write_bytes(Contract(CATALOGUE, tuple(rows), "PF").wsdl("http://pf.example/soap", "xsd/"))
    config = parse(HEAD + PEER + WSDL, "x.toml", tmp_path)
    found = PeerCheck(config, 0).report(config.peer[0])["faults"]
    assert [(fault["message"].partition(" ")[2], "has no operation DispatchOrder" in fault["text"]) for fault in found] == [
        ("DispatchOrder", True)
    ]
