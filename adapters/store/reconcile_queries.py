"""Our side of a reconciliation: rows of the store as another system knows them, too (spec 06.3).

Read only and piece by piece along an index, so that no statement looks at more than ``PIECE`` rows however large the store and
however little of it is shared with who asks.  Who reads hands in how, and what else is done between two pieces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from adapters.reconciliation import PIECE, Row
from adapters.store import tables as t
from adapters.store.sql import Dialect

Run = Callable[[str, Sequence[Any]], Sequence[Sequence[Any]]]
"""Every row of one statement."""


class Books:
    """The rows by pair."""

    def __init__(self, engine_name: str, run: Run) -> None:
        self._mark = Dialect(engine_name).mark
        self._run = run
        self._pairs = {"CRM-PF": self._orders, "CRM-RM": self._resources, "CRM-BILL": self._facts}

    def rows(self, pair: str, peer: str, area: str, begin: int, end: int) -> Iterator[list[Row]]:
        """Rows shared with ``peer``, a statement each; ms, ``end`` excluded. Orders count by when they were captured, charging
        facts by when they take effect, resources as they stand: a stock, which no span cuts."""
        return self._pairs[pair](peer, area, begin, end)

    def under_way(self, peer: str) -> Iterator[list[str]]:
        """What messages that are not answered yet may still explain: the keys of their orders, and their serials."""
        mark = self._mark
        sql = (
            f"SELECT id, order_key, serial FROM message WHERE peer = {mark} AND {t.OPEN_OUT} AND id > {mark} "
            f"ORDER BY id LIMIT {PIECE}"
        )
        last = -1
        while found := self._run(sql, (peer, last)):
            last = found[-1][0]
            yield [str(name) for _, *names in found for name in names if name is not None]

    def _along(self, table: str, column: str, where: str, columns: str, begin: int, end: int) -> Iterator[Any]:
        """Pieces of ``table`` by ``column`` and id, through the partial index of what is shared at all (``where``)."""
        mark = self._mark
        sql = (
            f"SELECT {column}, id, area, {columns} FROM {table} WHERE {where} AND ({column}, id) > ({mark}, {mark}) "
            f"AND {column} < {mark} ORDER BY {column}, id LIMIT {PIECE}"
        )
        at, name = begin, ""
        while found := self._run(sql, (at, name, end)):
            at, name = found[-1][:2]
            yield found

    def _orders(self, peer: str, area: str, begin: int, end: int) -> Iterator[list[Row]]:
        columns = "pf_system, state, version, ended_at"
        for found in self._along("service_order", "captured_at", t.DISPATCHED, columns, begin, end):
            yield [
                Row(key, state, version, finished=ended)
                for _, key, place, system, state, version, ended in found
                if (system, place) == (peer, area)
            ]

    def _facts(self, _peer: str, area: str, begin: int, end: int) -> Iterator[list[Row]]:
        columns = "serial, state, answered_at"
        for found in self._along("billing_record", "effective_at", t.TOLD, columns, begin, end):
            yield [Row(key, state, finished=answered) for _, _, place, key, state, answered in found if place == area]

    def _resources(self, _peer: str, area: str, _begin: int, _end: int) -> Iterator[list[Row]]:
        mark = self._mark
        shared = f"area = {mark} AND activated_at IS NOT NULL AND ended_at IS NULL"
        sql = (
            f"SELECT id, CASE WHEN {shared} THEN resources_json END FROM product_instance WHERE id > {mark} "
            f"ORDER BY id LIMIT {PIECE}"
        )
        last = ""
        while found := self._run(sql, (area, last)):
            last = found[-1][0]
            yield [
                Row(resource["res_inst_id"], "IN_USE")
                for _, resources in found
                if resources is not None
                for resource in json.loads(resources)
                if "res_inst_id" in resource
            ]
