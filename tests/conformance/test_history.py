"""A report directory keeps every run: the last one in it, those before it below ``earlier`` (spec 07.8)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from conformance.history import earlier, latest, set_aside, since
from conformance.loader import load_suite
from conformance.model import CaseResult, RunResult, Verdict
from conformance.results import ResultsInvalid, as_json, read, write
from gateway.cli.conformance_cases import trace
from gateway.cli.conformance_run import leave_results, rerun

CASES = {case.id: case for case in load_suite().cases}


def run(**verdicts: str) -> RunResult:
    """A run of transport cases: ``c1="PASS"`` is 01.1/1."""
    outcome = RunResult("transport", "PF", "tcp://127.0.0.1:1", 7, "test", pics={})
    for name, verdict in verdicts.items():
        outcome.results.append(CaseResult(CASES[f"01.1/{name[1:]}"], Verdict(verdict)))
    return outcome


def test_the_run_before_is_set_aside_whole(tmp_path: Path) -> None:
    assert leave_results(run(c1="FAIL", c2="PASS"), tmp_path) is None
    first = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    before = leave_results(run(c1="PASS"), tmp_path)
    assert before == tmp_path / "earlier" / "1"
    assert {path.name: path.read_bytes() for path in before.iterdir()} == first
    assert [case["verdict"] for case in read(tmp_path)["cases"]] == ["PASS"]


def test_runs_are_numbered_as_they_came(tmp_path: Path) -> None:
    for n in range(12):
        write(replace(run(c1="PASS"), seed=n), tmp_path)
        set_aside(tmp_path)
    assert [path.name for path in earlier(tmp_path)] == [str(n) for n in range(1, 13)]
    assert [read(path)["seed"] for path in earlier(tmp_path)] == list(range(12))


def test_nothing_is_set_aside_where_nothing_was(tmp_path: Path) -> None:
    assert set_aside(tmp_path) is None
    assert earlier(tmp_path) == []


def test_each_case_counts_as_it_was_played_last(tmp_path: Path) -> None:
    leave_results(run(c1="FAIL", c2="PASS", c3="FAIL"), tmp_path)
    leave_results(run(c1="PASS", c3="FAIL"), tmp_path)
    found = {name: case["verdict"] for name, case in latest(tmp_path).items()}
    assert found == {"01.1/1": "PASS", "01.1/2": "PASS", "01.1/3": "FAIL"}


def test_since_speaks_only_of_what_was_played_again() -> None:
    found = since(as_json(run(c1="FAIL", c2="PASS", c3="PASS")), as_json(run(c1="PASS", c3="FAIL")))
    assert [row["id"] for row in found["better"]] == ["01.1/1"]
    assert [row["id"] for row in found["worse"]] == ["01.1/3"]
    assert found["gone"] == []


def test_trace_names_the_last_verdict_of_each_case(tmp_path: Path) -> None:
    leave_results(run(c1="FAIL", c2="PASS"), tmp_path)
    leave_results(run(c1="PASS"), tmp_path)
    done = CliRunner().invoke(trace, ["--report", str(tmp_path), "--json"])
    told = {case["id"]: case["last"] for row in json.loads(done.output)["rows"] for case in row["cases"]}
    assert (told["01.1/1"], told["01.1/2"], told["01.1/3"]) == ("PASS", "PASS", "")


def test_what_passed_since_is_not_played_again(tmp_path: Path) -> None:
    leave_results(run(c1="FAIL"), tmp_path)
    leave_results(run(c1="PASS"), tmp_path)
    done = CliRunner().invoke(rerun, [str(tmp_path)])
    assert "nothing to play again" in done.output


def test_a_directory_without_results_says_so(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"results\.json"):
        latest(tmp_path)
    (tmp_path / "results.json").write_text("{}", "utf-8")
    with pytest.raises(ResultsInvalid):
        latest(tmp_path)
