"""The case files hold together, and a fault in one is told with its file and line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conformance.loader import ROOT, load_suite
from conformance.sources import CasesInvalid

HEAD = 'clause = "9.9"\nsuite = "provisioning"\nsuts = ["PF"]\n\n'
CASE = HEAD + '[[case]]\nid = "9.9/1"\nzh = "须。"\nen = "MUST."\nlevel = "MUST"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "data", tmp_path / "data")
    shutil.copy(ROOT / "requirements.toml", tmp_path)
    (tmp_path / "cases").mkdir()
    return tmp_path


def test_the_shipped_cases_have_no_fault() -> None:
    suite = load_suite()
    ids = [case.id for case in suite.cases]
    assert len(ids) == len(set(ids)) >= 400


def test_every_case_says_its_requirement_in_both_languages() -> None:
    for case in load_suite().cases:
        assert any("\u4e00" <= char <= "\u9fff" for char in case.zh), case.id
        assert case.en.isascii() or case.id.startswith("01.2/"), case.id
        assert case.lines, case.id


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (CASE + "lines = [\n  { wait = true, for = \"1s\" },\n  { sned = \"OH01\" },\n]\n", 12, "a line has one of"),
        (CASE + 'lines = [{ send = "OH01", by = "CRM", colour = "red" }]\n', 10, "takes no colour"),
        (CASE + 'lines = [{ send = "OH99", by = "CRM", body = {} }]\n', 10, "no message OH99"),
        (CASE + 'lines = [{ send = "OH01", by = "PF" }]\n', 10, "under test"),
        (CASE + 'lines = [{ send = "OH01", by = "XX" }]\n', 10, "unknown role"),
        (CASE + 'lines = [{ expect = "OH02", to = "CRM", within = "soon" }]\n', 10, "unknown timer soon"),
        (CASE + 'lines = [{ expect = "receipt", to = "CRM", of = "nothing", code = "0001" }]\n', 10, "unknown label nothing"),
        (CASE + 'lines = [{ expect = "OH02", to = "CRM", where = { x = "${y.z}" } }]\n', 10, "comes from nowhere"),
        (CASE + 'lines = ["no_such_block"]\n', 10, "no block"),
        (CASE + 'covers = ["9.9-1"]\nlines = [{ wait = true, for = "1s" }]\n', 5, "no requirement 9.9-1"),
        (CASE + 'pics = ["telepathy"]\nlines = [{ wait = true, for = "1s" }]\n', 5, "questionnaire has no telepathy"),
        (CASE.replace('"MUST"', '"MAY"') + 'lines = [{ wait = true, for = "1s" }]\n', 5, "MUST or SHOULD"),
        (HEAD + '[[case]]\nid = "9.9/1"\n', 5, "lacks"),
        (HEAD + '[[scene]]\nmessage = "OH99"\nby = "CRM"\nsend = {}\n', 5, "no message OH99"),
        ("clause =\n", 1, "no TOML"),
    ],
)  # fmt: skip
def test_a_fault_names_file_and_line(root: Path, text: str, line: int, says: str) -> None:
    (root / "cases" / "9.9.toml").write_text(text, "utf-8")
    with pytest.raises(CasesInvalid) as met:
        load_suite(root)
    first = met.value.faults[0]
    assert (first.place.file, first.place.line) == ("9.9.toml", line)
    assert says in first.text


@pytest.mark.parametrize(("settles", "to"), [("", "CRM"), ('settle = "OH05"\nsettle_to = "RM"\n', "RM")])
def test_a_second_effect_is_looked_for_where_it_would_show(root: Path, settles: str, to: str) -> None:
    text = HEAD + f'[[scene]]\nmessage = "CN01"\nby = "CRM"\nsend = {{}}\n{settles}'
    (root / "cases" / "9.9.toml").write_text(text, "utf-8")
    (twice,) = [case for case in load_suite(root).cases if case.id == "9.9/CN01.duplicate"]
    assert (twice.lines[-1].do, twice.lines[-1].party) == ("quiet", to)


def test_a_scene_makes_a_case_of_every_template(root: Path) -> None:
    text = HEAD + '[[scene]]\nmessage = "CN01"\nby = "CRM"\nsend = {}\nrefuse = [{ code = "3005", preamble = ["completed"] }]\n'
    (root / "cases" / "9.9.toml").write_text(text, "utf-8")
    ids = [case.id for case in load_suite(root).cases]
    assert ids == [f"9.9/CN01.{name}" for name in ("valid", "duplicate", "reuse", "refused.3005", "schema", "retried")]
