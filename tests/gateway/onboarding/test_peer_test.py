"""``bssgw peer test`` against a real gateway on real sockets: login, TLS, SOAP, plain HTTP; what is told and how it ends."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from lxml import etree

from gateway.cli.peer import peer
from gateway.clock import WallClock
from gateway.config.file import load_file
from gateway.links.endpoints import TcpEndpoints
from gateway.onboarding.exchange import run_test
from gateway.onboarding.link_test import LinkTrial, shown_text
from tests.conformance.sockets import Sockets
from tests.gateway.rig import Rig

SECRET = "一个共享的密钥"
COUNTER: dict[str, Any] = {"id": "CH0001", "role": "channel", "listen": "s"}
OURS = '[gateway]\nsystem_id = "CH0001"\nareas = ["025"]\n\n[[peer]]\nid = "CRM001"\nrole = "GCRM"\n'
LOGIN = '[peer.login]\nuser = "{user}"\nsecret_file = "{file}"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(SECRET, encoding="utf-8")
    (tmp_path / "wrong").write_text("another secret", encoding="utf-8")
    return tmp_path


def tried(folder: Path, counter: dict[str, Any], listen: dict[str, Any], text: Callable[[int], str], *more: str) -> Result:
    """The command, against a gateway that serves ``counter`` on ``listen``; ``text`` is the tester's peer row, by port."""
    sockets = Sockets()
    clock: Any = WallClock(sockets.reactor)
    network: Any = TcpEndpoints(sockets.reactor)
    place = {"name": "s", "address": "tcp://127.0.0.1:0", **listen}
    rig = Rig((counter,), clock=clock, network=network, listens=[place], start=False)
    done: list[Result] = []

    def ask() -> None:
        path = folder / "bssgw.toml"
        path.write_text(OURS + text(rig.gateway.addresses["s"].port), encoding="utf-8")
        done.append(CliRunner().invoke(peer, ["test", "CRM001", "--config", str(path), "--timeout", "5", *more]))

    async def main() -> None:
        await rig.gateway.start()
        asking = threading.Thread(target=ask)
        asking.start()
        await sockets.until(lambda: bool(done) or not asking.is_alive())
        asking.join()
        await rig.gateway.stop()

    sockets.run(main)
    assert done[0].exception is None or isinstance(done[0].exception, SystemExit), done[0].exception
    return done[0]


def required(folder: Path, **more: Any) -> dict[str, Any]:
    return COUNTER | {"login": {"required": True, "secret_file": folder / "secret"}} | more


def socket_row(port: int, *, user: str = "CH0001", file: str = "secret", layout: str = "ctif-128") -> str:
    row = f'layout = "{layout}"\nconnect = ["tcp://127.0.0.1:{port}"]\n'
    return row + (LOGIN.format(user=user, file=file) if user else "")


@pytest.mark.parametrize("layout", ["ctif-128", "dc-64", "len4-be"])
def test_it_logs_in_first_and_shows_both_exchanges(folder: Path, layout: str) -> None:
    counter = required(folder, layout=layout)
    done = tried(folder, counter, {"layout": layout}, lambda port: socket_row(port, layout=layout), "--json")
    found, _ = json.JSONDecoder().raw_decode(done.stdout, done.stdout.index('{\n  "peer"'))
    assert (done.exit_code, found["ok"]) == (0, True), found
    what = [step["what"] for step in found["steps"] if step["what"] in ("connect", "login", "test", "✓")]
    assert what == ["connect", "login", "login", "✓", "test", "✓"]
    texts = [step["text"] for step in found["steps"] if step["what"] == "login"]
    assert ["<Login " in texts[0], "<LoginAnswer " in texts[1]] == [True, True]
    assert SECRET not in done.stdout


@pytest.mark.parametrize(
    ("user", "file", "said"),
    [
        ("CH0001", "wrong", "the login is refused: 2003"),
        ("CH0009", "secret", "the login is refused: 2003"),
        ("", "", "it wants a login, write [peer.login] user and secret_file"),
    ],
)
def test_a_login_that_does_not_hold_is_told_with_what_to_do(folder: Path, user: str, file: str, said: str) -> None:
    done = tried(folder, required(folder), {"layout": "ctif-128"}, lambda port: socket_row(port, user=user, file=file))
    assert (done.exit_code, said in done.stdout) == (1, True), done.stdout
    assert "连通" not in done.stdout.splitlines()[-1]


def test_a_login_nobody_answers_ends_at_the_limit(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        path = folder / "bssgw.toml"
        path.write_text(OURS + socket_row(deaf.getsockname()[1]), encoding="utf-8")
        done = CliRunner().invoke(peer, ["test", "CRM001", "--config", str(path), "--timeout", "0.3"])
    assert (done.exit_code, "the login was not answered" in done.stdout) == (1, True), done.stdout


def test_a_peer_that_hangs_up_at_once_is_told_as_that(folder: Path) -> None:
    """A reset, so that writing fails before anything is read."""
    steps: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def hang_up(step: dict[str, Any]) -> None:
            steps.append(step["what"])
            if step["what"] == "connect":
                one, _ = rude.accept()
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()

        path = folder / "bssgw.toml"
        path.write_text(OURS + socket_row(rude.getsockname()[1], user=""), encoding="utf-8")
        config = load_file(path)
        found = run_test(config, config.peer[0], "x", 2.0, hang_up)
    assert (found["ok"], found["unreachable"], steps) == (False, False, ["connect", "test"])
    assert "closed without an answer" in found["en"]


def test_a_handshake_nobody_answers_is_told_as_that(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        path = folder / "bssgw.toml"
        row = socket_row(silent.getsockname()[1], user="").replace("tcp://", "tls://")
        path.write_text(OURS + row + "[peer.timers]\nconnect = 0.2\n", encoding="utf-8")
        done = CliRunner().invoke(peer, ["test", "CRM001", "--config", str(path), "--timeout", "1"])
    assert "the TLS handshake took too long" in done.stdout, done.stdout


@pytest.mark.parametrize(("secret", "charset"), [("an & <odd> one", "UTF-8"), (SECRET, "GB18030")])
def test_a_secret_is_masked_however_it_is_written(folder: Path, secret: str, charset: str) -> None:
    (folder / "secret").write_text(secret, encoding="utf-8")
    row = 'layout = "ascii-len-8"\nenvelope = "root-cdata"\nconnect = ["tcp://127.0.0.1:1"]\n'
    row += f'charset = "{charset}"\n[peer.dialect]\nsecret_file = "{folder / "secret"}"\n'
    path = folder / "bssgw.toml"
    path.write_text(OURS + row, encoding="utf-8")
    config = load_file(path)
    told: list[dict[str, Any]] = []
    trial = LinkTrial(config, config.peer[0], told.append)
    packet, _ = trial.question("x")
    plain = etree.fromstring(packet.body).findtext("Passwd")
    assert plain == secret
    trial.tell("→", "", "", packet.body, shown_text(packet.body, charset))
    for shown in (told[0]["bytes"], told[0]["text"].partition("?>")[2]):
        assert set(str(etree.fromstring(shown).findtext("Passwd"))) == {"*"}


def test_a_secret_that_cannot_be_read_is_one_line(folder: Path) -> None:
    path = folder / "bssgw.toml"
    path.write_text(OURS + socket_row(1), encoding="utf-8")
    (folder / "secret").unlink()
    done = CliRunner().invoke(peer, ["test", "CRM001", "--config", str(path)])
    assert done.exit_code == 2
    assert "no such file" in done.stderr


HTTP = 'binding = "{binding}"\nconnect = ["http://127.0.0.1:{port}{path}"]\ncharset = "UTF-8"\n[peer.http]\n{more}\n'


@pytest.mark.parametrize(
    ("binding", "path", "more"),
    [
        ("soap", "/soap", 'soap = "1.1"'),
        ("soap", "/soap", 'soap = "1.2"'),
        ("soap", "/soap", 'operation = "exchange"'),
        ("http", "", ""),
    ],
)
def test_a_peer_over_http_is_asked_as_its_row_says(folder: Path, binding: str, path: str, more: str) -> None:
    counter = COUNTER | {"binding": binding}
    row = HTTP.replace("{more}", more).replace("{binding}", binding).replace("{path}", path)
    done = tried(folder, counter, {"binding": "http"}, lambda port: row.replace("{port}", str(port)))
    assert (done.exit_code, "came back unchanged" in done.stdout) == (0, True), done.stdout
    assert "HTTP 200" in done.stdout
    assert "连通测试 link test 生僻字㐀𠮷" in done.stdout


@pytest.mark.parametrize(
    ("auth", "file", "said"), [("basic", "secret", ""), ("digest", "secret", ""), ("basic", "wrong", "2003")]
)
def test_credentials_go_with_it_and_are_not_shown(folder: Path, auth: str, file: str, said: str) -> None:
    (folder / "secret").write_text("plain-secret", encoding="utf-8")
    proof = {"auth": auth, "user": "counter", "password_file": folder / "secret"}
    more = f'auth = "{auth}"\nuser = "counter"\npassword_file = "{file}"'
    row = HTTP.replace("{more}", more).replace("{binding}", "soap").replace("{path}", "/soap")
    counter = COUNTER | {"binding": "soap", "http": proof}
    done = tried(folder, counter, {"binding": "http"}, lambda port: row.replace("{port}", str(port)))
    assert (done.exit_code, said in done.stdout) == (1 if said else 0, True), done.stdout
    assert "plain-secret" not in done.stdout


def test_what_is_no_answer_is_told_with_its_status(folder: Path) -> None:
    row = HTTP.replace("{more}", "").replace("{binding}", "http").replace("{path}", "/elsewhere")
    done = tried(folder, COUNTER | {"binding": "http"}, {"binding": "http"}, lambda port: row.replace("{port}", str(port)))
    assert (done.exit_code, "HTTP 404 Not Found without a readable answer" in done.stdout) == (1, True), done.stdout


class TestTls:
    """Certificates made here, an authority for both sides."""

    @pytest.fixture
    def listening(self, folder: Path) -> dict[str, Any]:
        pytest.importorskip("OpenSSL")
        from tests.gateway.authority import Authority

        authority = Authority(folder, "ca")
        certificate, key, _ = authority.issue("127.0.0.1")
        authority.issue("tester")
        return {"tls": {"certificate_file": certificate, "key_file": key}, "layout": "ctif-128"}

    @staticmethod
    def row(port: int, more: str = "", scheme: str = "tls") -> str:
        return f'connect = ["{scheme}://127.0.0.1:{port}"]\n[peer.tls]\nca_file = "ca.pem"\n{more}'

    def test_the_certificate_of_the_other_side_is_shown(self, folder: Path, listening: dict[str, Any]) -> None:
        done = tried(folder, COUNTER, listening, self.row)
        assert (done.exit_code, "came back unchanged" in done.stdout) == (0, True), done.stdout
        assert "TLSv1.3" in done.stdout
        assert "their certificate CN=127.0.0.1 ends" in done.stdout
        assert "ends within 30 days: renew it" in done.stdout

    def test_a_stranger_is_not_spoken_with(self, folder: Path, listening: dict[str, Any]) -> None:
        from tests.gateway.authority import Authority

        Authority(folder, "other-ca")
        done = tried(folder, COUNTER, listening, lambda port: self.row(port).replace('"ca.pem"', '"other-ca.pem"'))
        assert (done.exit_code, "of no trusted authority" in done.stdout) == (1, True), done.stdout

    @pytest.mark.parametrize(("mine", "code"), [(True, 0), (False, 1)])
    def test_where_a_certificate_is_asked_for_it_goes_or_is_missed(
        self, folder: Path, listening: dict[str, Any], mine: bool, code: int
    ) -> None:
        listening["tls"]["client_ca_file"] = folder / "ca.pem"
        more = 'certificate_file = "tester.crt"\nkey_file = "tester.key"\n' if mine else ""
        done = tried(folder, COUNTER, listening, lambda port: self.row(port, more))
        assert (done.exit_code, "wants a certificate" in done.stdout) == (code, not mine), done.stdout

    def test_soap_over_tls(self, folder: Path, listening: dict[str, Any]) -> None:
        del listening["layout"]
        row = 'binding = "soap"\n' + self.row(0, scheme="https").replace('"]', '/soap"]')
        done = tried(folder, COUNTER | {"binding": "soap"}, listening | {"binding": "http"},
                     lambda port: row.replace(":0/", f":{port}/"))  # fmt: skip
        assert (done.exit_code, "came back unchanged" in done.stdout) == (0, True), done.stdout
