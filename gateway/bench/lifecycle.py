"""``bssgw bench lifecycle``: whole orders a second, from the channel's packet to the notice of completion.

The gateway is one process, the three simulators another (stages take no time there), the load a third.  Every order is
assigned resources, passes its stages, is archived, completed and billed; of the mixed profile some are changed, cancelled,
deferred, locked, returned or wait for a facility.  At the end the store is audited by itself and against the ledgers of all
systems, so an order that was lost, done twice or got stuck is found even if nobody noticed.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection

from adapters.store.engine import open_engine
from crm_core.orders.fold import FINAL
from gateway.bench.mix import SCRIPT, kind_of
from gateway.bench.rig import (
    BenchFailed,
    Progress,
    Rig,
    Started,
    cpu_seconds,
    free_port,
    ledgers_of,
    peak_memory_mb,
    prepare_store,
    rig,
    start_gateway,
    write_config,
)
from gateway.control import socket_path
from gateway.proof import ledgers as against
from gateway.proof.auditor import Violation, audit
from schemas.loader import load

PROFILES = ("plain", "mixed")
SYSTEMS = {"pf": ("PF0001", "PF"), "rm": ("RM0001", "RM"), "bill": ("BIL001", "BILL")}
"""Name of a simulator -> its system id and role."""
CHANNEL = "CH0001"
_TWICE = ("6.4/1", "6.4/12")
_LOST = ("6.4/7", "6.4/11")
"""Clauses of the auditor that say so."""


def start_simulators(made: Rig, data: Path, listen: str, *more: str) -> tuple[Started, dict[str, tuple[str, str | None]]]:
    """PF, RM and BILL in one process, with their desks in ``data``; also the peers of a gateway they and a channel make."""
    base = ("--crm", listen, "--listen-base", "tcp://127.0.0.1:0", "--speed", "0", "--direct", "--json")
    simulators = made.start("simulators", "gateway", "simulate", *SYSTEMS, *base, "--data-dir", str(data), *more)
    peers: dict[str, tuple[str, str | None]] = {CHANNEL: ("channel", None)}
    for name, address in simulators.ready["listening"].items():
        system, role = SYSTEMS[name]
        peers[system] = (role, address)
    return simulators, peers


def measure(
    seconds: float, window: int, progress: Progress, orders: int | None = None, profile: str = "plain"
) -> dict[str, Any]:
    """The figures: orders_per_second, messages_per_order, lost, duplicated, stuck; latencies of a whole life in ms; the most
    memory the gateway had and its processor time an order; of the mixed ``profile`` also how the orders of each kind ended.
    It lasts ``seconds``, or until ``orders`` have ended.

    Raises BenchFailed when orders were refused, or the audit finds what no count explains.
    """
    with rig() as made:
        data, told = made.folder / "gateway-data", made.folder / "channel.json"
        prepare_store(data)
        listen = f"tcp://127.0.0.1:{free_port()}"
        mixed = profile == "mixed"
        script = made.folder / "script.toml"
        script.write_text(SCRIPT, encoding="utf-8")
        simulators, peers = start_simulators(made, data, listen, *(("--script", str(script)) if mixed else ()))
        gateway, address = start_gateway(made, write_config(data, listen, peers))
        progress(f"{seconds:g} s …" if orders is None else f"{orders} orders …")
        options = ["--address", address, "--seconds", str(seconds), "--window", str(window), "--follow"]
        if orders is not None:
            options += ["--orders", str(orders), "--warm-up", "0"]
        if mixed:
            options += ["--control", str(socket_path(data)), "--ledger", str(told)]
        begun = cpu_seconds(gateway)
        report = made.run("client", "gateway.bench.client", *options, told=lambda ended: progress(f"{ended} …"))
        report["cpu_ms"] = (cpu_seconds(gateway) - begun) * 1e3
        report["memory_mb"] = peak_memory_mb(gateway)
        ledgers = ledgers_of(data, dict(SYSTEMS.values()))
        if mixed:
            ledgers[CHANNEL] = json.loads(told.read_text("utf-8"))
        made.stop(gateway)
        made.stop(simulators)
        found = {"profile": profile, **_judge(data, report, ledgers)}
    progress(f"{found['orders_per_second']} orders/s")
    return found


def _judge(data: Path, report: dict[str, Any], ledgers: dict[str, Any]) -> dict[str, Any]:
    """The report of the load with what the store and the ledgers say."""
    if report["refused"] or not report["counted"]:
        raise BenchFailed(f"orders were refused or none ended: {report}")
    engine = open_engine(f"sqlite:///{data / 'gateway.db'}", read_only=True)
    with engine.connect() as connection:
        messages = int(connection.execute(text("SELECT count(*) FROM message")).scalar_one())
        ends = Counter(
            (kind_of(customer_order).name, state, order)
            for customer_order, state, order in connection.execute(
                text("SELECT customer_order_id, state, id FROM service_order ORDER BY id")
            )
        )
        violations = violations_of(connection, ledgers, quiet=not report["left"])
    engine.dispose()
    others = [violation for violation in violations if violation.clause not in (*_TWICE, *_LOST)]
    if others:
        raise BenchFailed("; ".join(map(str, others[:5])))
    open_ones = [(kind, state, order) for kind, state, order in ends if state not in FINAL]
    found = {
        "orders_per_second": report["orders_per_second"],
        "messages_per_order": round(messages / len(ends), 2),
        "lost": report["sent"] - len(ends) + _count(violations, _LOST),
        "duplicated": report["duplicated"] + _count(violations, _TWICE),
        "stuck": len(open_ones),
        "orders": report["sent"],
        "p50_ms": report["p50_ms"],
        "p99_ms": report["p99_ms"],
        "seconds": report["seconds"],
        "memory_mb": report["memory_mb"],
        "gateway_cpu_ms_per_order": round(report["cpu_ms"] / report["sent"], 2),
    }
    if "kinds" in report:
        found["kinds"] = report["kinds"]
        for kind, row in report["kinds"].items():
            row["stuck"] = [f"{order} {state}" for name, state, order in open_ones if name == kind]
        found["violations"] = [str(violation) for violation in violations[:20]]
    return found


def violations_of(connection: Connection, ledgers: dict[str, Any], *, quiet: bool) -> list[Violation]:
    """The store by itself and against what every system remembers, by system id."""
    pf, rm, bill = (system for system, _ in SYSTEMS.values())
    found = [
        *audit(connection, load(), quiet=quiet),
        *against.against_provisioning(connection, pf, ledgers[pf], quiet=quiet),
        *against.against_resources(connection, rm, ledgers[rm], "CRM001"),
        *against.against_billing(connection, bill, ledgers[bill], quiet=quiet),
    ]
    if CHANNEL in ledgers:
        found += against.against_channel(connection, CHANNEL, ledgers[CHANNEL])
    return found


def _count(violations: Iterable[Violation], clauses: tuple[str, ...]) -> int:
    return sum(violation.clause in clauses for violation in violations)
