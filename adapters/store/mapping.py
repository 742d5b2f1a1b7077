"""Entities to rows and back, by plain functions built once from the tables (libraries.md: core classes are never instrumented).

A ``Mapping`` knows one entity class and its table.  Columns named ``x_json`` hold field ``x`` as JSON text; every other column
holds the field of its own name.  ``clone`` makes the working copy of architecture 4: lists and dicts are copied one level deep,
so that a use case may append to them, while what they contain is replaced, never changed in place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Boolean, Table

from adapters.store import tables as t
from crm_core.billing.model import BillingRecord
from crm_core.customers.model import Account, Customer
from crm_core.customers.notice import CustomerNotice
from crm_core.cutover.model import Cutover, CutoverItem
from crm_core.fallout.model import Fallout
from crm_core.orders.model import CustomerOrder, OrderItem, ServiceOrder, StageRecord
from crm_core.products.model import ProductInstance
from crm_core.resources.model import Confirmation, Reservation
from crm_core.schemes.model import Scheme, SchemeRequest
from crm_core.surveys.model import Survey

Row = tuple[Any, ...]
Json = Callable[[Iterable[Any]], Sequence[Any]]
"""What writes values as JSON: ``texts`` or ``packed``."""


def dumps(value: Any) -> str | None:
    """Compact JSON text; None stays None, and empty lists, which are most of what is written, need no encoder."""
    if value is None:
        return None
    return orjson.dumps(value).decode() if value else _EMPTY[type(value)]


def texts(values: Iterable[Any]) -> list[str | None]:
    """``dumps`` of each."""
    return [dumps(value) for value in values]


def packed(values: Iterable[Any]) -> list[bytes | None]:
    """As ``texts``, in UTF-8: a database that takes bytes for text is spared texts made only to be encoded again."""
    return [None if value is None else orjson.dumps(value) if value else _PACKED[type(value)] for value in values]


_EMPTY: dict[Any, str] = {list: "[]", dict: "{}", str: '""'}
_PACKED = {kind: text.encode() for kind, text in _EMPTY.items()}


def loads(text: str | None) -> Any:
    """What ``dumps`` wrote."""
    if text is None:
        return None
    return [] if text == "[]" else orjson.loads(text)


def _tuple_getter(names: list[str]) -> Callable[[Any], Row]:
    """``attrgetter`` that gives a tuple for one name or none, too."""
    if len(names) > 1:
        return attrgetter(*names)
    if not names:
        return lambda _entity: ()
    one = attrgetter(names[0])
    return lambda entity: (one(entity),)


class Mapping:
    """One entity class and its table. ``kind`` is the name commands use in ``prefetch``; ``key`` the id column."""

    def __init__(self, kind: str, cls: type, table: Table, *, key: str = "id", without: Sequence[str] = ()) -> None:
        self.kind = kind
        self.cls = cls
        self.table = table
        self.key = key
        names = [f.name for f in fields(cls) if f.name not in without]
        plain = [name for name in names if name in table.c]
        structured = [name for name in names if name not in table.c]
        self.columns: tuple[str, ...] = (*plain, *(f"{name}_json" for name in structured))
        self._names = (*plain, *structured)
        self.values: Callable[[Any], Row] = attrgetter(*self._names)
        """The entity's fields in the order of ``columns``, structured ones as they are."""
        self._plain: Callable[[Any], Row] = attrgetter(*plain)
        self._structured = _tuple_getter(structured)
        self._first_json = len(plain)
        self._bool = tuple(i for i, c in enumerate(plain) if isinstance(table.c[c].type, Boolean))
        self._all: Callable[[Any], Row] = attrgetter(*(f.name for f in fields(cls)))
        self._containers = tuple(f.name for f in fields(cls) if f.default_factory in (list, dict))

    def row(self, entity: Any, json: Json) -> Row:
        """The entity as values in the order of ``columns``: plain ones, then those that are JSON, as ``json`` writes them."""
        return (*self._plain(entity), *json(self._structured(entity)))

    def stored(self, at: int, values: Sequence[Any], json: Json) -> Sequence[Any]:
        """Values of the column at position ``at`` as they are written."""
        return values if at < self._first_json else json(values)

    def entity(self, row: Row) -> Any:
        """The entity of a row read in the order of ``columns``."""
        first = self._first_json
        values = [*row[:first], *map(loads, row[first:])]
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
CONFIRMATION = Mapping("confirmation", Confirmation, t.confirmation)
SURVEY = Mapping("survey", Survey, t.survey)
SCHEME_REQUEST = Mapping("scheme_request", SchemeRequest, t.scheme_request)
SCHEME = Mapping("scheme", Scheme, t.scheme)
CUTOVER = Mapping("cutover", Cutover, t.cutover)
CUTOVER_ITEM = Mapping("cutover_item", CutoverItem, t.cutover_item)
CUSTOMER_NOTICE = Mapping("customer_notice", CustomerNotice, t.customer_notice)
STAGE = Mapping("stage", StageRecord, t.stage_record, key="service_order_id")

ENTITIES: tuple[Mapping, ...] = (
    CUSTOMER, ACCOUNT, CUSTOMER_ORDER, ORDER, INSTANCE, RESERVATION, BILLING, FALLOUT, CONFIRMATION, SURVEY, SCHEME_REQUEST,
    SCHEME, CUTOVER, CUTOVER_ITEM, CUSTOMER_NOTICE,
)  # fmt: skip
"""Kinds with an id of their own, in the order they are written; items and stages go with their order."""

BY_KIND = {m.kind: m for m in ENTITIES}
BY_CLASS: dict[type, Mapping] = {m.cls: m for m in ENTITIES}


def clone_order(order: ServiceOrder) -> ServiceOrder:
    """A working copy of a service order with its items."""
    copy: ServiceOrder = ORDER.clone(order)
    copy.items = [ITEM.clone(item) for item in order.items]
    return copy
