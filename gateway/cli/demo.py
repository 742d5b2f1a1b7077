"""The demo: shipped orders submitted through the channel in an order in which later ones act on what earlier ones installed.

The files carry ids of a run 0000; each run writes its own number over it, so that a second run on the same store is new
orders.  ``CUSTOMER-OF-<customer order>`` stands for the customer that order created, which only the store knows.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from twisted.internet.defer import Deferred

from adapters.document import Document
from adapters.store import queries
from gateway.cli.channel import Channel, NoAnswer
from gateway.clock import Clock
from schemas.loader import Catalogue

PREFIX = "DEMO"
RUN_IN_FILE = b"DEMO0000"
LAST_RUN = 9999
POLL_S = 0.1
BILLING_PATIENCE_MS = 15_000
"""How long an ended order may wait for billing's answer before it counts as not reached."""

_CUSTOMER_OF = re.compile(rb"CUSTOMER-OF-([A-Z0-9-]+)")
_NUMBER = re.compile(rb"(<access_number>\d+)\d{4}(\d{2}</access_number>)")


@dataclass(slots=True)
class DemoOrder:
    """One order of the demo and how far it has come; times in ms."""

    id: str
    raw: bytes
    expect: str
    after: tuple[str, ...] = ()
    refusal: bool = False
    submitted_at: int | None = None
    receipt: str = ""
    ended_at: int | None = None
    reached: bool = False
    row: dict[str, Any] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """For the progress display: waiting, its receipt where it was refused, or the order's state."""
        if self.submitted_at is None:
            return ""
        orders = self.row.get("orders") or ()
        return " ".join(dict.fromkeys(order["state"] for order in orders)) or self.receipt

    @property
    def stage(self) -> str:
        """The stage its (first open) service order is in."""
        return next((order["stage"] for order in self.row.get("orders", ()) if order["stage"]), "")


def plan(wanted: int, first_run: int) -> list[DemoOrder]:
    """``wanted`` orders from the shipped files, round after round under runs of their own, then the refused ones of a round.

    Raises ValueError when the run numbers are used up.
    """
    folder = files("gateway") / "demo"
    table = tomllib.loads((folder / "demo.toml").read_text(encoding="utf-8"))
    made: list[DemoOrder] = []
    while len(made) < wanted:
        run = first_run + len(made) // len(table["order"])
        made += [_order(folder, row, run, False) for row in table["order"][: wanted - len(made)]]
    if wanted >= len(table["order"]):
        made += [_order(folder, row, first_run, True) for row in table["refused"]]
    return made


def _order(folder: Any, row: dict[str, Any], run: int, refusal: bool) -> DemoOrder:
    if run > LAST_RUN:
        raise ValueError(run)
    raw = (folder / row["file"]).read_bytes().replace(RUN_IN_FILE, f"{PREFIX}{run:04d}".encode())
    raw = _NUMBER.sub(lambda match: match.group(1) + f"{run:04d}".encode() + match.group(2), raw)
    number = row["file"].split("-", 1)[0]
    after = tuple(f"{PREFIX}{run:04d}-{other:02d}" for other in row.get("after", ()))
    return DemoOrder(f"{PREFIX}{run:04d}-{number}", raw, row["expect"], after, refusal)


def next_run(connection: Any) -> int:
    """The first run number no order of the store carries."""
    taken = queries.captured(connection, PREFIX)
    return int(taken[-1].removeprefix(PREFIX)[:4]) + 1 if taken else 0


class Demo:
    """Drives a plan to its end: submits what may go, watches the store, says how things stand through ``on_progress``.

    ``read`` gives a read-only connection to the store; ``limit_ms`` is how long one order may take.
    """

    def __init__(
        self,
        orders: list[DemoOrder],
        channel: Channel,
        read: Callable[[], Any],
        catalogue: Catalogue,
        clock: Clock,
        on_progress: Callable[[list[DemoOrder]], None],
        limit_ms: int,
    ) -> None:
        self.orders = orders
        self._by_id = {order.id: order for order in orders}
        self._channel = channel
        self._read = read
        self._closed = {row.code for row in catalogue.table("order_states").rows.values() if row.extra["closed"]}
        self._clock = clock
        self._on_progress = on_progress
        self._limit_ms = limit_ms
        self._done: Deferred[list[DemoOrder]] = Deferred()
        self._timer: Any = None

    def run(self) -> Deferred[list[DemoOrder]]:
        """Fires with the orders when each has ended, was refused or took too long; fails with what broke the demo."""
        self._turn()
        return self._done

    def stop(self) -> None:
        """No more: the process ends; ``run`` fires with how things stand."""
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        if not self._done.called:
            self._done.callback(self.orders)

    def _turn(self) -> None:
        try:
            with self._read() as connection:
                self._look(connection)
                for order in self._ready():
                    self._submit(order, connection)
        except Exception as fault:  # the demo is over; whoever waits for it hears why
            self._done.errback(fault)
            return
        self._on_progress(self.orders)
        if all(order.ended_at is not None for order in self.orders):
            self._done.callback(self.orders)
        else:
            self._timer = self._clock.callLater(POLL_S, self._turn)

    def _ready(self) -> Iterator[DemoOrder]:
        for order in self.orders:
            waits = [self._by_id[other] for other in order.after]
            if order.submitted_at is None and all(other.ended_at is not None for other in waits):
                yield order

    def _submit(self, order: DemoOrder, connection: Any) -> None:
        def customer(match: re.Match[bytes]) -> bytes:
            found = queries.customer_of(connection, match.group(1).decode())
            return (found or match.group(1).decode()).encode()

        order.submitted_at = self._clock.now()
        answer = self._channel.submit(_CUSTOMER_OF.sub(customer, order.raw))
        answer.addCallbacks(self._receipted, self._unanswered, callbackArgs=(order,), errbackArgs=(order,))
        answer.addErrback(self._broken)

    def _receipted(self, receipt: Document, order: DemoOrder) -> None:
        code = str(receipt.body["code"])
        order.receipt = code
        refused = self._channel.codec.catalogue.result(code).category not in ("ok", "accepted", "duplicate")
        if refused or order.refusal:
            order.ended_at = self._clock.now()
            order.reached = code == order.expect

    def _unanswered(self, failure: Any, order: DemoOrder) -> None:
        failure.trap(NoAnswer)
        order.receipt = "—"
        order.ended_at = self._clock.now()

    def _broken(self, failure: Any) -> None:
        if not self._done.called:
            self._done.errback(failure)
        self.stop()

    def _look(self, connection: Any) -> None:
        """How the orders that are under way stand in the store."""
        watched = [order for order in self.orders if order.submitted_at is not None and order.ended_at is None]
        states = queries.states_of(connection, [order.id for order in watched])
        now = self._clock.now()
        for order in watched:
            order.row = {"orders": states[order.id]}
            ended = bool(states[order.id]) and all(row["state"] in self._closed for row in states[order.id])
            late = now - (order.submitted_at or now) > self._limit_ms
            if ended:
                order.row["billing"] = queries.billing_of(connection, [row["id"] for row in states[order.id]])
                closed_at = max(row["ended_at"] or row["since"] for row in states[order.id])
                settled = all(row["state"] != "sent" for row in order.row["billing"])
                late = late or now - closed_at > BILLING_PATIENCE_MS
                if settled or late:
                    order.ended_at = closed_at
                    order.reached = settled and all(row["state"] == order.expect for row in states[order.id])
            elif late:
                order.ended_at = now
