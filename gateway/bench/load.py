"""What a bench sends, when, and what came back: orders made from pieces, their latencies, their ends."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

from gateway.bench.packets import OrderPackets, ReceiptPackets, Seen
from gateway.clock import Clock

ACCEPTED = b"0001"
ON_THE_WAY = "on the way: "
"""How a line begins in which the load's process says how many orders have ended by now."""

_NOTICE = re.compile(rb"<customer_order_id>([^<]+)<.*?<service_order_id>([^<]+)<.*?<state>([^<]+)<", re.DOTALL)


class Load:
    """What is sent, when, and what came back. ``follow``: an order is done when its end is told, not when it is received;
    ``most``: how many orders are sent at all."""

    def __init__(
        self, clock: Clock, packets: OrderPackets, receipts: ReceiptPackets, *, follow: bool = False, most: int | None = None
    ) -> None:
        self._clock = clock
        self._packets = packets
        self._receipts = receipts
        self._follow = follow
        self._most = most
        self._next = 0
        self._sent_at: dict[bytes, float] = {}
        self._under_way: dict[bytes, float] = {}
        self._told: dict[bytes, bytes] = {}
        self._states: dict[bytes, str] = {}
        self.latencies: list[float] = []
        self.refused: Counter[str] = Counter()
        self.connections_lost = 0
        self.ends: Counter[str] = Counter()
        self.duplicated = 0
        self.counting_since = 0.0
        self.counting_until = float("inf")
        self.closed = False
        self.write: Callable[[bytes], None] = lambda _: None

    def batch(self, count: int) -> bytes:
        """The next ``count`` packets, noted as sent now; none when the load is over."""
        if self.closed:
            return b""
        now, first, packets = self._clock.seconds(), self._next, self._packets
        self._next += count if self._most is None else min(count, self._most - first)
        for number in range(first, self._next):
            self._sent_at[packets.serial(number)] = now
            if self._follow:
                self._under_way[packets.order(number)] = now
        return b"".join(map(packets.make, range(first, self._next)))

    def seen(self, found: list[Seen]) -> bytes:
        """What came back; returns what to write: answers to notices, and as many orders as are done."""
        done, answers = 0, []
        for kind, serial, result, body in found:
            if kind == "receipt":
                done += self._receipt(serial, result, body)
            elif kind == "notification":
                answers.append(self._receipts.make(serial))
                done += self._notice(serial, body)
        return b"".join(answers) + self.batch(done)

    def _receipt(self, serial: bytes, result: bytes, body: bytes) -> int:
        now = self._clock.seconds()
        sent_at = self._sent_at.pop(serial, None)
        if sent_at is None:
            self.refused["unasked"] += 1
            return 0
        if result != ACCEPTED:
            self.refused[result.decode()] += 1
            return 1
        if self._follow:
            return 0
        self._done(sent_at, now)
        return 1

    def _notice(self, serial: bytes, body: bytes) -> int:
        match = _NOTICE.search(body)
        if match is None:
            self.refused["unreadable notice"] += 1
            return 0
        customer_order, order, state = match.groups()
        if order in self._told:
            self.duplicated += self._told[order] != serial
            return 0
        self._told[order] = serial
        self._states[order] = state.decode()
        self.ends[state.decode()] += 1
        self._done(self._under_way.pop(customer_order, self._clock.seconds()), self._clock.seconds())
        return 1

    def _done(self, begun: float, now: float) -> None:
        if self.counting_since <= now < self.counting_until:
            self.latencies.append(now - begun)

    @property
    def spent(self) -> bool:
        """Whether all orders were sent and are done."""
        return self._next == self._most and not self.outstanding

    @property
    def outstanding(self) -> int:
        """Orders that are not done."""
        return len(self._under_way) if self._follow else len(self._sent_at)

    def ledger(self) -> dict[str, Any]:
        """What the channel was told, for the auditor: the last state of each order it heard the end of."""
        return {"accepted": {}, "refused": {}, "notices": {order.decode(): [state] for order, state in self._states.items()}}

    def report(self) -> dict[str, Any]:
        """The figures: orders sent, done and counted, refused by code, left over, told twice; rate; latencies in ms."""
        seconds = self.counting_until - self.counting_since
        ordered = sorted(self.latencies)
        return {
            "sent": self._next,
            "counted": len(ordered),
            "refused": dict(self.refused),
            "connections_lost": self.connections_lost,
            "ends": dict(self.ends),
            "left": self.outstanding,
            "duplicated": self.duplicated,
            "seconds": round(seconds, 3),
            "orders_per_second": round(len(ordered) / seconds, 1),
            "p50_ms": percentile(ordered, 0.50),
            "p99_ms": percentile(ordered, 0.99),
        }


def percentile(ordered: list[float], part: float) -> float | None:
    """The value below which ``part`` of the ``ordered`` seconds lie, in ms; None where there are none."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000, 2) if ordered else None
