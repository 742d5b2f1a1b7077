"""``bssgw demo``: list, run, docs, and their exit codes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import demo_stories
from gateway.cli.app import bssgw
from gateway.stories.play import Told
from gateway.stories.story import Story, read_story, story_names

SHORT = "refused-at-the-counter"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(bssgw, ["demo", *arguments])


def test_list_names_every_story_by_chapter() -> None:
    rows = json.loads(run("list", "--json").output)
    assert [row["name"] for row in rows] == story_names()
    assert rows[-1]["clause"] == "5.12"
    assert SHORT in run("list").output


def test_run_draws_the_story_and_tells_how_everybody_stands() -> None:
    result = run("run", SHORT)
    assert result.exit_code == 0
    assert "CH01 提交订单 SubmitOrder 应答 answer" in result.output
    assert "refused 3020" in result.output


def test_run_as_json_and_into_files(tmp_path: Path) -> None:
    result = run("run", SHORT, "--json", "--out", str(tmp_path / "made"))
    (row,) = json.loads(result.output)
    assert (row["name"], row["reached"], row["wrong"]) == (SHORT, True, [])
    assert {"system": "CH", "what": "order A", "state": "refused 3020"} in row["ends"]
    assert sorted(path.suffix for path in (tmp_path / "made").iterdir()) == [".mmd", ".svg", ".txt"]


@pytest.mark.parametrize("arguments", [("run",), ("run", "--all", SHORT), ("run", "nothing")])
def test_what_cannot_be_run_is_a_matter_of_usage(arguments: tuple[str, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_story_that_ends_otherwise_fails_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def other(names: list[str]) -> list[Story]:
        return [replace(read_story(name), ends=()) for name in names]

    monkeypatch.setattr(demo_stories, "_stories", other)
    result = run("run", SHORT)
    assert result.exit_code == 1
    assert "不应有 / unexpected" in result.output


@pytest.fixture
def one_story(monkeypatch: pytest.MonkeyPatch) -> Told:
    """The documentation of one story, played once."""
    told = demo_stories._play(read_story(SHORT))
    monkeypatch.setattr(demo_stories, "_play", lambda story: told)
    monkeypatch.setattr(demo_stories, "_stories", lambda names: [told.story])
    return told


def test_docs_are_written_compared_and_cleared_of_stories_that_are_no_more(one_story: Told, tmp_path: Path) -> None:
    assert run("docs", str(tmp_path), "--check").exit_code == 1
    assert run("docs", str(tmp_path)).exit_code == 0
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["README.md", f"{SHORT}.md", f"{SHORT}.svg"]
    assert run("docs", str(tmp_path), "--check").exit_code == 0
    (tmp_path / "gone.md").write_text((tmp_path / "README.md").read_text("utf-8"), "utf-8")
    (tmp_path / "gone.svg").write_text("<svg/>", "utf-8")
    (tmp_path / "notes.md").write_text("mine", "utf-8")
    assert run("docs", str(tmp_path), "--check").exit_code == 1
    run("docs", str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*made, "notes.md"])


def test_docs_of_a_story_that_ends_otherwise_are_not_written(
    one_story: Told, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(demo_stories, "_play", lambda story: replace(one_story, wrong=["x"]))
    assert run("docs", str(tmp_path)).exit_code == 1
    assert list(tmp_path.iterdir()) == []
