"""The people of the cutover bench: the planner who starts the plan, and the channel that is handed notices for customers.

Connects as the channel, asks at simulated resource management's desk for the cutover of ``--plan`` (first dry, then really),
answers every notice, and looks into the store until everything is done.  Prints one JSON object, see ``Watcher.report``.
"""

from __future__ import annotations

import argparse
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Engine
from twisted.internet import task
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.document import Document, Header
from adapters.store.engine import open_engine
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from gateway.bench.operations import ask_at
from gateway.bench.packets import CHARSET, LAYOUT, ReceiptPackets, cutter
from gateway.cli.simulators_desk import desk_name
from gateway.clock import Clock, WallClock
from gateway.control import socket_path
from gateway.links.endpoints import TcpEndpoints
from schemas.loader import Catalogue, load

LOOK_S = 0.2
_NOTICE = re.compile(rb"<notice_id>([^<]+)<")
CHANNEL, CRM, AREA = "CH0001", "CRM001", "0512"


class Watcher:
    """Starts the plan, hears notices, sees how far it is. ``done`` fires when all is done, or ``limit_s`` is over."""

    def __init__(self, clock: Clock, engine: Engine, desk: Any, plan: dict[str, Any], limit_s: float) -> None:
        self._clock = clock
        self._engine = engine
        self._desk = desk
        self._plan = plan
        self._limit_s = limit_s
        self._begun = 0.0
        self._marks: dict[str, float] = {}
        self._found: dict[str, Any] = {}
        self._differences = 0
        self.notices: Counter[bytes] = Counter()
        self.done: Deferred[None] = Deferred()

    def begin(self) -> None:
        """Try it dry."""
        self._begun = self._clock.seconds()
        ask_at(self._desk, {"do": "start", "plan": self._plan, "dry_run": True}, lambda reply: self._next(reply, self._trying))

    def _next(self, reply: dict[str, Any], work: Any) -> None:
        if reply["ok"]:
            work(reply)
        else:
            self.done.errback(RuntimeError(reply["en"]))

    def _trying(self, _: dict[str, Any]) -> None:
        ask_at(self._desk, {"do": "report"}, lambda reply: self._next(reply, self._tried))

    def _tried(self, reply: dict[str, Any]) -> None:
        if self._plan["cutover_id"] in reply["trying"] and not self._late():
            self._clock.callLater(LOOK_S, self._trying, reply)
            return
        self._differences = len(reply["dry_runs"][self._plan["cutover_id"]])
        self._marks["dry_run_seconds"] = self._since()
        self._begun = self._clock.seconds()
        ask_at(self._desk, {"do": "start", "plan": self._plan}, lambda reply: self._next(reply, self._look))

    def _look(self, reply: dict[str, Any]) -> None:
        """How far it is: applied, billed, told."""
        self._found = self._counted()
        done, ended = self._found["done"], self._found["state"] in ("4", "97", "98", "99")
        if ended:
            self._marks.setdefault("applied_seconds", self._since())
        if (ended and self._found["billed"] == done and len(self.notices) == done) or self._late():
            self._marks["seconds"] = self._since()
            self.done.callback(None)
            return
        self._clock.callLater(LOOK_S, self._look, reply)

    def _counted(self) -> dict[str, Any]:
        about = {"id": self._plan["cutover_id"]}
        with self._engine.connect() as connection:
            row = connection.execute(text("SELECT state, done, failed, excluded FROM cutover WHERE id = :id"), about).first()
            billed = connection.execute(
                text("SELECT count(*) FROM billing_record WHERE service_order_id = :id AND state = 'accepted'"), about
            ).scalar_one()
        state, done, failed, excluded = row if row is not None else ("", 0, 0, 0)
        return {"state": state, "done": done, "failed": failed, "excluded": excluded, "billed": billed}

    def _since(self) -> float:
        return round(self._clock.seconds() - self._begun, 2)

    def _late(self) -> bool:
        return self._clock.seconds() - self._begun > self._limit_s

    def report(self) -> dict[str, Any]:
        """Seconds to the end, to every instance applied and of the dry run; counts; notices heard and heard twice."""
        twice = sum(number - 1 for number in self.notices.values())
        told = {"notices": len(self.notices), "duplicated": twice, "differences": self._differences}
        return {**self._marks, "planned": len(self._plan["items"]), **self._found, **told}


class ChannelEnd(Protocol):
    """The channel's connection: says who it is, takes notices."""

    transport: Any

    def __init__(self, catalogue: Catalogue, watcher: Watcher, now: int) -> None:
        code = catalogue.for_event("CustomerNoticeIssued")[0].code
        self._receipts = ReceiptPackets(catalogue, code, CHANNEL, CRM, wire_time(now))
        self._cut = cutter(catalogue.layout(LAYOUT))
        self._watcher = watcher
        self._hello = link_test(catalogue, now)
        self._buffer = bytearray()

    def connectionMade(self) -> None:
        """Say who it is."""
        self.transport.setTcpNoDelay(True)
        self.transport.write(self._hello)

    def dataReceived(self, data: bytes) -> None:
        """Once the gateway has answered, the planner begins; notices are heard and answered."""
        self._buffer += data
        answers = []
        for kind, serial, _, body in self._cut(self._buffer):
            if kind == "notification":
                answers.append(self._receipts.make(serial))
                self._watcher.notices.update(_NOTICE.findall(body))
            elif serial in self._hello:
                self._watcher.begin()
        self.transport.write(b"".join(answers))


def link_test(catalogue: Catalogue, now: int) -> bytes:
    """LN03 of the channel, framed."""
    row = catalogue.message("LN03")
    serial, sent = f"{CHANNEL}{wire_time(now)}{9_999_999_999:010d}", wire_time(now)
    header = Header(row.code, serial, CHANNEL, CRM, AREA, sent, mode="B")
    raw = Codec(catalogue).encode(Document(row, row.name, header, {"text": "bench"}), CHARSET)
    packet = Packet(raw, Kind.REQUEST, row.code, CHANNEL, CRM, AREA, serial, sent, "B")
    packet.charset = CHARSET
    return Layout(catalogue.layout(LAYOUT)).encode(packet)


def run(reactor: Any, options: argparse.Namespace) -> Deferred[None]:
    """Connect, let the plan run, print the report."""
    clock, catalogue, data = WallClock(reactor), load(), Path(options.data)
    endpoints = TcpEndpoints(reactor)
    engine = open_engine(f"sqlite:///{data / 'gateway.db'}", read_only=True)
    desk = endpoints.client(f"unix://{socket_path(data, desk_name('RM'))}")
    watcher = Watcher(clock, engine, desk, json.loads(Path(options.plan).read_text("utf-8")), options.limit)
    factory: Any = Factory.forProtocol(lambda: ChannelEnd(catalogue, watcher, clock.now()))
    factory.noisy = False
    endpoints.client(options.address).connect(factory).addErrback(watcher.done.errback)

    def told(_: None) -> None:
        engine.dispose()
        print(json.dumps(watcher.report()), flush=True)

    return watcher.done.addCallback(told)


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="planner and channel of bssgw bench cutover")
    parser.add_argument("--address", required=True, help="tcp://host:port of the gateway")
    parser.add_argument("--data", required=True, help="data directory with the store and the desks")
    parser.add_argument("--plan", required=True, help="JSON file with the plan")
    parser.add_argument("--limit", type=float, default=600.0, help="seconds after which it is over anyhow")
    task.react(run, (parser.parse_args(),))


if __name__ == "__main__":
    main()
