"""A system under test that demands proof over HTTP of everybody: the suite shows it where it asks, and demands it in turn."""

from __future__ import annotations

import base64
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog
from twisted.internet.defer import Deferred

from adapters.soap.security import username_token
from adapters.wire.packet import Packet
from adapters.xml.codec import Codec
from conformance.accounts import Account
from conformance.identity import SHOWN_TOKEN, Checker, Prover, discreet, plain_token, without_proof
from conformance.loader import load_suite
from conformance.model import CaseResult, RunResult, Verdict
from conformance.pics import LISTEN, PicsInvalid, bound
from conformance.questionnaire import read_pics
from conformance.record import Recording
from conformance.record_web import WebWatch
from conformance.results import as_json
from conformance.session import Plan, Session
from conformance.web import Message, gzipped, written
from gateway.cli.conformance_own import _pics, _plan
from gateway.cli.conformance_reach import Reach
from gateway.cli.output import CommandFailed
from gateway.clock import Entropy, WallClock
from gateway.proof.own_crm import OwnCrm
from gateway.proof.own_process import short_pics
from schemas.loader import load
from tests.conformance.own_web import START_MS, Change, OwnWeb, again, as_it_is
from tests.conformance.sockets import Sockets

T0 = START_MS
NONCES = Entropy(9)
_SECURITY = re.compile(rb"<wsse:Security.*</wsse:Security>", re.DOTALL)
ROLES = [role for role in LISTEN if role != "CRM"]
FINE = {Verdict.PASS, Verdict.NOT_APPLICABLE}
KINDS = [("http", "basic"), ("soap", "basic"), ("soap", "digest")]


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.reset_defaults()


def accounts(how: str) -> dict[str, Account]:
    """Everybody's; the CRM has one user both ways."""
    return {role: Account(f"user-{role}", f"example-secret-of-{role}", f"user-{role}", how) for role in ROLES}


@pytest.fixture(scope="module")
def own() -> Iterator[Any]:
    """Our own CRM by binding and kind of account, started once."""
    made: dict[tuple[str, str], OwnWeb] = {}

    def get(binding: str, how: str) -> OwnWeb:
        if (binding, how) not in made:
            made[binding, how] = OwnWeb(binding=binding, accounts=accounts(how))
        return made[binding, how]

    yield get
    for one in made.values():
        one.crm.drop()


def odd(outcome: RunResult) -> list[tuple[str, str]]:
    """What did not pass."""
    return [(one.case.id, reason(one)) for one in (*outcome.sanity, *outcome.results) if one.verdict not in FINE]


def reason(result: CaseResult) -> str:
    return f"{result.verdict} {result.explanation.reason if result.explanation else ''}"


def passed(outcome: RunResult) -> list[str]:
    return [one.case.id for one in outcome.results if one.verdict is Verdict.PASS]


ABOUT = {
    ("http", "basic"): ["01.4/20", "01.4/21", "01.4/22", "01.4/23", "01.4/24", "01.4/25", "01.4/91"],
    ("soap", "basic"): ["01.3/100", "01.3/101", "01.3/102", "01.3/91"],
    ("soap", "digest"): [*(f"01.3/{n}" for n in range(110, 120)), "01.3/93", "01.3/92"],
}


@pytest.mark.parametrize(("binding", "how"), KINDS)
def test_who_demands_proof_is_judged_like_any_other(binding: str, how: str, own: Any) -> None:
    outcome = own(binding, how).play("transport", "01.3" if binding == "soap" else "01.4")
    assert odd(outcome) == []
    assert [one.case.id for one in outcome.sanity].count("07.4/2") == 2 * len(ROLES)
    assert set(ABOUT[binding, how]) <= set(passed(outcome))


@pytest.mark.parametrize(("binding", "how"), KINDS)
def test_both_ways_and_nothing_secret_is_told(binding: str, how: str, own: Any) -> None:
    outcome = own(binding, how).play("provisioning", "5.4/81", "5.4/82", "5.4/OH01.unanswered")
    assert odd(outcome) == []
    assert len(passed(outcome)) == 3
    log = b"".join(entry.raw for one in outcome.results for entry in one.log)
    assert (b"Authorization: Basic ***" in log, b"UsernameToken>" in log) == (how == "basic", how == "digest")
    told = log + str(as_json(outcome)).encode()
    for role, one in accounts(how).items():
        assert one.secret.encode() not in told, role
        assert base64.b64encode(f"{one.user}:{one.secret}".encode()) not in told, role


def test_without_accounts_the_cases_about_them_do_not_apply() -> None:
    rig = OwnWeb(binding="http")
    outcome = rig.play("transport", *ABOUT["http", "basic"])
    rig.crm.drop()
    assert {one.verdict for one in outcome.results} == {Verdict.NOT_APPLICABLE}
    assert "[accounts]" in reason(outcome.results[0])


# -- strength: servers that are wrong in one way


def _right(role: str) -> str:
    one = accounts("basic")[role]
    return "Basic " + base64.b64encode(f"{one.user}:{one.secret}".encode()).decode()


def _lets_in(holds: Any) -> Change:
    """Whoever shows credentials of which this holds gets those that count."""

    def change(message: Message) -> bytes:
        mine = b"<Sender>PF0001</Sender>" in message.body
        return again(message, authorization=_right("PF")) if mine and holds(_shown(message)) else message.raw

    return change


def _shown(message: Message) -> str:
    value = message.header("authorization").partition(" ")[2]
    return "" if "%" in value else base64.b64decode(value).decode()


def _instead(old: str, new: str) -> Change:
    return lambda message: again(message, status=new) if message.first[1] == old else message.raw


FLAWS: list[tuple[str, str, Change, Change, str]] = [
    ("lets in who shows nothing", "http", _lets_in(lambda shown: not shown), as_it_is, "01.4/20"),
    ("says 403 for 401", "http", as_it_is, _instead("401", "403"), "01.4/20"),
    ("does not say what it wants", "http", as_it_is, lambda m: again(m, www_authenticate=""), "01.4/20"),
    ("looks at the user only", "http", _lets_in(lambda shown: shown.startswith("user-PF:")), as_it_is, "01.4/21"),
    ("looks at the password only", "http", _lets_in(lambda shown: shown.endswith("of-PF")), as_it_is, "01.4/22"),
    ("stumbles over garbage", "http", as_it_is, _instead("401", "500"), "01.4/23"),
    ("takes anybody's credentials", "http", _lets_in(lambda shown: "of-RM" in shown), as_it_is, "01.4/25"),
    ("lets in who shows nothing", "soap", _lets_in(lambda shown: not shown), as_it_is, "01.3/100"),
    ("looks at the user only", "soap", _lets_in(lambda shown: shown.startswith("user-PF:")), as_it_is, "01.3/101"),
    ("looks at the password only", "soap", _lets_in(lambda shown: shown.endswith("of-PF")), as_it_is, "01.3/102"),
]


@pytest.mark.parametrize(
    ("binding", "before", "after", "case"), [row[1:] for row in FLAWS], ids=[f"{row[1]} {row[0]}" for row in FLAWS]
)
def test_who_is_lax_fails(binding: str, before: Change, after: Change, case: str, own: Any) -> None:
    outcome = own(binding, "basic").play("transport", case, before=before, after=after)
    assert [(one.case.id, one.verdict.value) for one in outcome.results] == [(case, "FAIL")]


def _anew(holds: Any, rig_clock: Any) -> Change:
    """Whoever shows a token of which this holds gets a good one."""
    seen: list[bytes] = []

    def change(message: Message) -> bytes:
        found = _SECURITY.search(message.body)
        token = found.group() if found else b""
        known = token in seen
        seen.append(token)
        if not holds(token, known):
            return message.raw
        fresh = username_token("user-PF", "example-secret-of-PF", NONCES.token(16), rig_clock())
        bare = _SECURITY.sub(b"", message.body)
        return again(message, bare.replace(b"<soap:Header>", b"<soap:Header>" + fresh, 1))

    return change


TOKEN_FLAWS: list[tuple[str, Any, str]] = [
    ("lets in who shows nothing", lambda token, known: not token, "01.3/110"),
    ("does not check the digest", lambda token, known: b"user-PF" in token, "01.3/111"),
    ("takes any user", lambda token, known: b"nobody" in token, "01.3/112"),
    ("remembers no nonce", lambda token, known: known, "01.3/113"),
    ("takes old tokens", lambda token, known: b"user-PF" in token, "01.3/114"),
    ("takes tokens of the future", lambda token, known: b"user-PF" in token, "01.3/115"),
    ("takes anybody's token", lambda token, known: b"user-RM" in token, "01.3/119"),
]


@pytest.mark.parametrize(("holds", "case"), [row[1:] for row in TOKEN_FLAWS], ids=[row[0] for row in TOKEN_FLAWS])
def test_who_is_lax_about_tokens_fails(holds: Any, case: str, own: Any) -> None:
    rig = own("soap", "digest")

    def mine(message: Message) -> bytes:
        return change(message) if b"<Sender>PF0001</Sender>" in message.body else message.raw

    change = _anew(holds, rig.clock.now)
    outcome = rig.play("transport", case, before=mine)
    assert [(one.case.id, one.verdict.value) for one in outcome.results] == [(case, "FAIL")]


TOKENS = {"digest": username_token, "text": plain_token}


@pytest.mark.parametrize("how", TOKENS)
@pytest.mark.parametrize(
    ("user", "secret", "age", "why"),
    [
        ("sut", "example-secret", 0, ""),
        ("nobody", "example-secret", 0, "wrong user or password"),
        ("sut", "example-other", 0, "wrong user or password"),
        ("sut", "example-secret", 3_600_000, "Created outside the window"),
    ],
    ids=["right", "user", "secret", "old"],
)
def test_what_the_system_under_test_shows_is_checked(how: str, user: str, secret: str, age: int, why: str) -> None:
    checker = Checker({"PF": Account("suite", "example-secret", "sut", how)}, "CRM001")
    token = TOKENS[how](user, secret, b"0123456789abcdef", T0 - age)
    found = checker.why_not("PF", shown_with(token), T0)
    assert (found == "") if not why else why in found
    assert "example" not in found
    if not why:
        assert "nonce used before" in checker.why_not("PF", shown_with(token), T0)


@pytest.mark.parametrize("how", [*TOKENS, "basic"])
def test_who_shows_nothing_has_not_proven_anything(how: str) -> None:
    checker = Checker({"PF": Account("suite", "example-secret", "", how)}, "CRM001")
    assert "has not proven to PF who it is" in checker.why_not("PF", Packet(b""), T0)
    assert checker.why_not("RM", Packet(b""), T0) == ""


def shown_with(token: bytes) -> Packet:
    packet = Packet(b"")
    packet.extra[SHOWN_TOKEN] = token.decode()
    return packet


def test_a_password_as_text_is_shown_and_recorded_nowhere() -> None:
    prover = Prover({"PF": Account("suite", "example-secret", "", "text")}, Entropy(1))
    raw = prover.proof("PF", "S1", {}, T0).beside(b"<soap:Envelope><soap:Body><x/></soap:Body></soap:Envelope>")
    assert raw.startswith(b"<soap:Envelope><soap:Header><wsse:Security")
    assert b">example-secret<" in raw
    assert b"example-secret" not in discreet(request(body=raw))
    assert prover.proof("PF", "S2", {}, T0) != prover.proof("PF", "S3", {}, T0)
    assert prover.proof("PF", "S4", {"like": "S2"}, T0) == prover.proof("PF", "S5", {"like": "S2"}, T0)


def test_who_remembers_what_it_turned_away_fails(own: Any) -> None:
    refusals: list[bytes] = []

    def same(message: Message) -> bytes:
        """Once it has refused something it says so again."""
        if message.first[1] == "401":
            refusals.append(message.raw)
        return refusals[0] if refusals else message.raw

    outcome = own("http", "basic").play("transport", "01.4/24", after=same)
    assert [one.verdict for one in outcome.results] == [Verdict.FAIL]


def test_a_password_as_text_is_shown_where_that_is_agreed(own: Any) -> None:
    """To a system under test that takes the password itself: here somebody in between makes a digest of it for our own."""
    rig = own("soap", "digest")

    def digested(message: Message) -> bytes:
        found = _SECURITY.search(message.body)
        if found is None:
            return message.raw
        user = found.group().partition(b"<wsse:Username>")[2].partition(b"<")[0].decode()
        secret = found.group().partition(b"<wsse:Password ")[2].partition(b">")[2].partition(b"<")[0].decode()
        fresh = username_token(user, secret, NONCES.token(16), rig.clock.now())
        return again(message, message.body.replace(found.group(), fresh))

    cases = ["01.3/110", "01.3/111", "01.3/112", "01.3/117", "01.3/118", "01.3/119"]
    outcome = rig.play("transport", *cases, "01.3/114", before=digested, ours=replace(rig.pics, accounts=accounts("text")))
    assert odd(outcome) == []
    assert passed(outcome) == cases
    assert b"example-secret" not in b"".join(entry.raw for one in outcome.results for entry in one.log)


def test_load_is_sent_by_who_has_proven_itself(own: Any) -> None:
    rig = own("soap", "digest")
    values = {**rig.pics.values, "load_rate": 20, "load_seconds": 1}
    ours = replace(rig.pics, values=values, features={**rig.pics.features, "load": True})
    assert passed(rig.play("transport", "07.6/1", ours=ours)) == ["07.6/1"]


# -- a questionnaire that is not that of the system under test


@pytest.mark.parametrize(("binding", "how"), KINDS)
@pytest.mark.parametrize("wrong", [{"secret": "example-other"}, {"user": "somebody"}], ids=["secret", "user"])
def test_credentials_it_does_not_take_are_inconclusive(binding: str, how: str, wrong: dict[str, str], own: Any) -> None:
    rig = own(binding, how)
    changed = replace(accounts(how)["PF"], **wrong)
    outcome = rig.play("transport", "02.1/LN03.valid", ours=replace(rig.pics, accounts={**accounts(how), "PF": changed}))
    (first,) = [one for one in outcome.sanity if one.verdict is not Verdict.PASS]
    assert first.verdict is Verdict.INCONCLUSIVE
    assert f"does not take the {how} credentials of PF as {changed.user}" in reason(first)
    assert [one.verdict for one in outcome.results] == [Verdict.NOT_EXECUTED]


@pytest.mark.parametrize(("binding", "how"), KINDS)
def test_who_proves_itself_otherwise_fails_there_and_is_inconclusive_elsewhere(binding: str, how: str, own: Any) -> None:
    rig = own(binding, how)
    changed = replace(accounts(how)["PF"], sut_user="somebody")
    about = ABOUT[binding, how][-1]
    ours = replace(rig.pics, accounts={**accounts(how), "PF": changed})
    outcome = rig.play("transport", about, ours=ours)
    assert [(one.case.id, one.verdict.value) for one in outcome.results] == [(about, "FAIL")]
    outcome = rig.play("provisioning", "5.4/81", ours=ours)
    assert [one.verdict for one in outcome.results] == [Verdict.INCONCLUSIVE]
    assert "it has not proven to PF who it is" in reason(outcome.results[0])


# -- real sockets


@pytest.mark.parametrize(("binding", "how"), [("http", "basic"), ("soap", "digest")])
def test_over_real_http_both_ways(binding: str, how: str) -> None:
    cases = [case for case in ABOUT[binding, how] if case != "01.3/93"]  # which waits for the repeat: in virtual time above
    sockets = Sockets()
    pics = replace(short_pics(), binding=binding, accounts=accounts(how))
    pics = replace(pics, timers={**pics.timers, "settle": 100})

    async def main() -> RunResult:
        clock = WallClock(sockets.reactor)
        endpoints = Reach(sockets.reactor, clock)
        crm = OwnCrm("tcp://127.0.0.1:0", pics, clock, Entropy(4), endpoints)
        await crm.start()
        where = f"http://127.0.0.1:{crm.gateway.addresses['door'].port}"
        plan = Plan("transport", "CRM", where, bound(pics, where), 1, tuple(cases))
        session = Session(load_suite(), plan, clock, Entropy(1), endpoints)
        outcome: RunResult = await Deferred.fromCoroutine(session.run())
        await crm.gateway.stop()
        return outcome

    outcome = sockets.run(main)
    assert odd(outcome) == []
    assert sorted(passed(outcome)) == sorted(cases)


# -- the questionnaire


def questionnaire(tmp_path: Path, line: str, *more: str) -> Path:
    path = tmp_path / "p.toml"
    path.write_text("\n".join([*more, "[accounts]", line]), "utf-8")
    return path


def test_a_secret_may_stand_in_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXAMPLE_PF_SECRET", "example-secret")
    pics = read_pics(questionnaire(tmp_path, 'PF = { user = "suite", secret_env = "EXAMPLE_PF_SECRET", how = "basic" }'))
    assert pics.accounts == {"PF": Account("suite", "example-secret", how="basic")}
    assert "example-secret" not in repr(pics)
    assert "example-secret" not in str(pics.plain())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('PF = { user = "x", secret_env = "EXAMPLE_NOT_SET" }', "the environment variable EXAMPLE_NOT_SET is not set"),
        ('PF = { user = "x", secret_file = "empty" }', "empty is empty: put the secret there"),
        ('PF = { user = "x", secret = "y", how = "ntlm" }', "how is one of login, basic, digest, text"),
        ('PF = { user = "x:y", secret = "y", how = "basic" }', "no colon"),
    ],
)
def test_a_fault_of_an_account_names_its_line(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "empty").write_text("\n", "utf-8")
    with pytest.raises(PicsInvalid, match=rf"p\.toml:2: .* / .*{says}"):
        read_pics(questionnaire(tmp_path, line))


@pytest.mark.parametrize(
    ("endpoint", "binding", "how", "says"),
    [
        ("http://192.0.2.7:7180", "http", "", r"PF lacks how.* say how = \"basic\""),
        ("soap+http://192.0.2.7:7180", "soap", "", r"PF lacks how.* say how = \"basic\" \| \"digest\" \| \"text\""),
        ("http://192.0.2.7:7180", "http", "digest", r"PF says how = \"digest\", which is none over http"),
        ("tcp://192.0.2.7:7101", "socket", "basic", r"PF says how = \"basic\", which is none over socket"),
    ],
)
def test_an_account_that_cannot_be_shown_there_names_file_line_and_key(
    tmp_path: Path, endpoint: str, binding: str, how: str, says: str
) -> None:
    said = f', how = "{how}"' if how else ""
    path = questionnaire(tmp_path, f'PF = {{ user = "x", secret = "y"{said} }}', f'binding = "{binding}"')
    with pytest.raises(PicsInvalid, match=rf"p\.toml:3: .*how.* / .*{says}"):
        bound(read_pics(path), endpoint)


def test_our_own_crm_is_judged_with_accounts_where_the_binding_has_them() -> None:
    pics = _pics("soap", "digest")
    assert sorted(pics.accounts) == sorted(ROLES)
    assert len({one.secret for one in pics.accounts.values()}) == len(ROLES)
    assert "--accounts digest" in _plan("transport", "tcp://127.0.0.1:1", pics, 1, (), 4, "sqlite").command
    with pytest.raises(CommandFailed, match=r"--accounts: .*none over http.*say how = .basic."):
        _pics("http", "digest")


# -- what is recorded


def request(*headers: tuple[str, str], body: bytes = b"<x/>") -> bytes:
    return written("POST /if HTTP/1.1", [("Host", "sut"), *headers, ("Content-Length", str(len(body)))], body)


TOKEN = (
    b'<s:Header><w:Security><w:UsernameToken><w:Password Type="%s">example</w:Password></w:UsernameToken></w:Security>'
    b"</s:Header>"
)
TEXT_TOKEN = TOKEN % b"urn:x#PasswordText"


@pytest.mark.parametrize(
    ("raw", "gone"),
    [
        (request(("Authorization", "Basic ZXhhbXBsZQ==")), b"ZXhhbXBsZQ"),
        (request(("authorization", "example")), b"example"),
        (request(("Proxy-Authorization", "Basic ZXhhbXBsZQ==")), b"ZXhhbXBsZQ"),
        (request(body=TEXT_TOKEN), b">example<"),
    ],
    ids=["basic", "bare", "proxy", "text"],
)
def test_what_proves_somebody_is_hidden_and_every_length_kept(raw: bytes, gone: bytes) -> None:
    assert gone in raw
    assert gone not in discreet(raw)
    assert len(discreet(raw)) == len(raw)


def test_credentials_that_pass_a_recorder_are_not_kept() -> None:
    catalogue = load()
    watch = WebWatch(Recording("", "mem://a", "mem://b", T0, binding="http"), catalogue, Codec(catalogue))
    watch.opened("#1", T0)
    watch.said("#1", "caller", request(("Authorization", "Basic ZXhhbXBsZQ=="), body=TEXT_TOKEN), T0)
    watch.said("#1", "caller", b"POST /if HTTP/1.1\r\nAuthorization : Basic ZXhhbXBsZQ==\r\n\r\n", T0)
    kept = watch.close(T0 + 1)
    assert [one.way for one in kept.entries if one.raw]
    told = str(kept)
    assert "ZXhhbXBsZQ" not in told
    assert ">example<" not in told


def test_a_password_under_gzip_is_shown_in_the_clear_without_it() -> None:
    raw = request(("Content-Encoding", "gzip"), body=gzipped(TEXT_TOKEN))
    assert b"Password" in discreet(raw)
    assert b">example<" not in discreet(raw)


@pytest.mark.parametrize("raw", [request(), request(("Content-Encoding", "gzip"), body=gzipped(b"<x/>")), b"\x00garbage"])
def test_other_bytes_are_recorded_as_they_are(raw: bytes) -> None:
    assert discreet(raw) == raw


def test_the_same_request_under_another_proof_is_the_same() -> None:
    first = request(("Authorization", "Basic YQ=="), body=b"<e>" + TEXT_TOKEN + b"<x/></e>")
    other = request(("Authorization", "Basic YWI="), body=b"<e>" + TOKEN % b"" + b"<x/></e>")
    assert without_proof(first) == without_proof(other)
    assert without_proof(first) != without_proof(request(body=b"<e><s:Header></s:Header><y/></e>"))
