"""SQL text built once per table and engine (libraries.md: precompiled text with tuples; architecture 4).

Only two things differ between SQLite and PostgreSQL here: the place holder and how a set of ids is handed over as one value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table

from adapters.store.mapping import Mapping


class Dialect:
    """The spelling of one engine: ``mark`` the place holder, ``in_set`` the condition "column is one of"."""

    def __init__(self, name: str) -> None:
        self.sqlite = name == "sqlite"
        self.mark = "?" if self.sqlite else "%s"

    def in_set(self, column: str) -> str:
        """A condition with one place holder that takes ``ids()`` of any size."""
        if self.sqlite:
            return f"{column} IN (SELECT value FROM json_each({self.mark}))"
        return f"{column} = ANY({self.mark})"

    def ids(self, values: Sequence[Any]) -> Any:
        """The value for ``in_set``."""
        return json.dumps(list(values)) if self.sqlite else list(values)

    @property
    def lock(self) -> str:
        """Row locks for what is going to be changed: SQLite has one writer anyway."""
        return "" if self.sqlite else " FOR UPDATE"


def insert_sql(table: Table, columns: Sequence[str], dialect: Dialect) -> str:
    """``INSERT`` of ``columns`` in that order."""
    marks = ", ".join([dialect.mark] * len(columns))
    return f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})"


class EntitySql:
    """The three statements of a mapping: load by ids, insert, update where the version still is what was loaded."""

    def __init__(self, mapping: Mapping, dialect: Dialect) -> None:
        self.mapping = mapping
        columns = ", ".join(mapping.columns)
        name = mapping.table.name
        self.load = f"SELECT {columns} FROM {name} WHERE {dialect.in_set(mapping.key)} ORDER BY {mapping.key}{dialect.lock}"
        self.insert = insert_sql(mapping.table, mapping.columns, dialect)
        changed = [c for c in mapping.columns if c != mapping.key]
        sets = ", ".join(f"{c} = {dialect.mark}" for c in changed)
        self.update = f"UPDATE {name} SET {sets} WHERE {mapping.key} = {dialect.mark} AND row_version = {dialect.mark}"
        self._key_at = mapping.columns.index(mapping.key)

    def update_row(self, row: tuple[Any, ...], version: int) -> tuple[Any, ...]:
        """The values of ``update`` for an entity row whose stored version is ``version``."""
        at = self._key_at
        return (*row[:at], *row[at + 1 :], row[at], version)
