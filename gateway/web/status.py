"""Status lines and the beginnings of answers, and what a Retry-After says (spec 01.3, 01.4, 06.1; RFC 9110)."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import lru_cache

from twisted.web import http

MOST_PAUSE_S = 3600
"""A peer that asks for more is asked again after this long all the same."""
_MOST_DIGITS = 9

_PHRASES = {
    400: "Bad Request", 408: "Request Timeout", 413: "Content Too Large", 417: "Expectation Failed",
    431: "Request Header Fields Too Large", 429: "Too Many Requests", 415: "Unsupported Media Type",
}  # fmt: skip


def _status_line(status: int) -> bytes:
    """``HTTP/1.1 200 OK`` and the like, with its line end."""
    phrase = _PHRASES.get(status) or http.RESPONSES.get(status, b"Unknown").decode("ascii")
    return f"HTTP/1.1 {status} {phrase}\r\n".encode()


@lru_cache(maxsize=256)
def answer_head(status: int, media: str, headers: tuple[tuple[str, str], ...], *, close: bool) -> bytes:
    """The status line and header lines of an answer but for those of its length; ``close`` says that the connection ends.

    Kept: nearly all answers begin alike.
    """
    lines = [f"Content-Type: {media}"] if media else []
    lines += [f"{name}: {value}" for name, value in headers]
    if close:
        lines.append("Connection: close")
    return _status_line(status) + b"".join(f"{line}\r\n".encode() for line in lines)


def retry_after(value: bytes, now: int) -> int:
    """Milliseconds from ``now`` (ms) until a Retry-After, seconds or an HTTP date (RFC 9110 10.2.3), at most an hour; 0 for one
    that is past or says nothing."""
    text = value.strip().decode("latin-1")
    if text.isascii() and text.isdigit():
        wait = int(text) * 1000 if len(text) <= _MOST_DIGITS else MOST_PAUSE_S * 1000
    else:
        try:
            told = parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            return 0
        wait = int((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * 1000) - now
    return min(max(wait, 0), MOST_PAUSE_S * 1000)
