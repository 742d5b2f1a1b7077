"""Closed orders stay for ever: for duplicates, queries, reconciliation, the auditor and late messages (spec 5.5). The newest
stay as they are; of older ones the bulk is packed, which nobody notices but the memory."""

from __future__ import annotations

from collections import deque

from simulators.packing import AT_HAND
from simulators.pf.order import Order


class Shelf:
    """Packs the oldest beyond ``at_hand``."""

    def __init__(self, at_hand: int = AT_HAND) -> None:
        self._at_hand = at_hand
        self._closed: deque[Order] = deque()

    def add(self, order: Order) -> None:
        """The order is closed."""
        self._closed.append(order)
        if len(self._closed) > self._at_hand:
            self._closed.popleft().pack()
