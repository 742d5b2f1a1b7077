"""The demo on the terminal: a live table while orders run (plain lines where there is no terminal), then a row an order."""

from __future__ import annotations

import sys
from typing import Any

import click

from adapters.store import queries
from adapters.xml.codec import Codec
from gateway.cli.demo import DemoOrder
from gateway.cli.output import masked, span, table

Row = dict[str, Any]


class Progress:
    """Shows how the orders stand: rich on a terminal, else one line for each change of state."""

    def __init__(self, *, silent: bool = False) -> None:
        self._silent = silent
        self._seen: dict[str, str] = {}
        self._live: Any = None
        if not silent and sys.stdout.isatty():
            from rich.live import Live

            self._live = Live(refresh_per_second=8, transient=True, redirect_stderr=False)
            self._live.start()

    def update(self, orders: list[DemoOrder]) -> None:
        """Called whenever something may have changed."""
        if self._live is not None:
            self._live.update(self._table(orders))
            return
        for order in () if self._silent else orders:
            shown = f"{order.state} {order.stage}".strip()
            if shown and self._seen.get(order.id) != shown:
                self._seen[order.id] = shown
                click.echo(f"  {order.id}  {shown}")

    def close(self) -> None:
        """Gives the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _table(self, orders: list[DemoOrder]) -> Any:
        from rich import box
        from rich.table import Table

        ended = sum(order.ended_at is not None for order in orders)
        made = Table(box=box.SIMPLE_HEAD, title=f"演示定单 demo orders {ended}/{len(orders)}", title_justify="left")
        for column in ("定单 order", "状态 state", "环节 stage"):
            made.add_column(column)
        for order in orders:
            mark = "" if order.ended_at is None else "✔ " if order.reached else "✘ "
            made.add_row(order.id, mark + order.state, order.stage)
        return made


def results(connection: Any, codec: Codec, orders: list[DemoOrder]) -> list[Row]:
    """One row an order for the closing table and for ``--json``; what a refused order asked for is read from its file."""
    return [_result(connection, codec, order) for order in orders]


def _result(connection: Any, codec: Codec, order: DemoOrder) -> Row:
    found = [queries.order(connection, name) for name in queries.service_order_ids(connection, order.id)]
    rows = [row for row in found if row is not None]
    asked = codec.decode(order.raw).body
    customer = rows[0]["customer"] if rows else asked["customer"]
    submitted = order.submitted_at
    return {
        "order": order.id,
        "service_orders": [row["id"] for row in rows],
        "customer": f"{customer.get('id', '')} {masked(customer.get('name'))}".strip(),
        "products": list(dict.fromkeys(item["product"] for item in asked["items"])),
        "actions": list(dict.fromkeys(item["action"] for item in asked["items"])),
        "state": order.state or order.receipt,
        "expected": order.expect,
        "reached": order.reached,
        "stages": sum(len(row["stages"]) for row in rows),
        "ms": None if order.ended_at is None or submitted is None else order.ended_at - submitted,
        "billing": [f"{entry['kind']} {entry['state']}" for row in rows for entry in row["billing"]],
    }


def tell(rows: list[Row]) -> None:
    """The closing table."""
    columns = ("定单 order", "客户 customer", "产品 product", "动作 action", "状态 state", "环节 stages", "用时 time",
               "计费 billing", "")  # fmt: skip
    table("", columns, [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[object, ...]:
    mark = "✔" if row["reached"] else f"✘ 应为 expected {row['expected']}"
    return (row["order"], row["customer"], "+".join(row["products"]), "+".join(row["actions"]), row["state"], row["stages"],
            span(row["ms"]), ", ".join(row["billing"]), mark)  # fmt: skip
