"""Instants on the wire: ``yyyyMMddHHmmss`` in Asia/Shanghai, one time zone and no daylight saving (spec 01.1.1)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")

_NUMBERS = 10**10
"""As many as the digits hold; by then the time before them is another."""

_last: list[tuple[int, str]] = [(-1, "")]


def wire_time(ms: int) -> str:
    """The wire form of an instant in ms since epoch; the last second is remembered, most calls ask for it again."""
    second = ms // 1000
    known, text = _last[0]
    if known != second:
        text = datetime.fromtimestamp(second, SHANGHAI).strftime("%Y%m%d%H%M%S")
        _last[0] = (second, text)
    return text


def own_serial(system: str, ms: int, number: int) -> str:
    """A serial: system, time, and ten digits of a counter that begins anew when they are used up (01.1.1)."""
    return f"{system}{wire_time(ms)}{number % _NUMBERS:010d}"


def from_wire_time(text: str) -> int:
    """Milliseconds since epoch of ``yyyyMMddHHmmss`` or of an xs:dateTime; raises ``ValueError`` on no such instant."""
    if len(text) == 14 and text.isascii() and text.isdigit():
        moment = datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI)
    else:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=SHANGHAI)
    return int(moment.timestamp()) * 1000
