"""The suite's own strength, on a few cases: clean simulators pass, seeded defects fail in their clause (spec 07.7)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from twisted.internet.protocol import Factory, Protocol

from conformance.loader import load_suite
from conformance.results import as_json, junit
from gateway.cli.conformance_selftest import self_test
from gateway.cli.conformance_strength import Asked, Found, Task, alarms_of, examine, play, summary, system_of, tasks
from gateway.cli.output import CommandFailed
from gateway.clock import Entropy
from gateway.proof.distorted import Distorted
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from simulators.defects.flaw import Defect, Flaw
from simulators.defects.seeded import DEFECTS, Defects, UnknownDefect

FOUND_BY = [
    ("forgets-serials", "01.1/52"),
    ("serial-means-nothing", "01.1/54"),
    ("ignores-ttl", "01.1/24"),
    ("mis-frames", "01.1/3"),
    ("checks-no-checksum", "01.1/23"),
    ("segments-in-any-order", "01.1/31"),
    ("partial-waits-forever", "01.1/14"),
    ("heartbeats-unanswered", "01.1/40"),
    ("answers-late", "01.1/20"),
    ("expands-entities", "01.2/31"),
    ("only-the-first-fault", "01.2/48"),
    ("header-not-compared", "01.2/40"),
    ("pf-completes-twice", "5.4/4"),
    ("pf-acceptance-without-date", "5.4/1"),
    ("pf-never-sends-again", "5.4/15"),
    ("pf-no-report-seq", "04.1/1"),
    ("pf-goes-on-after-cancel", "5.7/2"),
    ("pf-lease-without-end", "5.11/6"),
    ("pf-any-fence", "5.11/8"),
    ("pf-survey-answers-on", "5.1/1"),
    ("pf-scheme-keeps-reservation", "5.2/7"),
    ("pf-loses-age", "5.9/1"),
    ("pf-cutover-one-wave", "5.12/8"),
    ("rm-grants-twice", "5.3/9"),
    ("rm-queues-anew", "5.8/51"),
    ("crm-dispatches-twice", "5.4/81"),
    ("crm-never-bills", "5.4/82"),
    ("crm-decision-without-reference", "5.4/82"),
    ("crm-sends-again-anew", "5.4/85"),
    ("crm-takes-any-report", "5.4/86"),
    ("crm-serial-again-is-new", "5.4/OH08.reuse"),
    ("crm-change-same-version", "5.6/81"),
    ("crm-cancel-twice", "5.7/82"),
    ("crm-unlock-lost", "5.11/81"),
    ("crm-frozen-orders-taken", "5.12/81"),
    ("pf-repeats-by-connection", "5.4/OH01.retried"),
    ("pf-sends-again-anew", "5.4/OH03.unanswered"),
    ("pf-opens-again", "5.4/OH13.late.completed"),
    ("pf-changes-what-is-returned", "5.6/5"),
    ("pf-lease-runs-on", "5.11/22"),
    ("pf-returns-while-locked", "5.11/24"),
    ("pf-waits-while-locked", "5.11/26"),
    ("rm-expires-in-an-order", "5.4/59"),
    ("rm-offers-to-all", "5.8/54"),
    ("crm-numbers-mean-nothing", "5.4/OH09.early.gap"),
    ("crm-http-no-challenge", "01.4/20"),
    ("crm-http-any-password", "01.4/21"),
    ("crm-http-shows-nothing", "01.4/91"),
    ("crm-token-any-password", "01.3/111"),
    ("crm-token-twice", "01.3/113"),
    ("crm-token-of-any-time", "01.3/114"),
    ("crm-token-sent-again", "01.3/93"),
    ("crm-soap-by-action", "01.3/10"),
    ("crm-soap-references", "01.3/60"),
    ("crm-http-no-chunks", "01.4/12"),
    ("crm-receipt-names-nothing", "02.0/1"),
    ("crm-dry-run-counts", "02.0/8"),
    ("crm-any-version", "04.1/82"),
    ("crm-pending-once", "5.8/81"),
    ("crm-stop-not-withdrawn", "05.3/83"),
]
"""Defects of every kind of flaw, and a case that finds each."""


@pytest.mark.parametrize(
    ("suite", "role", "only"),
    [
        ("transport", "pf", ("01.1/1", "01.1/8", "01.1/16", "01.1/37", "01.1/43", "01.1/44", "01.1/45", "01.2/7", "01.2/33")),
        ("transport", "bill", ("01.1/1", "01.2/30")),
        ("provisioning", "pf", ("5.4/1", "5.4/2", "5.4/8", "5.4/15", "5.7/1", "5.7/5", "04.1/AMENDING", "04.1/RETURNED")),
        ("transport", "crm", ("01.1/1", "01.1/52", "01.2/48")),
        ("provisioning", "crm", ("5.4/81", "5.4/82", "5.4/85")),
        ("provisioning", "pf", ("5.1/1", "5.2/7", "5.3/61", "5.9/1", "5.12/8", "5.12/14", "5.4/OH01.held")),
        ("provisioning", "rm", ("5.3/1", "5.3/5", "5.3/6", "5.3/9", "5.4/51")),
    ],
)
def test_a_clean_system_passes(suite: str, role: str, only: tuple[str, ...]) -> None:
    run = play(suite, role, (), 5, only)
    assert run.results
    assert alarms_of(run) == []
    assert [one.verdict for one in run.sanity] == ["PASS", "PASS"]
    assert run.passed


@pytest.mark.parametrize(("name", "case"), FOUND_BY)
def test_a_seeded_defect_fails_in_its_clause(name: str, case: str) -> None:
    defect = DEFECTS[name]
    found = examine(Task(defect.suite, system_of(name), 5, name, (case,), defect.spoken))
    assert [one["id"] for one in found.failed] == [case]
    assert found.failed[0]["clause"] == defect.clause
    assert found.failed[0]["reason"]
    assert not found.errors


def test_nobody_in_between_who_changes_nothing_is_noticed() -> None:
    clock = HeapClock(1_795_309_200_000)
    network = MemoryNetwork(clock, Entropy(1))
    Distorted(network, "mem://sut", Defects())
    network.server("mem://sut").listen(Factory.forProtocol(_Echo))
    caller = Factory.forProtocol(_Heard)
    network.client("mem://sut").connect(caller)
    clock.advance(10)
    assert _Heard.got == b"CTIF no packet"


def test_nobody_in_between_over_http_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    idle = Defect("crm-idle", "crm", "transport", "01.3", "无", "does nothing", Flaw, "soap digest")
    monkeypatch.setitem(DEFECTS, idle.name, idle)
    found = examine(Task("transport", "crm", 5, idle.name, ("01.3",), idle.spoken))
    assert found.odd == ()
    assert found.counts["PASS"] >= 40


def test_our_own_crm_is_judged_over_http_with_accounts_too() -> None:
    spoken = [task.spoken for task in tasks(1, (), True, False, Asked(("crm",))) if task.spoken]
    assert spoken == ["http basic", "soap basic", "soap digest"]
    assert [task.only for task in tasks(1, (), True, False, Asked(("crm",), ("01.4/20",))) if task.spoken] == [("01.4/20",)]
    assert not [task for task in tasks(1, (), True, False, Asked(("crm",), ("5.4",))) if task.spoken]


class _Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        wire: Any = self.transport
        wire.write(data)


class _Heard(Protocol):
    got = b""

    def connectionMade(self) -> None:
        wire: Any = self.transport
        wire.write(b"CTIF no packet")

    def dataReceived(self, data: bytes) -> None:
        _Heard.got += data


def test_every_clause_with_a_defect_has_cases_for_its_system() -> None:
    for task in tasks(1, tuple(DEFECTS), False, False):
        cases = [case for case in load_suite().cases if case.suite == task.suite and task.role.upper() in case.suts]
        assert [case for case in cases if case.clause in task.only], task


def test_the_summary_counts_what_was_caught_and_names_what_was_not() -> None:
    caught = Found(Task("provisioning", "pf", 1, "pf-completes-twice"), 2, {}, (), (_failure("5.4"),), ("5.4-once",))
    elsewhere = Found(Task("provisioning", "pf", 1, "pf-forgets-cancel"), 2, {}, (), (_failure("5.4"),))
    clean = Found(Task("provisioning", "pf", 1), 9, {"PASS": 8, "FAIL": 1}, ("provisioning PF 5.4/1 FAIL",))
    told = summary(1, [clean, caught, elsewhere])
    assert (told["cases"], told["defects"], told["caught"], told["right_clause"], told["false_alarms"]) == (9, 2, 2, 1, 1)
    assert told["missed"] == ["pf-forgets-cancel"]
    assert "5.4-once" not in told["unproven"]
    assert "5.4-ref" in told["unproven"]


def test_a_fault_of_the_harness_is_a_false_alarm() -> None:
    broken = Found(Task("provisioning", "pf", 1, "pf-completes-twice"), 2, {}, (), (_failure("5.4"),), (), ("5.4/9 ERROR",))
    assert summary(1, [broken])["alarms"] == ["pf-completes-twice: 5.4/9 ERROR"]


def test_the_command_exits_0_where_every_defect_is_found() -> None:
    done = CliRunner().invoke(self_test, ["--defect", "pf-result-without-reference", "--json"])
    told = json.loads(done.output)
    assert done.exit_code == 0
    assert (told["defects"], told["caught"], told["right_clause"], told["false_alarms"]) == (1, 1, 1, 0)
    assert told["rows"][0]["first"]["id"] == "5.4/5"


def test_a_run_is_narrowed_to_roles_and_cases() -> None:
    narrowed = tasks(1, (), True, False, Asked(("crm", "pf"), ("5.4",)))
    assert [(task.suite, task.role, task.only) for task in narrowed] == [
        ("provisioning", "pf", ("5.4",)),
        ("provisioning", "crm", ("5.4",)),
        ("billing", "crm", ("5.4",)),
    ]


def test_the_command_judges_our_own_crm() -> None:
    done = CliRunner().invoke(self_test, ["--clean", "--sut", "crm", "--only", "5.4/82", "--json"])
    told = json.loads(done.output)
    assert done.exit_code == 0
    assert [(row["suite"], row["sut"], row["PASS"]) for row in told["counts"]] == [("provisioning", "CRM", 1)]


def test_the_command_names_the_defects_there_are() -> None:
    done = CliRunner().invoke(self_test, ["--defect", "no-such"], standalone_mode=False)
    assert isinstance(done.exception, CommandFailed)
    assert "pf-completes-twice" in str(done.exception)


def test_a_defect_nobody_knows_is_refused() -> None:
    with pytest.raises(UnknownDefect):
        Defects(("no-such",))


def test_the_same_seed_gives_the_same_run() -> None:
    one, two = (as_json(play("provisioning", "pf", (), 9, ("5.4/1", "5.4/3"))) for _ in range(2))
    assert one == two


def test_a_failure_is_explained_and_repeatable() -> None:
    run = play("provisioning", "pf", ("pf-completes-twice",), 5, ("5.4/4",))
    (failed,) = [one for one in run.results if one.verdict == "FAIL"]
    explanation = failed.explanation
    assert explanation is not None
    assert explanation.line is not None
    assert explanation.line.place.file == "5.4.toml"
    assert explanation.repeat.endswith("--only 5.4/4 --seed 5")
    assert explanation.cause
    assert explanation.repair
    assert '<failure message="FAIL' in junit(run)
    assert any(entry.way == "got" and entry.raw for entry in failed.log)


def _failure(clause: str) -> dict[str, str]:
    return {"id": f"{clause}/4", "clause": clause, "reason": "-", "cause": "-"}
