"""``bssgw cutover plan|start|report|cancel`` at the desk of a simulated resource management that serves customers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import control
from gateway.cli.simulators_desk import desk_of
from gateway.proof.world import RM, World, WorldPlan
from tests.gateway.conftest import bssgw

Ask = Callable[..., control.Reply]
NUMBERS = ("--res-type", "NUMBER", "--from", "NJGL01", "--to", "NJXW02", "--area", "025", "--type", "number")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with one customer in service; its planner's desk answers what commands ask there."""
    made = World(WorldPlan(seed=1, orders=1))
    assert made.run().sound
    desk = desk_of(made.hosts[RM])

    def ask(data_dir: Path, request: dict[str, Any], timeout: float = 30.0, name: str = "control") -> control.Reply:
        assert name == "simulators-rm"
        replies: list[control.Reply] = []
        desk[request["do"]](json.loads(json.dumps(request)), replies.append)
        made.clock.advance(3_000)
        return json.loads(json.dumps(replies[0]))  # type: ignore[no-any-return]

    monkeypatch.setattr(control, "ask", ask)
    monkeypatch.setattr("gateway.clock.wall_ms", made.clock.now)
    return made


def planned(folder: Path, *more: str) -> Path:
    """A plan file."""
    file = folder / "plan.json"
    done = bssgw("cutover", "plan", "CT1", *NUMBERS, "--out", file, "--json", *more)
    assert done.code == 0, done.err
    assert done.json == {"cutover_id": "CT1", "items": 1, "waves": 1, "file": str(file)}
    return file


def test_a_plan_is_drafted_tried_started_and_seen(world: World, tmp_path: Path) -> None:
    file = planned(tmp_path)
    plan = json.loads(file.read_text("utf-8"))
    assert (plan["type"], plan["in_flight"], len(plan["items"])) == ("number", "finish", 1)
    assert bssgw("cutover", "start", file, "--dry-run", "--json").json == {"cutover_id": "CT1", "dry_run": True}
    report = bssgw("cutover", "report", "CT1", "--json").json
    assert report == {"cutovers": {}, "dry_runs": {"CT1": []}, "trying": []}
    assert bssgw("cutover", "start", file).code == 0
    assert world.finish().violations == []
    told = bssgw("cutover", "report", "CT1")
    assert "'done': 1" in told.out
    again = bssgw("cutover", "start", file)
    assert (again.code, "CT1" in again.err) == (1, True)


def test_a_plan_for_later_is_cancelled(world: World, tmp_path: Path) -> None:
    begin = "20261231020000"
    file = planned(tmp_path, "--begin", begin, "--hours", "2")
    assert json.loads(file.read_text("utf-8"))["window"] == {"begin": begin, "end": "20261231040000"}
    assert bssgw("cutover", "start", file).code == 0
    assert bssgw("cutover", "cancel", "CT1", "--reason", "天气").code == 0
    assert bssgw("cutover", "report", "--json").json["cutovers"]["CT1"]["state"] == "98"
    refused = bssgw("cutover", "cancel", "CT1", "--reason", "天气")
    assert (refused.code, "CT1" in refused.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("report", "CT9"), 1),
        (("plan", "CT1", *NUMBERS[:3], "NJJY01", *NUMBERS[4:], "--out", "plan.json"), 1),
        (("plan", "CT1", *NUMBERS, "--out", "plan.json", "--begin", "tomorrow"), 2),
    ],
)
def test_what_cannot_be_is_said(world: World, tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    texts = [str(tmp_path / one) if one == "plan.json" else one for one in arguments]
    done = bssgw("cutover", *texts)
    assert done.code == code
    assert " / " in done.err


def test_a_file_that_is_no_plan(world: World, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    for content, code in (("[]", 2), ('{"cutover_id": "CT1"}', 1), ('{"cutover_id": "CT1", "items": 7}', 1)):
        file.write_text(content, encoding="utf-8")
        assert bssgw("cutover", "start", file).code == code


def test_without_a_simulator_it_says_what_to_do(tmp_path: Path) -> None:
    done = bssgw("cutover", "report", "--data-dir", tmp_path)
    assert (done.code, "bssgw simulate rm" in done.err) == (3, True)
