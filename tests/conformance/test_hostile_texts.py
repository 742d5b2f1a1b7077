"""Whatever a system under test writes, or a file holds: verdicts stay verdicts, files stay whole, terminals stay sane."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from lxml import etree

from conformance.history import earlier, latest, set_aside
from conformance.loader import load_suite
from conformance.manifest import make_key, verify
from conformance.match import differences
from conformance.model import CaseResult, Difference, Explanation, RunResult, Verdict
from conformance.report import page
from conformance.results import JSON_FILE, ResultsInvalid, as_json, junit, read, write
from conformance.values import Scope, pattern
from conformance.waivers import WaiversInvalid, read_waivers
from gateway.cli.conformance import conformance
from gateway.cli.conformance_run import leave_results, tell

CASE = next(case for case in load_suite().cases if case.id == "01.1/1")
HOSTILE = "\x1b[2J\x9b31m\x07\uffff\ufffe\x7f<script>&\"'"


def outcome(reason: str = "x", verdict: Verdict = Verdict.FAIL, sanity: Verdict | None = None) -> RunResult:
    made = RunResult("transport", "PF", "tcp://127.0.0.1:1", 7, "test", started_at=1_795_309_200_000)
    made.results.append(CaseResult(CASE, verdict, Explanation(reason, differences=(Difference("/x", "y", reason),))))
    if sanity is not None:
        made.sanity.append(CaseResult(CASE, sanity, Explanation(reason)))
    return made


# -- what it wrote, in judgements


@pytest.mark.parametrize("got", ["²", "--5", "9" * 5_000, "", "-", "x"])
def test_what_is_no_number_is_not_greater(got: str) -> None:
    assert [one.got[:5] for one in differences(">3", got)] == [got[:5]]


@pytest.mark.parametrize("value", ["*", "-", "~(", "~.*", "=a|b", "!x", ">3", "...", "plain"])
def test_what_came_before_is_expected_as_it_is(value: str) -> None:
    scope = Scope({"it": {"id": value, "rows": [value]}}, "TOK", 0)
    expected = pattern({"id": "${it.id}", "rows": "${it.rows}", "text": "~A-${it.id}"}, scope)
    assert differences(expected, {"id": value, "rows": [value], "text": f"A-{value}"}) == []
    other = [one.path for one in differences(expected, {"id": "other", "rows": ["other"], "text": "A-other"})]
    assert other == ["/id", "/rows[1]", "/text"]


def test_patterns_of_a_case_stay_patterns() -> None:
    scope = Scope({"it": {"id": "1"}}, "TOK", 0)
    expected = pattern({"a": "*", "b": "!${it.id}", "c": ["x", "..."]}, scope)
    assert differences(expected, {"a": "1", "b": "2", "c": ["x", "y"]}) == []


# -- in files and on terminals


def test_junit_stays_xml() -> None:
    text = etree.fromstring(junit(outcome(HOSTILE)).encode()).findtext(".//failure") or ""
    assert "<script>" in text


def test_terminals_get_no_commands(capsys: pytest.CaptureFixture[str]) -> None:
    tell(outcome(HOSTILE), None, False)
    said = capsys.readouterr().out
    assert "<script>" in said
    assert not [char for char in said if char != "\n" and (char < " " or "\x7f" <= char <= "\x9f")]


def test_a_system_that_cannot_be_reached_is_no_green_build() -> None:
    root = etree.fromstring(junit(outcome(verdict=Verdict.NOT_EXECUTED, sanity=Verdict.INCONCLUSIVE)).encode())
    assert len(root.findall(".//error")) == 1


def test_the_page_of_foreign_results_runs_nothing() -> None:
    data = as_json(outcome())
    data["cases"][0]["level"] = '"><img src=x onerror=alert(1)>'
    assert "<img" not in page(data)


def test_results_are_whole_or_the_ones_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(outcome("first"), tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(path: Path, data: bytes) -> int:
        with path.open("wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    monkeypatch.setattr(Path, "write_text", lambda path, text, *_: full(path, text.encode()))
    with pytest.raises(OSError, match="No space"):
        write(outcome("second"), tmp_path)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


@pytest.mark.parametrize("text", ['{"format": 1}', '{"format": 1, "cases": 5, "sanity": [], "strays": []}'])
def test_results_with_nothing_in_them_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / JSON_FILE).write_text(text, "utf-8")
    with pytest.raises(ResultsInvalid):
        read(tmp_path)


def test_a_report_that_cannot_be_written_is_said_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(SystemExit) as ended:
        leave_results(outcome(), tmp_path)
    assert ended.value.code == 1
    assert "cannot be written" in capsys.readouterr().err


def test_a_move_that_was_broken_off_hides_nothing(tmp_path: Path) -> None:
    write(outcome(), tmp_path)
    (tmp_path / "earlier" / "1").mkdir(parents=True)
    assert earlier(tmp_path) == []
    assert list(latest(tmp_path)) == [CASE.id]
    assert set_aside(tmp_path) == tmp_path / "earlier" / "2"


NUMBERS = b"[[waiver]]\ncase = 5\nuntil = 2027-01-01\nreason = 1"


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"waiver = 5", b"waiver = [5]", NUMBERS])
def test_a_waiver_file_of_another_shape_is_refused(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "w.toml").write_bytes(raw)
    with pytest.raises(WaiversInvalid):
        read_waivers(tmp_path / "w.toml")


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told["cases"].update({"x": {}}),
        lambda told: told["cases"].update({"x": 5}),
        lambda told: told["files"].update({"x/../y": 5}),
        lambda told: told.update(strays=[5]),
    ],
)
def test_a_manifest_of_another_shape_is_a_finding(tmp_path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    leave_results(outcome(), tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_bytes())
    change(told)
    (tmp_path / "manifest.json").write_text(json.dumps(told), "utf-8")
    assert verify(tmp_path).findings


def test_a_public_key_is_not_overwritten_either(tmp_path: Path) -> None:
    (tmp_path / "k.pub").write_text("somebody's", "utf-8")
    with pytest.raises(FileExistsError):
        make_key(tmp_path / "k")
    assert (tmp_path / "k.pub").read_text("utf-8") == "somebody's"
    assert not (tmp_path / "k").exists()


# -- the command

TO = ("run", "--suite", "transport", "--sut", "pf", "--endpoint", "tcp://127.0.0.1:1")


def test_a_directory_that_cannot_be_written_is_said_before_the_run(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = CliRunner().invoke(conformance, [*TO, "--report", str(tmp_path / "file" / "out")])
    assert (done.exit_code, "cannot be written" in done.output) == (2, True)


def test_a_name_of_no_case_is_refused_beside_good_ones() -> None:
    done = CliRunner().invoke(conformance, [*TO, "--only", "01.1/1, 01.1/999"])
    assert (done.exit_code, "01.1/999" in done.output, "01.1/1," in done.output) == (2, True, False)


def test_names_may_have_blanks_between(monkeypatch: pytest.MonkeyPatch) -> None:
    plans: list[Any] = []
    monkeypatch.setattr("gateway.cli.conformance_run.play", lambda _there, plan, *_: plans.append(plan))
    CliRunner().invoke(conformance, [*TO, "--only", "01.1/1, 01.2"], catch_exceptions=False)
    assert plans[0].only == ("01.1/1", "01.2")


@pytest.mark.parametrize("command", [("list",), ("own", "--suite", "transport")])
def test_other_commands_know_names_of_no_case_too(command: tuple[str, ...]) -> None:
    done = CliRunner().invoke(conformance, [*command, "--only", "01.1/1, 01.1/999" if command == ("list",) else "01.1/999"])
    assert (done.exit_code, "01.1/999" in done.output) == (2, True)


@pytest.mark.parametrize("only", [("9.99",), ("5.4", "9.99")])
def test_a_self_test_of_nothing_is_no_success(only: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.cli.conformance_strength.measure", lambda *_: iter(()))
    words = [word for name in only for word in ("--only", name)]
    done = CliRunner().invoke(conformance, ["self-test", "--clean", "--sut", "pf", *words])
    assert (done.exit_code, "9.99" in done.output) == (2, True)
