"""The load of the benches: a process that keeps a server busy and measures rate and latency.

It keeps ``--window`` orders outstanding over ``--connections`` connections, makes each packet from pieces and looks at no
more of what comes back than it must, so that the server's core is the one that is busy.  Of the intake an order is done
with its receipt; with ``--follow`` it is done with the notice of its end, which is answered as a channel does.  A warm-up
is not counted.  Prints one JSON object, see ``Load.report``; with ``--orders`` lines before it that say how far it is.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.wire.times import wire_time
from gateway.bench.load import ON_THE_WAY, Load
from gateway.bench.packets import (
    LAYOUT,
    OrderPackets,
    ReceiptPackets,
    Seen,
    cutter,
    intake_text,
    lifecycle_text,
)
from gateway.clock import WallClock
from gateway.links.endpoints import TcpEndpoints
from schemas.loader import Catalogue, load

DRAIN_LIMIT_S = 30.0
"""How long orders that are under way at the end are waited for."""
SETTLE_LIMIT_S = 60.0
"""How long it may take until as many orders have ended as are outstanding at a time, after which it runs evenly."""
_STEP_S = 0.02
_SAY_S = 10.0
_LINGER_S = 2.0
"""How long connections stay after the last notice, so that its receipt is taken."""


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
    if options.orders is not None:
        reactor.callLater(_SAY_S, _say, reactor, measured)
    return done


def _say(reactor: Any, measured: Load) -> None:
    """How many orders have ended by now, again and again: a hundred thousand take many minutes."""
    if not measured.closed:
        print(f"{ON_THE_WAY}{sum(measured.ends.values())}", flush=True)
        reactor.callLater(_SAY_S, _say, reactor, measured)


def _load(
    reactor: Any, clock: WallClock, catalogue: Catalogue, receipts: ReceiptPackets, options: argparse.Namespace, now: str
) -> Load:
    """What ``--control`` and ``--follow`` ask for: mixed orders, whole ones, or the intake."""
    ends = (options.sender, options.receiver)
    if not options.control:
        text = lifecycle_text() if options.follow else intake_text(catalogue)
        return Load(clock, OrderPackets(catalogue, text, *ends, now), receipts, follow=options.follow, most=options.orders)
    from gateway.bench.mix import MixedPackets
    from gateway.bench.operations import OfferDesk, OperationPackets
    from gateway.bench.stories import MixedLoad

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
