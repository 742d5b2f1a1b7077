"""Wire times (``yyyyMMddHHmmss`` in Asia/Shanghai, or xs:dateTime) to milliseconds since epoch UTC and back (spec 02, 01.1.1).

China has one time zone and no daylight saving, so the offset is a number.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from crm_core.errors import DomainError

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
DAY_MS = 86_400_000
_OFFSET_MS = 28_800_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)


def to_wire(ms: int) -> str:
    """``yyyyMMddHHmmss`` in Asia/Shanghai."""
    return _second_to_wire(ms // 1000)


@lru_cache(maxsize=1024)
def _second_to_wire(second: int) -> str:
    return datetime.fromtimestamp(second, SHANGHAI).strftime("%Y%m%d%H%M%S")


@lru_cache(maxsize=4096)
def from_wire(text: str) -> int:
    """Milliseconds of a compact or ISO date and time; without a zone it is Shanghai's. Raises ``DomainError`` DATE_INVALID."""
    try:
        if len(text) == 14 and text.isdecimal():
            moment = datetime(
                int(text[:4]), int(text[4:6]), int(text[6:8]), int(text[8:10]), int(text[10:12]), int(text[12:14]),
                tzinfo=SHANGHAI,
            )  # fmt: skip
        else:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=SHANGHAI)
        return (moment - _EPOCH) // _MS
    except (ValueError, OverflowError):
        raise DomainError(f"日期 {text} 无效", f"{text} is no valid date", code="DATE_INVALID") from None


def optional(text: str | None) -> int | None:
    """``from_wire`` of what may be absent."""
    return None if text is None else from_wire(text)


def day_start(ms: int) -> int:
    """The midnight in Shanghai that began the day of ``ms``."""
    return (ms + _OFFSET_MS) // DAY_MS * DAY_MS - _OFFSET_MS
