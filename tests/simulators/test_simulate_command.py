"""``bssgw simulate``: what it refuses, where its simulators listen, and that they serve over real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.document import Document, Header
from adapters.xml.codec import Codec
from gateway.cli.simulate import hosts_of, simulate
from gateway.clock import Entropy
from gateway.config.file import example_text, load_example
from gateway.proof.heap_clock import HeapClock
from gateway.proof.network import MemoryNetwork
from schemas.loader import load
from tests.simulators.talk import START


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["xx"], "pf, rm, bill"),
        (["pf", "--crm", "localhost"], "localhost"),
        (["pf", "--listen-base", "tcp://127.0.0.1"], "127.0.0.1"),
        ([], "NAME"),
    ],
)
def test_wrong_arguments_end_with_2_and_say_what_is_wrong(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(simulate, arguments)
    assert result.exit_code == 2
    assert said in result.output


def test_hosts_of_a_configuration_stand_where_its_peers_are_expected(tmp_path: Path) -> None:
    config = load_example(tmp_path)
    clock = HeapClock(START)
    hosts = hosts_of(config, clock, Entropy(1), MemoryNetwork(clock, Entropy(1)), 1.0)
    wanted = {peer.id: peer.connect[0] for peer in config.peer if peer.role in ("PF", "RM", "BILL")}
    assert {host.settings.system: host.settings.listen for host in hosts} == wanted
    assert all(host.settings.peers["CRM001"].address == config.listen[0].address for host in hosts)


SECOND = """
[[listen]]
name = "second"
address = "tcp://127.0.0.1:7101"
layout = "ctif-128"
"""


@pytest.mark.once
def test_each_connects_to_the_listener_its_row_names(tmp_path: Path) -> None:
    """BILL is the last row of the example."""
    before, last, row = example_text().rpartition("[[peer]]")
    text = before + last + row.replace('listen = "socket"', 'listen = "second"', 1) + SECOND
    for port in ("7121", "7122", "7123"):
        text = text.replace(f"127.0.0.1:{port}", "127.0.0.1:0")
    config = tmp_path / "bssgw.toml"
    config.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "gateway", "simulate", "pf", "rm", "bill", "--config", str(config), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0  # a signal right behind the line is heard
        finally:
            process.kill()
    first, second = "tcp://127.0.0.1:7100", "tcp://127.0.0.1:7101"
    assert told["crm"] == {"pf": first, "rm": first, "bill": second}


@pytest.mark.once
def test_simulators_serve_over_real_sockets_until_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "gateway", "simulate", "pf", "rm", "bill", "--listen-base", "tcp://127.0.0.1:0", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2])
    try:
        assert process.stdout is not None
        listening = json.loads(process.stdout.readline())["listening"]
        assert list(listening) == ["pf", "rm", "bill"]
        assert _link_test(listening["pf"]) == {"text": "在吗"}
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)


def _link_test(address: str) -> Any:
    """LN03 over a socket; the body of its answer."""
    from adapters.wire.framer import Framer
    from adapters.wire.layout import Layout
    from adapters.wire.packet import Kind, Packet

    catalogue = load()
    codec, layout = Codec(catalogue), Layout(catalogue.layout("ctif-128"))
    serial = "CRM001202611210930000000000001"
    header = Header("LN03", serial, "CRM001", "PF0001", "025", "20261121093000", mode="B")
    raw = codec.encode(Document(catalogue.message("LN03"), "LinkTest", header, {"text": "在吗"}), "GB18030")
    packet = Packet(raw, Kind.REQUEST, "LN03", "CRM001", "PF0001", "025", serial, header.send_time, "B", "GB18030")
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    framer = Framer(layout, 1 << 20, False)
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        connection.sendall(layout.encode(packet))
        found: list[Packet] = []
        while not found:
            found = framer.feed(connection.recv(65536))
    return codec.decode(found[0].body, found[0].charset).body
