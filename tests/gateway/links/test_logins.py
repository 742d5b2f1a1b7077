"""Login by LN01 on socket links, both ways: nothing before it, one secret, one nonce once, a deadline (spec 01.1.5, 02.1)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.document import Document, Header
from adapters.login import Doorkeeper, credentials, digest_of
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import from_wire_time
from gateway.cli.channel import Channel, NoAnswer
from gateway.config.model import Peer
from tests.gateway.rig import CATALOGUE, CODEC, START, Rig, Station, echo, packet_of, receipt_for, serial, submission

ROW = CATALOGUE.by_element("Login")
SECRET = "一个共享的密钥"
NONCE = b"0123456789abcdef"
PF: dict[str, Any] = {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s"}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n", encoding="utf-8")
    return path


def login(number: int, *, user: str = "CH0001", key: str = SECRET, at: int = START, nonce: bytes = NONCE) -> Packet:
    """A login of the counter's."""
    header = Header(ROW.code, serial(number), "CH0001", "CRM001", "025", "20261122090000", mode="B")
    raw = CODEC.encode(Document(ROW, ROW.name, header, credentials(user, key, at, nonce)), "UTF-8")
    return packet_of(raw)


def listening(secret: Path, **more: Any) -> Rig:
    channel = {"id": "CH0001", "role": "channel", "listen": "s", "login": {"required": True, "secret_file": secret, **more}}
    return Rig((channel,))


def test_the_digest_is_that_of_the_specification() -> None:
    """HMAC-SHA-256 with key "key" over "userx20261122090000nonce", by an independent tool."""
    assert digest_of("key", "userx", "20261122090000", "nonce") == (
        "ef9d605bf9a47d92cdd5cb1b345c4486bc404e0513d46dd3070257eeafd4f5ec"
    )
    body = credentials("userx", "key", START, NONCE)
    assert body["digest"] == digest_of("key", body["user"], body["time"], body["nonce"])


def test_nothing_but_a_login_is_taken_first_and_all_is_after_it(secret: Path) -> None:
    rig = listening(secret)
    wire = rig.caller()
    before, welcome, after = rig.ask(wire, packet_of(submission(1)), login(2), packet_of(submission(3)))
    assert [one.result for one in (before, welcome, after)] == ["2003", "0000", "0001"]
    assert welcome.kind is Kind.REPLY
    answer = CODEC.decode(welcome.body)
    assert (answer.element, answer.body["user"]) == ("LoginAnswer", "CH0001")
    assert rig.one("SELECT count(*) FROM message WHERE direction = 'in'") == 1
    assert rig.ask(rig.caller(), packet_of(submission(4)))[0].result == "2003"


@pytest.mark.parametrize(
    "bad",
    [
        {"user": "CH0002"},
        {"key": "another secret"},
        {"at": START - 301_000},
        {"at": START + 303_000},
    ],
)
def test_a_login_that_does_not_hold_is_2003_and_the_connection_ends(secret: Path, bad: dict[str, Any]) -> None:
    rig = listening(secret)
    wire = rig.caller()
    (refused,) = rig.ask(wire, login(1, **bad))
    assert refused.result == "2003"
    assert not wire.open
    assert rig.ask(rig.caller(), login(2))[0].result == "0000"


def test_after_its_logout_a_peer_has_to_log_in_again(secret: Path) -> None:
    rig = listening(secret)
    row = CATALOGUE.by_element("Logout")
    header = Header(row.code, serial(3), "CH0001", "CRM001", "025", "20261122090000")
    bye = packet_of(CODEC.encode(Document(row, row.name, header, {"reason": "交班"}), "UTF-8"))
    again = login(6, nonce=b"fedcba9876543210")
    packets = (login(1), packet_of(submission(2)), bye, packet_of(submission(4)), bye, again, packet_of(submission(5)))
    answers = rig.ask(rig.caller(), *packets)
    results = {one.serial: one.result for one in answers if one.is_answer}
    assert [results[serial(number)] for number in (1, 2, 4, 6, 5)] == ["0000", "0001", "2003", "0000", "0001"]
    assert [one.result for one in answers if one.serial == serial(3)] == ["2003", "0001"]


def test_a_login_refused_for_its_form_says_what_is_wrong_with_it(secret: Path) -> None:
    rig = listening(secret)
    raw = login(1).body.replace(NONCE.hex().encode(), b"short")
    (refused,) = rig.ask(rig.caller(), packet_of(raw))
    assert refused.result == "2003"
    (fault,) = CODEC.decode(refused.body).body["faults"]
    assert "nonce" in fault["path"]
    assert "short" in fault["text"]


def test_who_is_turned_away_reads_it_in_its_own_charset(secret: Path) -> None:
    channel = {"id": "CH0001", "role": "channel", "listen": "s", "charset": "GB18030"}
    rig = Rig((channel | {"login": {"required": True, "secret_file": secret}},))
    (refused,) = rig.ask(rig.caller(), packet_of(submission(1)))
    assert "认证" in refused.body.decode("gb18030")


def test_a_nonce_counts_once_even_on_another_connection(secret: Path) -> None:
    rig = listening(secret)
    assert rig.ask(rig.caller(), login(1))[0].result == "0000"
    assert rig.ask(rig.caller(), login(2))[0].result == "2003"
    assert rig.ask(rig.caller(), login(3, nonce=b"another nonce...", at=rig.clock.now()))[0].result == "0000"


def test_who_does_not_log_in_is_not_waited_for(secret: Path) -> None:
    rig = listening(secret)
    idle, inside = rig.caller(), rig.caller()
    rig.ask(inside, login(1))
    rig.run(8)
    assert idle.open
    rig.run(2)
    assert (idle.open, inside.open) == (False, True)


def test_the_peer_may_log_in_under_a_name_of_its_own(secret: Path) -> None:
    rig = listening(secret, peer_user="counter")
    assert rig.ask(rig.caller(), login(1, user="counter"))[0].result == "0000"


def test_an_answer_before_login_touches_no_message(secret: Path) -> None:
    rig = Rig((PF | {"login": {"required": True, "secret_file": secret}},))
    station = rig.station("mem://pf", lambda packet: None)
    rig.send("SO1")
    rig.run(16)
    asked = station.received[0]
    assert rig.ask(rig.caller(), receipt_for(asked)) == []
    assert set(rig.out().values()) != {"DONE"}


def admitting(packet: Packet) -> Packet | None:
    """A peer that takes our login and everything after it."""
    if packet.code != ROW.code:
        return receipt_for(packet)
    body = CODEC.decode(packet.body, packet.charset).body
    if Doorkeeper().why_not(body, "CRM-LOGIN", SECRET, from_wire_time(packet.send_time)) is not None:
        return receipt_for(packet, "NOT_AUTHENTICATED")
    header = Header(packet.code, packet.serial, packet.receiver, packet.sender, packet.area, packet.send_time, mode="B",
                    result_code="0000")  # fmt: skip
    raw = CODEC.encode(Document(ROW, str(ROW.answer), header, {"user": body["user"], "time": body["time"]}), "GB18030")
    return echo(packet, raw, Kind.REPLY, "0000")


def calling(secret: Path, **more: Any) -> tuple[Rig, Station]:
    login = {"user": "CRM-LOGIN", "secret_file": secret}
    rig = Rig((PF | {"login": login} | more,), start=False)
    station = rig.station("mem://pf", admitting)
    rig.start()
    return rig, station


@pytest.mark.parametrize("long", [True, False])
def test_we_log_in_before_we_say_anything(secret: Path, long: bool) -> None:
    rig, station = calling(secret, long=long)
    rig.send("SO1", "SO2")
    rig.run(2)
    said: dict[int, list[str]] = {}
    for wire in station.wires:
        said[id(wire)] = [packet.code for packet in wire.got]
    assert all(codes[0] == ROW.code for codes in said.values())
    assert len(said) == (1 if long else 2)
    assert set(rig.out().values()) == {"DONE"}
    assert not any(code == ROW.code for codes in said.values() for code in codes[1:])


@pytest.mark.parametrize("long", [True, False])
def test_while_the_peer_refuses_our_login_messages_wait_and_we_ask_ever_less_often(secret: Path, long: bool) -> None:
    rig, station = calling(secret, long=long)
    secret.write_text("wrong", encoding="utf-8")
    station.script = lambda packet: receipt_for(packet, "NOT_AUTHENTICATED")
    for wire in station.wires:
        wire.drop()
    rig.run(1)
    rig.send("SO1")
    rig.run(600)
    assert 3 < len(station.received) < 60
    assert {packet.code for packet in station.received[1:]} == {ROW.code}
    assert set(rig.out().values()) <= {"READY", "RETRY"}
    station.script = admitting
    rig.run(400)
    assert set(rig.out().values()) == {"DONE"}


def test_a_peer_that_does_not_answer_our_login_is_called_again(secret: Path) -> None:
    rig, station = calling(secret)
    station.script = lambda packet: None
    for wire in station.wires:
        wire.drop()
    rig.run(120)
    assert len(station.wires) > 2
    assert [wire.open for wire in station.wires[:-1]] == [False] * (len(station.wires) - 1)


@pytest.mark.parametrize("layout", ["ctif-128", "dc-64", "len4-le"])
def test_the_counter_logs_in_and_submits_in_any_layout(secret: Path, layout: str) -> None:
    row = {"id": "CH0001", "role": "channel", "listen": "s", "duplex": True, "layout": layout}
    login = {"required": True, "peer_user": "counter", "secret_file": secret}
    rig = Rig((row | {"login": login},), layout=layout)
    channel = Channel(Peer.model_validate(row | {"login": login}), "CRM001", CODEC, rig.clock, "025")
    ready: list[Any] = []
    channel.connect(rig.network.client("mem://crm")).addBoth(ready.append)
    rig.run(1)
    assert ready == [None]
    got: list[Document] = []
    channel.submit(submission(1)).addCallback(got.append)
    rig.run(1)
    assert [document.body["code"] for document in got] == ["0001"]
    secret.write_text("another", encoding="utf-8")
    stranger = Channel(Peer.model_validate(row | {"login": login}), "CRM001", CODEC, rig.clock, "025")
    stranger.connect(rig.network.client("mem://crm")).addBoth(ready.append)
    rig.run(1)
    assert isinstance(ready[-1].value, NoAnswer)


def test_a_login_again_gets_its_answer_and_another_under_its_serial_is_refused(secret: Path) -> None:
    rig = listening(secret)
    wire = rig.caller()
    (welcome,) = rig.ask(wire, login(1))
    (again,) = rig.ask(wire, login(1))
    assert (again.result, again.body) == ("0000", welcome.body)
    assert rig.ask(wire, login(1, nonce=b"another nonce 16"))[0].result == "1009"
    assert rig.ask(wire, login(2))[0].result == "2003"
    assert rig.ask(wire, login(3, nonce=b"a third nonce 16"))[0].result == "0000"


def test_a_login_against_its_schema_is_refused_with_its_faults_once_logged_in(secret: Path) -> None:
    rig = listening(secret)
    wire = rig.caller()
    rig.ask(wire, login(1))
    wrong = login(2, nonce=b"another nonce 16")
    wrong = packet_of(wrong.body.replace(b"</digest>", b"</digest><more>1</more>"))
    assert rig.ask(wire, wrong)[0].result == "1002"


def test_many_logins_are_remembered_to_a_limit(secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.links.logins._REMEMBERED", 2)
    rig = listening(secret)
    wire = rig.caller()
    for number in range(1, 4):
        assert rig.ask(wire, login(number, nonce=b"nonce number %03d" % number))[0].result == "0000"
    assert rig.ask(wire, login(3, nonce=b"nonce number 003"))[0].result == "0000"
    assert rig.ask(wire, login(1, nonce=b"nonce number 001"))[0].result == "2003"
