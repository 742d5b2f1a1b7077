"""``bssgw bench waiting-list``: the waiting list of one scarce resource with many entries (spec 5.8, 04.7).

What a registration, a leaving and the next offer cost, in this process without a wire.  An offer is measured from the document
that frees the resource to the reaction that carries PA01.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

from adapters.wire.times import wire_time
from gateway.bench.rig import BenchFailed, Progress
from gateway.clock import monotonic_s
from simulators.brain import Body, Meta, Reaction
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


def measure(entries: int, offers: int, progress: Progress) -> dict[str, Any]:
    """The figures: medians and worst cases in ms of registering, of the next offer and of leaving.

    Raises BenchFailed when a resource became free and nobody was offered it.
    """
    rm = scarce(offers)
    progress(f"{entries} entries …")
    figures: dict[str, Any] = {"entries": entries, "offers": offers}
    figures |= _timed("register", entries, lambda n: _ask(rm, "PI02", registration(n)))
    figures["waiting"] = len(rm.waiting)
    figures |= _timed("next_offer", offers, lambda n: _free(rm, n))
    figures |= _timed("leave", min(offers, entries), lambda n: _leave(rm, n + 1))
    progress(f"next offer {figures['next_offer_max_ms']} ms at most")
    return figures


def _ask(rm: RmBrain, code: str, body: Body) -> Reaction:
    return rm.on_document(code, body, PF, START)


def _free(rm: RmBrain, n: int) -> None:
    reaction = _ask(rm, "RR02", {"area": AREA, "reservation_id": f"R{n}", "reason": {"text": "测量"}})
    if [send.code for send in reaction.sends] != ["PA01"]:
        raise BenchFailed("没有发出待装通知 / no offer followed a release")


def _leave(rm: RmBrain, n: int) -> None:
    _ask(rm, "PI03", {"area": AREA, "waiting_no": f"WT{AREA}{n:010d}", "reason": {"text": "测量"}})


def _timed(name: str, count: int, work: Callable[[int], object]) -> dict[str, float]:
    """Median and worst case of ``count`` times of ``work``, ms."""
    lasted = []
    for n in range(count):
        began = monotonic_s()
        work(n)
        lasted.append((monotonic_s() - began) * 1e3)
    return {f"{name}_p50_ms": round(median(lasted), 4), f"{name}_max_ms": round(max(lasted), 3)}
