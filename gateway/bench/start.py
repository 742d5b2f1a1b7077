"""``bssgw bench start``: how long a gateway takes until it serves, on an empty store and with many open orders.

The open orders are one real order, taken in by a real gateway, multiplied in the database: every row that carries one of
its ids, with ids of its own.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from sqlalchemy import Table, select, text
from sqlalchemy.engine import Connection

from adapters.store.engine import open_engine
from adapters.store.tables import metadata
from gateway.bench.intake import PEERS
from gateway.bench.rig import Progress, Rig, prepare_store, rig, start_gateway, write_config
from gateway.clock import wall_ms

COPIED = ("customer_order", "service_order", "order_item", "product_instance", "message", "message_document", "message_body")
_STEP = 100
"""Numbers between the copies of an id: more than ids of one kind in an order."""


def measure(orders: int, rounds: int, progress: Progress) -> dict[str, Any]:
    """The figures: empty_seconds, open_orders_seconds (medians over ``rounds``), open_orders."""
    with rig() as made:
        empty = []
        for number in range(rounds):
            data = made.folder / f"empty-{number}"
            data.mkdir()
            empty.append(_start(made, write_config(data, "tcp://127.0.0.1:0", PEERS)))
            progress(f"empty {empty[-1]:.2f} s")
        data = made.folder / "full"
        config = _one_order(made, data)
        progress(f"{orders} orders …")
        found = multiply(data / "gateway.db", orders)
        full = []
        for _ in range(rounds):
            full.append(_start(made, config))
            progress(f"{found} open orders {full[-1]:.2f} s")
    return {
        "empty_seconds": round(median(empty), 3),
        "open_orders_seconds": round(median(full), 3),
        "open_orders": found,
    }


def _start(made: Rig, config: Path) -> float:
    """Seconds from starting the process to its saying that it is ready."""
    begun = wall_ms()
    started, _ = start_gateway(made, config)
    ready = wall_ms()
    made.stop(started)
    return (ready - begun) / 1000


def _one_order(made: Rig, data: Path) -> Path:
    """A store with one open order; its configuration."""
    prepare_store(data)
    config = write_config(data, "tcp://127.0.0.1:0", PEERS)
    gateway, address = start_gateway(made, config)
    options = ("--address", address, "--orders", "1", "--connections", "1", "--window", "1", "--warm-up", "0")
    made.run("client", "gateway.bench.client", *options)
    made.stop(gateway)
    return config


def multiply(database: Path, orders: int) -> int:
    """Let the store's one open order be ``orders``; returns how many open orders there are then."""
    engine = open_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        ids = _ids(connection)
        for name in COPIED:
            table = metadata.tables[name]
            rows = connection.execute(select(table)).mappings().all()
            connection.execute(text(_copies(table, [dict(row) for row in rows], ids)), {"orders": orders})
        connection.execute(text("UPDATE counter SET value = value + :far"), {"far": orders * _STEP + 1})
        found = connection.execute(text("SELECT count(*) FROM service_order WHERE ended_at IS NULL")).scalar_one()
    engine.dispose()
    return int(found)


def _ids(connection: Connection) -> list[str]:
    """Everything that names the order, its instances and its messages."""
    found: list[str] = []
    for statement in (
        "SELECT id FROM customer_order",
        "SELECT id FROM service_order",
        "SELECT id FROM product_instance",
        "SELECT serial FROM message",
    ):
        found += [str(row[0]) for row in connection.execute(text(statement))]
    return found


def _copies(table: Table, rows: list[dict[str, Any]], ids: list[str]) -> str:
    """An INSERT of the ``rows`` of ``table`` once more for each of 2..orders; ids and message numbers are counted on."""
    columns = []
    for column in table.columns:
        if column.name == "message_id" or (column.name == "id" and table.name == "message"):
            columns.append(f"{column.name} + n * {_STEP}")
            continue
        value = column.name
        for place, name in enumerate(ids):
            if any(isinstance(row[column.name], str) and name in row[column.name] for row in rows):
                value = f"replace({value}, '{name}', '{name[:-9]}' || printf('%09d', n * {_STEP} + {place}))"
        columns.append(value)
    names = ", ".join(column.name for column in table.columns)
    numbers = "WITH RECURSIVE number(n) AS (SELECT 2 UNION ALL SELECT n + 1 FROM number WHERE n < :orders)"
    return f"{numbers} INSERT INTO {table.name} ({names}) SELECT {', '.join(columns)} FROM {table.name}, number"
