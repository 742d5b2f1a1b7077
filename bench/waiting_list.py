"""The waiting list of one scarce resource with many entries: what a registration, a leaving and the next offer cost.

``python bench/waiting_list.py [--entries N] [--offers N]``; prints JSON, milliseconds. An offer is measured from the document
that frees the resource to the reaction that carries PA01.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time

from adapters.wire.times import wire_time
from simulators.brain import Body, Meta
from simulators.rm.brain import RmBrain
from simulators.rm.plant import load_table

START = 1_795_309_200_000
AREA, TYPE = "025", "PORT"
PF = Meta("PF0001", "PF0001" + "1" * 24, AREA)


def registration(n: int) -> Body:
    """PI02 number ``n``: priorities and ages spread, so that entries go everywhere into the queue."""
    need = {"res_type": TYPE, "role": "port", "quantity": 1}
    since = wire_time(START - 1000 * (n * 7919 % 5_000_000))
    head: Body = {"service_order_id": f"SO{n:012d}", "version": 1, "area": AREA}
    return head | {"item_id": "1", "need": need, "priority": n * 31 % 10, "since": since}


def scarce(free: int) -> RmBrain:
    """A plant whose ``free`` ports of the area are all reserved, one reservation each."""
    table = load_table()
    table["area"] = [row | {"bureaus": row["bureaus"][:1]} for row in table["area"] if row["code"] == AREA]
    table["type"] = [row | {"count": free} for row in table["type"] if row["code"] == TYPE]
    rm = RmBrain(table)
    for n in range(free):
        item = {"item_no": 1, "res_type": TYPE, "quantity": 1}
        body: Body = {"area": AREA, "reservation_id": f"R{n}", "kind": "ORDER", "items": [item], "all_or_nothing": True}
        rm.on_document("RR01", body, PF, START)
    return rm


def main() -> None:
    """Run and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--entries", type=int, default=100_000)
    options.add_argument("--offers", type=int, default=1_000)
    options.add_argument("--json", action="store_true", help="the output is JSON anyhow")
    chosen = options.parse_args()
    rm = scarce(chosen.offers)
    registering: list[float] = []
    for n in range(chosen.entries):
        body = registration(n)
        began = time.perf_counter()
        rm.on_document("PI02", body, PF, START)
        registering.append((time.perf_counter() - began) * 1e3)
    offering: list[float] = []
    for n in range(chosen.offers):
        release: Body = {"area": AREA, "reservation_id": f"R{n}", "reason": {"text": "测量"}}
        began = time.perf_counter()
        reaction = rm.on_document("RR02", release, PF, START)
        offering.append((time.perf_counter() - began) * 1e3)
        if [send.code for send in reaction.sends] != ["PA01"]:
            raise SystemExit("没有发出待装通知 / no offer followed a release")
    leaving: list[float] = []
    for n in range(1, chosen.offers + 1):
        goodbye: Body = {"area": AREA, "waiting_no": f"WT{AREA}{n:010d}", "reason": {"text": "测量"}}
        began = time.perf_counter()
        rm.on_document("PI03", goodbye, PF, START)
        leaving.append((time.perf_counter() - began) * 1e3)
    figures: dict[str, float] = {"entries": chosen.entries, "offers": chosen.offers, "waiting": len(rm.waiting)}
    for name, values in (("register", registering), ("next_offer", offering), ("leave", leaving)):
        figures[f"{name}_p50_ms"] = round(statistics.median(values), 4)
        figures[f"{name}_max_ms"] = round(max(values), 3)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
