"""What desk and watchdog look up: fallout records, and commands without result (spec 06.1 promise 5, 06.2). Reads only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.engine import Connection

from adapters.store import plan_tables as p
from adapters.store import tables as t
from adapters.store.message_machine import OPEN
from adapters.store.queries import Row, plain
from crm_core.fallout.model import AUTO_RETRY, NEW
from crm_core.fallout.watch_planning import DECISIONS, UNDESIGNED
from crm_core.orders.timing import ACCEPTANCE
from crm_core.reference import Reference

AT_ONCE = 500
"""Serials looked up at once."""


def fallouts(
    connection: Connection,
    *,
    state: str | None = None,
    error_class: str | None = None,
    area: str | None = None,
    order: str | None = None,
    owner: str | None = None,
    limit: int = 50,
) -> list[Row]:
    """Fallout records, oldest first; without ``state`` those that are not closed. One that is new while the message it waits
    for is still being sent again shows as auto-retry."""
    f = t.fallout.c
    either = state in (NEW, AUTO_RETRY)
    states = (NEW, AUTO_RETRY) if either else (state,)
    conditions: list[ColumnElement[bool]] = [f.closed_at.is_(None)] if state is None else [f.state.in_(states)]
    wanted = ((f.error_class, error_class), (f.area, area), (f.service_order_id, order), (f.owner, owner))
    conditions += [column == value for column, value in wanted if value is not None]
    found = select(t.fallout).where(*conditions).order_by(f.opened_at, f.id)
    if not either:
        found = found.limit(limit)
    rows = _with_retries(connection, [plain(row) for row in connection.execute(found).mappings()])
    return [row for row in rows if not either or row["state"] == state][:limit]


def fallout(connection: Connection, fallout_id: str) -> Row | None:
    """One record with everything it holds."""
    row = connection.execute(select(t.fallout).where(t.fallout.c.id == fallout_id)).mappings().first()
    return None if row is None else _with_retries(connection, [plain(row)])[0]


def _with_retries(connection: Connection, rows: list[Row]) -> list[Row]:
    """New records about a message of ours that is still tried by itself are auto-retry (06.2)."""
    m = t.message.c
    serials = sorted({str(row["about"]["serial"]) for row in rows if row["state"] == NEW and row["about"].get("serial")})
    tried: dict[str, None] = {}
    for first in range(0, len(serials), AT_ONCE):
        due = select(m.serial).where(
            m.serial.in_(serials[first : first + AT_ONCE]), m.direction == "out", m.state.in_(OPEN)
        )
        tried.update((row[0], None) for row in connection.execute(due))
    return [row | {"state": AUTO_RETRY} if row["state"] == NEW and row["about"].get("serial") in tried else row for row in rows]


def pending(connection: Connection, *, area: str | None = None, limit: int = 1000) -> list[Row]:
    """Orders that wait for a facility, the oldest first: ``order``, ``area``, ``missing`` (resource type), ``bureau``,
    ``reason``, ``since`` (ms), ``position`` and ``offered_until`` (ms) where known."""
    o = t.service_order.c
    conditions: list[ColumnElement[bool]] = [o.ended_at.is_(None), o.pending_json.is_not(None)]
    if area is not None:
        conditions.append(o.area == area)
    rows = connection.execute(select(o.id, o.area, o.pending_json).where(*conditions).order_by(o.since, o.id).limit(limit))
    found = [
        {
            "order": row["id"],
            "area": row["area"],
            "missing": row["pending"]["missing_res_type"],
            "bureau": row["pending"]["bureau"],
            "reason": row["pending"]["reason"]["text"],
            "since": row["pending"]["since"],
            "position": row["pending"].get("position"),
            "offered_until": (row["pending"]["offer"] or {}).get("valid_until"),
        }
        for row in (plain(one) for one in rows.mappings())
    ]
    return sorted(found, key=lambda one: (one["since"], one["order"]))


def unanswered(connection: Connection, reference: Reference | None = None, limit: int = 1000) -> list[Row]:
    """Accepted commands without a terminal report, the longest waiting first: ``order`` (or survey, scheme request),
    ``operation``, ``serial``, ``at``, ``limit_at`` (ms, None where the row has none or ``reference``, which knows the limits of
    what is not an order's, was not given) and ``fallout`` (the record opened for it, if any)."""
    o = t.service_order.c
    columns = (o.id, o.area, o.state, o.since, o.dispatched_at, o.operations_json, o.clock_json, o.held_json)
    unaccepted = o.clock_json.contains(f'"{ACCEPTANCE}"')  # else all that is under way would crowd out what is waited for
    held = or_(o.operations_json != "[]", o.held_json != "[]", unaccepted)
    waiting = select(*columns).where(o.ended_at.is_(None), held).order_by(o.since, o.id)
    limits = _Limits(reference)
    found: list[Row] = []
    for row in (plain(one) for one in connection.execute(waiting.limit(limit)).mappings()):
        acceptance = (row["clock"] or {}).get("limits", {}).get(ACCEPTANCE)
        if acceptance is not None:
            found.append(_entry(row["id"], "dispatch", "", row["dispatched_at"], acceptance["limit_at"], None))
        for entry in row["operations"]:
            found.append(
                _entry(
                    row["id"], entry["operation"], entry["serial"], entry["at"], entry.get("limit_at"), entry.get("overdue")
                )
            )
        for report in row["held"]:
            if report["command"] in REPORTED:
                at = report["at"]
                given = limits.of(report["command"], row["area"], at)
                found.append(_entry(row["id"], REPORTED[report["command"]], report["serial"], at, given, None))
    found += [*_completions(connection, limits, limit), *_facts(connection, limits, limit)]
    found += [*_surveys(connection, limits, limit), *_schemes(connection, limits, limit)]
    return sorted(found, key=lambda one: (one["at"], one["order"]))


REPORTED = {"ReportCompletion": "completion", "TakeReschedule": "reschedule", "ProposeDeferral": "propose_deferral"}
"""Commands of provisioning the CRM may hold before it answers them, and what the list calls them."""


class _Limits:
    """By when a message's result is due, in the words of the reference: event, or use case of what comes in."""

    def __init__(self, reference: Reference | None) -> None:
        self._reference = reference

    def of(self, name: str, area: str, at: int) -> int | None:
        """The instant (ms); None where nobody says."""
        reference = self._reference
        given = None if reference is None else reference.result_limits.get(name)
        if reference is None or given is None:
            return None
        seconds, clock = given
        return reference.calendar_of(area).add(at, seconds * 1000) if clock == "working" else at + seconds * 1000


def _completions(connection: Connection, limits: _Limits, limit: int) -> list[Row]:
    """Completions the CRM has not decided on: a person is to (OH13)."""
    o, i = t.service_order.c, t.order_item.c
    wanted = (
        select(o.id, o.area, func.min(i.since).label("at"))
        .join(t.order_item, i.order_id == o.id)
        .where(o.ended_at.is_(None), i.progress == "COMPLETING")
        .group_by(o.id, o.area)
        .order_by(o.id)
        .limit(limit)
    )
    rows = connection.execute(wanted).mappings()
    found = [(row["id"], row["at"], limits.of("ReportCompletion", row["area"], row["at"])) for row in rows]
    return [_entry(order, "completion", "", at, limit_at, None) for order, at, limit_at in found]


def _surveys(connection: Connection, limits: _Limits, limit: int) -> list[Row]:
    s = p.survey.c
    columns = (s.id, s.area, s.serial, s.cancel_serial, s.requested_at)
    rows = connection.execute(select(*columns).where(s.closed_at.is_(None)).order_by(s.requested_at, s.id).limit(limit))
    found: list[Row] = []
    for row in rows.mappings():
        at, area = row["requested_at"], row["area"]
        found.append(_entry(row["id"], "survey", row["serial"], at, limits.of("SurveyRequested", area, at), None))
        if row["cancel_serial"] is not None:
            limit_at = limits.of("SurveyCancelled", area, at)
            found.append(_entry(row["id"], "cancel_survey", row["cancel_serial"], at, limit_at, None))
    return found


def _schemes(connection: Connection, limits: _Limits, limit: int) -> list[Row]:
    """Versions that are to be designed (states 10, 20), and decisions without result."""
    r = p.scheme_request.c
    columns = (r.id, r.area, r.state, r.requested_at, r.operations_json)
    open_ones = select(*columns).where(r.closed_at.is_(None)).order_by(r.requested_at, r.id).limit(limit)
    found: list[Row] = []
    for row in (plain(one) for one in connection.execute(open_ones).mappings()):
        at, area = row["requested_at"], row["area"]
        if row["state"] in UNDESIGNED:
            found.append(_entry(row["id"], "scheme", "", at, limits.of("SchemeRequested", area, at), None))
        for entry in row["operations"]:
            limit_at = limits.of(DECISIONS[entry["operation"]], area, entry["at"])
            found.append(_entry(row["id"], f"{entry['operation']}_scheme", entry["serial"], entry["at"], limit_at, None))
    return found


def _facts(connection: Connection, limits: _Limits, limit: int) -> list[Row]:
    b = t.billing_record.c
    columns = (b.service_order_id, b.area, b.serial, b.sent_at, b.reason_json)
    open_facts = select(*columns).where(b.state == "sent").order_by(b.sent_at)
    rows = [plain(row) for row in connection.execute(open_facts.limit(limit)).mappings()]
    return [
        _entry(
            row["service_order_id"], "billing", row["serial"], row["sent_at"],
            limits.of("BillingDue", row["area"], row["sent_at"]), (row["reason"] or {}).get("fallout_id"),
        )
        for row in rows
    ]


def _entry(order: str, operation: str, serial: str, at: int, limit_at: int | None, record: Any) -> Row:
    return {"order": order, "operation": operation, "serial": serial, "at": at, "limit_at": limit_at, "fallout": record}
