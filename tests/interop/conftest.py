"""A real gateway, other toolkits beside it, and the table of what came of it (``make interop``)."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from adapters.xml.codec import Codec
from gateway.bench.rig import Rig, prepare_store, rig
from gateway.bench.soap import write_soap_config
from schemas.loader import load
from schemas.shape import ListOf, Shape, Struct

CLIENTS = Path(__file__).parent / "clients"
BUILD = Path(os.environ.get("INTEROP_BUILD", Path(__file__).parents[2] / "build" / "interop"))
CATALOGUE = load()
CODEC = Codec(CATALOGUE)
RARE = "张样本 𠮷㐀䶮 <&> “一”\n第二行"
"""What must come back as it went: beyond the BMP, markup, a line end."""
ROWS: list[tuple[str, str, str]] = []


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table."""
    if ROWS:
        widths = [max(len(row[n]) for row in [("toolkit", "operation", "result"), *ROWS]) for n in range(3)]
        terminalreporter.write_line("")
        for row in [("toolkit", "operation", "result"), *sorted(ROWS)]:
            terminalreporter.write_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@pytest.fixture
def table() -> Callable[[str, str], Any]:
    """``with table(toolkit, operation):`` notes ok, or that it failed."""

    class Note:
        def __init__(self, toolkit: str, operation: str) -> None:
            self.toolkit, self.operation = toolkit, operation

        def __enter__(self) -> None:
            return None

        def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
            ROWS.append((self.toolkit, self.operation, "ok" if kind is None else f"FAILED: {error}".splitlines()[0][:80]))

    return Note


@dataclass
class Served:
    """A gateway that serves SOAP and plain HTTP."""

    url: str
    data: Path
    made: Rig
    numbers: list[int] = field(default_factory=lambda: [0])

    def number(self) -> int:
        self.numbers[0] += 1
        return self.numbers[0]


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    """The gateway under test, a process of its own."""
    with rig() as made:
        data = made.folder / "gateway-data"
        prepare_store(data)
        started = made.start("gateway", "gateway", "run", "--config", str(write_soap_config(data)), "--json")
        url = str(started.ready["listening"]["web"]).replace("tcp://", "http://")
        yield Served(url, data, made)


def toolkit_form(shape: Shape, value: Any) -> Any:
    """A body as toolkits want it: a list is an object whose one member repeats."""
    if isinstance(shape, Struct):
        known = {entry.name: entry.shape for entry in shape.fields}
        return {name: toolkit_form(known[name], inner) for name, inner in value.items()}
    if isinstance(shape, ListOf):
        return {shape.name: [toolkit_form(shape.item, inner) for inner in value]}
    return value


def given(served: Served, operation: str, *, good: bool = True) -> dict[str, Any]:
    """What a client is given: header and body as values and as XML, the whole document as text."""
    number = served.number()
    name = "SubmitOrder" if operation == "exchange" else operation
    start = "ok_pots_install" if name == "SubmitOrder" else "ok_"
    samples = (path.read_bytes() for path in CATALOGUE.samples(name) if path.name.startswith(start))
    raw = next(text for text in samples if f"<{name} ".encode() in text)
    document = CODEC.decode(raw)
    header = document.header
    header.serial, header.sender, header.receiver = f"CH000120261122090000{number:010d}", "CH0001", "CRM001"
    if name == "LinkTest":
        document.body["text"] = RARE
    else:
        document.body["customer_order_id"] = f"CO025{number:012d}"
        text = json.dumps(document.body).replace("0258", f"025{number % 10}")
        document.body = json.loads(re.sub(r'"access_number": "[^"]+"', f'"access_number": "0258{number:07d}"', text))
        document.body.pop("reservations", None)
        if not good:
            document.body["area"] = "999"
    package = CODEC.encode(document, "UTF-8")
    root = etree.fromstring(package)
    fields = {etree.QName(child).localname: child.text for child in root[0]}
    inner = "".join(f"<p:{key}>{value}</p:{key}>" for key, value in fields.items())
    block = f'<h:PackageHeader xmlns:h="urn:bss:if:soap:0.9" xmlns:p="urn:bss:if:package:0.9">{inner}</h:PackageHeader>'
    return {
        "header": fields,
        "header_xml": block,
        "body": toolkit_form(CATALOGUE.shape(name), document.body),
        "xml": etree.tostring(root[1][0], encoding="unicode"),
        "document": package.decode(),
    }


def run(*command: object, folder: Path | None = None) -> dict[str, Any]:
    """A client to its end; the JSON it printed last."""
    environment = {**os.environ, "NODE_PATH": str(BUILD / "node_modules")}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=240, env=environment,
                          check=False, cwd=folder)  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def needs(program: str) -> str:
    """The program, or the test says what is missing."""
    found = shutil.which(program)
    if found is None:
        pytest.fail(f"{program} is missing: run make interop")
    return found


@pytest.fixture(scope="session")
def gsoap_client(served: Served) -> Path:
    """wsdl2h and soapcpp2 on our WSDL as it is served, compiled."""
    folder = BUILD / "gsoap"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(CLIENTS / "gsoap_client.c", folder)
    for command in (
        (needs("wsdl2h"), "-c", "-o", "crm.h", f"{served.url}/soap?wsdl"),
        (needs("soapcpp2"), "-c", "-C", "-L", "-x", "crm.h"),
        (needs("gcc"), "-w", "-O0", "-I.", "-o", "client", "gsoap_client.c", "soapC.c", "soapClient.c", "-lgsoap"),
    ):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return folder / "client"


PYTHON = sys.executable
