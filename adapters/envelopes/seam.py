"""What every envelope can do, whichever its row and shape."""

from __future__ import annotations

from typing import Any, Protocol

from adapters.document import Document, Header
from adapters.xml.charset import Found


class Envelope(Protocol):
    """What an envelope can do; raises and meanings as ``Codec.decode``, ``Codec.decode_reading``, ``Codec.encode``."""

    def decode(self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None) -> Document:
        """Bytes -> document. What a foreign envelope cannot say is taken from ``expect`` (the packet's header)."""

    def decode_reading(
        self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None
    ) -> tuple[Document, Found]:
        """Bytes -> document, and how the charset was found."""

    def decode_answer(self, raw: bytes, charset: str | None, asked: Header) -> Document:
        """Bytes of the answer to the message with header ``asked``: some envelopes' answers do not say what they answer."""

    def encode(self, document: Document, charset: str) -> bytes:
        """Document -> bytes."""

    def quick_header(self, raw: bytes, charset: str | None = None) -> Header | None:
        """Best effort: the header as far as it can be read, with a result code if it is an answer's; None if it cannot."""

    def serial_of(self, serial: str) -> str:
        """A serial of ours as it stands in this envelope (narrower where the envelope is)."""

    def full_serials(self, serial: str, own: str) -> tuple[str, str, str] | None:
        """Which serials of ``own`` may stand as ``serial`` here: from, to, last places; None where it is the serial itself."""
