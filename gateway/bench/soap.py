"""``bssgw bench soap``: validated, durable SOAP submissions a second, beside two yardsticks on the same machine.

A round measures the gateway (SQLite, full synchronisation), a stock twisted.web site with a fixed answer, and spyne with
typed classes and no storage, one after the other under the same load; rounds change the order, medians count.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

from gateway.bench.rig import AREA, BenchFailed, Progress, Rig, prepare_store, rig


def measure(seconds: float, rounds: int, connections: int, progress: Progress) -> dict[str, Any]:
    """The figures: requests_per_second, bare_web_per_second, spyne_per_second, the ratios, p50_ms, p99_ms.

    spyne's are None where it is not installed. Raises BenchFailed when a submission was refused or left without an answer.
    """
    turns = [("gateway", _gateway), ("bare_web", _bare)]
    if find_spec("spyne") is not None:
        turns.append(("spyne", _spyne))
    reports: dict[str, list[dict[str, Any]]] = {name: [] for name, _ in turns}
    for number in range(rounds):
        first = number % len(turns)
        for name, start in (*turns[first:], *turns[:first]):
            progress(f"{number + 1}/{rounds} {name} …")
            with rig() as made:
                reports[name].append(_load(made, start(made), seconds, connections))
            progress(f"{number + 1}/{rounds} {name} {reports[name][-1]['requests_per_second']} requests/s")
    rate, bare = _rate(reports["gateway"]), _rate(reports["bare_web"])
    spyne = _rate(reports["spyne"]) if "spyne" in reports else None
    return {
        "requests_per_second": rate,
        "bare_web_per_second": bare,
        "spyne_per_second": spyne,
        "ratio_to_bare_web": round(rate / bare, 3),
        "ratio_to_spyne": None if spyne is None else round(rate / spyne, 2),
        "p50_ms": round(float(median(report["p50_ms"] for report in reports["gateway"])), 2),
        "p99_ms": round(float(median(report["p99_ms"] for report in reports["gateway"])), 2),
        "document_bytes": reports["gateway"][0]["bytes"],
        "seconds": seconds,
        "connections": connections,
        "rounds": [{name: found[number]["requests_per_second"] for name, found in reports.items()} for number in range(rounds)],
    }


def write_soap_config(data: Path) -> Path:
    """A configuration in ``data``: one HTTP listener, one channel that comes by SOAP."""
    path = data / "bssgw.toml"
    lines = [
        "[gateway]", 'system_id = "CRM001"', 'data_dir = "."', f'areas = ["{AREA}", "0512", "020", "0755"]',
        'log_level = "warning"',
        "[[listen]]", 'name = "web"', 'address = "tcp://127.0.0.1:0"', 'binding = "http"',
        "[[listen]]", 'name = "socket"', 'address = "tcp://127.0.0.1:0"', 'layout = "ctif-128"',
        "[[peer]]", 'id = "CH0001"', 'role = "channel"', 'binding = "soap"', 'listen = "web"',
        "[[peer]]", 'id = "PF0001"', 'role = "PF"', 'listen = "socket"', "duplex = true",
        "[[peer]]", 'id = "BIL001"', 'role = "BILL"', 'listen = "socket"', "duplex = true",
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _gateway(made: Rig) -> str:
    data = made.folder / "gateway-data"
    prepare_store(data)
    started = made.start("gateway", "gateway", "run", "--config", str(write_soap_config(data)), "--json")
    return str(started.ready["listening"]["web"]).replace("tcp://", "http://") + "/soap"


def _bare(made: Rig) -> str:
    return str(made.start("bare", "gateway.bench.bare_web").ready["ready"])


def _spyne(made: Rig) -> str:
    return str(made.start("spyne", "gateway.bench.spyne_peer", "--only", "SubmitOrder").ready["ready"])


def _load(made: Rig, url: str, seconds: float, connections: int) -> dict[str, Any]:
    options = ("--url", url, "--seconds", str(seconds), "--connections", str(connections))
    report = made.run("client", "gateway.bench.soap_load", *options)
    if report["refused"] or report["left"] or not report["counted"]:
        raise BenchFailed(f"submissions were refused or left without an answer: {report}")
    return report


def _rate(reports: list[dict[str, Any]]) -> float:
    return round(float(median(report["requests_per_second"] for report in reports)), 1)
