"""``bssgw bench slow``: many clients that dribble, and one that does not (hardening.md D1-D2).

Half the slow ones write a header byte by byte, half a body; each must be closed within its deadline and two seconds, while
the normal client's submissions keep their latency.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway.bench.rig import BenchFailed, Progress, prepare_store, rig
from gateway.bench.soap import write_soap_config

HEADER_S = 10.0
BODY_S = 10.0
"""The deadlines the measurement configures; a dribbled body ends at the floor's grace, which is as long."""


def measure(slow: int, progress: Progress) -> dict[str, Any]:
    """The figures: closed (how many), last_closed_after_s, allowed_s, p50_ms, p99_ms of the normal client meanwhile.

    Raises BenchFailed when the normal client was refused.
    """
    with rig() as made:
        data = made.folder / "gateway-data"
        prepare_store(data)
        config = write_soap_config(data)
        _deadlines(config, slow)
        started = made.start("gateway", "gateway", "run", "--config", str(config), "--json")
        url = str(started.ready["listening"]["web"]).replace("tcp://", "http://") + "/soap"
        progress(f"{slow} slow clients …")
        report = made.run("client", "gateway.bench.slow_load", "--url", url, "--slow", str(slow))
    if report["normal_refused"] or not report["normal_answered"]:
        raise BenchFailed(f"the normal client was refused: {report}")
    return {**report, "slow": slow, "allowed_s": max(HEADER_S, BODY_S) + 2.0}


def _deadlines(config: Path, slow: int) -> None:
    text = config.read_text(encoding="utf-8")
    most = slow + 100
    limits = f"[listen.http]\nheader = {HEADER_S}\nbody = {BODY_S}\nmax_connections = {most}\nmax_per_address = {most}\n"
    config.write_text(text.replace('binding = "http"\n', f'binding = "http"\n{limits}', 1), encoding="utf-8")
