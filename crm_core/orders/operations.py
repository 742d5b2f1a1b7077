"""Commands sent to provisioning that have no result yet (``ServiceOrder.operations``), and what their results close.

An entry is ``{"operation", "serial", "version", "at", "limit_at"}`` and whatever the operation must remember of its own
(an until, the claim of a lock).  ``limit_at`` comes from the row of the message the event becomes (spec 02, result limits):
the watchdog counts to it.  An entry is never changed in place.  ``asked`` is who wants to hear of the result (system, serial).
"""

from __future__ import annotations

from typing import Any

from crm_core.events import Event
from crm_core.orders.model import ServiceOrder
from crm_core.ports import UnitOfWork

Entry = dict[str, Any]
CHANGE, CANCEL = "change", "cancel"
SENT_VERSION = "sent_version"
FELL = "fell"
"""In an order's ``details``: ids of items that stand in FALLOUT for want of results alone."""


def ask(uow: UnitOfWork, order: ServiceOrder, name: str, event: Event, **terms: Any) -> Entry:
    """Send ``event`` and remember the operation it opened; the caller settles and saves the order."""
    serials = uow.emit(event)
    entry: Entry = {
        "operation": name,
        "serial": serials[0] if serials else "",
        "version": order.version,
        "at": uow.now,
        **terms,
    }
    limit = limit_at(uow, order, event)
    if limit is not None:
        entry["limit_at"] = limit
    order.operations = [*order.operations, entry]
    return entry


def limit_at(uow: UnitOfWork, order: ServiceOrder, event: Event) -> int | None:
    """When the result of what ``event`` becomes is overdue (ms); None where its row sets no limit."""
    found = uow.reference.result_limits.get(type(event).__name__)
    if found is None:
        return None
    seconds, clock = found
    if clock == "working":
        return uow.reference.calendar_of(order.area).add(uow.now, seconds * 1000)
    return uow.now + seconds * 1000


def under_way(order: ServiceOrder, name: str) -> Entry | None:
    """The open operation of that name, if there is one."""
    return next((entry for entry in order.operations if entry["operation"] == name), None)


def answered(order: ServiceOrder, ref_serial: str | None) -> Entry | None:
    """Takes out and returns the operation whose message went out as ``ref_serial``; None if that is not open (any more)."""
    if not ref_serial:
        return None
    found = next((entry for entry in order.operations if entry["serial"] == ref_serial), None)
    if found is not None:
        order.operations = [entry for entry in order.operations if entry is not found]
    return found


def all_under_way(order: ServiceOrder, name: str) -> list[Entry]:
    """Every open operation of that name, oldest first."""
    return [entry for entry in order.operations if entry["operation"] == name]


def awaiting(order: ServiceOrder, ref_serial: str | None) -> Entry | None:
    """The open operation whose message went out as ``ref_serial``; it stays open."""
    return next((entry for entry in order.operations if ref_serial and entry["serial"] == ref_serial), None)


def close(order: ServiceOrder, entry: Entry) -> None:
    """Its result came, or will never come."""
    order.operations = [other for other in order.operations if other is not entry]


def keep(order: ServiceOrder, entry: Entry, **terms: Any) -> None:
    """It stays open with other terms: part of its items answered, or a person decides."""
    order.operations = [{**other, **terms} if other is entry else other for other in order.operations]


def fallen(order: ServiceOrder) -> list[str]:
    """Items that stand in FALLOUT for nothing but want of results."""
    found: list[str] = order.details.get(FELL, [])
    return found


def blame(order: ServiceOrder, item_ids: list[str]) -> None:
    """Overdue operations are all that keeps these items in FALLOUT: it goes with the last result."""
    order.details = {name: value for name, value in order.details.items() if name != FELL}
    if item_ids:
        order.details[FELL] = item_ids


def acquit(order: ServiceOrder, item_id: str) -> None:
    """The item's FALLOUT went, or has another cause as well."""
    if item_id in fallen(order):
        blame(order, [name for name in fallen(order) if name != item_id])


def highest_sent(order: ServiceOrder) -> int:
    """The highest version ever sent; a refused one is burnt (5.6)."""
    sent: int = order.details.get(SENT_VERSION, 0)
    return max(order.version, sent)


def version_awaited(order: ServiceOrder, version: int) -> bool:
    """Whether a change to this version, higher than the one that counts, is open."""
    return version > order.version and any(entry["version"] == version for entry in all_under_way(order, CHANGE))
