"""A store with one order in it, from submission to billing, for the auditor's tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Table, insert
from sqlalchemy.engine import Connection

from adapters.store import tables as t
from adapters.store.history import GENESIS, Chain
from gateway.proof.memory_store import memory_store

NOW = 1_795_656_600_000
SO, PI, CO = "SO000000000001", "PI000000000001", "CO000000000001"
_FILL: dict[str, Any] = {"INTEGER": 0, "BIGINT": 0, "BOOLEAN": False, "BLOB": b"x"}


def put(connection: Connection, table: Table, **values: Any) -> None:
    """A row; columns that must have a value and are not named get one of no importance."""
    row = dict(values)
    for column in table.columns:
        if column.name not in row and not column.nullable:
            kind = str(column.type.dialect_impl(connection.dialect))
            empty = "[]" if column.name.endswith("_json") else ""
            row[column.name] = _FILL.get(kind.split("(")[0], empty)
    connection.execute(insert(table).values(row))


def message(connection: Connection, number: int, direction: str, code: str, peer: str, **values: Any) -> None:
    values = {"state": "DONE", "serial": f"{'CRM001' if direction == 'out' else peer}{number:024d}", **values}
    document = values.pop("document", None)
    put(connection, t.message, id=number, direction=direction, peer=peer, code=code, **values)
    if direction == "in":
        put(connection, t.inbox, sender=peer, serial=values["serial"], message_id=number, payload_hash=b"h")
    else:
        put(connection, t.message_document, message_id=number, document_json=json.dumps(document))


def fill(connection: Connection) -> None:
    """One order that was submitted, dispatched, completed and billed; it installed one instance with one port."""
    put(connection, t.customer_order, id=CO, state="COMPLETED", service_order_ids_json=json.dumps([SO]))
    put(connection, t.service_order, id=SO, customer_order_id=CO, version=1, state="COMPLETED", ended_at=NOW)
    item = {"order_id": SO, "item_id": "1", "version": 1, "action": "install", "instance_id": PI, "progress": "COMPLETED"}
    put(connection, t.order_item, **item)
    resources = json.dumps([{"res_inst_id": "P1", "res_type": "PORT", "role": "port"}])
    put(connection, t.product_instance, id=PI, status="active", resources_json=resources)
    put(connection, t.billing_record, id="b1", service_order_id=SO, instance_id=PI, kind="start", serial=f"CRM001{6:024d}")
    put(connection, t.stage_record, service_order_id=SO, version=1, report_seq=2, stage="ARCHIVE")
    message(connection, 1, "in", "CH01", "CH0001", order_key=CO)
    message(connection, 2, "out", "OH01", "PF0001", order_key=SO, document={"version": 1})
    message(connection, 3, "in", "OH08", "PF0001", order_key=SO)
    decision = {"service_order_id": SO, "items": [{"item_id": "1", "result": "accepted"}]}
    message(connection, 4, "out", "OH13", "PF0001", order_key=SO, document=decision)
    notice = {"service_order_id": SO, "state": "COMPLETED"}
    message(connection, 5, "out", "CH02", "CH0001", order_key=SO, document=notice)
    message(connection, 6, "out", "BL01", "BIL001", order_key=SO, document={})
    chain = Chain(1, 0, GENESIS)
    for before, after in (("DRAFT", "SUBMITTED"), ("SUBMITTED", "COMPLETED")):
        entry = (NOW, "order", SO, "x", before, after, "PF0001", "s", f"1:{before}>{after}")
        connection.execute(insert(t.history).values(chain.append(entry)))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = memory_store()
    with engine.connect() as connection:
        fill(connection)
        yield connection
    engine.dispose()


@pytest.fixture
def fill_store() -> Callable[[Connection], None]:
    return fill
