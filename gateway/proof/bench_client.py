"""The load of ``bssgw bench intake``: a process that keeps a server busy and measures rate and latency.

It keeps ``--window`` packets outstanding over ``--connections`` connections, makes each packet from pieces and looks at no
more of an answer than serial and result code, so that the server's core is the one that is busy.  A warm-up is not
counted.  Prints one JSON object: sent, answered, refused, seconds, orders_per_second, p50_ms, p99_ms, client_load.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.wire.times import wire_time
from gateway.clock import WallClock
from gateway.endpoints import TcpEndpoints
from gateway.proof.packets import LAYOUT, OrderPackets, answers
from schemas.loader import load

OK = b"0001"


class Load:
    """What is sent, when, and what came back."""

    def __init__(self, clock: WallClock, packets: OrderPackets, first: int) -> None:
        self._clock = clock
        self._packets = packets
        self._next = first
        self._sent_at: dict[bytes, float] = {}
        self.latencies: list[float] = []
        self.refused: Counter[str] = Counter()
        self.counting_since = 0.0
        self.counting_until = float("inf")
        self.sent = 0
        self.closed = False

    def batch(self, count: int) -> bytes:
        """The next ``count`` packets, noted as sent now; none when the load is over."""
        if self.closed:
            return b""
        now, first, make = self._clock.seconds(), self._next, self._packets.make
        self._next += count
        self.sent += count
        for number in range(first, self._next):
            self._sent_at[self._packets.serial(number)] = now
        return b"".join(map(make, range(first, self._next)))

    def answered(self, receipts: list[tuple[bytes, bytes]]) -> None:
        """Answers have come."""
        now = self._clock.seconds()
        counts = self.counting_since <= now < self.counting_until
        for serial, result in receipts:
            sent_at = self._sent_at.pop(serial, None)
            if sent_at is None:
                self.refused["unasked"] += 1
            elif result != OK:
                self.refused[result.decode()] += 1
            elif counts:
                self.latencies.append(now - sent_at)

    @property
    def outstanding(self) -> int:
        """Packets without an answer."""
        return len(self._sent_at)

    def report(self) -> dict[str, Any]:
        """The figures."""
        seconds = self.counting_until - self.counting_since
        ordered = sorted(self.latencies)
        return {
            "sent": self.sent,
            "answered": len(ordered),
            "refused": dict(self.refused),
            "unanswered": self.outstanding,
            "seconds": round(seconds, 3),
            "orders_per_second": round(len(ordered) / seconds, 1),
            "p50_ms": _percentile(ordered, 0.50),
            "p99_ms": _percentile(ordered, 0.99),
        }


def _percentile(ordered: list[float], part: float) -> float | None:
    """The value below which ``part`` of the ``ordered`` seconds lie, in ms; None where there are none."""
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1000, 2) if ordered else None


class LoadProtocol(Protocol):
    """One connection: as many packets as were answered are sent again."""

    transport: Any

    def __init__(self, load: Load, window: int, cut: Any) -> None:
        self._load = load
        self._window = window
        self._cut = cut
        self._buffer = bytearray()

    def connectionMade(self) -> None:
        """Fill the window."""
        self.transport.setTcpNoDelay(True)
        self.transport.write(self._load.batch(self._window))

    def dataReceived(self, data: bytes) -> None:
        """Answers."""
        self._buffer += data
        receipts = self._cut(self._buffer)
        if receipts:
            self._load.answered(receipts)
            self.transport.write(self._load.batch(len(receipts)))

    def connectionLost(self, reason: Any = None) -> None:
        """Nobody closes during a measurement."""
        if not self._load.closed:
            self._load.refused["connection lost"] += 1


def run(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    """Load the server for warm-up and ``--seconds``, print the report, end."""
    clock, done = WallClock(reactor), Deferred[None]()
    packets = OrderPackets(load(), options.sender, options.receiver, wire_time(clock.now()))
    measured, cut = Load(clock, packets, options.first), answers(load().layout(LAYOUT))
    endpoint = TcpEndpoints(reactor).client(options.address)
    share = max(1, options.window // options.connections)
    measured.counting_since = clock.seconds() + options.warm_up
    measured.counting_until = measured.counting_since + options.seconds

    class LoadFactory(Factory):
        """Connections of the load."""

        noisy = False

        def buildProtocol(self, addr: Any) -> LoadProtocol:
            """One more."""
            return LoadProtocol(measured, share, cut)

    for _ in range(options.connections):
        endpoint.connect(LoadFactory()).addErrback(lambda failure: None if done.called else done.errback(failure))

    def finish() -> None:
        measured.closed = True
        reactor.callLater(options.drain, report)

    def report() -> None:
        print(json.dumps(measured.report()), flush=True)
        done.callback(None)

    reactor.callLater(options.warm_up + options.seconds, finish)
    return done


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="load client of bssgw bench intake")
    parser.add_argument("--address", required=True, help="tcp://host:port of the server")
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--window", type=int, default=128, help="packets outstanding over all connections")
    parser.add_argument("--seconds", type=float, default=10.0, help="seconds that count")
    parser.add_argument("--warm-up", type=float, default=1.0, help="seconds before that do not")
    parser.add_argument("--drain", type=float, default=0.5, help="seconds the last answers are waited for")
    parser.add_argument("--first", type=int, default=0, help="number of the first packet")
    parser.add_argument("--sender", default="CH0001", help="system id of the channel")
    parser.add_argument("--receiver", default="CRM001", help="system id of the gateway")
    task.react(run, (parser.parse_args(),))


if __name__ == "__main__":
    main()
