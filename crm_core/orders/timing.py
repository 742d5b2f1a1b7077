"""The clock of an order set going, stopped and watched (spec 04.5, 06.1): when something about it must next be looked at."""

from __future__ import annotations

from crm_core.clocks import clock as clocks
from crm_core.events import OrderDispatched
from crm_core.orders.item_states import EARLY
from crm_core.orders.model import OrderItem, ServiceOrder
from crm_core.ports import UnitOfWork

ORDER, STAGE, ACCEPTANCE = "order", "stage", "acceptance"
"""Limits: the product's time to install, the stage's as provisioning reports it, the result limit of the dispatch."""

DEFERRAL, LOCK = "deferral", "lock"
"""What stops a clock."""

GAP_MS = 600_000
"""How long a missing report is waited for, and then how long for its redelivery (04.1)."""
GRACE_MS = 600_000
"""Provisioning's clock ends deferrals and leases; the CRM's only watches, this much later (5.10, 04.9)."""
UNANSWERED = frozenset(EARLY[:2])
WAITING = ("PENDING_INSTALL", "DEFERRED")


def start_clock(uow: UnitOfWork, order: ServiceOrder, items: list[OrderItem]) -> None:
    """A dispatch sets the clock going anew: the longest of its products' times, or what the customer requires if sooner."""
    calendar = uow.reference.calendar_of(order.area)
    products = uow.reference.products
    days = max((products[item.product].sla_days for item in items if item.product in products), default=0)
    day = sum(closes - opens for opens, closes in calendar.hours)
    limit_at = calendar.add(uow.now, days * day)
    if order.required_finish is not None and uow.now < order.required_finish < limit_at:
        limit_at = order.required_finish
    clock = clocks.set_limit(clocks.new_clock(calendar), ORDER, limit_at, uow.now, calendar)
    given = uow.reference.result_limits.get(OrderDispatched.__name__)
    if given is not None:
        limit_at = calendar.add(uow.now, given[0] * 1000) if given[1] == "working" else uow.now + given[0] * 1000
        clock = clocks.set_limit(clock, ACCEPTANCE, limit_at, uow.now, calendar, alert=False)
    order.clock = clock


def stop_clock(uow: UnitOfWork, order: ServiceOrder, cause: str) -> None:
    """``cause`` stops the order's clock, if it has one."""
    if order.clock is not None:
        order.clock = clocks.stop(order.clock, cause, uow.now, uow.reference.calendar(order.clock["calendar"]))


def resume_clock(uow: UnitOfWork, order: ServiceOrder, cause: str) -> None:
    """``cause`` is over: what was left is left."""
    if order.clock is not None:
        order.clock = clocks.resume(order.clock, cause, uow.now, uow.reference.calendar(order.clock["calendar"]))


def stage_limit(uow: UnitOfWork, order: ServiceOrder, limit_at: int | None) -> None:
    """The stage under way has this limit, or none (any more)."""
    if order.clock is None:
        return
    if limit_at is None:
        order.clock = clocks.drop_limit(order.clock, STAGE)
    else:
        calendar = uow.reference.calendar(order.clock["calendar"])
        order.clock = clocks.set_limit(order.clock, STAGE, limit_at, uow.now, calendar)


def tend(order: ServiceOrder) -> None:
    """To be called before an order is saved: what no item waits for any more goes, and ``watch_at`` is when to look next."""
    progress = {item.item_id: item.progress for item in order.items}
    clock = order.clock
    if clock is not None and ACCEPTANCE in clock["limits"] and not UNANSWERED.intersection(progress.values()):
        order.clock = clocks.drop_limit(clock, ACCEPTANCE)
    if order.pending is not None and not any(progress.get(item_id) in WAITING for item_id in order.pending["items"]):
        order.pending = None
    order.watch_at = next_watch(order)


def end_lost_deferral(uow: UnitOfWork, order: ServiceOrder) -> None:
    """A deferral whose last item went another way (cancelled, returned, done by hand) has ended; whatever else of the order is
    open has its time running again."""
    deferral = order.deferral
    if deferral is None or deferral["ended_at"] is not None:
        return
    if all(item.progress != "DEFERRED" for item in order.newest()):
        order.deferral = {**deferral, "ended_at": order.since, "ended_by": "order"}
        resume_clock(uow, order, DEFERRAL)


def next_watch(order: ServiceOrder) -> int | None:
    """The earliest moment something about ``order`` is due (ms); None of an ended order or where nothing is."""
    if order.ended_at is not None:
        return None
    due = [entry["limit_at"] for entry in order.operations if "limit_at" in entry and "overdue" not in entry]
    if order.clock is not None:
        fallen = clocks.next_due(order.clock)
        if fallen is not None:
            due.append(fallen)
    if order.held:
        gap = gap_due(order)
        if gap is not None:
            due.append(gap)
    for ending in (deferral_due(order), lease_due(order)):
        if ending is not None:
            due.append(ending)
    return min(due, default=None)


def gap_due(order: ServiceOrder) -> int | None:
    """When reports that came early have waited long enough for the missing ones; None without a gap, or told already."""
    waiting = [entry for entry in order.held if entry["why"] == "gap"]
    if not waiting or any("told" in entry for entry in waiting):
        return None
    asked = [entry["asked"] for entry in waiting if "asked" in entry]
    return int(max(asked) if asked else min(entry["at"] for entry in waiting)) + GAP_MS


def deferral_due(order: ServiceOrder) -> int | None:
    """When provisioning should have ended the deferral; None where none is in effect, or told already."""
    deferral = order.deferral
    if deferral is None or deferral["ended_at"] is not None or "told" in deferral or _locked(order):
        return None
    return int(deferral["until"]) + GRACE_MS


def lease_due(order: ServiceOrder) -> int | None:
    """When provisioning should have ended the lease of the lock; None where none is held, or told already."""
    if not _locked(order) or order.lock is None or "told" in order.lock:
        return None
    return int(order.lock["holder"]["until"]) + GRACE_MS


def _locked(order: ServiceOrder) -> bool:
    return order.lock is not None and order.lock["holder"] is not None
