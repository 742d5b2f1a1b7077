"""The seam between envelopes and everything else: bytes -> document, document -> bytes, chosen by the peer row's name.

The native ``package`` is the codec itself.  Another envelope (spec 01.2) reads and writes its own frame and hands the body
to ``Codec.decode_body`` and ``Codec.body_text``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from adapters.document import Document
from adapters.xml.charset import Reading
from adapters.xml.codec import Codec


class Envelope(Protocol):
    """What an envelope can do; raises and meanings as ``Codec.decode``, ``Codec.decode_reading``, ``Codec.encode``."""

    def decode(self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None) -> Document:
        """Bytes -> document."""

    def decode_reading(
        self, raw: bytes, charset: str | None = None, expect: dict[str, Any] | None = None
    ) -> tuple[Document, Reading]:
        """Bytes -> document, and how the charset was found."""

    def encode(self, document: Document, charset: str) -> bytes:
        """Document -> bytes."""


def _package(codec: Codec) -> Envelope:
    return codec


_MAKERS: dict[str, Callable[[Codec], Envelope]] = {"package": _package}


def envelope(codec: Codec, name: str) -> Envelope:
    """The envelope of a peer row by the row's name (``schemas/envelopes``). Raises LookupError."""
    row = codec.catalogue.envelope(name)
    return _MAKERS[row.name](codec)
