"""Long lists travel as parts (spec 02): so many entries a part at most, and no more elements than a document may have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

ENTRIES = 1_000
ELEMENTS = 18_000
"""Below what a receiver's parser takes (hardening), with room for the head."""
T = TypeVar("T")


def parts(rows: list[T], body: Callable[[T], Any] | None = None) -> list[tuple[int, bool, list[T]]]:
    """A list as parts: number from 1, whether it is the last, its entries (an empty list is one empty part).

    ``body`` tells what an entry is on the wire, where that is not the entry itself.
    """
    chunks: list[list[T]] = [[]]
    weight = 0
    for row in rows:
        grows = elements(row if body is None else body(row))
        if len(chunks[-1]) == ENTRIES or (weight + grows > ELEMENTS and chunks[-1]):
            chunks.append([])
            weight = 0
        chunks[-1].append(row)
        weight += grows
    return [(n, n == len(chunks), chunk) for n, chunk in enumerate(chunks, 1)]


def elements(value: Any) -> int:
    """How many elements a value is on the wire, its own included."""
    if isinstance(value, dict):
        return 1 + sum(elements(inner) for inner in value.values())
    if isinstance(value, list):
        return 1 + sum(elements(inner) for inner in value)
    return 1
