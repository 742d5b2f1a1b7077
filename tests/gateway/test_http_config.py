"""Rows of HTTP listeners and peers: what they may say, every fault at once with what to do (spec 01.3, 01.4)."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config_file import ConfigError, parse

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
