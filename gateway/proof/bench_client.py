"""The load of the benches: a process that keeps a server busy and measures rate and latency.

It keeps ``--window`` orders outstanding over ``--connections`` connections, makes each packet from pieces and looks at no
more of what comes back than it must, so that the server's core is the one that is busy.  Of the intake an order is done
with its receipt; with ``--follow`` it is done with the notice of its end, which is answered as a channel does.  A warm-up
is not counted.  Prints one JSON object, see ``Load.report``.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.wire.times import wire_time
from gateway.clock import Clock, WallClock
from gateway.endpoints import TcpEndpoints
from gateway.proof.packets import (
    LAYOUT,
    OrderPackets,
    ReceiptPackets,
    Seen,
    cutter,
    intake_text,
    lifecycle_text,
)
from schemas.loader import Catalogue, load

ACCEPTED = b"0001"
DRAIN_LIMIT_S = 30.0
"""How long orders that are under way at the end are waited for."""
SETTLE_LIMIT_S = 60.0
"""How long it may take until as many orders have ended as are outstanding at a time, after which it runs evenly."""
_STEP_S = 0.02
_LINGER_S = 2.0
"""How long connections stay after the last notice, so that its receipt is taken."""

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


class LoadProtocol(Protocol):
    """One connection: as many orders as are done are sent again."""

    transport: Any

    def __init__(self, load: Load, window: int, cut: Callable[[bytearray], list[Seen]]) -> None:
        self._load = load
        self._window = window
        self._cut = cut
        self._buffer = bytearray()

    def connectionMade(self) -> None:
        """Fill the window."""
        self.transport.setTcpNoDelay(True)
        self._load.write = self.transport.write
        self.transport.write(self._load.batch(self._window))

    def dataReceived(self, data: bytes) -> None:
        """Answers and notices."""
        self._buffer += data
        found = self._cut(self._buffer)
        if found:
            self.transport.write(self._load.seen(found))

    def connectionLost(self, reason: Any = None) -> None:
        """A connection on which nothing is told is closed when it has been idle long enough; a loss that matters leaves
        orders over."""
        if not self._load.closed:
            self._load.connections_lost += 1


class LoadFactory(Factory):
    """One protocol a connection, one load for all."""

    noisy = False

    def __init__(self, load: Load, window: int, cut: Callable[[bytearray], list[Seen]]) -> None:
        self._load = load
        self._window = window
        self._cut = cut

    def buildProtocol(self, addr: Any) -> LoadProtocol:
        """One more connection."""
        return LoadProtocol(self._load, self._window, self._cut)


def run(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    """Load the server for warm-up and ``--seconds`` or ``--orders``, wait for what is under way, print the report, end."""
    clock, done, catalogue = WallClock(reactor), Deferred[None](), load()
    now, notice = wire_time(clock.now()), catalogue.for_event("OrderStateChanged")[0].code
    receipts = ReceiptPackets(catalogue, notice, options.sender, options.receiver, now)
    measured = _load(reactor, clock, catalogue, receipts, options, now)
    factory = LoadFactory(measured, max(1, options.window // options.connections), cutter(catalogue.layout(LAYOUT)))
    endpoint = TcpEndpoints(reactor).client(options.address)
    warm = clock.seconds() + options.warm_up
    settle = options.window if options.follow and options.orders is None else 0
    measured.counting_since = float("inf")

    def failed(failure: Any) -> None:
        if not done.called:
            done.errback(failure)

    def watch() -> None:
        """Begin to count once it runs evenly, end with the last of ``--orders``, or when the time is over."""
        now = clock.seconds()
        even = now >= warm and (sum(measured.ends.values()) >= settle or now >= warm + SETTLE_LIMIT_S)
        if even and measured.counting_since > now:
            measured.counting_since, measured.counting_until = now, now + options.seconds
        if measured.spent:
            measured.counting_until = now
        if now < measured.counting_until:
            reactor.callLater(_STEP_S, watch)
        else:
            drain(now + DRAIN_LIMIT_S)

    def drain(until: float) -> None:
        measured.closed = True
        if measured.outstanding and clock.seconds() < until:
            reactor.callLater(_STEP_S, drain, until)
        else:
            reactor.callLater(_LINGER_S if options.follow else 0, end)

    def end() -> None:
        if options.ledger:
            Path(options.ledger).write_text(json.dumps(measured.ledger()), encoding="utf-8")
        print(json.dumps(measured.report()), flush=True)
        done.callback(None)

    for _ in range(options.connections):
        endpoint.connect(factory).addErrback(failed)
    watch()
    return done


def _load(
    reactor: Any, clock: WallClock, catalogue: Catalogue, receipts: ReceiptPackets, options: argparse.Namespace, now: str
) -> Load:
    """What ``--control`` and ``--follow`` ask for: mixed orders, whole ones, or the intake."""
    ends = (options.sender, options.receiver)
    if not options.control:
        text = lifecycle_text() if options.follow else intake_text(catalogue)
        return Load(clock, OrderPackets(catalogue, text, *ends, now), receipts, follow=options.follow, most=options.orders)
    from gateway.proof.bench_mix import MixedPackets
    from gateway.proof.bench_operations import OfferDesk, OperationPackets
    from gateway.proof.bench_stories import MixedLoad

    packets = MixedPackets(catalogue, lifecycle_text(), *ends, now)
    desk = OfferDesk(TcpEndpoints(reactor).client(f"unix://{options.control}"))
    operations = OperationPackets(catalogue, *ends, clock.now())
    return MixedLoad(clock, packets, receipts, operations, desk, most=options.orders)


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="load client of bssgw bench")
    parser.add_argument("--address", required=True, help="tcp://host:port of the server")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--window", type=int, default=128, help="orders outstanding over all connections")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds that count")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds before that do not")
    parser.add_argument("--orders", type=int, help="orders at most; the measurement ends with the last")
    parser.add_argument("--follow", action="store_true", help="an order is done with its end, not with its receipt")
    parser.add_argument("--control", help="mixed orders; the gateway's control socket, where offers are taken")
    parser.add_argument("--ledger", help="file for what the channel was told")
    parser.add_argument("--sender", default="CH0001", help="system id of the channel")
    parser.add_argument("--receiver", default="CRM001", help="system id of the gateway")
    task.react(run, (parser.parse_args(),))


if __name__ == "__main__":
    main()
