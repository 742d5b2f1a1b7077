"""Status lines and the beginnings of answers (spec 01.3, 01.4)."""

from __future__ import annotations

from functools import lru_cache

from twisted.web import http

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
