"""Instants as they travel: ``yyyyMMddHHmmss`` in Asia/Shanghai, which has no daylight saving (spec 01.1.1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


def wire_time(ms: int) -> str:
    """``yyyyMMddHHmmss`` in Asia/Shanghai of an instant in ms."""
    return datetime.fromtimestamp(ms / 1000, SHANGHAI).strftime("%Y%m%d%H%M%S")


def from_wire(text: str) -> int:
    """The instant in ms of a ``DateTime`` (02, common types): ``yyyyMMddHHmmss`` or xs:dateTime; no zone: Shanghai.

    Raises ValueError when the text is neither.
    """
    if len(text) == 14 and text.isdigit():
        return int(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=SHANGHAI).timestamp() * 1000)
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        found = found.replace(tzinfo=SHANGHAI)
    return int(found.astimezone(UTC).timestamp() * 1000)
