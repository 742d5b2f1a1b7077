"""The clock of an order: its limits with their alerts, what stops them, and what is left of them (spec 04.5).

A clock is a dict as it stands in ``ServiceOrder.clock``::

    {"calendar": code, "stops": [cause, ...], "limits": {name: limit}}

and a limit ``{"limit_at": ms, "alert_at": ms or absent, "alerted": bool, "overtime": bool}``; while the clock stands still
``left`` and ``alert_left`` hold the working time that is left, and the moments are meaningless.  缓装 and 锁单 stop it, once
however many of them there are; 待装 does not.  All functions are pure: they return a new clock.
"""

from __future__ import annotations

from typing import Any

from crm_core.clocks.calendar import WorkCalendar

Clock = dict[str, Any]

ALERT_SHARE = 5
"""The alert comes when four fifths of a limit have passed: one ``ALERT_SHARE``-th is left."""


def new_clock(calendar: WorkCalendar) -> Clock:
    """A running clock without limits."""
    return {"calendar": calendar.code, "stops": [], "limits": {}}


def set_limit(clock: Clock, name: str, limit_at: int, now: int, calendar: WorkCalendar, *, alert: bool = True) -> Clock:
    """A limit ``name`` that falls at ``limit_at`` (ms) as things stand; of a stopped clock its working time waits."""
    working = calendar.between(now, limit_at)
    alert_after = working - working // ALERT_SHARE
    limit: dict[str, Any] = {"limit_at": limit_at, "alerted": False, "overtime": False}
    if alert:
        limit["alert_at"] = calendar.add(now, alert_after)
    if clock["stops"]:
        limit["left"] = working
        if alert:
            limit["alert_left"] = alert_after
    return {**clock, "limits": {**clock["limits"], name: limit}}


def drop_limit(clock: Clock, name: str) -> Clock:
    """What the limit was set for is done."""
    if name not in clock["limits"]:
        return clock
    return {**clock, "limits": {key: limit for key, limit in clock["limits"].items() if key != name}}


def stop(clock: Clock, cause: str, now: int, calendar: WorkCalendar) -> Clock:
    """``cause`` stops it; a second cause is only remembered."""
    if cause in clock["stops"]:
        return clock
    stopped = {**clock, "stops": [*clock["stops"], cause]}
    if clock["stops"]:
        return stopped
    limits = {}
    for name, limit in clock["limits"].items():
        kept = {**limit, "left": calendar.between(now, limit["limit_at"])}
        if "alert_at" in limit:
            kept["alert_left"] = calendar.between(now, limit["alert_at"])
        limits[name] = kept
    return {**stopped, "limits": limits}


def resume(clock: Clock, cause: str, now: int, calendar: WorkCalendar) -> Clock:
    """``cause`` is over; when it was the last one the clock goes on with exactly the working time that was left."""
    if cause not in clock["stops"]:
        return clock
    stops = [stop for stop in clock["stops"] if stop != cause]
    if stops:
        return {**clock, "stops": stops}
    limits = {}
    for name, limit in clock["limits"].items():
        going = {key: value for key, value in limit.items() if key not in ("left", "alert_left")}
        if not limit["overtime"]:
            going["limit_at"] = calendar.add(now, limit["left"])
        if "alert_left" in limit and not limit["alerted"]:
            going["alert_at"] = calendar.add(now, limit["alert_left"])
        limits[name] = going
    return {**clock, "stops": [], "limits": limits}


def remaining(clock: Clock, name: str, now: int, calendar: WorkCalendar) -> int | None:
    """Working ms left of a limit, 0 when it has passed; None where there is no such limit."""
    limit = clock["limits"].get(name)
    if limit is None:
        return None
    if clock["stops"]:
        return int(limit["left"])
    return calendar.between(now, limit["limit_at"])


def next_due(clock: Clock) -> int | None:
    """When the next alert or limit falls; None of a stopped clock or when nothing is left to fall."""
    if clock["stops"]:
        return None
    due = [limit["limit_at"] for limit in clock["limits"].values() if not limit["overtime"]]
    due += [limit["alert_at"] for limit in clock["limits"].values() if "alert_at" in limit and not limit["alerted"]]
    return min(due, default=None)


def passed(clock: Clock, now: int) -> tuple[Clock, list[tuple[str, str]]]:
    """What has fallen by ``now``, as (limit, ``jeopardy`` or ``overtime``), and the clock that has told it: once each."""
    if clock["stops"]:
        return clock, []
    told: list[tuple[str, str]] = []
    limits = {}
    for name, limit in clock["limits"].items():
        if not limit["overtime"] and limit["limit_at"] <= now:
            told.append((name, "overtime"))
            limit = {**limit, "alerted": True, "overtime": True}
        elif not limit["alerted"] and limit.get("alert_at", now + 1) <= now:
            told.append((name, "jeopardy"))
            limit = {**limit, "alerted": True}
        limits[name] = limit
    return {**clock, "limits": limits}, told
