"""The real process killed in the middle of its work and started again: nothing acknowledged is lost, nothing doubled (06.5)."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.engine import Engine

from adapters.store.engine import open_engine
from adapters.wire.framer import Framer
from adapters.wire.packet import Kind, Packet
from gateway.clock import Entropy
from gateway.proof.auditor import audit
from tests.gateway.rig import CATALOGUE, CTIF, packet_of, receipt_for, submission

pytestmark = pytest.mark.crash

ORDERS = 600
BURST = 60
LIMIT_S = 60

CONFIG = """
[gateway]
system_id = "CRM001"
areas = ["025", "0512", "020", "0755"]

[[listen]]
name = "socket"
address = "tcp://127.0.0.1:0"
layout = "ctif-128"

[[peer]]
id = "CH0001"
role = "channel"
listen = "socket"
unchecked_allowed = true

[[peer]]
id = "PF0001"
role = "PF"
listen = "socket"
connect = ["tcp://127.0.0.1:{port}"]
timers = {{ receipt = 1.0 }}
"""


class Provisioning(threading.Thread):
    """A PF that acknowledges what it gets and remembers it: bodies by serial."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.got: dict[str, list[bytes]] = {}

    def run(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        framer = Framer(CTIF, 1 << 20)
        try:
            while data := connection.recv(65536):
                for packet in framer.feed(data):
                    self._answer(connection, packet)
        except OSError:
            return

    def _answer(self, connection: socket.socket, packet: Packet) -> None:
        if packet.kind is Kind.HEARTBEAT:
            beat = Packet(b"", kind=Kind.HEARTBEAT_REPLY, sender="PF0001", receiver="CRM001", serial=packet.serial)
            connection.sendall(CTIF.encode(beat))
        elif not packet.is_answer and packet.kind is not Kind.HEARTBEAT_REPLY:
            self.got.setdefault(packet.serial, []).append(packet.body)
            connection.sendall(CTIF.encode(receipt_for(packet)))


class Process:
    """``bssgw run`` on a data directory."""

    def __init__(self, config: Path, data: Path) -> None:
        command = [sys.executable, "-m", "gateway", "run", "--config", str(config), "--data-dir", str(data), "--json"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.port = int(ready["listening"]["socket"].rpartition(":")[2])

    def end(self, how: signal.Signals) -> int:
        self._process.send_signal(how)
        assert self._process.stdout is not None
        self._process.stdout.close()
        return self._process.wait(LIMIT_S)


class Channel:
    """Sends orders until told otherwise, again those it got no answer to; ``told`` are result codes by order number."""

    def __init__(self) -> None:
        self.packets = [CTIF.encode(packet_of(submission(n))) for n in range(ORDERS)]
        self.told: dict[int, list[str]] = {}

    def run(self, port: int, enough: int, then: Any) -> None:
        """Until ``enough`` answers came in all; then ``then`` is called in the midst of it and what still comes is kept."""
        framer = Framer(CTIF, 1 << 20)
        with socket.create_connection(("127.0.0.1", port), LIMIT_S) as wire:
            waiting = [n for n in range(ORDERS) if n not in self.told]
            outstanding = 0
            while waiting or outstanding:
                while waiting and outstanding < BURST:
                    wire.sendall(self.packets[waiting.pop(0)])
                    outstanding += 1
                outstanding -= self._take(wire, framer)
                if sum(map(len, self.told.values())) >= enough:
                    break
            then()
            try:
                while waiting or outstanding:
                    outstanding -= self._take(wire, framer)
            except OSError:
                return

    def _take(self, wire: socket.socket, framer: Framer) -> int:
        """Answers that came with the next bytes; raises ``ConnectionError`` at the end of them."""
        data = wire.recv(65536)
        if not data:
            raise ConnectionResetError
        found = [packet for packet in framer.feed(data) if packet.is_answer]
        for packet in found:
            self.told.setdefault(int(packet.serial[-10:]), []).append(packet.result)
        return len(found)


@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_random_moments_nothing_acknowledged_is_lost_or_doubled(tmp_path: Path, seed: int) -> None:
    provisioning = Provisioning()
    provisioning.start()
    config, data = tmp_path / "bssgw.toml", tmp_path / "data"
    config.write_text(CONFIG.format(port=provisioning.port), encoding="utf-8")
    entropy, channel = Entropy(seed), Channel()
    for _ in range(4):
        process = Process(config, data)
        have = sum(map(len, channel.told.values()))
        channel.run(process.port, have + 1 + entropy.below(120), lambda process=process: process.end(signal.SIGKILL))  # type: ignore[misc]
    process = Process(config, data)
    channel.run(process.port, 10**9, lambda: None) if len(channel.told) < ORDERS else None
    engine = open_engine(f"sqlite:///{data / 'gateway.db'}", read_only=True)
    wait_until_sent(engine)
    assert process.end(signal.SIGTERM) == 0
    provisioning.listener.close()
    judge(engine, channel, provisioning)
    engine.dispose()


def wait_until_sent(engine: Engine) -> None:
    """The outbox goes on by itself; a dispatch may have to be asked after or sent again first."""
    wait = threading.Event()
    for _ in range(LIMIT_S * 10):
        with engine.connect() as connection:
            sql = "SELECT count(*) FROM message WHERE code = 'OH01' AND state <> 'DONE'"
            if connection.execute(text(sql)).scalar() == 0:
                break
        wait.wait(0.1)


def judge(engine: Engine, channel: Channel, provisioning: Provisioning) -> None:
    """Every order the channel holds an answer for stands once, was dispatched once, and the books agree."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT id FROM customer_order ORDER BY id")).all()
        orders = [int(row[0][-10:]) for row in rows]
        sent = dict(connection.execute(text("SELECT serial, order_key FROM message WHERE code = 'OH01'")).all())  # type: ignore[arg-type]
        left = connection.execute(text("SELECT count(*) FROM message WHERE code = 'OH01' AND state <> 'DONE'")).scalar()
        violations = audit(connection, CATALOGUE, quiet=False)
    assert violations == []
    assert {code for codes in channel.told.values() for code in codes} == {"0001"}
    assert sorted(channel.told) == list(range(ORDERS)) == orders
    assert left == 0
    dispatches = {serial: bodies for serial, bodies in provisioning.got.items() if serial in sent}
    assert len(set(sent.values())) == len(sent) == len(dispatches) == len(provisioning.got)
    assert all(len(set(bodies)) == 1 for bodies in dispatches.values())
