"""Every shipped story ends as it says, for every system, and its page and drawing in the documentation are those of today."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from gateway.cli.demo_pages import drawing, page, readme
from gateway.stories.play import Told, play
from gateway.stories.story import read_story, story_names

PAGES = Path(__file__).parents[2] / "docs" / "stories"
CHAPTERS = [f"5.{number}" for number in range(1, 13)]
NAMES = story_names()


@cache
def told(name: str) -> Told:
    """Each is played once."""
    return play(read_story(name))


@pytest.mark.parametrize("name", NAMES)
def test_it_ends_as_it_says_and_the_auditor_agrees(name: str) -> None:
    assert told(name).wrong == []


@pytest.mark.parametrize("name", NAMES)
def test_its_page_is_what_it_gives_today(name: str) -> None:
    stale = f"docs/stories/{name} is not what the story gives today: run `bssgw demo docs`"
    assert (PAGES / f"{name}.md").read_text("utf-8") == page(told(name)), stale
    assert (PAGES / f"{name}.svg").read_text("utf-8") == drawing(told(name)), stale


def test_there_is_a_page_for_each_and_for_nothing_else() -> None:
    wanted = {"README.md", *(f"{name}{end}" for name in NAMES for end in (".md", ".svg"))}
    assert {path.name for path in PAGES.iterdir()} == wanted
    assert (PAGES / "README.md").read_text("utf-8") == readme([told(name) for name in NAMES])


def test_every_chapter_has_its_story() -> None:
    assert sorted({read_story(name).clause for name in NAMES}) == sorted(CHAPTERS)
    assert len(NAMES) >= 15


def test_a_story_goes_the_same_way_every_time() -> None:
    again = play(read_story("lost-receipt"))
    assert (again.digest, again.moments) == (told("lost-receipt").digest, told("lost-receipt").moments)
