"""The yardstick of ``bssgw bench soap``: a stock twisted.web site that reads a request's body and gives a fixed answer.

Run as a process: ``python -m gateway.bench.bare_web``; prints ``{"ready": URL}`` and ends when its standard input does.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.stdio import StandardIO
from twisted.web.resource import Resource
from twisted.web.server import Site

from adapters.soap.writing import Frame
from adapters.xml.codec import Codec
from gateway.bench.bare_pipeline import UntilInputEnds
from gateway.links.endpoints import TcpEndpoints
from schemas.loader import RELEASE, load


class FixedAnswer(Resource):
    """Reads and answers."""

    isLeaf = True

    def __init__(self, answer: bytes) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._answer = answer

    def render_POST(self, request: Any) -> bytes:
        """The same for everybody."""
        request.content.read()
        request.setHeader(b"Content-Type", b"text/xml; charset=utf-8")
        return self._answer


def answer() -> bytes:
    """An accepted order's receipt in an envelope, as long as a real one."""
    catalogue = load()
    row = catalogue.for_command("SubmitOrder")[0]
    sample = next(path for path in catalogue.samples(row.name) if path.name == "ok_receipt.xml")
    codec = Codec(catalogue)
    return Frame("1.1", catalogue.version(RELEASE)).around(codec.encode(codec.decode(sample.read_bytes()), "UTF-8"))


def run(reactor: Any) -> Deferred[None]:
    """Serve until standard input ends."""
    done: Deferred[None] = Deferred()
    site: Any = Site(FixedAnswer(answer()), reactor=reactor)

    def ready(port: Any) -> None:
        print(json.dumps({"ready": f"http://127.0.0.1:{port.getHost().port}/soap"}), flush=True)

    TcpEndpoints(reactor).server("tcp://127.0.0.1:0").listen(site).addCallbacks(ready, done.errback)
    StandardIO(UntilInputEnds(done), reactor=reactor)
    return done


if __name__ == "__main__":
    task.react(run)
