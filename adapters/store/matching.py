"""What a peer names by other marks than its id: customers and product instances found by them (spec 05.1)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, select, text
from sqlalchemy.engine import Engine

from adapters.store import tables as t
from adapters.store.engine import reading
from adapters.store.message_machine import PARKED

_TABLES = {"customer": t.customer, "product_instance": t.product_instance}
_LIVE = {"product_instance": t.product_instance.c.ended_at.is_(None)}
"""What has ended is not meant by anybody."""


def matching(engine: Engine) -> Callable[[str, str, dict[str, str]], list[str]]:
    """Finds the different values of ``column`` in a table's rows that have what is asked by column; two at most, in order."""

    def find(table: str, column: str, by: dict[str, str]) -> list[str]:
        columns = _TABLES[table].c
        where = [columns[name] == value for name, value in by.items()]
        where += [_LIVE[table]] if table in _LIVE else []
        statement = select(columns[column]).distinct().where(*where).order_by(columns[column]).limit(2)
        with reading(engine).connect() as connection:
            return [str(value) for value in connection.execute(statement).scalars()]

    return find


def parked_under(engine: Engine, peer: str, key: str) -> list[tuple[int, bytes, str]]:
    """Messages of a peer that wait under a key: id, bytes and charset, as they came."""
    message, body = t.message.c, t.message_body.c
    statement = (
        select(message.id, body.raw, body.charset)
        .join_from(t.message, t.message_body, body.message_id == message.id)
        .where(message.order_key == key, message.peer == peer, message.direction == "in", message.state == PARKED)
        .order_by(message.id)
    )
    with reading(engine).connect() as connection:
        return [(int(name), bytes(raw), str(charset)) for name, raw, charset in connection.execute(statement)]


def stale_groups(engine: Engine, until: int, limit: int) -> list[tuple[str, str, int]]:
    """Groups of packages nobody was told of and whose last one came at ``until`` (ms) or before: peer, key, id of the first."""
    m = t.message.c
    first = func.min(m.id)
    statement = (
        select(m.peer, m.order_key, first)
        .where(text(t.WAITING_PIECE))
        .group_by(m.peer, m.order_key)
        .having(func.max(m.first_seen) <= until, func.max(m.error_class).is_(None))
        .order_by(first)
        .limit(limit)
    )
    with reading(engine).connect() as connection:
        return [(str(peer), str(key), int(name)) for peer, key, name in connection.execute(statement)]


def raw_of(engine: Engine, message_id: int) -> tuple[bytes, str]:
    """The bytes a message came as, and their charset. Raises LookupError."""
    columns = t.message_body.c
    statement = select(columns.raw, columns.charset).where(columns.message_id == message_id)
    with reading(engine).connect() as connection:
        found = connection.execute(statement).first()
    if found is None:
        raise LookupError(f"报文 {message_id} 没有内容 / message {message_id} has no bytes")
    return bytes(found[0]), str(found[1])
