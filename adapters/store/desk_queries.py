"""What desk and watchdog look up: fallout records, and commands without result (spec 06.1 promise 5, 06.2). Reads only."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.engine import Connection

from adapters.store import tables as t
from adapters.store.queries import Row, plain


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
    """Fallout records, oldest first; without ``state`` those that are not closed."""
    f = t.fallout.c
    conditions: list[ColumnElement[bool]] = [f.closed_at.is_(None)] if state is None else [f.state == state]
    wanted = ((f.error_class, error_class), (f.area, area), (f.service_order_id, order), (f.owner, owner))
    conditions += [column == value for column, value in wanted if value is not None]
    found = select(t.fallout).where(*conditions).order_by(f.opened_at, f.id).limit(limit)
    return [plain(row) for row in connection.execute(found).mappings()]


def fallout(connection: Connection, fallout_id: str) -> Row | None:
    """One record with everything it holds."""
    row = connection.execute(select(t.fallout).where(t.fallout.c.id == fallout_id)).mappings().first()
    return None if row is None else plain(row)


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


def unanswered(connection: Connection, limit: int = 1000) -> list[Row]:
    """Accepted commands without a terminal report, the longest waiting first: ``order``, ``operation``, ``serial``, ``at``,
    ``limit_at`` (ms, None where the row has none) and ``fallout`` (the record opened for it, if any)."""
    o = t.service_order.c
    columns = (o.id, o.state, o.dispatched_at, o.operations_json, o.clock_json)
    early = o.state.in_(("SUBMITTED", "ACKNOWLEDGED", "FALLOUT"))
    waiting = select(*columns).where(o.ended_at.is_(None), or_(o.operations_json != "[]", early)).order_by(o.since, o.id)
    found: list[Row] = []
    for row in (plain(one) for one in connection.execute(waiting.limit(limit)).mappings()):
        acceptance = (row["clock"] or {}).get("limits", {}).get("acceptance")
        if acceptance is not None:
            found.append(_entry(row["id"], "dispatch", "", row["dispatched_at"], acceptance["limit_at"], None))
        for entry in row["operations"]:
            found.append(
                _entry(
                    row["id"], entry["operation"], entry["serial"], entry["at"], entry.get("limit_at"), entry.get("overdue")
                )
            )
    return sorted([*found, *_facts(connection, limit)], key=lambda one: (one["at"], one["order"]))


def _facts(connection: Connection, limit: int) -> list[Row]:
    b = t.billing_record.c
    open_facts = select(b.service_order_id, b.serial, b.sent_at, b.reason_json).where(b.state == "sent").order_by(b.sent_at)
    rows = [plain(row) for row in connection.execute(open_facts.limit(limit)).mappings()]
    return [
        _entry(row["service_order_id"], "billing", row["serial"], row["sent_at"], None, (row["reason"] or {}).get("fallout_id"))
        for row in rows
    ]


def _entry(order: str, operation: str, serial: str, at: int, limit_at: int | None, record: Any) -> Row:
    return {"order": order, "operation": operation, "serial": serial, "at": at, "limit_at": limit_at, "fallout": record}
