"""RX01, RX02: a simulated system answers from its own ledger what concerns the CRM and itself (spec 02.1, 06.3)."""

from __future__ import annotations

from collections.abc import Callable

from adapters.reconciliation import PAIRS, Row, answer, ledger, span
from simulators.brain import Body, Meta, Reaction

Rows = Callable[[str, str, int, int], list[Row]]
"""(the system that asks, area, begin ms, end ms) -> the rows it shares with this one."""
ELEMENTS = {"RX01": "ReconcileSummary", "RX02": "ReconcileDetail"}


def reconcile_handlers(role: str, rows: Rows) -> dict[str, Callable[[Body, Meta, int], Reaction]]:
    """Handlers by message code for the system of ``role``. Another pair is refused 2002, no such day 3025."""

    def handler(element: str) -> Callable[[Body, Meta, int], Reaction]:
        def handle(body: Body, meta: Meta, now: int) -> Reaction:
            if body["pair"] != PAIRS[role]:
                return Reaction.refuse("NOT_PERMITTED")
            try:
                begin, end = span(body)
            except ValueError:
                return Reaction.refuse("DATE_INVALID")
            return Reaction(answer=answer(element, body, ledger(rows(meta.sender, body["area"], begin, end))))

        return handle

    return {code: handler(element) for code, element in ELEMENTS.items()}
