"""The page of a run, and two runs beside each other."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import decompress

import pytest
from click.testing import CliRunner
from lxml import html

from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from conformance.cleanup import left_behind
from conformance.compare import BECAME, KINDS, compare, gate
from conformance.loader import load_suite
from conformance.model import CaseResult, Difference, Entry, Explanation, RunResult, Verdict
from conformance.pics import Pics
from conformance.report import bodies, page
from conformance.results import as_json, write
from conformance.selection import applicable, chosen
from gateway.cli.conformance import conformance
from schemas.loader import load

_T0 = 1_795_309_200_000
_HOSTILE = "</script><script>alert(1)</script><!-- \x01 '\""
_DOCUMENT = "<Package><code>1002</code></Package>".encode("gb18030")


def _outcome(*verdicts: Verdict, first: int = 1) -> RunResult:
    cases = load_suite().cases[first:]
    outcome = RunResult("transport", "PF", "tcp://127.0.0.1:1", 3, "x", started_at=_T0, ended_at=_T0 + 2500)
    outcome.pics = {"layout": "ctif-128"}
    raw = Layout(load().layout("ctif-128")).encode(Packet(_DOCUMENT, kind=Kind.RECEIPT, code="OH01", charset="GB18030"))
    for case, verdict in zip(cases, verdicts, strict=False):
        packet = {"kind": "receipt", "code": "OH01", "charset": "GB18030"}
        log = [Entry(_T0, "got", "CRM", "CRM", 1, raw, packet, {"element": "Receipt", "body": {"code": "1002"}}, _HOSTILE)]
        why = Explanation(_HOSTILE, step=2, differences=(Difference("/code", "0001", "1002"),), repeat="bssgw ...")
        outcome.results.append(CaseResult(case, verdict, None if verdict == "PASS" else why, _T0, _T0 + 1, log))
    return outcome


def _embedded(text: str, n: int) -> dict[str, Any]:
    packed = re.search(rf'id="c{n}">([^<]*)<', text)
    assert packed is not None
    found: dict[str, Any] = json.loads(decompress(b64decode(packed.group(1))))
    return found


def test_every_case_has_a_row_and_every_verdict_is_counted() -> None:
    tree = html.fromstring(page(as_json(_outcome(*Verdict))))
    rows = tree.xpath("//details[@class='case']")
    assert [row.get("data-verdict") for row in rows] == [verdict.value for verdict in Verdict]
    assert len(tree.xpath("//nav//button[@data-verdict]")) == len(Verdict)
    assert tree.xpath("//table[@id='clauses']//tfoot//td/text()")[-1] == str(len(Verdict))


def test_a_case_is_found_by_the_messages_it_speaks() -> None:
    outcome = _outcome(Verdict.PASS)
    case = next(case for case in load_suite().cases if any(line.what == "OH08" for line in case.lines))
    outcome.results[0].case = case
    row = html.fromstring(page(as_json(outcome))).xpath("//details[@class='case']")[0]
    assert "oh08" in row.get("data-find")


def test_the_page_needs_nothing_from_elsewhere_and_cannot_be_broken_out_of() -> None:
    text = page(as_json(_outcome(Verdict.FAIL)))
    assert "alert(1)" not in re.sub(r"&lt;[^<]*", "", text)
    tree = html.fromstring(text)
    assert tree.xpath("//*[@src] | //link") == []
    assert len(tree.xpath("//script")) == 2
    assert _embedded(text, 0)["explanation"]["reason"] == _HOSTILE


def test_a_difference_names_the_byte_and_the_document_is_found_in_the_bytes() -> None:
    told = _embedded(page(as_json(_outcome(Verdict.FAIL))), 0)
    assert told["explanation"]["differences"][0]["at"] == 128 + _DOCUMENT.index(b"<code>")
    assert told["log"][0]["bodies"] == [[128, len(_DOCUMENT)]]
    assert told["log"][0]["label"] == "OH01 ↩ 1002"


@pytest.mark.parametrize("name", ["ctif-128", "bd-272", "ascii-145", "ascii-len-8"])
def test_documents_are_found_in_every_layout_and_garbage_holds_none(name: str) -> None:
    layout = Layout(load().layout(name))
    packet = Packet(b"<a/>", kind=Kind.REQUEST, code="OH01", serial="1".zfill(layout.serial_digits), send_time="20261122090000")
    raw = layout.encode(packet)
    found = bodies(layout, raw + raw)
    assert len(found) == 2
    assert all(b"<a/>" in (raw + raw)[at : at + size] for at, size in found)
    assert bodies(layout, b"\x00garbage" * 50) == []
    assert bodies(None, raw) == []


def test_a_run_without_any_result_still_has_a_page() -> None:
    outcome = _outcome()
    outcome.partial = True
    outcome.pics = {}
    assert "interrupted" in page(as_json(outcome))


def _case_of(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    sent = {"way": "sent", "packet": {"kind": "request", "code": "OH01"}, "document": {"body": {"service_order_id": "SO1ABC"}}}
    asked = {"way": "sent", "packet": {"kind": "request", "code": "LN03"}, "document": {"body": {"text": "TX1ABC"}}}
    return {**data["cases"][0], "log": [sent, asked, {**sent, "way": "got"}], **changes}


def test_the_clean_up_report_names_what_was_written_and_whether_it_is_gone() -> None:
    data = as_json(_outcome(Verdict.PASS))
    data["namespace"] = "ABC"
    line = {"phase": "postamble"}
    cases = [{"lines": [line], "notes": []}, {"lines": [line], "notes": ["收尾 x"]}, {"lines": [], "notes": []}]
    data["cases"] = [_case_of(data, **changes) for changes in cases]
    rows = left_behind(data)
    assert [row["cleaned"] for row in rows] == [True, False, False]
    assert {tuple(row["ids"]) for row in rows} == {("SO1ABC",)}


def test_read_only_plays_what_only_asks() -> None:
    cases = chosen(load_suite().cases, "transport", "PF", ()) + chosen(load_suite().cases, "provisioning", "PF", ())
    play, rest = applicable(cases, Pics(), read_only=True)
    sent = {line.what for case in play for line in (*case.preamble, *case.lines, *case.postamble) if line.do == "send"}
    assert play
    assert {load().message(what).pattern for what in sent - {"heartbeat"}} == {"Q"}
    assert all(one.verdict is Verdict.NOT_APPLICABLE for one in rest)
    assert len(play) + len(rest) == len(cases)


def test_the_page_begins_with_the_reasons_each_once() -> None:
    root = html.fromstring(page(as_json(_outcome(Verdict.FAIL, Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE))))
    (why,) = root.xpath("//section[@id='why']")
    (article,) = why.xpath(".//article")
    assert [link.get("href") for link in article.xpath(".//a")] == [
        f"#{case.id}" for case in (load_suite().cases[n] for n in (1, 3, 4))
    ]
    named = [cell.get("data-name") for cell in article.xpath(".//tbody/tr[1]/td")]
    assert named == ["何处 where", "期望 expected", "实际 got"]
    assert article.xpath(".//code")[0].text
    assert not html.fromstring(page(as_json(_outcome(Verdict.PASS)))).xpath("//section[@id='why']")


def test_every_column_of_the_page_has_a_heading_and_a_sanity_case_its_time() -> None:
    outcome = _outcome(Verdict.PASS, Verdict.FAIL)
    outcome.sanity = [_outcome(Verdict.PASS, first=0).results[0] for _ in range(2)]
    root = html.fromstring(page(as_json(outcome)))
    heads = [cell.text_content().strip() for cell in root.xpath("//thead//th")]
    assert heads
    assert all(heads)
    names = [row.text_content() for row in root.xpath("//summary/b")][:2]
    assert len(names) == len(set(names))
    assert ["开始时 at the start" in names[0], "结束时 at the end" in names[1]] == [True, True]


def test_an_interrupted_run_says_how_much_of_it_there_is() -> None:
    outcome = _outcome(Verdict.PASS, Verdict.FAIL, Verdict.NOT_EXECUTED)
    outcome.partial = True
    (part,) = html.fromstring(page(as_json(outcome))).xpath("//p[@class='part']")
    assert "2 cases have a verdict, 1 were not executed" in part.text_content()


def test_a_comparison_names_what_became_of_each_case() -> None:
    before = as_json(_outcome(Verdict.PASS, Verdict.FAIL, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS))
    after = as_json(_outcome(Verdict.FAIL, Verdict.PASS, Verdict.FAIL, Verdict.ERROR, Verdict.PASS, Verdict.PASS))
    gone = after["cases"].pop(4)["id"]
    found = compare(before, after)
    ids = [case["id"] for case in before["cases"]]
    assert [row["id"] for row in found["worse"]] == [ids[0]]
    assert [row["id"] for row in found["better"]] == [ids[1]]
    assert [row["id"] for row in found["changed"]] == [ids[3]]
    assert [row["id"] for row in found["gone"]] == [gone]
    assert len(found["new"]) == 1
    assert found["same"] == 1


def test_a_failure_of_another_kind_is_a_change() -> None:
    before, after = as_json(_outcome(Verdict.FAIL)), as_json(_outcome(Verdict.FAIL))
    after["cases"][0]["explanation"]["differences"][0]["path"] = "/text"
    assert len(compare(before, after)["changed"]) == 1


MUST_BECOMES = [
    (Verdict.PASS, Verdict.FAIL, "worse"),
    (Verdict.PASS, Verdict.NOT_APPLICABLE, "unjudged"),
    (Verdict.FAIL, Verdict.NOT_APPLICABLE, "unjudged"),
    (Verdict.PASS, None, "gone"),
    (Verdict.FAIL, None, "gone"),
    (Verdict.INCONCLUSIVE, None, "gone"),
    (None, Verdict.FAIL, "new"),
    (None, Verdict.ERROR, "new"),
    (None, Verdict.INCONCLUSIVE, "new"),
    (Verdict.NOT_APPLICABLE, None, ""),
    (Verdict.NOT_EXECUTED, None, ""),
    (None, Verdict.PASS, ""),
    (None, Verdict.NOT_APPLICABLE, ""),
]
SHORT = {"PASS": "P", "XPASS": "p", "FAIL": "F", "XFAIL": "f", "INCONCLUSIVE": "I", "ERROR": "E", "NOT_APPLICABLE": "A",
         "NOT_EXECUTED": "X"}  # fmt: skip
MATRIX = """
    P  p  f  F  I  E  A  X
P   =  ~  -  -  -  -  !  !
p   ~  =  -  -  -  -  !  !
f   +  +  =  -  !  !  !  !
F   +  +  ~  =  !  !  !  !
I   +  +  ~  -  =  ~  !  !
E   +  +  ~  -  ~  =  !  !
A   +  +  ~  -  -  -  =  ~
X   +  +  ~  -  -  -  ~  =
"""
SIGNS = {"=": "", "~": "changed", "-": "worse", "+": "better", "!": "unjudged"}


def _cells() -> Iterator[tuple[Verdict, Verdict, str]]:
    """The matrix cell by cell: before, after, what became of it."""
    named = {short: Verdict(name) for name, short in SHORT.items()}
    head, *rows = (line.split() for line in MATRIX.strip().splitlines())
    for was, *signs in rows:
        for now, sign in zip(head, signs, strict=True):
            yield named[was], named[now], SIGNS[sign]


@pytest.mark.parametrize(("before", "after", "kind"), list(_cells()))
def test_what_becomes_of_a_verdict(before: Verdict, after: Verdict, kind: str) -> None:
    name = as_json(_outcome(Verdict.PASS, Verdict.PASS))["cases"][1]["id"]
    found = compare(*_two_runs(before, after))
    assert {one: [row["id"] for row in found[one]] for one in KINDS if found[one]} == ({kind: [name]} if kind else {})
    held = gate(found).held
    assert [why for why, _ in held] == ([kind] if kind in ("worse", "unjudged") else [])
    assert not gate(found, [name]).held


def test_the_matrix_is_whole() -> None:
    assert len({(before, after) for before, after, _ in _cells()}) == len(Verdict) ** 2
    assert set(BECAME) == {(before, after) for before in Verdict for after in Verdict}


def _two_runs(before: Verdict | None, after: Verdict | None, level: str = "MUST") -> tuple[dict[str, Any], dict[str, Any]]:
    """One case as it was and as it is, between two that stay."""
    runs = []
    for verdict in (before, after):
        data = as_json(_outcome(Verdict.PASS, verdict or Verdict.PASS))
        data["cases"][1]["level"] = level
        if verdict is None:
            del data["cases"][1]
        runs.append(data)
    return runs[0], runs[1]


@pytest.mark.parametrize(("before", "after", "why"), MUST_BECOMES)
def test_the_gate_holds_what_went_back(before: Verdict | None, after: Verdict | None, why: str) -> None:
    judged = gate(compare(*_two_runs(before, after)))
    assert [kind for kind, _ in judged.held] == ([why] if why else [])
    assert not gate(compare(*_two_runs(before, after, "SHOULD"))).held


@pytest.mark.parametrize(("before", "after", "why"), MUST_BECOMES[:9])
def test_the_gate_lets_through_what_is_accepted(before: Verdict | None, after: Verdict | None, why: str) -> None:
    runs = _two_runs(before, after)
    name = (runs[0] if before else runs[1])["cases"][1]["id"]
    judged = gate(compare(*runs), [name, "9.9/*"])
    assert (judged.held, [row["id"] for _, row in judged.accepted], judged.unused) == ((), [name], ("9.9/*",))
    assert not gate(compare(*runs), ["*"]).held
    assert bool(gate(compare(*runs), missing=True).held) is (why != "gone")


def test_the_command_says_what_is_held_and_how_to_accept_it(tmp_path: Path) -> None:
    runner = CliRunner()
    long, short = str(tmp_path / "long"), str(tmp_path / "short")
    write(_outcome(Verdict.PASS, Verdict.PASS), tmp_path / "long")
    write(_outcome(Verdict.PASS), tmp_path / "short")
    gone = as_json(_outcome(Verdict.PASS, Verdict.PASS))["cases"][1]["id"]
    held = runner.invoke(conformance, ["compare", long, short])
    assert held.exit_code == 1
    for said in (f"✘ {gone} PASS → -", "原有的 MUST 用例不再有", "is missing", "--accept"):
        assert said in held.output
    accepted = runner.invoke(conformance, ["compare", long, short, "--accept", gone, "--accept", "9.9/9"])
    assert accepted.exit_code == 0
    assert f"{gone} 已接受 accepted" in accepted.output
    assert "--accept 9.9/9 未用到 met nothing" in accepted.output
    assert runner.invoke(conformance, ["compare", long, short, "--allow-missing"]).exit_code == 0
    plain = runner.invoke(conformance, ["compare", long, short, "--json"])
    assert (plain.exit_code, json.loads(plain.output)["gate"]["held"]) == (1, [{"why": "gone", "id": gone}])


def test_the_commands_make_verify_and_compare(tmp_path: Path) -> None:
    for name, verdict in (("a", Verdict.PASS), ("b", Verdict.FAIL)):
        write(_outcome(verdict), tmp_path / name)
    a, b = str(tmp_path / "a"), str(tmp_path / "b")
    runner = CliRunner()
    made = json.loads(runner.invoke(conformance, ["report", a, "--json"]).output)
    assert [Path(path).name for path in made] == ["report.html", "manifest.json"]
    assert runner.invoke(conformance, ["verify", a]).exit_code == 0
    (tmp_path / "a" / "report.html").write_text("x", "utf-8")
    spoiled = runner.invoke(conformance, ["verify", a])
    assert spoiled.exit_code == 1
    assert "report.html" in spoiled.output
    assert runner.invoke(conformance, ["compare", a, b]).exit_code == 1
    assert runner.invoke(conformance, ["compare", b, a]).exit_code == 0
    assert runner.invoke(conformance, ["verify", b]).exit_code == 2
    assert runner.invoke(conformance, ["report", str(tmp_path)]).exit_code == 2
