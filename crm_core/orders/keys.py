"""What commands about one service order ask the unit of work to load beforehand."""

from __future__ import annotations


def order_keys(service_order_id: str, customer_order_id: str | None) -> tuple[tuple[str, str], ...]:
    """The order and, where the message's head names it, its customer order."""
    if customer_order_id is None:
        return (("order", service_order_id),)
    return (("order", service_order_id), ("customer_order", customer_order_id))
