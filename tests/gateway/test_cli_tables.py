"""Tables: nothing wider than the terminal, nothing misaligned, no name torn; what is empty says so."""

import io
import json
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from gateway.cli.output import table
from gateway.cli.tables import draw
from tests.gateway.conftest import Finished, Running, bssgw

ORDERS = ("定单 order", "客户 customer", "本地网 area", "动作 action", "受理 captured", "原因 cause")
SERIAL = "CRM001202611230035350000000028"
ROWS = [
    ["SO000000000001", "CU000000000001", "025", "install", "2026-11-21 09:00:00", ""],
    ["SO000000000002", "CU000000000002", "0755", "change_number", "2026-11-21 09:00:01",
     "计费拒绝：账户无效或信用不足，请核对账户 / Billing refused: the account is not valid or its credit not sufficient"],
]  # fmt: skip


def drawn(width: int | None, columns: tuple[str, ...] = ORDERS, rows: list[list[str]] = ROWS) -> list[str]:
    out = io.StringIO()
    draw("定单 orders", columns, rows, width, Console(file=out, width=width or 100_000))
    return [line.rstrip() for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_lost(width: int) -> None:
    lines = drawn(width)
    assert max(map(cell_len, lines)) <= width
    told = "".join(lines).replace(" ", "")
    for cell in (cell for row in ROWS for cell in row[:4]):
        assert cell in told
    for character in ROWS[1][5]:
        assert character in told or character == " "


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("name", ["SO000000000002", "CU000000000002", "change_number"])
def test_names_and_numbers_stay_in_one_piece(width: int, name: str) -> None:
    assert any(name in line for line in drawn(width))


@pytest.mark.parametrize("width", [100, 120, 160, None])
def test_columns_begin_where_their_headings_do(width: int | None) -> None:
    """Measured in cells of the terminal: a Chinese character is two wide."""
    lines = drawn(width)
    heading = next(line for line in lines if "定单" in line and "客户" in line)
    row = next(line for line in lines if "SO000000000001" in line)
    for name, cell in (("客户", "CU000000000001"), ("动作", "install")):
        assert cell_len(heading[: heading.index(name)]) == cell_len(row[: row.index(cell)])


def test_headings_stand_in_two_lines_where_one_is_too_long() -> None:
    rows = [row[:4] for row in ROWS]
    wide, narrow = (drawn(width, ORDERS[:4], rows) for width in (80, 56))
    assert any("客户 customer" in line for line in wide)
    assert any("客户" in line and "customer" not in line for line in narrow)


def test_too_narrow_for_one_line_a_row_takes_two_in_the_same_sequence() -> None:
    rows = [row[:5] for row in ROWS]
    lines = drawn(60, ORDERS[:5], rows)
    first = next(n for n, line in enumerate(lines) if "SO000000000001" in line)
    assert lines[first].split() == ["SO000000000001", "CU000000000001", "025"]
    assert lines[first + 1].split() == ["install", "2026-11-21", "09:00:00"]
    assert "受理 captured" in lines[next(n for n, line in enumerate(lines) if "本地网 area" in line) + 1]


def test_too_narrow_for_columns_it_is_a_line_a_cell() -> None:
    lines = drawn(40)
    assert any("定单 order" in line and "SO000000000002" in line for line in lines)


def test_into_a_file_each_row_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    table("", ORDERS, ROWS)
    lines = capsys.readouterr().out.splitlines()
    assert sum(ROWS[1][5] in line for line in lines) == 1
    assert lines == [line.rstrip() for line in lines]


def test_text_between_colons_stays_text(capsys: pytest.CaptureFixture[str]) -> None:
    """A namespace is no picture."""
    table("t", ("a",), [("urn:bss:if:package:0.9 urn:bss:if:soap:0.9",)])
    assert "urn:bss:if:package:0.9 urn:bss:if:soap:0.9" in capsys.readouterr().out


def test_where_there_is_nothing_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    table("定单 orders", ORDERS, [], none="bssgw order submit FILE")
    table("", ORDERS, [])
    assert capsys.readouterr().out == "定单 orders · 无 / none · bssgw order submit FILE\n无 / none\n"


EMPTY = [
    ("order list --customer NOBODY", "orders"),
    ("message list --peer NOBODY", "messages"),
    ("fallout list --order NOBODY", "fallouts"),
    ("cutover list --area 9999", "cutovers"),
    ("watchdog --overdue", "commands"),
    ("order ageing --area 9999", "orders"),
]


@pytest.mark.parametrize(("line", "key"), EMPTY)
def test_lists_of_nothing_say_so_and_json_stays_a_list(demo: tuple[Finished, Path], line: str, key: str) -> None:
    told = bssgw(*line.split(), "--config", demo[1])
    assert (told.code, "无 / none · " in told.out) == (0, True)
    assert json.loads(bssgw(*line.split(), "--json", "--config", demo[1]).out)[key] == []


def test_keys_nobody_holds(running: Running) -> None:
    assert "无 / none · bssgw message hold" in bssgw("message", "held", "--config", running.config).out
    assert bssgw("message", "held", "--json", "--config", running.config).json == {"held_keys": []}
