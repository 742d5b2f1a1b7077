"""What arrived and how it was answered: a repeat gets the stored answer and has no second effect (spec 01.1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any


@dataclass(slots=True)
class Stored:
    """One document: digest of its bytes, the packet it was answered with, what became of it (applied or refused)."""

    digest: bytes
    answer: Any
    state: str


class Inbox:
    """By sender and serial; beyond ``limit`` the oldest are forgotten (then the business key finds repeats)."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._stored: dict[tuple[str, str], Stored] = {}
        self.repeats = 0

    def find(self, sender: str, serial: str) -> Stored | None:
        """What is known of this serial."""
        return self._stored.get((sender, serial))

    def keep(self, sender: str, serial: str, raw: bytes, answer: Any, state: str) -> None:
        """Remember the answer to a document."""
        if len(self._stored) >= self._limit:
            del self._stored[next(iter(self._stored))]
        self._stored[sender, serial] = Stored(digest(raw), answer, state)


def digest(raw: bytes) -> bytes:
    """Digest by which the same bytes are known again."""
    return sha256(raw).digest()
