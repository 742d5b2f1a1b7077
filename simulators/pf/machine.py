"""Progress of an order item at PF and the moves between its states; the order's state folded from them (spec 04.1, 4.2).

Names are those of the interface, so that a query answers in the CRM's words.  Both tables are total: a move the first does not
have raises ``IllegalMove`` and changes nothing.  Work orders have states of their own (03).
"""

from __future__ import annotations

from collections.abc import Sequence

EARLY = ("ACKNOWLEDGED", "ACCEPTED")
CLOSED = frozenset({"COMPLETED", "REJECTED", "RETURNED", "CANCELLED"})
REPEATABLE = frozenset({"REJECTED", "RETURNED", "CANCELLED"})
"""States of an order closed without completion: a higher version is a new dispatch (5.4 rule 1)."""
REPORTED = frozenset({"COMPLETING", "COMPLETED"})
"""PF's work is done: another order on the instance no longer collides (the CRM's acceptance may still be under way)."""
_WORKING = (*EARLY, "IN_PROGRESS")
_UNDER_WAY = (*_WORKING, "PENDING_INSTALL", "DEFERRED")
_LINES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("accept", ("ACKNOWLEDGED",), "ACCEPTED"),
    ("reject", ("ACKNOWLEDGED",), "REJECTED"),
    ("begin", ("ACCEPTED",), "IN_PROGRESS"),
    ("wait", ("IN_PROGRESS",), "PENDING_INSTALL"),
    ("resume", ("PENDING_INSTALL",), "IN_PROGRESS"),
    ("defer", _WORKING, "DEFERRED"),
    ("report", ("IN_PROGRESS",), "COMPLETING"),
    ("confirm", ("COMPLETING",), "COMPLETED"),
    ("repair", ("COMPLETING",), "IN_PROGRESS"),
    ("cancel", (*_UNDER_WAY, "RETURNED"), "CANCELLED"),
    ("send_back", _UNDER_WAY, "RETURNED"),
    ("end_by_hand", (*_UNDER_WAY, "COMPLETING"), "COMPLETED"),
)
MOVES: dict[tuple[str, str], str] = {(state, move): to for move, states, to in _LINES for state in states}
RESUMING: dict[str, str] = {state: f"go_on_{state.lower()}" for state in _WORKING}
"""Moves by which a deferral ends, by the progress it found."""
MOVES |= {("DEFERRED", move): state for state, move in RESUMING.items()}


class IllegalMove(ValueError):
    """The item is in no state for this move."""

    def __init__(self, state: str, move: str) -> None:
        super().__init__(f"订单项状态 {state} 不允许 {move} / no {move} in state {state}")
        self.state = state


def after(state: str, move: str) -> str:
    """The progress ``move`` leads to. Raises IllegalMove."""
    found = MOVES.get((state, move))
    if found is None:
        raise IllegalMove(state, move)
    return found


_ENDS = (
    ("RETURNED", "RETURNED"),
    ("COMPLETED", "PARTIAL"),
    ("REJECTED", "REJECTED"),
)
_OVERLAYS = ("FALLOUT", "CANCELLING", "AMENDING")
_MOVING = ("IN_PROGRESS", "COMPLETING", "PENDING_INSTALL", "DEFERRED")


def fold(shown: Sequence[str]) -> str:
    """The order's state from its items' (04.2, first match)."""
    if len(shown) == 1:
        return shown[0]
    going = [state for state in shown if state not in CLOSED]
    if not going:
        if all(state == "COMPLETED" for state in shown):
            return "COMPLETED"
        return next((to for state, to in _ENDS if state in shown), "CANCELLED")
    for overlay in _OVERLAYS:
        if overlay in going:
            return overlay
    if all(state == "COMPLETING" for state in going):
        return "COMPLETING"
    if all(state in ("PENDING_INSTALL", "DEFERRED") for state in going):
        return "PENDING_INSTALL" if "PENDING_INSTALL" in going else "DEFERRED"
    if "COMPLETED" in shown or any(state in _MOVING for state in going):
        return "IN_PROGRESS"
    return min(going, key=EARLY.index)
