"""What an HTTP status says where no document came with it: a result code and words with what to do (spec 01.4, 06.1)."""

from __future__ import annotations

from dataclasses import dataclass
from http.client import responses

from adapters.document import Header
from adapters.soap.answers import receipt_of
from adapters.xml.codec import Codec
from schemas.loader import Catalogue
from schemas.model import CodeRow

_LOCATION_MOST = 200
_REFUSED_FROM = 400


@dataclass(frozen=True, slots=True)
class Bare:
    """The head of an answer: its status, where we asked (a URL without its query, which may hold a key), and where it says to
    go instead."""

    status: int
    url: str
    location: str = ""


class BareAnswers:
    """The code table ``http_answers``: a row a status, and one for the rest of each hundred."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._rows = catalogue.table("http_answers").rows

    def _row(self, status: int) -> CodeRow:
        hundred = f"{min(max(status // 100, 3), 5)}xx"
        return self._rows.get(str(status)) or self._rows[hundred]

    def words(self, bare: Bare) -> tuple[str, str]:
        """What happened and what to do about it, Chinese and English."""
        row, name = self._row(bare.status), responses.get(bare.status, "")
        elsewhere = f" → {bare.location[:_LOCATION_MOST]}" if bare.location and bare.status < _REFUSED_FROM else ""
        status = f"HTTP {bare.status} {name}".rstrip() + elsewhere
        zh = f"{bare.url} 以 {status} 应答，没有报文：{row.zh}"
        return zh, f"{status} without a readable answer from {bare.url}: {row.en}"

    def receipt(self, codec: Codec, asked: Header, bare: Bare) -> bytes:
        """The Package that says so to whoever sent the message with the header ``asked``."""
        zh, en = self.words(bare)
        return receipt_of(codec, asked, str(self._row(bare.status).extra["result"]), f"{zh} / {en}")
