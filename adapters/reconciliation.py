"""Reconciliation 对账: the rows two systems hold against each other, their totals, digest and differences (spec 02.1, 06.3).

Both sides build rows from facts both know, so equal ledgers give equal digests.  When a row was finished is told, not digested:
each side has its own clock.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.wire.times import from_wire_time, wire_time

PAIRS = {"PF": "CRM-PF", "RM": "CRM-RM", "BILL": "CRM-BILL"}
"""The pair that concerns a role and the CRM."""
PAGE = 1000
"""Rows of a page, at most and where none is asked for."""
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


def digest(rows: Iterable[Row]) -> str:
    """SHA-256 over the rows' hashes in key order."""
    return hashlib.sha256("".join(row.hash for row in _ordered(rows)).encode()).hexdigest()


def summary(scope: Mapping[str, Any], rows: list[Row]) -> dict[str, Any]:
    """The answer to RX01."""
    counts, amounts = Counter(row.state for row in rows), Counter[str]()
    for row in rows:
        amounts[row.state] += row.amount or 0
    totals = [{"name": EVERYTHING, "count": len(rows), "amount": sum(amounts.values())}]
    totals += [{"name": state, "count": counts[state], "amount": amounts[state]} for state in sorted(counts)]
    asked = {name: scope[name] for name in ("pair", "area", "logical_day", "window") if name in scope}
    return asked | {"totals": totals, "digest": digest(rows)}


def detail(asked: Mapping[str, Any], rows: list[Row]) -> dict[str, Any]:
    """The answer to RX02: one page, in key order."""
    number, size = asked.get("page_no", 1), asked.get("page_size", PAGE)
    shown = _ordered(rows)[(number - 1) * size : number * size]
    page = {"page_no": number, "page_size": size, "total_count": len(rows)}
    return ({"rows": [_told(row) for row in shown]} if shown else {}) | {"page": page}


def answer(element: str, body: Mapping[str, Any], rows: list[Row]) -> dict[str, Any]:
    """The answer to either, by the name of its element."""
    return summary(body, rows) if element == "ReconcileSummary" else detail(body, rows)


def heard(body: Mapping[str, Any]) -> list[Row]:
    """The rows of an answer to RX02."""
    return [
        Row(row["key"], row["state"], row["version"], _instant(row.get("finish_time")), row.get("amount"), row["hash"])
        for row in body.get("rows", ())
    ]


def compare(left: list[Row], right: list[Row]) -> list[Difference]:
    """What does not agree, by key; a row may differ in more than one way (06.3)."""
    found: list[Difference] = []
    mine, theirs = {row.key: row for row in left}, {row.key: row for row in right}
    for side in (left, right):
        repeated = sorted(key for key, count in Counter(row.key for row in side).items() if count > 1)
        found += [Difference(key, "duplicate", mine.get(key), theirs.get(key)) for key in repeated]
    for key in sorted({*mine, *theirs}):
        one, other = mine.get(key), theirs.get(key)
        if one is None or other is None:
            found.append(Difference(key, "only_right" if one is None else "only_left", one, other))
        else:
            found += [Difference(key, kind, one, other) for kind in _kinds(one, other)]
    return found


def _kinds(one: Row, other: Row) -> list[str]:
    pairs = (("state", one.state, other.state), ("version", one.version, other.version), ("amount", one.amount, other.amount))
    kinds = [kind for kind, here, there in pairs if here != there]
    if one.finished is not None and other.finished is not None and abs(one.finished - other.finished) > TOLERANCE_MS:
        kinds.append("time")
    return kinds or (["hash"] if one.hash != other.hash else [])


def _ordered(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row.key)


def _told(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {"key": row.key, "version": row.version, "state": row.state, "hash": row.hash}
    told |= {} if row.finished is None else {"finish_time": wire_time(row.finished)}
    return told | ({} if row.amount is None else {"amount": row.amount})


def _instant(text: str | None) -> int | None:
    return None if text is None else from_wire_time(text)
