"""Our side of a reconciliation: rows of the store as another system knows them, too (spec 06.3).

Read only, by statements that select an area and a span of time; who reads hands in how (the writer's own connection, or one
beside it).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from adapters.reconciliation import Row
from adapters.store.sql import Dialect

Run = Callable[[str, Sequence[Any]], Sequence[Sequence[Any]]]
"""Every row of one statement."""


class Books:
    """The rows by pair."""

    def __init__(self, engine_name: str, run: Run) -> None:
        self._mark = Dialect(engine_name).mark
        self._run = run
        self._pairs = {"CRM-PF": self._orders, "CRM-RM": self._resources, "CRM-BILL": self._facts}

    def rows(self, pair: str, peer: str, area: str, begin: int, end: int) -> list[Row]:
        """Rows shared with ``peer``; ms, ``end`` excluded. Orders count by when they were captured, charging facts by when
        they take effect, resources as they stand: a stock, which no span cuts."""
        return self._pairs[pair](peer, area, begin, end)

    def under_way(self, peer: str) -> dict[str, None]:
        """What messages that are not answered yet may still explain: the keys of their orders, and their serials."""
        sql = (
            f"SELECT order_key, serial FROM message WHERE peer = {self._mark} AND direction = 'out' "
            "AND state IN ('READY', 'SENDING', 'RETRY', 'UNKNOWN')"
        )
        return {str(name): None for row in self._run(sql, (peer,)) for name in row if name is not None}

    def _orders(self, peer: str, area: str, begin: int, end: int) -> list[Row]:
        mark = self._mark
        sql = (
            f"SELECT id, state, version, ended_at FROM service_order WHERE pf_system = {mark} AND area = {mark} "
            f"AND captured_at >= {mark} AND captured_at < {mark} AND dispatched_at IS NOT NULL ORDER BY id"
        )
        found = self._run(sql, (peer, area, begin, end))
        return [Row(key, state, version, finished=ended) for key, state, version, ended in found]

    def _facts(self, _peer: str, area: str, begin: int, end: int) -> list[Row]:
        mark = self._mark
        sql = (
            f"SELECT serial, state, answered_at FROM billing_record WHERE area = {mark} AND effective_at >= {mark} "
            f"AND effective_at < {mark} AND serial <> '' ORDER BY serial"
        )
        found = self._run(sql, (area, begin, end))
        return [Row(key, state, finished=answered) for key, state, answered in found]

    def _resources(self, _peer: str, area: str, _begin: int, _end: int) -> list[Row]:
        sql = (
            f"SELECT resources_json FROM product_instance WHERE area = {self._mark} "
            "AND activated_at IS NOT NULL AND ended_at IS NULL ORDER BY id"
        )
        return [
            Row(resource["res_inst_id"], "IN_USE")
            for (resources,) in self._run(sql, (area,))
            for resource in json.loads(resources)
            if "res_inst_id" in resource
        ]
