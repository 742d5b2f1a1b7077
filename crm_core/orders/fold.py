"""Order state from item states (spec 04.2) as an executable table; a customer order folds its service orders by the same.

Every line asks only *which* states occur, never how often, so a set of states is one small number and the result is remembered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from crm_core.orders.item_states import CLOSED

STATES = (
    "DRAFT",
    "SUBMITTED",
    "ACKNOWLEDGED",
    "ACCEPTED",
    "IN_PROGRESS",
    "PENDING_INSTALL",
    "DEFERRED",
    "COMPLETING",
    "AMENDING",
    "CANCELLING",
    "FALLOUT",
    *CLOSED,
)
_BIT = {state: 1 << n for n, state in enumerate(STATES)}
_MASK = {**_BIT, "PARTIAL": _BIT["COMPLETED"] | _BIT["CANCELLED"]}
_CLOSED = sum(_BIT[state] for state in CLOSED)


@dataclass(frozen=True, slots=True)
class FoldLine:
    """``quantifier`` (all, any, or always) of ``states`` among the items of ``scope`` (``open``: the open ones, ``items``:
    every newest row) -> ``result``. Lines of part ``closed`` are read if no item is open, of ``open`` if some is."""

    part: str
    quantifier: str
    scope: str
    states: tuple[str, ...]
    result: str


UNDER_WAY = ("IN_PROGRESS", "COMPLETING", "PENDING_INSTALL", "DEFERRED", "COMPLETED")

# fmt: off
TABLE: tuple[FoldLine, ...] = (
    FoldLine("closed", "all",    "items", ("COMPLETED",),                  "COMPLETED"),
    FoldLine("closed", "any",    "items", ("RETURNED",),                   "RETURNED"),
    FoldLine("closed", "any",    "items", ("COMPLETED",),                  "PARTIAL"),
    FoldLine("closed", "any",    "items", ("FAILED",),                     "FAILED"),
    FoldLine("closed", "any",    "items", ("REJECTED",),                   "REJECTED"),
    FoldLine("closed", "always", "items", (),                              "CANCELLED"),
    FoldLine("open",   "any",    "open",  ("FALLOUT",),                    "FALLOUT"),
    FoldLine("open",   "any",    "open",  ("CANCELLING",),                 "CANCELLING"),
    FoldLine("open",   "any",    "open",  ("AMENDING",),                   "AMENDING"),
    FoldLine("open",   "all",    "open",  ("COMPLETING",),                 "COMPLETING"),
    FoldLine("open",   "all",    "open",  ("DEFERRED",),                   "DEFERRED"),
    FoldLine("open",   "all",    "open",  ("PENDING_INSTALL", "DEFERRED"), "PENDING_INSTALL"),
    FoldLine("open",   "any",    "items", UNDER_WAY,                       "IN_PROGRESS"),
    FoldLine("open",   "any",    "open",  ("DRAFT",),                      "DRAFT"),
    FoldLine("open",   "any",    "open",  ("SUBMITTED",),                  "SUBMITTED"),
    FoldLine("open",   "any",    "open",  ("ACKNOWLEDGED",),               "ACKNOWLEDGED"),
    FoldLine("open",   "always", "open",  (),                              "ACCEPTED"),
)
# fmt: on

_KNOWN: dict[int, str] = {}


def _holds(line: FoldLine, mask: int) -> bool:
    if line.part != ("open" if mask & ~_CLOSED else "closed"):
        return False
    if line.quantifier == "always":
        return True
    scope = mask & ~_CLOSED if line.scope == "open" else mask
    wanted = sum(_BIT[state] for state in line.states)
    return not scope & ~wanted if line.quantifier == "all" else bool(scope & wanted)


def fold(states: Iterable[str]) -> str:
    """The state of an order from those of its newest item rows, or of a customer order from its service orders.

    PARTIAL counts as one COMPLETED and one CANCELLED.  Raises ``ValueError`` without any state: an order has items.
    """
    mask = 0
    for state in states:
        mask |= _MASK[state]
    found = _KNOWN.get(mask)
    if found is None:
        if not mask:
            raise ValueError("an order has at least one item")
        found = _KNOWN[mask] = next(line.result for line in TABLE if _holds(line, mask))
    return found


FINAL = frozenset({"COMPLETED", "PARTIAL", "CANCELLED", "REJECTED", "FAILED"})
"""An order in one of these has ended; RETURNED waits for the next version or a cancel."""
CLOSED_STATES = FINAL | {"RETURNED"}
"""No dispatch of it is open (04.1): a returned one somebody at the counter has to amend or cancel."""
