"""Our client against servers other toolkits made, by their own WSDL where they write one (spec 01.3)."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.bench.rig import Rig, prepare_store, rig
from gateway.bench.soap import write_soap_config
from schemas.wsdl import Contract, offered
from tests.interop.conftest import BUILD, CATALOGUE, CLIENTS, Served, given, needs

pytestmark = pytest.mark.interop

PATIENCE_S = 30
PROVISIONING = offered(CATALOGUE, "PF")


@pytest.fixture
def made() -> Iterator[Rig]:
    with rig() as one:
        yield one


def gateway(made: Rig, url: str, http: str) -> Served:
    """A gateway whose provisioning is at ``url``."""
    data = made.folder / "gateway-data"
    prepare_store(data)
    config = write_soap_config(data)
    text = config.read_text(encoding="utf-8")
    peer = f'id = "PF0001"\nrole = "PF"\nbinding = "soap"\nconnect = ["{url}"]\n[peer.http]\n{http}\n'
    text = text.replace('id = "PF0001"\nrole = "PF"\nlisten = "socket"\nduplex = true\n', peer)
    config.write_text(text, encoding="utf-8")
    started = made.start("gateway", "gateway", "run", "--config", str(config), "--json")
    return Served(str(started.ready["listening"]["web"]).replace("tcp://", "http://"), data, made)


def dispatched(served: Served) -> tuple[str, str | None]:
    """Submits an order; what became of its dispatch to provisioning."""
    document = given(served, "SubmitOrder")["document"].encode()
    request = urllib.request.Request(f"{served.url}/if/SubmitOrder", document, {"Content-Type": "application/xml"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert b"<ResultCode>0001<" in answer.read()
    watch = subprocess.run(
        ["sh", "-c", f"for n in $(seq {PATIENCE_S * 5}); do "
         f"test -n \"$(python3 -c \"$0\" '{served.data / 'gateway.db'}')\" && exit 0; sleep 0.2; done; exit 1", QUERY],
        check=False,
    )  # fmt: skip
    with sqlite3.connect(served.data / "gateway.db") as db:
        (found,) = db.execute("SELECT state, result_code FROM message WHERE direction = 'out' AND code = 'OH01'").fetchall()
    assert watch.returncode == 0, found
    return found


QUERY = (
    "import sqlite3, sys\n"
    "rows = sqlite3.connect(sys.argv[1]).execute(\"SELECT 1 FROM message WHERE direction = 'out' AND code = 'OH01'"
    " AND state IN ('DONE', 'REJECTED', 'DEAD')\").fetchall()\n"
    "print('x' if rows else '')"
)


def spyne_server(made: Rig, folder: Path, version: str, *more: str) -> tuple[str, Path]:
    """spyne with typed classes, and the WSDL it writes."""
    started = made.start("spyne", "gateway.bench.spyne_peer", "--role", "PF", "--soap", version, *more)
    url = str(started.ready["ready"])
    path = folder / "spyne.wsdl"
    with urllib.request.urlopen(f"{url}?wsdl", timeout=20) as answer:
        path.write_bytes(answer.read())
    return url, path


@pytest.mark.parametrize("by", ["our contract", "its WSDL"])
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_spyne(made: Rig, tmp_path: Path, table: Any, version: str, by: str) -> None:
    with table(f"spyne server {version}", f"DispatchOrder by {by}"):
        # with header blocks the WSDL spyne writes refers to a message that it does not define
        url, wsdl = spyne_server(made, tmp_path, version, *(["--headless"] if by == "its WSDL" else []))
        own = f'wsdl_file = "{wsdl}"' if by == "its WSDL" else ""
        assert dispatched(gateway(made, url, f'soap = "{version}"\n{own}')) == ("DONE", "0001")


@pytest.fixture
def node_server(tmp_path: Path) -> Iterator[Callable[[], tuple[str, Path]]]:
    """node-soap serving the contract we hand to partners."""
    running: list[subprocess.Popen[str]] = []

    def start() -> tuple[str, Path]:
        contract = Contract(CATALOGUE, PROVISIONING, "PF")
        (tmp_path / "xsd").mkdir()
        for name, data in contract.schemas.items():
            (tmp_path / "xsd" / name).write_bytes(data)
        path = tmp_path / "pf.wsdl"
        path.write_bytes(contract.wsdl("http://127.0.0.1/soap", "xsd/"))
        names = json.dumps([row.name for row in PROVISIONING if row.answer is None])
        process = subprocess.Popen(
            [needs("node"), str(CLIENTS / "node_server.js"), str(path), "PF", names], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "NODE_PATH": str(BUILD / "node_modules")},
        )  # fmt: skip
        running.append(process)
        assert process.stdout is not None
        return str(json.loads(process.stdout.readline())["ready"]), path

    yield start
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)


@pytest.mark.parametrize("operation", ["DispatchOrder by our contract", "DispatchOrder by its WSDL", "exchange by its WSDL"])
@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_node_soap(made: Rig, node_server: Any, table: Any, version: str, operation: str) -> None:
    with table(f"node-soap server {version}", operation):
        url, wsdl = node_server()
        http = [f'soap = "{version}"']
        if operation.endswith("its WSDL"):
            http.append(f'wsdl_file = "{wsdl}"')
        if operation.startswith("exchange"):
            http.append('operation = "exchange"')
        assert dispatched(gateway(made, url, "\n".join(http))) == ("DONE", "0001")
