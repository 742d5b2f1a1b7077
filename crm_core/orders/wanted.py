"""How an operation on an order in flight is wanted, and what all of them ask of the order (spec 02.0 CH03, 04.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from crm_core.orders.model import ServiceOrder


@dataclass(frozen=True, slots=True)
class Wanted:
    """``reason`` as on the wire; with ``dry_run`` nothing is done, only said what would be; ``asked`` (system and serial) is
    told how it ended; ``operator`` stands behind it."""

    reason: dict[str, Any]
    dry_run: bool = False
    asked: dict[str, str] | None = None
    operator: str | None = None

    def words(self) -> dict[str, Any]:
        """The reason as a notice carries it: text and, where there is one, code."""
        return {name: self.reason[name] for name in ("text", "code") if name in self.reason}


def lock_over(order: ServiceOrder) -> str:
    """The lock as the legality matrix reads it for operations its owner may not do either."""
    return "free" if order.lock is None or order.lock["holder"] is None else "other"
