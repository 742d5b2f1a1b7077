"""TLS and mutual TLS of the HTTP bindings, both ways, over the in-memory network (hardening.md T)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError as Refused

from gateway.clock import Entropy
from gateway.config.http import ClientTls, HttpLimits, ServerTls
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from gateway.tls.faults import TlsFailed
from gateway.tls.layer import TlsEndpoint, server_factory
from gateway.web.site import HttpSite
from tests.gateway.authority import Authority
from tests.gateway.web.rig import LISTENS, PEERS, START, WEB_PEERS, Browsers, Rig, enveloped, request, submission, web_rig
from tests.gateway.web.test_http_link import Partner, accept

pytest.importorskip("OpenSSL")
pytest.importorskip("service_identity")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "test-authority")


def tls_rig(authority: Authority, *, mutual: bool = False, peer: dict[str, Any] | None = None) -> Rig:
    certificate, key, _ = authority.issue("crm.example")
    tls = {"certificate_file": certificate, "key_file": key}
    if mutual:
        tls["client_ca_file"] = authority.file
    return web_rig(({**WEB_PEERS[0], **(peer or {})}, *WEB_PEERS[1:]), [LISTENS[0], {**LISTENS[1], "tls": tls}])


def ask(rig: Rig, tls: ClientTls, host: str = "crm.example") -> tuple[list[Any], bool]:
    """Posts one order; answers, and whether the connection still stands."""
    factory = Browsers()
    failures: list[Any] = []
    TlsEndpoint(rig.network.client("mem://web"), host, tls, rig.clock).connect(factory).addErrback(failures.append)
    rig.run(1)
    if failures:
        raise failures[0].value
    (client,) = factory.made
    client.write(request("/soap", enveloped(submission(1))))
    rig.run(2)
    return client.responses(), client.open


def test_a_server_that_proves_itself_is_spoken_with(authority: Authority) -> None:
    answers, _ = ask(tls_rig(authority), ClientTls(ca_file=authority.file))
    assert [answer.code for answer in answers] == ["0001"]


@pytest.mark.parametrize(("why", "said"), [("name", "for another host"), ("authority", "no trusted authority")])
def test_a_server_that_does_not_is_not(authority: Authority, tmp_path: Path, why: str, said: str) -> None:
    rig = tls_rig(authority)
    other = Authority(tmp_path, "other-authority")
    trusted, host = (authority.file, "rm.example") if why == "name" else (other.file, "crm.example")
    with pytest.raises(TlsFailed, match=said):
        ask(rig, ClientTls(ca_file=trusted), host)
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 0


def test_with_mutual_tls_a_certificate_names_its_peer(authority: Authority, tmp_path: Path) -> None:
    certificate, key, digest = authority.issue("counter")
    rig = tls_rig(authority, mutual=True, peer={"http": {"auth": "certificate", "certificate_sha256": digest}})
    mine = ClientTls(ca_file=authority.file, certificate_file=certificate, key_file=key)
    assert [answer.code for answer in ask(rig, mine)[0]] == ["0001"]
    certificate, key, _ = authority.issue("somebody")
    theirs = ClientTls(ca_file=authority.file, certificate_file=certificate, key_file=key)
    assert [answer.code for answer in ask(rig, theirs)[0]] == ["2003"]


@pytest.mark.parametrize("who", ["nobody", "a stranger", "yesterday's"])
def test_with_mutual_tls_no_certificate_of_our_authority_means_no_request(
    authority: Authority, tmp_path: Path, who: str
) -> None:
    rig = tls_rig(authority, mutual=True)
    tls = ClientTls(ca_file=authority.file)
    if who != "nobody":
        issuer = Authority(tmp_path, "other-authority") if who == "a stranger" else authority
        certificate, key, _ = issuer.issue("counter", days=-1 if who == "yesterday's" else 30)
        tls = ClientTls(ca_file=authority.file, certificate_file=certificate, key_file=key)
    answers, stands = ask(rig, tls)
    assert (answers, stands) == ([], False)
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 0


def test_a_client_that_says_nothing_is_closed_at_the_header_deadline(authority: Authority) -> None:
    rig = tls_rig(authority)
    factory = Browsers()
    rig.network.client("mem://web").connect(factory)
    rig.run(9)
    assert factory.made[0].open
    rig.run(3)
    assert not factory.made[0].open


def test_over_tls_too_connections_beyond_the_limit_are_closed_at_once(authority: Authority) -> None:
    certificate, key, _ = authority.issue("crm.example")
    web = {**LISTENS[1], "tls": {"certificate_file": certificate, "key_file": key}, "http": {"max_per_address": 1}}
    rig = web_rig(WEB_PEERS, [LISTENS[0], web])
    rig.network.client("mem://web").connect(Browsers())
    rig.run(1)
    with pytest.raises(Refused):
        ask(rig, ClientTls(ca_file=authority.file))
    assert rig.gateway._https[0].site.connections == 1


def test_our_messages_go_over_tls_with_our_certificate(authority: Authority) -> None:
    certificate, key, _ = authority.issue("partner.example")
    own, own_key, _ = authority.issue("gateway")
    clock = HeapClock(START)
    network = MemoryNetwork(clock, Entropy(1))
    pf = {
        "id": "PF0001", "role": "PF", "binding": "soap", "connect": ["https://partner.example/soap"], "listen": "s",
        "tls": {"ca_file": authority.file, "certificate_file": own, "key_file": own_key},
    }  # fmt: skip
    rig = Rig((PEERS[0], pf, PEERS[2]), clock=clock, network=network)
    partner = Partner(rig, accept(), address="mem://unused")
    site = HttpSite(HttpLimits(), clock, partner.site.handle)
    server = ServerTls(certificate_file=certificate, key_file=key, client_ca_file=authority.file)
    network.server("tcp://partner.example:443").listen(server_factory(server, site, clock))
    job = rig.send("A", "B")
    rig.run(5)
    assert sorted(partner.serials) == sorted(job.serials)
    assert set(rig.out().values()) == {"DONE"}


def test_a_partner_that_does_not_prove_itself_is_sent_nothing_and_why_is_told(authority: Authority, tmp_path: Path) -> None:
    certificate, key, _ = Authority(tmp_path, "other-authority").issue("partner.example")
    clock = HeapClock(START)
    network = MemoryNetwork(clock, Entropy(1))
    pf = {"id": "PF0001", "role": "PF", "binding": "soap", "connect": ["https://partner.example/soap"], "listen": "s",
          "tls": {"ca_file": authority.file}}  # fmt: skip
    rig = Rig((PEERS[0], pf, PEERS[2]), clock=clock, network=network)
    partner = Partner(rig, accept(), address="mem://unused")
    site = HttpSite(HttpLimits(), clock, partner.site.handle)
    server = ServerTls(certificate_file=certificate, key_file=key)
    network.server("tcp://partner.example:443").listen(server_factory(server, site, clock))
    rig.send("A")
    rig.run(5)
    assert (partner.serials, set(rig.out().values())) == ([], {"RETRY"})
    link = next(one for one in rig.gateway.status()["links"] if one["peer"] == "PF0001")
    assert "is of no trusted authority" in link["fault"]
    assert "不是受信机构签发" in link["fault"]
