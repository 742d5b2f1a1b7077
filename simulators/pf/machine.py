"""States of an order at PF and the moves between them (spec 04.1, seen from provisioning).

Names are those of the interface, so that a query answers in the CRM's words.  The table is total: what it does not have
raises ``IllegalMove`` and changes nothing.  Order progress only; work orders have states of their own (03).
"""

from __future__ import annotations

MOVES: dict[tuple[str, str], str] = {
    ("ACKNOWLEDGED", "accept"): "ACCEPTED",
    ("ACKNOWLEDGED", "reject"): "REJECTED",
    ("ACKNOWLEDGED", "end_by_hand"): "COMPLETED",
    ("ACCEPTED", "begin"): "IN_PROGRESS",
    ("ACCEPTED", "end_by_hand"): "COMPLETED",
    ("IN_PROGRESS", "report"): "COMPLETING",
    ("IN_PROGRESS", "send_back"): "RETURNED",
    ("IN_PROGRESS", "get_stuck"): "FALLOUT",
    ("IN_PROGRESS", "end_by_hand"): "COMPLETED",
    ("COMPLETING", "confirm"): "COMPLETED",
    ("COMPLETING", "repair"): "IN_PROGRESS",
    ("COMPLETING", "get_stuck"): "FALLOUT",
    ("COMPLETING", "end_by_hand"): "COMPLETED",
    ("FALLOUT", "resume"): "IN_PROGRESS",
    ("FALLOUT", "send_back"): "RETURNED",
    ("FALLOUT", "end_by_hand"): "COMPLETED",
}
CLOSED = frozenset({"COMPLETED", "REJECTED", "RETURNED", "CANCELLED", "FAILED"})
REPEATABLE = frozenset({"REJECTED", "RETURNED", "CANCELLED", "FAILED"})
"""Closed without completion: a higher version is a new dispatch (5.4 rule 1)."""
REPORTED = frozenset({"COMPLETING", "COMPLETED"})
"""PF's work is done: another order on the instance no longer collides (the CRM's acceptance may still be under way)."""


class IllegalMove(ValueError):
    """The order is in no state for this move."""

    def __init__(self, state: str, move: str) -> None:
        super().__init__(f"定单状态 {state} 不允许 {move} / no {move} in state {state}")
        self.state = state


def after(state: str, move: str) -> str:
    """The state ``move`` leads to. Raises IllegalMove."""
    found = MOVES.get((state, move))
    if found is None:
        raise IllegalMove(state, move)
    return found
