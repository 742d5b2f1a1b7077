"""A system under test behind TLS, on sockets and HTTP: judged as any other; what keeps it from being met is said (01.1.5)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import connectProtocol
from twisted.internet.protocol import Factory, Protocol

from conformance.loader import load_suite
from conformance.model import RunResult, Verdict
from conformance.pics import LISTEN, Pics
from conformance.session import Plan, Session
from gateway.cli.conformance import conformance
from gateway.cli.conformance_reach import Reach, asked_of, told_again
from gateway.cli.conformance_run import _as_before
from gateway.cli.output import CommandFailed
from gateway.clock import Entropy, WallClock
from gateway.config.http import ServerTls
from gateway.proof.own_crm import OwnCrm
from simulators.fleet import FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, PeerSettings
from tests.conformance.behind import Behind
from tests.conformance.sockets import Sockets
from tests.gateway.authority import Authority

pytest.importorskip("OpenSSL")
pytest.importorskip("service_identity")

NAME = "sut.example"
CASES = ("02.1/LN03.valid", "01.1/16")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates: the system's, one that has expired, the suite's, that of a stranger."""
    made = tmp_path_factory.mktemp("tls")
    authority = Authority(made, "ca")
    authority.issue(NAME, file="sut")
    authority.issue(NAME, days=-1, file="old")
    authority.issue("suite", file="suite")
    (made / "strange").mkdir()
    Authority(made / "strange", "other").issue("suite", file="suite")
    (made / "junk.pem").write_text("no certificate")
    return made


def server(folder: Path, certificate: str = "sut", asks: bool = False) -> ServerTls:
    own = {"certificate_file": folder / f"{certificate}.crt", "key_file": folder / f"{certificate}.key"}
    return ServerTls(**own, client_ca_file=folder / "ca.pem" if asks else None)


def trusting(folder: Path, **more: str) -> dict[str, str]:
    return {**Pics().tls, "ca_file": str(folder / "ca.pem"), "server_name": NAME, **more}


def known(folder: Path, where: str = "") -> dict[str, str]:
    return {"certificate_file": str(folder / where / "suite.crt"), "key_file": str(folder / where / "suite.key")}


def pics_of(tls: dict[str, str], **more: Any) -> Pics:
    return replace(Pics(listen=dict.fromkeys(LISTEN, "tcp://127.0.0.1:0"), tls=tls, secure=True), **more)


async def simulated(sockets: Sockets, tls: ServerTls) -> tuple[str, Any]:
    """A provisioning system behind TLS: where it listens, and itself."""
    brain = brain_of("pf", FleetSettings(), Entropy(1))
    settings = HostSettings("PF0001", "tcp://127.0.0.1:0", {"CRM001": PeerSettings("CRM001", "CRM")})
    host = SimulatorHost(brain, settings, WallClock(sockets.reactor), Entropy(2), Behind(sockets, tls))
    address = await host.start()
    return address.replace("tcp://", "tls://"), host


def session(sockets: Sockets, endpoint: str, pics: Pics, sut: str, *only: str) -> Session:
    clock = WallClock(sockets.reactor)
    plan = Plan("transport", sut, endpoint, pics, 1, only)
    return Session(load_suite(), plan, clock, Entropy(1), Reach(sockets.reactor, clock, pics.tls))


def judged(tls: ServerTls, said: dict[str, str]) -> RunResult:
    sockets = Sockets()

    async def main() -> RunResult:
        endpoint, host = await simulated(sockets, tls)
        outcome = await session(sockets, endpoint, pics_of(said), "PF", *CASES).run()
        await host.stop()
        return outcome

    found: RunResult = sockets.run(main)
    return found


def test_systems_behind_mutual_tls_are_judged_on_sockets_and_http(folder: Path) -> None:
    sockets = Sockets()
    pics = pics_of(trusting(folder, **known(folder)))

    async def main() -> list[RunResult]:
        endpoint, host = await simulated(sockets, server(folder, asks=True))
        web = replace(pics, binding="http")
        door = Behind(sockets, server(folder, asks=True))
        theirs = replace(web, listen=dict.fromkeys(LISTEN, "tcp://127.0.0.1:9"))
        crm = OwnCrm("tcp://127.0.0.1:0", theirs, WallClock(sockets.reactor), Entropy(4), door)
        await crm.gateway.start()
        https = f"https://127.0.0.1:{crm.gateway.addresses['door'].port}"
        runs = [session(sockets, endpoint, pics, "PF", *CASES), session(sockets, https, web, "CRM", "01.4/1")]
        outcomes: list[RunResult] = await gatherResults([Deferred.fromCoroutine(run.run()) for run in runs])
        await host.stop()
        await crm.gateway.stop()
        return outcomes

    sockets_run, web_run = sockets.run(main)
    for outcome in (sockets_run, web_run):
        assert [one.verdict for one in outcome.sanity] == [Verdict.PASS, Verdict.PASS]
    verdicts = {one.case.id: one.verdict for one in (*sockets_run.results, *web_run.results)}
    half_a_connection = {CASES[1]: Verdict.NOT_APPLICABLE}
    assert verdicts == {CASES[0]: Verdict.PASS, "01.4/1": Verdict.PASS} | half_a_connection


STRANGE = {"certificate_file": "strange/suite.crt", "key_file": "strange/suite.key"}
WRONG: dict[str, tuple[dict[str, Any], dict[str, str], str]] = {
    "not trusted": ({}, {"ca_file": "strange/other.pem"}, "no trusted authority"),
    "no authority named": ({}, {"ca_file": ""}, "no trusted authority"),
    "another name": ({}, {"server_name": "else.example"}, "server_name"),
    "the host is no name of it": ({}, {"server_name": ""}, "server_name"),
    "expired": ({"certificate": "old"}, {}, "has expired"),
    "it wants a certificate": ({"asks": True}, {}, "wants a certificate"),
    "it does not know ours": ({"asks": True}, STRANGE, "does not accept our certificate"),
}


@pytest.mark.parametrize("name", WRONG)
def test_who_cannot_be_met_is_inconclusive_and_told_why(folder: Path, name: str) -> None:
    theirs, ours, why = WRONG[name]
    files = {key: str(folder / value) for key, value in ours.items() if key.endswith("file") and value}
    said = trusting(folder) | ours | files
    outcome = judged(server(folder, **theirs), said)
    (first,) = outcome.sanity
    assert first.verdict is Verdict.INCONCLUSIVE
    assert first.explanation is not None
    assert why in first.explanation.reason
    assert {one.verdict for one in outcome.results} <= {Verdict.NOT_EXECUTED, Verdict.NOT_APPLICABLE}
    assert not outcome.passed


UNUSABLE = [
    ({"ca_file": "none.pem"}, "no such file"),
    ({"ca_file": "junk.pem"}, "no PEM certificate"),
    ({"certificate_file": "suite.crt"}, "go together"),
    ({"certificate_file": "junk.pem", "key_file": "suite.key"}, "no PEM certificate"),
    ({"certificate_file": "suite.crt", "key_file": "junk.pem"}, "no PEM private key"),
    ({"certificate_file": "suite.crt", "key_file": "sut.key"}, "not that of certificate_file"),
    ({"certificate_file": "old.crt", "key_file": "old.key"}, "expired on"),
]


@pytest.mark.parametrize(("files", "says"), UNUSABLE)
def test_files_that_cannot_be_used_end_the_command_before_it_connects(folder: Path, files: dict[str, str], says: str) -> None:
    options = [word for name, file in files.items() for word in (f"--{name.replace('_', '-')}", str(folder / file))]
    run = CliRunner().invoke(
        conformance, ["run", "--suite", "transport", "--sut", "pf", "--endpoint", "tls://127.0.0.1:9", *options]
    )
    assert run.exit_code == 2, run.output
    assert says in run.output


def test_files_named_in_the_questionnaire_stand_beside_it_and_options_go_before_it(folder: Path) -> None:
    path = folder / "p.toml"
    path.write_text(f'[tls]\nca_file = "ca.pem"\nserver_name = "{NAME}"\n', "utf-8")
    pics = asked_of(path, "tls://127.0.0.1:9", {"server_name": "else.example"})
    assert (pics.tls["ca_file"], pics.tls["server_name"], pics.secure) == (str(folder / "ca.pem"), "else.example", True)


def test_the_suite_listens_behind_tls_with_its_own_certificate(folder: Path) -> None:
    sockets = Sockets()
    ours = {"certificate_file": str(folder / "sut.crt"), "key_file": str(folder / "sut.key")}
    heard: list[bytes] = []

    class Hears(Protocol):
        def dataReceived(self, data: bytes) -> None:
            heard.append(data)

    async def main() -> None:
        clock = WallClock(sockets.reactor)
        port = await Reach(sockets.reactor, clock, ours).server("tls://127.0.0.1:0").listen(Factory.forProtocol(Hears))
        caller = Reach(sockets.reactor, clock, trusting(folder))
        end: Any = await connectProtocol(caller.client(f"tls://127.0.0.1:{port.getHost().port}"), Hears())
        end.transport.write(b"hello")
        await sockets.until(lambda: bool(heard))
        end.transport.abortConnection()
        await port.stopListening()

    sockets.run(main)
    assert heard == [b"hello"]


def test_the_line_that_repeats_a_case_says_the_options_again(folder: Path) -> None:
    sockets = Sockets()
    pics = pics_of(trusting(folder))
    options = told_again({"ca_file": "ca.pem", "server_name": NAME})
    plan = Plan("transport", "PF", "tls://127.0.0.1:9", pics, 1, CASES, options=options)
    clock = WallClock(sockets.reactor)
    outcome = sockets.run(Session(load_suite(), plan, clock, Entropy(1), Reach(sockets.reactor, clock, pics.tls)).run)
    (first,) = outcome.sanity
    assert first.explanation is not None
    assert f"--endpoint tls://127.0.0.1:9 --ca-file ca.pem --server-name {NAME} --only" in first.explanation.repeat


def test_a_run_played_again_meets_the_system_as_before(folder: Path) -> None:
    last = {"endpoint": "tls://127.0.0.1:9", "pics": pics_of(trusting(folder)).plain()}
    assert _as_before(last, "tls://127.0.0.1:9", Pics()) == {"ca_file": str(folder / "ca.pem"), "server_name": NAME}
    mended = pics_of({**Pics().tls, "server_name": "else.example"})
    assert _as_before(last, "tls://127.0.0.1:9", mended) == {"ca_file": str(folder / "ca.pem")}
    assert _as_before(last, "tcp://127.0.0.1:9", Pics()) == {}


def test_checking_a_questionnaire_checks_its_files(folder: Path) -> None:
    path = folder / "c.toml"
    for name, code in (("ca.pem", 0), ("junk.pem", 2)):
        path.write_text(f'[tls]\nca_file = "{name}"\n', "utf-8")
        assert CliRunner().invoke(conformance, ["pics", "--check", str(path)]).exit_code == code


@pytest.mark.parametrize("command", ["run", "load"])
def test_options_of_tls_for_a_system_without_it_are_refused(folder: Path, command: str) -> None:
    suite = ["--suite", "transport"] if command == "run" else []
    words = [command, *suite, "--sut", "pf", "--endpoint", "tcp://127.0.0.1:9", "--ca-file", str(folder / "ca.pem")]
    run = CliRunner().invoke(conformance, words)
    assert (run.exit_code, "not behind TLS" in run.output) == (2, True)


def test_who_listens_behind_tls_needs_a_certificate(folder: Path) -> None:
    path = folder / "l.toml"
    path.write_text('[listen]\nCRM = "tls://127.0.0.1:0"\n', "utf-8")
    with pytest.raises(CommandFailed, match="certificate_file"):
        asked_of(path, "tcp://127.0.0.1:9")
    assert not asked_of(path, "tcp://127.0.0.1:9", known(folder)).secure
