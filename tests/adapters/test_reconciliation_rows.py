"""Rows held against rows: totals, digest, and each class of difference by itself (spec 06.3)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.reconciliation import PIECE, TOLERANCE_MS, Difference, Ledger, Row, compare, detail, heard, ledger, span, summary

NOON = 1_795_320_000_000
ROWS = [Row("K3", "done", finished=NOON, amount=300), Row("K1", "open"), Row("K2", "done", 2, NOON, 200)]
SCOPE = {"pair": "CRM-BILL", "area": "025", "logical_day": "20261122"}


def other(**changes: object) -> list[Row]:
    """The same ledger with the second row of key order changed."""
    return [replace(row, **changes) if row.key == "K2" else row for row in ROWS]  # type: ignore[arg-type]


def differences(left: list[Row], right: list[Row]) -> list[Difference]:
    return [one for some in compare(ledger(left), ledger(right)) for one in some]


def test_a_logical_day_is_shanghais() -> None:
    assert span(SCOPE) == (1_795_276_800_000, 1_795_363_200_000)
    assert span({"window": {"begin": "20261122000000", "end": "20261123000000"}}) == span(SCOPE)


def test_totals_are_over_all_and_by_state() -> None:
    assert summary(SCOPE, ledger(ROWS))["totals"] == [
        {"name": "ALL", "count": 3, "amount": 500},
        {"name": "done", "count": 2, "amount": 500},
        {"name": "open", "count": 1, "amount": 0},
    ]


def test_the_digest_knows_no_order_and_no_clock() -> None:
    assert ledger(reversed(ROWS)).digest == ledger(ROWS).digest == ledger(other(finished=NOON + 1)).digest


@pytest.mark.parametrize("changes", [{"key": "K9"}, {"state": "open"}, {"version": 3}, {"amount": 201}])
def test_the_digest_tells_everything_else(changes: dict[str, object]) -> None:
    assert ledger(other(**changes)).digest != ledger(ROWS).digest


def test_rows_come_back_over_the_wire() -> None:
    back = heard(detail({}, ledger(ROWS)))
    assert [(row.key, row.hash, row.finished, row.amount) for row in back] == [
        (row.key, row.hash, row.finished, row.amount) for row in sorted(ROWS, key=lambda row: row.key)
    ]


def test_a_page_beyond_the_last_is_empty() -> None:
    assert detail({"page_no": 2, "page_size": 3}, ledger(ROWS)) == {"page": {"page_no": 2, "page_size": 3, "total_count": 3}}


@pytest.mark.parametrize(
    ("right", "kind"),
    [
        (other(state="open"), "state"),
        (other(version=3), "version"),
        (other(amount=201), "amount"),
        (other(finished=NOON + TOLERANCE_MS + 1), "time"),
        (other(digest="0" * 64), "hash"),
        ([row for row in ROWS if row.key != "K2"], "only_left"),
        ([*ROWS, ROWS[2]], "duplicate"),
    ],
)
def test_one_fault_gives_exactly_its_class(right: list[Row], kind: str) -> None:
    assert [(one.key, one.kind) for one in differences(ROWS, right)] == [("K2", kind)]


def test_what_only_the_peer_has_is_theirs() -> None:
    assert [(one.key, one.kind) for one in differences(ROWS[:2], ROWS)] == [("K2", "only_right")]


def test_times_within_the_tolerance_agree() -> None:
    assert differences(ROWS, other(finished=NOON + TOLERANCE_MS)) == []


def test_long_ledgers_are_settled_and_compared_piece_by_piece() -> None:
    rows = [Row(f"K{n:06d}", "done") for n in range(3 * PIECE)]
    mine = Ledger()
    for start in (2 * PIECE, 0, PIECE):
        assert mine.take(rows[start : start + PIECE]) == PIECE
    sizes = [len(mine.rows) for _ in mine.settle()]
    assert sizes == [PIECE, 2 * PIECE, 3 * PIECE]
    assert (mine.rows, mine.digest) == (rows, ledger(reversed(rows)).digest)
    steps = [[(one.key, one.kind) for one in some] for some in compare(mine, ledger(rows[:-1]))]
    assert len(steps) > 5
    assert [one for some in steps for one in some] == [(rows[-1].key, "only_left")]
