"""Logs: JSON lines with times of the one clock, nothing personal, nothing lost."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from twisted.logger import Logger

from gateway import damping, logs
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


def say(times: int, event: str = "link.down", **fields: Any) -> None:
    for n in range(times):
        structlog.get_logger().warning(event, n=n, **fields)


@pytest.fixture
def clock() -> HeapClock:
    return HeapClock(START)


@pytest.fixture
def timed(tmp_path: Path, clock: HeapClock) -> Iterator[logs.Logs]:
    made = logs.Logs(tmp_path / "logs", "info", clock, console=False)
    yield made
    made.close()


def test_what_repeats_is_told_a_few_times_and_then_once_a_minute(timed: logs.Logs, clock: HeapClock) -> None:
    say(1000, peer="PF0001", zh="断", en="down")
    assert [entry["n"] for entry in entries(timed)] == [0, 1, 2, 3, 4]
    clock.advance(60_000)
    summary = entries(timed)[-1]
    assert (summary["n"], summary["repeated"], summary["zh"], len(entries(timed))) == (999, 995, "断", 6)
    clock.advance(600_000)
    assert len(entries(timed)) == 6


def test_what_another_peer_does_is_of_another_sort(timed: logs.Logs) -> None:
    say(100, peer="PF0001")
    say(1, peer="RM0001")
    say(1, event="link.up", peer="PF0001")
    assert [entry["peer"] for entry in entries(timed)[-2:]] == ["RM0001", "PF0001"]


def test_a_flood_from_everywhere_is_bounded_too(timed: logs.Logs) -> None:
    for n in range(5000):
        structlog.get_logger().warning("listen.full", host=f"10.0.{n // 250}.{n % 250}")
    assert len(entries(timed)) == damping.MOST_SORTS + damping.AT_FIRST


def test_with_the_clock_set_back_an_hour_the_log_goes_on(timed: logs.Logs, clock: HeapClock) -> None:
    say(10)
    clock.microseconds -= 3_600_000_000
    say(1)
    assert [entry.get("repeated") for entry in entries(timed)[-2:]] == [5, None]


def test_what_was_held_back_is_told_at_the_end(timed: logs.Logs) -> None:
    say(7)
    timed.close()
    assert entries(timed)[-1]["repeated"] == 2


def test_a_held_back_entry_keeps_its_traceback_and_withholds_what_is_personal(timed: logs.Logs, clock: HeapClock) -> None:
    for _ in range(9):
        try:
            raise ValueError("odd")
        except ValueError:
            structlog.get_logger().exception("job.defect", phone="13800000000")
    clock.advance(60_000)
    last = entries(timed)[-1]
    assert (last["repeated"], last["phone"], "ValueError: odd" in last["exception"]) == (4, "—", True)


def full(made: logs.Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on the log's device has no space (what /dev/full is for)."""
    monkeypatch.setattr(made._file, "_moved", lambda: False)
    made._file.stream = open("/dev/full", "w", encoding="utf-8")  # noqa: SIM115  # the log closes it


def test_a_full_disk_costs_one_line_a_minute_on_the_console(
    timed: logs.Logs, clock: HeapClock, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    full(timed, monkeypatch)
    for n in range(200):
        structlog.get_logger().info("link.up", peer=f"P{n}")
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert "gateway.log: No space left on device" in said[0]
    assert said[0].startswith("日志写不进去")
    clock.advance(60_000)
    structlog.get_logger().info("link.up", peer="PF0001")
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_with_space_again_the_log_says_how_many_entries_are_missing(timed: logs.Logs, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        full(timed, patched)
        say(3)
    structlog.get_logger().info("link.up", peer="PF0001")
    first, second = entries(timed)[-2:]
    assert (first["event"], second["event"], second["lost"] >= 3) == ("link.up", "log.resumed", True)


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_log_removed_or_moved_under_the_process_is_opened_anew(timed: logs.Logs, how: str) -> None:
    say(1)
    timed.path.unlink() if how == "removed" else timed.path.rename(timed.path.with_suffix(".old"))
    say(1, event="circuit.open")
    assert [entry["event"] for entry in entries(timed)] == ["circuit.open"]
