"""Renewed certificate files are used from the next handshake on; what cannot be used is told, and the old ones stay."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from gateway.config.http import ClientTls, ServerTls
from gateway.tls import certificates
from tests.gateway.authority import Authority
from tests.gateway.tls.test_tls import ask, tls_rig

pytest.importorskip("OpenSSL")
pytest.importorskip("service_identity")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "test-authority")


def renewed(path: Path) -> None:
    """Files written within one tick of the file system's clock are told apart here by a time of their own."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1_000_000_000))


def codes(rig: Any, tls: ClientTls) -> list[str]:
    return [answer.code for answer in ask(rig, tls)[0]]


def test_a_listener_shows_its_new_certificate_at_the_next_handshake(authority: Authority, tmp_path: Path, capsys: Any) -> None:
    rig = tls_rig(authority)
    assert codes(rig, ClientTls(ca_file=authority.file)) == ["0001"]
    new = Authority(tmp_path, "new-authority")
    for path in new.issue("crm.example")[:2]:
        renewed(path)
    assert codes(rig, ClientTls(ca_file=new.file)) == ["0001"]
    assert "tls.renewed" in capsys.readouterr().out


@pytest.mark.parametrize("damage", ["key of another", "no certificate", "gone"])
def test_what_cannot_be_used_is_told_once_and_the_old_one_stays(
    authority: Authority, tmp_path: Path, damage: str, capsys: Any
) -> None:
    rig = tls_rig(authority)
    mine = ClientTls(ca_file=authority.file)
    certificate, key = tmp_path / "crm.example.crt", tmp_path / "crm.example.key"
    kept = certificate.read_bytes()
    if damage == "key of another":
        key.write_bytes(authority.issue("somebody")[1].read_bytes())
        renewed(key)
    elif damage == "gone":
        certificate.unlink()
    else:
        certificate.write_text("half a certif", encoding="ascii")
    assert [codes(rig, mine), codes(rig, mine)] == [["0001"], ["0001"]]
    told = capsys.readouterr().out
    assert told.count("tls.not_renewed") == 1
    assert "旧证书" in told
    if damage != "key of another":
        certificate.write_bytes(kept)
        renewed(certificate)
        assert codes(rig, mine) == ["0001"]
        assert "tls.renewed" in capsys.readouterr().out


def test_a_client_trusts_a_new_authority_from_its_next_connect(authority: Authority, tmp_path: Path) -> None:
    from gateway.tls.layer import SecureEndpoints
    from tests.gateway.web.rig import Browsers

    rig = tls_rig(authority)
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(Authority(tmp_path, "old-authority").file.read_bytes())

    class Wires:
        @staticmethod
        def client(address: str) -> Any:
            return rig.network.client("mem://web")

    endpoint = SecureEndpoints(Wires(), ClientTls(ca_file=trusted), rig.clock).client("https://crm.example")
    failures: list[Any] = []
    endpoint.connect(Browsers()).addErrback(failures.append)
    rig.run(1)
    assert len(failures) == 1
    trusted.write_bytes(authority.file.read_bytes())
    renewed(trusted)
    good = Browsers()
    endpoint.connect(good)
    rig.run(1)
    assert len(good.made) == 1


def test_status_says_the_end_of_the_new_one(authority: Authority) -> None:
    rig = tls_rig(authority)
    (before,) = rig.gateway.status()["certificates"]
    for path in authority.issue("crm.example", days=90)[:2]:
        renewed(path)
    (after,) = rig.gateway.status()["certificates"]
    assert after["days"] - before["days"] == 60  # whatever the day is
    authority.folder.joinpath("crm.example.crt").unlink()
    assert rig.gateway.status()["certificates"] == [after]


def test_an_expired_certificate_needs_no_restart(authority: Authority) -> None:
    tls = ServerTls(certificate_file=authority.issue("x", days=-1)[0], key_file=authority.folder / "x.key")
    found = certificates.read(tls.certificate_file)[0]
    one = certificates.Certificate("w", "f", "s", 0, int(found.not_valid_after_utc.timestamp()) * 1000)
    (told,) = certificates.report([one], one.ends + 1)
    assert (told["state"], "重启" in told["zh"], "restart" in told["en"]) == ("expired", False, False)
