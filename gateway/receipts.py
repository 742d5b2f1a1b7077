"""Receipts without faults, which are most of what leaves, written from templates (libraries.md, hot path).

The codec writes a receipt once with marks where the values go; from then on only the values are put in.  A value that would
need escaping or another charset than ASCII is left to the codec.
"""

from __future__ import annotations

import re

from adapters.document import Header

MARKED = ("code", "serial", "receiver", "area", "send_time")
"""Header values that differ from receipt to receipt, in the order of their marks; details follow."""

_PLAIN = re.compile(r"[A-Za-z0-9_.:/ -]*")
_MARK = re.compile(rb"@([0-9]+)@")


class ReceiptTemplate:
    """One kind of receipt: symbol, state, names of details, charset, version and mode are fixed."""

    __slots__ = ("_literals", "_order")

    def __init__(self, written: bytes, count: int) -> None:
        pieces = _MARK.split(written)
        self._literals = pieces[::2]
        self._order = [int(at) for at in pieces[1::2]]
        if sorted(self._order) != list(range(count)):
            raise ValueError("a mark is missing or stands twice in a receipt template")

    def fill(self, header: Header, send_time: str, details: list[str]) -> bytes | None:
        """The receipt to the message with ``header``; None if a value is not plain."""
        values = [header.code, header.serial, header.sender, header.area, send_time, *details]
        if _PLAIN.fullmatch("".join(values)) is None:
            return None
        parts = [self._literals[0]]
        for literal, at in zip(self._literals[1:], self._order, strict=True):
            parts.append(values[at].encode())
            parts.append(literal)
        return b"".join(parts)
