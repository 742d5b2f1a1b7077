"""The writer's own connection, straight at the driver (libraries.md: statement text built once, rows as tuples).

A statement through SQLAlchemy's execution costs more than SQLite takes for a small group; engine, pool, pragmas, tables and
migrations stay SQLAlchemy's.  Whatever the driver raises comes out as ``StoreFault`` with the kind the writer acts on.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any, Final, Literal

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

FaultKind = Literal["locked", "storage", "data"]

_SQLITE_LOCKED: Final = (5, 6)
"""SQLITE_BUSY, SQLITE_LOCKED: somebody else writes; try again soon."""
_SQLITE_STORAGE: Final = (8, 10, 11, 13, 14, 26)
"""READONLY, IOERR, CORRUPT, FULL, CANTOPEN, NOTADB: nobody's row is to blame."""
_PG_LOCKED: Final = ("40001", "40P01", "55P03")
_PG_STORAGE: Final = ("08", "53", "57", "58")
"""Connection exceptions, insufficient resources, operator intervention, system errors."""


class StoreFault(Exception):
    """The database said no: ``locked`` (try again), ``storage`` (full, read-only, unreachable), ``data`` (somebody's row)."""

    def __init__(self, kind: FaultKind, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class CommitUnderWay(Exception):
    """What is asked for has to be read behind a COMMIT of another thread: nobody waits for the disk here, ask again later."""


class Driver:
    """One driver connection and its cursor; one statement at a time, whichever thread asks."""

    def __init__(self, engine: Engine) -> None:
        self._sqlite = engine.dialect.name == "sqlite"
        self._errors: Any = engine.dialect.loaded_dbapi.Error
        self._lost = False
        try:
            self._connection: Any = engine.raw_connection()
        except (SQLAlchemyError, self._errors) as error:  # the driver's own ones come from here as they are
            raise StoreFault("storage", _said(error)) from error
        self._cursor: Any = self._connection.cursor()
        self._turn = Lock()

    def begin(self) -> None:
        """Opens a transaction; SQLite takes its write lock now or fails now, PostgreSQL begins with the first statement."""
        if self._sqlite:
            self.all("BEGIN IMMEDIATE")

    def probe(self) -> None:
        """Whether the database answers at all."""
        self.all("SELECT 1")

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Every row of one statement. Raises ``CommitUnderWay`` where it would have to wait."""
        if not self._turn.acquire(blocking=False):
            raise CommitUnderWay(sql)
        try:
            self._cursor.execute(sql, values)
            return self._cursor.fetchall() if self._cursor.description is not None else []
        except self._errors as error:
            raise self._fault(error) from error
        finally:
            self._turn.release()

    def many(self, sql: str, rows: list[tuple[Any, ...]]) -> int:
        """One executemany; how many rows were hit."""
        try:
            with self._turn:
                self._cursor.executemany(sql, rows)
                hit: int = self._cursor.rowcount
        except self._errors as error:
            raise self._fault(error) from error
        return hit

    def commit(self) -> None:
        """Durable when it returns."""
        try:
            with self._turn:
                self._connection.commit()
        except self._errors as error:
            raise self._fault(error) from error

    def rollback(self) -> None:
        """Back to the last commit; a connection that cannot even do that is the caller's to drop."""
        try:
            with self._turn:
                self._connection.rollback()
        except self._errors as error:
            self._lost = not self._sqlite
            raise self._fault(error) from error

    def close(self) -> None:
        """Gives the connection back to its pool; one whose server has gone is of no use to anybody."""
        if self._lost:
            self._connection.invalidate()
        self._connection.close()

    def _fault(self, error: Exception) -> StoreFault:
        kind = self._kind(error)
        self._lost = self._lost or (kind == "storage" and not self._sqlite)
        return StoreFault(kind, _said(error))

    def _kind(self, error: Exception) -> FaultKind:
        if self._sqlite:
            code = getattr(error, "sqlite_errorcode", None)
            primary = None if code is None else code & 0xFF
            return "locked" if primary in _SQLITE_LOCKED else "storage" if primary in _SQLITE_STORAGE else "data"
        state = getattr(error, "sqlstate", None)
        if state is None:
            # psycopg's own errors without a server's verdict: the connection is broken
            return "storage" if type(error).__name__ in ("OperationalError", "InterfaceError") else "data"
        return "locked" if state in _PG_LOCKED else "storage" if state[:2] in _PG_STORAGE else "data"


def _said(error: Exception) -> str:
    """What the driver says, in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
