"""Our ledgers as peers and people ask for them, read beside the worker (spec 02.1, 06.3).

The rows of a page further on are those the first page was taken of, as long as that is not too long ago: else rows would move
from page to page while they are asked for, and every page would read the whole selection again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.engine import Engine

from adapters.reconciliation import Ledger, span
from adapters.store.engine import reading
from adapters.store.reconcile_queries import Books
from gateway.clock import Clock
from gateway.steps import Steps

KEPT_S = 60.0
"""How long a ledger waits to be asked for its next page."""
KEPT_ROWS = 200_000
"""Rows of all ledgers that wait; the newest waits however long it is."""

MOST_WAITING = 32
"""Ledgers that may wait to be read; who asks for one more is told to come again."""

Selection = tuple[str, str, str, int, int]
"""Pair, peer, area, begin and end."""


def selection(peer: str, scope: Mapping[str, Any]) -> Selection:
    """What a ``ReconcileScope`` selects for a peer. Raises ValueError on no such day or instant."""
    return scope["pair"], peer, scope["area"], *span(scope)


class LedgersBusy(Exception):
    """Too many ledgers wait to be read."""


class Ledgers:
    """Reads on connections of its own, in steps of some milliseconds, one ledger after the other."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.steps = Steps(clock)
        self._clock = clock
        self._engine = reading(engine)
        self._kept: dict[Selection, Ledger] = {}

    def books(self) -> Books:
        """Our side; each statement is a transaction of its own."""

        def run(sql: str, values: Sequence[Any]) -> Any:
            with self._engine.connect() as connection:
                return connection.exec_driver_sql(sql, tuple(values)).fetchall()

        return Books(self._engine.dialect.name, run)

    def reading(self, which: Selection, into: Ledger) -> Iterator[None]:
        """A task: reads and settles. Raises SQLAlchemyError."""
        for rows in self.books().rows(*which):
            into.take(rows)
            yield
        yield from into.settle()

    def ask(self, which: Selection, page: int, done: Callable[[Ledger | None, Exception | None], None]) -> None:
        """The ledger for a page (the summary is its first), or why it cannot be read."""
        kept = self._kept.get(which) if page > 1 else None
        if kept is not None:
            done(kept, None)
            return
        if self.steps.waiting >= MOST_WAITING:
            done(None, LedgersBusy())
            return
        fresh = Ledger()

        def read(fault: Exception | None) -> None:
            if fault is None:
                self._keep(which, fresh)
                done(fresh, None)
            else:
                done(None, fault)

        self.steps.run(self.reading(which, fresh), read)

    def _keep(self, which: Selection, fresh: Ledger) -> None:
        kept = self._kept
        kept.pop(which, None)
        kept[which] = fresh
        while len(kept) > 1 and sum(len(one.rows) for one in kept.values()) > KEPT_ROWS:
            del kept[next(iter(kept))]
        self._clock.callLater(KEPT_S, self._forget, which, fresh)

    def _forget(self, which: Selection, old: Ledger) -> None:
        if self._kept.get(which) is old:
            del self._kept[which]
