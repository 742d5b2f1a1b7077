"""The yardstick of ``bssgw bench intake``: the least a server can do between a packet and a durable answer.

Frame, decode, parse, validate, commit by groups, answer: minimal code for one message in one layout on plain ``sqlite3``
(message, order, items, outbox), no duplicate check, no order rules, a fixed answer.  It runs on the same packets, with the
same group size, the same synchronisation and COMMIT on a thread as the gateway does, so the ratio of the two figures is
the price of everything the gateway does more, whatever the machine.

Run as a process of its own: ``python -m gateway.bench.bare_pipeline --data DIR``; says ``{"ready": ADDRESS}`` on standard
output and ends when its standard input does.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
import zlib
from collections import deque
from pathlib import Path
from typing import Any

from lxml import etree
from twisted.internet import task, threads
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.stdio import StandardIO
from twisted.python.threadpool import ThreadPool

from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.xml.codec import Codec
from gateway.bench.packets import LAYOUT, slices
from gateway.clock import WallClock
from gateway.links.endpoints import TcpEndpoints, format_address
from schemas.loader import load

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "wal_autocheckpoint=4000", "temp_store=MEMORY", "cache_size=-32768")
_TABLES = """
create table message(id integer primary key, serial text not null, sender text not null, at integer not null, raw blob);
create table orders(id text primary key, customer_id text not null, message_id integer not null, at integer not null);
create table item(order_id text, item_id text, action text, product text, primary key(order_id, item_id)) without rowid;
create table outbox(id integer primary key, order_id text not null, state text not null, document text not null);
"""
_INSERTS = (
    "insert into message values(?,?,?,?,?)",
    "insert into orders values(?,?,?,?)",
    "insert into item values(?,?,?,?)",
    "insert into outbox values(?,?,?,?)",
)


class BareStore:
    """Four tables and one commit a group, as durable as the gateway's."""

    def __init__(self, data: Path) -> None:
        self._db = sqlite3.connect(data / "bare.db", isolation_level=None, check_same_thread=False)
        for pragma in _PRAGMAS:
            self._db.execute(f"pragma {pragma}")
        self._db.executescript(_TABLES)
        self._next = 0

    def insert(self, group: list[tuple[bytes, str, bytes, etree._Element]], now: int) -> None:
        """Write the rows of ``group`` (serial, sender, raw body, SubmitOrder element) into an open transaction."""
        messages: list[tuple[Any, ...]] = []
        orders: list[tuple[Any, ...]] = []
        items: list[tuple[Any, ...]] = []
        outbox: list[tuple[Any, ...]] = []
        for serial, sender, raw, order in group:
            self._next += 1
            order_id, customer, entries = _read(order)
            messages.append((self._next, serial.decode(), sender, now, raw))
            orders.append((order_id, customer, self._next, now))
            items += [(order_id, *entry) for entry in entries]
            outbox.append((self._next, order_id, "READY", json.dumps(entries)))
        self._db.execute("begin immediate")
        for statement, rows in zip(_INSERTS, (messages, orders, items, outbox), strict=True):
            self._db.executemany(statement, rows)

    def commit(self) -> None:
        """Make it durable; runs on the commit thread."""
        self._db.execute("commit")


def _read(order: etree._Element) -> tuple[str, str, list[tuple[str, str, str]]]:
    """Order id, customer id and (item id, action, product) of each item."""
    space = f"{{{etree.QName(order).namespace}}}"
    entries = [
        (str(item[0].text), str(item[1].text), str(item[2].text)) for item in order.iterfind(f"{space}items/{space}item")
    ]
    customer = order.find(f"{space}customer")
    return str(order[0].text), str(customer[0].text if customer is not None else ""), entries


class BarePipeline:
    """Takes bodies, validates them, commits them by groups of up to ``group``, answers."""

    def __init__(self, store: BareStore, clock: WallClock, pool: ThreadPool, reactor: Any, group: int) -> None:
        self._store = store
        self._clock = clock
        self._pool = pool
        self._reactor = reactor
        self._group = group
        self._waiting: deque[tuple[Any, bytes, str, bytes, etree._Element]] = deque()
        self._busy = False
        self._parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        self._schema = load().schema()
        self._answer = _fixed_answer()

    def take(self, connection: Any, serial: bytes, sender: str, raw: bytes) -> None:
        """One packet's body."""
        root = etree.fromstring(raw.decode("gb18030").encode(), self._parser)
        if not self._schema.validate(root):
            raise ValueError(f"the load is not valid: {self._schema.error_log}")
        self._waiting.append((connection, serial, sender, raw, root[1][0]))
        if not self._busy:
            self._busy = True
            self._reactor.callLater(0, self._turn)

    def _turn(self) -> None:
        if not self._waiting:
            self._busy = False
            return
        taken = [self._waiting.popleft() for _ in range(min(self._group, len(self._waiting)))]
        self._store.insert([entry[1:] for entry in taken], self._clock.now())
        done = threads.deferToThreadPool(self._reactor, self._pool, self._store.commit)
        done.addCallback(self._committed, taken)
        done.addErrback(self._failed)

    def _committed(self, _nothing: None, taken: list[tuple[Any, bytes, str, bytes, etree._Element]]) -> None:
        before, after = self._answer
        for connection, serial, *_ in taken:
            connection.write(before + serial + after)
        self._turn()

    def _failed(self, failure: Any) -> None:
        sys.stderr.write(failure.getTraceback())
        self._reactor.stop()


def _fixed_answer() -> tuple[bytes, bytes]:
    """A receipt before and behind its serial."""
    catalogue = load()
    row = catalogue.for_command("SubmitOrder")[0]
    sample = next(path for path in catalogue.samples(row.name) if path.name == "ok_receipt.xml")
    document = Codec(catalogue).decode(sample.read_bytes())
    header, body = document.header, Codec(catalogue).encode(document, "GB18030")
    packet = Packet(
        body, Kind.RECEIPT, header.code, header.sender, header.receiver, header.area, "0" * 30, header.send_time
    )
    packet.charset, packet.result = "GB18030", header.result_code or ""
    layout = catalogue.layout(LAYOUT)
    raw, at = Layout(layout).encode(packet), slices(layout)["serial"]
    return raw[: at.start], raw[at.stop :]


class BareProtocol(Protocol):
    """Cuts packets by the header's length and hands bodies on."""

    transport: Any

    def __init__(self, pipeline: BarePipeline) -> None:
        self._pipeline = pipeline
        layout = load().layout(LAYOUT)
        at = slices(layout)
        self._size = layout.header_size
        self._fields = at["magic"], at["length"], at["serial"], at["sender"], at["checksum"]
        self._magic = next(str(field.constant).encode() for field in layout.fields if field.role == "magic")
        self._buffer = b""

    def dataReceived(self, data: bytes) -> None:
        """Bytes of the load."""
        magic, length, serial, sender, checksum = self._fields
        buffer, start, size = self._buffer + data, 0, self._size
        while len(buffer) - start >= size:
            head = buffer[start : start + size]
            if head[magic] != self._magic:
                raise ValueError("the load is not framed")
            total = int(head[length])
            if len(buffer) - start < total:
                break
            body = buffer[start + size : start + total]
            if int(head[checksum], 16) != zlib.crc32(body):
                raise ValueError("the load has a wrong checksum")
            self._pipeline.take(self.transport, head[serial], head[sender].decode(), body)
            start += total
        self._buffer = buffer[start:]


class BareFactory(Factory):
    """One protocol a connection, one pipeline for all."""

    noisy = False

    def __init__(self, pipeline: BarePipeline) -> None:
        self._pipeline = pipeline

    def buildProtocol(self, addr: Any) -> BareProtocol:
        """One more connection."""
        return BareProtocol(self._pipeline)


class UntilInputEnds(Protocol):
    """Ends the process with the process that started it."""

    def __init__(self, done: Deferred[None]) -> None:
        self._done = done

    def connectionLost(self, reason: Any = None) -> None:
        """Standard input has ended."""
        self._done.callback(None)


def serve(reactor: Any, data: Path, group: int) -> Deferred[None]:
    """Listen on a free port until standard input ends."""
    done: Deferred[None] = Deferred()
    pool = ThreadPool(1, 1, "commit")
    pool.start()
    reactor.addSystemEventTrigger("during", "shutdown", pool.stop)
    pipeline = BarePipeline(BareStore(data), WallClock(reactor), pool, reactor, group)

    def ready(port: Any) -> None:
        print(json.dumps({"ready": format_address(port.getHost())}), flush=True)

    TcpEndpoints(reactor).server("tcp://127.0.0.1:0").listen(BareFactory(pipeline)).addCallbacks(ready, done.errback)
    StandardIO(UntilInputEnds(done), reactor=reactor)
    return done


def main() -> None:
    """The process."""
    parser = argparse.ArgumentParser(description="bare pipeline: the yardstick of bssgw bench intake")
    parser.add_argument("--data", type=Path, required=True, help="an empty directory for the database")
    parser.add_argument("--group", type=int, default=128, help="messages a commit at most")
    options = parser.parse_args()
    task.react(serve, (options.data, options.group))


if __name__ == "__main__":
    main()
