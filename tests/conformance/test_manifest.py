"""A report says what was said, and shows when somebody changed it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conformance.loader import load_suite
from conformance.manifest import MANIFEST_FILE, SIGNATURE_FILE, KeyInvalid, make_key, verify, write_manifest
from conformance.model import CaseResult, Entry, Explanation, RunResult, Verdict
from conformance.results import JSON_FILE, write

_DOCUMENT = "<Package><Receipt><code>0001</code></Receipt></Package>"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    cases = load_suite().cases[1:4]
    outcome = RunResult("transport", "PF", "tcp://127.0.0.1:1", 3, "x", started_at=1_795_309_200_000)
    for n, case in enumerate(cases):
        log = [Entry(1_795_309_200_000 + n, "got", "CRM", "CRM", 1, _DOCUMENT.encode(), {"code": "OH01", "serial": f"{n}"})]
        outcome.results.append(CaseResult(case, Verdict.FAIL, Explanation("原因 reason"), log=log))
    outcome.strays.append(Entry(1_795_309_200_000, "got", "CRM", "CRM", 0, b"stray"))
    write(outcome, tmp_path / "out")
    return tmp_path / "out"


def test_an_untouched_report_is_intact(report: Path) -> None:
    write_manifest(report)
    found = verify(report)
    assert found.findings == ()
    assert (found.files, found.messages, found.key) == (2, 4, "")


@pytest.mark.parametrize("at", range(0, 9000, 611))
def test_any_changed_byte_of_the_results_is_found(report: Path, at: int) -> None:
    write_manifest(report)
    path = report / JSON_FILE
    data = bytearray(path.read_bytes())
    data[at % len(data)] ^= 1
    path.write_bytes(data)
    assert any(one.what == JSON_FILE for one in verify(report).findings)


def test_the_message_that_was_changed_is_named(report: Path) -> None:
    write_manifest(report)
    path = report / JSON_FILE
    data = json.loads(path.read_text("utf-8"))
    data["cases"][1]["log"][0]["raw"] = "00" + data["cases"][1]["log"][0]["raw"][2:]
    data["cases"][2]["verdict"] = "PASS"
    path.write_text(json.dumps(data), "utf-8")
    found = [one.what for one in verify(report).findings]
    assert found == [JSON_FILE, f"{data['cases'][1]['id']} #1", data["cases"][2]["id"]]


def test_missing_and_additional_things_are_named(report: Path) -> None:
    write_manifest(report)
    (report / "junit.xml").unlink()
    (report / "more.txt").write_text("x", "utf-8")
    data = json.loads((report / JSON_FILE).read_text("utf-8"))
    gone = data["cases"].pop(0)["id"]
    data["strays"] = []
    (report / JSON_FILE).write_text(json.dumps(data), "utf-8")
    assert [one.what for one in verify(report).findings] == ["junit.xml", JSON_FILE, "more.txt", gone, "strays"]


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"files": 1}'])
def test_a_manifest_that_is_none_is_a_finding(report: Path, text: str) -> None:
    (report / MANIFEST_FILE).write_text(text, "utf-8")
    assert [one.what for one in verify(report).findings] == [MANIFEST_FILE]


def test_without_a_signature_a_wanted_key_is_a_finding_and_a_foreign_file_no_key(report: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    write_manifest(report)
    public, _ = make_key(tmp_path / "tester.key")
    assert [one.what for one in verify(report, public).findings] == [SIGNATURE_FILE]
    with pytest.raises(KeyInvalid):
        verify(report, report / JSON_FILE)
    with pytest.raises(KeyInvalid):
        write_manifest(report, report / JSON_FILE)


def test_a_signature_holds_and_breaks_with_any_byte(report: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    public, fingerprint = make_key(tmp_path / "tester.key")
    assert (tmp_path / "tester.key").stat().st_mode & 0o077 == 0
    write_manifest(report, tmp_path / "tester.key")
    assert verify(report, public).findings == ()
    assert verify(report).key == fingerprint
    for name, what in ((MANIFEST_FILE, MANIFEST_FILE), (SIGNATURE_FILE, "")):
        path = report / name
        whole = path.read_bytes()
        for at in range(0, len(whole), 97):
            spoiled = bytearray(whole)
            spoiled[at] ^= 1
            if spoiled.split() != whole.split() or name == MANIFEST_FILE:
                path.write_bytes(spoiled)
                found = [one.what for one in verify(report, public).findings]
                assert found, f"{name} byte {at}"
                assert not what or what in found
        path.write_bytes(whole)
    assert verify(report, public).findings == ()


def test_another_key_is_a_finding_and_no_key_is_overwritten(report: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    make_key(tmp_path / "a.key")
    other, _ = make_key(tmp_path / "b.key")
    write_manifest(report, tmp_path / "a.key")
    assert [one.what for one in verify(report, other).findings] == [SIGNATURE_FILE]
    with pytest.raises(FileExistsError):
        make_key(tmp_path / "a.key")
