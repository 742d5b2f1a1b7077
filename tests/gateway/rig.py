"""A gateway on virtual time and an in-memory network, and the people it talks to, as tests need them.

``Rig`` composes the real ``Gateway``; ``Caller`` is a peer that connects to it and writes packets (or any bytes); ``Station``
is a peer that listens and answers what a script says.  Nothing here decides what is right: tests do.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Engine
from twisted.internet.protocol import Factory, Protocol

from adapters.document import Document, Header
from adapters.replies import receipt_body
from adapters.store.rows import MessageRecord
from adapters.store.store import Store
from adapters.store.unit import StoreUnit
from adapters.wire.errors import FramingFault
from adapters.wire.framer import Framer
from adapters.wire.layout import Layout
from adapters.wire.packet import Kind, Packet
from adapters.wire.times import wire_time
from adapters.xml.codec import Codec
from crm_core.errors import DomainError
from crm_core.ports import Origin
from gateway.clock import Entropy
from gateway.config.model import Config
from gateway.proof.heap_clock import HeapClock
from gateway.proof.memory_store import memory_store
from gateway.proof.network import MemoryNetwork
from gateway.runners import Done
from gateway.service import Gateway
from schemas.loader import RECEIPT, load

START = 1_795_309_200_000
CATALOGUE = load()
CODEC = Codec(CATALOGUE)
CTIF = Layout(CATALOGUE.layout("ctif-128"))

PEERS: tuple[dict[str, Any], ...] = (
    {"id": "CH0001", "role": "channel", "listen": "s", "duplex": True},
    {"id": "PF0001", "role": "PF", "connect": ["mem://pf"], "listen": "s"},
    {"id": "BIL001", "role": "BILL", "connect": ["mem://bill"], "listen": "s"},
)


def sample(name: str, **replace: str) -> bytes:
    """An ok-sample of a message, with the first text of some elements replaced."""
    start = "ok_pots_install" if name == "SubmitOrder" else "ok_"
    good = (path for path in CATALOGUE.samples(name) if path.name.startswith(start))
    raw = next(text for text in (path.read_bytes() for path in good) if f"<{name} ".encode() in text)
    for tag, value in replace.items():
        before, _, rest = raw.partition(f"<{tag}>".encode())
        raw = before + f"<{tag}>{value}".encode() + b"<" + rest.partition(b"<")[2]
    return raw


def serial(number: int, sender: str = "CH0001") -> str:
    """A wire serial."""
    return f"{sender}20261122090000{number:010d}"


def submission(number: int, *, order: str | None = None, sender: str = "CH0001", **replace: str) -> bytes:
    """A SubmitOrder for one POTS line as the ``number``-th message of ``sender``."""
    given = {"Serial": serial(number, sender), "Sender": sender, "customer_order_id": order or f"CO025{number:012d}"}
    given |= {"access_number": f"0258{number:07d}", "reservation_id": f"RV025{number:012d}"}
    return sample("SubmitOrder", **(given | replace))


def packet_of(raw: bytes, **fields: Any) -> Packet:
    """The request packet around a document, its header as the document's unless ``fields`` say otherwise."""
    header = CODEC.quick_header(raw) or Header("CH01", serial(1), "CH0001", "CRM001", "025")
    values: dict[str, Any] = {
        "kind": Kind.REQUEST, "code": header.code, "sender": header.sender, "receiver": header.receiver, "area": header.area,
        "serial": header.serial, "send_time": header.send_time, "mode": header.mode, "charset": "UTF-8",
    }  # fmt: skip
    return Packet(body=raw, **(values | fields))


def receipt_for(packet: Packet, symbol: str = "ACCEPTED", **details: Any) -> Packet:
    """What a peer answers: a receipt with the result ``symbol``."""
    row = CATALOGUE.message(packet.code)
    code = CATALOGUE.result(symbol).code
    header = Header(packet.code, packet.serial, packet.receiver, packet.sender, packet.area, packet.send_time, "0.9",
                    packet.mode, result_code=code)  # fmt: skip
    raw = CODEC.encode(Document(row, RECEIPT, header, receipt_body(CATALOGUE, symbol)), "GB18030")
    return echo(packet, raw, Kind.RECEIPT, code)


def fate_for(packet: Packet, state: str, code: str | None = None) -> Packet:
    """The answer to RX04: unseen, stored, applied or refused (with its code)."""
    asked = CODEC.decode(packet.body, packet.charset)
    body: dict[str, Any] = {"sender": asked.body["sender"], "serial": asked.body["serial"], "state": state}
    if code is not None:
        body["stored_answer"] = {"serial": asked.body["serial"], "result_code": code, "document": "<Package/>"}
    header = Header(packet.code, packet.serial, packet.receiver, packet.sender, packet.area, packet.send_time, "0.9", "B",
                    result_code="0000")  # fmt: skip
    raw = CODEC.encode(Document(asked.row, asked.row.answer or "", header, body), "GB18030")
    return echo(packet, raw, Kind.REPLY, "0000")


def echo(packet: Packet, raw: bytes, kind: Kind, code: str) -> Packet:
    """The packet of an answer."""
    return Packet(
        body=raw, kind=kind, code=packet.code, sender=packet.receiver, receiver=packet.sender, area=packet.area,
        serial=packet.serial, send_time=packet.send_time, mode=packet.mode, charset="GB18030", result=code,
    )  # fmt: skip


class Wire(Protocol):
    """One end of a connection in packets. Heartbeats are answered unless ``deaf``."""

    def __init__(self, arrived: Callable[[Wire, Packet], None], layout: Layout = CTIF) -> None:
        self.layout = layout
        self.got: list[Packet] = []
        self.beats = 0
        self.deaf = False
        self.open = False
        self.garbled = False
        self._arrived = arrived
        self._framer = Framer(layout, 1 << 20)

    def connectionMade(self) -> None:
        self.open = True

    def connectionLost(self, reason: Any = None) -> None:
        self.open = False

    def dataReceived(self, data: bytes) -> None:
        try:
            packets = self._framer.feed(data)
        except FramingFault:
            self.garbled = True
            raise
        for packet in packets:
            if packet.kind is Kind.HEARTBEAT:
                self.beats += 1
                if not self.deaf:
                    self.send(Packet(b"", kind=Kind.HEARTBEAT_REPLY, sender=packet.receiver, receiver=packet.sender,
                                     serial=packet.serial, send_time=packet.send_time))  # fmt: skip
            elif packet.kind is not Kind.HEARTBEAT_REPLY:
                self.got.append(packet)
                self._arrived(self, packet)

    def send(self, packet: Packet) -> None:
        self.write(self.layout.encode(packet))

    def write(self, data: bytes) -> None:
        transport: Any = self.transport
        transport.write(data)

    def drop(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()

    def shut(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()


class Wires(Factory):
    """Builds ``Wire`` objects and keeps them."""

    noisy = False

    def __init__(self, arrived: Callable[[Wire, Packet], None], layout: Layout = CTIF) -> None:
        self.made: list[Wire] = []
        self._arrived = arrived
        self._layout = layout

    def buildProtocol(self, addr: Any) -> Wire:
        wire = Wire(self._arrived, self._layout)
        self.made.append(wire)
        return wire


Script = Callable[[Packet], "Packet | bytes | None"]


class Station:
    """A peer that listens. ``script`` says what it answers to each packet of ours: a packet, bytes, or nothing."""

    def __init__(self, rig: Rig, address: str, script: Script = receipt_for, deaf: bool = False) -> None:
        self.received: list[Packet] = []
        self.script = script
        self.deaf = deaf
        self.port: Any = None
        self._wires = Wires(self._arrived)
        rig.network.server(address).listen(self._wires).addCallback(self._listening)

    def _listening(self, port: Any) -> None:
        self.port = port

    def _arrived(self, wire: Wire, packet: Packet) -> None:
        if packet.is_answer:
            return
        self.received.append(packet)
        answer = self.script(packet)
        if isinstance(answer, bytes):
            wire.write(answer)
        elif answer is not None:
            wire.send(answer)

    @property
    def wires(self) -> list[Wire]:
        return self._wires.made

    @property
    def wire(self) -> Wire:
        """The newest connection."""
        return self._wires.made[-1]

    def stop(self) -> None:
        """Nobody listens any more; connections break."""
        self.port.stopListening()
        for wire in self._wires.made:
            if wire.open:
                wire.drop()

    def serials(self) -> list[str]:
        """Of what came, in order."""
        return [packet.serial for packet in self.received]


class Send:
    """A job that puts notices into the outbox: keys in order, each a line of its own per key."""

    origin = Origin("CRM001", "", "")

    def __init__(self, peer: str, keys: list[str], code: str = "CH02") -> None:
        self._peer = peer
        self._keys = keys
        self._row = CATALOGUE.message(code)
        self.serials: list[str] = []
        self.fate = ""

    def prefetch(self) -> tuple[tuple[str, str], ...]:
        return ()

    def inbox_keys(self) -> tuple[tuple[str, str], ...]:
        return ()

    def execute(self, unit: StoreUnit) -> None:
        document = CODEC.decode(sample(self._row.name)).body
        self.serials = []
        for key in self._keys:
            number = unit.store.next("message")
            one = f"CRM001{wire_time(unit.now)}{unit.store.next('serial'):010d}"
            self.serials.append(one)
            record = MessageRecord(
                id=number, direction="out", peer=self._peer, binding="socket", code=self._row.code,
                element=self._row.name, serial=one, area="025", order_key=key or None, state="READY",
                due_at=unit.now, first_seen=unit.now,
            )  # fmt: skip
            unit.send(record, document)

    def refused(self, unit: StoreUnit, error: DomainError) -> None:
        raise AssertionError(error)

    def committed(self) -> None:
        self.fate = "committed"

    def failed(self, symbol: str) -> None:
        self.fate = symbol


class Rig:
    """The gateway under test."""

    def __init__(
        self, peers: tuple[dict[str, Any], ...] = PEERS, *, engine: Engine | None = None, runner: Any = None,
        start: bool = True, layout: str = "ctif-128", clock: HeapClock | None = None, network: MemoryNetwork | None = None,
        remember: int = 6000,
        listens: list[dict[str, Any]] | None = None, seed: int = 1, routes: list[dict[str, Any]] | None = None,
        store: Store | None = None, products: Path | None = None,
    ) -> None:  # fmt: skip
        self.clock = clock or HeapClock(START)
        self.network = network or MemoryNetwork(self.clock, Entropy(seed))
        self.engine = engine or (memory_store() if store is None else store.engine)
        self.config = Config.model_validate(
            {
                "gateway": {"system_id": "CRM001", "areas": ["025", "0512", "020", "0755"], "products": products},
                "listen": listens or [{"name": "s", "address": "mem://crm", "layout": layout}],
                "peer": list(peers),
                "route": routes or [],
            }
        )
        self.runner = runner
        self.store = store or Store(self.engine, remember=remember)
        self.gateway = Gateway(self.config, self.clock, Entropy(seed), self.network, self.store, runner)
        self.failures: list[Any] = []
        if start:
            self.start()

    def start(self) -> None:
        self.gateway.start().addErrback(self.failures.append)
        self.run(0)
        assert not self.failures, self.failures

    def run(self, seconds: float = 1.0) -> None:
        """Let virtual time pass."""
        self.clock.advance(round(seconds * 1000) + 50)

    def restarted(self, **changes: Any) -> Rig:
        """The gateway died; ``after`` seconds another one on the same database and network takes its place."""
        self.gateway.abandon()
        self.clock.advance(round(changes.pop("after", 0) * 1000))
        peers = changes.pop("peers", None) or tuple(peer.model_dump(exclude_unset=True) for peer in self.config.peer)
        return Rig(peers, engine=self.engine, clock=self.clock, network=self.network, **changes)

    def caller(self, layout: Layout = CTIF, address: str = "mem://crm") -> Wire:
        """A connection of a peer to us."""
        wires = Wires(lambda wire, packet: None, layout)
        self.network.client(address).connect(wires)
        self.run(0.05)
        return wires.made[0]

    def ask(self, wire: Wire, *packets: Packet, seconds: float = 1.0) -> list[Packet]:
        """Send packets in one write and give what came back meanwhile."""
        have = len(wire.got)
        wire.write(b"".join(wire.layout.encode(packet) for packet in packets))
        self.run(seconds)
        return wire.got[have:]

    def station(self, address: str = "mem://pf", script: Script = receipt_for) -> Station:
        """A peer that listens at ``address``."""
        return Station(self, address, script)

    def send(self, *keys: str, peer: str = "PF0001") -> Send:
        """Put notices for ``keys`` into the outbox and commit."""
        job = Send(peer, list(keys))
        self.gateway.writer.submit(job)
        return job

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        """Read the database."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(sql), values)]

    def one(self, sql: str, **values: Any) -> Any:
        """A single value."""
        return self.rows(sql, **values)[0][0]

    def out(self) -> dict[str, str]:
        """State of every outbound message by serial."""
        return dict(self.rows("SELECT serial, state FROM message WHERE direction = 'out' ORDER BY id"))  # type: ignore[arg-type]


def result_of(packet: Packet) -> tuple[str, list[dict[str, str]]]:
    """Result code in the packet, and every fault of the receipt."""
    document = CODEC.decode(packet.body, packet.charset)
    assert document.header.result_code == packet.result
    return packet.result, document.body.get("faults", [])


class SlowCommit:
    """A runner whose commit takes ``seconds`` of virtual time; what was prepared is not durable before. The next group is
    executed meanwhile."""

    overlaps = True

    def __init__(self, clock: HeapClock, seconds: float) -> None:
        self.clock = clock
        self.seconds = seconds
        self.groups = 0

    def run(self, prepare: Callable[[], Any], commit: Callable[[], None], done: Done) -> None:
        try:
            result = prepare()
        except Exception as error:
            self.clock.callLater(0, done, None, error)
            return
        self.clock.callLater(self.seconds, self._commit, commit, result, done)

    def _commit(self, commit: Callable[[], None], result: Any, done: Done) -> None:
        try:
            commit()
        except Exception as error:
            done(None, error)
            return
        self.groups += 1
        done(result, None)
