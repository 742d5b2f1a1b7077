"""The committed diagrams are those of the tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_core.diagram import PAGES

STATES = Path(__file__).resolve().parents[2] / "docs" / "states"


@pytest.mark.parametrize("name", PAGES)
def test_committed_page_is_drawn_from_the_tables(name: str) -> None:
    assert (STATES / name).read_text("utf-8") == PAGES[name]()


def test_no_page_is_left_over() -> None:
    assert sorted(path.name for path in STATES.glob("*.md")) == sorted(PAGES)
