"""A system under test that demands login (LN01) of everybody: the suite logs in wherever it connects, and is logged in with."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.protocol import Protocol

from adapters.wire.layout import Layout
from adapters.xml.codec import Codec
from conformance.accounts import Account
from conformance.loader import load_suite
from conformance.model import CaseResult, RunResult, Verdict
from conformance.pics import LISTEN, Pics, PicsInvalid, bound
from conformance.questionnaire import read_pics
from conformance.record import Recording, Watch
from conformance.record_case import case_of
from conformance.record_proxy import RecordingProxy
from conformance.results import as_json
from conformance.session import Plan, Session
from gateway.clock import Entropy, WallClock
from gateway.links.endpoints import TcpEndpoints
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from gateway.proof.own_crm import OwnCrm
from gateway.proof.own_process import short_pics
from schemas.loader import load
from simulators.fleet import FleetSettings, brain_of
from simulators.host import SimulatorHost
from simulators.settings import HostSettings, LoginSettings, PeerSettings
from tests.conformance.rig import SUT, Rig
from tests.conformance.sockets import Sockets

T0 = 1_795_309_200_000
ROLES = [role for role in LISTEN if role != "CRM"]
ACCOUNTS = {role: Account(f"suite-{role}", f"example-secret-of-{role}", f"crm-at-{role}") for role in ROLES}
ABOUT_LOGIN = ("02.1/20", "02.1/21", "02.1/22", "02.1/23", "02.1/26", "02.1/29")


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def everybody(**more: Any) -> Pics:
    """The questionnaire for a CRM that demands login of all."""
    listen = {role: f"mem://suite-{role}" for role in LISTEN}
    return Pics(**{"listen": listen, "accounts": ACCOUNTS, "features": {**Pics().features, "login": True}, **more})


def judged(suite: str, *only: str, theirs: Pics, ours: Pics | None = None) -> RunResult:
    """Our own CRM, set up by ``theirs``, judged by ``ours``, in virtual time."""
    clock = HeapClock(T0)
    network = MemoryNetwork(clock, Entropy(3))
    crm = OwnCrm("mem://crm", theirs, clock, Entropy(4), network)
    crm.start()
    session = Session(load_suite(), Plan(suite, "CRM", "mem://crm", ours or theirs, 1, only), clock, Entropy(1), network)
    done: list[Any] = []
    Deferred.fromCoroutine(session.run()).addBoth(done.append)
    clock.run_until(lambda: bool(done), clock.now() + 86_400_000)
    crm.drop()
    if not isinstance(done[0], RunResult):
        done[0].raiseException()
    outcome: RunResult = done[0]
    return outcome


def verdicts(outcome: RunResult) -> list[tuple[str, str]]:
    """What did not pass."""
    every = (*outcome.sanity, *outcome.results)
    return [(one.case.id, reason(one)) for one in every if one.verdict is not Verdict.PASS]


def reason(result: CaseResult) -> str:
    return f"{result.verdict} {result.explanation.reason if result.explanation else ''}"


def said(result: CaseResult) -> list[str]:
    """The messages of a case, in their order."""
    return [entry.packet.get("code", "") for entry in result.log if entry.way != "note"]


def test_who_demands_login_of_everybody_is_judged_like_any_other() -> None:
    outcome = judged("provisioning", "5.4/82", theirs=everybody())
    assert verdicts(outcome) == []
    assert len(outcome.sanity) == 2 * len(ROLES)
    (case,) = outcome.results
    for role in ("channel", "PF"):
        talk = [(entry.way, entry.packet["code"]) for entry in case.log if entry.way != "note" and entry.connection == role]
        assert [one for one in talk if one[1] == "LN01"] == [("sent", "LN01"), ("got", "LN01")]


def test_cases_about_login_itself_keep_connections_of_their_own() -> None:
    outcome = judged("transport", *ABOUT_LOGIN, "02.1/LN03.valid", theirs=everybody())
    assert verdicts(outcome) == []
    by_id = {one.case.id: said(one) for one in outcome.results}
    assert by_id["02.1/21"] == ["LN03", "LN03"]
    assert by_id["02.1/LN03.valid"][:2] == ["LN01", "LN01"]


@pytest.mark.parametrize("layout", ["dc-64", "ascii-145", "len4-be"])
def test_in_other_layouts_too(layout: str) -> None:
    outcome = judged("transport", "02.1/LN03.valid", theirs=everybody(layout=layout))
    assert verdicts(outcome) == []


WRONG = {
    "user": "refuses the login of {role} as somebody: 2003",
    "sut_user": "its login with {role} is not that of the account",
    "secret": "its login with {role} is not that of the account",
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("role", ["PF", "RM"])
def test_a_refused_login_is_inconclusive_whoever_it_is_of(name: str, role: str) -> None:
    changed = replace(ACCOUNTS[role], **{name: "somebody"})
    outcome = judged("transport", "02.1/LN03.valid", theirs=everybody(), ours=everybody(accounts={**ACCOUNTS, role: changed}))
    odd = [one for one in outcome.sanity if one.verdict is not Verdict.PASS]
    assert {one.verdict for one in odd} == {Verdict.INCONCLUSIVE}
    assert WRONG[name].format(role=role) in reason(odd[0])
    assert [one.verdict for one in outcome.results] == [Verdict.NOT_EXECUTED]
    assert not outcome.passed


class Silent(Protocol):
    """Never answers."""


class Closes(Protocol):
    """Closes as soon as something comes."""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.loseConnection()


class Echoes(Protocol):
    """Sends back what it gets."""

    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.write(data)


@pytest.mark.parametrize(("kind", "why"), [(Silent, "within 15 s"), (Closes, "before the login"), (Echoes, "within 15 s")])
def test_who_does_not_answer_a_login_is_inconclusive(kind: type[Protocol], why: str) -> None:
    rig = Rig()
    rig.pics = replace(rig.pics, accounts={"CRM": Account("suite", "example-secret")})
    rig.serve(kind)
    outcome = rig.play(rig.session("01.1/1"))
    assert [one.verdict for one in outcome.sanity] == [Verdict.INCONCLUSIVE]
    assert why in reason(outcome.sanity[0])


@pytest.mark.parametrize(("secret", "verdict"), [("example-secret-of-CRM", "PASS"), ("example-other-secret", "NOT_EXECUTED")])
def test_load_is_sent_by_who_is_logged_in(secret: str, verdict: str) -> None:
    rig = Rig()
    values = {**rig.pics.values, "load_rate": 20, "load_seconds": 1}
    features = {**rig.pics.features, "load": True}
    account = Account("suite-CRM", secret)
    rig.pics = replace(rig.pics, accounts={"CRM": account}, values=values, features=features)
    host = simulated(SUT, rig.pics, rig.clock, rig.network)
    host.start()
    outcome = rig.play(rig.session("07.6/1"))
    assert [str(one.verdict.value) for one in outcome.results] == [verdict]


def simulated(address: str, pics: Pics, clock: Any, endpoints: Any) -> SimulatorHost:
    """A provisioning system that demands login of CRM, and logs in with it."""
    login = LoginSettings("PF0001", "example-secret-of-CRM", required=True, peer_user="suite-CRM")
    peers = {"CRM001": PeerSettings("CRM001", "CRM", pics.listen["CRM"], login=login)}
    settings = HostSettings("PF0001", address, peers)
    return SimulatorHost(brain_of("pf", FleetSettings(speed=0), Entropy(1)), settings, clock, Entropy(2), endpoints)


def test_over_real_sockets_both_ways() -> None:
    """Our own CRM and the simulated PF, each demanding login of all it knows, each logging in where it connects."""
    sockets = Sockets()
    brief = {"timers": {**short_pics().timers, "settle": 100}}
    at_crm = everybody(listen=short_pics().listen, **brief)
    at_pf = Pics(listen=short_pics().listen, accounts={"CRM": Account("suite-CRM", "example-secret-of-CRM")}, **brief)

    async def main() -> list[RunResult]:
        clock, endpoints = WallClock(sockets.reactor), TcpEndpoints(sockets.reactor)
        crm = OwnCrm("tcp://127.0.0.1:0", at_crm, clock, Entropy(4), endpoints)
        await crm.gateway.start()
        where = f"tcp://127.0.0.1:{crm.gateway.addresses['door'].port}"
        pf = simulated("tcp://127.0.0.1:0", at_pf, clock, endpoints)
        plans = [
            Plan("provisioning", "CRM", where, at_crm, 1, ("5.4/82",)),
            Plan("provisioning", "PF", await pf.start(), at_pf, 2, ("5.4/1",)),
        ]
        sessions = [Session(load_suite(), plan, clock, Entropy(plan.seed), endpoints) for plan in plans]
        outcomes: list[RunResult] = await gatherResults([Deferred.fromCoroutine(one.run()) for one in sessions])
        await pf.stop()
        await crm.gateway.stop()
        return outcomes

    for outcome in sockets.run(main):
        assert verdicts(outcome) == []


def test_a_recording_of_who_logs_in_becomes_a_case_for_any_account() -> None:
    pics = everybody()
    clock = HeapClock(T0)
    network = MemoryNetwork(clock, Entropy(3))
    crm = OwnCrm("mem://crm", pics, clock, Entropy(4), network)
    crm.start()
    catalogue = load()
    recording = Recording(pics.layout, "mem://between", "mem://crm", T0)
    watch = Watch(recording, catalogue, Layout(catalogue.layout(pics.layout)), Codec(catalogue))
    Deferred.fromCoroutine(RecordingProxy(watch, "mem://between", "mem://crm", clock, network).start())
    plan = Plan("transport", "CRM", "mem://between", pics, 1, ("02.1/LN03.valid",))
    session = Session(load_suite(), plan, clock, Entropy(1), network)
    done: list[Any] = []
    Deferred.fromCoroutine(session.run()).addBoth(done.append)
    clock.run_until(lambda: bool(done), clock.now() + 86_400_000)
    crm.drop()
    assert [entry.packet["code"] for entry in recording.entries if entry.packet][:2] == ["LN01", "LN01"]
    text = case_of(recording, catalogue, dict(pics.systems), "CRM")
    assert ('send = "LN03"' in text, "LN01" in text) == (True, False)


# -- the questionnaire


def test_accounts_are_read_and_their_secrets_told_nobody(tmp_path: Path) -> None:
    (tmp_path / "pf.secret").write_text("example-secret\n", "utf-8")
    path = tmp_path / "p.toml"
    rows = ('PF = { user = "suite", secret_file = "pf.secret" }', 'RM = { user = "x", secret = "y" }')
    path.write_text("\n".join(["[accounts]", *rows]), "utf-8")
    pics = read_pics(path)
    assert pics.accounts == {"PF": Account("suite", "example-secret"), "RM": Account("x", "y")}
    outcome = judged("transport", "02.1/LN03.valid", theirs=everybody())
    assert "example-secret-of-PF" not in str(as_json(outcome))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('GOD = { user = "x", secret = "y" }', "there is no accounts.GOD"),
        ('PF = "secret"', "how an account is written"),
        ('PF = { user = "x" }', "a secret or a secret_file"),
        ('PF = { secret = "y" }', "a user"),
        ('PF = { user = "x", secret = "y", secret_file = "z" }', "a secret or a secret_file"),
        ('PF = { user = "x", secret_file = "none" }', "none cannot be read"),
        ('PF = { user = "x", password = "y" }', "no password"),
    ],
)
def test_a_fault_of_an_account_names_its_line(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "p.toml"
    path.write_text(f"[accounts]\n{line}\n", "utf-8")
    with pytest.raises(PicsInvalid, match=rf"p\.toml:2: .*{says}"):
        read_pics(path)


def test_over_http_there_is_no_such_login() -> None:
    with pytest.raises(PicsInvalid, match="LN01"):
        bound(everybody(), "http://192.0.2.7:7180")
