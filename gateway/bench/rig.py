"""The rig of the measuring programs: a fresh data directory, real processes, and their end whatever happens."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.store.engine import open_engine
from adapters.store.migration import upgrade_engine
from adapters.store.store import Store
from crm_core.customers.model import Account, Customer
from gateway import control
from gateway.bench.load import ON_THE_WAY
from gateway.cli.simulators_desk import desk_name

Progress = Callable[[str], None]
"""Told what is being done, for people on standard error."""

CUSTOMER, ACCOUNT, AREA = "C0000000000000002", "A0000000000000002", "025"
"""Who orders in the intake's sample."""

_END_S = 30
LEDGER_S = 1800
"""How long a simulated system may take to write down what it remembers: of 100,000 orders a minute, on a busy machine more."""
_ROOT = str(Path(__file__).parents[2])


class BenchFailed(Exception):
    """A process of the bench did not do its part; the text says which and ends with what it said last."""


@dataclass(frozen=True, slots=True)
class Started:
    """A process that said it is ready, and what it said."""

    process: subprocess.Popen[str]
    ready: dict[str, Any]


class Rig:
    """Processes in one temporary directory ``folder``; all of them end with ``close``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join(filter(None, (_ROOT, os.environ.get("PYTHONPATH"))))
        self._environment = {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1"}
        self._running: list[tuple[str, subprocess.Popen[str]]] = []

    def start(self, name: str, *arguments: str) -> Started:
        """Run ``python -m arguments`` until it prints a line of JSON. Raises BenchFailed if it prints none."""
        errors = (self.folder / f"{name}.err").open("w", encoding="utf-8")
        with errors:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                cwd=self.folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._running.append((name, process))
        line = process.stdout.readline() if process.stdout is not None else ""
        try:
            return Started(process, json.loads(line))
        except ValueError:
            raise self._failure(name, line) from None

    def run(self, name: str, *arguments: str, told: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
        """Run ``python -m arguments`` to its end; the JSON of its last line. ``told`` hears how many orders have ended,
        where it says so. Raises BenchFailed."""
        line = ""
        with (self.folder / f"{name}.err").open("w", encoding="utf-8") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", *arguments], cwd=self.folder, env=self._environment, stdout=subprocess.PIPE,
                stderr=errors, text=True,
            )  # fmt: skip
            with process as running:
                for line in running.stdout or ():
                    if line.startswith(ON_THE_WAY):
                        told(int(line.removeprefix(ON_THE_WAY)))
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError:
            raise self._failure(name, line) from None
        return found

    def stop(self, started: Started) -> None:
        """End a process as an operator would, and wait until it has."""
        self._running = [entry for entry in self._running if entry[1] is not started.process]
        _end(started.process)

    def close(self) -> None:
        """End whatever still runs."""
        for _, process in reversed(self._running):
            _end(process)
        self._running.clear()

    def _failure(self, name: str, line: str) -> BenchFailed:
        said = (self.folder / f"{name}.err").read_text(encoding="utf-8")
        return BenchFailed(f"{name}: {said[-2000:] or line}")


def _end(process: subprocess.Popen[str]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def peak_memory_mb(started: Started) -> float:
    """The most resident memory a running process had so far, in MB (Linux)."""
    status = Path(f"/proc/{started.process.pid}/status").read_text(encoding="ascii")
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return round(int(peak.split()[1]) / 1024, 1)


def cpu_seconds(started: Started) -> float:
    """The processor time a running process used so far (Linux)."""
    fields = Path(f"/proc/{started.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def rig() -> Iterator[Rig]:
    """A rig in a temporary directory of its own."""
    with TemporaryDirectory(prefix="bssgw-bench-") as folder:
        made = Rig(Path(folder))
        try:
            yield made
        finally:
            made.close()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare_store(data: Path) -> None:
    """A database in ``data`` as the gateway makes it, with the customer of the intake's sample."""
    data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(f"sqlite:///{data / 'gateway.db'}")
    try:
        upgrade_engine(engine)
        store = Store(engine)
        store.begin()
        store.put("customer", Customer(CUSTOMER, "李样本", "1", AREA), added=True)
        store.put("account", Account(ACCOUNT, CUSTOMER, AREA, "李样本"), added=True)
        store.flush()
        store.commit()
        store.committed()
        store.close()
    finally:
        engine.dispose()


def write_config(data: Path, listen: str, peers: dict[str, tuple[str, str | None]]) -> Path:
    """A configuration in ``data``: peers by id with their role and the address they listen at (None: they connect)."""
    lines = [
        "[gateway]",
        'system_id = "CRM001"',
        'data_dir = "."',
        f'areas = ["{AREA}", "0512", "020", "0755"]',
        'log_level = "warning"',
        "[[listen]]",
        'name = "socket"',
        f'address = "{listen}"',
        'layout = "ctif-128"',
    ]
    for system, (role, address) in peers.items():
        where = "duplex = true" if address is None else f'connect = ["{address}"]'
        lines += ["[[peer]]", f'id = "{system}"', f'role = "{role}"', 'listen = "socket"', "window = 256", where]
    path = data / "bssgw.toml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def start_gateway(made: Rig, config: Path) -> tuple[Started, str]:
    """``bssgw run`` on ``config``: the process and where it listens."""
    started = made.start("gateway", "gateway", "run", "--config", str(config), "--json")
    return started, str(started.ready["listening"]["socket"])


def ledgers_of(data: Path, systems: dict[str, str]) -> dict[str, Any]:
    """What simulators with their desks in ``data`` remember, by system id; ``systems`` gives their roles.

    Raises BenchFailed.
    """
    found = {}
    for system, role in systems.items():
        file = data / f"ledger-{role}.json"
        try:
            reply = control.ask(data, {"do": "ledger", "file": str(file)}, timeout=LEDGER_S, name=desk_name(role))
        except (control.ControlSilent, control.ControlUnreachable) as fault:
            raise BenchFailed(f"{system}: {fault}") from fault
        if not reply["ok"]:
            raise BenchFailed(f"{system}: {reply['en']}")
        found[system] = json.loads(file.read_text("utf-8"))
    return found
