"""Order state from item states (spec 04.2), against the paragraph told a second time."""

from __future__ import annotations

from itertools import combinations

import pytest

from crm_core.orders.fold import CLOSED, STATES, TABLE, fold


def told(states: tuple[str, ...]) -> str:
    opened = [state for state in states if state not in CLOSED]
    if not opened:
        if all(state == "COMPLETED" for state in states):
            return "COMPLETED"
        for state, result in (
            ("RETURNED", "RETURNED"),
            ("COMPLETED", "PARTIAL"),
            ("FAILED", "FAILED"),
            ("REJECTED", "REJECTED"),
        ):
            if state in states:
                return result
        return "CANCELLED"
    for state in ("FALLOUT", "CANCELLING", "AMENDING"):
        if state in opened:
            return state
    if all(state == "COMPLETING" for state in opened):
        return "COMPLETING"
    if all(state in ("PENDING_INSTALL", "DEFERRED") for state in opened):
        return "PENDING_INSTALL" if "PENDING_INSTALL" in opened else "DEFERRED"
    busy = ("IN_PROGRESS", "COMPLETING", "PENDING_INSTALL", "DEFERRED")
    if any(state in busy for state in opened) or "COMPLETED" in states:
        return "IN_PROGRESS"
    return min(opened, key=("DRAFT", "SUBMITTED", "ACKNOWLEDGED", "ACCEPTED").index)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_every_combination_of_states(size: int) -> None:
    for states in combinations(STATES, size):
        assert fold(states) == told(states), states


def test_how_often_a_state_occurs_does_not_matter() -> None:
    assert fold(["COMPLETED", "COMPLETED", "CANCELLED"]) == fold(["CANCELLED", "COMPLETED"]) == "PARTIAL"


def test_partial_counts_as_one_completed_and_one_cancelled() -> None:
    assert fold(["PARTIAL"]) == "PARTIAL"
    assert fold(["PARTIAL", "COMPLETED"]) == "PARTIAL"
    assert fold(["PARTIAL", "RETURNED"]) == "RETURNED"
    assert fold(["PARTIAL", "SUBMITTED"]) == "IN_PROGRESS"


def test_an_order_has_items() -> None:
    with pytest.raises(ValueError, match="at least one"):
        fold([])


def test_every_line_decides_something() -> None:
    results = {fold(states) for size in (1, 2) for states in combinations(STATES, size)}
    assert results == {line.result for line in TABLE}
