"""The case files hold together, and a fault in one is told with its file and line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.check import check
from conformance.expand import read_templates
from conformance.loader import ROOT, _cases, load_suite
from conformance.sources import Blocks, CasesInvalid, Fault, Source, open_source
from gateway.cli.conformance import conformance

_TEMPLATES = read_templates(open_source(ROOT / "data" / "templates.toml"), load_suite().blocks, [])

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


MANY = (
    HEAD
    + """[[case]]
id = "9.9/1"
zh = "须。"
en = "MUST."
level = "MUST"
suts = "PF"
colour = "red"
lines = [{ wait = true, for = "1s" }]

[[case]]
id = "9.9/2"
zh = "须。"
en = "MUST."
level = "MUST"
manners = { OH03 = "shortages" }
lines = [
  { sned = "OH01" },
  { expect = "OH02", wihtin = "1s", before = [1] },
  "accept",
]

[[case]]
id = "9.9/3"
zh = "须。"
en = "MUST."
level = "MUST"
covers = ["PQ01.3002"]
manners = { OH03 = "shortages" }
lines = [{ send = "OH0", by = "CRM", body = "OH01_resource" }]

[[scene]]
message = "CN01"
by = "CRM"
send = {}
refuse = [{ zh = "x" }, { code = "9999" }]
"""
)


def test_every_fault_is_told_at_once_with_what_was_probably_meant(root: Path) -> None:
    (root / "cases" / "9.9.toml").write_text(MANY, "utf-8")
    (root / "cases" / "9.8.toml").write_text("clause = \n", "utf-8")
    with pytest.raises(CasesInvalid) as met:
        load_suite(root)
    told = [(fault.place.file, fault.place.line, fault.en) for fault in met.value.faults]
    wanted = [
        ("9.8.toml", 1, "no TOML"), ("9.9.toml", 10, 'suts must be a list of texts, such as ["PF"]'),
        ("9.9.toml", 11, "the case takes no colour"), ("9.9.toml", 21, "did you mean send?"),
        ("9.9.toml", 22, "did you mean within?"), ("9.9.toml", 22, "before of an expect line must be a list of texts"),
        ("9.9.toml", 22, 'lacks to = "ROLE"'), ("9.9.toml", 23, "near it: accepted"), ("9.9.toml", 35, "code or name"),
        ("9.9.toml", 35, "no result code 9999"), ("9.9.toml", 26, "no requirement PQ01.3002; near it: PQ01.3003"),
        ("9.9.toml", 26, "OH03 has no manner shortages; there are: held_elsewhere"),
        ("9.9.toml", 33, "no message OH0; near it: OH"),
        ("9.9.toml", 33, "no body is called OH01_resource; near it: OH01_resources"),
    ]  # fmt: skip
    for file, line, says in wanted:
        assert any((at, said_line) == (file, line) and says in said for at, said_line, said in told), (file, line, says, told)
    assert all(fault.zh != fault.en for fault in met.value.faults)


def test_cases_of_ones_own_stand_beside_those_that_ship(root: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "9.9.toml").write_text(CASE + 'lines = [{ wait = true, for = "1s" }]\n', "utf-8")
    (case,) = load_suite(root, mine).cases
    assert (case.id, case.place.file) == ("9.9/1", str(mine / "9.9.toml"))
    shown = CliRunner().invoke(conformance, ["list", "--cases", str(mine), "--only", "9.9/1", "--json"])
    assert [row["id"] for row in json.loads(shown.output)] == ["9.9/1"]
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    (wrong / "9.9.toml").write_text(CASE + 'lines = [{ wait = true, for = "1s" }]\ncolour = 1\n', "utf-8")
    refused = CliRunner().invoke(conformance, ["list", "--cases", str(wrong)])
    assert refused.exit_code == 2
    assert f"{wrong / '9.9.toml'}:11: " in refused.output
    assert "takes no colour" in refused.output


def test_what_cases_may_name_is_listed() -> None:
    found = json.loads(CliRunner().invoke(conformance, ["list", "--blocks", "--json"]).output)
    assert found["lines"]["accepted"]
    assert "service_order_id" in found["bodies"]["OH01"]
    assert "OH03 = shortage" in found["manners"]


VALUES = st.one_of(
    st.integers(-1, 9), st.booleans(), st.sampled_from(["OH01", "CRM", "PF", "m", "1s", "${x}", "accepted", "MUST", "9.9/1"]),
)  # fmt: skip
NESTED = st.recursive(
    VALUES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["send", "expect", "quiet", "by", "to", "of", "as", "set", "drop", "body", "code", "name", "when"]),
            inner, max_size=4,
        ),
    ),
    max_leaves=6,
)  # fmt: skip
KEYS = st.sampled_from(
    ["id", "zh", "en", "level", "suts", "pics", "covers", "lines", "preamble", "vars", "manners", "alone", "message", "by",
     "send", "to", "provoke", "refuse", "late", "results", "name", "ok"]
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["case", "scene", "state", "operation", "cells", "clause", "suts"]),
    st.one_of(NESTED, st.lists(st.dictionaries(KEYS, NESTED, max_size=8), max_size=2)),
)
def test_whatever_stands_in_a_case_file_is_read_or_told(part: str, value: Any) -> None:
    blocks = Blocks(lines={"accepted": []}, bodies={"OH01": {}})
    data = {"clause": "9.9", "suite": "provisioning", "suts": ["PF"], "cells": {}, part: value}
    faults: list[Fault] = []
    cases = _cases(Source("9.9.toml", data, {}, [""]), blocks, _TEMPLATES, faults)
    assert check(cases, {}, blocks) or faults or all(case.lines for case in cases)
