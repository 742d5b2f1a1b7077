"""Heads of HTTP requests that were judged before (docs/decisions/017).

A client sends the same head with every request, but for the length of the body.  What twisted.web's parser and the site made of
those bytes once they would make of them again, so a head that is the same up to the digits of its Content-Length is not read a
second time.  Only heads that were accepted are known, none that says anything of Expect or Transfer-Encoding among them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from twisted.web.http_headers import Headers

MOST: Final = 256
"""Heads one site knows; beyond them the oldest is forgotten."""
LONGEST: Final = 4096
"""Bytes of a head worth keeping."""

_END: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\nContent-Length: ?([0-9]{1,9})\r\n", re.IGNORECASE)
_UNFIT: Final = (b"Expect", b"Transfer-Encoding")


@dataclass(frozen=True, slots=True)
class KnownHead:
    """What a head says: method, path with its query, headers without the length. Of HTTP/1.1, on a connection that stays."""

    method: bytes
    uri: bytes
    headers: Headers


class KnownHeads:
    """The heads one site has accepted, by their bytes before and behind the digits of the length."""

    def __init__(self) -> None:
        self._heads: dict[tuple[bytes, bytes], KnownHead] = {}

    def __len__(self) -> int:
        return len(self._heads)

    def recognise(self, data: bytes) -> tuple[KnownHead, int, int] | None:
        """The head that ``data`` begins with, how long it is, and how long the body is said to be; None for one not known."""
        parted = _parted(data)
        if parted is None:
            return None
        start, stop, end = parted
        head = self._heads.get((data[:start], data[stop:end]))
        return None if head is None else (head, end + len(_END), int(data[start:stop]))

    def remember(self, data: bytes, method: bytes, uri: bytes, headers: Headers) -> None:
        """A head that ``data`` begins with was accepted with this outcome."""
        parted = _parted(data)
        if parted is None or any(headers.hasHeader(name) for name in _UNFIT):
            return
        start, stop, end = parted
        kept = headers.copy()
        kept.removeHeader(b"Content-Length")
        if len(self._heads) >= MOST:
            del self._heads[next(iter(self._heads))]
        self._heads[data[:start], data[stop:end]] = KnownHead(method, uri, kept)


def _parted(data: bytes) -> tuple[int, int, int] | None:
    """Where in the head that ``data`` begins with the digits of the length begin and end, and where it ends itself."""
    end = data.find(_END, 0, LONGEST)
    found = _LENGTH.search(data, 0, end + 2) if end > 0 else None
    return None if found is None else (*found.span(1), end)
