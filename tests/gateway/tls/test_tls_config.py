"""The ``tls`` tables of a configuration: what is wrong with them and where, and certificates that end (hardening.md T)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gateway.cli.peer import peer
from gateway.config.faults import ConfigError
from gateway.config.file import load_file
from gateway.onboarding.check import PeerCheck
from gateway.tls import certificates
from gateway.tls.faults import CLOSED, fault_of
from tests.gateway.authority import Authority

DAY_MS = 86_400_000
OURS = '[gateway]\nsystem_id = "CRM001"\nareas = ["025"]\n\n'
HEAD = OURS + '[[listen]]\nname = "s"\naddress = "tcp://127.0.0.1:0"\nlayout = "ctif-128"\n'
SERVER = '[listen.tls]\ncertificate_file = "crm.crt"\nkey_file = "crm.key"\n'
PEER = '\n[[peer]]\nid = "PF0001"\nrole = "PF"\nlisten = "s"\nconnect = ["tls://127.0.0.1:7443"]\n'
PIN = f'certificate_sha256 = "{"a" * 64}"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    authority = Authority(tmp_path, "ca")
    authority.issue("crm")
    authority.issue("old", days=-1)
    authority.issue("fresh", days=300)
    (tmp_path / "junk.pem").write_text("no certificate")
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    locked = authority._new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    (tmp_path / "locked.key").write_bytes(locked)
    return tmp_path


def written(folder: Path, text: str) -> Path:
    path = folder / "bssgw.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        HEAD + SERVER + PEER,
        HEAD + SERVER + 'client_ca_file = "ca.pem"\n' + PEER + '[peer.tls]\nca_file = "ca.pem"\n' + PIN,
        HEAD + PEER + '[peer.tls]\nca_file = "ca.pem"\ncertificate_file = "crm.crt"\nkey_file = "crm.key"\n',
    ],
)
def test_what_is_right_is_taken(folder: Path, text: str) -> None:
    config = load_file(written(folder, text))
    assert config.peer[0].connect == ("tls://127.0.0.1:7443",)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (HEAD + SERVER.replace("crm.crt", "junk.pem"), 10, "no PEM certificate can be read from it"),
        (HEAD + SERVER.replace("crm.key", "junk.pem"), 11, "no PEM private key can be read from it"),
        (HEAD + SERVER.replace("crm.key", "old.key"), 11, "the key is not that of certificate_file"),
        (HEAD + SERVER.replace("crm.key", "locked.key"), 11, "the key has a password"),
        (HEAD + SERVER.replace("crm.key", "none.key"), 11, "no such file"),
        (HEAD + SERVER + 'client_ca_file = "junk.pem"\n', 12, "no PEM certificate can be read from it"),
        (HEAD + SERVER + 'crl_file = "junk.pem"\n', 12, "no PEM list of revoked certificates"),
        (HEAD + PEER + '[peer.tls]\ncertificate_file = "crm.crt"\n', 15, "certificate_file and key_file go together"),
        (HEAD + PEER.replace("tls:", "tcp:") + '[peer.tls]\nca_file = "ca.pem"\n', 15, "no tls:// address in connect"),
        (HEAD + SERVER + PEER + "[peer.tls]\n" + PIN, 19, "its listen needs client_ca_file"),
        (HEAD.replace("tcp:", "tls:") + SERVER, 7, "[listen.tls] makes it TLS"),
        (HEAD + PEER.replace("tls://127.0.0.1:7443", "ssl://a:1"), 14, "tls:// for TLS"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(folder: Path, text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        load_file(written(folder, text))
    assert any(fault.line == line and said in fault.en and fault.zh for fault in error.value.faults), error.value.lines()


@pytest.mark.parametrize(
    ("name", "state", "said"), [("crm", "soon", "ends within 30 days"), ("old", "expired", "expired"), ("fresh", "ok", "")]
)
def test_check_warns_of_a_certificate_that_ends(
    folder: Path, name: str, state: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PeerCheck, "_why_not", lambda *_: "")  # that its messages are good costs most, and is tested elsewhere
    path = written(folder, HEAD + SERVER.replace("crm", name) + PEER)
    done = CliRunner().invoke(peer, ["check", "PF0001", "--config", str(path), "--json"])
    (found,) = json.loads(done.stdout)["peers"]
    (one,) = found["certificates"]
    assert (done.exit_code, one["where"], one["state"]) == (0, "listen s certificate_file", state)
    assert said in one["en"]
    told = CliRunner().invoke(peer, ["check", "PF0001", "--config", str(path)]).stdout
    assert (f"{name}.crt" in told) is (state != "ok")


def test_a_certificate_that_has_not_begun_is_told(folder: Path) -> None:
    one = certificates.Certificate("listen s certificate_file", "f", "CN=crm", 10 * DAY_MS, 300 * DAY_MS)
    states = [certificates.report([one], day * DAY_MS)[0]["state"] for day in (0, 10, 269, 270, 300)]
    assert states == ["early", "ok", "ok", "soon", "expired"]


class Said(Exception):
    """An error as OpenSSL's bindings raise it."""


Said.__module__ = "OpenSSL.SSL"


@pytest.mark.parametrize(
    ("words", "verify", "said"),
    [
        ("certificate verify failed", 10, "has expired"),
        ("certificate verify failed", 9, "not valid yet"),
        ("certificate verify failed", 20, "no trusted authority"),
        ("certificate verify failed", 62, "for another host"),
        ("certificate verify failed", 23, "revoked"),
        ("certificate verify failed", 99, "does not stand up to checking"),
        ("tlsv13 alert certificate required", 0, "the other side wants a certificate"),
        ("ssl/tls alert certificate expired", 0, "says our certificate has expired"),
        ("tlsv1 alert unknown ca", 0, "does not accept our certificate"),
        ("no shared cipher", 0, "no cipher in common"),
        ("wrong version number", 0, "does not speak TLS"),
        ("something new", 0, "the TLS handshake failed"),
    ],
)
def test_what_openssl_says_is_said_for_people(words: str, verify: int, said: str) -> None:
    fault = fault_of(Said([("SSL routines", "", words)]), verify)
    assert said in fault.en
    assert fault.zh
    assert words in fault.text


def test_a_connection_that_just_ends_is_told_as_such() -> None:
    error: Any = ConnectionResetError()
    assert fault_of(error) is CLOSED


def test_a_certificate_many_rows_name_is_warned_of_once() -> None:
    rows = [
        {"where": f"peer {peer} ca_file", "file": "ca.pem", "subject": "CN=ca", "state": state}
        for peer, state in (("PF0001", "soon"), ("RM0001", "soon"), ("BIL001", "ok"))
    ]
    assert [row["where"] for row in certificates.warnings(rows)] == ["peer PF0001 ca_file, peer RM0001 ca_file"]
