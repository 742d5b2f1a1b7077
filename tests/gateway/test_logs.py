"""Logs: JSON lines with times of the one clock, nothing personal, nothing lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from twisted.logger import Logger

from gateway import logs
from gateway.proof.heap_clock import HeapClock

START = 1_763_740_800_123


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[logs.Logs]:
    made = logs.Logs(tmp_path / "logs", "info", HeapClock(START))
    yield made
    made.close()


def entries(made: logs.Logs) -> list[dict[str, Any]]:
    return [json.loads(line) for line in made.path.read_text(encoding="utf-8").splitlines()]


def test_an_entry_carries_the_clock_s_time_its_level_and_its_fields(opened: logs.Logs) -> None:
    structlog.get_logger().info("link.up", peer="PF0001")
    assert entries(opened) == [{"at": "2025-11-21T16:00:00.123Z", "level": "info", "event": "link.up", "peer": "PF0001"}]


@pytest.mark.parametrize("key", sorted(logs.WITHHELD))
def test_contents_and_personal_data_never_enter(opened: logs.Logs, key: str) -> None:
    structlog.get_logger().warning("odd", **{key: "张示例 13800000000"})
    text = opened.path.read_text(encoding="utf-8")
    assert "13800000000" not in text
    assert "张示例" not in text


def test_below_the_level_nothing_is_written(opened: logs.Logs) -> None:
    structlog.get_logger().debug("detail")
    assert entries(opened) == []


def test_the_console_hears_of_warnings_only(opened: logs.Logs, capsys: pytest.CaptureFixture[str]) -> None:
    made = logs.Logs(opened.path.parent / "other", "info", HeapClock(START))
    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("circuit.open", peer="PF0001")
    made.close()
    assert capsys.readouterr().err == "00:00:00 warning circuit.open peer=PF0001\n"


def test_what_twisted_could_not_deliver_is_an_error_of_ours(opened: logs.Logs) -> None:
    try:
        raise ValueError("lost")
    except ValueError:
        Logger().failure("unhandled")
    found = entries(opened)[-1]
    assert found["level"] == "error"
    assert "ValueError: lost" in found["exception"]
