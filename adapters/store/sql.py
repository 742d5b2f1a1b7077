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


class Insert:
    """``INSERT`` into a table, without the columns nobody in a set of rows has a value for.

    A row has many columns that are filled only late in its life, and handing a NULL over costs the driver more than a number.
    """

    def __init__(self, table: Table, columns: Sequence[str], dialect: Dialect) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._dialect = dialect
        self._texts: dict[tuple[int, ...], str] = {}

    def filled(self, rows: list[tuple[Any, ...]]) -> tuple[str, list[tuple[Any, ...]]]:
        """The statement for ``rows`` (values in the order of the columns) and the rows without what is NULL in all of them."""
        by_column = list(zip(*rows, strict=True))
        nothing = (None,) * len(rows)
        kept = tuple([at for at, values in enumerate(by_column) if values[0] is not None or values != nothing])
        text = self._texts.get(kept)
        if text is None:
            text = self._texts[kept] = insert_sql(self._table, [self._columns[at] for at in kept], self._dialect)
        if len(kept) == len(by_column):
            return text, rows
        return text, list(zip(*[by_column[at] for at in kept], strict=True))


class Update:
    """``UPDATE`` of what differs between entities as they were loaded and as they stand: most commands touch few columns."""

    def __init__(self, mapping: Mapping, where: Sequence[str], dialect: Dialect) -> None:
        self._mapping = mapping
        self._head = f"UPDATE {mapping.table.name} SET "
        self._mark = dialect.mark
        self._tail = " WHERE " + " AND ".join(f"{column} = {dialect.mark}" for column in where)
        self._texts: dict[tuple[int, ...], str] = {}

    def changed(self, pairs: list[tuple[Any, Any]], keys: list[tuple[Any, ...]]) -> tuple[str, list[tuple[Any, ...]]] | None:
        """The statement and its rows for pairs of (entity as loaded, entity as it stands): the columns in which any of them
        differs, then its key (values of ``where``). None if nothing differs."""
        mapping = self._mapping
        before = zip(*[mapping.values(base) for base, _ in pairs], strict=True)
        after = list(zip(*[mapping.values(entity) for _, entity in pairs], strict=True))
        touched = tuple([at for at, (old, new) in enumerate(zip(before, after, strict=True)) if old != new])
        if not touched:
            return None
        text = self._texts.get(touched)
        if text is None:
            sets = ", ".join(f"{mapping.columns[at]} = {self._mark}" for at in touched)
            text = self._texts[touched] = self._head + sets + self._tail
        return text, list(zip(*[mapping.stored(at, after[at]) for at in touched], *zip(*keys, strict=True), strict=True))


class EntitySql:
    """The three statements of a mapping: load by ids, insert, update where the version still is what was loaded."""

    def __init__(self, mapping: Mapping, dialect: Dialect) -> None:
        columns = ", ".join(mapping.columns)
        name = mapping.table.name
        self.load = f"SELECT {columns} FROM {name} WHERE {dialect.in_set(mapping.key)} ORDER BY {mapping.key}{dialect.lock}"
        self.insert = Insert(mapping.table, mapping.columns, dialect)
        self.update = Update(mapping, (mapping.key, "row_version"), dialect)
