"""What people and tools look up in a store: orders with everything about them, messages with bytes and attempts.

Reads only, on a connection of its own (``open_engine(url, read_only=True)``), never on the writer's.  Rows are dicts by
column name; columns named ``x_json`` come back decoded as ``x``; times stay ms.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.engine import Connection, RowMapping

from adapters.store import tables as t
from adapters.store.relays import legs

Row = dict[str, Any]

SINGLES = ("stage_record", "billing_record", "fallout")


def plain(mapping: RowMapping) -> Row:
    """A row as a dict with its JSON columns decoded."""
    row: Row = {}
    for name, value in mapping.items():
        if name.endswith("_json"):
            row[name.removesuffix("_json")] = None if value is None else json.loads(value)
        else:
            row[name] = value
    return row


def _all(connection: Connection, statement: Select[Any]) -> list[Row]:
    return [plain(row) for row in connection.execute(statement).mappings()]


def _one(connection: Connection, statement: Select[Any]) -> Row | None:
    row = connection.execute(statement).mappings().first()
    return None if row is None else plain(row)


def orders(
    connection: Connection,
    *,
    state: str | None = None,
    area: str | None = None,
    customer: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Row]:
    """Service orders by id, newest first, with products and actions of their items; ``after`` is the last id seen."""
    o, i = t.service_order.c, t.order_item.c
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in ((o.state, state), (o.area, area), (o.customer_id, customer)):
        if wanted is not None:
            conditions.append(column == wanted)
    if after is not None:
        conditions.append(o.id < after)
    columns = (o.id, o.customer_order_id, o.customer_id, o.area, o.action, o.state, o.stage, o.since, o.captured_at, o.ended_at)
    found = _all(connection, select(*columns).where(*conditions).order_by(o.id.desc()).limit(limit))
    items = _all(
        connection,
        select(i.order_id, i.item_id, i.product, i.action).where(i.order_id.in_([row["id"] for row in found])),
    )
    for row in found:
        mine = [item for item in items if item["order_id"] == row["id"]]
        row["products"] = list(dict.fromkeys(item["product"] for item in mine))
    return found


def service_order_ids(connection: Connection, order_id: str) -> list[str]:
    """The service orders that ``order_id`` names: itself, or those of the customer order of that id; may be empty."""
    o = t.service_order.c
    found = connection.execute(select(o.id).where(or_(o.id == order_id, o.customer_order_id == order_id)).order_by(o.id))
    return list(found.scalars())


def order(connection: Connection, service_order_id: str) -> Row | None:
    """One service order with ``customer``, ``items``, ``stages``, ``billing``, ``fallouts``, ``history`` and ``messages``."""
    head = _one(connection, select(t.service_order).where(t.service_order.c.id == service_order_id))
    if head is None:
        return None
    head["customer"] = _one(
        connection,
        select(t.customer.c.id, t.customer.c.name, t.customer.c.type, t.customer.c.area, t.customer.c.status).where(
            t.customer.c.id == head["customer_id"]
        ),
    )
    i = t.order_item.c
    head["items"] = _all(connection, select(t.order_item).where(i.order_id == service_order_id).order_by(i.position, i.version))
    for name, table in zip(("stages", "billing", "fallouts"), SINGLES, strict=True):
        columns = t.metadata.tables[table]
        head[name] = _all(connection, select(columns).where(columns.c.service_order_id == service_order_id))
    head["stages"].sort(key=lambda row: (row["report_seq"], row["at"]))
    head["history"] = history(connection, service_order_id)
    head["messages"] = order_messages(connection, head)
    return head


def history(connection: Connection, subject_id: str) -> list[Row]:
    """The history of an order, item or message, oldest first (hashes left out)."""
    h = t.history.c
    columns = (h.at, h.subject, h.subject_id, h.input, h.state_from, h.state_to, h.actor, h.serial, h.detail)
    return _all(connection, select(*columns).where(h.subject_id == subject_id).order_by(h.chain, h.seq))


def order_messages(connection: Connection, head: Row) -> list[Row]:
    """Messages about one order: its own, its capture, its billing notices and what answers them; oldest first.

    ``sent_at`` and ``reply_at`` are those of the first and last attempt of an outbound message.
    """
    m, a = t.message.c, t.attempt.c
    serials = [row["serial"] for row in head["billing"]]
    found = _all(
        connection,
        select(t.message)
        .where(
            or_(
                m.order_key.in_([head["id"], head["customer_order_id"]]),
                m.serial.in_(serials),
                m.ref_serial.in_(serials),
            )
        )
        .order_by(m.id),
    )
    ids = [row["id"] for row in found]
    times = connection.execute(
        select(a.message_id, func.min(a.sent_at), func.max(a.reply_at)).where(a.message_id.in_(ids)).group_by(a.message_id)
    )
    sent = {message_id: (first, last) for message_id, first, last in times}
    for row in found:
        row["sent_at"], row["reply_at"] = sent.get(row["id"], (None, None))
    return found


def messages(
    connection: Connection,
    *,
    code: str | None = None,
    peer: str | None = None,
    state: str | None = None,
    order_key: str | None = None,
    direction: str | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[Row]:
    """The message log, newest first; ``after`` is the last id seen."""
    m = t.message.c
    conditions: list[ColumnElement[bool]] = []
    wanted = ((m.code, code), (m.peer, peer), (m.state, state), (m.order_key, order_key), (m.direction, direction))
    for column, value in wanted:
        if value is not None:
            conditions.append(column == value)
    if after is not None:
        conditions.append(m.id < after)
    return _all(connection, select(t.message).where(*conditions).order_by(m.id.desc()).limit(limit))


def message(connection: Connection, name: str) -> Row | None:
    """One message by id or serial, with ``body`` (bytes), ``document``, ``attempts``, ``history`` and ``legs``, those it was
    handed on as or for."""
    m = t.message.c
    by_id = [m.id == int(name)] if name.isdecimal() and len(name) < 19 else []
    head = _one(connection, select(t.message).where(or_(m.serial == name, *by_id)).order_by(m.id))
    if head is None:
        return None
    key = head["id"]
    head["body"] = _one(connection, select(t.message_body).where(t.message_body.c.message_id == key))
    head["document"] = _one(connection, select(t.message_document).where(t.message_document.c.message_id == key))
    a = t.attempt.c
    head["attempts"] = _all(connection, select(t.attempt).where(a.message_id == key).order_by(a.n))
    head["history"] = history(connection, str(key))
    head["legs"] = legs(connection, key)
    return head


def counts(connection: Connection) -> Row:
    """How many orders and messages stand in which state, and how many fallout records are open."""

    def by_state(column: Any, *where: ColumnElement[bool]) -> dict[str, int]:
        rows = connection.execute(select(column, func.count()).where(*where).group_by(column).order_by(column))
        return {str(state): int(number) for state, number in rows}

    return {
        "orders": by_state(t.service_order.c.state),
        "messages_out": by_state(t.message.c.state, t.message.c.direction == "out"),
        "messages_in": by_state(t.message.c.state, t.message.c.direction == "in"),
        "fallouts": by_state(t.fallout.c.state),
    }


def states_of(connection: Connection, customer_order_ids: list[str]) -> dict[str, list[Row]]:
    """For each customer order its service orders' id, state and stage: what a progress display needs, cheaply."""
    o = t.service_order.c
    found: dict[str, list[Row]] = {name: [] for name in customer_order_ids}
    columns = (o.id, o.customer_order_id, o.state, o.stage, o.since, o.captured_at, o.ended_at)
    for row in _all(connection, select(*columns).where(o.customer_order_id.in_(customer_order_ids)).order_by(o.id)):
        found[row["customer_order_id"]].append(row)
    return found


def captured(connection: Connection, prefix: str) -> list[str]:
    """Ids of customer orders that begin with ``prefix``, sorted."""
    c = t.customer_order.c
    found = connection.execute(select(c.id).where(c.id.startswith(prefix, autoescape=True)).order_by(c.id))
    return list(found.scalars())


def customer_of(connection: Connection, customer_order_id: str) -> str | None:
    """The customer of a customer order."""
    c = t.customer_order.c
    found = connection.execute(select(c.customer_id).where(c.id == customer_order_id)).scalar()
    return None if found is None else str(found)


def billing_of(connection: Connection, service_order_ids: list[str]) -> list[Row]:
    """Charging facts of some orders: kind and state."""
    b = t.billing_record.c
    return _all(connection, select(b.kind, b.state).where(b.service_order_id.in_(service_order_ids)).order_by(b.id))
