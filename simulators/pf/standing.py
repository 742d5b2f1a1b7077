"""What PF knows that stands in the way of a dispatch beside the orders in flight (spec 5.2, 5.3, 5.4, 5.12).

Reservations other orders came with, those RM has ended, instances it has disconnected itself, schemes that have expired,
instances a cutover holds frozen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from simulators.brain import Body
from simulators.pf.image import Wrong
from simulators.pf.order import Order

_COMPLETED, _RETURNED = "COMPLETED", "RETURNED"
_ON_NOTHING = ("install", "backfill", "survey")
_BESIDE_CUTOVER = ("backfill", "survey")
_OF_KNOWN = ("undoes", "replaces")


class Plans(Protocol):
    """What the desk for schemes and cutovers tells."""

    def expired(self, scheme_id: str) -> bool:
        """Whether a scheme of PF's has expired."""

    def frozen(self, instance: str, now: int) -> bool:
        """Whether a cutover holds the instance frozen at ``now`` (ms)."""


class NoPlans:
    """No schemes, no cutovers."""

    def expired(self, scheme_id: str) -> bool:
        """See ``Plans``."""
        return False

    def frozen(self, instance: str, now: int) -> bool:
        """See ``Plans``."""
        return False


class Standing:
    """Reads ``orders``, the newest dispatch of each service order. ``plans`` is set by the brain that has some."""

    def __init__(self, orders: Mapping[str, Order]) -> None:
        self.plans: Plans = NoPlans()
        self._orders = orders
        self._users: dict[str, dict[str, None]] = {}
        self._over: dict[str, None] = {}
        self._gone: dict[str, None] = {}

    def frozen(self, image: Body, now: int) -> bool:
        """3018: a cutover holds one of the instances; survey and backfill change nothing on them."""
        return any(
            item["action"] not in _BESIDE_CUTOVER and self.plans.frozen(item["product_instance_id"], now)
            for item in image["items"]
        )

    def against(self, image: Body) -> Wrong | None:
        """The first thing that stands against a dispatch: 3002, 3003, 3010, 3012, 3016."""
        for item in image["items"]:
            if item["product_instance_id"] in self._gone and item["action"] not in _ON_NOTHING:
                return "INSTANCE_UNKNOWN", str(item["product_instance_id"])
        relation = image.get("relation")
        if relation is not None and relation["kind"] in _OF_KNOWN and relation["service_order_id"] not in self._orders:
            return "ORDER_UNKNOWN", str(relation["service_order_id"])
        for name in image.get("reservations", ()):
            symbol = self._taken(name, image)
            if symbol:
                return symbol, name
        scheme = image.get("scheme")
        if scheme is not None and self.plans.expired(scheme["scheme_id"]):
            return "SCHEME_EXPIRED", str(scheme["scheme_id"])
        return None

    def enter(self, order: Order) -> None:
        """The order is in flight with what it brought."""
        for name in order.image.get("reservations", ()):
            self._users.setdefault(name, {})[order.id] = None
            self._over.pop(name, None)

    def leave(self, order: Order) -> None:
        """The order is closed: what it disconnected is gone, what it installed is there."""
        for item in order.items.values():
            if item.progress == _COMPLETED and item.image["action"] == "disconnect":
                self._gone[item.instance] = None
            elif item.progress == _COMPLETED and item.image["action"] == "install":
                self._gone.pop(item.instance, None)

    def ended(self, reservation_id: str) -> None:
        """RM has ended a reservation (RR04)."""
        self._over[reservation_id] = None

    def brought(self, reservation_id: str) -> bool:
        """Whether an order came with the reservation."""
        return reservation_id in self._users

    def _taken(self, name: str, image: Body) -> str:
        """Orders of one customer order share what was reserved for it. What came with an order that closed without completion
        was freed with it; a returned one has given it back (5.3)."""
        if name in self._over:
            return "HOLD_EXPIRED"
        mine = image.get("customer_order_id")
        others = [self._orders[user] for user in self._users.get(name, ()) if user != image["service_order_id"]]
        others = [one for one in others if mine is None or one.image.get("customer_order_id") != mine]
        if any(not one.closed or one.state == _COMPLETED for one in others):
            return "RESOURCE_HELD"
        return "HOLD_EXPIRED" if any(one.state != _RETURNED for one in others) else ""
