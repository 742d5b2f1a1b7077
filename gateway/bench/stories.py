"""The load of the mixed bench: orders that are changed, cancelled, deferred, locked, returned and wait for facilities.

A channel does what a counter would: it asks once an order is accepted, hears of the result, and asks for the next thing; an
operation that comes behind the completion is refused and the order ends as it was going to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from crm_core.orders.fold import FINAL
from gateway.bench.load import ACCEPTED, Load, percentile
from gateway.bench.mix import MixedPackets
from gateway.bench.operations import OfferDesk, OperationPackets
from gateway.bench.packets import ReceiptPackets
from gateway.clock import Clock

DUPLICATE = b"0002"
TOO_LATE = frozenset({b"3004", b"3005"})
"""The order went on before the operation was there (04.9): it ends without it."""
NOT_NOW = frozenset({b"3007", b"3021", b"9001"})
"""Asked again a little later."""
AGAIN_S = 0.5

_ORDER = re.compile(rb"<name>service_order_id</name>\s*<value>([^<]+)<")
_FENCE = re.compile(rb"<name>fence</name>\s*<value>(\d+)<")
_REF = re.compile(rb"<RefSerial>([^<]+)<")
_REASON = b"<reason>"
"""Stands in the result of an operation only if it was refused."""
_NOTICE = re.compile(rb"<customer_order_id>([^<]+)<.*?<service_order_id>([^<]+)<.*?<state>([^<]+)<", re.DOTALL)

FIRST = {"change": "amend", "cancel": "cancel", "deferral": "defer", "lock": "lock"}
"""Kind of order -> what is asked for as soon as it is accepted."""
THEN = {("deferral", "DEFERRED"): "end_deferral", ("return", "RETURNED"): "amend"}
"""Kind of order and state it is told to be in -> what is asked for then."""


@dataclass(slots=True)
class Story:
    """One order so far: ``asked`` are operations under way or done."""

    kind: str
    customer_order: bytes
    asked: dict[str, None] = field(default_factory=dict)
    ended: bool = False


class MixedLoad(Load):
    """As ``Load``, each order living through what its kind says."""

    def __init__(
        self,
        clock: Clock,
        packets: MixedPackets,
        receipts: ReceiptPackets,
        operations: OperationPackets,
        desk: OfferDesk,
        *,
        most: int | None = None,
    ) -> None:
        super().__init__(clock, packets, receipts, follow=True, most=most)
        self._mixed = packets
        self._operations = operations
        self._desk = desk
        self._stories: dict[bytes, Story] = {}
        self._asked: dict[bytes, tuple[str, bytes]] = {}
        self._results: dict[tuple[bytes, bytes], bytes] = {}
        self._done_by: Counter[tuple[str, str]] = Counter()
        self._lasted: dict[str, list[float]] = {}
        self._ops: Counter[tuple[str, str]] = Counter()
        self.accepted: dict[str, list[str]] = {}
        self.notices: dict[str, list[str]] = {}

    # -- what comes back ----------------------------------------------------------------------------------------------

    def _receipt(self, serial: bytes, result: bytes, body: bytes) -> int:
        asked = self._asked.pop(serial, None)
        if asked is not None:
            self._answered(*asked, result, body)
            return 0
        done = super()._receipt(serial, result, body)
        if result == ACCEPTED:
            self._accepted(int(serial[-10:]), _ORDER.findall(body))
        return done

    def _accepted(self, number: int, orders: list[bytes]) -> None:
        customer_order, kind = self._mixed.order(number), self._mixed.kind(number).name
        self.accepted[customer_order.decode()] = [order.decode() for order in orders]
        for order in orders:
            self._story(order, customer_order, kind)
            if kind in FIRST:
                self._ask(FIRST[kind], order)

    def _story(self, order: bytes, customer_order: bytes, kind: str) -> Story:
        return self._stories.setdefault(order, Story(kind, customer_order))

    def _answered(self, name: str, order: bytes, result: bytes, body: bytes) -> None:
        """The receipt of an operation."""
        story = self._stories[order]
        self._ops[story.kind, f"{name} {result.decode()}"] += 1
        if result in NOT_NOW:
            self._later(lambda: self._ask(name, order))
        elif name == "lock" and result == DUPLICATE:
            fence = _FENCE.search(body)
            if fence is None:
                self._later(lambda: self._ask(name, order))
            elif "unlock" not in story.asked:
                self._ask("unlock", order, int(fence.group(1)))
        elif result not in (ACCEPTED, DUPLICATE) and result not in TOO_LATE:
            self.refused[f"{name} {result.decode()}"] += 1

    def _notice(self, serial: bytes, body: bytes) -> int:
        match = _NOTICE.search(body)
        if match is None:
            self.refused["unreadable notice"] += 1
            return 0
        customer_order, order, told = match.groups()
        state = told.decode()
        ref = _REF.search(body)
        key = (order + told, ref.group(1) if ref is not None else b"")
        if state in FINAL and self._results.setdefault(key, serial) != serial:
            self.duplicated += 1
            return 0
        self.notices.setdefault(order.decode(), []).append(state)
        story = self._story(order, customer_order, self._mixed.kind(int(customer_order[-10:])).name)
        if state in FINAL:
            return self._end(story, state)
        self._go_on(story, order, state, refused=_REASON in body)
        return 0

    def _end(self, story: Story, state: str) -> int:
        if story.ended:
            return 0
        story.ended = True
        self.ends[state] += 1
        self._done_by[story.kind, state] += 1
        now = self._clock.seconds()
        begun = self._under_way.pop(story.customer_order, now)
        self._lasted.setdefault(story.kind, []).append(now - begun)
        self._done(begun, now)
        return 1

    # -- what is asked for --------------------------------------------------------------------------------------------

    def _go_on(self, story: Story, order: bytes, state: str, *, refused: bool) -> None:
        """An order is told to be in a state on its way."""
        wanted = THEN.get((story.kind, state))
        if wanted is not None:
            self._ask(wanted, order)
        elif story.kind == "lock" and not refused and "unlock" not in story.asked:
            self._ask("lock", order)
        elif (story.kind, state) == ("pending", "PENDING_INSTALL") and "resume" not in story.asked:
            story.asked["resume"] = None
            self._take(order)

    def _ask(self, name: str, order: bytes, fence: int = 0) -> None:
        story = self._stories[order]
        if story.ended:
            return
        story.asked[name] = None
        serial, packet = self._operations.make(name, order, fence)
        self._asked[serial] = (name, order)
        self.write(packet)

    def _take(self, order: bytes) -> None:
        """At the desk: take the offer, as soon as there is one."""
        if not self._stories[order].ended:
            self._desk.take(order.decode(), lambda reply: self._taken(order, reply))

    def _taken(self, order: bytes, reply: dict[str, Any]) -> None:
        code = "ok" if reply["ok"] else str(reply.get("code", ""))
        self._ops["pending", f"resume {code}"] += 1
        if not reply["ok"]:
            self._later(lambda: self._take(order))

    def _later(self, work: Callable[[], None]) -> None:
        self._clock.callLater(AGAIN_S, work)

    def report(self) -> dict[str, Any]:
        """As ``Load.report``; also how the orders of each kind ended and how each operation was answered."""
        kinds: dict[str, dict[str, Any]] = {}
        for number in range(self._next):
            row = kinds.setdefault(self._mixed.kind(number).name, {"orders": 0, "ends": {}, "operations": {}})
            row["orders"] += 1
        for counts, name in ((self._done_by, "ends"), (self._ops, "operations")):
            for (kind, what), number in sorted(counts.items()):
                kinds[kind][name][what] = number
        for kind, lasted in self._lasted.items():
            kinds[kind]["p50_ms"] = percentile(sorted(lasted), 0.50)
        return {**super().report(), "kinds": kinds}

    def ledger(self) -> dict[str, Any]:
        """What the channel was told, for the auditor."""
        return {"accepted": self.accepted, "refused": {}, "notices": self.notices}
