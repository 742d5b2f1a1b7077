"""Which outbound message is handed on for which inbound one (spec 06.1): the row that ties two legs, and its readings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.engine import Connection, Engine

from adapters.store import tables as t
from adapters.store.driver import Driver
from adapters.store.engine import reading
from adapters.store.sql import Dialect
from adapters.store.tables import OPEN_STATES

COLUMNS = (
    "message_id", "serial", "origin_id", "origin_peer", "origin_serial", "sender", "expires_at", "result_code", "result_text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RelayRow:
    """``message_id`` left under ``serial`` for ``sender``'s ``origin_serial``, which came from ``origin_peer`` as the
    message ``origin_id``; ``expires_at`` (ms, 0 never) is when it is of no use any more. A result goes on with the code and
    text its header came with."""

    message_id: int
    serial: str
    origin_id: int
    origin_peer: str
    origin_serial: str
    sender: str
    expires_at: int
    result_code: str | None = None
    result_text: str | None = None


class Relays:
    """Readings within the writer's transaction."""

    def __init__(self, dialect: Dialect) -> None:
        self._mark = dialect.mark

    def of_serial(self, driver: Driver, serial: str) -> RelayRow | None:
        """The row of a message that left under ``serial``."""
        return self._one(driver, f"r.serial = {self._mark}", serial)

    def open_of_origin(self, driver: Driver, origin_id: int) -> RelayRow | None:
        """The row of an inbound message whose second leg has not ended."""
        return self._one(driver, f"m.state IN {OPEN_STATES} AND r.origin_id = {self._mark}", origin_id)

    def last_leg(self, driver: Driver, origin_id: int) -> tuple[str, str | None] | None:
        """State and error class of what last went on for an inbound message, as the last commit left it."""
        sql = f"SELECT m.state, m.error_class {_FROM} WHERE r.origin_id = {self._mark} ORDER BY m.id DESC LIMIT 1"
        rows = driver.all(sql, (origin_id,))
        return (rows[0][0], rows[0][1]) if rows else None

    def _one(self, driver: Driver, where: str, value: Any) -> RelayRow | None:
        rows = driver.all(f"{_SELECT} WHERE {where}", (value,))
        return RelayRow(*rows[0]) if rows else None


_FROM = "FROM relay r JOIN message m ON m.id = r.message_id"
_SELECT = f"SELECT {', '.join(f'r.{name}' for name in COLUMNS)} {_FROM}"


def open_relays(engine: Engine) -> list[RelayRow]:
    """Every row whose message has not ended: what was under way when the process ended."""
    with reading(engine).connect() as connection:
        return [RelayRow(*row) for row in connection.exec_driver_sql(f"{_SELECT} WHERE m.state IN {OPEN_STATES}").fetchall()]


def relays_of(engine: Engine, ids: list[int]) -> list[RelayRow]:
    """The rows of outbound messages by their ids, read beside the writer; few: what people had sent again."""
    dialect = Dialect(engine.dialect.name)
    with reading(engine).connect() as connection:
        sql = f"{_SELECT} WHERE {dialect.in_set('r.message_id')}"
        return [RelayRow(*row) for row in connection.exec_driver_sql(sql, (dialect.ids(ids),)).fetchall()]


def legs(connection: Connection, message_id: int) -> list[dict[str, Any]]:
    """The other legs of a message handed on, by id: what it left as, or what it came in as (none: it is nobody else's)."""
    r, m = t.relay.c, t.message.c
    columns = (m.id, m.direction, m.peer, m.code, m.serial, m.state, m.result_code)
    left = select(*columns).join_from(t.relay, t.message, m.id == r.message_id).where(r.origin_id == message_id)
    came = select(*columns).join_from(t.relay, t.message, m.id == r.origin_id).where(r.message_id == message_id)
    found = [row for one in (left, came) for row in connection.execute(one.order_by(m.id)).mappings()]
    return [dict(row) for row in found]


def commands_about(engine: Engine, peer: str, codes: tuple[str, ...], key: str) -> list[RelayRow]:
    """The rows of messages with one of ``codes`` that went to ``peer`` about an order, the newest two; beside the writer."""
    mark = Dialect(engine.dialect.name).mark
    sql = (
        f"{_SELECT} WHERE m.order_key = {mark} AND m.peer = {mark} AND m.direction = 'out' "
        f"AND m.code IN ({', '.join([mark] * len(codes))}) ORDER BY m.id DESC LIMIT 2"
    )
    with reading(engine).connect() as connection:
        return [RelayRow(*row) for row in connection.exec_driver_sql(sql, (key, peer, *codes)).fetchall()]


def origin_of(engine: Engine, serial: str) -> RelayRow | None:
    """The row of a message that left under ``serial``, read beside the writer."""
    mark = Dialect(engine.dialect.name).mark
    with reading(engine).connect() as connection:
        row = connection.exec_driver_sql(f"{_SELECT} WHERE r.serial = {mark}", (serial,)).first()
    return None if row is None else RelayRow(*row)
