"""SQL text built once per table and engine (libraries.md: precompiled text with tuples; architecture 4).

Only two things differ between SQLite and PostgreSQL here: the place holder and how a set of ids is handed over as one value.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Boolean, Table

from adapters.store.mapping import Json, Mapping, packed, texts


class Dialect:
    """The spelling of one engine: ``mark`` the place holder, ``in_set`` the condition "column is one of"."""

    def __init__(self, name: str) -> None:
        self.sqlite = name == "sqlite"
        self.mark = "?" if self.sqlite else "%s"
        self.json: Json = packed if self.sqlite else texts
        """What writes values of JSON columns; ``mark_of`` has the place for one."""

    def mark_of(self, column: str) -> str:
        """The place holder for a value of a column."""
        return "CAST(? AS TEXT)" if self.sqlite and column.endswith("_json") else self.mark

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


class Insert:
    """``INSERT`` into a table that hands over only what says something.

    A row has many columns that are filled only late in its life. Where a column holds the same nothing in all rows of a set, it
    is left out (NULL) or the nothing stands in the statement (zero, false, an empty text or list): handing a value over
    costs the driver more than storing it.
    """

    def __init__(self, table: Table, columns: Sequence[str], dialect: Dialect) -> None:
        self._table = table
        self._columns = tuple(columns)
        self._marks = tuple([dialect.mark_of(name) for name in columns])
        falsehood = _NOTHING if dialect.sqlite else {None: "NULL", False: "FALSE"}
        self._literals = tuple([falsehood if isinstance(table.c[name].type, Boolean) else _NOTHING for name in columns])
        self._texts: dict[tuple[str, ...], str] = {}

    def filled(self, rows: list[tuple[Any, ...]]) -> tuple[str, list[tuple[Any, ...]]]:
        """The statement for ``rows`` (values in the order of the columns) and what of the rows it asks for."""
        by_column = list(zip(*rows, strict=True))
        many = len(rows)
        places = tuple([
            literals[values[0]] if values[0] in literals and values.count(values[0]) == many else mark
            for mark, literals, values in zip(self._marks, self._literals, by_column, strict=True)
        ])  # fmt: skip
        text = self._texts.get(places)
        if text is None:
            text = self._texts[places] = self._text(places)
        said = [values for mark, place, values in zip(self._marks, places, by_column, strict=True) if place is mark]
        return text, list(zip(*said, strict=True))

    def _text(self, places: tuple[str, ...]) -> str:
        kept = [(name, place) for name, place in zip(self._columns, places, strict=True) if place != "NULL"]
        names, values = zip(*kept, strict=True)
        return f"INSERT INTO {self._table.name} ({', '.join(names)}) VALUES ({', '.join(values)})"


_NOTHING: Final[dict[Any, str]] = {None: "NULL", 0: "0", "": "''", "[]": "'[]'", "{}": "'{}'", b"[]": "'[]'", b"{}": "'{}'"}
"""What says nothing, as SQL; false is zero."""


class Update:
    """``UPDATE`` of what differs between entities as they were loaded and as they stand: most commands touch few columns."""

    def __init__(self, mapping: Mapping, where: Sequence[str], dialect: Dialect) -> None:
        self._mapping = mapping
        self._head = f"UPDATE {mapping.table.name} SET "
        self._dialect = dialect
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
            text = self._texts[touched] = self._text(touched)
        changed = [mapping.stored(at, after[at], self._dialect.json) for at in touched]
        return text, list(zip(*changed, *zip(*keys, strict=True), strict=True))

    def _text(self, touched: tuple[int, ...]) -> str:
        names = [self._mapping.columns[at] for at in touched]
        return self._head + ", ".join(f"{name} = {self._dialect.mark_of(name)}" for name in names) + self._tail


class EntitySql:
    """The three statements of a mapping: load by ids, insert, update where the version still is what was loaded."""

    def __init__(self, mapping: Mapping, dialect: Dialect) -> None:
        columns = ", ".join(mapping.columns)
        name = mapping.table.name
        self.load = f"SELECT {columns} FROM {name} WHERE {dialect.in_set(mapping.key)} ORDER BY {mapping.key}{dialect.lock}"
        self.insert = Insert(mapping.table, mapping.columns, dialect)
        self.update = Update(mapping, (mapping.key, "row_version"), dialect)
