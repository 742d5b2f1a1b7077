"""What surveys, schemes and cutovers want of PF's orders: which are open, which are built on a scheme, locks over a cutover."""

from __future__ import annotations

from simulators.brain import Send
from simulators.pf.locking import Locking
from simulators.pf.order import Order

_COMPLETED = "COMPLETED"


class OrderBook:
    """Reads ``orders``, the newest dispatch of each; locks through ``locking``."""

    def __init__(self, orders: dict[str, Order], locking: Locking) -> None:
        self._orders = orders
        self._locking = locking

    def in_flight(self) -> dict[str, list[str]]:
        """Ids of the open orders by product instance."""
        found: dict[str, list[str]] = {}
        for order in self._orders.values():
            for instance in dict.fromkeys(item.instance for item in order.items.values() if item.open):
                found.setdefault(instance, []).append(order.id)
        return found

    def is_closed(self, order: str) -> bool:
        """Whether PF is done with it (one it does not know is none of its business)."""
        known = self._orders.get(order)
        return known is None or known.closed

    def lock_over(self, order: str, cutover_id: str, until: int, now: int) -> list[Send]:
        """Lock an order over a cutover until ``until`` (ms); one that is closed or locked stays as it is."""
        known = self._orders.get(order)
        out: list[Send] = []
        if known is not None:
            self._locking.hold_over(known, cutover_id, until, now, out)
        return out

    def unlock_after(self, order: str, cutover_id: str, now: int) -> list[Send]:
        """End the lock the cutover holds."""
        known = self._orders.get(order)
        out: list[Send] = []
        if known is not None:
            self._locking.let_go(known, cutover_id, now, out)
        return out

    def uses(self, scheme_id: str) -> bool:
        """Whether an order that is open or completed is built on this scheme."""
        return any(
            order.image.get("scheme", {}).get("scheme_id") == scheme_id and (not order.closed or order.state == _COMPLETED)
            for order in self._orders.values()
        )
