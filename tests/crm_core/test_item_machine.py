"""The item machine over the whole product of progress x overlays x lock x input (spec 04.1)."""

from __future__ import annotations

from itertools import product

import pytest

from crm_core.errors import AttributeInvalid, DomainError, StateConflict
from crm_core.orders.item_states import (
    CLOSED,
    COLUMN_OF,
    INPUTS,
    LINES,
    NAMED,
    OPEN,
    PROGRESS,
    RECORDED_ONLY,
    RESUMABLE,
    Kind,
    decide,
    shown,
)
from crm_core.orders.legality import COLUMNS, MATRIX, POLICIES, Verdict, rule
from crm_core.orders.machine import DEFAULT, Rulebook, apply, rulebook, state_of
from crm_core.orders.model import OrderItem

FLAGS = tuple(product((False, True), repeat=3))
LOCKS = ("free", "own", "other")
WHOLE = [(p, o, k, i) for p in PROGRESS for o in FLAGS for k in LOCKS for i in INPUTS]

# The matrix as the specification prints it, row by row: + allowed, - refused 3004 (or the code), = same, H held, v beneath.
SPEC = {
    "DRAFT": "+ + + - - - - 3003 3003 3003",
    "SUBMITTED": "+ + + + - - + + + +",
    "ACKNOWLEDGED": "+ + + + - - + + + +",
    "ACCEPTED": "+ + + + - - + + + +",
    "IN_PROGRESS": "+ + + + - - + + + +",
    "AMENDING": "3021 + 3021 3021 3021 3021 + v H +",
    "PENDING_INSTALL": "+ + + - - + + = - +",
    "DEFERRED": "+ + - + + - + - - +",
    "COMPLETING": "3005 3005 - - - - - - = -",
    "COMPLETED": "3005 3005 - - - - - - = -",
    "FALLOUT": "- v - - - - v v v v",
    "CANCELLING": "- = - - - - - v H +",
    "RETURNED": "- + - - - - - - - =",
    "CANCELLED": "- = - - - - - - - =",
    "REJECTED": "- = - - - - - - - =",
    "FAILED": "- = - - - - - - - =",
    "locked": "3007 + 3007 3007 3007 3007 3007 H H H",
}
NUMBERS = {
    "3003": "ORDER_UNKNOWN",
    "3005": "PAST_NO_RETURN",
    "3007": "LOCKED",
    "3021": "CHANGE_IN_PROGRESS",
}


def made(progress: str, overlays: tuple[bool, bool, bool]) -> OrderItem:
    fallout, cancelling, amending = overlays
    return OrderItem(
        "1", 1, "install", "POTS", "PI1", progress=progress, fallout=fallout, cancelling=cancelling, amending=amending
    )


def snapshot(item: OrderItem) -> tuple[object, ...]:
    return tuple(getattr(item, name) for name in item.__slots__)


@pytest.mark.parametrize("row", SPEC)
def test_every_cell_is_the_specifications(row: str) -> None:
    for column, printed in zip(COLUMNS, SPEC[row].split(), strict=True):
        if printed == "v":
            assert MATRIX[row][column] == "beneath"
            continue
        if row == "locked":
            open_row = next(state for state in OPEN if rule((state,), column, "free", {}).verdict is Verdict.ALLOWED)
            ruling = rule((open_row,), column, "other", {})
        else:
            ruling = rule((row,), column, "free", {})
        expected = {"+": Verdict.ALLOWED, "=": Verdict.SAME, "H": Verdict.HELD}.get(printed, Verdict.REFUSED)
        assert ruling.verdict is expected, (row, column)
        if expected is Verdict.REFUSED:
            assert ruling.symbol == NUMBERS.get(printed, "STATE_CONFLICT"), (row, column)


def test_the_matrix_has_exactly_the_states() -> None:
    assert set(MATRIX) == {*PROGRESS, "FALLOUT", "CANCELLING", "AMENDING", "locked"}
    assert all(tuple(cells) == COLUMNS for cells in MATRIX.values())


@pytest.mark.parametrize(("overlays", "column", "expected"), [
    ((True, True, True), "cancel", Verdict.SAME),
    ((True, False, True), "cancel", Verdict.ALLOWED),
    ((True, True, False), "pending", Verdict.ALLOWED),
    ((False, True, True), "pending", Verdict.ALLOWED),
    ((True, True, False), "completion", Verdict.HELD),
    ((True, False, False), "completion", Verdict.ALLOWED),
    ((True, False, True), "completion", Verdict.HELD),
])  # fmt: skip
def test_beneath_is_the_next_row_down(overlays: tuple[bool, bool, bool], column: str, expected: Verdict) -> None:
    effect = decide("IN_PROGRESS", overlays, "free", column, POLICIES)
    kinds = {Verdict.SAME: Kind.SAME, Verdict.ALLOWED: Kind.MOVED, Verdict.HELD: Kind.HELD}
    assert effect.kind is kinds[expected]


@pytest.mark.parametrize(("progress", "overlays", "lock", "name", "kind", "symbol"), [
    ("IN_PROGRESS", (False, False, False), "other", "change", Kind.REFUSED, "LOCKED"),
    ("IN_PROGRESS", (False, False, False), "other", "cancel", Kind.MOVED, ""),
    ("IN_PROGRESS", (False, False, False), "other", "completion", Kind.HELD, ""),
    ("IN_PROGRESS", (False, False, False), "own", "lock", Kind.SAME, ""),
    ("IN_PROGRESS", (False, False, False), "other", "lock", Kind.REFUSED, "LOCKED"),
    ("PENDING_INSTALL", (False, False, False), "other", "pending", Kind.HELD, ""),
    ("PENDING_INSTALL", (False, False, False), "other", "completion", Kind.REFUSED, "STATE_CONFLICT"),
    ("IN_PROGRESS", (False, False, True), "other", "change", Kind.REFUSED, "CHANGE_IN_PROGRESS"),
    ("IN_PROGRESS", (False, True, False), "other", "return", Kind.HELD, ""),
    ("COMPLETING", (False, False, False), "other", "completion", Kind.SAME, ""),
    ("COMPLETED", (False, False, False), "other", "change", Kind.REFUSED, "PAST_NO_RETURN"),
])  # fmt: skip
def test_of_state_and_lock_the_stricter_counts(
    progress: str, overlays: tuple[bool, bool, bool], lock: str, name: str, kind: Kind, symbol: str
) -> None:
    effect = decide(progress, overlays, lock, name, POLICIES)
    assert (effect.kind, effect.symbol) == (kind, symbol)


def test_the_same_deferral_date_has_no_effect_another_counts() -> None:
    assert decide("DEFERRED", (False,) * 3, "free", "defer", POLICIES, same_date=True).kind is Kind.SAME
    assert decide("DEFERRED", (False,) * 3, "free", "defer", POLICIES).kind is Kind.MOVED


def test_policy_rows_turn_by_name() -> None:
    assert POLICIES == {"defer_unaccepted": True, "defer_pending": False, "lock_pending": True, "lock_deferred": True}
    book = rulebook({"defer_unaccepted": False, "defer_pending": True})
    assert book.effect(made("SUBMITTED", (False,) * 3), "defer").kind is Kind.REFUSED
    assert book.effect(made("PENDING_INSTALL", (False,) * 3), "defer").kind is Kind.MOVED
    assert rulebook({}) is DEFAULT
    assert rulebook({"defer_unaccepted": False, "defer_pending": True}) is book


def expected_move(progress: str, overlays: tuple[bool, bool, bool], name: str) -> tuple[str, tuple[bool, bool, bool]] | None:
    """04.1's table of effects, told a second time and another way: where an input that counts leaves the item, else None."""
    fallout, cancelling, amending = overlays
    rank = {"SUBMITTED": 0, "ACKNOWLEDGED": 1, "ACCEPTED": 2, "IN_PROGRESS": 3}
    reached = {"receipt": 1, "accept": 2, "stage": 3, "stage_exception": 3}
    gone = (False, False, False)
    if name in reached and progress in rank and rank[progress] < reached[name]:
        to = {1: "ACKNOWLEDGED", 2: "ACCEPTED", 3: "IN_PROGRESS"}[reached[name]]
        return to, (name == "stage_exception", cancelling, amending)
    if name in ("stage", "stage_exception") and progress in OPEN and progress != "DRAFT":
        return progress, (name == "stage_exception", cancelling, amending)
    if name in ("reject", "receipt_refused") and progress in ("SUBMITTED", "ACKNOWLEDGED"):
        return ("CANCELLED" if cancelling else "REJECTED"), gone
    if name in ("change_applied", "change_refused") and progress in OPEN and amending:
        return progress, (fallout, cancelling, False)
    if progress in OPEN and (name == "cancel_done" or (name == "desk_complete" and fallout)):
        return ("CANCELLED" if name == "cancel_done" else "COMPLETED"), gone
    if name == "cancel_refused" and progress in OPEN and cancelling:
        return progress, (False, False, amending)
    if name == "cancel_stuck" and progress in OPEN and cancelling:
        return progress, (True, cancelling, amending)
    if name == "budget_spent" and progress in OPEN:
        return progress, (True, cancelling, amending)
    if name == "dispatch" and progress in ("DRAFT", "RETURNED"):
        return "SUBMITTED", overlays if progress == "DRAFT" else gone
    if name == "resumed" and progress == "PENDING_INSTALL":
        return "IN_PROGRESS", (False, cancelling, amending)
    if name == "deferred" and (progress in rank or progress == "PENDING_INSTALL"):
        return "DEFERRED", (False, cancelling, amending)
    if name == "deferral_ended" and progress == "DEFERRED":
        return NAMED, (False, cancelling, amending)
    if progress == "COMPLETING" and name == "completion_accepted":
        return "COMPLETED", gone
    if progress == "COMPLETING" and name == "completion_refused":
        return "IN_PROGRESS", (True, cancelling, amending)
    if fallout and progress in OPEN and name in ("desk_retry", "desk_edit", "desk_skip"):
        return progress, (False, cancelling, amending)
    if fallout and progress in OPEN and name in ("desk_return", "desk_give_up"):
        return ("RETURNED" if name == "desk_return" else "FAILED"), gone
    return None


def test_inputs_without_a_column_over_the_whole_product() -> None:
    for progress, overlays, lock, name in WHOLE:
        if name in COLUMN_OF:
            continue
        was = (False, False, False) if progress in CLOSED else overlays
        effect = decide(progress, overlays, lock, name, POLICIES)
        expected = expected_move(progress, was, name)
        if expected is not None:
            assert (effect.progress, effect.overlays) == expected, (progress, overlays, name)
        elif name == "reject":
            assert effect.kind is Kind.REFUSED
        else:
            assert effect.kind is Kind.RECORDED, (progress, overlays, name)


@pytest.mark.parametrize("progress", PROGRESS)
@pytest.mark.parametrize("overlays", FLAGS)
def test_illegal_and_recorded_inputs_change_nothing(progress: str, overlays: tuple[bool, bool, bool]) -> None:
    for lock, name in product(LOCKS, INPUTS):
        item = made(progress, overlays)
        before = snapshot(item)
        effect = DEFAULT.effect(item, name, lock)
        if effect.kind is Kind.REFUSED:
            with pytest.raises(DomainError) as caught:
                apply(item, name, 1, lock=lock)
            assert caught.value.state == state_of(item)
            assert caught.value.code == effect.symbol != ""
            assert (caught.value.fallout is not None) is (name in ("pending", "completion", "return", "reject"))
            assert snapshot(item) == before
        elif effect.kind is not Kind.MOVED or effect.new_row:
            assert apply(item, name, 1, lock=lock).kind is effect.kind
            assert snapshot(item) == before


def test_moves_over_the_whole_product_go_where_the_table_says() -> None:
    for progress, overlays, lock, name in WHOLE:
        item = made(progress, overlays)
        effect = DEFAULT.effect(item, name, lock)
        if effect.kind is not Kind.MOVED or effect.new_row:
            continue
        apply(item, name, 7, lock=lock, target="ACCEPTED")
        assert item.progress == ("ACCEPTED" if effect.progress == NAMED else effect.progress)
        assert item.since == (7 if item.progress != progress else 0)
        if item.progress in CLOSED:
            assert (item.fallout, item.cancelling, item.amending) == (False, False, False)


def test_a_closed_item_never_opens() -> None:
    for progress, overlays, lock, name in WHOLE:
        if progress in CLOSED:
            effect = decide(progress, overlays, lock, name, POLICIES)
            assert effect.new_row or effect.progress in CLOSED
            assert effect.progress == progress or progress == "RETURNED"


def test_cancel_by_state() -> None:
    free = (False, False, False)
    assert decide("DRAFT", free, "free", "cancel", POLICIES).progress == "CANCELLED"
    assert decide("RETURNED", free, "free", "cancel", POLICIES).progress == "CANCELLED"
    assert decide("ACCEPTED", free, "free", "cancel", POLICIES).overlays == (False, True, False)
    assert decide("SUBMITTED", free, "free", "cancel_unsent", POLICIES).progress == "CANCELLED"
    assert decide("ACCEPTED", free, "free", "cancel_unsent", POLICIES).kind is Kind.REFUSED


def test_a_return_with_a_cancel_open_is_the_cancel() -> None:
    assert decide("IN_PROGRESS", (False, True, True), "free", "return", POLICIES).progress == "CANCELLED"
    assert decide("IN_PROGRESS", (False, False, True), "free", "return", POLICIES).progress == "RETURNED"


def test_allowed_operations_of_reachable_states_have_a_line() -> None:
    """The matrix allows nothing the effects do not know: such an input would be lost as merely recorded."""
    for progress in PROGRESS:
        for name in COLUMN_OF:
            effect = decide(progress, (False, False, False), "free", name, POLICIES)
            assert effect.kind is not Kind.RECORDED, (progress, name)


def test_what_a_deferral_resumes_must_be_resumable() -> None:
    for target in (*PROGRESS, None, "NOWHERE"):
        item = made("DEFERRED", (False, False, False))
        if target in RESUMABLE:
            apply(item, "deferral_ended", 1, target=target)
            assert item.progress == target
        else:
            with pytest.raises(AttributeInvalid):
                apply(item, "deferral_ended", 1, target=target)
            assert item.progress == "DEFERRED"


def test_state_shown_is_the_topmost_overlay() -> None:
    assert shown("ACCEPTED", (True, True, True)) == "FALLOUT"
    assert shown("ACCEPTED", (False, True, True)) == "CANCELLING"
    assert shown("ACCEPTED", (False, False, True)) == "AMENDING"
    assert shown("ACCEPTED", (False, False, False)) == "ACCEPTED"


def test_every_line_is_reachable_and_every_input_named_once() -> None:
    assert set(INPUTS) == {line.input for line in LINES} | set(RECORDED_ONLY)
    used = {(effect.clause) for p, o, k, i in WHOLE if (effect := decide(p, o, k, i, POLICIES)).clause}
    assert used == {line.clause for line in LINES}


def test_refusal_names_code_state_and_both_languages() -> None:
    with pytest.raises(StateConflict) as caught:
        Rulebook().check(made("COMPLETED", (False, False, False)), "cancel")
    assert (caught.value.code, caught.value.state) == ("PAST_NO_RETURN", "COMPLETED")
    assert "COMPLETED" in caught.value.zh
    assert "COMPLETED" in caught.value.en
