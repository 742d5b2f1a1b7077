"""The retry policy as the table of error classes says, circuits, peers, runners (spec 06.1)."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from gateway.clock import Entropy
from gateway.config.model import Config
from gateway.links.circuit import Circuit
from gateway.outbox.retry import RetryPolicy
from gateway.peers import PeerBook
from gateway.runners import CommitThreadRunner, InlineRunner, ThreadRunner
from schemas.loader import load

NOW = 10_000_000_000
HOUR = 3_600_000


def policy() -> RetryPolicy:
    return RetryPolicy(load().table("error_classes"), Entropy(1))


@pytest.mark.parametrize(
    ("name", "tries", "age", "finds", "action", "wait"),
    [
        ("unknown", 1, 0, True, "resend", (0, 0)),
        ("unknown", 3, 0, True, "resend", (0, 0)),
        ("unknown", 4, 0, True, "query", (2, 2)),
        ("unknown", 1, 0, False, "query", (2, 2)),
        ("unknown", 4, 0, False, "query", (300, 300)),
        ("unknown", 50, 0, False, "query", (600, 600)),
        ("unknown", 1, 2 * HOUR, True, "fallout", None),
        ("not_sent", 1, 0, True, "resend", (0.5, 1)),
        ("not_sent", 4, 0, True, "resend", (0.5, 8)),
        ("not_sent", 5000, 0, True, "resend", (0.5, 300)),
        ("not_sent", 1, 24 * HOUR, True, "fallout", None),
        ("technical", 1, 0, True, "resend", (5, 10)),
        ("technical", 7, 0, True, "resend", (5, 600)),
        ("technical", 8, 0, True, "fallout", None),
        ("temporary_business", 1, 0, True, "resend", (30, 30)),
        ("temporary_business", 4, 0, True, "resend", (600, 600)),
        ("temporary_business", 5, 0, True, "refused", None),
        ("business", 1, 0, True, "refused", None),
        ("document", 1, 0, True, "fallout", None),
        ("authentication", 1, 0, True, "fallout", None),
    ],
)
def test_what_follows_a_failure(name: str, tries: int, age: int, finds: bool, action: str, wait: Any) -> None:
    decision = policy().decide(name, tries, NOW - age, NOW, finds_duplicates=finds)
    assert decision.action == action
    if wait is not None:
        assert wait[0] * 1000 <= decision.due_at - NOW <= wait[1] * 1000


def test_links_stand_still_as_their_class_says() -> None:
    names = ("busy", "authentication", "technical")
    decided = {name: policy().decide(name, 1, NOW, NOW, finds_duplicates=True) for name in names}
    assert decided["busy"].pause_until == decided["busy"].due_at > NOW
    assert (decided["authentication"].stop_link, decided["busy"].stop_link) == (True, False)
    assert (decided["technical"].circuit, decided["busy"].circuit) == (True, False)


@pytest.mark.parametrize(
    ("code", "name"),
    [("9004", "technical"), ("9001", "busy"), ("3007", "temporary_business"), ("3004", "business"), ("1002", "document"),
     ("2002", "document"), ("2003", "authentication"), ("9003", "not_sent"), ("9002", "unknown")],
)  # fmt: skip
def test_every_code_has_its_class(code: str, name: str) -> None:
    assert policy().class_of_code(code, "rejected") == name


def test_a_code_of_the_peers_own_goes_by_its_category() -> None:
    assert [policy().class_of_code("77", category) for category in ("retry", "fatal", "rejected")] == [
        "technical", "authentication", "business"
    ]  # fmt: skip


def test_every_result_code_that_is_no_success_has_a_class() -> None:
    for row in load().results():
        if row.category not in ("ok", "accepted", "duplicate"):
            assert policy().class_of_code(row.code, row.category)


# -- the circuit --------------------------------------------------------------------------------------------------------------


def test_the_circuit_opens_after_failures_in_a_row_and_tries_one_message() -> None:
    circuit = Circuit(3, 1000)
    assert [circuit.failure(n) for n in (0, 1)] == [False, False]
    circuit.success()
    assert [circuit.failure(n) for n in (10, 11, 12)] == [False, False, True]
    assert (circuit.state(500), circuit.room(32, 0, 500)) == ("open", 0)
    assert (circuit.state(1012), circuit.room(32, 0, 1012), circuit.room(32, 1, 1012)) == ("half-open", 1, 0)
    assert circuit.failure(1100) is True
    assert circuit.half_open_at == 2100
    circuit.success()
    assert (circuit.state(1200), circuit.room(32, 5, 1200)) == ("closed", 27)


def test_failures_of_what_was_under_way_do_not_put_off_the_trial() -> None:
    circuit = Circuit(1, 1000)
    circuit.failure(0)
    assert circuit.failure(900) is False
    assert circuit.state(1000) == "half-open"


# -- peers --------------------------------------------------------------------------------------------------------------------


def book(**changes: Any) -> PeerBook:
    peers = [
        {"id": "PF0001", "role": "PF", "areas": ["025"], "connect": ["mem://a"]},
        {"id": "PF0002", "role": "PF", "connect": ["mem://b"], **changes},
    ]
    return PeerBook(Config.model_validate({"gateway": {"system_id": "CRM001", "areas": ["025"]}, "peer": peers}))


def test_the_receiver_is_the_first_of_its_role_that_serves_the_area() -> None:
    assert [book().receiver("PF", area) for area in ("025", "0512")] == ["PF0001", "PF0002"]
    assert book().receiver("RM", "025") is None
    assert (book().own_id, book().get("PF0009")) == ("CRM001", None)


@pytest.mark.parametrize(
    ("host", "allowed"),
    [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("192.0.2.7", True), ("192.0.2.8", False), ("2001:db8::1", True),
     ("2001:db9::1", False), ("", False), ("pf.example", False)],
)  # fmt: skip
def test_who_may_speak_for_a_peer(host: str, allowed: bool) -> None:
    made = book(allow_addresses=["10.0.0.0/8", "192.0.2.7", "2001:db8::/32"])
    peer = made.get("PF0002")
    assert peer is not None
    assert made.allowed(peer, host) is allowed


# -- runners ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["inline", "commit", "thread"])
@pytest.mark.parametrize("fails", ["", "prepare", "commit"])
def test_a_runner_prepares_commits_and_reports(kind: str, fails: str) -> None:
    calls: list[tuple[str, bool]] = []
    done = threading.Event()
    here = threading.current_thread()
    reported: list[tuple[Any, Any]] = []

    def step(name: str) -> Any:
        calls.append((name, threading.current_thread() is here))
        if name == fails:
            raise ValueError(name)
        return "units"

    def call(function: Any, *args: Any) -> None:
        function(*args)
        done.set()

    runner = {"inline": InlineRunner, "commit": lambda: CommitThreadRunner(call), "thread": lambda: ThreadRunner(call)}[kind]()
    runner.run(lambda: step("prepare"), lambda: step("commit"), lambda units, error: reported.append((units, str(error or ""))))
    if kind != "inline":
        assert done.wait(10)
    runner.stop()
    assert reported == [(None, fails) if fails else ("units", "")]
    assert [name for name, _ in calls] == (["prepare"] if fails == "prepare" else ["prepare", "commit"])
    assert calls[0][1] is (kind != "thread")
    assert calls[-1][1] is (kind == "inline" or (kind == "commit" and fails == "prepare"))
