"""Reconciliation 对账: the rows two systems hold against each other, their totals, digest and differences (spec 02.1, 06.3).

Both sides build rows from facts both know, so equal ledgers give equal digests.  When a row was finished is told, not digested:
each side has its own clock.  A ledger may be as long as a store: it is taken, brought in order and compared in pieces, so that
who has other work to do can do it in between.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from heapq import merge
from itertools import groupby, islice
from operator import attrgetter, itemgetter
from typing import Any

from adapters.wire.times import from_wire_time, wire_time

PAIRS = {"PF": "CRM-PF", "RM": "CRM-RM", "BILL": "CRM-BILL"}
"""The pair that concerns a role and the CRM."""
PAGE = 1000
"""Rows of a page, at most and where none is asked for."""
PIECE = 200
"""Rows worked on at a time: some milliseconds."""
TOLERANCE_MS = 300_000
"""How far apart two systems may say a row was finished."""
_DAY_MS = 86_400_000
EVERYTHING = "ALL"
"""Name of the total over all rows; each state has one of its own."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a ledger: ``finished`` ms, ``amount`` fen; ``digest`` the peer's word for a row that came over the wire."""

    key: str
    state: str
    version: int = 1
    finished: int | None = None
    amount: int | None = None
    digest: str = ""

    @property
    def hash(self) -> str:
        """SHA-256 over what both sides know alike."""
        amount = "" if self.amount is None else str(self.amount)
        return self.digest or hashlib.sha256(f"{self.key}|{self.version}|{self.state}|{amount}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Difference:
    """Two rows of one key that do not agree: ``kind`` as 06.3 classes it; left ours, right the peer's."""

    key: str
    kind: str
    left: Row | None
    right: Row | None


def span(scope: Mapping[str, Any]) -> tuple[int, int]:
    """Begin and end (ms, end excluded) of a ``ReconcileScope``. Raises ValueError on no such day or instant."""
    if "window" in scope:
        return from_wire_time(scope["window"]["begin"]), from_wire_time(scope["window"]["end"])
    begin = from_wire_time(f"{scope['logical_day']}000000")
    return begin, begin + _DAY_MS


_by_key = attrgetter("key")


class Ledger:
    """One side: rows are taken as they come, settled once, then stand in key order under their ``digest``."""

    __slots__ = ("_amounts", "_counts", "_runs", "digest", "rows")

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.digest = ""
        self._runs: list[list[Row]] = []
        self._counts = Counter[str]()
        self._amounts = Counter[str]()

    def take(self, rows: Iterable[Row]) -> int:
        """Some more rows, in any order; how many."""
        run = sorted(rows, key=_by_key)
        self._runs.append(run)
        for row in run:
            self._counts[row.state] += 1
            self._amounts[row.state] += row.amount or 0
        return len(run)

    def settle(self) -> Iterator[None]:
        """Brings what was taken into key order and digests it (SHA-256 over the rows' hashes), ``PIECE`` rows a step."""
        hashed, ordered = hashlib.sha256(), merge(*self._runs, key=_by_key)
        while piece := list(islice(ordered, PIECE)):
            self.rows += piece
            hashed.update("".join(row.hash for row in piece).encode())
            yield
        self._runs.clear()
        self.digest = hashed.hexdigest()

    def totals(self) -> list[dict[str, Any]]:
        """Over all rows, then by state."""
        counts, amounts = self._counts, self._amounts
        totals = [{"name": EVERYTHING, "count": counts.total(), "amount": amounts.total()}]
        return totals + [{"name": state, "count": counts[state], "amount": amounts[state]} for state in sorted(counts)]


def ledger(rows: Iterable[Row]) -> Ledger:
    """A settled ledger of rows that are at hand."""
    made = Ledger()
    made.take(rows)
    for _ in made.settle():
        pass
    return made


def summary(scope: Mapping[str, Any], own: Ledger) -> dict[str, Any]:
    """The answer to RX01."""
    asked = {name: scope[name] for name in ("pair", "area", "logical_day", "window") if name in scope}
    return asked | {"totals": own.totals(), "digest": own.digest}


def detail(asked: Mapping[str, Any], own: Ledger) -> dict[str, Any]:
    """The answer to RX02: one page, in key order."""
    number, size = asked.get("page_no", 1), asked.get("page_size", PAGE)
    shown = own.rows[(number - 1) * size : number * size]
    page = {"page_no": number, "page_size": size, "total_count": len(own.rows)}
    return ({"rows": [_told(row) for row in shown]} if shown else {}) | {"page": page}


def answer(element: str, body: Mapping[str, Any], own: Ledger) -> dict[str, Any]:
    """The answer to either, by the name of its element."""
    return summary(body, own) if element == "ReconcileSummary" else detail(body, own)


def heard(body: Mapping[str, Any]) -> list[Row]:
    """The rows of an answer to RX02."""
    return [
        Row(row["key"], row["state"], row["version"], _instant(row.get("finish_time")), row.get("amount"), row["hash"])
        for row in body.get("rows", ())
    ]


def compare(left: Ledger, right: Ledger) -> Iterator[list[Difference]]:
    """What does not agree, in key order, at each step of some ``PIECE`` rows; a row may differ in more than one way (06.3)."""
    found: list[Difference] = []
    looked = 0
    both = merge(_on_side(0, left), _on_side(1, right), key=itemgetter(0, 1))
    for key, group in groupby(both, key=itemgetter(0)):
        mine: list[Row] = []
        theirs: list[Row] = []
        for _, side, row in group:
            (theirs if side else mine).append(row)
        found += _differences(key, mine, theirs)
        looked += len(mine) + len(theirs)
        if looked >= PIECE:
            yield found
            found, looked = [], 0
    yield found


def _on_side(side: int, own: Ledger) -> Iterator[tuple[str, int, Row]]:
    return ((row.key, side, row) for row in own.rows)


def _differences(key: str, mine: list[Row], theirs: list[Row]) -> list[Difference]:
    one, other = mine[-1] if mine else None, theirs[-1] if theirs else None
    found = [Difference(key, "duplicate", one, other) for side in (mine, theirs) if len(side) > 1]
    if one is None or other is None:
        return [*found, Difference(key, "only_right" if one is None else "only_left", one, other)]
    return found + [Difference(key, kind, one, other) for kind in _kinds(one, other)]


def _kinds(one: Row, other: Row) -> list[str]:
    pairs = (("state", one.state, other.state), ("version", one.version, other.version), ("amount", one.amount, other.amount))
    kinds = [kind for kind, here, there in pairs if here != there]
    if one.finished is not None and other.finished is not None and abs(one.finished - other.finished) > TOLERANCE_MS:
        kinds.append("time")
    return kinds or (["hash"] if one.hash != other.hash else [])


def _told(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {"key": row.key, "version": row.version, "state": row.state, "hash": row.hash}
    told |= {} if row.finished is None else {"finish_time": wire_time(row.finished)}
    return told | ({} if row.amount is None else {"amount": row.amount})


def _instant(text: str | None) -> int | None:
    return None if text is None else from_wire_time(text)
