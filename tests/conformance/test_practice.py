"""A system to practise on: what can be asked for, and that it serves with the command that judges it."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.loader import load_suite
from conformance.selection import chosen
from gateway.cli.conformance_practice import SUITES, choices, practice


@pytest.mark.parametrize("role", SUITES)
def test_every_fault_it_can_be_given_has_cases_that_may_find_it(role: str) -> None:
    assert choices(role)
    for one in choices(role):
        assert chosen(load_suite().cases, one.suite, role.upper(), (one.clause,)), one.name


def test_the_faults_are_listed_with_their_clauses() -> None:
    shown = CliRunner().invoke(practice, ["pf", "--list", "--json"])
    rows = {row["name"]: row["clause"] for row in json.loads(shown.output)}
    assert rows["pf-completes-twice"] == "5.4"
    assert "rm-no-hold" not in rows


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["pf", "--defect", "pf-complete-twice"], "pf-completes-twice"),
        (["pf", "--defect", "nothing-like-it"], "--list"),
        (["pf", "--listen", "7121"], "7121"),
        (["crm"], "pf"),
    ],
)
def test_what_cannot_be_had_is_said(words: list[str], says: str) -> None:
    refused = CliRunner().invoke(practice, words)
    assert refused.exit_code == 2
    assert says in refused.output


def test_over_http_it_is_not_to_be_had(tmp_path: Path) -> None:
    pics = tmp_path / "p.toml"
    pics.write_text('binding = "soap"\n', "utf-8")
    refused = CliRunner().invoke(practice, ["pf", "--pics", str(pics)])
    assert (refused.exit_code, "socket binding" in refused.output) == (2, True)


def test_it_serves_and_names_the_command_that_judges_it() -> None:
    words = ["practice", "pf", "--defect", "pf-completes-twice", "--listen", "tcp://127.0.0.1:0", "--json"]
    command = [sys.executable, "-m", "gateway", "conformance", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
    assert not told["listening"].endswith(":0")
    said = shlex.split(told["run"])
    assert said[said.index("--endpoint") + 1] == told["listening"]
    assert said[said.index("--only") + 1] == "5.4"
