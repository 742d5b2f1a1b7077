"""Whose fault it was: ours (LocalError) or the peer's (FramingFault); the manners of spec 01.1.3 rule 2."""

from __future__ import annotations

from adapters.wire.packet import Packet

BAD_LENGTH = "BAD_LENGTH"
"""Length, magic or another header field that makes the bytes no packet of this layout (1006)."""
TOO_LARGE = "TOO_LARGE"
"""A packet or document beyond its limit (1008)."""
BAD_CHECKSUM = "BAD_CHECKSUM"
"""The checksum is wrong, or blank where the peer row wants one (1007)."""
SEGMENT_SEQUENCE = "SEGMENT_SEQUENCE"
"""A gap, a repeat, a change of code or a missing rest among the segments of one serial (1010)."""

NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
"""A document before registration or login (2003)."""


class LocalError(ValueError):
    """We tried something this layout or session cannot do: a fault of ours, nothing was sent or changed."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(f"{zh} / {en}")
        self.zh = zh
        self.en = en


class FramingFault(Exception):
    """The peer's bytes are no acceptable packet.

    ``symbol`` names a row of the result-code table (spec 02.2).  ``packet`` is None when the stream is lost and the
    connection must close; else it is the one packet that is refused, and the stream behind it is still in step.
    """

    def __init__(self, symbol: str, reason_zh: str, reason_en: str, packet: Packet | None = None) -> None:
        super().__init__(f"{symbol}: {reason_zh} / {reason_en}")
        self.symbol = symbol
        self.reason_zh = reason_zh
        self.reason_en = reason_en
        self.packet = packet
