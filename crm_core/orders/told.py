"""What a watchdog has told people about an order, and when its cause has gone by itself (spec 06.1 promise 5, 06.2).

``details["told"]`` of an order: cause -> the record opened for it.  Results of operations that came late are told of in their
entries (``operations.py``); here is what no entry stands for.
"""

from __future__ import annotations

from collections.abc import Callable

from crm_core.fallout.settle import answered
from crm_core.orders.model import ServiceOrder
from crm_core.orders.moves import Moves
from crm_core.orders.reports import GAP
from crm_core.orders.timing import UNANSWERED

TOLD = "told"
UNACCEPTED, MISSING, DEFERRED, LOCKED = "dispatch", "gap", "deferral", "lock"
"""Causes: not accepted in time, reports missing, a deferral or a lease that did not end."""

_GONE: dict[str, Callable[[ServiceOrder], bool]] = {
    UNACCEPTED: lambda order: all(item.progress not in UNANSWERED for item in order.newest()),
    MISSING: lambda order: all(entry["why"] != GAP for entry in order.held),
    DEFERRED: lambda order: order.deferral is None or order.deferral["ended_at"] is not None,
    LOCKED: lambda order: order.lock is None or order.lock["holder"] is None,
}


def told(order: ServiceOrder, cause: str, fallout_id: str) -> None:
    """A record was opened for ``cause``."""
    order.details = {**order.details, TOLD: {**order.details.get(TOLD, {}), cause: fallout_id}}


def settle_told(moves: Moves) -> None:
    """Records whose cause has gone are closed, or whoever works on them is told."""
    order = moves.order
    left: dict[str, str] = {}
    for cause, fallout_id in order.details.get(TOLD, {}).items():
        if _GONE[cause](order):
            answered(moves.uow, fallout_id, f"{cause}: {moves.cause}")
        else:
            left[cause] = fallout_id
    order.details = {name: value for name, value in order.details.items() if name != TOLD} | ({TOLD: left} if left else {})
