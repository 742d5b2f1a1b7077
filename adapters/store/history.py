"""The append-only history: one hash chain a writer, so that an edit, a deletion or a swap shows (message-store.md, spec 08.4).

Every link is SHA-256 over the link before and the entry as canonical JSON.  Orders and messages share the chain: what happened
to one can be proven against what happened to the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import orjson

GENESIS = b"\x00" * 32

COLUMNS = (
    "chain", "seq", "at", "subject", "subject_id", "input", "state_from", "state_to", "actor", "serial", "detail", "hash",
)  # fmt: skip

class Chain:
    """The head of one writer's chain; ``append`` returns a full row of table ``history``."""

    def __init__(self, number: int, seq: int, head: bytes) -> None:
        self.number = number
        self.seq = seq
        self.head = head

    def append(self, entry: tuple[Any, ...]) -> tuple[Any, ...]:
        """``entry`` holds the columns from ``at`` to ``detail``."""
        self.seq += 1
        self.head = link(self.head, self.seq, entry)
        return (self.number, self.seq, *entry, self.head)


def link(previous: bytes, seq: int, entry: tuple[Any, ...]) -> bytes:
    """The hash of an entry behind ``previous``."""
    return hashlib.sha256(previous + orjson.dumps((seq, *entry))).digest()


def broken_links(rows: Iterable[tuple[Any, ...]]) -> list[int]:
    """Sequence numbers at which a chain (rows in order of ``seq``, columns as ``COLUMNS``) does not hold."""
    broken: list[int] = []
    head, expected = GENESIS, 1
    for row in rows:
        seq, entry, stored = row[1], tuple(row[2:-1]), bytes(row[-1])
        if seq != expected or link(head, seq, entry) != stored:
            broken.append(seq)
        head, expected = stored, seq + 1
    return broken
