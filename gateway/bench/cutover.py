"""``bssgw bench cutover``: a cutover of many product instances, end to end, over real sockets (spec 5.12).

First the instances come into being as customers get them, by orders (not measured).  Then the planner at simulated resource
management drafts a plan that brings every line to another exchange, tries it dry, and starts it.  Measured is the time from
the start of the plan to the moment when every instance is changed in the CRM, billing has accepted every change, and the
channel has taken every notice for a customer.  At the end the store is audited by itself and against every system's ledger.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from adapters.store.engine import open_engine
from adapters.wire.times import wire_time
from gateway import control
from gateway.bench.lifecycle import SYSTEMS, start_simulators, violations_of
from gateway.bench.rig import (
    BenchFailed,
    Progress,
    free_port,
    ledgers_of,
    peak_memory_mb,
    prepare_store,
    rig,
    start_gateway,
    write_config,
)
from gateway.cli.simulators_desk import desk_name
from gateway.clock import wall_ms

AREA, OLD_BUREAU, NEW_BUREAU = "0512", "SZYQ01", "SZNS01"
"""Where the orders of the lifecycle bench are served, and where their lines go."""
CUTOVER = "CT05120000000001"
PER_WAVE = 1_000
_HOURS_MS = 4 * 3_600_000
_LIMIT_S = 900


def measure(instances: int, progress: Progress) -> dict[str, Any]:
    """The figures: seconds (start of the plan to all applied, billed and told), applied_seconds, dry_run_seconds; planned =
    done + failed + excluded; billed, notices, duplicated, differences of the dry run, waves.

    Raises BenchFailed when something did not come to its end, or the audit finds anything.
    """
    with rig() as made:
        data = made.folder / "gateway-data"
        prepare_store(data)
        listen = f"tcp://127.0.0.1:{free_port()}"
        simulators, peers = start_simulators(made, data, listen)
        gateway, address = start_gateway(made, write_config(data, listen, peers))
        progress(f"{instances} instances …")
        orders = ["--address", address, "--seconds", str(3600 * 24), "--orders", str(instances), "--warm-up", "0"]
        options = [*orders, "--window", "256", "--follow"]
        report = made.run("orders", "gateway.bench.client", *options, told=lambda ended: progress(f"{ended} …"))
        if report["ends"] != {"COMPLETED": instances}:
            raise BenchFailed(f"orders did not end: {report}")
        plan = made.folder / "plan.json"
        planned = _draft(data, plan)
        progress(f"cutover of {len(planned)} …")
        options = ["--address", address, "--data", str(data), "--plan", str(plan), "--limit", str(_LIMIT_S)]
        found = made.run("cutover", "gateway.bench.cutover_client", *options)
        found["waves"] = planned[-1]["wave"]
        found["memory_mb"] = peak_memory_mb(gateway)
        ledgers = ledgers_of(data, dict(SYSTEMS.values()))
        made.stop(gateway)
        made.stop(simulators)
        _judge(data, found, ledgers, instances)
    progress(f"{found['seconds']} s")
    return found


def _draft(data: Path, plan: Path) -> list[dict[str, Any]]:
    """The planner's plan, as a file; its items. Raises BenchFailed where the desk refuses."""
    wanted = {"res_type": "PORT", "old_bureau": OLD_BUREAU, "new_bureau": NEW_BUREAU, "per_wave": PER_WAVE}
    reply = control.ask(data, {"do": "draft", **wanted}, timeout=120.0, name=desk_name("RM"))
    if not reply["ok"] or not reply["items"]:
        raise BenchFailed(f"no plan: {reply.get('en', 'nothing to cut over')}")
    now = wall_ms()
    window = {"begin": wire_time(now), "end": wire_time(now + _HOURS_MS)}
    head = {"area": AREA, "cutover_id": CUTOVER, "type": "line", "old_bureau": OLD_BUREAU, "new_bureau": NEW_BUREAU}
    plan.write_text(json.dumps(head | {"window": window, "freeze_window": window, "items": reply["items"]}), "utf-8")
    items: list[dict[str, Any]] = reply["items"]
    return items


def _judge(data: Path, found: dict[str, Any], ledgers: dict[str, Any], instances: int) -> None:
    """Raises BenchFailed unless everything planned was done and everybody agrees."""
    ended = (found["state"], found["done"], found["failed"], found["excluded"], found["billed"], found["notices"])
    if ended != ("4", instances, 0, 0, instances, instances) or found["planned"] != instances:
        raise BenchFailed(f"the cutover did not come to its end: {found}")
    theirs = ledgers["RM0001"]["cutovers"][CUTOVER]
    if (theirs["state"], theirs["counts"]) != ("4", {"done": instances}):
        raise BenchFailed(f"resource management says {theirs}")
    engine = open_engine(f"sqlite:///{data / 'gateway.db'}", read_only=True)
    with engine.connect() as connection:
        violations = violations_of(connection, ledgers, quiet=True)
    engine.dispose()
    if violations:
        raise BenchFailed("; ".join(map(str, violations[:5])))
