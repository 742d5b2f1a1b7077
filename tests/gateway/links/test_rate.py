"""How many messages a peer may send: the bucket, every binding's refusal, nothing stored, peers apart (spec 02: 2006)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.model import Peer
from gateway.links import rate
from gateway.links.rate import Bucket, Rates
from gateway.proof.heap_clock import HeapClock
from tests.gateway.links.test_logins import login as logging_in
from tests.gateway.rig import PEERS, START, result_of
from tests.gateway.web.rig import CODEC, WEB_PEERS, Rig, ask, enveloped, packet_of, request, soap, submission, web_rig
from tests.gateway.web.test_http_envelopes import FORM, foreign, voice


def limited(**rate: Any) -> dict[str, Any]:
    return {"rate": rate}


def stored(rig: Rig) -> int:
    return int(rig.one("SELECT count(*) FROM message WHERE direction = 'in'"))


@given(st.floats(0.01, 10_000), st.integers(1, 50), st.lists(st.integers(0, 3_000), max_size=60))
def test_never_more_than_the_burst_and_what_came_in_since(per_second: float, burst: int, gaps: list[int]) -> None:
    bucket, now, passed = Bucket(per_second, burst, 0), 0, 0
    for gap in gaps:
        now += gap
        if bucket.lacks(now) == 0:
            bucket.take()
            passed += 1
    assert passed <= burst + now * per_second / 1000 + 1e-6


@given(st.floats(0.01, 2_000), st.integers(1, 5))
def test_who_waits_as_long_as_told_is_let_in(per_second: float, burst: int) -> None:
    bucket = Bucket(per_second, burst, 0)
    for _ in range(burst):
        bucket.take()
    wait = bucket.lacks(0)
    assert wait > 0
    assert bucket.lacks(wait + 1) == 0


def test_a_clock_set_back_gives_and_takes_nothing() -> None:
    bucket = Bucket(1, 1, 10_000)
    bucket.take()
    assert bucket.lacks(5_000) == 1000
    assert bucket.lacks(5_500) == 500
    assert bucket.lacks(6_000) == 0


def test_addresses_are_apart_and_bounded_in_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MOST_ADDRESSES", 100)
    clock = HeapClock(START)
    rates = Rates([Peer.model_validate({"id": "CH0001", "role": "channel", **limited(per_address=1)})], clock)
    assert [rates.wait("CH0001", host) for host in ("10.0.0.1", "10.0.0.2", "10.0.0.1")] == [0, 0, 1000]
    for number in range(200):
        rates.wait("CH0001", f"10.{number}")
    assert rates.status()[0]["addresses"] <= 101
    assert rates.wait("CH0001", "one more") > 0
    clock.advance(5_000)
    assert rates.wait("CH0001", "yet another") == 0


def test_strangers_in_crowds_are_not_each_an_occasion_to_look_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MOST_ADDRESSES", 50)
    looked: list[int] = []
    monkeypatch.setattr(Bucket, "is_full", lambda bucket, now: bool(looked.append(now)))
    rates = Rates([Peer.model_validate({"id": "CH0001", "role": "channel", **limited(per_address=1)})], HeapClock(START))
    for number in range(500):
        rates.wait("CH0001", f"10.{number}")
    assert len(looked) == 50


def test_a_peer_without_limits_has_none() -> None:
    rates = Rates([Peer.model_validate({"id": "CH0001", "role": "channel"})], HeapClock(START))
    assert (rates.any, rates.status(), rates.wait("CH0001", "")) == (False, [], 0)


def test_beyond_its_rate_a_peer_gets_2006_on_its_socket_and_its_bytes_are_welcome_later() -> None:
    rig = Rig((PEERS[0] | limited(messages=1, burst=2), *PEERS[1:]))
    wire = rig.caller()
    packets = [packet_of(submission(number)) for number in range(1, 5)]
    answers = {packet.serial: result_of(packet)[0] for packet in rig.ask(wire, *packets, seconds=0.1) if packet.is_answer}
    assert [answers[packet.serial] for packet in packets] == ["0001", "0001", "2006", "2006"]
    assert (stored(rig), rig.one("SELECT count(*) FROM service_order")) == (2, 2)
    assert rig.gateway.status()["rates"] == [
        {"peer": "CH0001", "messages": 1, "per_address": None, "addresses": 0, "refused": 2}
    ]
    rig.run(2)
    again = rig.ask(wire, *packets[2:], seconds=0.1)
    assert [packet.result for packet in again if packet.is_answer] == ["0001", "0001"]


def test_a_flood_of_one_peer_takes_nothing_from_another() -> None:
    other = {"id": "CH0002", "role": "channel", "listen": "s"}
    rig = Rig((PEERS[0] | limited(messages=1), other, *PEERS[1:]))
    wire = rig.caller()
    rig.ask(wire, *(packet_of(submission(number)) for number in range(1, 30)), seconds=0.1)
    quiet = [packet_of(submission(number, sender="CH0002")) for number in range(40, 44)]
    assert [packet.result for packet in rig.ask(rig.caller(), *quiet)] == ["0001"] * 4


def test_damaged_packets_count_and_heartbeats_do_not() -> None:
    rig = Rig((PEERS[0] | limited(messages=1, burst=1), *PEERS[1:]))
    wire = rig.caller()
    raw = bytearray(wire.layout.encode(packet_of(submission(1))))
    raw[-20] ^= 1
    wire.write(bytes(raw) * 3)
    rig.run(0.1)
    assert sorted(packet.result for packet in wire.got) == ["1007", "2006", "2006"]
    rig.run(130)
    assert (wire.open, wire.beats) == (True, 2)
    assert [packet.result for packet in rig.ask(wire, packet_of(submission(2))) if packet.is_answer] == ["0001"]


def test_over_http_it_is_429_with_the_time_to_wait() -> None:
    rig = web_rig(({**WEB_PEERS[0], "binding": "http", **limited(messages=0.1, burst=1)}, *WEB_PEERS[1:]))
    first, second = (ask(rig, request("/if/SubmitOrder", submission(number)), seconds=0) for number in (1, 2))
    assert (first.status, first.code) == (200, "0001")
    assert (second.status, second.code, second.headers["retry-after"]) == (429, "2006", "10")
    assert stored(rig) == 1
    rig.run(10)
    assert ask(rig, request("/if/SubmitOrder", submission(2))).code == "0001"


@pytest.mark.parametrize(("version", "status"), [("1.1", 500), ("1.2", 400)])
def test_over_soap_it_is_a_fault_with_the_receipt(version: Any, status: int) -> None:
    rig = web_rig(({**WEB_PEERS[0], **limited(per_address=0.1)}, *WEB_PEERS[1:]))
    first, second = (soap(rig, enveloped(submission(number), version), version) for number in (1, 2))
    assert (first.status, first.code) == (200, "0001")
    assert (second.status, second.code, second.headers["retry-after"]) == (status, "2006", "9")
    assert second.xml.xpath("//*[local-name()='Fault']//*[local-name()='Receipt']")
    assert stored(rig) == 1
    bad = soap(rig, enveloped(submission(3), version).replace(b"</", b"<", 1), version)
    assert (bad.code, stored(rig)) == ("1001", 1)


def test_another_envelope_says_it_in_its_own_words() -> None:
    rig = foreign("uni-bss", **limited(messages=1, burst=1))
    raws = [voice(rig, "CH0001").encode(CODEC.decode(submission(number)), "UTF-8") for number in (1, 2)]
    answers = [ask(rig, request("/if", raw, FORM), seconds=0.1) for raw in raws]
    assert [(one.status, one.headers["content-type"]) for one in answers] == [(200, FORM), (429, FORM)]
    asked = CODEC.decode(submission(2)).header
    told = voice(rig, "CH0001").decode_answer(answers[1].body, "UTF-8", asked)
    assert (told.element, told.body["code"]) == ("Receipt", "2006")
    assert stored(rig) == 1


def test_guessing_secrets_is_slowed_by_address_before_any_digest_is_made(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a shared secret", encoding="utf-8")
    login = {"required": True, "secret_file": tmp_path / "secret"}
    rig = Rig((PEERS[0] | {"login": login} | limited(per_address=1, per_address_burst=2), *PEERS[1:]))
    answers = [rig.ask(rig.caller(), logging_in(number, key="a guess"), seconds=0.01)[0].result for number in range(4)]
    assert answers == ["2003", "2003", "2006", "2006"]
    rig.run(3)
    assert rig.ask(rig.caller(), logging_in(9, key="a shared secret", at=rig.clock.now()), seconds=0.01)[0].result == "0000"
