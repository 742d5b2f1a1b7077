"""The clients of ``bssgw bench slow``: slow ones write a byte now and then, a normal one submits order after order."""

from __future__ import annotations

import argparse
import json
import resource
from typing import Any
from urllib.parse import urlsplit

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.wire.times import wire_time
from gateway.bench.load import percentile
from gateway.bench.soap_load import Load, LoadFactory, Requests
from gateway.clock import WallClock
from gateway.links.endpoints import TcpEndpoints
from schemas.loader import load

DRIBBLE_S = 2.0
PATIENCE_S = 30.0
_HEADER = b"POST /soap HTTP/1.1\r\nHost: crm\r\nX-Slow: "
_BODY = b"POST /soap HTTP/1.1\r\nHost: crm\r\nContent-Type: text/xml\r\nContent-Length: 1000\r\n\r\n<"


class Slow(Protocol):
    """One that dribbles."""

    transport: Any

    def __init__(self, crowd: Crowd, start: bytes) -> None:
        self._crowd = crowd
        self._start = start
        self._began = 0.0
        self._open = False

    def connectionMade(self) -> None:
        """Begin."""
        self._open = True
        self._began = self._crowd.clock.seconds()
        self._crowd.begun += 1
        self.transport.write(self._start)
        self._crowd.clock.callLater(DRIBBLE_S, self._dribble)

    def _dribble(self) -> None:
        if self._open:
            self.transport.write(b"a")
            self._crowd.clock.callLater(DRIBBLE_S, self._dribble)

    def connectionLost(self, reason: Any = None) -> None:
        """Closed by the server."""
        self._open = False
        self._crowd.ended(self._crowd.clock.seconds() - self._began)


class Crowd(Factory):
    """All of them."""

    noisy = False

    def __init__(self, clock: WallClock) -> None:
        self.clock = clock
        self.begun = 0
        self.lasted: list[float] = []
        self.all_closed: Deferred[None] = Deferred()
        self.expected = 0

    def buildProtocol(self, addr: Any) -> Slow:
        """Headers and bodies in turn."""
        return Slow(self, _HEADER if self.begun % 2 else _BODY)

    def ended(self, after: float) -> None:
        """One less."""
        self.lasted.append(after)
        if len(self.lasted) == self.expected and not self.all_closed.called:
            self.all_closed.callback(None)


def run(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    """Everybody connects, the normal client measures until the last slow one is closed."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clock, done = WallClock(reactor), Deferred[None]()
    crowd = Crowd(clock)
    crowd.expected = options.slow
    normal = Load(clock, Requests(load(), options.url, "CH0001", "CRM001", wire_time(clock.now())))
    endpoint = TcpEndpoints(reactor).client(f"tcp://{urlsplit(options.url).netloc}")
    endpoint.connect(LoadFactory(normal)).addErrback(done.errback)
    for _ in range(options.slow):
        endpoint.connect(crowd).addErrback(lambda _failure: crowd.ended(0.0))

    def report(_: Any) -> None:
        normal.closed = True
        ordered = sorted(normal.latencies)
        figures = {
            "closed": len(crowd.lasted),
            "last_closed_after_s": round(max(crowd.lasted, default=0.0), 2),
            "first_closed_after_s": round(min(crowd.lasted, default=0.0), 2),
            "normal_answered": len(ordered),
            "normal_refused": dict(normal.refused),
            "p50_ms": percentile(ordered, 0.50),
            "p99_ms": percentile(ordered, 0.99),
        }
        print(json.dumps(figures), flush=True)
        done.callback(None)

    crowd.all_closed.addTimeout(PATIENCE_S, reactor).addBoth(report)
    return done


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="clients of bssgw bench slow")
    parser.add_argument("--url", required=True)
    parser.add_argument("--slow", type=int, default=2000)
    task.react(run, (parser.parse_args(),))


if __name__ == "__main__":
    main()
