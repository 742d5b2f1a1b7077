"""The suite's own strength, on a few cases: clean simulators pass, seeded defects fail in their clause (spec 07.7)."""

from __future__ import annotations

import pytest

from conformance.results import as_json, junit
from gateway.cli.conformance_selftest import alarms_of, play
from simulators.defects import DEFECTS, Defects, UnknownDefect

FEW = {"01.1": ("01.1/1", "01.1/24", "01.1/52", "01.1/54", "01.1/27"), "5.4": ("5.4/4", "5.4/5"), "04.1": ("04.1/1",)}
"""By clause, cases that find its defects."""


@pytest.mark.parametrize(
    ("suite", "role", "only"),
    [
        ("transport", "pf", ("01.1",)),
        ("transport", "bill", ("01.1/1", "01.2/30")),
        ("provisioning", "pf", ("5.4", "5.7/1", "5.7/5", "04.1/AMENDING", "04.1/RETURNED")),
        ("provisioning", "rm", ("5.3", "5.4/51")),
    ],
)
def test_a_clean_simulator_passes(suite: str, role: str, only: tuple[str, ...]) -> None:
    run = play(suite, role, (), 5, only)
    assert run.results
    assert alarms_of(run) == []
    assert [one.verdict for one in run.sanity] == ["PASS", "PASS"]
    assert run.passed


@pytest.mark.parametrize("name", list(DEFECTS))
def test_a_seeded_defect_fails_in_its_clause(name: str) -> None:
    defect = DEFECTS[name]
    run = play(defect.suite, "pf" if defect.system == "*" else defect.system, (name,), 5, FEW[defect.clause])
    failed = {one.case.clause for one in run.results if one.verdict == "FAIL"}
    assert defect.clause in failed
    assert "ERROR" not in {one.verdict for one in run.results}


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
