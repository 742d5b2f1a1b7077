"""Entities to rows and back, by plain functions built once from the tables (libraries.md: core classes are never instrumented).

A ``Mapping`` knows one entity class and its table.  Columns named ``x_json`` hold field ``x`` as JSON text; every other column
holds the field of its own name.  ``clone`` makes the working copy of architecture 4: lists and dicts are copied one level deep,
so that a use case may append to them, while what they contain is replaced, never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Boolean, Table

from adapters.store import tables as t
from crm_core.billing.model import BillingRecord
from crm_core.customers.model import Account, Customer
from crm_core.fallout.model import Fallout
from crm_core.orders.model import CustomerOrder, OrderItem, ServiceOrder, StageRecord
from crm_core.products.model import ProductInstance
from crm_core.resources.model import Reservation

Row = tuple[Any, ...]

def dumps(value: Any) -> str:
    """Compact JSON text; empty lists, which are most of what is written, without the encoder."""
    if value == []:
        return "[]"
    return orjson.dumps(value).decode()


def loads(text: str) -> Any:
    """What ``dumps`` wrote."""
    if text == "[]":
        return []
    return orjson.loads(text)


class Mapping:
    """One entity class and its table. ``kind`` is the name commands use in ``prefetch``; ``key`` the id column."""

    def __init__(self, kind: str, cls: type, table: Table, *, key: str = "id", without: Sequence[str] = ()) -> None:
        self.kind = kind
        self.cls = cls
        self.table = table
        self.key = key
        self.versioned = "row_version" in table.c
        names = [f.name for f in fields(cls) if f.name not in without]
        self.columns: tuple[str, ...] = tuple(name if name in table.c else f"{name}_json" for name in names)
        self._json = tuple(i for i, column in enumerate(self.columns) if column.endswith("_json"))
        self._bool = tuple(i for i, c in enumerate(self.columns) if isinstance(table.c[c].type, Boolean))
        self._names = tuple(names)
        self._get: Callable[[Any], Row] = attrgetter(*names)
        all_fields = [f.name for f in fields(cls)]
        self._all: Callable[[Any], Row] = attrgetter(*all_fields)
        self._containers = tuple(
            f.name for f in fields(cls) if f.default_factory is list or f.default_factory is dict
        )

    def row(self, entity: Any) -> Row:
        """The entity as values in the order of ``columns``."""
        values = list(self._get(entity))
        for i in self._json:
            value = values[i]
            if value is not None:
                values[i] = dumps(value)
        return tuple(values)

    def entity(self, row: Row) -> Any:
        """The entity of a row read in the order of ``columns``."""
        values = list(row)
        for i in self._json:
            if values[i] is not None:
                values[i] = loads(values[i])
        for i in self._bool:
            values[i] = bool(values[i])
        return self.cls(**dict(zip(self._names, values, strict=True)))

    def clone(self, entity: Any) -> Any:
        """A working copy."""
        copy = self.cls(*self._all(entity))
        for name in self._containers:
            setattr(copy, name, getattr(copy, name).copy())
        return copy


CUSTOMER = Mapping("customer", Customer, t.customer)
ACCOUNT = Mapping("account", Account, t.account)
CUSTOMER_ORDER = Mapping("customer_order", CustomerOrder, t.customer_order)
ORDER = Mapping("order", ServiceOrder, t.service_order, without=("items",))
ITEM = Mapping("item", OrderItem, t.order_item)
INSTANCE = Mapping("instance", ProductInstance, t.product_instance)
RESERVATION = Mapping("reservation", Reservation, t.reservation)
BILLING = Mapping("billing", BillingRecord, t.billing_record)
FALLOUT = Mapping("fallout", Fallout, t.fallout)
STAGE = Mapping("stage", StageRecord, t.stage_record, key="service_order_id")

ENTITIES: tuple[Mapping, ...] = (CUSTOMER, ACCOUNT, CUSTOMER_ORDER, ORDER, INSTANCE, RESERVATION, BILLING, FALLOUT)
"""Kinds with an id of their own, in the order they are written; items and stages go with their order."""

BY_KIND = {m.kind: m for m in ENTITIES}
BY_CLASS: dict[type, Mapping] = {m.cls: m for m in ENTITIES}


def clone_order(order: ServiceOrder) -> ServiceOrder:
    """A working copy of a service order with its items."""
    copy: ServiceOrder = ORDER.clone(order)
    copy.items = [ITEM.clone(item) for item in order.items]
    return copy
