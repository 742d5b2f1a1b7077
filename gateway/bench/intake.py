"""``bssgw bench intake``: durable orders a second over real sockets, beside the yardstick on the same machine.

A round measures the gateway (``bssgw run``, SQLite, full synchronisation) and the bare pipeline, each in a process of its
own on a fresh database under the same load; rounds alternate who goes first, and medians over the rounds count, so that a
busy machine bends both figures alike.
"""

from __future__ import annotations

from inspect import signature
from statistics import median
from typing import Any

from gateway.bench.rig import BenchFailed, Progress, Rig, prepare_store, rig, start_gateway, write_config
from gateway.service import Gateway

GROUP_SIZE = int(signature(Gateway).parameters["group_size"].default)
"""The worker's group, and so the yardstick's."""

PEERS: dict[str, tuple[str, str | None]] = {"CH0001": ("channel", None), "PF0001": ("PF", None), "BIL001": ("BILL", None)}
"""Nobody but the channel connects: what the intake causes to be sent waits in the outbox."""


def measure(seconds: float, rounds: int, window: int, progress: Progress) -> dict[str, Any]:
    """The figures: orders_per_second, bare_pipeline_per_second, ratio, p50_ms, p99_ms; and each round's.

    Raises BenchFailed when an order was refused or left without an answer.
    """
    ours: list[dict[str, Any]] = []
    bare: list[dict[str, Any]] = []
    for number in range(rounds):
        turns = [("gateway", ours), ("bare", bare)]
        for name, reports in turns if number % 2 == 0 else reversed(turns):
            progress(f"{number + 1}/{rounds} {name} …")
            with rig() as made:
                address = _gateway(made) if name == "gateway" else _bare(made)
                reports.append(_load(made, address, seconds, window))
            progress(f"{number + 1}/{rounds} {name} {reports[-1]['orders_per_second']} orders/s")
    rate, yardstick = _median(ours, "orders_per_second"), _median(bare, "orders_per_second")
    return {
        "orders_per_second": rate,
        "bare_pipeline_per_second": yardstick,
        "ratio": round(rate / yardstick, 3),
        "p50_ms": _median(ours, "p50_ms"),
        "p99_ms": _median(ours, "p99_ms"),
        "seconds": seconds,
        "window": window,
        "group_size": GROUP_SIZE,
        "rounds": [{"orders_per_second": a["orders_per_second"], "bare_pipeline_per_second": b["orders_per_second"]}
                   for a, b in zip(ours, bare, strict=True)],
    }  # fmt: skip


def _gateway(made: Rig) -> str:
    data = made.folder / "gateway-data"
    prepare_store(data)
    return start_gateway(made, write_config(data, "tcp://127.0.0.1:0", PEERS))[1]


def _bare(made: Rig) -> str:
    data = made.folder / "bare-data"
    data.mkdir()
    started = made.start("bare", "gateway.bench.bare_pipeline", "--data", str(data), "--group", str(GROUP_SIZE))
    return str(started.ready["ready"])


def _load(made: Rig, address: str, seconds: float, window: int) -> dict[str, Any]:
    options = ("--address", address, "--seconds", str(seconds), "--window", str(window))
    report = made.run("client", "gateway.bench.client", *options)
    if report["refused"] or report["left"] or not report["counted"]:
        raise BenchFailed(f"orders were refused or left without an answer: {report}")
    return report


def _median(reports: list[dict[str, Any]], name: str) -> float:
    return round(float(median(report[name] for report in reports)), 2)
