"""The channel of a simulated world: a brain that submits planned orders, hears of their end, and remembers what it was told.

It is hosted like any simulated peer, so its messages are framed, lost, repeated and answered as theirs are.  Orders that
act on what earlier ones installed wait until those have ended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from adapters.xml.codec import Codec
from gateway.cli.demo import DemoOrder
from schemas.loader import Catalogue
from simulators.brain import Body, Meta, Reaction, Send

_CUSTOMER_OF = re.compile(rb"CUSTOMER-OF-([A-Z0-9-]+)")

CustomerOf = Callable[[str], str | None]
"""The customer a customer order created, which only the gateway's store knows."""


@dataclass(slots=True)
class Planned:
    """An order to come: not before ``at`` (ms), nor before ``missing`` others have ended."""

    at: int
    order: DemoOrder
    missing: int


class ChannelBrain:
    """Submits ``orders``, one every ``pace_ms`` from ``start`` (ms) on; ``customer_of`` fills in customers."""

    role = "channel"

    def __init__(
        self, orders: Iterable[DemoOrder], catalogue: Catalogue, customer_of: CustomerOf, start: int, pace_ms: int
    ) -> None:
        self._codec = Codec(catalogue)
        self._submit_code = catalogue.for_command("SubmitOrder")[0].code
        self._operation_code = catalogue.for_command("OrderOperation")[0].code
        self._notice_code = catalogue.for_event("OrderStateChanged")[0].code
        self._customer_code = catalogue.for_event("CustomerNoticeIssued")[0].code
        self._closed = {row.code for row in catalogue.table("order_states").rows.values() if row.extra["closed"]}
        self._customer_of = customer_of
        self._ready: list[tuple[int, int, DemoOrder]] = []
        self._blocked: dict[str, list[Planned]] = {}
        self._numbers = 0
        self._ended: dict[str, None] = {}
        self._owner: dict[str, str] = {}
        self.accepted: dict[str, list[str]] = {}
        self.refused: dict[str, str] = {}
        self.notices: dict[str, list[str]] = {}
        self.customer_notices: list[str] = []
        self.expected: dict[str, str] = {}
        self.replies: list[Body] = []
        for number, order in enumerate(orders):
            self.expected[order.id] = order.expect
            self._plan(Planned(start + number * pace_ms, order, len(order.after)))

    @property
    def codes(self) -> tuple[str, ...]:
        """Messages this brain serves."""
        return (self._notice_code, self._customer_code)

    @property
    def done(self) -> bool:
        """Whether every order was submitted and has ended or was refused."""
        return len(self._ended) == len(self.expected)

    def on_document(self, code: str, body: Body, meta: Meta, now: int) -> Reaction:
        """A notice: an order reached a state, or a customer is to be told something."""
        if code == self._customer_code:
            self.customer_notices.append(body["notice_id"])
            return Reaction()
        if code != self._notice_code:
            return Reaction.refuse("MESSAGE_UNKNOWN")
        order = body["service_order_id"]
        self.notices.setdefault(order, []).append(body["state"])
        if order in self._owner:
            self._judge(self._owner[order])
        return self.due(now)

    def on_answer(self, sent: Send, body: Body, now: int) -> Reaction:
        """The receipt of an order, with its service orders; or of an operation."""
        if sent.code == self._operation_code:
            self.replies.append(body)
            return Reaction()
        name = sent.body["customer_order_id"]
        details = body.get("details", [])
        self.accepted[name] = [detail["value"] for detail in details if detail["name"] == "service_order_id"]
        for order in self.accepted[name]:
            self._owner[order] = name
        self._judge(name)
        return self.due(now)

    def on_refusal(self, sent: Send, code: str, body: Body, now: int) -> Reaction:
        """The order was refused; what waited for it is submitted all the same, and refused in its turn. Or an operation was."""
        if sent.code == self._operation_code:
            self.replies.append(body)
            return Reaction()
        name = sent.body["customer_order_id"]
        self.refused[name] = code
        self._end(name)
        return self.due(now)

    def submit(self, order: DemoOrder, now: int) -> Reaction:
        """A person at the counter brings one more order."""
        self.expected[order.id] = order.expect
        self._plan(Planned(now, order, 0))
        return self.due(now)

    def ask(self, operation: Body) -> Reaction:
        """A person at the counter wants something of an order (CH03); the receipt joins ``replies``."""
        return Reaction(sends=[Send(self._operation_code, operation, role="CRM")])

    def due(self, now: int) -> Reaction:
        """Orders whose time has come and whose forerunners have ended."""
        sends = []
        while self._ready and self._ready[0][0] <= now:
            sends.append(Send(self._submit_code, self._body(heappop(self._ready)[2]), role="CRM"))
        return Reaction(sends=sends)

    def next_due(self) -> int | None:
        """When the next order that waits for no other may be submitted (ms)."""
        return self._ready[0][0] if self._ready else None

    def inspect(self) -> dict[str, Any]:
        """What it was told, for the auditor."""
        return {"accepted": self.accepted, "refused": self.refused, "notices": self.notices,
                "customer_notices": self.customer_notices}  # fmt: skip

    def unmet(self) -> list[str]:
        """Orders that did not come to their expected end, with what became of them."""
        return [f"{name}: {self._end_of(name)}" for name, end in self.expected.items() if self._end_of(name) != end]

    def _end_of(self, name: str) -> str:
        if name in self.refused:
            return self.refused[name]
        last = {self.notices.get(order, ["-"])[-1] for order in self.accepted.get(name, ["-"])}
        return ",".join(sorted(last))

    def _plan(self, planned: Planned) -> None:
        if planned.missing == 0:
            self._numbers += 1
            heappush(self._ready, (planned.at, self._numbers, planned.order))
            return
        for name in planned.order.after:
            self._blocked.setdefault(name, []).append(planned)

    def _judge(self, name: str) -> None:
        if name not in self._ended and all(self.notices.get(order, [""])[-1] in self._closed for order in self.accepted[name]):
            self._end(name)

    def _end(self, name: str) -> None:
        self._ended[name] = None
        for planned in self._blocked.pop(name, ()):
            planned.missing -= 1
            if planned.missing == 0:
                self._plan(planned)

    def _body(self, order: DemoOrder) -> Body:
        def customer(match: re.Match[bytes]) -> bytes:
            name = match.group(1).decode()
            return (self._customer_of(name) or name).encode()

        return self._codec.decode(_CUSTOMER_OF.sub(customer, order.raw)).body
