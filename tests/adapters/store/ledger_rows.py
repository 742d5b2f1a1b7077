"""Many rows to reconcile, straight into the tables: made of what is not null, one after the other by id and time."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Engine

from adapters.store import tables as t

FIRST = 1_795_309_200_000
"""When the first was captured; each next one a second later."""
AREA = "025"


def _blank(table: Table) -> dict[str, Any]:
    return {c.name: "" if c.type.python_type is str else 0 for c in table.columns if not c.nullable}


def many(engine: Engine, orders: int) -> None:
    """Orders of PF0001, with a charging fact and an instance with one resource each."""
    tables: dict[Table, list[dict[str, Any]]] = {t.service_order: [], t.billing_record: [], t.product_instance: []}
    blanks = {table: _blank(table) for table in tables}
    for n in range(orders):
        at = FIRST + n * 1000
        tables[t.service_order].append(
            {"id": f"SO{n:06d}", "area": AREA, "captured_at": at, "dispatched_at": at,
             "pf_system": "PF0001", "state": "ENDED", "version": 1}
        )
        tables[t.billing_record].append(
            {"id": f"B{n:06d}", "area": AREA, "effective_at": at, "serial": f"CRM001{n:024d}", "state": "accepted"}
        )
        tables[t.product_instance].append(
            {"id": f"PI{n:06d}", "area": AREA, "activated_at": at, "resources_json": f'[{{"res_inst_id":"R{-n % 977}-{n}"}}]'}
        )
    with engine.begin() as connection:
        for table, rows in tables.items():
            connection.execute(table.insert(), [blanks[table] | row for row in rows])
