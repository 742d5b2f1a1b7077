"""Drawings: lifelines in order, arrows with what they say, marks for what is lost or comes again."""

from __future__ import annotations

import pytest
from lxml import etree

from gateway.cli.demo_drawing import draw_mermaid, draw_text, elapsed
from gateway.cli.demo_svg import draw_svg
from gateway.stories.arrows import Arrow, Moment, Note, shortened, width

BEGUN = 1_000
TEXT = [
    "           CRM001      PF0001",
    "   0.001 ▶ 派单 / dispatched",
    "   0.002     │──────────▶│    OH01 派单 DispatchOrder · A",
    "   0.003     │×┄┄┄┄┄┄┄┄┄┄│    OH01 派单 DispatchOrder 应答 answer · × 丢失 lost",
    "   0.003     ●           │    ● A · SUBMITTED",
    " 0:01:30     │──────────▶│    OH01 派单 DispatchOrder · A · ↻ 重到 again ✓ 0002",
    " 0:01:31     │◀──────────│    OH07 <环节> StageReport · × 3004",
]


def drawn() -> list[Moment]:
    return [
        Note(1_001, "told", "派单 / dispatched"),
        Arrow(1_002, "CRM001", "PF0001", "OH01", "DispatchOrder", "派单", "A"),
        Arrow(1_003, "PF0001", "CRM001", "OH01", "DispatchOrder", "派单", "", answer=True, result="0001", fate="lost"),
        Note(1_003, "state", "A · SUBMITTED", "CRM001"),
        Arrow(91_000, "CRM001", "PF0001", "OH01", "DispatchOrder", "派单", "A", result="0002", fate="again"),
        Arrow(92_000, "PF0001", "CRM001", "OH07", "StageReport", "<环节>", "", result="3004", refused=True),
    ]


def test_as_text() -> None:
    assert draw_text(drawn(), BEGUN).splitlines() == TEXT


def test_as_mermaid_without_what_it_reads_as_its_own() -> None:
    lines = draw_mermaid(drawn()).splitlines()
    assert lines[:2] == ["sequenceDiagram", "    participant CRM001 as CRM001<br/>客户关系 CRM"]
    assert "    Note over CRM001,PF0001: 派单 / dispatched" in lines
    assert "    PF0001--xCRM001: OH01 派单 DispatchOrder 应答 answer · × 丢失 lost" in lines
    assert lines[-1] == "    PF0001->>CRM001: OH07 (环节) StageReport · × 3004"


def test_as_svg_that_is_whole_and_needs_nothing_else() -> None:
    text = draw_svg("甲 <&> A", "5.4", drawn(), BEGUN)
    root = etree.fromstring(text.encode())
    written = {element.text for element in root.iter("{*}text")}
    assert {"甲 <&> A", "客户关系 CRM", "OH01 派单 DispatchOrder", "OH07 <环节> StageReport"} <= written
    assert "↻ 重到 again ✓ 0002" in written
    assert not any("href" in name for element in root.iter() for name in element.attrib)
    assert [element.tag for element in root.iter("{*}script", "{*}image")] == []


def test_everything_in_an_svg_stands_within_its_sheet() -> None:
    root = etree.fromstring(draw_svg("甲", "5.4", drawn(), BEGUN).encode())
    wide, high = (float(root.get(side, "0")) for side in ("width", "height"))
    for element in root.iter("{*}text", "{*}rect"):
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        assert 0 <= x <= wide
        assert 0 <= y <= high


@pytest.mark.parametrize(("ms", "text"), [(0, "0.000"), (59_999, "59.999"), (60_000, "0:01:00"), (7_265_000, "2:01:05")])
def test_times_are_counted_from_the_beginning(ms: int, text: str) -> None:
    assert elapsed(ms) == text


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("派单", 4), ("派 a，", 6), ("—·…", 3)])
def test_chinese_takes_two_columns(text: str, columns: int) -> None:
    assert width(text) == columns


def test_what_is_too_wide_is_cut_with_an_ellipsis() -> None:
    assert shortened("派单派单", 5) == "派单…"
    assert shortened("派单", 4) == "派单"
