"""Every message is asked all six kinds of 07.6, or a table says why not; every race of 04.9 has its cases."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from conformance.loader import ROOT, load_suite
from conformance.model import Case
from conformance.requirements import KINDS, Exempt, of_messages, read_exempt, receivers, senders
from conformance.sources import Fault, open_source
from schemas.loader import load
from schemas.model import MessageRow

ROWS = [row for row in load().messages() if receivers(row) or senders(row)]
NAMES = [name for names in KINDS.values() for name in names]
RACES = {
    "cancel × completion": {"PF": "04.9-1", "CRM": "04.9-crm-1"},
    "change × completion": {"PF": "04.9-pf-change", "CRM": "04.9-crm-1"},
    "cancel × dispatch not arrived": {"PF": "04.9-2", "CRM": "04.9-crm-2"},
    "change × return": {"PF": "04.9-3", "CRM": "04.9-crm-3"},
    "deferral due × DF02": {"PF": "04.9-4", "CRM": "04.9-crm-4"},
    "lease due × LK02": {"PF": "04.9-pf-lease", "CRM": "04.9-crm-4"},
    "lock × completion, return, pending": {"PF": "04.9-5", "CRM": "04.9-crm-5"},
    "offer due × PA03": {"PF": "04.9-pf-offer", "CRM": "04.9-crm-6"},
    "reservation due × OH03, RR03": {"RM": "04.9-rm-1"},
    "two takers of one resource": {"RM": "04.9-rm-2"},
    "freeze × new order": {"CRM": "04.9-crm-7"},
    "payment × arrears suspend in flight": {"CRM": "04.9-crm-8"},
}
"""Rows of 04.9: who takes part in each, and the requirement that says what it must do."""


@cache
def table() -> list[Exempt]:
    """What messages are not asked."""
    faults: list[Fault] = []
    found = read_exempt(open_source(ROOT / "data" / "exempt.toml"), load(), faults)
    assert not faults
    return found


@cache
def covering() -> dict[tuple[str, str], list[Case]]:
    """Cases by requirement and role."""
    found: dict[tuple[str, str], list[Case]] = {}
    for case in load_suite().cases:
        for name in case.covers:
            for sut in case.suts:
                found.setdefault((name, sut), []).append(case)
    return found


@pytest.mark.parametrize("row", ROWS, ids=[row.code for row in ROWS])
def test_a_message_has_each_kind_covered_or_a_reason(row: MessageRow) -> None:
    for kind, names in KINDS.items():
        for name in names:
            for sut in senders(row) if name == "unanswered" else receivers(row):
                cases = covering().get((f"{row.code}.{name}", sut), [])
                reasons = [one for one in table() if one.frees(name, row.code, sut)]
                assert bool(cases) is not bool(reasons), (kind, row.code, name, sut)
    for refusal in row.refusals:
        for sut in receivers(row):
            assert covering().get((f"{row.code}.{refusal}", sut)), (row.code, refusal, sut)


def test_every_kind_is_asked_of_somebody_and_every_reason_frees_somebody() -> None:
    asked = of_messages(load(), [])
    assert all(any(one.endswith(f".{name}") for one in asked) for name in NAMES)
    for one in table():
        assert all(f"{code}.{one.kind}" in asked for code in one.codes)
        assert any("\u4e00" <= char <= "\u9fff" for char in one.zh)
        assert one.en.isascii()


def test_nothing_is_exempt_twice() -> None:
    freed = [(one.kind, code, sut) for one in table() for code in one.codes for sut in one.suts or ("*",)]
    assert len(freed) == len(set(freed))


@pytest.mark.parametrize(("race", "parts"), RACES.items(), ids=list(RACES))
def test_a_race_has_its_requirement_and_cases(race: str, parts: dict[str, str]) -> None:
    for sut, name in parts.items():
        assert sut in load_suite().requirements[name].suts, race
        assert covering().get((name, sut)), (race, sut)


def test_no_race_is_forgotten() -> None:
    named = [name for parts in RACES.values() for name in parts.values()]
    assert sorted({name for name in load_suite().requirements if name.startswith("04.9-")}) == sorted(set(named))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[exempt]]\nkind = "late"\ncodes = ["LN03"]\nzh = "无"\n', "en"),
        ('[[exempt]]\nkind = "late"\ncodes = ["ZZ99"]\nzh = "无"\nen = "none"\n', "ZZ99"),
        ('[[exempt]]\nkind = "sudden"\ncodes = ["LN03"]\nzh = "无"\nen = "none"\n', "sudden"),
        ('[[exempt]]\nkind = "unanswered"\ncodes = ["CH01"]\nzh = "无"\nen = "none"\n', "CH01"),
    ],
)
def test_an_exemption_of_nothing_is_a_fault(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "exempt.toml"
    path.write_text(text, "utf-8")
    faults: list[Fault] = []
    assert read_exempt(open_source(path), load(), faults) == []
    assert says in faults[0].en
    assert faults[0].place.line == 1
