"""The trace of a run: what crossed the wires and which states changed, with a digest to compare runs by.

A seed must replay in another process: two runs of one seed have the same digest under any ``PYTHONHASHSEED`` (spec 06.5).
The digest is taken over every line as it happens, so it costs no memory; the lines themselves are kept on request.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from hashlib import sha256

from gateway.clock import Clock


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened: ``at`` ms, ``kind`` (``wire``, ``state``, ``fault``...), ``text``, and bytes if it was a
    delivery."""

    at: int
    kind: str
    text: str
    data: bytes = b""


class Trace:
    """Lines in the order they happened. ``keep`` says how many of the newest are kept (``None``: all)."""

    def __init__(self, clock: Clock, keep: int | None = None) -> None:
        self._clock = clock
        self._hash = sha256()
        self.lines: deque[Line] = deque(maxlen=keep)
        self.count = 0

    def note(self, kind: str, text: str, data: bytes = b"") -> None:
        """Something happened now."""
        at = self._clock.now()
        self._hash.update(f"{at} {kind} {text} {len(data)}\n".encode())
        self._hash.update(data)
        self.count += 1
        self.lines.append(Line(at, kind, text, data))

    def wire(self, source: str, target: str, data: bytes) -> None:
        """Bytes were delivered from ``source`` to ``target`` (the network's tap)."""
        self.note("wire", f"{source} > {target}", data)

    def digest(self) -> str:
        """Hex SHA-256 over all lines so far."""
        return self._hash.hexdigest()
