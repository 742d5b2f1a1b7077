"""The load of ``bssgw bench soap``: keeps connections busy with one SubmitOrder each, counts what comes back, reports once.

Envelopes are cut into pieces beforehand, answers are looked at no closer than a count needs, so that the server's core is the
one that is busy.  A warm-up is not counted.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from typing import Any
from urllib.parse import urlsplit

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.soap.names import SoapVersion
from adapters.soap.writing import Frame
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.bench.client import DRAIN_LIMIT_S
from gateway.bench.load import percentile
from gateway.bench.packets import intake_text
from gateway.clock import WallClock
from gateway.links.endpoints import TcpEndpoints
from schemas.loader import RELEASE, Catalogue, load

_ACCEPTED = b"code>0001<"
_STEP_S = 0.02
_LENGTH = re.compile(rb"\r\nContent-Length: *([0-9]+)\r\n", re.IGNORECASE)


class Requests:
    """SubmitOrders in SOAP 1.1 over HTTP, each with a serial and a customer order of its own."""

    def __init__(self, catalogue: Catalogue, url: str, sender: str, receiver: str, send_time: str) -> None:
        codec = Codec(catalogue)
        soap: SoapVersion = "1.1"
        document = codec.decode(intake_text(catalogue).encode())
        serial, order = f"{sender}{send_time}{0:010d}", f"CO{send_time}{0:010d}"
        header = document.header
        header.serial, header.sender, header.receiver, header.send_time = serial, sender, receiver, send_time
        document.body["customer_order_id"] = order
        body = Frame(soap, catalogue.version(RELEASE)).around(codec.encode(document, "UTF-8"))
        parts = urlsplit(url)
        head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: text/xml; charset=utf-8\r\n"
            f'SOAPAction: "SubmitOrder"\r\nContent-Length: {len(body)}\r\n\r\n'
        )
        self.size = len(body)
        self._pieces = re.split(b"|".join((serial.encode(), order.encode())), head.encode() + body)
        self._serial, self._order = serial[:-10].encode(), order[:-10].encode()

    def make(self, number: int) -> bytes:
        """Request ``number``."""
        before, between, after = self._pieces
        return b"%b%b%010d%b%b%010d%b" % (before, self._serial, number, between, self._order, number, after)


class Load:
    """What was sent and what came back."""

    def __init__(self, clock: WallClock, requests: Requests) -> None:
        self.clock = clock
        self.requests = requests
        self.next = 0
        self.latencies: list[float] = []
        self.refused: Counter[str] = Counter()
        self.since = 0.0
        self.until = float("inf")
        self.closed = False
        self.outstanding = 0

    def answered(self, sent_at: float, status: bytes, body: bytes) -> None:
        """One answer, whole."""
        now = self.clock.seconds()
        self.outstanding -= 1
        if status != b"200" or _ACCEPTED not in body:
            self.refused[status.decode("ascii")] += 1
        elif self.since <= now < self.until:
            self.latencies.append(now - sent_at)

    def report(self) -> dict[str, Any]:
        """The figures."""
        seconds, ordered = self.until - self.since, sorted(self.latencies)
        return {
            "counted": len(ordered),
            "refused": dict(self.refused),
            "left": self.outstanding,
            "requests_per_second": round(len(ordered) / seconds, 1),
            "p50_ms": percentile(ordered, 0.50),
            "p99_ms": percentile(ordered, 0.99),
            "bytes": self.requests.size,
        }


class LoadProtocol(Protocol):
    """One connection, one request at a time."""

    transport: Any

    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._sent_at = 0.0

    def connectionMade(self) -> None:
        """Begin."""
        self.transport.setTcpNoDelay(True)
        self._send()

    def _send(self) -> None:
        load = self._load
        if load.closed:
            return
        load.next += 1
        load.outstanding += 1
        self._sent_at = load.clock.seconds()
        self.transport.write(load.requests.make(load.next))

    def dataReceived(self, data: bytes) -> None:
        """An answer, or a piece of one."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        found = _LENGTH.search(self._buffer, 0, end + 2)
        length = int(found.group(1)) if found is not None else 0
        if len(self._buffer) < end + 4 + length:
            return
        self._load.answered(self._sent_at, self._buffer[9:12], self._buffer[end + 4 :])
        self._buffer = b""
        self._send()

    def connectionLost(self, reason: Any = None) -> None:
        """Nobody closes during a measurement."""
        if not self._load.closed:
            self._load.refused["connection lost"] += 1


class LoadFactory(Factory):
    """One protocol a connection, one load for all."""

    noisy = False

    def __init__(self, load: Load) -> None:
        self._load = load

    def buildProtocol(self, addr: Any) -> LoadProtocol:
        """One more."""
        return LoadProtocol(self._load)


def run(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    """Load the server for warm-up and ``--seconds``, print the report."""
    clock, done = WallClock(reactor), Deferred[None]()
    requests = Requests(load(), options.url, options.sender, options.receiver, wire_time(clock.now()))
    measured = Load(clock, requests)
    measured.since = clock.seconds() + options.warm_up
    measured.until = measured.since + options.seconds
    parts = urlsplit(options.url)
    endpoint = TcpEndpoints(reactor).client(f"tcp://{parts.netloc}")
    factory = LoadFactory(measured)
    for _ in range(options.connections):
        endpoint.connect(factory).addErrback(lambda failure: None if done.called else done.errback(failure))

    def close() -> None:
        measured.closed = True
        drain(clock.seconds() + DRAIN_LIMIT_S)

    def drain(until: float) -> None:
        if measured.outstanding and clock.seconds() < until:
            reactor.callLater(_STEP_S, drain, until)
        else:
            end()

    def end() -> None:
        print(json.dumps(measured.report()), flush=True)
        done.callback(None)

    reactor.callLater(options.warm_up + options.seconds, close)
    return done


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="load client of bssgw bench soap")
    parser.add_argument("--url", required=True)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm-up", type=float, default=1.0)
    parser.add_argument("--sender", default="CH0001")
    parser.add_argument("--receiver", default="CRM001")
    task.react(run, (parser.parse_args(),))


if __name__ == "__main__":
    main()
