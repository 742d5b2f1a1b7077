"""Legal moves of a resource (spec 03) and of a reservation's items (04.7), as tables.

Resource management owns both; the CRM keeps a copy of the reservations it made and checks what it is told against these tables.
A reservation item leaves ``held`` exactly once, so held + consumed + released + expired = created always (06.4 invariant 13).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from crm_core.errors import StaleVersion
from crm_core.resources.model import Reservation

RESOURCE_STATES: dict[str, tuple[str, str]] = {
    "0": ("空闲", "free"),
    "1": ("选占", "picked"),
    "2": ("预留", "advance-reserved"),
    "3": ("预占", "order-reserved"),
    "4": ("占用", "in use"),
    "5": ("预释放", "pre-released"),
    "6": ("割接中", "in cutover"),
    "7": ("故障", "faulty"),
    "8": ("冻结", "frozen"),
    "9": ("在建", "under construction"),
}
"""Resource state -> Chinese and English name."""

# fmt: off
RESOURCE_MOVES: dict[tuple[str, str], str] = {
    ("9", "0"): "taken into service",
    ("0", "1"): "pick",              ("0", "2"): "reserve in advance", ("0", "3"): "reserve for order",
    ("1", "0"): "release",           ("1", "2"): "reserve in advance", ("1", "3"): "reserve for order",
    ("2", "0"): "release",           ("2", "3"): "reserve for order",
    ("3", "4"): "archive",           ("3", "0"): "roll back",
    ("4", "5"): "disconnect or replacement dispatched",
    ("5", "0"): "archive",           ("5", "8"): "archive of a number: quarantine", ("5", "4"): "cancelled",
    ("4", "6"): "cutover",           ("6", "0"): "cut over, old side", ("6", "4"): "cut over or rolled back",
    ("6", "8"): "cut over, old number: quarantine",
    ("0", "8"): "freeze",            ("8", "0"): "thaw",
    ("0", "7"): "fault",             ("1", "7"): "fault",              ("2", "7"): "fault",
    ("3", "7"): "fault",             ("4", "7"): "fault",
    ("7", "0"): "repaired",
}
# fmt: on
"""(from, to) -> what it is called; from 7 a resource also goes back to the state before. Nothing else is legal (03)."""


def resource_may_move(state: str, to: str, previous: str | None = None) -> bool:
    """Whether a resource may go from ``state`` to ``to``; ``previous`` is the state before a fault."""
    return (state, to) in RESOURCE_MOVES or (state == "7" and to == previous and ("0" <= to <= "4"))


HELD = "held"
RESERVATION_ENDS = ("consumed", "released", "expired")


def is_one_of(resource: dict[str, Any], wanted: list[dict[str, Any]]) -> bool:
    """Whether ``resource`` is among ``wanted``: by id where both have one, else by type and code."""
    for other in wanted:
        if resource.get("res_inst_id") and other.get("res_inst_id"):
            if resource["res_inst_id"] == other["res_inst_id"]:
                return True
        elif (resource.get("res_type"), resource.get("code")) == (other.get("res_type"), other.get("code")):
            return True
    return False


def end_items(
    reservation: Reservation, end: str, resources: Iterable[dict[str, Any]] | None = None, fence: int | None = None
) -> int:
    """Move the held items among ``resources`` (None: all) to ``end``; returns how many moved.

    What has left ``held`` stays as it is: release and expiry are idempotent.  The reservation closes when nothing is held.
    Raises ``StaleVersion`` (3015), changing nothing, if ``fence`` is older than the reservation's.
    """
    if end not in RESERVATION_ENDS:
        raise ValueError(end)
    if fence is not None and fence < reservation.fence:
        raise StaleVersion(
            f"预留 {reservation.id} 的令牌 {fence} 已过时", f"Fence {fence} of reservation {reservation.id} is stale"
        )
    wanted = None if resources is None else list(resources)
    moved = 0
    items: list[dict[str, Any]] = []
    for item in reservation.items:
        if item["state"] == HELD and (wanted is None or is_one_of(item["resource"], wanted)):
            item = {**item, "state": end}
            moved += 1
        items.append(item)
    reservation.items = items
    reservation.closed = all(item["state"] != HELD for item in items)
    return moved


def is_over(reservation: Reservation, now: int) -> bool:
    """Whether nothing is held under it any more: closed, expired by its time, or every item has left ``held``."""
    expired = reservation.expires_at is not None and reservation.expires_at <= now
    gone = bool(reservation.items) and all(item["state"] != HELD for item in reservation.items)
    return reservation.closed or expired or gone
