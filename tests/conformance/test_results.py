"""What a run leaves behind, and waivers over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from conformance.loader import load_suite
from conformance.model import CaseResult, Explanation, RunResult, Verdict
from conformance.results import JSON_FILE, JUNIT_FILE, ResultsInvalid, read, write
from conformance.trace import trace
from conformance.waivers import WaiversInvalid, read_waivers, waive


def _outcome(*verdicts: Verdict) -> RunResult:
    cases = load_suite().cases[1:]
    outcome = RunResult("transport", "PF", "tcp://127.0.0.1:1", 3, "x", started_at=1_795_309_200_000)
    for case, verdict in zip(cases, verdicts, strict=False):
        outcome.results.append(CaseResult(case, verdict, None if verdict == "PASS" else Explanation("原因 <&> \x01 reason")))
    return outcome


@pytest.mark.parametrize(
    ("verdicts", "passed"),
    [
        ((Verdict.PASS,), True),
        ((Verdict.PASS, Verdict.NOT_APPLICABLE), True),
        ((Verdict.PASS, Verdict.XFAIL), True),
        ((), False),
        ((Verdict.NOT_APPLICABLE,), False),
        *(((Verdict.PASS, bad), False) for bad in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.ERROR, Verdict.NOT_EXECUTED)),
    ],
)
def test_only_a_pass_is_a_pass(verdicts: tuple[Verdict, ...], passed: bool) -> None:
    assert _outcome(*verdicts).passed is passed


def test_both_files_are_written_and_valid(tmp_path: Path) -> None:
    write(_outcome(*Verdict), tmp_path / "out")
    assert read(tmp_path / "out")["counts"]["FAIL"] == 1
    root = etree.fromstring((tmp_path / "out" / JUNIT_FILE).read_bytes())
    assert len(root.findall(".//testcase")) == len(Verdict)
    assert {len(root.findall(f".//{kind}")) for kind in ("failure",)} == {1}


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 99}'])
def test_a_foreign_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / JSON_FILE).write_text(text, "utf-8")
    with pytest.raises(ResultsInvalid):
        read(tmp_path)


@pytest.mark.parametrize(("until", "verdict"), [("2026-11-22", "XFAIL"), ("2026-11-21", "FAIL")])
def test_a_waiver_holds_until_its_day(tmp_path: Path, until: str, verdict: str) -> None:
    outcome = _outcome(Verdict.FAIL, Verdict.PASS)
    case = outcome.results[0].case.id
    path = tmp_path / "w.toml"
    path.write_text(f'[[waiver]]\ncase = "{case}"\nuntil = {until}\nreason = "known"\n', "utf-8")
    waive(outcome, read_waivers(path))
    assert outcome.results[0].verdict == verdict
    assert outcome.results[1].verdict == "PASS"


def test_a_waiver_without_a_date_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text('[[waiver]]\ncase = "5.4/1"\nreason = "for ever"\n', "utf-8")
    with pytest.raises(WaiversInvalid):
        read_waivers(path)


def test_a_trace_joins_requirements_cases_and_verdicts() -> None:
    found = trace(load_suite(), {"5.7/3": "PASS"})
    row = next(row for row in found["rows"] if row["requirement"] == "04.9-2")
    assert row["cases"] == [{"id": "5.7/3", "last": "PASS"}]
    assert found["uncovered_must"] == len(found["uncovered"])


def test_no_must_is_without_a_case() -> None:
    assert trace(load_suite(), {})["uncovered"] == []
