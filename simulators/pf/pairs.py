"""Orders that depend on another order (OH01 ``relation``, kind depends): the two are never both returned, 死单 (spec 04.4)."""

from __future__ import annotations

from collections.abc import Mapping

from simulators.brain import Body
from simulators.pf.order import Order

_DEPENDS = "depends"
_COMPLETED, _RETURNED = "COMPLETED", "RETURNED"


def prerequisite(image: Body) -> str | None:
    """The id of the order the one with this image depends on."""
    relation = image.get("relation")
    return None if relation is None or relation["kind"] != _DEPENDS else str(relation["service_order_id"])


class Pairs:
    """Who depends on whom, among the orders provisioning has."""

    def __init__(self, orders: Mapping[str, Order]) -> None:
        self._orders = orders
        self._dependants: dict[str, dict[str, None]] = {}

    def enter(self, order: Order) -> None:
        """The order is in flight."""
        needed = prerequisite(order.image)
        if needed is not None:
            self._dependants.setdefault(needed, {})[order.id] = None

    def lost(self, image: Body) -> str | None:
        """The order it depends on, where that has closed without completing."""
        needed = self._orders.get(prerequisite(image) or "")
        return needed.id if needed is not None and needed.closed and needed.state != _COMPLETED else None

    def dependants(self, order: Order) -> list[Order]:
        """Those in flight that depend on ``order``, where that has closed without completing; else none."""
        found = [self._orders[name] for name in self._dependants.get(order.id, ())]
        return [other for other in found if not other.closed and self.lost(other.image) == order.id]

    def returned_beside(self, order: Order) -> str | None:
        """The other one of a pair if it has been returned and not come again: ``order`` may not be returned as well."""
        names = [*self._dependants.get(order.id, ()), prerequisite(order.image) or ""]
        found = (self._orders[name] for name in names if name in self._orders)
        return next((other.id for other in found if other.state == _RETURNED and self._are(order, other)), None)

    @staticmethod
    def _are(one: Order, other: Order) -> bool:
        return prerequisite(one.image) == other.id or prerequisite(other.image) == one.id
