"""``bssgw bench lifecycle``: whole orders a second, from the channel's packet to the notice of completion.

The gateway is one process, the three simulators another (stages take no time there), the load a third.  Every order is
assigned resources, passes its stages, is archived, completed and billed.  At the end the store is audited, so an order
that was lost or done twice is found even if nobody noticed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import text

from adapters.store.engine import open_engine
from gateway.proof.auditor import audit
from gateway.proof.bench_rig import (
    BenchFailed,
    Progress,
    free_port,
    peak_memory_mb,
    prepare_store,
    rig,
    start_gateway,
    write_config,
)
from schemas.loader import load

_SYSTEMS = {"pf": ("PF0001", "PF"), "rm": ("RM0001", "RM"), "bill": ("BIL001", "BILL")}


def measure(seconds: float, window: int, progress: Progress, orders: int | None = None) -> dict[str, Any]:
    """The figures: orders_per_second, messages_per_order, lost, duplicated; latencies of a whole life in ms; the most memory
    the gateway had.  It lasts ``seconds``, or until ``orders`` have ended.

    Raises BenchFailed when orders were refused, or the audit finds what no count explains.
    """
    with rig() as made:
        data = made.folder / "gateway-data"
        prepare_store(data)
        listen = f"tcp://127.0.0.1:{free_port()}"
        base = ("--crm", listen, "--listen-base", "tcp://127.0.0.1:0", "--speed", "0", "--direct", "--json")
        simulators = made.start("simulators", "gateway", "simulate", *_SYSTEMS, *base)
        peers: dict[str, tuple[str, str | None]] = {"CH0001": ("channel", None)}
        for name, address in simulators.ready["listening"].items():
            system, role = _SYSTEMS[name]
            peers[system] = (role, address)
        gateway, address = start_gateway(made, write_config(data, listen, peers))
        progress(f"{seconds:g} s …" if orders is None else f"{orders} orders …")
        options = ["--address", address, "--seconds", str(seconds), "--window", str(window), "--follow"]
        if orders is not None:
            options += ["--orders", str(orders), "--warm-up", "0"]
        report = made.run("client", "gateway.proof.bench_client", *options)
        report["memory_mb"] = peak_memory_mb(gateway)
        made.stop(gateway)
        made.stop(simulators)
        found = _judge(data, report)
    progress(f"{found['orders_per_second']} orders/s")
    return found


def _judge(data: Path, report: dict[str, Any]) -> dict[str, Any]:
    """The report of the load with what the store says."""
    if report["refused"] or not report["counted"]:
        raise BenchFailed(f"orders were refused or none ended: {report}")
    engine = open_engine(f"sqlite:///{data / 'gateway.db'}", read_only=True)
    with engine.connect() as connection:
        messages = int(connection.execute(text("SELECT count(*) FROM message")).scalar_one())
        orders = int(connection.execute(text("SELECT count(*) FROM service_order")).scalar_one())
        ended = int(connection.execute(text("SELECT count(*) FROM service_order WHERE state = 'COMPLETED'")).scalar_one())
        violations = audit(connection, load(), quiet=not report["left"])
    engine.dispose()
    twice = [violation for violation in violations if violation.clause in ("6.4/1", "6.4/12")]
    others = [violation for violation in violations if violation not in twice]
    if others:
        raise BenchFailed("; ".join(map(str, others[:5])))
    return {
        "orders_per_second": report["orders_per_second"],
        "messages_per_order": round(messages / orders, 2),
        "lost": report["sent"] - ended,
        "duplicated": report["duplicated"] + len(twice),
        "orders": report["sent"],
        "p50_ms": report["p50_ms"],
        "p99_ms": report["p99_ms"],
        "seconds": report["seconds"],
        "memory_mb": report["memory_mb"],
    }
